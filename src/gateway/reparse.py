"""Parsing again what was kept raw: after a parser was mended, or a vendor's new words were learnt.

Ids of events are made from what they are about, so nothing that was handed over comes twice: only what is new does.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime

from gateway.addresses import Word
from gateway.connections import Connections
from gateway.events import Event, MessageReceived
from gateway.ids import EventId
from gateway.inbox import Inbox, Reading
from gateway.log import logger
from gateway.provider import WebhookRequest
from gateway.revisions import covers
from gateway.store.port import Store
from gateway.store.rows import WebhookRow

__all__ = ["Failing", "Reparsed", "reparse"]

_log = logger(__name__)

#: What the core makes of an event by what it knew at that time; the rest comes from the webhook alone.
_OURS = frozenset({"id", "key", "chat_id", "ours", "message_id", "reference", "stale", "revises", "late", "message"})


class Failing(Word):
    """A webhook that no parser reads yet."""

    connection: str
    digest: str
    """SHA-256 of its body."""
    received_at: AwareDatetime
    problem: str


class Reparsed(Word):
    """What the parsers of today make of kept webhooks, against what was made of them then."""

    webhooks: int = 0
    """How many were parsed."""
    new: tuple[EventId, ...] = ()
    """Events that were not made then."""
    gone: tuple[EventId, ...] = ()
    """Events that would not be made any more; they stay, for they were handed over."""
    changed: tuple[EventId, ...] = ()
    """Events that would say something else now; they stay as they were handed over."""
    unchanged: int = 0
    failing: tuple[Failing, ...] = ()
    applied: bool = False
    """True when the new events were kept, and handlers get them."""
    complete: bool = True
    """False when there are older webhooks that the limit left out."""


async def reparse(
    store: Store,
    connections: Connections,
    inbox: Inbox,
    *,
    since: datetime | None,
    connection: str | None,
    apply: bool,
    limit: int,
) -> Reparsed:
    """Parse kept webhooks again, the oldest first: all since a time, or without one those in quarantine."""
    rows = await store.webhooks(since=since, quarantined=since is None, limit=limit)
    found = Reparsed(applied=apply, complete=len(rows) < limit)
    for row in reversed(rows):
        # one without a body was erased, or its time was over
        if connection in (None, row.connection) and row.body:
            found = await _one(found, row, store, connections, inbox)
    _log.info(
        "reparsed",
        webhooks=found.webhooks,
        new=len(found.new),
        gone=len(found.gone),
        changed=len(found.changed),
        failing=len(found.failing),
        applied=apply,
    )
    return found


async def _one(found: Reparsed, row: WebhookRow, store: Store, connections: Connections, inbox: Inbox) -> Reparsed:
    connection = connections.find(row.connection)
    if connection is None:
        return _failed(found, row, f"there is no connection {row.connection} any more")
    hook = WebhookRequest(headers=row.headers, body=row.body, received_at=row.received_at)
    reading = await inbox.read(hook, connection, made=row.events)
    if reading.row.quarantine is not None:
        return _failed(found, row, reading.row.quarantine)
    named = {event.id: await store.event(event.id) for event in reading.events}
    new = [event for event in reading.events if named[event.id] is None]
    known = [(event, kept.event) for event in reading.events if (kept := named[event.id]) is not None]
    changed = [event.id for event, kept in known if not _says_the_same(event, kept)]
    if found.applied and (new or row.quarantine is not None):
        await inbox.keep(reading)
    return found.model_copy(
        update={
            "webhooks": found.webhooks + 1,
            "new": (*found.new, *(event.id for event in new)),
            "gone": (*found.gone, *_gone(row, reading)),
            "changed": (*found.changed, *changed),
            "unchanged": found.unchanged + len(known) - len(changed),
        }
    )


def _failed(found: Reparsed, row: WebhookRow, problem: str) -> Reparsed:
    failing = Failing(connection=row.connection, digest=row.digest, received_at=row.received_at, problem=problem)
    return found.model_copy(
        update={
            "webhooks": found.webhooks + 1,
            "failing": (*found.failing, failing),
            "gone": (*found.gone, *row.events),
        }
    )


def _gone(row: WebhookRow, reading: Reading) -> list[EventId]:
    made = {event.id for event in reading.events}
    return [event for event in row.events if event not in made]


def _says_the_same(now: Event, then: Event) -> bool:
    """Compare what comes from the webhook alone; a message counts as the same when it holds nothing new."""
    if type(now) is not type(then):
        return False
    if isinstance(now, MessageReceived) and isinstance(then, MessageReceived) and not covers(then.message, now.message):
        return False
    hidden = set(_OURS)
    if now.received_at != then.received_at:
        # another delivery of the same event was first: its own times are on it
        hidden |= {"received_at", "occurred_at", "raw"}
    return now.model_dump(exclude=hidden) == then.model_dump(exclude=hidden)
