"""Reports that come before the answer to the send that they are about: whom they wait for, and for how long.

A report names the vendor's id of a message. Until it is known what became of a send, nobody can tell whose id that is:
the answer may be on its way, or lost, and then the send is proven later. So a report waits while a send of its chat is
undecided that had begun before the report was here.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from gateway.events import DeliveryUpdated, Event
from gateway.inbox import join
from gateway.store.port import Store

__all__ = ["JOIN_GRACE", "JOIN_WAIT", "Looked", "joined"]

JOIN_WAIT = 240.0
"""Seconds that a send is waited for at most, from its attempt, or from the start of a process that finds it undecided.

Twice the time in which it is settled by a webhook that proves it, or by a look into the vendor's records; and less than
a chat waits for a handler, so that no other process takes the report meanwhile.
"""
JOIN_GRACE = 1.0
"""Seconds from its arrival that a report waits where nothing is undecided: the vendor may have named the chat anew."""


class Looked(NamedTuple):
    """An event, and for how long it may still wait to be joined."""

    event: Event
    seconds: float = 0.0
    """0 where all is known of it that will be."""


async def joined(event: Event, store: Store, now: datetime, *, seen: datetime, began: datetime, wait: float) -> Looked:
    """Fill in which message of ours an event is about, or tell how long that may still come to be known.

    `seen` is when the event was here for whoever asks, `began` when that one's process began. No send that begins later
    is waited for, and each of the others for `wait` seconds at most: so it comes to an end. What joins no message then
    is about one that was sent elsewhere on the account.
    """
    event = await join(event, store)
    if not isinstance(event, DeliveryUpdated) or event.message_id is not None:
        return Looked(event)
    until = event.received_at + timedelta(seconds=JOIN_GRACE)
    if event.chat_id is not None:
        starts = [max(at, began) for at in await store.undecided(event.chat_id) if at <= seen]
        until = max([until, *(start + timedelta(seconds=wait) for start in starts)])
    if (seconds := (until - now).total_seconds()) > 0:
        return Looked(event, seconds)
    # what decided a send may have been written since it was looked for
    event = await join(event, store)
    return Looked(event if event.message_id is not None else event.model_copy(update={"ours": False}))
