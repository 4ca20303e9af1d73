"""The way out, as rows: what is promised, what a step came to, and the receipt or the error that follows.

Pure but for reading the store; the loop is in `worker`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from pydantic import JsonValue, TypeAdapter
from pydantic_core import from_json, to_json

from gateway.actions import (
    Adaptation,
    ConnectionInfo,
    DeliveryState,
    KeyedAction,
    Receipt,
    SendMessage,
    Sent,
    StepAction,
)
from gateway.capabilities import Feature
from gateway.connections import Connection
from gateway.delivery import Delivery, MessageStatus, overall, report
from gateway.drafts import changed
from gateway.errors import Cancelled, Expired, GatewayError, OutcomeUnknown, PartlySent, SendError
from gateway.events import DeliveryUpdated
from gateway.fitting import Plan
from gateway.ids import ChatId, MessageId, Token, chat_id, new_token
from gateway.known import ACTIONS, RECEIPTS
from gateway.model import Chat
from gateway.store.rows import AttemptRow, FactRow, MessageRow, MessageState, Settlement, StepRow, StepState
from gateway.store.rules import has_begun
from gateway.traces import traced

__all__ = [
    "Asked",
    "Carrier",
    "accepted",
    "action_of",
    "again",
    "cancelled",
    "chat_at_vendor",
    "ends_at",
    "error_of",
    "expired",
    "left_over",
    "place_of",
    "receipt_of",
    "refused",
    "rows",
    "skipped",
    "status_of",
    "unknown",
    "waiting",
    "waits_for",
]

Carrier: TypeAlias = Connection | ConnectionInfo
"""Who carried a message: a connection, or what is known of one that is not here any more."""

_ADAPTATIONS: TypeAdapter[tuple[Adaptation, ...]] = TypeAdapter(tuple[Adaptation, ...])
_PASSING = frozenset({"set_typing", "mark_read"})
"""Kinds that are worth nothing when they are late, and that do no harm when the vendor has them twice."""
TOO_OLD = "the rest waited too long for proof of what is before it"
"""Why the rest of a message does not go by itself, unless another reason is given."""


class Asked(NamedTuple):
    """What a caller asked for, beside the plan."""

    connection: Connection
    lane: ChatId
    request: JsonValue
    """What was asked, as plain data: makes the fingerprint."""
    key: str | None
    due_at: datetime
    expires_at: datetime | None = None
    priority: int = 1
    trace: str | None = None
    """The trace that the call belongs to."""


def rows(message: MessageId, plan: Plan, asked: Asked, now: datetime) -> tuple[MessageRow, list[StepRow]]:
    """Turn a plan into rows; each step gets its own key and token here, once and for good."""
    steps = [_step_row(message, index, plan) for index in range(len(plan.steps))]
    request = to_json(asked.request)
    row = MessageRow(
        id=message,
        connection=asked.connection.name,
        lane=asked.lane,
        kind=plan.steps[-1].action.type,
        request=request.decode() if asked.trace is None else to_json(traced(asked.request, asked.trace)).decode(),
        fingerprint=hashlib.sha256(request).hexdigest(),
        key=asked.key,
        adaptations=_ADAPTATIONS.dump_json(plan.adaptations).decode() if plan.adaptations else "[]",
        steps=len(steps),
        created_at=now,
        due_at=asked.due_at,
        expires_at=asked.expires_at,
        priority=asked.priority,
    )
    return row, steps


def _step_row(message: MessageId, index: int, plan: Plan) -> StepRow:
    step = plan.steps[index]
    token = new_token()
    action = _keyed(step.action, f"{message}.1.{index}", token)
    return StepRow(
        message=message,
        index=index,
        action=ACTIONS.write(action),
        token=token,
        pause=step.pause,
        indexes=step.indexes,
    )


def _keyed(action: StepAction, key: str, token: Token) -> StepAction:
    if isinstance(action, KeyedAction):
        return action.model_copy(update={"key": key, "token": token})
    return action


def action_of(step: StepRow) -> StepAction:
    """Read a step's action."""
    return ACTIONS.read(step.action)


# ── what a step came to ───────────────────────────────────────────────────────────────────────────────────────────


def accepted(
    message: MessageRow,
    steps: Sequence[StepRow],
    step: StepRow,
    receipt: Receipt,
    attempt: AttemptRow | None,
    connection: Carrier,
    now: datetime,
    *,
    reported: Collection[str] = (),
    states: Mapping[str, DeliveryState] = MappingProxyType({}),
) -> Settlement:
    """The vendor accepted the step; the message is accepted with its last one.

    Vendor ids in `reported` are told of already: a webhook overtook the answer, and a report that the message is
    queued would come after one that it was delivered. `states` says of vendor ids how far they are known to have come,
    where those reports were handed over before anybody could say whose they are.
    """
    sent = tuple(_placed(entry, step) for entry in receipt.sent)
    receipt = receipt.model_copy(update={"sent": sent, "message_id": message.id})
    done = changed(step, state=StepState.ACCEPTED, receipt=RECEIPTS.write(receipt))
    last = step.index == len(steps) - 1
    ended = changed(message, state=MessageState.ACCEPTED if last else MessageState.QUEUED, parked=False, error=None)
    facts = tuple(
        FactRow(connection=message.connection, vendor_id=e.vendor_id, state=e.state, source="answer", received_at=now)
        for e in sent
    )
    told = [entry for entry in sent if message.kind == "send_message" and entry.vendor_id not in reported]
    return Settlement(
        message=ended,
        step=done,
        attempt=attempt,
        next_at=now,
        sent=tuple(entry.vendor_id for entry in sent),
        facts=facts,
        events=tuple(
            _report(ended, done, connection, now, states.get(entry.vendor_id, entry.state), entry.vendor_id, None)
            for entry in told
        ),
        alias=_alias(message, receipt),
    )


def _placed(entry: Sent, step: StepRow) -> Sent:
    """Say which message of the whole call an entry of the step's receipt is."""
    index = step.indexes[entry.index] if entry.index < len(step.indexes) else 0
    return entry if index == entry.index else entry.model_copy(update={"index": index})


def skipped(message: MessageRow, step: StepRow, error: SendError, now: datetime) -> Settlement:
    """The typing dots before a message were refused: the message goes on without them, and the receipt says so."""
    adaptation = Adaptation(
        feature=Feature.TYPING_FIRST, happened="the message left without typing dots", why=error.message
    )
    done = replace(step, state=StepState.ACCEPTED, receipt=RECEIPTS.write(Receipt(adaptations=(adaptation,))))
    return Settlement(message=message, step=done, attempt=None, next_at=now)


def refused(
    message: MessageRow,
    step: StepRow,
    error: GatewayError,
    attempt: AttemptRow | None,
    connection: Carrier,
    now: datetime,
) -> Settlement:
    """The step was refused: at step 0 nothing was sent, later the message is partly sent."""
    state = MessageState.REFUSED if _is_first(step) else MessageState.PARTLY
    done = replace(step, state=StepState.REFUSED)
    ended = replace(message, state=state, error=_dump(error))
    return Settlement(
        message=ended,
        step=done,
        attempt=attempt,
        next_at=now,
        events=(_report(ended, done, connection, now, DeliveryState.FAILED, None, error),),
    )


def unknown(
    message: MessageRow,
    step: StepRow,
    error: GatewayError,
    attempt: AttemptRow | None,
    connection: Connection,
    now: datetime,
    *,
    until: datetime | None,
) -> Settlement:
    """Nobody knows whether the vendor has it: wait `until` for proof, or, with None, for `resolve`."""
    done = replace(step, state=StepState.UNKNOWN)
    ended = replace(message, state=MessageState.UNKNOWN, parked=until is None, error=_dump(error))
    return Settlement(
        message=ended,
        step=done,
        attempt=attempt,
        next_at=until or now,
        events=(_report(ended, done, connection, now, DeliveryState.UNKNOWN, None, error),),
    )


def ends_at(message: MessageRow, step: StepRow) -> datetime | None:
    """Say when a step is too late; None for never.

    A copy of what may be with the vendor goes on past its time; one of dots or of a read mark tells nobody anything.
    """
    return None if has_begun((step,)) and message.kind not in _PASSING else message.expires_at


def expired(message: MessageRow, step: StepRow, connection: Connection, now: datetime) -> Settlement:
    """Its time ran out before the step could leave."""
    if message.kind in _PASSING:
        error = Expired("its time ran out before the vendor took it", hint="later it is worth nothing: ask anew")
    else:
        error = Expired("its time ran out before it could leave", hint="allow more time, or none: expires=None")
    return _given_up(refused(message, step, error, None, connection, now), MessageState.EXPIRED)


def cancelled(message: MessageRow, step: StepRow, connection: Carrier, now: datetime) -> Settlement:
    """It is not to be sent any more; of a sequence that has begun the rest."""
    error = Cancelled("cancelled before it left", hint="send it anew if you want it after all")
    settled = _given_up(refused(message, step, error, None, connection, now), MessageState.CANCELLED)
    report = _report(settled.message, settled.step, connection, now, DeliveryState.CANCELLED, None, error)
    return replace(settled, events=(report,))


def _given_up(settled: Settlement, state: MessageState) -> Settlement:
    """Name what was refused by us: with a step that was accepted it is partly sent all the same."""
    state = state if _is_first(settled.step) else MessageState.PARTLY
    return replace(settled, message=replace(settled.message, state=state))


def _is_first(step: StepRow) -> bool:
    """Tell whether nothing of the message is before a step: typing dots are none of it, and only they have a pause."""
    return step.index == 0 or (step.index == 1 and step.pause > 0)


def left_over(settled: Settlement, step: StepRow, connection: Carrier, now: datetime, why: str = TOO_OLD) -> Settlement:
    """Leave what is behind an accepted step to a person: it may be old news, or nobody here could send it."""
    error = Expired(why, hint="resend goes on with it")
    message = replace(settled.message, state=MessageState.PARTLY, error=_dump(error))
    report = _report(message, step, connection, now, DeliveryState.FAILED, None, error)
    return replace(settled, message=message, events=(*settled.events, report))


def waiting(
    message: MessageRow, step: StepRow, error: GatewayError, until: datetime, attempt: AttemptRow | None
) -> Settlement:
    """It may not go yet; the row says why, and is looked at again when it may, or when its time has run out."""
    # what goes on past its time would go on without a pause
    ends = ends_at(message, step)
    next_at = min(until, ends) if ends else until
    return Settlement(message=replace(message, error=_dump(error)), step=step, attempt=attempt, next_at=next_at)


def again(message: MessageRow, step: StepRow, now: datetime) -> Settlement:
    """Try the step once more as a new generation: with a key and a token that the vendor has not seen.

    It has no end any more: whoever says so knows how late it is.
    """
    generation = message.generation + 1
    token = new_token()
    action = _keyed(action_of(step), f"{message.id}.{generation}.{step.index}", token)
    fresh = StepRow(
        message=message.id,
        index=step.index,
        action=action.model_dump_json(),
        token=token,
        pause=step.pause,
        indexes=step.indexes,
    )
    row = replace(message, state=MessageState.QUEUED, generation=generation, parked=False, error=None, expires_at=None)
    return Settlement(message=row, step=fresh, attempt=None, next_at=now)


def _dump(error: GatewayError) -> str:
    return to_json(error.describe()).decode()


def _report(
    message: MessageRow,
    step: StepRow,
    connection: Carrier,
    now: datetime,
    state: DeliveryState,
    vendor_id: str | None,
    error: GatewayError | None,
) -> DeliveryUpdated:
    """Make the gateway's own event about a step."""
    action = action_of(step)
    reference = action.messages[0].reference if isinstance(action, SendMessage) else None
    key = f"gateway:{message.id}.{message.generation}.{step.index}:{state.value}:{vendor_id or ''}"
    about = {"chat": action.chat, "message_id": message.id, "reference": reference, "vendor_id": vendor_id}
    failed = {"code": error.code, "reason": error.message} if error else {}
    provider = connection.provider if isinstance(connection, ConnectionInfo) else connection.provider.name
    return report(key, connection.name, provider, now, message.lane, {"state": state, **about, **failed})


def _alias(message: MessageRow, receipt: Receipt) -> tuple[ChatId, ChatId] | None:
    """Link the chat that was named with the one that the vendor made of it; the older one is kept."""
    if receipt.alias is None:
        return None
    return message.lane, chat_id(message.connection, receipt.alias.identity)


# ── what the caller gets ──────────────────────────────────────────────────────────────────────────────────────────


def receipt_of(message: MessageRow, steps: Sequence[StepRow]) -> Receipt:
    """Put the receipts of all accepted steps together."""
    parts = [RECEIPTS.read(step.receipt) for step in steps if step.receipt]
    if len(parts) == 1 and parts[0].chat and message.adaptations == "[]":
        return parts[0]
    return Receipt(
        message_id=message.id,
        sent=tuple(entry for part in parts for entry in part.sent),
        chat=next((part.chat for part in reversed(parts) if part.chat), action_of(steps[0]).chat),
        alias=next((part.alias for part in reversed(parts) if part.alias), None),
        adaptations=(
            *_ADAPTATIONS.validate_json(message.adaptations),
            *(adaptation for part in parts for adaptation in part.adaptations),
        ),
        replayed=any(part.replayed for part in parts),
        raw=tuple(raw for part in parts for raw in part.raw),
    )


def status_of(message: MessageRow, steps: Sequence[StepRow], deliveries: tuple[Delivery, ...]) -> MessageStatus:
    """Say how far a row has come; before the vendor has it, its own state decides."""
    ended = {
        **dict.fromkeys((MessageState.REFUSED, MessageState.EXPIRED, MessageState.PARTLY), DeliveryState.FAILED),
        MessageState.CANCELLED: DeliveryState.CANCELLED,
        MessageState.UNKNOWN: DeliveryState.UNKNOWN,
    }
    action = action_of(steps[-1])
    return MessageStatus(
        message_id=message.id,
        state=ended.get(message.state) or overall(deliveries),
        outcome=message.state.value,
        reference=action.messages[0].reference if isinstance(action, SendMessage) else None,
        waits_for=waits_for(message),
        deliveries=deliveries,
    )


def waits_for(message: MessageRow) -> str | None:
    """Say in words why a row has not left yet; None where nothing stands in its way, or it has ended."""
    return str(from_json(message.error)["message"]) if message.state is MessageState.QUEUED and message.error else None


def chat_at_vendor(message: MessageRow, steps: Sequence[StepRow]) -> Chat:
    """Name the chat as the vendor knows it now: the group that a list of addresses became, else as it was asked."""
    return receipt_of(message, steps).alias or action_of(steps[0]).chat


def place_of(steps: Sequence[StepRow], part: int) -> tuple[str, int] | None:
    """Find part k of what was asked at the vendor: the id of the message that carries it, and the part within that.

    None where nothing was accepted yet; a part past the end is one of the last message.
    """
    place = None
    left = part
    for step in steps:
        action = action_of(step)
        sent = RECEIPTS.read(step.receipt).sent if step.receipt else ()
        if not isinstance(action, SendMessage):
            continue
        for message, entry in zip(action.messages, sent, strict=False):
            place = (entry.vendor_id, left)
            if left < len(message.parts):
                return place
            left -= len(message.parts)
    return place


def error_of(message: MessageRow, steps: Sequence[StepRow]) -> GatewayError:
    """Make the error that a row ended with."""
    cause = GatewayError.revive(from_json(message.error)) if message.error else GatewayError("it was not sent")
    if message.state is MessageState.UNKNOWN:
        error: GatewayError = OutcomeUnknown(
            "nobody knows whether the vendor has it: its answer was not read",
            message_id=message.id,
            hint=f'look at the phone, then gateway.resolve("{message.id}", "mark_sent" | "resend" | "drop")',
            connection=cause.connection,
            provider=cause.provider,
        )
    elif message.state is MessageState.PARTLY:
        left = sum(step.state is not StepState.ACCEPTED for step in steps)
        error = PartlySent(
            f"{len(steps) - left} of {len(steps)} steps were accepted, the next one was not",
            receipt=receipt_of(message, steps).model_dump_json(),
            remaining=left,
            code=cause.code,
            connection=cause.connection,
            provider=cause.provider,
            hint=f'mend the cause, then gateway.resend("{message.id}")',
        )
    else:
        return cause
    error.__cause__ = cause
    return error
