"""Messages that come again with more in them: late pictures, split bubbles. Decided by content, for every vendor.

The vendor's id says which message it is; what it holds says whether it is a repetition or more of it. A repetition is
the event that is there; more is a revision: an event of its own, in the same chat, which names the first one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import timedelta

from pydantic import ValidationError
from pydantic_core import to_json

from gateway.events import Event, MessageReceived
from gateway.ids import EventId, event_id
from gateway.model import Attachment, Link, Message, Opaque, Part, Text, Voice
from gateway.store.port import Store

__all__ = ["SETTLE", "counted", "covers", "known_as"]

SETTLE = timedelta(minutes=2)
"""How long pictures and split bubbles may take; a revision after that says that it is `late`."""


async def known_as(
    event: MessageReceived, store: Store, *, beside: Mapping[EventId, Event], made: Collection[EventId] = ()
) -> tuple[MessageReceived, bool]:
    """Give a message under the id that it has: of what is there and holds all of it, or else its own.

    Tells whether it is its own, and so was new when it was looked for. `beside` are the events of the same webhook that
    were named before this one; `made` are the events that this very webhook has made before, when it is parsed again.
    """
    first = await _there(event.id, store, beside)
    if isinstance(first, MessageReceived) and first.chat_id != event.chat_id:
        # not the same conversation: the vendor uses the id again, or for each line of ours that is in it
        event = _renamed(event, f"{event.key}@{event.chat_id}")
        first = await _there(event.id, store, beside)
    if first is None:
        return event, True
    versions = [first]
    while (more := await _there(_id(event, len(versions) + 1), store, beside)) is not None:
        versions.append(more)
    for version in versions:
        if _says_all(version, event):
            return _as(event, version), False
    for version in versions:
        if version.id in made and version.id not in beside:
            return _as(event, version), False
    return _revision(event, [version for version in versions if isinstance(version, MessageReceived)]), True


def covers(known: Message, again: Message) -> bool:
    """Tell whether a message holds nothing that another one does not hold."""
    return _items(again) <= _items(known)


def counted(message: Message) -> Counter[str]:
    """Count what a message holds, by kind: `text` once, each `attachment`, `link` and so on."""
    return Counter(kind for kind, *_ in _items(message))


def _says_all(version: Event, event: MessageReceived) -> bool:
    """Tell whether a version leaves nothing of a message to be learnt; one that was let go of is not learnt again."""
    return not isinstance(version, MessageReceived) or version.faded or covers(version.message, event.message)


async def _there(id_: EventId, store: Store, beside: Mapping[EventId, Event]) -> Event | None:
    event = beside.get(id_)
    if event is None:
        row = await store.event(id_)
        event = row.event if row else None
    return event


def _id(event: MessageReceived, number: int) -> EventId:
    return event_id(event.connection, _key(event, number))


def _key(event: MessageReceived, number: int) -> str:
    """Number the versions of a message: which one is the first is only known when they come."""
    return f"{event.key}/{number}"


def _renamed(event: MessageReceived, key: str) -> MessageReceived:
    return event.model_copy(update={"key": key, "id": event_id(event.connection, key)})


def _as(event: MessageReceived, version: Event) -> MessageReceived:
    names = ("id", "key", "chat_id", "revises", "late") if isinstance(version, MessageReceived) else ("id",)
    return event.model_copy(update={name: getattr(version, name) for name in names})


def _revision(event: MessageReceived, versions: list[MessageReceived]) -> MessageReceived:
    first, last = versions[0], versions[-1]
    renamed = _renamed(event, _key(event, len(versions) + 1))
    return renamed.model_copy(
        update={
            "chat_id": first.chat_id,
            "revises": first.id,
            "late": event.received_at - first.received_at > SETTLE,
            "message": _merged(last.message, event.message),
        }
    )


# ── content ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _items(message: Message) -> set[tuple[str, ...]]:
    """Name what a message holds; how its text is cut into runs says nothing new."""
    items = {item for part in message.parts for item in _of_part(part)}
    words = {("text", message.text), ("subject", message.subject or "")}
    return items | {(name, value) for name, value in words if value}


def _of_part(part: Part) -> list[tuple[str, ...]]:
    """Name what a part holds beside text. A URL counts whole: two that differ in the query may be two pictures."""
    match part:
        case Text():
            return []
        case Attachment():
            return [("attachment", str(part.url))]
        case Voice():
            said = [("said", part.transcript)] if part.transcript else []
            return [("voice", str(part.url)), *said]
        case Link():
            return [("link", part.url)]
        case Opaque():
            # one without data stands for a message in which nothing was found
            data = to_json(dict(sorted(part.data.items()))).decode()
            return [("opaque", part.kind, data)] if part.data else []


def _merged(known: Message, again: Message) -> Message:
    """Put what is there and what came together: the text of the later one, and the pictures of both.

    Where the two do not make one message, as a voice note and a text do not, it is the later one as it came.
    """
    new = _items(again)
    kept = [
        part
        for part in known.parts
        if (not again.text if isinstance(part, Text) else not new.issuperset(_of_part(part)))
    ]
    fields = {name: getattr(again, name) for name in Message.model_fields}
    fields["subject"] = again.subject or known.subject
    fields["reply_to"] = again.reply_to or known.reply_to
    try:
        return Message.model_validate({**fields, "parts": (*kept, *again.parts)})
    except ValidationError:
        return again
