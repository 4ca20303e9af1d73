"""Parsing again what was kept raw: after a parser was mended, or a vendor's new words were learnt.

Ids of events are made from what they are about, so nothing that was handed over comes twice: only what is new does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime

from gateway.addresses import Word
from gateway.connections import Connection, Connections
from gateway.events import Event, MessageReceived
from gateway.ids import EventId
from gateway.inbox import KEPT_ASIDE, Inbox
from gateway.log import logger
from gateway.model import Message
from gateway.provider import WebhookRequest
from gateway.revisions import counted, covers
from gateway.store.port import Store
from gateway.store.rows import NumberedWebhook, WebhookRow

__all__ = ["PORTION", "Failing", "Less", "Reparsed", "by_portions", "reparse"]

_log = logger(__name__)

PORTION = 1000
"""Webhooks that a service parses in one request."""
_PAGE = 100
"""Webhooks that are read at a time: each may be as large as a webhook can be."""

#: What the core makes of an event by what it knew at that time; the rest comes from the webhook alone.
_OURS = frozenset({"id", "key", "chat_id", "ours", "message_id", "reference", "stale", "revises", "late"})

#: Values of a field that says nothing; False and 0 say something.
_NOTHING: tuple[Any, ...] = (None, "", (), [], {})


class Failing(Word):
    """A webhook that no parser reads yet."""

    connection: str
    digest: str
    """SHA-256 of its body."""
    received_at: AwareDatetime
    problem: str


class Less(Word):
    """An event in which something was read that is not read any more."""

    event: EventId
    what: tuple[str, ...]
    """Names of fields, such as `message.reply_to`, and kinds of content, such as `message.attachment`; no values."""


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
    less: tuple[Less, ...] = ()
    """Those that changed and would say less: what a parser has forgotten to read."""
    unchanged: int = 0
    failing: tuple[Failing, ...] = ()
    applied: bool = False
    """True when the new events were kept, and handlers get them."""
    complete: bool = True
    """False when there are later webhooks that the limit left out."""
    after: int | None = None
    """The number of the last webhook that was looked at, to go on from; None when that was all."""

    def followed_by(self, more: Reparsed) -> Reparsed:
        """Put what came of the webhooks behind these to it."""
        return Reparsed(
            webhooks=self.webhooks + more.webhooks,
            new=self.new + more.new,
            gone=self.gone + more.gone,
            changed=self.changed + more.changed,
            less=self.less + more.less,
            unchanged=self.unchanged + more.unchanged,
            failing=self.failing + more.failing,
            applied=more.applied,
            complete=more.complete,
            after=more.after,
        )


@dataclass(slots=True)
class _Findings:
    """What came of the webhooks so far."""

    webhooks: int = 0
    unchanged: int = 0
    new: list[EventId] = field(default_factory=list)
    gone: list[EventId] = field(default_factory=list)
    changed: list[EventId] = field(default_factory=list)
    less: list[Less] = field(default_factory=list)
    failing: list[Failing] = field(default_factory=list)

    def reparsed(self, *, applied: bool, after: int | None) -> Reparsed:
        return Reparsed(
            webhooks=self.webhooks,
            new=tuple(self.new),
            gone=tuple(self.gone),
            changed=tuple(self.changed),
            less=tuple(self.less),
            unchanged=self.unchanged,
            failing=tuple(self.failing),
            applied=applied,
            complete=after is None,
            after=after,
        )


async def reparse(
    store: Store,
    connections: Connections,
    inbox: Inbox,
    *,
    since: datetime | None,
    connection: str | None,
    apply: bool,
    after: int = 0,
    limit: int,
) -> Reparsed:
    """Parse kept webhooks again, the oldest first: all since a time, or without one those in quarantine.

    No more than a page of them is in memory at a time. Of one connection, or all; from a number on, at most so many.
    """
    found = _Findings()
    place, left, more = after, limit, False
    async for number, row in _kept(store, after, since, connection):
        if left == 0:
            more = True
            break
        place, left = number, left - 1
        # one without a body was erased, or its time was over
        if row.body:
            await _one(found, row, store, connections.find(row.connection), inbox, apply=apply)
    _log.info(
        "reparsed",
        webhooks=found.webhooks,
        new=len(found.new),
        gone=len(found.gone),
        changed=len(found.changed),
        less=len(found.less),
        failing=len(found.failing),
        applied=apply,
    )
    return found.reparsed(applied=apply, after=place if more else None)


async def by_portions(ask: Callable[[int, int], Awaitable[Reparsed]], *, after: int, limit: int) -> Reparsed:
    """Have a service parse more than `PORTION` webhooks; `ask` is given the number to go on from, and how many."""
    whole = await ask(after, min(limit, PORTION))
    for left in range(limit - PORTION, 0, -PORTION):
        if whole.after is None:
            break
        whole = whole.followed_by(await ask(whole.after, min(left, PORTION)))
    return whole


async def _kept(
    store: Store, after: int, since: datetime | None, connection: str | None
) -> AsyncIterator[tuple[int, WebhookRow]]:
    """Go through webhooks in the order they came, a page at a time."""
    rows: list[NumberedWebhook] | None = None
    while rows is None or len(rows) == _PAGE:
        rows = await store.webhooks_after(
            after, since=since, connection=connection, quarantined=since is None, limit=_PAGE
        )
        for each in rows:
            after = each.sequence
            yield after, each.row


async def _one(
    found: _Findings, row: WebhookRow, store: Store, connection: Connection | None, inbox: Inbox, *, apply: bool
) -> None:
    found.webhooks += 1
    if connection is None:
        found.gone += row.events
        found.failing.append(_failing(row, f"there is no connection {row.connection} any more"))
        return
    hook = WebhookRequest(headers=row.headers, body=row.body, received_at=row.received_at)
    reading = await inbox.read(hook, connection, made=row.events)
    if reading.row.quarantine is not None:
        found.failing.append(_failing(row, reading.row.quarantine))
    named = {event.id: await store.event(event.id) for event in reading.events}
    new = [event.id for event in reading.events if named[event.id] is None]
    if apply and (new or (row.quarantine is not None and reading.row.quarantine is None)):
        await inbox.keep(reading)
        if await inbox.unknown(event for event in reading.events if event.id in new):
            found.failing.append(_failing(row, KEPT_ASIDE))
            return
    found.new += new
    found.gone += [event for event in row.events if event not in named]
    for event in reading.events:
        if (kept := named[event.id]) is not None:
            _compare(found, event, kept.event)


def _failing(row: WebhookRow, problem: str) -> Failing:
    return Failing(connection=row.connection, digest=row.digest, received_at=row.received_at, problem=problem)


def _compare(found: _Findings, now: Event, then: Event) -> None:
    """Note whether an event would say something else, and what of it would be missing."""
    hidden = _hidden(now, then)
    if _says_the_same(now, then, hidden):
        found.unchanged += 1
        return
    found.changed.append(then.id)
    if what := tuple(_missing(now, then, hidden)):
        found.less.append(Less(event=then.id, what=what))


def _hidden(now: Event, then: Event) -> set[str]:
    """Name what the two cannot be compared by."""
    hidden = set(_OURS)
    if now.received_at != then.received_at:
        # another delivery of the same event was first: its own times are on it
        hidden |= {"received_at", "occurred_at", "raw"}
    if then.raw is None:
        hidden.add("raw")  # its time was over
    if isinstance(then, MessageReceived) and (then.revises is not None or now.received_at != then.received_at):
        # what came with another webhook is in it too
        hidden.add("message")
    return hidden


def _says_the_same(now: Event, then: Event, hidden: set[str]) -> bool:
    """Compare what comes from the webhook alone; a message of several webhooks has to hold what this one brings."""
    if type(now) is not type(then):
        return False
    if isinstance(now, MessageReceived) and isinstance(then, MessageReceived):
        if then.faded:
            # what was let go of is not missed
            return True
        if not covers(then.message, now.message):
            return False
    return now.model_dump(exclude=hidden) == then.model_dump(exclude=hidden)


def _missing(now: Event, then: Event, hidden: set[str]) -> Iterator[str]:
    """Name what was there and is not there now."""
    hidden = hidden | {"raw"}
    yield from _emptied(now.model_dump(exclude=hidden), then.model_dump(exclude=hidden))
    if isinstance(now, MessageReceived) and isinstance(then, MessageReceived) and "message" not in hidden:
        fewer = counted(then.message) - counted(now.message)
        yield from (f"message.{kind}" for kind in sorted(fewer) if kind not in Message.model_fields)


def _emptied(now: Mapping[str, Any], then: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """Name the fields that had a value and have none now."""
    for name, value in then.items():
        left = now.get(name)
        if isinstance(value, dict) and isinstance(left, dict):
            yield from _emptied(left, value, f"{before}{name}.")
        elif value not in _NOTHING and left in _NOTHING:
            yield f"{before}{name}"
