"""Retention: raw, content and the rest go in that order, and nothing goes that is still needed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import JsonValue

from gateway import Gateway
from gateway.errors import ConfigurationError, Conflict, NotFound
from gateway.events import DeliveryUpdated, MessageReceived
from gateway.model import Attachment, Chat, Message
from gateway.provider import DeliveryState
from gateway.store.records.tenants import DEFAULT_TENANT, TenantRow
from gateway.tenancy import KeyRing, Retention, Swept, Tenancy
from tests.tenancy.place import BUILT_IN, NOW, PHONE, Clock, Vendor, hook, plugins, vendor
from tests.tenancy.test_erasing import written

DAY = timedelta(days=1)
SECRET_TEXT = "canary-what-was-said"


@pytest.fixture
async def api() -> AsyncIterator[Vendor]:
    """The vendor."""
    async with vendor() as found:
        yield found


@pytest.fixture
async def aged(url: str, clock: Clock, ring: KeyRing, api: Vendor) -> AsyncIterator[tuple[Tenancy, str, str]]:
    """A tenancy with something sent and received on the first day; its connection, and the id of what was sent."""
    async with Gateway(url, clock=clock, plugins=plugins()) as gateway:
        tenancy = Tenancy(gateway, ring)
        await tenancy.start()
        made = await tenancy.accounts.create(DEFAULT_TENANT, "vaulty", {**BUILT_IN, "base_url": api.url})
        receipt = await gateway.send(PHONE, f"out {SECRET_TEXT}", via=made.id, key="once")
        report = DeliveryUpdated(
            key="d", vendor_id=receipt.sent[0].vendor_id, chat=Chat.direct(PHONE), state=DeliveryState.DELIVERED
        )
        await gateway.receive(made.id, *hook(written("m0", PHONE, f"in {SECRET_TEXT}"), report))
        yield tenancy, made.id, str(receipt.message_id)
        await tenancy.aclose()


async def _all(tenancy: Tenancy) -> str:
    """Read everything that a front may read, as text."""
    page = await tenancy.listing.messages(DEFAULT_TENANT)
    found = [await tenancy.listing.message(DEFAULT_TENANT, row.id) for row in page.items]
    hooks = [item.row.body for item in (await tenancy.listing.webhooks(DEFAULT_TENANT)).items]
    events = [row.event.model_dump_json() for row in (await tenancy.listing.events(DEFAULT_TENANT)).items]
    attempts = [attempt for row in page.items for attempt in await tenancy.store.attempts(row.id)]
    return f"{found} {[step.action for _, steps in found for step in steps]} {hooks} {events} {attempts}"


async def test_raw_payloads_go_first(aged: tuple[Tenancy, str, str], clock: Clock) -> None:
    """After a week the webhook's bytes and the vendor's payload are gone, and what was said is still there."""
    tenancy, _, message = aged
    assert Swept() == await tenancy.sweeper.sweep()
    clock.move(7 * DAY)
    assert Swept() == await tenancy.sweeper.sweep()
    clock.move(timedelta(seconds=1))
    assert Swept(raw=1) == await tenancy.sweeper.sweep()
    assert Swept() == await tenancy.sweeper.sweep()
    [webhook] = (await tenancy.listing.webhooks(DEFAULT_TENANT)).items
    [event] = (await tenancy.listing.events(DEFAULT_TENANT, types=["message.received"])).items
    assert (b"", None, f"in {SECRET_TEXT}") == (webhook.row.body, event.event.raw, getattr(event.event, "text", None))
    assert "delivered" == (await tenancy.gateway.status(message)).state


async def test_content_goes_next_and_what_became_of_it_stays(aged: tuple[Tenancy, str, str], clock: Clock) -> None:
    """After a month nobody can read what was said, and everybody when, to whom and how it ended."""
    tenancy, connection, message = aged
    clock.move(30 * DAY + DAY)
    swept = await tenancy.sweeper.sweep()
    assert (1, 0) == (swept.raw, swept.metadata)
    assert SECRET_TEXT not in await _all(tenancy)
    status = await tenancy.gateway.status(message)
    assert "delivered" == status.state
    row, _ = await tenancy.listing.message(DEFAULT_TENANT, message)
    assert PHONE in row.request
    [chat] = (await tenancy.listing.chats(DEFAULT_TENANT)).items
    assert (connection, Chat.direct(PHONE).identity) == (chat.connection, chat.chat and chat.chat.identity)
    assert Swept() == await tenancy.sweeper.sweep()


async def test_content_that_went_does_not_come_back(aged: tuple[Tenancy, str, str], clock: Clock) -> None:
    """A vendor that delivers once more, or is asked for what it kept, says nothing new: not even with a picture."""
    tenancy, connection, _ = aged
    clock.move(30 * DAY + DAY)
    await tenancy.sweeper.sweep()
    before = [row.event for row in await tenancy.store.events()]
    more = Message(f"in {SECRET_TEXT}", Attachment(url="https://files.example/a.jpg"))
    for message in (Message(f"in {SECRET_TEXT}"), more):
        again = written("m0", PHONE, "again").model_copy(update={"message": message})
        await tenancy.gateway.receive(connection, *hook(again))

    assert before == [row.event for row in await tenancy.store.events()]
    assert [True] == [event.faded for event in before if isinstance(event, MessageReceived)]
    assert Swept() == replace(await tenancy.sweeper.sweep(), raw=0)


async def test_the_rest_goes_last(aged: tuple[Tenancy, str, str], clock: Clock) -> None:
    """After half a year nothing is left of it."""
    tenancy, _, message = aged
    clock.move(180 * DAY + DAY)
    assert 0 < (await tenancy.sweeper.sweep()).metadata
    empty = (await tenancy.listing.messages(DEFAULT_TENANT), await tenancy.listing.events(DEFAULT_TENANT))
    assert ((), ()) == (empty[0].items, empty[1].items)
    assert () == (await tenancy.listing.webhooks(DEFAULT_TENANT)).items
    with pytest.raises(NotFound):
        await tenancy.gateway.status(message)
    for table in ("steps_of_messages", "messages"):
        assert [] == await tenancy.store.rows(table, [message])


async def test_what_has_not_ended_stays_whole(aged: tuple[Tenancy, str, str], clock: Clock, api: Vendor) -> None:
    """A message that waits for its time is sent as it was asked for, whatever its age."""
    tenancy, connection, _ = aged
    ticket = await tenancy.gateway.enqueue(PHONE, "much later", via=connection, at=NOW + 200 * DAY)
    clock.move(190 * DAY)
    await tenancy.sweeper.sweep()
    row, [step] = await tenancy.listing.message(DEFAULT_TENANT, ticket.message_id)
    assert "queued" == row.state
    assert "much later" in f"{row.request} {step.action}"
    clock.move(11 * DAY)
    await tenancy.sweeper.sweep()
    assert "v2" == (await tenancy.gateway._engine.outcome(ticket.message_id, 30)).sent[0].vendor_id


async def test_a_repetition_is_known_however_short_the_times_are(
    aged: tuple[Tenancy, str, str], clock: Clock, api: Vendor
) -> None:
    """A call for three days, a webhook for as long as its vendor delivers again; also of what was erased."""
    tenancy, connection, message = aged
    tenancy.sweeper.retention = Retention(timedelta(0), timedelta(0), timedelta(0))
    clock.move(DAY - timedelta(seconds=1))
    await tenancy.sweeper.sweep()
    before = await tenancy.listing.last()
    await tenancy.gateway.receive(connection, *hook(written("m0", PHONE, f"in {SECRET_TEXT}")))
    assert before == await tenancy.listing.last()
    clock.move(2 * DAY)
    await tenancy.sweeper.sweep()
    again = await tenancy.gateway.send(PHONE, f"out {SECRET_TEXT}", via=connection, key="once")
    assert (message, 1) == (again.message_id, len(api.sent))
    await tenancy.erasing.erase(DEFAULT_TENANT, PHONE)
    await tenancy.sweeper.sweep()
    with pytest.raises(Conflict):
        await tenancy.gateway.send(PHONE, f"out {SECRET_TEXT}", via=connection, key="once")
    clock.move(timedelta(seconds=2))
    await tenancy.sweeper.sweep()
    await tenancy.gateway.send(PHONE, "another time", via=connection, key="once")
    assert 2 == len(api.sent)


async def test_a_tenant_has_times_of_its_own(aged: tuple[Tenancy, str, str], clock: Clock, api: Vendor) -> None:
    """Its settings say for how many days; 0 keeps for ever."""
    tenancy, _, _ = aged
    settings: dict[str, JsonValue] = {"retention": {"bodies_days": 0, "raw_days": 1}}
    await tenancy.tenants.add(TenantRow(id="tn_keeps", name="keeps", created_at=NOW, settings=settings))
    theirs = await tenancy.accounts.create("tn_keeps", "vaulty", {**BUILT_IN, "base_url": api.url})
    await tenancy.gateway.receive(theirs.id, *hook(written("m1", PHONE, "kept")))
    clock.move(2 * DAY)
    assert Swept(raw=1) == await tenancy.sweeper.sweep()
    clock.move(100 * DAY)
    await tenancy.sweeper.sweep()
    [event] = (await tenancy.listing.events("tn_keeps")).items
    assert isinstance(event.event, MessageReceived)
    assert "kept" == event.event.text
    assert SECRET_TEXT not in await _all(tenancy)


async def test_what_went_is_not_missed_when_it_is_parsed_again(aged: tuple[Tenancy, str, str], clock: Clock) -> None:
    """A webhook that came once more says what its event says no longer, and that is no change."""
    tenancy, connection, _ = aged
    clock.move(30 * DAY + DAY)
    await tenancy.sweeper.sweep()
    await tenancy.gateway.receive(connection, *hook(written("m0", PHONE, f"in {SECRET_TEXT}")))
    found = await tenancy.gateway.reparse(NOW)
    assert (1, (), (), 1) == (found.webhooks, found.new, found.changed, found.unchanged)


def test_times_are_days() -> None:
    """None is for ever, and a negative one is refused."""
    assert Retention() == Retention.of_days(7, 30, 180)
    assert Retention(None, None, None) == Retention.of_days(0, 0, 0)
    with pytest.raises(ConfigurationError):
        Retention.of_days(7, -1, 180)
