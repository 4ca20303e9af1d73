"""What vendors send that is new to us: events, fields, words, codes, and webhooks that no parser reads.

Nothing new raises and nothing is lost: it is kept raw with its webhook. Here it is counted, by parsing kept webhooks
with the parsers of today, so that what a newer version of a provider knows is not new any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum

from pydantic import AwareDatetime
from pydantic_core import from_json

from gateway.addresses import Word
from gateway.codes import Phase
from gateway.connections import Connection, Connections
from gateway.errors import BadPayload, GatewayError
from gateway.events import DeliveryUpdated, Event, UnknownEvent
from gateway.ids import EventId, MessageId
from gateway.log import logger
from gateway.provider import WebhookRequest
from gateway.store.port import Store
from gateway.store.rows import MessageRow, WebhookRow

__all__ = ["Drift", "Novelty", "NoveltyKind", "drift"]

_log = logger(__name__)


class NoveltyKind(StrEnum):
    """What is new."""

    UNREAD = "unread"
    """A webhook that no parser reads, as one of another generation; it is in quarantine."""
    EVENT = "event"
    """An event that we have no word for, in a form that is read."""
    FIELD = "field"
    """A field that the provider's model does not name."""
    VALUE = "value"
    """A word that the provider does not know in a field that it does."""
    CODE = "code"
    """A code without a row in the provider's table, in an answer or in a report about delivery."""


class Novelty(Word):
    """One new thing, however often it came."""

    provider: str
    connection: str
    kind: NoveltyKind
    what: str
    """The reason, the field's path, `path=value`, or phase and code; holds no content."""
    count: int
    """How many webhooks or messages it is in; repeated deliveries of one count once."""
    first_at: AwareDatetime
    last_at: AwareDatetime
    digest: str | None = None
    """SHA-256 of the body of the latest webhook that it is in."""
    event: EventId | None = None
    """An event that was made of that webhook."""
    message: MessageId | None = None
    """The latest message of ours whose answer had it."""

    @property
    def sample(self) -> str:
        """Where to look: an event, a message, or the beginning of a webhook's digest."""
        return self.event or self.message or (self.digest or "")[:12]


class Drift(Word):
    """Everything new, per connection the most frequent first."""

    webhooks: int = 0
    """How many were looked at."""
    found: tuple[Novelty, ...] = ()
    skipped: int = 0
    """Webhooks of connections that are not there any more."""
    complete: bool = True
    """False when there are older webhooks or messages that the limit left out."""


async def drift(
    store: Store, connections: Connections, *, since: datetime | None, connection: str | None, limit: int
) -> Drift:
    """Look through kept webhooks and messages, all or since a time, for what is new; changes nothing."""
    webhooks = await store.webhooks(since=since, connection=connection, limit=limit)
    messages = await store.messages(limit=limit)
    known = [(row, by) for row in webhooks if (by := connections.find(row.connection)) is not None]
    novelties = [found for row, by in known for found in _of_webhook(row, by)]
    for message in messages:
        by = connections.find(message.connection)
        if by is not None and connection in (None, by.name) and (since is None or message.created_at >= since):
            novelties += _of_message(message, by)
    return Drift(
        webhooks=len(known),
        found=_counted(novelties),
        skipped=len(webhooks) - len(known),
        complete=max(len(webhooks), len(messages)) < limit,
    )


def _counted(novelties: Iterable[Novelty]) -> tuple[Novelty, ...]:
    """Put equal ones together; the latest is the sample."""
    counted: dict[tuple[str, NoveltyKind, str], Novelty] = {}
    for one in novelties:
        place = (one.connection, one.kind, one.what)
        known = counted.get(place, one.model_copy(update={"count": 0}))
        latest = one if one.last_at > known.last_at else known
        first = min(one.first_at, known.first_at)
        counted[place] = latest.model_copy(update={"count": known.count + 1, "first_at": first})
    return tuple(sorted(counted.values(), key=lambda each: (each.connection, -each.count, each.kind, each.what)))


def _of_webhook(row: WebhookRow, by: Connection) -> Iterator[Novelty]:
    """Give what is new in one webhook, each thing once."""
    for kind, what in dict.fromkeys(_new_in(row, by)):
        yield Novelty(
            provider=by.provider.name,
            connection=by.name,
            kind=kind,
            what=what,
            count=1,
            first_at=row.received_at,
            last_at=row.received_at,
            digest=row.digest,
            event=row.events[0] if row.events else None,
        )


def _of_message(row: MessageRow, by: Connection) -> Iterator[Novelty]:
    """Give the code that a message of ours ended with, or waits for, where the provider's table has none."""
    code = GatewayError.revive(from_json(row.error)).code if row.error else None
    if code is not None and by.provider.codes.find(Phase.CALL, code) is None:
        yield Novelty(
            provider=by.provider.name,
            connection=by.name,
            kind=NoveltyKind.CODE,
            what=f"{Phase.CALL.value} {code}",
            count=1,
            first_at=row.created_at,
            last_at=row.created_at,
            message=row.id,
        )


def _new_in(row: WebhookRow, by: Connection) -> Iterator[tuple[NoveltyKind, str]]:
    """Name what is new in one webhook."""
    hook = WebhookRequest(headers=row.headers, body=row.body, received_at=row.received_at)
    try:
        events = by.provider.parse(hook)
    except BadPayload as error:
        yield NoveltyKind.UNREAD, error.message
        return
    except Exception as error:  # noqa: BLE001 - a border: a parser may raise anything
        yield NoveltyKind.UNREAD, f"{type(error).__name__} in the parser of {by.provider.name}"
        return
    for event in events:
        yield from _of_event(event, by)
    yield from _of_payload(hook, by)


def _of_event(event: Event, by: Connection) -> Iterator[tuple[NoveltyKind, str]]:
    match event:
        case UnknownEvent(reason=reason, unread=unread):
            yield NoveltyKind.UNREAD if unread else NoveltyKind.EVENT, reason
        case DeliveryUpdated(code=str(code)) if by.provider.codes.find(Phase.DELIVERY, code) is None:
            yield NoveltyKind.CODE, f"{Phase.DELIVERY.value} {code}"


def _of_payload(hook: WebhookRequest, by: Connection) -> Iterator[tuple[NoveltyKind, str]]:
    try:
        found = by.provider.unfamiliar(hook)
    except Exception as error:  # noqa: BLE001 - a border: what a provider says of its own models may fail too
        _log.error("unfamiliar_failed", connection=by.name, error=type(error).__name__)
        return
    for each in found:
        if each.value is None:
            yield NoveltyKind.FIELD, each.path
        else:
            yield NoveltyKind.VALUE, f"{each.path}={each.value}"
