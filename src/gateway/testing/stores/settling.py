"""The contract of the way out, second half: markers and limits, settlements, and changes from outside a lane."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from gateway.actions import DeliveryState
from gateway.ids import ChatId, EventId, Token
from gateway.store.port import Store
from gateway.store.rows import (
    AttemptRow,
    Bucket,
    EventOutcome,
    FactRow,
    Marked,
    MessageRow,
    MessageState,
    Settlement,
    StepRow,
    StepState,
    Work,
)
from gateway.testing.stores.samples import (
    CHAT,
    LEASE,
    NOW,
    OTHER,
    after,
    attempt_of,
    enqueued,
    finished,
    message_row,
    report,
    started,
    steps_of,
    token_of,
)

__all__ = ["SettlingContract"]


async def marked(store: Store, work: Work, buckets: Sequence[Bucket] = (), at: float = 0) -> Marked:
    """Mark the first step of a claimed row."""
    step = started(work, after(at))
    return await store.mark(work, step, attempt_of(step, after(at)), buckets)


async def claimed(store: Store, name: str, lane: str = CHAT, at: float = 0) -> Work:
    """Enqueue a row in a lane of its own and claim it."""
    await enqueued(store, name, lane)
    [work] = await store.claim(after(at), LEASE, 1)
    return work


def fact(name: str, source: str = "answer", **fields: object) -> FactRow:
    """Make a report about a vendor id."""
    row = FactRow(connection="main", vendor_id=name, state=DeliveryState.SENT, source=source, received_at=NOW)
    return replace(row, **fields)  # type: ignore[arg-type]  # each test names fields of a FactRow


def unknown(work: Work, *, parked: bool = False, until: float = 120) -> Settlement:
    """Make the settlement of a step whose answer was not read."""
    row = replace(work.message, state=MessageState.UNKNOWN, parked=parked)
    return finished(work, step=StepState.UNKNOWN, message=row, next_at=after(until))


def again(row: MessageRow, step: StepRow, **fields: object) -> Settlement:
    """Make the amendment that tries a step once more, as a new generation."""
    fresh = replace(step, state=StepState.WAITING, attempts=0, call=None, token=Token(f"{step.token}.again"))
    message = replace(row, state=MessageState.QUEUED, generation=row.generation + 1, parked=False, error=None)
    made = Settlement(message=message, step=fresh, attempt=None, next_at=NOW)
    return replace(made, **fields)  # type: ignore[arg-type]  # each test names fields of a Settlement


class SettlingContract:
    """`mark`, `settle`, `amend`."""

    pytestmark: pytest.MarkDecorator = pytest.mark.asyncio

    # ── markers and limits ────────────────────────────────────────────────────────────────────────────────────────

    async def test_a_marker_is_kept_before_the_call_leaves(self, store: Store) -> None:
        """The step with its call and the attempt can be seen as soon as they are marked."""
        work = await claimed(store, "1")
        step = started(work)
        assert Marked() == await store.mark(work, step, attempt_of(step))
        assert (work.message, (step,)) == await store.message(work.message.id)
        assert [attempt_of(step)] == await store.attempts(work.message.id)

    async def test_a_limit_lets_pass_one_in_each_interval(self, store: Store) -> None:
        """The second one is told until when it has to wait, to the microsecond."""
        bucket = Bucket("line", 0.3)
        first, second = await claimed(store, "1", CHAT), await claimed(store, "2", OTHER)
        assert Marked() == await marked(store, first, [bucket])
        assert Marked(until=after(0.3), limit="line") == await marked(store, second, [bucket], at=0.1)
        assert Marked(until=after(0.3), limit="line") == await marked(store, second, [bucket], at=0.299999)
        assert Marked() == await marked(store, second, [bucket], at=0.3)

    async def test_a_limit_may_allow_a_burst(self, store: Store) -> None:
        """So many may come at once after a pause; then one in each interval."""
        bucket = Bucket("line", 10, burst=3)
        works = [await claimed(store, str(number), f"chat_{number}") for number in range(5)]
        answers = [await marked(store, work, [bucket]) for work in works]
        assert [*[Marked()] * 3, *[Marked(until=after(10), limit="line")] * 2] == answers
        assert Marked() == await marked(store, works[3], [bucket], at=10)
        assert Marked(until=after(20), limit="line") == await marked(store, works[4], [bucket], at=19)

    async def test_limits_are_kept_together_or_not_at_all(self, store: Store) -> None:
        """When one of several limits is reached, none of the others is used and nothing is written."""
        slow, quick = Bucket("slow", 100), Bucket("quick", 1)
        first, second = await claimed(store, "1", CHAT), await claimed(store, "2", OTHER)
        assert Marked() == await marked(store, first, [slow])
        assert Marked(until=after(100), limit="slow") == await marked(store, second, [quick, slow], at=50)
        assert (second.message, second.steps) == await store.message(second.message.id)
        assert [] == await store.attempts(second.message.id)
        assert Marked() == await marked(store, second, [quick], at=50)

    async def test_the_limit_that_asks_for_the_longest_wait_is_named(self, store: Store) -> None:
        """Of several that are reached the caller learns the one that decides."""
        buckets = [Bucket("a", 10), Bucket("c", 30), Bucket("b", 20)]
        first, second = await claimed(store, "1", CHAT), await claimed(store, "2", OTHER)
        assert Marked() == await marked(store, first, buckets)
        assert Marked(until=after(30), limit="c") == await marked(store, second, buckets, at=1)

    async def test_a_place_that_was_not_used_is_free_again(self, store: Store) -> None:
        """What was tried and came to nothing pays once; so do others that wait."""
        bucket, burst = Bucket("line", 60), Bucket("all", 10, burst=2)
        work = await claimed(store, "1")
        spent = await marked(store, work, [bucket, burst])
        again = finished(work, MessageState.QUEUED, StepState.WAITING, next_at=after(1), unused=spent.taken)
        assert await store.settle(work, again)
        assert Marked() == await store.room([bucket], after(1))
        [work] = await store.claim(after(1), LEASE, 1)
        assert Marked() == await marked(store, work, [bucket, burst], at=1)
        assert Marked(until=after(61), limit="line") == await store.room([bucket], after(2))
        assert Marked() == await store.room([burst], after(2))

    async def test_a_place_stays_taken_once_another_was_taken_behind_it(self, store: Store) -> None:
        """Else two would pass that are closer to each other than the limit says."""
        bucket = Bucket("line", 60)
        first, second = await claimed(store, "1", CHAT), await claimed(store, "2", OTHER)
        spent = await marked(store, first, [bucket])
        assert Marked() == await marked(store, second, [bucket], at=60)
        again = finished(first, MessageState.QUEUED, StepState.WAITING, next_at=after(61), unused=spent.taken)
        assert await store.settle(first, again)
        assert Marked(until=after(120), limit="line") == await store.room([bucket], after(61))

    async def test_who_lost_a_lane_gives_no_place_back(self, store: Store) -> None:
        """What it was refused for, another one may be sending."""
        bucket = Bucket("line", 600)
        dead = await claimed(store, "1")
        spent = await marked(store, dead, [bucket])
        await store.claim(after(LEASE), LEASE, 1)
        again = finished(dead, MessageState.QUEUED, StepState.WAITING, next_at=after(LEASE), unused=spent.taken)
        assert not await store.settle(dead, again)
        assert Marked(until=after(600), limit="line") == await store.room([bucket], after(LEASE))

    async def test_many_markers_at_once_keep_a_limit(self, store: Store) -> None:
        """Of markers that race for one token one is written."""
        works = [await claimed(store, str(number), f"chat_{number}") for number in range(10)]
        bucket = Bucket("line", 60)
        answers = await asyncio.gather(*(marked(store, work, [bucket]) for work in works))
        assert [True] == [answer.written for answer in answers if answer.written]
        assert {after(60)} == {answer.until for answer in answers if not answer.written}

    async def test_who_lost_a_lane_uses_up_no_limit(self, store: Store) -> None:
        """A marker that is not written takes nothing."""
        bucket = Bucket("line", 60)
        dead = await claimed(store, "1")
        [work] = await store.claim(after(LEASE), LEASE, 1)
        assert Marked(lost=True) == await marked(store, dead, [bucket], at=LEASE)
        assert Marked() == await marked(store, work, [bucket], at=LEASE)

    async def test_room_is_told_and_not_taken(self, store: Store) -> None:
        """What a marker would be told now, however often it is asked."""
        slow, quick = Bucket("slow", 100, burst=2), Bucket("quick", 1)
        assert [Marked(), Marked()] == [await store.room([slow, quick], NOW) for _ in range(2)]
        works = [await claimed(store, str(number), f"chat_{number}") for number in range(2)]
        assert [Marked(), Marked()] == [await marked(store, work, [slow]) for work in works]
        assert Marked(until=after(100), limit="slow") == await store.room([quick, slow], NOW)
        assert [Marked(), Marked(), Marked()] == [
            await store.room([quick], NOW),
            await store.room([quick, slow], after(100)),
            await store.room([], NOW),
        ]

    # ── settlements ───────────────────────────────────────────────────────────────────────────────────────────────

    async def test_a_settlement_is_written_whole(self, store: Store) -> None:
        """Row, step, attempt, vendor ids, facts and events are there together."""
        work = await claimed(store, "1")
        step = started(work)
        attempt = attempt_of(step)
        await store.mark(work, step, attempt)
        done = replace(step, state=StepState.ACCEPTED, receipt='{"sent":[]}', doubt=True)
        row = replace(work.message, state=MessageState.ACCEPTED, generation=2, error='{"error":"x"}')
        ended = replace(attempt, ended_at=after(1), outcome="accepted", status=202, detail="{}")
        said = report("1", message_id=row.id)
        settlement = Settlement(
            message=row, step=done, attempt=ended, next_at=NOW, sent=("v1", "v2"), facts=(fact("v1"),), events=(said,)
        )
        assert await store.settle(work, settlement)
        assert (row, (done,)) == await store.message(row.id)
        assert [ended] == await store.attempts(row.id)
        assert [done, done] == [await store.owner("main", name) for name in ("v1", "v2")]
        assert [fact("v1")] == await store.facts("main", ["v1", "v2"])
        assert [said] == [kept.event for kept in await store.events_of(row.id)]
        assert [said] == [kept.event for kept in await store.claim_events(NOW, LEASE, 10)]

    async def test_a_settlement_of_a_lost_lane_leaves_no_trace(self, store: Store) -> None:
        """None of its parts is written."""
        work = await claimed(store, "1")
        await store.claim(after(LEASE), LEASE, 1)
        whole = finished(work, sent=("v1",), facts=(fact("v1"),), events=(report("1"),), alias=(CHAT, OTHER))
        assert await store.settle(work, whole) is False
        assert (work.message, work.steps) == await store.message(work.message.id)
        assert await store.owner("main", "v1") is None
        assert [] == await store.facts("main", ["v1"])
        assert [] == await store.events()
        assert OTHER == await store.canonical(OTHER)

    async def test_attempts_are_listed_in_order(self, store: Store) -> None:
        """Each attempt is there once, oldest first, through steps and generations."""
        row = await enqueued(store, "1", steps=2)
        expected: list[AttemptRow] = []
        for generation, index, number in ((1, 0, 1), (1, 0, 2), (1, 1, 1), (2, 1, 1)):
            [work] = await store.claim(after(len(expected)), LEASE, 1)
            step = replace(started(work, index=index), attempts=number)
            attempt = attempt_of(step, after(len(expected)), generation)
            await store.mark(work, step, attempt)
            expected.append(replace(attempt, ended_at=after(9), outcome="vendor_fault"))
            later = replace(finished(work, MessageState.QUEUED, StepState.WAITING), attempt=expected[-1])
            assert await store.settle(work, later)
        assert expected == await store.attempts(row.id)

    async def test_an_event_of_a_settlement_is_kept_once(self, store: Store) -> None:
        """The same event in a second settlement changes nothing."""
        work = await claimed(store, "1")
        await store.settle(work, finished(work, MessageState.QUEUED, StepState.WAITING, events=(report("1"),)))
        [work] = await store.claim(NOW, LEASE, 1)
        await store.settle(work, finished(work, events=(report("1"), report("2"))))
        assert [report("1"), report("2")] == [row.event for row in await store.events()]

    async def test_an_undecided_step_can_be_seen_on_its_lane(self, store: Store) -> None:
        """From its marker until it is known what became of it, or somebody has to decide; with the time it began."""
        work = await claimed(store, "1")
        seen = [await store.undecided(CHAT)]
        await marked(store, work)
        seen += [await store.undecided(lane) for lane in (CHAT, OTHER, ChatId("unheard of"))]
        assert [[], [NOW], [], []] == seen
        step = started(work)
        doubted = replace(step, state=StepState.WAITING, doubt=True)
        unknown = replace(work.message, state=MessageState.UNKNOWN)
        for kept, row, expected in (
            (doubted, work.message, [NOW]),
            (replace(step, state=StepState.UNKNOWN), unknown, [NOW]),
            (replace(step, state=StepState.UNKNOWN), replace(unknown, parked=True), []),
        ):
            settlement = Settlement(message=row, step=kept, attempt=None, next_at=NOW)
            assert await store.settle(work, settlement)
            assert expected == await store.undecided(CHAT)
            work = next(iter(await store.claim(NOW, LEASE, 1)), work)

    async def test_what_is_settled_is_undecided_no_longer(self, store: Store) -> None:
        """Whatever it came to."""
        work = await claimed(store, "1")
        await marked(store, work)
        await store.settle(work, finished(work))
        assert [] == await store.undecided(CHAT)

    # ── changes from outside ──────────────────────────────────────────────────────────────────────────────────────

    async def test_a_row_is_amended_in_the_state_that_was_expected(self, store: Store) -> None:
        """Another state, or no such row, leaves everything as it is."""
        row = await enqueued(store, "1")
        gone = message_row("gone")
        step = (await store.claim(NOW, LEASE, 1))[0].steps[0]
        await store.release(Work(CHAT, 1, row, (step,)), NOW)
        change = Settlement(message=replace(row, state=MessageState.CANCELLED), step=step, attempt=None, next_at=NOW)
        assert await store.amend(change, expect=MessageState.UNKNOWN) is False
        assert await store.amend(replace(change, message=gone), expect=MessageState.QUEUED) is False
        assert (row, (step,)) == await store.message(row.id)
        assert await store.amend(change, expect=MessageState.QUEUED)
        assert (change.message, (step,)) == await store.message(row.id)

    async def test_a_waiting_row_can_be_cancelled(self, store: Store) -> None:
        """It leaves its lane to the next one, at once, though it was to be tried again later."""
        await enqueued(store, "1")
        await enqueued(store, "2")
        [work] = await store.claim(NOW, LEASE, 1)
        await store.settle(work, finished(work, MessageState.QUEUED, StepState.WAITING, next_at=after(900)))
        assert await store.amend(finished(work, MessageState.CANCELLED), expect=MessageState.QUEUED)
        assert 1 == await store.depth("main")
        [work] = await store.claim(NOW, LEASE, 1)
        assert "msg_2" == work.message.id

    async def test_a_row_that_may_be_leaving_is_not_cancelled(self, store: Store) -> None:
        """While a lane is held for a queued row that is left alone, also after the lease has run out."""
        work = await claimed(store, "1")
        change = finished(work, MessageState.CANCELLED)
        assert await store.amend(change, expect=MessageState.QUEUED) is False
        assert Marked() == await marked(store, work, at=LEASE + 1)
        assert await store.amend(change, expect=MessageState.QUEUED) is False
        assert await store.settle(work, finished(work))

    async def test_what_waits_behind_a_row_that_is_leaving_can_be_cancelled(self, store: Store) -> None:
        """Nobody is at it; who holds the lane keeps it, and goes on with what is left."""
        work = await claimed(store, "1")
        second, third = await enqueued(store, "2"), await enqueued(store, "3")
        cancelled = replace(second, state=MessageState.CANCELLED)
        change = replace(finished(work), message=cancelled, step=steps_of(second)[0], attempt=None, next_at=after(900))
        assert await store.amend(change, expect=MessageState.QUEUED)
        assert (cancelled, 2) == ((await store.message(second.id) or [None])[0], await store.depth("main"))
        assert [] == await store.claim(NOW, LEASE, 10)
        settled = await store.settle_and_claim(work, finished(work), NOW, LEASE)
        assert third == (settled.next and settled.next.message)

    async def test_what_is_proven_from_outside_is_not_overwritten(self, store: Store) -> None:
        """Who held the lane to look for proof finds it lost: the row has changed under its hands."""
        work = await claimed(store, "1")
        await enqueued(store, "2")
        await store.settle(work, unknown(work))
        [work] = await store.claim(after(120), LEASE, 1)
        proven = finished(work, at=after(120))
        assert await store.amend(proven, expect=MessageState.UNKNOWN)
        assert await store.settle(work, unknown(work, parked=True)) is False
        assert (proven.message, (proven.step,)) == await store.message(work.message.id)
        assert ["msg_2"] == [work.message.id for work in await store.claim(after(120), LEASE, 1)]

    async def test_of_two_proofs_at_once_one_is_written(self, store: Store) -> None:
        """Amendments that race for a row see each other."""
        work = await claimed(store, "1")
        await store.settle(work, unknown(work))
        proofs = (store.amend(finished(work, sent=(f"v{n}",)), expect=MessageState.UNKNOWN) for n in range(6))
        answers = await asyncio.gather(*proofs)
        assert 1 == sum(answers)
        assert 1 == sum([await store.owner("main", f"v{n}") is not None for n in range(6)])

    async def test_a_parked_row_that_is_tried_again_goes_first(self, store: Store) -> None:
        """It is older than what passed it; the old token still finds it."""
        work = await claimed(store, "1")
        await store.settle(work, unknown(work, parked=True))
        await enqueued(store, "2", due_at=after(1))
        change = again(work.message, work.steps[0])
        assert await store.amend(change, expect=MessageState.UNKNOWN)
        assert 2 == await store.depth("main")
        [work] = await store.claim(after(200), LEASE, 10)
        assert (change.message, (change.step,)) == (work.message, work.steps)
        assert [change.step] * 2 == [
            await store.by_token(token) for token in (token_of(work.message.id), change.step.token)
        ]

    async def test_a_row_that_is_queued_and_parked_is_listed_and_not_claimed(self, store: Store) -> None:
        """What somebody has to decide about keeps no place in its lane, and is still in the list of its state."""
        work = await claimed(store, "1")
        await store.settle(work, unknown(work, parked=True, until=0))
        await enqueued(store, "2")
        change = again(work.message, work.steps[0])
        aside = replace(change, message=replace(change.message, parked=True))
        assert await store.amend(aside, expect=MessageState.UNKNOWN)
        assert [message_row("2"), aside.message] == await store.messages(MessageState.QUEUED)
        assert [message_row("2")] == await store.messages(MessageState.QUEUED, limit=1)
        assert 1 == await store.depth("main")
        assert ["msg_2"] == [work.message.id for work in await store.claim(after(200), LEASE, 10)]

    async def test_a_row_that_is_tried_again_waits_for_the_one_under_way(self, store: Store) -> None:
        """A held lane stays held, and its settlement is written."""
        work = await claimed(store, "1")
        await store.settle(work, unknown(work, parked=True, until=0))
        under_way = await claimed(store, "2")
        assert await store.amend(again(work.message, work.steps[0]), expect=MessageState.UNKNOWN)
        assert [] == await store.claim(after(1), LEASE, 10)
        assert await store.settle(under_way, finished(under_way))
        assert ["msg_1"] == [work.message.id for work in await store.claim(after(1), LEASE, 10)]

    async def test_settling_a_parked_row_does_not_hurry_the_one_that_waits(self, store: Store) -> None:
        """The wait of the row at the head is its own."""
        work = await claimed(store, "1")
        await store.settle(work, unknown(work, parked=True, until=0))
        waiting = await claimed(store, "2")
        await store.release(waiting, after(60))
        assert await store.amend(finished(work), expect=MessageState.UNKNOWN)
        assert [] == await store.claim(after(59), LEASE, 10)
        assert ["msg_2"] == [work.message.id for work in await store.claim(after(60), LEASE, 10)]

    async def test_an_amendment_is_written_whole(self, store: Store) -> None:
        """Vendor ids, facts, events and alias of an amendment are kept as those of a settlement are."""
        work = await claimed(store, "1")
        await store.settle(work, unknown(work))
        change = finished(work, sent=("v1",), facts=(fact("v1"),), events=(report("1"),), alias=(CHAT, OTHER))
        assert await store.amend(change, expect=MessageState.UNKNOWN)
        assert change.step == await store.owner("main", "v1")
        assert [fact("v1")] == await store.facts("main", ["v1"])
        assert [(EventId(report("1").id), EventOutcome.PENDING)] == [(e.id, e.outcome) for e in await store.events()]
        assert CHAT == await store.canonical(OTHER)
