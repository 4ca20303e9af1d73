"""Settling what nobody knows: a token that came back, the vendor's own records, or else a person."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import floor, log
from typing import NamedTuple, TypeAlias

from gateway import outbox
from gateway.actions import Attempt, DeliveryState, Found, Receipt, SendMessage, Sent
from gateway.clock import Clock, wait_for_change
from gateway.connections import Connection, Connections
from gateway.delivery import merge
from gateway.drive import Send, drive
from gateway.errors import GatewayError, Refused, Retriable, StoreError
from gateway.failpoints import Point, reach
from gateway.ids import ChatId, Token
from gateway.log import logger
from gateway.model import Link, Part, Text
from gateway.standing import begin
from gateway.store.port import Store
from gateway.store.rows import AttemptRow, MessageRow, MessageState, Settlement, StepRow, StepState, Work
from gateway.store.rules import has_begun

__all__ = ["Hear", "Late", "absent", "came_late", "look_again", "look_for_proof", "prove", "proven", "reported_states"]

_log = logger(__name__)

Late: TypeAlias = Callable[[MessageRow, Sequence[StepRow], StepRow], Settlement | None]
"""Makes of a row that was given up what a late answer says about it; None where it says nothing."""

Hear: TypeAlias = Callable[[Connection, Token, datetime], Awaitable[GatewayError | None]]
"""Takes in what a vendor told of a send since it began and nobody heard; gives what stood in the way of that."""

UNDECIDED = 120.0
"""Seconds that a late answer waits for whoever has the lane now: two leases, for that one may be dead itself."""
LOOKING = 600.0
"""Seconds from an attempt in which a look that the vendor did not answer is made again, as long as a send is retried.

What makes an answer to a send get lost makes a look fail as well; nobody is asked to decide what an outage hides.
"""
SOONEST, LATEST = 1.0, 60.0
"""Seconds between two such looks: half of what has passed, within these."""
AGING = 1.25
"""How many times as old a send that waits for a person is at each look that nobody asked for as at the one before.

What a vendor read late is there soon, or never: so looks become rare, and those that nobody decides about do not cost
the vendor a call each for ever.
"""
LOOK = 1.0
"""Seconds after which it looks again, where nobody tells this process of what others write."""


def proven(vendor_ids: tuple[str, ...]) -> Receipt:
    """Make the receipt of a send that is proven by ids alone: its answer was never read."""
    return Receipt(sent=tuple(Sent(vendor_id=vendor_id, index=index) for index, vendor_id in enumerate(vendor_ids)))


def absent(message: MessageRow, step: StepRow, attempt: AttemptRow | None, next_at: datetime) -> Settlement:
    """The vendor does not have what it might have had: the step goes as if it had never been tried."""
    fresh = replace(step, state=StepState.WAITING, call=None, doubt=False, first_at=None)
    row = replace(message, state=MessageState.QUEUED, parked=False, error=None)
    return Settlement(message=row, step=fresh, attempt=attempt, next_at=next_at)


async def prove(store: Store, connections: Connections, token: Token, now: datetime) -> None:
    """Settle an unknown step whose token came back in a webhook: the vendor has it."""
    step = await store.by_token(token)
    found = await store.message(step.message) if step else None
    if step is None or found is None:
        return
    message, steps = found
    connection = connections.find(message.connection)
    vendor_ids = await store.proofs(token)
    if message.state is MessageState.UNKNOWN and step.state is StepState.UNKNOWN and connection and vendor_ids:
        states = await reported_states(store, connection, vendor_ids)
        settled = _of_one_given_up(message, steps, step, vendor_ids, states, connection, now)
        # before it is settled: nobody comes back to what is
        await begin(store, connection, message.lane, now)
        if await store.amend(settled, expect=MessageState.UNKNOWN):
            reach(Point.PROVEN)
            _log.info("outcome_proven", message_id=message.id, step=step.index, by="webhook")


class _Seen(NamedTuple):
    """What a look for a step showed."""

    vendor_ids: tuple[str, ...] = ()
    gone: bool = False
    """The vendor certainly has nothing."""
    errors: tuple[GatewayError, ...] = ()
    """What stood in the way."""


async def look_for_proof(
    store: Store,
    work: Work,
    step: StepRow,
    connection: Connection,
    now: datetime,
    *,
    began: datetime,
    hear: Hear | None = None,
) -> Settlement | None:
    """Say what became of a step whose settle time is over; None where that was written as it was found.

    By the vendor's webhooks, then by those that it kept, else by its records. Where the vendor does not answer it is
    asked again later; the time before this process `began` does not count. With no proof it is parked for `resolve`,
    and its chat goes on: a dead chat is worse than a gap.
    """
    seen = await _seen(store, work.message, step, connection, hear)
    if seen is None:
        return None
    if seen.vendor_ids:
        _log.info("outcome_proven", message_id=work.message.id, step=step.index, by="records")
        await begin(store, connection, work.lane, now)
        states = await reported_states(store, connection, seen.vendor_ids)
        receipt = proven(seen.vendor_ids)
        return outbox.accepted(work.message, work.steps, step, receipt, None, connection, now, states=states)
    if seen.gone:
        _log.info("outcome_absent", message_id=work.message.id, step=step.index)
        return absent(work.message, step, None, now)
    for error in seen.errors:
        if (then := await _next_look(store, work.message, error, now, began)) is not None:
            return Settlement(message=work.message, step=step, attempt=None, next_at=then)
    _log.warning("outcome_parked", message_id=work.message.id, step=step.index, connection=connection.name)
    return Settlement(message=replace(work.message, parked=True), step=step, attempt=None, next_at=now)


async def _seen(
    store: Store, message: MessageRow, step: StepRow, connection: Connection, hear: Hear | None
) -> _Seen | None:
    """Look for a step, in the order of proof; None where what was heard of it has settled it."""
    if vendor_ids := await store.proofs(step.token):
        return _Seen(vendor_ids)
    unheard = await hear(connection, step.token, _begun(message, step)) if hear is not None else None
    if vendor_ids := await store.proofs(step.token):
        kept = await store.message(message.id)
        still = kept is not None and any(_is_same(other, step) and other.state is step.state for other in kept[1])
        return _Seen(vendor_ids) if still else None
    errors = (unheard,) if unheard is not None else ()
    try:
        vendor_ids, gone = await _in_records(store, message, step, connection, connection.transport.send)
    except StoreError:
        raise
    except GatewayError as error:
        _log.info("no_records", message_id=message.id, error=error.slug)
        return _Seen(errors=(error, *errors))
    return _Seen(vendor_ids, gone, errors)


async def _next_look(
    store: Store, message: MessageRow, error: GatewayError, now: datetime, began: datetime
) -> datetime | None:
    """Say when to look again after a look that failed; None where that would be too late, or would change nothing."""
    if not isinstance(error, Retriable):
        return None
    attempts = await store.attempts(message.id)
    since = max([began, *(attempt.started_at for attempt in attempts[-1:])])
    passed = (now - since).total_seconds()
    wait = max(error.retry_after or 0.0, min(max(passed / 2, SOONEST), LATEST))
    return now + timedelta(seconds=wait) if passed + wait < LOOKING else None


# ── what waits for a person ───────────────────────────────────────────────────────────────────────────────────────────


async def look_again(
    store: Store,
    message: MessageRow,
    steps: Sequence[StepRow],
    connection: Connection,
    send: Send,
    now: datetime,
    *,
    looked: datetime | None = None,
) -> bool:
    """Look once more for proof that a parked send has left: a vendor may have read it after it was looked for.

    Only for that: what is not found stays with the person who has to decide, for it may be old by now. Where it was
    `looked` for before, the vendor is asked only if it has aged enough since. Raises what asking by `send` raises.
    """
    step = next((step for step in steps if step.state is StepState.UNKNOWN), None)
    if step is None or message.state is not MessageState.UNKNOWN or not message.parked:
        return False
    vendor_ids, begun = await store.proofs(step.token), _begun(message, step)
    if not vendor_ids and (looked is None or _grade(now - begun) != _grade(looked - begun)):
        vendor_ids, _ = await _in_records(store, message, step, connection, send)
    # asking takes its time: a person may have decided meanwhile, and what was sent anew is another matter
    kept = await store.message(message.id)
    if not vendor_ids or kept is None or kept != (message, tuple(steps)):
        return False
    states = await reported_states(store, connection, vendor_ids)
    settled = _of_one_given_up(message, steps, step, vendor_ids, states, connection, now)
    await begin(store, connection, message.lane, now)
    if not await store.amend(settled, expect=MessageState.UNKNOWN):
        return False
    _log.info("outcome_proven", message_id=message.id, step=step.index, by="another look")
    return True


def _grade(age: timedelta) -> int:
    """Count how often an age has grown by `AGING`, from a second on."""
    return floor(log(max(age.total_seconds(), 1.0), AGING))


async def _in_records(
    store: Store, message: MessageRow, step: StepRow, connection: Connection, send: Send
) -> tuple[tuple[str, ...], bool]:
    """Ask the vendor for what is a step's own, and whether it certainly has nothing; raises a `GatewayError`."""
    found = await _found(message, step, connection, send)
    if found.alike:
        return await _by_content(store, message, step, found, connection, send), False
    return found.vendor_ids if await _free(store, step, connection, found.vendor_ids) else (), found.absent


async def _found(message: MessageRow, step: StepRow, connection: Connection, send: Send) -> Found:
    """Ask the vendor; raises a `GatewayError` whatever happens, for a provider may raise anything."""
    action = outbox.action_of(step)
    if not isinstance(action, SendMessage):
        return Found()
    attempt = Attempt(action=action, started_at=_begun(message, step))
    try:
        return await drive(connection.provider.find(attempt), send)
    except GatewayError:
        raise
    except Exception as error:  # noqa: BLE001 - a border: a step that no look settles has to come to a person
        _log.error("find_failed", provider=connection.provider.name, error=type(error).__name__)
        raise Refused(f"the provider failed: {type(error).__name__}", hint="report it to its author") from None


async def _by_content(
    store: Store, message: MessageRow, step: StepRow, found: Found, connection: Connection, send: Send
) -> tuple[str, ...]:
    """Give which of the messages with a step's content is its own; none where that cannot be told.

    Those of other sends are left out. What remains has to be as many as the open steps of the chat with this content:
    then they are theirs in the order in which they began. Of fewer nobody can say whose they are.
    """
    sharing = await _sharing(store, message.lane, step)
    first = next(iter(sharing), None)
    if first is None or (len(sharing) > 1 and not all(_is_single(other) for _, other in sharing)):
        return ()
    # the look of the one that began first goes back far enough for all
    alike = found.alike if _is_same(first[1], step) else (await _found(*first, connection, send)).alike
    free = [id_ for id_ in alike if await _free(store, step, connection, (id_,))]
    place = next(place for place, (_, other) in enumerate(sharing) if _is_same(other, step))
    if len(free) != len(sharing) or free[place] not in found.alike:
        return ()
    return (free[place],)


async def _sharing(store: Store, lane: ChatId, step: StepRow) -> list[tuple[MessageRow, StepRow]]:
    """List the open steps of a chat with a step's content, itself among them, in the order in which they began.

    None where it is no longer among them: then it was decided meanwhile.
    """
    contents = _contents(step)
    begun = [
        (row, other)
        for row, steps in await store.begun(lane)
        for other in steps
        if has_begun((other,)) and contents & _contents(other)
    ]
    if not any(_is_same(other, step) for _, other in begun):
        return []
    return sorted(begun, key=lambda pair: (_begun(*pair), pair[0].id, pair[1].index))


def _contents(step: StepRow) -> frozenset[str]:
    """Give what a step's messages say, each as one text; a link says its address."""
    action = outbox.action_of(step)
    messages = action.messages if isinstance(action, SendMessage) else ()
    return frozenset("".join(_said(part) for part in message.parts) for message in messages)


def _said(part: Part) -> str:
    match part:
        case Text():
            return part.text
        case Link():
            return part.url
    return ""


def _is_single(step: StepRow) -> bool:
    action = outbox.action_of(step)
    return isinstance(action, SendMessage) and len(action.messages) == 1


def _is_same(one: StepRow, other: StepRow) -> bool:
    return (one.message, one.index) == (other.message, other.index)


def _begun(message: MessageRow, step: StepRow) -> datetime:
    return step.first_at or message.created_at


async def _free(store: Store, step: StepRow, connection: Connection, vendor_ids: tuple[str, ...]) -> bool:
    """Tell whether none of what was found is another send's: the same text may have been sent twice."""
    owners = [await store.owner(connection.name, vendor_id) for vendor_id in vendor_ids]
    return all(owner is None or _is_same(owner, step) for owner in owners)


async def reported_states(
    store: Store, connection: Connection, vendor_ids: Collection[str]
) -> dict[str, DeliveryState]:
    """Say how far messages have come by what was reported of them before they were proven."""
    facts = await store.facts(connection.name, vendor_ids)
    known = {fact.vendor_id for fact in facts}
    return {id_: merge(id_, [fact for fact in facts if fact.vendor_id == id_]).state for id_ in known}


def _of_one_given_up(
    message: MessageRow,
    steps: Sequence[StepRow],
    step: StepRow,
    vendor_ids: tuple[str, ...],
    states: Mapping[str, DeliveryState],
    connection: Connection,
    now: datetime,
) -> Settlement:
    """Take a step as accepted; of a message that waits for a person for long the rest is not sent by itself."""
    settled = outbox.accepted(message, steps, step, proven(vendor_ids), None, connection, now, states=states)
    if (
        not message.parked
        or settled.message.state is not MessageState.QUEUED
        or now - _begun(message, step) < timedelta(seconds=LOOKING)
    ):
        return settled
    return outbox.left_over(settled, steps[step.index + 1], connection, now)


async def came_late(store: Store, clock: Clock, mine: StepRow, late: Late) -> None:
    """Take the answer to a call as proof, though its lane was lost: another worker may have given the step up.

    While that one has not decided yet it is waited for; a step that was settled, or is repeated, stays as it is.
    """
    end = clock.now() + timedelta(seconds=UNDECIDED)
    while clock.now() < end:
        version = store.version
        found = await store.message(mine.message)
        step = found[1][mine.index] if found else None
        if found is None or step is None or step.token != mine.token or not found[0].state.open:
            return
        row, steps = found
        if row.state is MessageState.UNKNOWN and step.state is StepState.UNKNOWN:
            settled = late(row, steps, step)
            if settled is None:
                return
            if await store.amend(settled, expect=MessageState.UNKNOWN):
                _log.info("outcome_proven", message_id=row.id, step=step.index, by="late answer")
                return
        elif step.state is not StepState.STARTED or step.attempts != mine.attempts:
            return
        await wait_for_change(clock, LOOK, store.changed(version))
