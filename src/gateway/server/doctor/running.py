"""How the running service is: its store, its clock, its vendors and its endpoints."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from gateway.errors import GatewayError
from gateway.server.doctor.check import Check, Patient
from gateway.store.records.endpoints import EndpointState
from gateway.store.records.fitness import Fitness
from gateway.store.rows import WebhookRow
from gateway.tenancy import Account

__all__ = ["CHECKS", "THEIRS"]

SKEW = timedelta(seconds=30)
"""By how much clocks may differ: vendors sign times, and allow five minutes."""
OLD = timedelta(minutes=5)
"""How long a message may wait without anybody wondering."""
QUIET = timedelta(days=1)
_LOOK = 1_000
"""Webhooks among which that of a library's connection is looked for."""


async def store(patient: Patient) -> Check:
    """The store can be written and is whole."""
    service = patient.service
    await service.store.keep_cursor("doctor", service.now().isoformat())
    problem = await Fitness(service.store).problem()
    if problem:
        return Check.fail("store", problem, "restore a backup; gateway backup makes them")
    return Check.ok("store", "written and whole")


async def migrations(patient: Patient) -> Check:
    """The schema is the one of this release."""
    waiting = await Fitness(patient.service.store).waiting()
    if waiting:
        return Check.warn("migrations", f"{', '.join(waiting)} wait", "stop older processes, then: gateway migrate")
    return Check.ok("migrations", "all applied")


async def loops(patient: Patient) -> Check:
    """What runs beside the requests still runs."""
    if not patient.serves:
        return Check.ok("loops", "no service runs here")
    await patient.service.engine.start()
    stopped = patient.service.stopped_loop()
    if stopped:
        return Check.fail("loops", f"{stopped} has stopped", "the log says why; restart the service")
    return Check.ok("loops", "all run")


async def public_url(patient: Patient) -> Check:
    """The service answers at its public URL; asked from here, through the way in that strangers take."""
    service = patient.service
    base = service.config.gateway.public_url
    if base is None:
        hint = "set [gateway] public_url to the https URL by which vendors reach this service"
        return Check.warn("public url", "there is none: no webhook finds the way, no file can be fetched", hint)
    if not patient.probe:
        return Check.ok("public url", base)
    answer = await service.egress.send("GET", f"{base}/livez", {})
    if answer.status != 200:
        return Check.fail("public url", f"{base}/livez answers {answer.status}", "look at proxy and tunnel")
    return Check.ok("public url", f"{base} leads here")


async def clock(patient: Patient) -> Check:
    """The clock agrees with that of somebody else."""
    service = patient.service
    base = service.config.gateway.public_url
    if base is None or not patient.probe:
        return Check.ok("clock", service.now().isoformat(timespec="seconds"))
    answer = await service.egress.send("HEAD", base, {})
    told = answer.headers.get("date")
    if told is None:
        return Check.ok("clock", "nobody to compare with")
    skew = abs(parsedate_to_datetime(told).replace(tzinfo=UTC) - datetime.now(UTC))
    if skew > SKEW:
        return Check.warn("clock", f"{skew.total_seconds():.0f} seconds off", "switch on NTP: signatures hold times")
    return Check.ok("clock", f"{skew.total_seconds():.0f} seconds off")


async def credentials(patient: Patient) -> Check:
    """The vendors take the credentials of all connections."""
    bad, count = [], 0
    for account in await _accounts(patient):
        count += 1
        if account.state in {"broken", "stopped"}:
            bad.append(f"{account.name} is {account.state}: {account.reason}")
        elif account.state == "active" and patient.probe:
            try:
                await patient.service.tenancy.accounts.check(account.tenant, account.id)
            except GatewayError as error:
                bad.append(f"{account.name}: {error.message}")
    if bad:
        return Check.fail("credentials", "; ".join(bad), "open the connection and replace its secrets")
    return Check.ok("credentials", _taken(count, probe=patient.probe))


def _taken(count: int, *, probe: bool) -> str:
    if not count:
        return "there is no connection yet"
    several = "the connection" if count == 1 else f"all {count} connections"
    return f"those of {several}" if probe else f"those of {several} look whole; no vendor was asked"


async def registration(patient: Patient) -> Check:
    """Where a vendor says where it delivers, it is here."""
    accounts, missing = patient.service.tenancy.accounts, []
    for account in await _accounts(patient):
        url = accounts.webhook_url(account.id)
        if account.state != "active" or url is None or not patient.probe:
            continue
        if accounts.offer(account.provider).registers:
            found = await accounts.registered(account.tenant, account.id)
            if not any(_leads_to(item.url, url, patient) and item.active for item in found):
                missing.append(account.name)
    if missing:
        return Check.warn("registration", f"no webhook leads here from {', '.join(missing)}", "register it")
    return Check.ok("registration", "as it should be, as far as vendors tell")


async def last_webhook(patient: Patient) -> Check:
    """Something came in lately on every connection."""
    service, quiet = patient.service, []
    for account in await _accounts(patient):
        if account.state == "active":
            found = await service.tenancy.listing.webhooks(account.tenant, connection=account.id, limit=1)
            rows = [item.row for item in found.items] or await _by_name(patient, account.name)
            if not rows:
                quiet.append(f"{account.name} never")
            elif service.now() - rows[0].received_at > QUIET:
                quiet.append(f"{account.name} not for a day")
    if quiet:
        return Check.warn("last webhook", "; ".join(quiet), "write to the number, and look at its setup page")
    return Check.ok("last webhook", "every connection was heard of within a day")


async def endpoints(patient: Patient) -> Check:
    """No endpoint is switched off or failing."""
    service, bad = patient.service, []
    for tenant in await patient.tenants():
        for endpoint in (await service.endpoints.list(tenant, limit=100)).items:
            if endpoint.state is EndpointState.DISABLED:
                bad.append(f"{endpoint.id} is disabled: {endpoint.reason}")
            elif endpoint.failing_since is not None:
                bad.append(f"{endpoint.id} fails since {endpoint.failing_since.isoformat(timespec='minutes')}")
    if bad:
        return Check.warn("endpoints", "; ".join(bad), "mend the receiver, resume it, then recover what failed")
    return Check.ok("endpoints", "all receive")


async def queue(patient: Patient) -> Check:
    """Nothing waits for long."""
    age = timedelta(seconds=await patient.service.oldest_age())
    if age > OLD:
        return Check.warn("queue", f"the oldest message waits for {age.total_seconds():.0f} s", "look at its page")
    return Check.ok("queue", f"the oldest waits for {age.total_seconds():.0f} s")


async def quarantine(patient: Patient) -> Check:
    """Every webhook could be read."""
    service, count = patient.service, 0
    for tenant in await patient.tenants():
        count += len((await service.tenancy.listing.webhooks(tenant, quarantined=True, limit=100)).items)
    if count:
        return Check.warn("quarantine", f"{count} webhooks could not be read", "upgrade the plugin, then parse again")
    return Check.ok("quarantine", "empty")


def _leads_to(registered: str, url: str, patient: Patient) -> bool:
    """Tell whether a registration is ours; a library's connection has another path than the service's."""
    return registered == url if patient.serves else registered.startswith(f"{url.rpartition('/')[0]}/")


async def _by_name(patient: Patient, name: str) -> list[WebhookRow]:
    """Give the last webhook of a connection as a library calls it, where no service runs."""
    if patient.serves:
        return []
    rows = await patient.service.store.webhooks(limit=_LOOK)
    return [row for row in rows if row.connection == name][:1]


async def _accounts(patient: Patient) -> list[Account]:
    tenancy = patient.service.tenancy
    found: list[Account] = []
    for tenant in await patient.tenants():
        found += (await tenancy.accounts.list(tenant, limit=100)).items
    return found


CHECKS = (
    store,
    migrations,
    loops,
    public_url,
    clock,
    credentials,
    registration,
    last_webhook,
    endpoints,
    queue,
    quarantine,
)

THEIRS = (credentials, registration, last_webhook, endpoints, quarantine)
"""What a tenant may ask of a service that is not theirs: these look at nothing of anybody else."""
