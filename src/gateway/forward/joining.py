"""Which message an event is about, before it is forwarded, and the trace of that."""

from __future__ import annotations

from datetime import datetime

from gateway import early
from gateway.early import JOIN_WAIT, Looked
from gateway.events import Event
from gateway.store.port import Store
from gateway.traces import trace_of

__all__ = ["joined", "trace_about"]


async def joined(
    event: Event, store: Store, now: datetime, *, seen: datetime, began: datetime, wait: float = JOIN_WAIT
) -> Looked:
    """Fill in which message of ours an event is about, or tell how long that may still come to be known.

    As for handlers, see `gateway.early`; a notice of the gateway's own is about none.
    """
    if not event.connection or event.message_id is not None:
        return Looked(event)
    return await early.joined(event, store, now, seen=seen, began=began, wait=wait)


async def trace_about(event: Event, store: Store) -> str | None:
    """Give the trace in which the message of ours was sent that an event is about, as `traceparent` writes it.

    Only where both are of one connection: two may share an account, and whose trace it is is nobody else's business.
    """
    if event.message_id is None:
        return None
    found = await store.message(event.message_id)
    return trace_of(found[0].request) if found is not None and found[0].connection == event.connection else None
