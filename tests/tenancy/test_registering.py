"""Webhooks that the gateway registers itself, and canaries: no secret and no number shows anywhere on the way."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator

import pytest
import structlog

from gateway import Gateway
from gateway.errors import BadSignature, ConfigurationError, Conflict, GatewayError
from gateway.store.records.tenants import DEFAULT_TENANT
from gateway.tenancy import KeyRing, Tenancy
from tests.tenancy.place import BUILT_IN, PHONE, Clock, Vendor, hook, plugins, vendor
from tests.tenancy.test_erasing import written

NEWER = "canary-made-by-the-vendor"


@pytest.fixture
async def api() -> AsyncIterator[Vendor]:
    """The vendor."""
    async with vendor() as found:
        yield found


async def test_the_gateway_registers_its_webhook_and_takes_the_secret(tenancy: Tenancy, api: Vendor) -> None:
    """Afterwards what the vendor signs with its secret passes, and for a while what it signed before."""
    made = await tenancy.accounts.create(DEFAULT_TENANT, "vaulty", {**BUILT_IN, "base_url": api.url})
    found = await tenancy.accounts.register(DEFAULT_TENANT, made.id)
    assert ("h1", f"https://gw.example/webhooks/{made.id}", True) == (found.id, found.url, found.active)
    assert {"h1": found.url} == api.hooks
    for secret in (NEWER, BUILT_IN["webhook_secret"]):
        assert 200 == (await tenancy.gateway.receive(made.id, *hook(secret=secret))).status
    with pytest.raises(BadSignature):
        await tenancy.gateway.receive(made.id, *hook(secret="another"))
    assert (found,) == await tenancy.accounts.registered(DEFAULT_TENANT, made.id)
    await tenancy.accounts.unregister(DEFAULT_TENANT, made.id, found.id)
    assert {} == api.hooks


async def test_a_registration_that_the_vendor_does_not_list_is_none(tenancy: Tenancy, api: Vendor) -> None:
    """It is asked again, since a webhook that nobody sees delivers nothing."""
    api.forgets = True
    made = await tenancy.accounts.create(DEFAULT_TENANT, "vaulty", {**BUILT_IN, "base_url": api.url})
    with pytest.raises(Conflict, match="does not list"):
        await tenancy.accounts.register(DEFAULT_TENANT, made.id)


async def test_without_a_public_url_nothing_is_registered(url: str, clock: Clock, ring: KeyRing, api: Vendor) -> None:
    """The error says what to set."""
    async with Gateway(url, clock=clock, plugins=plugins(), works=False) as gateway:
        tenancy = Tenancy(gateway, ring)
        await tenancy.start()
        made = await tenancy.accounts.create(DEFAULT_TENANT, "vaulty", {**BUILT_IN, "base_url": api.url})
        with pytest.raises(ConfigurationError, match="public URL"):
            await tenancy.accounts.register(DEFAULT_TENANT, made.id)


async def test_no_secret_and_no_number_gets_into_logs_errors_and_the_audit(
    url: str, clock: Clock, ring: KeyRing, api: Vendor
) -> None:
    """Through the life of a connection: made, failing, rotated, registered, used, erased, with another master key."""
    seen: list[str] = []
    with structlog.testing.capture_logs() as lines:
        async with Gateway(url, clock=clock, plugins=plugins(), public_url="https://gw.example") as gateway:
            tenancy = Tenancy(gateway, ring)
            await tenancy.start()
            accounts = tenancy.accounts
            made = await accounts.create(DEFAULT_TENANT, "vaulty", {**BUILT_IN, "base_url": api.url})
            key = await tenancy.keys.mint(DEFAULT_TENANT, name="k", scopes=["admin"])
            await accounts.register(DEFAULT_TENANT, made.id)
            await gateway.send(PHONE, "canary-text", via=made.id)
            await gateway.receive(made.id, *hook(written("m0", PHONE, "canary-text")))
            failing = [
                accounts.create(DEFAULT_TENANT, "vaulty", {"api_key": "canary-x", "answers": "canary-y"}),
                accounts.update(DEFAULT_TENANT, made.id, settings={"answers": "canary-z"}),
                accounts.rotate(DEFAULT_TENANT, made.id, {"api_key": ["canary-w"]}),
                gateway.receive(made.id, *hook(secret="canary-wrong")),
                tenancy.keys.authenticate(key.text[:-1]),
                tenancy.erasing.erase(DEFAULT_TENANT, f"{PHONE}canary"),
            ]
            seen += [await _said(call) for call in failing]
            seen += [
                str(accounts),
                repr(made),
                repr(key),
                repr(tenancy.sealer),
                repr(accounts.running_of(DEFAULT_TENANT)),
            ]
            await tenancy.erasing.erase(DEFAULT_TENANT, PHONE)
            seen.append(str((await tenancy.audit.list(DEFAULT_TENANT)).items))
        async with Gateway(url, clock=clock, plugins=plugins(), works=False) as gateway:
            other = Tenancy(gateway, KeyRing({"k1": KeyRing.fresh().keys["k1"]}))
            await other.start()
            seen.append(repr(await other.accounts.get(DEFAULT_TENANT, made.id)))
    shown = f"{lines} {seen}"
    secret = key.text.rpartition("_")[2]
    assert [] == [word for word in ("canary", PHONE, PHONE[2:], secret) if word in shown]
    assert {"connection_broken", "webhook_refused", "contact_erased"} <= {line["event"] for line in lines}


async def _said(call: object) -> str:
    """Say all that an error says, the trace and what it came from included."""
    try:
        await asyncio.ensure_future(call)  # type: ignore[call-overload]  # each is a coroutine
    except (ConfigurationError, GatewayError) as error:
        trace = "".join(traceback.format_exception_only(error)) + str(error.__cause__)
        return f"{error} {error!r} {error.hint} {trace}"
    raise AssertionError
