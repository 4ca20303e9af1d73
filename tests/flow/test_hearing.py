"""What a vendor told of a send and nobody heard proves it: its webhooks are read before anything ambiguous is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import pytest

from gateway import (
    DeliveryUpdated,
    Message,
    MessageReceived,
    OutcomeUnknown,
    RateLimited,
    Ticket,
    VendorFault,
    Voice,
    hearing,
)
from gateway.plugins import load
from gateway.provider import Exchange, Missed, Provider
from gateway.simulator import Fault, FaultKind
from gateway.simulator.faults import Stage as At
from gateway.store import Store
from tests.flow.paced import Paced, paced
from tests.flow.stage import OTHER, PHONE, VENDORS

TELLING = [
    name
    for name in VENDORS
    if load().provider(name).proof.token_returns and load().provider(name).missed is not Provider.missed
]
"""The vendors that tell our token, and keep what they told."""

Read: TypeAlias = Callable[..., Exchange[Missed]]
"""What a provider's own `missed` is, with the provider first."""

NOTE = Message(parts=[Voice(url="https://example.com/a.m4a")])

pytestmark = pytest.mark.parametrize("vendor", TELLING)


def reading(it: Paced, patch: pytest.MonkeyPatch, make: Callable[[Read], Read] = lambda own: own) -> list[datetime]:
    """Have the provider read what was kept in another way from here on; gives when pages are asked for."""
    kind, asked = type(it.gateway.connections[0].provider), list[datetime]()
    other = make(kind.missed)

    def missed(provider: Any, cursor: str | None, *, since: datetime | None = None) -> Exchange[Missed]:
        asked.append(it.sim.clock.now())
        return (yield from other(provider, cursor, since=since))

    patch.setattr(kind, "missed", missed)
    return asked


def failing(error: Callable[[], Exception], times: list[int]) -> Callable[[Read], Read]:
    """Fail while there is one in `times`."""

    def make(own: Read) -> Read:
        def missed(provider: Any, cursor: str | None, *, since: datetime | None = None) -> Exchange[Missed]:
            if times:
                times.pop()
                raise error()
            return (yield from own(provider, cursor, since=since))

        return missed

    return make


def blind(it: Paced, patch: pytest.MonkeyPatch) -> list[str]:
    """Have the vendor's records show nothing; gives for which steps they are asked."""
    kind, asked = type(it.gateway.connections[0].provider), list[str]()
    own = kind.find

    def find(provider: Any, attempt: Any) -> Any:
        asked.append(attempt.action.key)
        found = yield from own(provider, attempt)
        return type(found)()

    patch.setattr(kind, "find", find)
    return asked


async def unheard(it: Paced, *sends: tuple[Any, Any]) -> list[Ticket]:
    """Send messages, each to somebody, whose answers are lost, and the webhooks about them."""
    it.sim.faults.add(Fault(vendor=it.vendor, stage=At.WEBHOOK, kind=FaultKind.DROP, times=None))
    answers = it.sim.faults.add(
        Fault(vendor=it.vendor, stage=At.ACCEPTED, kind=FaultKind.RESET, method="POST", times=len(sends))
    )
    tickets = [await it.gateway.enqueue(to, message) for to, message in sends]
    await it.until(lambda: answers.struck == len(sends))
    return tickets


async def outcomes(it: Paced, tickets: Sequence[Ticket]) -> list[str]:
    """Say what became of them."""
    return [(await it.gateway.status(ticket)).outcome for ticket in tickets]


def settle(it: Paced) -> float:
    """Give the vendor's settle time, in seconds."""
    return it.gateway.connections[0].provider.proof.settle.total_seconds()


async def test_what_no_record_shows_is_proven_by_what_was_told(
    vendor: str, reopen: Callable[[], Store | str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A voice note, a message in a group, and a text: the token is there for all of them, and nothing else is asked."""
    async with paced(vendor, store=reopen()) as it:
        await it.greeted()
        await it.greeted(OTHER)
        it.phone.start_group([it.sim.contact(OTHER).address], "in a group", vendor=vendor)
        await it.go_on(1)
        chats = [event.chat for event in it.events if isinstance(event, MessageReceived)]
        group = next(chat for chat in chats if chat is not None and chat.group)
        asked = blind(it, monkeypatch)
        tickets = await unheard(it, (PHONE, NOTE), (group, "hello all"), (OTHER, "hello"))
        await it.go_on(settle(it) + 5)

        assert (["accepted"] * 3, []) == (await outcomes(it, tickets), asked)
        reports = [event for event in it.events if isinstance(event, DeliveryUpdated) and event.raw is not None]
        assert {ticket.message_id for ticket in tickets} == {event.message_id for event in reports}
        assert len(reports) == len({event.id for event in reports})
        again = await it.gateway.catch_up("main")
        await it.go_on(1)
        assert 0 == again.recovered


async def test_of_two_equal_texts_the_token_tells_which_arrived(vendor: str) -> None:
    """By the contact's history nobody could say whose the one message is."""
    async with paced(vendor) as it:
        await it.greeted()
        [arrived] = await unheard(it, (PHONE, "same"))
        await it.go_on(1)
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.RESET, method="POST"))
        lost = await it.gateway.enqueue(PHONE, "same")
        await it.go_on(2 * settle(it) + 10)

        assert (["accepted", "unknown"], ["same"]) == (await outcomes(it, [arrived, lost]), it.texts())


async def test_sends_of_one_time_share_a_look(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many became unknown together, the vendor's list is read once for all."""
    async with paced(vendor) as it:
        phones = [f"+120255501{number}" for number in range(30, 38)]
        for phone in phones:
            await it.greeted(phone)
        asked = reading(it, monkeypatch)
        blind(it, monkeypatch)
        it.sim.faults.add(
            Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.RESET, method="POST", times=len(phones))
        )
        tickets = [await it.gateway.enqueue(phone, "never read") for phone in phones]
        await it.go_on(settle(it) + 5)

        assert (["unknown"] * 8, 1) == (await outcomes(it, tickets), len(asked))


async def test_a_later_send_is_looked_for_anew(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look from before the vendor could have told of it says nothing."""
    async with paced(vendor) as it:
        await it.greeted()
        await it.greeted(OTHER)
        asked = reading(it, monkeypatch)
        tickets = await unheard(it, (PHONE, NOTE))
        await it.go_on(settle(it) + 1)
        assert (["accepted"], 1) == (await outcomes(it, tickets), len(asked))
        tickets += await unheard(it, (OTHER, NOTE))
        await it.go_on(settle(it) + 1)

        assert (["accepted"] * 2, 2) == (await outcomes(it, tickets), len(asked))


async def test_a_look_proves_whatever_is_there(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A send whose own time is not over yet has its proof taken in as well."""
    async with paced(vendor) as it:
        await it.greeted()
        await it.greeted(OTHER)
        asked = reading(it, monkeypatch)
        tickets = await unheard(it, (PHONE, NOTE))
        await it.go_on(20)
        tickets += await unheard(it, (OTHER, NOTE))
        await it.go_on(settle(it) - 15)

        assert (["accepted"] * 2, 1) == (await outcomes(it, tickets), len(asked))


async def test_only_what_proves_is_taken_in(vendor: str) -> None:
    """What a contact wrote meanwhile is left to catching up, and to whoever wants that."""
    async with paced(vendor) as it:
        await it.greeted()
        tickets = await unheard(it, (PHONE, NOTE))
        it.sim.contact(OTHER).write("unheard of", vendor=vendor)
        await it.go_on(settle(it) + 5)
        texts = [event.text for event in it.events if isinstance(event, MessageReceived)]
        assert (["accepted"], ["hello"]) == (await outcomes(it, tickets), texts)

        await it.gateway.catch_up("main")
        await it.go_on(1)
        texts = [event.text for event in it.events if isinstance(event, MessageReceived)]
        assert ["hello", "unheard of"] == texts


async def test_what_another_connection_sent_is_left_to_it(vendor: str) -> None:
    """The vendor keeps what it told a whole account: each connection takes in what is about its own sends."""
    async with paced(vendor) as it:
        await it.greeted()
        await it.greeted(OTHER)
        first = await unheard(it, (PHONE, NOTE))
        it.gateway.connect(vendor, "other", **it.sim.settings(vendor))
        it.sim.faults.add(Fault(vendor=vendor, stage=At.ACCEPTED, kind=FaultKind.RESET, method="POST"))
        second = await it.gateway.enqueue(OTHER, NOTE, via="other")
        await it.go_on(settle(it) + 5)

        assert ["accepted"] * 2 == await outcomes(it, [*first, second])
        reports = [event for event in it.events if isinstance(event, DeliveryUpdated) and event.raw is not None]
        assert {("main", first[0].message_id), ("other", second.message_id)} == {
            (event.connection, event.message_id) for event in reports
        }


# ── where the list cannot be read ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("error", [VendorFault, OutcomeUnknown, KeyError])
async def test_other_proof_is_looked_for_where_it_cannot_be_read(
    vendor: str, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """The contact's history is asked as if there were nothing else."""
    async with paced(vendor) as it:
        await it.greeted()
        reading(it, monkeypatch, failing(lambda: error("no"), [1] * 1000))
        tickets = await unheard(it, (PHONE, "once"))
        await it.go_on(settle(it) + 5)

        assert ["accepted"] == await outcomes(it, tickets)


async def test_a_look_that_failed_is_made_again(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing else could prove it, nobody is asked to decide what an outage hides."""
    async with paced(vendor) as it:
        await it.greeted()
        asked = reading(it, monkeypatch, failing(lambda: VendorFault("down"), [1, 1]))
        [ticket] = await unheard(it, (PHONE, NOTE))
        for _ in range(6):
            await it.go_on(60)

        assert (["accepted"], 3) == (await outcomes(it, [ticket]), len(asked))


async def test_a_list_that_cannot_be_read_comes_to_a_person(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After as long as a send is looked for; its chat goes on."""
    async with paced(vendor) as it:
        await it.greeted()
        asked = reading(it, monkeypatch, failing(lambda: VendorFault("down"), [1] * 1000))
        [ticket] = await unheard(it, (PHONE, NOTE))
        await it.gateway.enqueue(PHONE, "next")
        for _ in range(12):
            await it.go_on(60)

        row, _ = await it.gateway.store.message(ticket.message_id) or (None, ())
        assert row is not None
        assert (True, True) == (row.parked, "next" in it.texts())
        assert len(asked) < 15


async def test_a_vendor_that_says_when_to_come_is_not_asked_before(
    vendor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its word holds for all sends of the connection."""
    async with paced(vendor) as it:
        await it.greeted()
        await it.greeted(OTHER)
        asked = reading(it, monkeypatch, failing(lambda: RateLimited("slowly", retry_after=90), [1]))
        tickets = await unheard(it, (PHONE, NOTE))
        await it.go_on(30)
        tickets += await unheard(it, (OTHER, NOTE))
        for _ in range(8):
            await it.go_on(60)

        assert ["accepted"] * 2 == await outcomes(it, tickets)
        assert timedelta(seconds=90) <= asked[1] - asked[0]


async def test_a_slow_list_keeps_no_chat_waiting(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading ends with half of the settle time; then other proof is looked for, and the chat goes on."""
    async with paced(vendor) as it:
        await it.greeted()
        asked = reading(it, monkeypatch)
        tickets = await unheard(it, (PHONE, "once"))
        slow = Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.DELAY, method="GET", seconds=7 * 86_400)
        it.sim.faults.add(slow)
        await it.go_on(settle(it) + 1)
        assert (1, ["unknown"]) == (len(asked), await outcomes(it, tickets))
        await it.go_on(settle(it) / 2 + 5)

        assert (1, ["accepted"]) == (len(asked), await outcomes(it, tickets))


# ── long lists ────────────────────────────────────────────────────────────────────────────────────────────────────


def by_one(own: Read) -> Read:
    """Give one webhook on a page."""

    def missed(provider: Any, cursor: str | None, *, since: datetime | None = None) -> Exchange[Missed]:
        found = yield from own(provider, None, since=since)
        place = int(cursor or 0)
        recent = [hook for hook in found.hooks if since is None or hook.received_at >= since]
        return Missed(recent[place : place + 1], str(place + 1) if place + 1 < len(recent) else None)

    return missed


async def test_a_long_list_is_read_until_the_token_is_there(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From just before the attempt on: what came later is not read."""
    async with paced(vendor) as it:
        await it.greeted()
        asked = reading(it, monkeypatch, by_one)
        tickets = await unheard(it, (PHONE, NOTE))
        await it.go_on(10)
        for number in range(20):
            it.sim.contact(OTHER).write(str(number), vendor=vendor)
            await it.go_on(1)
        await it.go_on(settle(it))

        assert ["accepted"] == await outcomes(it, tickets)
        assert len(asked) < 5


async def test_a_long_list_is_read_to_a_bound(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not among the first pages is left to a person, or to catching up."""
    monkeypatch.setattr(hearing, "PAGES", 4)
    async with paced(vendor) as it:
        await it.greeted()
        asked = reading(it, monkeypatch, by_one)
        it.sim.faults.add(Fault(vendor=vendor, stage=At.WEBHOOK, kind=FaultKind.DROP, times=None))
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.RESET, method="POST"))
        ticket = await it.gateway.enqueue(PHONE, NOTE)
        for number in range(20):
            it.sim.contact(OTHER).write(str(number), vendor=vendor)
            await it.go_on(1)
        await it.go_on(settle(it))

        assert (["unknown"], 4) == (await outcomes(it, [ticket]), len(asked))
