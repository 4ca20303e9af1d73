"""What is too late where nothing leaves: it ends all the same, without a call to the vendor."""

from __future__ import annotations

from datetime import datetime, timedelta

from gateway import outbox
from gateway.connections import Connection
from gateway.ids import MessageId
from gateway.log import logger
from gateway.store.port import Store
from gateway.store.rows import MessageState, StepState

__all__ = ["end_late"]

_log = logger(__name__)

MOST = 100
"""Messages that one look ends; the next look, a moment later, goes on."""
SOON, LATER = 1.0, 15.0
"""Seconds to the next look, where there is more to end, or where nothing is known to end before."""


async def end_late(store: Store, connection: Connection, now: datetime) -> datetime:
    """End what is too late on a connection by which nothing leaves; says when to look again.

    What may be with the vendor goes on once calls do, and what nobody knows of waits for proof: both need the vendor.
    """
    rows = await store.ending(connection.name, MOST)
    late = [row.id for row in rows if row.expires_at is not None and row.expires_at <= now]
    ended = [await _end(store, message, connection, now) for message in late]
    wait = SOON if len(rows) == MOST and any(ended) else LATER
    coming = [row.expires_at for row in rows if row.expires_at is not None and row.expires_at > now]
    return min([now + timedelta(seconds=wait), *coming])


async def _end(store: Store, message: MessageId, connection: Connection, now: datetime) -> bool:
    """End a message, unless somebody has it in hand, or it may be with the vendor; tells whether it did."""
    found = await store.message(message)
    if found is None:
        return False
    row, steps = found
    step = next((step for step in steps if step.state is not StepState.ACCEPTED), None)
    ends = outbox.ends_at(row, step) if step is not None else None
    if step is None or ends is None or ends > now:
        return False
    if not await store.amend(outbox.expired(row, step, connection, now), expect=MessageState.QUEUED):
        return False
    _log.info("step_expired", message_id=message, step=step.index)
    return True
