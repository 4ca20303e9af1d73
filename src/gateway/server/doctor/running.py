"""How the running service is: its store, its clock, its vendors and its endpoints."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from gateway.errors import GatewayError
from gateway.server.doctor.check import Check, Patient
from gateway.store.records.endpoints import EndpointState
from gateway.store.records.fitness import Fitness
from gateway.tenancy import Account

__all__ = ["CHECKS"]

SKEW = timedelta(seconds=30)
"""By how much clocks may differ: vendors sign times, and allow five minutes."""
OLD = timedelta(minutes=5)
"""How long a message may wait without anybody wondering."""
QUIET = timedelta(days=1)


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
    return Check.ok("credentials", "there is no connection yet" if not count else f"those of all {count} connections")


async def registration(patient: Patient) -> Check:
    """Where a vendor says where it delivers, it is here."""
    accounts, missing = patient.service.tenancy.accounts, []
    for account in await _accounts(patient):
        url = accounts.webhook_url(account.id)
        if account.state != "active" or url is None or not patient.probe:
            continue
        if accounts.offer(account.provider).registers:
            found = await accounts.registered(account.tenant, account.id)
            if not any(item.url == url and item.active for item in found):
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
            if not found.items:
                quiet.append(f"{account.name} never")
            elif service.now() - found.items[0].row.received_at > QUIET:
                quiet.append(f"{account.name} not for a day")
    if quiet:
        return Check.warn("last webhook", "; ".join(quiet), "write to the number, and look at its setup page")
    return Check.ok("last webhook", "every connection was heard of within a day")


async def endpoints(patient: Patient) -> Check:
    """No endpoint is switched off or failing."""
    service, bad = patient.service, []
    for tenant in await service.tenancy.tenants.page():
        for endpoint in (await service.endpoints.list(tenant.id, limit=100)).items:
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
    for tenant in await service.tenancy.tenants.page():
        count += len((await service.tenancy.listing.webhooks(tenant.id, quarantined=True, limit=100)).items)
    if count:
        return Check.warn("quarantine", f"{count} webhooks could not be read", "upgrade the plugin, then parse again")
    return Check.ok("quarantine", "empty")


async def _accounts(patient: Patient) -> list[Account]:
    tenancy = patient.service.tenancy
    found: list[Account] = []
    for tenant in await tenancy.tenants.page():
        found += (await tenancy.accounts.list(tenant.id, limit=100)).items
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
