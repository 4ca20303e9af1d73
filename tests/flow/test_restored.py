"""A store that was restored: what it would send may have left since the copy was made, and is not sent on a guess."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import pytest

from gateway import Cancelled, Conflict, Gateway, MessageStatus, NotSettled, Ticket
from gateway.addresses import Address
from gateway.ids import MessageId
from gateway.simulator import Fault, FaultKind, served
from gateway.simulator.faults import Stage as At
from gateway.store import MessageState, backup, open_store, restored
from gateway.store.records.restoring import copied_at
from tests.crash.truth import has_keys
from tests.flow.paced import Paced, paced
from tests.flow.stage import PHONE, QUICK, VENDORS
from tests.postgres import Server

KEYED = [vendor for vendor in VENDORS if has_keys(vendor)]
UNKEYED = [vendor for vendor in VENDORS if not has_keys(vendor)]

each = pytest.mark.parametrize("vendor", VENDORS)
keyed = pytest.mark.parametrize("vendor", KEYED)
unkeyed = pytest.mark.parametrize("vendor", UNKEYED)

Restore: TypeAlias = Callable[[], Awaitable[str]]
"""Makes a store of the copy, and gives its URL."""
Keep: TypeAlias = Callable[[Paced], Awaitable[Restore]]
"""Copies the store of a stage."""


class Place:
    """A store, and how it is copied and restored."""

    def __init__(self, url: str, keep: Keep) -> None:
        self.url = url
        self.keep = keep


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A durable store: a copy of SQLite says that it is one; of a database somebody has to say it."""
    if request.param == "sqlite":
        yield _sqlite(tmp_path)
        return
    server: Server = request.getfixturevalue("postgres")
    monkeypatch.setenv("PATH", str(Path(server.program("pg_dump")).parent), prepend=":")
    with server.database() as url, server.database() as empty:
        yield _postgresql(server, url, empty, tmp_path)


def _sqlite(folder: Path) -> Place:
    url = f"sqlite:///{folder / 'gateway.db'}"

    async def keep(it: Paced) -> Restore:
        copy = await backup(url, folder / "copy.db", clock=it.sim.clock)

        async def restore() -> str:
            return f"sqlite:///{copy}"

        return restore

    return Place(url, keep)


def _postgresql(server: Server, url: str, empty: str, folder: Path) -> Place:
    async def keep(it: Paced) -> Restore:
        made, archive = it.sim.clock.now(), await backup(url, folder / "copy")

        async def restore() -> str:
            server.restore(archive, empty)
            await restored(empty, at=made, clock=it.sim.clock)
            return empty

        return restore

    return Place(url, keep)


@contextlib.asynccontextmanager
async def reopened(it: Paced, restore: Restore) -> AsyncIterator[Paced]:
    """Close the gateway of a stage, and open another one on the copy, with the same vendor."""
    await it.rested()
    await it.gateway.aclose()
    gateway = Gateway(await restore(), clock=it.sim.clock, retry=QUICK)
    async with served(gateway.asgi()) as url, contextlib.aclosing(gateway):
        it.sim.set_webhook(it.vendor, f"{url}/webhooks/main")
        gateway.connect(it.vendor, "main", **it.sim.settings(it.vendor))
        await gateway.__aenter__()
        yield Paced(gateway, it.sim, it.vendor)


def silent(it: Paced) -> None:
    """Have the vendor tell nothing by webhooks."""
    it.sim.faults.add(Fault(vendor=it.vendor, stage=At.WEBHOOK, kind=FaultKind.DROP, times=None))


async def due_soon(it: Paced, text: str, *, seconds: float = 10.0, expires: float | None = None) -> Ticket:
    """Keep a text that leaves a little later."""
    now = it.sim.clock.now()
    ends = None if expires is None else now + timedelta(seconds=expires)
    return await it.gateway.enqueue(PHONE, text, at=now + timedelta(seconds=seconds), expires=ends)


async def settled(it: Paced, ticket: Ticket) -> MessageStatus:
    """Let the time pass that proof may take, and that a look may be tried again."""
    for _ in range(10):
        await it.go_on(60)
    return await it.gateway.status(ticket)


async def accepted(it: Paced, ticket: Ticket) -> MessageStatus:
    """Let time pass until a send is accepted."""
    async with asyncio.timeout(60):
        while (status := await it.gateway.status(ticket)).outcome != "accepted":
            await it.go_on(10)
    return status


def sent_ids(it: Paced) -> tuple[str, ...]:
    """Name the messages that the vendor has of ours."""
    bubbles = [bubble for thread in it.sim.world.threads(it.vendor) for bubble in thread.bubbles if bubble.ours]
    return tuple(str(bubble.vendor_id) for bubble in sorted(bubbles, key=lambda bubble: bubble.created_at))


def texts_read(it: Paced, text: str) -> int:
    """Count the calls with a text that the vendor read."""
    return sum(entry["method"] == "POST" for entry in it.posts(text))


# ── vendors without keys ──────────────────────────────────────────────────────────────────────────────────────────


@unkeyed
async def test_what_left_after_the_copy_is_proven_and_not_sent_again(vendor: str, place: Place) -> None:
    """No webhook tells of it any more: the vendor's records do, from the time of the copy on."""
    async with paced(vendor, store=place.url) as it:
        await it.greeted()
        silent(it)
        ticket = await due_soon(it, "pay 100")
        restore = await place.keep(it)
        await accepted(it, ticket)
        async with reopened(it, restore) as again:
            assert "queued" == (await again.gateway.status(ticket)).outcome
            status = await settled(again, ticket)
            found = ("accepted", tuple(delivery.vendor_id for delivery in status.deliveries))
            assert ("accepted", sent_ids(it)) == found
        assert (1, ["pay 100"]) == (texts_read(it, "pay 100"), it.texts())


@unkeyed
async def test_what_nothing_proves_waits_for_a_person(vendor: str, place: Place) -> None:
    """It is shown as any other unknown one is, cannot be taken back any more, and each verdict works."""
    async with paced(vendor, store=place.url) as it:
        await it.greeted()
        tickets = [await due_soon(it, text) for text in ("one", "two", "three")]
        restore = await place.keep(it)
        await it.gateway.aclose()
        await it.sim.clock.advance(20, grace=0.02)
        # the vendor's records cannot be read: where they are complete, they would prove that it has nothing
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.ANSWER, status=400, times=None))
        async with reopened(it, restore) as again:
            with pytest.raises(Conflict, match="may have"):
                await again.gateway.cancel(tickets[0])
            assert ["unknown"] * 3 == [(await settled(again, ticket)).outcome for ticket in tickets]
            rows = await again.gateway.store.messages(MessageState.UNKNOWN)
            assert {(ticket.message_id, True) for ticket in tickets} == {(row.id, row.parked) for row in rows}
            assert ([], 0) == (it.texts(), sum(texts_read(it, text) for text in ("one", "two", "three")))

            it.sim.faults.clear()
            with pytest.raises(Cancelled):
                await again.gateway.resolve(tickets[0].message_id, "drop")
            await again.gateway.resolve(tickets[1].message_id, "mark_sent")
            with pytest.raises(NotSettled):
                await again.gateway.resolve(tickets[2].message_id, "resend", wait=0)
            await accepted(again, tickets[2])
            assert ["three"] == it.texts()


@unkeyed
async def test_a_sequence_is_proven_step_by_step(vendor: str, place: Place) -> None:
    """Each of its steps may have left: none is sent because the one before it was found."""
    async with paced(vendor, store=place.url) as it:
        await it.greeted()
        silent(it)
        now = it.sim.clock.now()
        ticket = await it.gateway.enqueue(PHONE, ["first", "second"], at=now + timedelta(seconds=10), policy="graceful")
        restore = await place.keep(it)
        await accepted(it, ticket)
        async with reopened(it, restore) as again:
            assert "accepted" == (await settled(again, ticket)).outcome
        assert ["first", "second"] == it.texts()


# ── vendors with keys ─────────────────────────────────────────────────────────────────────────────────────────────


@keyed
async def test_within_its_window_a_key_makes_the_copy_harmless(vendor: str, place: Place) -> None:
    """It is sent again with the key that it had, and the vendor says that it has it."""
    async with paced(vendor, store=place.url) as it:
        await it.greeted()
        ticket = await due_soon(it, "pay 100")
        restore = await place.keep(it)
        await accepted(it, ticket)
        async with reopened(it, restore) as again:
            status = await accepted(again, ticket)
            assert sent_ids(it) == tuple(delivery.vendor_id for delivery in status.deliveries)
        keys = {entry["headers"]["idempotency-key"] for entry in it.posts("pay 100") if entry["method"] == "POST"}
        assert (2, 1, ["pay 100"]) == (texts_read(it, "pay 100"), len(keys), it.texts())


@keyed
@pytest.mark.parametrize("left", [True, False])
async def test_outside_of_its_window_a_key_proves_nothing(vendor: str, place: Place, *, left: bool) -> None:
    """The vendor may have forgotten it: its records prove what left, and what they do not have is not sent."""
    async with paced(vendor, store=place.url) as it:
        await it.greeted()
        silent(it)
        ticket = await due_soon(it, "pay 100")
        restore = await place.keep(it)
        if left:
            await accepted(it, ticket)
        async with reopened(it, lambda: _hours_later(it, restore)) as again:
            status = await settled(again, ticket)
            assert ("accepted" if left else "unknown") == status.outcome
        assert (int(left), ["pay 100"] * left) == (texts_read(it, "pay 100"), it.texts())


async def _hours_later(it: Paced, restore: Restore) -> str:
    """Restore when the vendor has forgotten every key."""
    await it.sim.clock.advance(3 * 3600, grace=0.02)
    return await restore()


@keyed
async def test_what_expired_meanwhile_is_not_sent_late(vendor: str, place: Place) -> None:
    """Another copy would do no harm if it had left; if it had not, it is too late."""
    async with paced(vendor, store=place.url) as it:
        await it.greeted()
        ticket = await due_soon(it, "your code is 1234", expires=60)
        restore = await place.keep(it)
        await it.gateway.aclose()
        await it.sim.clock.advance(120, grace=0.02)
        async with reopened(it, restore) as again:
            assert "unknown" == (await settled(again, ticket)).outcome
        assert [] == it.texts()


@keyed
async def test_who_opted_out_is_sent_no_copy(vendor: str, place: Place) -> None:
    """It may have left before they said so, and then it is proven; nothing new goes to them."""
    async with paced(vendor, store=place.url) as it:
        await it.greeted()
        ticket = await due_soon(it, "pay 100")
        restore = await place.keep(it)
        await it.gateway.aclose()
        await it.sim.clock.advance(20, grace=0.02)

        async def opted_out() -> str:
            url = await restore()
            async with contextlib.aclosing(Gateway(url, clock=it.sim.clock, works=False)) as gateway:
                connection = gateway.connect(vendor, "main", **it.sim.settings(vendor))
                await gateway._engine.opt_out(connection, Address.parse(PHONE))
            return url

        async with reopened(it, opted_out) as again:
            assert "unknown" == (await settled(again, ticket)).outcome
        assert (0, []) == (texts_read(it, "pay 100"), it.texts())


# ── what is in doubt ──────────────────────────────────────────────────────────────────────────────────────────────


@each
async def test_what_falls_due_after_the_opening_has_not_left(vendor: str, place: Place) -> None:
    """What was scheduled goes when its time comes, as if nothing had happened."""
    async with paced(vendor, store=place.url) as it:
        await it.greeted()
        ticket = await due_soon(it, "good morning", seconds=3600)
        restore = await place.keep(it)
        async with reopened(it, restore) as again:
            await again.go_on(3500)
            assert ("queued", []) == ((await again.gateway.status(ticket)).outcome, it.texts())
            await accepted(again, ticket)
        assert (1, ["good morning"]) == (texts_read(it, "good morning"), it.texts())


async def test_a_copy_is_one_until_it_is_worked_with(tmp_path: Path) -> None:
    """A copy of it is one too, from the same time on; what comes after the first opening is not in doubt."""
    place = _sqlite(tmp_path)
    async with paced(VENDORS[0], store=place.url) as it:
        await it.greeted()
        await due_soon(it, "pay 100")
        made = it.sim.clock.now()
        copy = await (await place.keep(it))()
        await it.gateway.aclose()
        await it.sim.clock.advance(20, grace=0.02)
        second = f"sqlite:///{await backup(copy, tmp_path / 'second.db', clock=it.sim.clock)}"
        assert (None, made, made) == (await _copied(place.url), await _copied(copy), await _copied(second))
        counts = []
        for _ in range(2):
            async with contextlib.aclosing(Gateway(copy, clock=it.sim.clock, works=False)) as gateway:
                await gateway.__aenter__()
                counts.append(gateway._engine.in_doubt)
        assert ([1, None], None, made) == (counts, await _copied(copy), await _copied(second))


async def test_a_copy_that_is_only_looked_at_is_none(tmp_path: Path) -> None:
    """`gateway doctor` opens one: what it says of it is what the store says."""
    place = _sqlite(tmp_path)
    async with paced(VENDORS[0], store=place.url) as it:
        await it.greeted()
        copy = await backup(place.url, tmp_path / "look.db", to_look=True, clock=it.sim.clock)
    assert None is await _copied(f"sqlite:///{copy}")


async def test_an_empty_file_is_copied_as_it_is(tmp_path: Path) -> None:
    """It has no place for a stamp, and nothing that could be in doubt."""
    (tmp_path / "gateway.db").touch()
    copy = await backup(f"sqlite:///{tmp_path / 'gateway.db'}", tmp_path / "copy.db")
    assert None is await _copied(f"sqlite:///{copy}")


async def test_without_a_time_it_is_looked_for_from_when_it_was_due(tmp_path: Path) -> None:
    """For a file that was copied by other means; the first attempt cannot have been earlier."""
    place = _sqlite(tmp_path)
    async with paced(VENDORS[0], store=place.url) as it:
        await it.greeted()
        ticket = await due_soon(it, "pay 100")
        await it.gateway.aclose()
        due = it.sim.clock.now() + timedelta(seconds=10)
        await it.sim.clock.advance(20, grace=0.02)
        assert (1, 1) == (await restored(place.url, clock=it.sim.clock), await restored(place.url, clock=it.sim.clock))
        store = open_store(place.url, {})
        await store.open()
        found = await store.message(MessageId(ticket.message_id))
        await store.close()
        assert found is not None
        assert [(True, due, None, 0)] == [(step.doubt, step.first_at, step.call, step.attempts) for step in found[1]]


async def _copied(url: str) -> datetime | None:
    store = open_store(url, {})
    await store.open()
    try:
        return await copied_at(store)
    finally:
        await store.close()
