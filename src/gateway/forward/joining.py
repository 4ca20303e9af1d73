"""Which message a report is about, before it is forwarded; and how long one that came early may wait for that."""

from __future__ import annotations

from datetime import datetime

from gateway.dispatch import JOIN_GRACE, JOIN_WAIT
from gateway.events import DeliveryUpdated, Event
from gateway.inbox import join
from gateway.store.port import Store

__all__ = ["joined"]


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
