"""Connections of tenants: made while the gateway runs, sealed at rest, the same in every process, broken one by one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from gateway import Gateway
from gateway.errors import (
    BadSignature,
    ConfigurationError,
    Conflict,
    InvalidMessage,
    NoRoute,
    NotFound,
    SecretsLocked,
    StoreError,
)
from gateway.plugins import load_entries
from gateway.store.records.tenants import DEFAULT_TENANT, TenantRow
from gateway.tenancy import KeyRing, Options, Tenancy
from tests.tenancy.place import API_KEY, BUILT_IN, NOW, SECRET, Clock, hook, plugins

DAY = timedelta(days=1)
Another = Callable[..., Any]


@pytest.fixture
async def another(url: str, clock: Clock) -> AsyncIterator[Another]:
    """Opens the same place in what stands for another process."""
    async with AsyncExitStack() as stack:

        async def opened(ring: KeyRing | None, *, known: bool = True) -> Tenancy:
            found = plugins() if known else load_entries([])
            gateway = Gateway(url, clock=clock, plugins=found, works=False)
            tenancy = Tenancy(gateway, ring)
            await tenancy.start()
            stack.push_async_callback(gateway.aclose)
            return tenancy

        yield opened


shared = pytest.mark.parametrize("url", ["postgresql"], indirect=True)
"""Only where several processes may use a store at once."""


async def test_a_connection_is_made_while_the_gateway_runs(tenancy: Tenancy) -> None:
    """Its id cannot be guessed and is its webhook's path; what is secret is named, and not shown."""
    made = await tenancy.accounts.create(DEFAULT_TENANT, "vaulty", {**BUILT_IN, "line": "+12025550199"}, name="main")

    assert ("main", "vaulty", "active", None) == (made.name, made.provider, made.state, made.reason)
    assert (("api_key", "webhook_secret"), {"line": "+12025550199"}) == (made.secrets, made.settings)
    assert (f"/webhooks/{made.id}", 29) == (made.webhook_path, len(made.id))
    assert f"https://gw.example/webhooks/{made.id}" == tenancy.accounts.webhook_url(made.id)
    assert made.id == tenancy.accounts.running(DEFAULT_TENANT, made.id).name
    assert made == await tenancy.accounts.get(DEFAULT_TENANT, made.id)
    assert (made,) == (await tenancy.accounts.list(DEFAULT_TENANT)).items
    headers, body = hook()
    assert 200 == (await tenancy.gateway.receive(made.id, headers, body)).status


async def test_no_secret_stands_in_the_store(tenancy: Tenancy) -> None:
    """Nor in what is shown of a connection, or its repr."""
    made = await tenancy.accounts.create(
        DEFAULT_TENANT, "vaulty", {**BUILT_IN, "more_secrets": ["canary-4713"], "nested": {"pin": "canary-4714"}}
    )
    rows = await tenancy.store.rows("connections_changed", -1)
    assert ("api_key", "more_secrets", "nested", "webhook_secret") == made.secrets
    assert "canary" not in f"{[tuple(row) for row in rows]} {made} {made.settings} {tenancy.accounts!r}"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"webhook_secret": SECRET}, "api_key"),
        ({**BUILT_IN, "line": "bad"}, "line"),
        ({**BUILT_IN, "api_key": "x"}, "api_key"),
        ({**BUILT_IN, "aip_key": API_KEY}, "aip_key"),
        ({**BUILT_IN, "answers": API_KEY}, "answers"),
        ({**BUILT_IN, "more_secrets": API_KEY}, "more_secrets"),
    ],
)
async def test_settings_that_are_wrong_are_named_and_not_shown(
    tenancy: Tenancy, settings: dict[str, Any], named: str
) -> None:
    """The provider's own settings decide; nothing is kept."""
    with pytest.raises(ConfigurationError, match=named) as wrong:
        await tenancy.accounts.create(DEFAULT_TENANT, "vaulty", settings)
    assert "canary" not in f"{wrong.value} {wrong.value.hint} {wrong.value!r}"
    assert () == (await tenancy.accounts.list(DEFAULT_TENANT)).items


async def test_options_that_are_wrong_are_named(tenancy: Tenancy) -> None:
    """An unknown one, one of the wrong kind, a pace that is none."""
    for options in ({"polciy": "strict"}, {"queue": 0}, {"consent": "maybe"}, {"pace": {"line": "fast"}}):
        with pytest.raises(ConfigurationError):
            await tenancy.accounts.create(DEFAULT_TENANT, "vaulty", BUILT_IN, options=options)
    made = await tenancy.accounts.create(DEFAULT_TENANT, "vaulty", BUILT_IN, options={"queue": 7, "consent": "warn"})
    running = tenancy.accounts.running(DEFAULT_TENANT, made.id)
    assert (7, "warn") == (running.terms.queue, running.terms.consent.value)
    again = await tenancy.accounts.update(DEFAULT_TENANT, made.id, options={"queue": 8})
    assert Options.read({"queue": 8, "consent": "warn"}) == again.options


async def test_a_provider_that_there_is_none_of_is_named(tenancy: Tenancy) -> None:
    """With those that there are."""
    with pytest.raises(NotFound, match="vualty") as missing:
        await tenancy.accounts.create(DEFAULT_TENANT, "vualty", BUILT_IN)
    assert "vaulty" in (missing.value.hint or "")


async def test_names_are_taken_once_a_tenant(tenancy: Tenancy) -> None:
    """Another tenant may use the same."""
    await tenancy.tenants.add(TenantRow(id="tn_other", name="other", created_at=NOW))
    first = await tenancy.accounts.create(DEFAULT_TENANT, "vaulty", BUILT_IN, name="main")
    second = await tenancy.accounts.create(DEFAULT_TENANT, "vaulty", BUILT_IN)
    await tenancy.accounts.create("tn_other", "vaulty", BUILT_IN, name="main")
    with pytest.raises(Conflict):
        await tenancy.accounts.create(DEFAULT_TENANT, "vaulty", BUILT_IN, name="main")
    with pytest.raises(Conflict):
        await tenancy.accounts.update(DEFAULT_TENANT, second.id, name="main")
    await tenancy.accounts.remove(DEFAULT_TENANT, first.id)
    assert "main" == (await tenancy.accounts.update(DEFAULT_TENANT, second.id, name="main")).name


async def test_connections_of_another_tenant_are_not_there(tenancy: Tenancy) -> None:
    """Whatever is asked of them."""
    await tenancy.tenants.add(TenantRow(id="tn_other", name="other", created_at=NOW))
    theirs = await tenancy.accounts.create("tn_other", "vaulty", BUILT_IN)
    accounts = tenancy.accounts
    for call in (accounts.get, accounts.update, accounts.disable, accounts.enable, accounts.remove, accounts.check):
        with pytest.raises(NotFound):
            await call(DEFAULT_TENANT, theirs.id)
    with pytest.raises(NotFound):
        await accounts.rotate(DEFAULT_TENANT, theirs.id, {"api_key": "other"})
    with pytest.raises(NotFound):
        accounts.running(DEFAULT_TENANT, theirs.id)
    assert ((), ()) == (accounts.running_of(DEFAULT_TENANT), await accounts.ids(DEFAULT_TENANT))
    assert (theirs.id,) == await accounts.ids("tn_other")


async def test_a_webhook_secret_passes_for_a_while_after_it_was_replaced(tenancy: Tenancy, clock: Clock) -> None:
    """Both pass during the overlap, the new one alone after it; then the old one is forgotten."""
    made = await tenancy.accounts.create(DEFAULT_TENANT, "vaulty", BUILT_IN)
    rotated = await tenancy.accounts.rotate(
        DEFAULT_TENANT, made.id, {"webhook_secret": SecretStr("newer")}, overlap=DAY
    )
    assert NOW + DAY == rotated.overlap_until

    async def passes(secret: str) -> bool:
        try:
            await tenancy.gateway.receive(made.id, *hook(secret=secret))
        except BadSignature:
            return False
        return True

    assert [True, True, False] == [await passes(secret) for secret in (SECRET, "newer", "wrong")]
    assert 0 == await tenancy.accounts.end_overlaps()
    clock.move(DAY)
    assert [False, True] == [await passes(secret) for secret in (SECRET, "newer")]
    assert 1 == await tenancy.accounts.end_overlaps()
    assert None is (await tenancy.accounts.get(DEFAULT_TENANT, made.id)).overlap_until
    assert "gateway" == (await tenancy.audit.list(DEFAULT_TENANT)).items[0].actor
    assert [False, True] == [await passes(secret) for secret in (SECRET, "newer")]


async def test_only_secrets_are_rotated(tenancy: Tenancy) -> None:
    """A setting that is none is refused by name; one that is wrong leaves everything as it was."""
    made = await tenancy.accounts.create(DEFAULT_TENANT, "vaulty", BUILT_IN)
    with pytest.raises(InvalidMessage, match="line"):
        await tenancy.accounts.rotate(DEFAULT_TENANT, made.id, {"line": "+12025550199"})
    with pytest.raises(ConfigurationError, match="api_key"):
        await tenancy.accounts.rotate(DEFAULT_TENANT, made.id, {"api_key": "x"})
    assert made == await tenancy.accounts.get(DEFAULT_TENANT, made.id)


async def test_settings_change_one_by_one(tenancy: Tenancy) -> None:
    """What is not named stays, what is None goes."""
    made = await tenancy.accounts.create(DEFAULT_TENANT, "vaulty", {**BUILT_IN, "line": "+12025550199", "answers": 5})
    await tenancy.accounts.update(DEFAULT_TENANT, made.id, settings={"line": None, "answers": 6})
    settings = tenancy.accounts.running(DEFAULT_TENANT, made.id).provider.settings
    assert (None, 6, API_KEY) == (settings.line, settings.answers, settings.api_key.get_secret_value())


async def test_a_disabled_connection_neither_sends_nor_receives(tenancy: Tenancy) -> None:
    """Until it is enabled; its vendor is told that there is nothing here."""
    made = await tenancy.accounts.create(DEFAULT_TENANT, "vaulty", BUILT_IN)
    off = await tenancy.accounts.disable(DEFAULT_TENANT, made.id, reason="unpaid")
    assert ("disabled", "unpaid") == (off.state, off.reason)
    with pytest.raises(NoRoute, match="disabled"):
        await tenancy.gateway.receive(made.id, *hook())
    with pytest.raises(NoRoute, match="disabled"):
        tenancy.accounts.running(DEFAULT_TENANT, made.id)
    assert "active" == (await tenancy.accounts.enable(DEFAULT_TENANT, made.id)).state
    assert 200 == (await tenancy.gateway.receive(made.id, *hook())).status


async def test_a_removed_connection_keeps_no_secret_and_stays_its_tenants(tenancy: Tenancy) -> None:
    """It cannot be used, nor looked at; what it sent and received still can."""
    made = await tenancy.accounts.create(DEFAULT_TENANT, "vaulty", BUILT_IN)
    await tenancy.accounts.remove(DEFAULT_TENANT, made.id)
    [row] = await tenancy.store.rows("connections_changed", -1)
    assert ("", "", "{}", "removed") == (row[4], row[5], row[6], row[7])
    for call in (tenancy.accounts.get, tenancy.accounts.remove, tenancy.accounts.enable):
        with pytest.raises(NotFound):
            await call(DEFAULT_TENANT, made.id)
    assert (made.id,) == await tenancy.accounts.ids(DEFAULT_TENANT)


async def test_without_a_master_key_nothing_is_taken(url: str, clock: Clock) -> None:
    """The error says what to set."""
    async with Gateway(url, clock=clock, plugins=plugins(), works=False) as gateway:
        tenancy = Tenancy(gateway)
        await tenancy.start()
        with pytest.raises(SecretsLocked, match="no master key") as locked:
            await tenancy.accounts.create(DEFAULT_TENANT, "vaulty", BUILT_IN)
        assert ("no_master_key", True) == (locked.value.code, "MASTER_KEY" in (locked.value.hint or ""))


async def test_what_cannot_be_made_is_broken_and_fails_alone(
    tenancy: Tenancy, ring: KeyRing, url: str, clock: Clock
) -> None:
    """Another master key, none, or a missing plugin: shown with the reason, its vendor is told to come again."""
    broken = await tenancy.accounts.create(DEFAULT_TENANT, "vaulty", BUILT_IN)
    await tenancy.gateway.aclose()
    wrong = {"k1": KeyRing.fresh().keys["k1"]}
    cases = [
        (KeyRing(), plugins(), "no master key"),
        (KeyRing({"k9": wrong["k1"]}), plugins(), "k1"),
        (KeyRing(wrong), plugins(), "does not open"),
        (ring, load_entries([]), "no provider"),
    ]
    for given, found, reason in cases:
        async with Gateway(url, clock=clock, plugins=found, works=False) as gateway:
            other = Tenancy(gateway, given)
            await other.start()
            shown = await other.accounts.get(DEFAULT_TENANT, broken.id)
            assert "broken" == shown.state
            assert reason in (shown.reason or "")
            assert "canary" not in (shown.reason or "")
            with pytest.raises(StoreError, match="cannot be used at present"):
                await gateway.receive(broken.id, *hook())


@shared
async def test_other_processes_follow(tenancy: Tenancy, ring: KeyRing, another: Another) -> None:
    """What is made, rotated, disabled and removed here is so there a moment later."""
    there = await another(ring)
    following = asyncio.create_task(there.run())
    made = await tenancy.accounts.create(DEFAULT_TENANT, "vaulty", BUILT_IN)

    async def becomes(expected: str) -> None:
        async with asyncio.timeout(30):
            while expected != _seen(there, made.id):
                await asyncio.sleep(0.02)

    await becomes(SECRET)
    await tenancy.accounts.rotate(DEFAULT_TENANT, made.id, {"webhook_secret": "newer"})
    await becomes("newer")
    assert 200 == (await there.gateway.receive(made.id, *hook())).status
    await tenancy.accounts.disable(DEFAULT_TENANT, made.id)
    await becomes("disabled")
    await tenancy.accounts.remove(DEFAULT_TENANT, made.id)
    await becomes("removed")
    following.cancel()


@shared
async def test_changes_at_the_same_moment_all_count(tenancy: Tenancy, ring: KeyRing, another: Another) -> None:
    """Two processes change one connection, and neither undoes what the other did."""
    there = await another(ring)
    made = await tenancy.accounts.create(DEFAULT_TENANT, "vaulty", BUILT_IN)
    await there.accounts.refresh()
    await asyncio.gather(
        tenancy.accounts.update(DEFAULT_TENANT, made.id, settings={"line": "+12025550199"}),
        there.accounts.update(DEFAULT_TENANT, made.id, settings={"answers": 9}),
        tenancy.accounts.update(DEFAULT_TENANT, made.id, name="main"),
    )
    shown = await there.accounts.get(DEFAULT_TENANT, made.id)
    assert ("main", {"line": "+12025550199", "answers": 9}) == (shown.name, shown.settings)


async def test_a_master_key_is_replaced_by_sealing_the_data_keys_anew(
    tenancy: Tenancy, ring: KeyRing, url: str, clock: Clock
) -> None:
    """Afterwards the new one alone opens everything; what is sealed by a data key stays as it is."""
    made = await tenancy.accounts.create(DEFAULT_TENANT, "vaulty", BUILT_IN)
    before = await tenancy.store.rows("connections_changed", -1)
    await tenancy.gateway.aclose()
    newer = KeyRing.fresh(ring)
    async with Gateway(url, clock=clock, plugins=plugins(), works=False) as gateway:
        again = Tenancy(gateway, newer)
        await again.start()
        assert [1, 0] == [await again.accounts.reseal(), await again.accounts.reseal()]
        after = await again.store.rows("connections_changed", -1)
        assert before[0][4] == after[0][4]
    assert newer.current is not None
    alone = KeyRing({newer.current: newer.keys[newer.current]})
    async with Gateway(url, clock=clock, plugins=plugins(), works=False) as gateway:
        last = Tenancy(gateway, alone)
        await last.start()
        assert SECRET == _seen(last, made.id)


def test_the_offer_says_what_is_secret() -> None:
    """The schema is the provider's own, with what is secret marked as such, and how its webhook is registered."""
    tenancy = Tenancy(Gateway("sqlite:///never-opened.db", plugins=plugins(), works=False))
    [offer] = tenancy.accounts.offers()
    properties = offer.schema["properties"]
    assert ("vaulty", "Vaulty", True, ("Open the dashboard", "Enter {url}")) == (
        offer.provider,
        offer.title,
        offer.registers,
        offer.how_to_register,
    )
    assert {"api_key", "more_secrets", "nested", "webhook_secret"} == {
        name for name, field in properties.items() if field.get("writeOnly")
    }


def _seen(tenancy: Tenancy, connection: str) -> str | None:
    """Give the webhook secret that a process has for a connection, or why it has none."""
    connections = tenancy.gateway._engine.connections
    found = connections.find(connection)
    if found is None:
        return connections.away.get(connection)
    secret: str = found.provider.settings.webhook_secret.get_secret_value()
    return secret
