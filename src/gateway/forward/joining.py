"""Which message an event is about, before it is forwarded; how long an early report may wait for that; its trace."""

from __future__ import annotations

from datetime import datetime

from gateway.dispatch import JOIN_GRACE, JOIN_WAIT
from gateway.events import DeliveryUpdated, Event
from gateway.inbox import join
from gateway.store.port import Store
from gateway.traces import trace_of

__all__ = ["joined", "trace_about"]


async def joined(event: Event, store: Store, now: datetime) -> tuple[Event, bool]:
    """Fill in which message of ours an event is about; False when it is to be asked again in a moment.

    As for handlers: a report that came before the answer to its send waits for it while that send is under way. What
    joins no message then is about one that was sent elsewhere on the account.
    """
    if not event.connection or event.message_id is not None:
        return event, True
    event = await join(event, store)
    if not isinstance(event, DeliveryUpdated) or event.message_id is not None:
        return event, True
    started = event.chat_id is not None and await store.started(event.chat_id)
    waited = (now - event.received_at).total_seconds()
    if waited < (JOIN_WAIT if started else JOIN_GRACE):
        return event, False
    return event.model_copy(update={"ours": False}), True


async def trace_about(event: Event, store: Store) -> str | None:
    """Give the trace in which the message of ours was sent that an event is about, as `traceparent` writes it.

    Only where both are of one connection: two may share an account, and whose trace it is is nobody else's business.
    """
    if event.message_id is None:
        return None
    found = await store.message(event.message_id)
    return trace_of(found[0].request) if found is not None and found[0].connection == event.connection else None
