"""The contract of the way in: webhooks, events in their order, facts and what follows from them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gateway.actions import DeliveryState
from gateway.events import UnknownEvent
from gateway.ids import ChatId, EventId, MessageId, Token, direct_chat
from gateway.store.port import Store
from gateway.store.rows import ConsentRow, EventOutcome, EventRow, FactRow, InboundRow, RunRow
from gateway.store.rules import ENDED
from gateway.testing.stores.samples import (
    CHAT,
    LEASE,
    NOW,
    OTHER,
    after,
    enqueued,
    finished,
    ids,
    received,
    report,
    webhook_row,
)

__all__ = ["EventsContract"]


def done(row: EventRow) -> EventRow:
    """Give an event as it is when its handlers have returned."""
    return replace(row, outcome=EventOutcome.DONE)


def keys(rows: list[EventRow]) -> list[str]:
    """Give the keys of events."""
    return [row.event.key for row in rows]


async def linked(store: Store, kept: ChatId, other: ChatId, name: str = "link") -> None:
    """Let a settlement link two chats."""
    await enqueued(store, name, f"lane of {name}")
    [work] = await store.claim(NOW, LEASE, 1)
    assert await store.settle(work, finished(work, alias=(kept, other)))


class EventsContract:
    """`ingest`, `claim_events`, `settle_event`, aliases."""

    pytestmark: pytest.MarkDecorator = pytest.mark.asyncio

    # ── webhooks ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_a_webhook_is_kept_with_its_events(self, store: Store) -> None:
        """The raw webhook comes back as it came, with the ids of what was made of it."""
        hook = webhook_row("1", body=b"\x00\xff{}", headers=(("x", "1"), ("x", "2"), ("ü", "✓")))
        events = [received("1"), report("2")]
        assert events == await store.ingest(hook, events)
        assert [hook._replace(events=tuple(ids(events)))] == await store.webhooks()
        assert events == [row.event for row in await store.events()]

    async def test_the_same_webhook_again_is_counted(self, store: Store) -> None:
        """It is not kept twice, its events are not new, and its first time of arrival stays."""
        events = [received("1")]
        answers = [await store.ingest(webhook_row("1", received_at=after(n)), events) for n in range(3)]
        assert [events, [], []] == answers
        assert [webhook_row("1", repeats=2, events=tuple(ids(events)))] == await store.webhooks()
        assert 1 == len(await store.events())

    async def test_the_same_webhook_from_many_at_once_is_kept_once(self, store: Store) -> None:
        """Of deliveries that race one has the new event."""
        answers = await asyncio.gather(*(store.ingest(webhook_row("1"), [received("1")]) for _ in range(12)))
        assert [[received("1")]] == [answer for answer in answers if answer]
        assert [11] == [hook.repeats for hook in await store.webhooks()]

    async def test_an_event_is_new_once_whatever_webhook_brings_it(self, store: Store) -> None:
        """Two webhooks about one fact give one event; so does one webhook that says it twice."""
        assert [received("1")] == await store.ingest(webhook_row("1"), [received("1"), received("1")])
        assert [received("2")] == await store.ingest(webhook_row("2"), [received("1"), received("2")])
        assert [1, 2] == [row.sequence for row in await store.events()]
        assert [2, 1] == [len(hook.events) for hook in await store.webhooks()]

    async def test_what_is_only_wanted_new_is_not_even_counted_otherwise(self, store: Store) -> None:
        """Of several that race one is kept; the others leave nothing, and nor does one that comes later."""
        hooks = [webhook_row(str(number)) for number in range(5)]
        answers = await asyncio.gather(*(store.ingest(hook, [received("1")], only_new=True) for hook in hooks))
        assert [[received("1")]] == [answer for answer in answers if answer]
        [kept] = await store.webhooks()
        assert [] == await store.ingest(kept, [received("1")], only_new=True)
        assert [] == await store.ingest(webhook_row("none"), [], only_new=True)
        assert [kept] == await store.webhooks()
        assert [received("2")] == await store.ingest(kept, [received("1"), received("2")], only_new=True)
        assert [(1, 2)] == [(hook.repeats, len(hook.events)) for hook in await store.webhooks()]

    async def test_what_could_not_be_parsed_is_in_quarantine_until_it_can(self, store: Store) -> None:
        """A webhook without events is kept with its reason; parsed again, it gets its events and leaves quarantine."""
        await store.ingest(webhook_row("fine", received_at=after(-5)), [])
        bad = webhook_row("bad", quarantine="KeyError in the parser")
        assert [] == await store.ingest(bad, [])
        assert [bad] == await store.webhooks(quarantined=True)
        assert [received("1")] == await store.ingest(webhook_row("bad"), [received("1")])
        assert [] == await store.webhooks(quarantined=True)
        assert [1] == [len(hook.events) for hook in await store.webhooks(since=NOW)]

    async def test_what_nobody_reads_is_in_quarantine_beside_its_event(self, store: Store) -> None:
        """However often it comes; read by a later parser it has both events, and leaves quarantine."""
        strange = webhook_row("strange", quarantine="another generation")
        unknown = UnknownEvent(key="u", reason="another generation", unread=True)
        unknown, message = unknown.stamped(connection="main", provider="test", received_at=NOW), received("1")
        for fresh in ([unknown], []):
            assert fresh == await store.ingest(strange, [unknown])
        kept = strange._replace(repeats=1, events=(unknown.id,))
        assert [kept] == await store.webhooks(quarantined=True)
        assert [message] == await store.ingest(webhook_row("strange"), [message])
        assert [unknown, message] == [row.event for row in await store.events()]
        assert [] == await store.webhooks(quarantined=True)
        assert [(unknown.id, message.id)] == [hook.events for hook in await store.webhooks()]

    async def test_webhooks_of_two_connections_are_two(self, store: Store) -> None:
        """The same body on another connection is another webhook."""
        await store.ingest(webhook_row("1", "a"), [received("1", connection="a")])
        await store.ingest(webhook_row("1", "b"), [received("1", connection="b")])
        assert [("b", 0), ("a", 0)] == [(hook.connection, hook.repeats) for hook in await store.webhooks()]
        assert 2 == len(await store.events())

    async def test_facts_and_words_follow_only_from_new_events(self, store: Store) -> None:
        """What a repeated event says is left out; what a new one says is kept."""

        def said(source: EventId, state: DeliveryState) -> FactRow:
            return FactRow(connection="main", vendor_id="v", state=state, source=source, received_at=NOW)

        def word(source: EventId, *, agreed: bool) -> ConsentRow:
            return ConsentRow(connection="main", address="+1", agreed=agreed, source=source, changed_at=NOW)

        old, new = report("old"), report("new")
        first = (said(old.id, DeliveryState.SENT), word(old.id, agreed=True))
        await store.ingest(webhook_row("1"), [old], [first[0]], [first[1]])
        late = [said(old.id, DeliveryState.FAILED), said(new.id, DeliveryState.READ)]
        await store.ingest(webhook_row("2"), [old, new], late, [word(old.id, agreed=False)])
        assert {first[0], late[1]} == set(await store.facts("main", ["v"]))
        assert first[1] == await store.consent("main", "+1")

    async def test_a_token_that_came_back_is_proof(self, store: Store) -> None:
        """Vendor ids are listed by the token of their step, each once, in the order they came."""
        token = Token("t")
        for number, name in enumerate(("b", "a", "b")):
            await store.ingest(webhook_row(str(number)), [report(f"{number}", vendor_id=name, token=token)])
        await store.ingest(webhook_row("x"), [report("x", vendor_id=None, token=token), received("y", token=token)])
        assert (("b", "a"), ()) == (await store.proofs(token), await store.proofs(Token("none")))

    async def test_the_last_message_of_a_contact_is_known(self, store: Store) -> None:
        """Own messages that came back do not count, nor do older ones that arrive late."""
        events = [
            received("1"),
            received("2", received_at=after(2)),
            received("echo", received_at=after(9), ours=True),
            received("late", received_at=after(1)),
            received("there", OTHER),
            received("nowhere", None),
        ]
        await store.ingest(webhook_row("1"), events)
        assert InboundRow(vendor_id="in-2", received_at=after(2)) == await store.last_inbound("main", CHAT)
        assert InboundRow(vendor_id="in-there", received_at=NOW) == await store.last_inbound("main", OTHER)
        assert await store.last_inbound("other", CHAT) is None

    # ── handing over ──────────────────────────────────────────────────────────────────────────────────────────────

    async def test_events_of_a_chat_are_handed_over_one_by_one_in_order(self, store: Store) -> None:
        """The next one of a chat is free when the one before is done; other chats do not wait for it."""
        events = [received("a1"), received("a2"), received("b1", OTHER), received("c1", None), report("c2", None)]
        await store.ingest(webhook_row("1"), events)
        rows = await store.claim_events(NOW, LEASE, 10)
        assert [EventRow(sequence=n, event=events[n - 1]) for n in (1, 3, 4)] == rows
        assert [] == await store.claim_events(NOW, LEASE, 10)
        for row in rows:
            await store.settle_event(done(row))
        assert ["a2", "c2"] == keys(await store.claim_events(NOW, LEASE, 10))

    async def test_no_more_events_are_claimed_than_asked_for(self, store: Store) -> None:
        """The limit is kept; those that came first go first."""
        await store.ingest(webhook_row("1"), [received(str(number), f"chat_{number}") for number in range(5)])
        claims = [await store.claim_events(NOW, LEASE, limit) for limit in (0, 2, 2, 2)]
        assert [[], ["0", "1"], ["2", "3"], ["4"]] == [keys(rows) for rows in claims]

    async def test_many_claims_at_once_never_give_an_event_twice(self, store: Store) -> None:
        """Dispatchers that race share what is pending."""
        await store.ingest(webhook_row("1"), [received(f"{n:02}", f"chat_{n}") for n in range(20)])
        claims = await asyncio.gather(*(store.claim_events(NOW, LEASE, 4) for _ in range(8)))
        claimed = [key for rows in claims for key in keys(rows)]
        assert [f"{n:02}" for n in range(20)] == sorted(claimed + keys(await store.claim_events(NOW, LEASE, 20)))

    async def test_an_event_whose_lease_ran_out_is_handed_over_again(self, store: Store) -> None:
        """A dispatcher that died leaves its event to the next one, with the same id and one try more each time."""
        await store.ingest(webhook_row("1"), [received("1"), received("2")])
        [row] = await store.claim_events(NOW, LEASE, 10)
        assert [] == await store.claim_events(after(LEASE - 0.001), LEASE, 10)
        for count in (1, 2):
            left = replace(row, tries=count, error=ENDED)
            assert [left] == await store.claim_events(after(LEASE * count), LEASE, 10)
            assert left == await store.event(row.id)

    async def test_what_is_given_back_counts_no_try(self, store: Store) -> None:
        """Who ends in good order settles what it did not hand over as pending: the next one has it at once."""
        await store.ingest(webhook_row("1"), [received("1")])
        for _ in range(3):
            rows = await store.claim_events(NOW, LEASE, 10)
            assert [EventRow(sequence=1, event=received("1"))] == rows
            await store.settle_event(rows[0])

    async def test_what_was_left_counts_on_top_of_what_failed(self, store: Store) -> None:
        """Of a chat that was linked meanwhile too: each event has its own tries."""
        await store.ingest(webhook_row("1"), [received("1"), received("2", OTHER)])
        first, second = await store.claim_events(NOW, LEASE, 10)
        await store.settle_event(replace(first, tries=3, retry_at=after(1), error="ValueError in a handler"))
        await store.claim_events(after(1), LEASE, 10)
        await linked(store, CHAT, OTHER)
        [left] = await store.claim_events(after(2 * LEASE), LEASE, 10)
        assert (first.id, 4, ENDED) == (left.id, left.tries, left.error)
        await store.settle_event(done(left))
        [left] = await store.claim_events(after(2 * LEASE), LEASE, 10)
        assert (second.id, 1, ENDED) == (left.id, left.tries, left.error)

    async def test_a_failed_event_is_tried_again_and_holds_its_chat(self, store: Store) -> None:
        """Its chat waits until `retry_at`, then the event comes with what was written."""
        await store.ingest(webhook_row("1"), [received("1"), received("2"), received("3", OTHER)])
        row, other = await store.claim_events(NOW, LEASE, 10)
        failed = replace(row, tries=1, retry_at=after(5), error="ValueError in a handler")
        await store.settle_event(failed)
        await store.settle_event(done(other))
        assert [] == await store.claim_events(after(4), LEASE, 10)
        assert [failed] == await store.claim_events(after(5), LEASE, 10)

    async def test_a_parked_event_lets_the_next_one_pass(self, store: Store) -> None:
        """It stays visible, and can be handed over again before those that came after it."""
        await store.ingest(webhook_row("1"), [received("1"), received("2"), received("3")])
        [row] = await store.claim_events(NOW, LEASE, 10)
        parked = replace(row, tries=5, outcome=EventOutcome.PARKED, error="ValueError in a handler")
        await store.settle_event(parked)
        assert parked == await store.event(row.id)
        [second] = await store.claim_events(NOW, LEASE, 10)
        await store.settle_event(done(second))
        await store.settle_event(replace(parked, outcome=EventOutcome.PENDING))
        assert ["1"] == keys(await store.claim_events(NOW, LEASE, 10))

    async def test_an_event_that_is_done_stays_done(self, store: Store) -> None:
        """A dispatcher that comes late with a failure does not bring it back; its run is kept."""
        await store.ingest(webhook_row("1"), [received("1"), received("2")])
        [late] = await store.claim_events(NOW, LEASE, 10)
        [row] = await store.claim_events(after(LEASE), LEASE, 10)
        await store.settle_event(done(row))
        run = RunRow(event=row.id, handler="f", started_at=NOW, ended_at=after(99), error="ValueError")
        await store.settle_event(replace(late, tries=1, retry_at=NOW), [run])
        assert (done(row), [run]) == (await store.event(row.id), await store.runs(row.id))
        assert ["2"] == keys(await store.claim_events(after(LEASE), LEASE, 10))

    async def test_a_settled_event_is_kept_as_it_was_handed_over(self, store: Store) -> None:
        """What was learned about it meanwhile, such as the message that it is about, is kept."""
        await store.ingest(webhook_row("1"), [report("1")])
        [row] = await store.claim_events(NOW, LEASE, 10)
        message = MessageId("msg_1")
        joined = done(replace(row, event=row.event.model_copy(update={"message_id": message, "reference": "r"})))
        assert [] == await store.events_of(message)
        await store.settle_event(joined)
        assert [joined] == await store.events_of(message) == await store.events()

    async def test_an_event_that_was_handled_is_kept_as_done(self, store: Store) -> None:
        """Nobody is called for it, and it does not hold its chat."""
        events = [received("old"), received("new")]
        assert events == await store.ingest(webhook_row("1"), events, handled={events[0].id})
        assert ["new"] == keys(await store.claim_events(NOW, LEASE, 10))
        assert [EventOutcome.DONE, EventOutcome.PENDING] == [row.outcome for row in await store.events()]

    async def test_the_runs_of_handlers_are_listed(self, store: Store) -> None:
        """Oldest first, over several tries, whole."""
        await store.ingest(webhook_row("1"), [received("1")])
        event = received("1").id
        runs = []
        for number in range(3):
            [row] = await store.claim_events(after(number), LEASE, 10)
            made = [
                RunRow(event=event, handler=name, started_at=after(number), ended_at=after(number + 0.5), error=error)
                for name, error in (("first", None), ("second", f"ValueError {number}"))
            ]
            await store.settle_event(replace(row, tries=number + 1, retry_at=after(number + 1)), made)
            runs += made
        assert runs == await store.runs(event)

    # ── two ids of one chat ───────────────────────────────────────────────────────────────────────────────────────

    async def test_a_linked_chat_is_kept_under_the_first_id(self, store: Store) -> None:
        """Through several links, in any direction, and never in a circle."""
        a, b, c, d = (ChatId(f"chat_{name}") for name in "abcd")
        await linked(store, a, b, "1")
        await linked(store, b, c, "2")
        await linked(store, c, a, "3")
        await linked(store, a, a, "4")
        await linked(store, d, c, "5")
        assert [d, d, d, d] == [await store.canonical(chat) for chat in (a, b, c, d)]

    async def test_a_chat_is_known_by_all_its_names(self, store: Store) -> None:
        """First the one that it is kept under, whichever is asked for; one that has no alias has one name."""
        a, b, c, d = (ChatId(f"chat_{name}") for name in "abcd")
        await linked(store, c, b, "1")
        await linked(store, c, a, "2")
        assert [(c, a, b)] * 3 == [await store.names(chat) for chat in (a, b, c)]
        assert (d,) == await store.names(d)

    async def test_a_contact_has_one_word_by_all_their_names(self, store: Store) -> None:
        """The latest, whichever name it was said by, before the link or after it; of two at one time the no."""
        phone, contact = "+12025550123", "contact:c-1"

        def word(address: str, seconds: float, *, agreed: bool) -> ConsentRow:
            moment = after(seconds)
            return ConsentRow(connection="main", address=address, agreed=agreed, source="s", changed_at=moment)

        async def words() -> list[ConsentRow | None]:
            return [await store.consent("main", address) for address in (phone, contact)]

        out, later = word(phone, 1, agreed=False), word(contact, 2, agreed=True)
        await store.keep_consent(out)
        await store.keep_consent(word(contact, 0, agreed=True))
        assert [out, word(contact, 0, agreed=True)] == await words()
        await linked(store, direct_chat("main", contact), direct_chat("main", phone))
        assert [out, out] == await words()
        await store.keep_consent(later)
        assert [later, later] == await words()
        await store.keep_consent(word(phone, 2, agreed=False))
        assert [word(phone, 2, agreed=False)] * 2 == await words()
        assert await store.consent("other", phone) is None

    async def test_events_of_a_linked_chat_carry_the_kept_id(self, store: Store) -> None:
        """New ones and those that wait; those that are done stay as they were handed over."""
        before = [received("1", OTHER), received("2", OTHER)]
        await store.ingest(webhook_row("1"), before)
        [row] = await store.claim_events(NOW, LEASE, 10)
        await store.settle_event(done(row))
        await linked(store, CHAT, OTHER)
        [fresh] = await store.ingest(webhook_row("2"), [received("3", OTHER)])
        assert CHAT == fresh.chat_id
        assert [OTHER, CHAT, CHAT] == [row.event.chat_id for row in await store.events()]

    async def test_linking_keeps_the_order_of_what_waits(self, store: Store) -> None:
        """Events under both ids are one lane from then on, in the order they came, and wait for what is under way."""
        await store.ingest(webhook_row("1"), [received("1", OTHER), received("2"), received("3", OTHER), received("4")])
        first, second = await store.claim_events(NOW, LEASE, 10)
        assert ["1", "2"] == keys([first, second])
        await linked(store, CHAT, OTHER)
        await store.settle_event(done(first))
        assert [] == await store.claim_events(NOW, LEASE, 10)
        await store.settle_event(done(second))
        order = []
        while rows := await store.claim_events(NOW, LEASE, 10):
            order += keys(rows)
            await store.settle_event(done(rows[0]))
        assert ["3", "4"] == order

    async def test_an_event_is_settled_though_its_chat_was_linked_meanwhile(self, store: Store) -> None:
        """Its lane is free again, under the id that is kept."""
        await store.ingest(webhook_row("1"), [received("1", OTHER), received("2", OTHER)])
        [row] = await store.claim_events(NOW, LEASE, 10)
        await linked(store, CHAT, OTHER)
        await store.settle_event(done(replace(row, event=row.event.model_copy(update={"chat_id": CHAT}))))
        assert ["2"] == keys(await store.claim_events(NOW, LEASE, 10))

    async def test_the_last_message_of_a_linked_chat_is_the_latest_of_both(self, store: Store) -> None:
        """It is found under either id."""
        await store.ingest(webhook_row("1"), [received("1", OTHER, received_at=after(1)), received("2")])
        await linked(store, CHAT, OTHER)
        latest = InboundRow(vendor_id="in-1", received_at=after(1))
        assert [latest, latest] == [await store.last_inbound("main", chat) for chat in (CHAT, OTHER)]
