"""The way in: verify, parse, keep, and only then say what to answer.

The same road for what a vendor pushes, for what it kept and is fetched later, and for what is parsed again: `read`
makes events of a webhook as they are known here, `keep` writes all of it in one commit.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

from gateway.actions import Receipt, SendMessage
from gateway.clock import Clock
from gateway.connections import Connection, Connections
from gateway.consent import consents_of
from gateway.errors import BadPayload, BadSignature, StoreError, WebhookError
from gateway.events import (
    DeliveryUpdated,
    Event,
    MessageReceived,
    PollUpdated,
    ReactionAdded,
    ReactionRemoved,
    UnknownEvent,
)
from gateway.exchange import Reply
from gateway.failpoints import Point, reach
from gateway.ids import EventId
from gateway.legible import legible_hook
from gateway.log import logger
from gateway.outbox import action_of
from gateway.provider import Provider, WebhookRequest
from gateway.revisions import known_as
from gateway.store.port import Store
from gateway.store.rows import FactRow, StepRow, WebhookRow
from gateway.worker import prove

__all__ = ["KEPT_ASIDE", "Inbox", "Reading", "Stale", "join"]

_log = logger(__name__)

#: Headers that prove something are not kept: whoever reads the store could send them again.
_PROOFS = ("authorization", "signature", "secret", "token", "cookie", "api-key")

EventT = TypeVar("EventT", bound=Event)

UNKEPT = "unkept"
"""The code of a `StoreError` that is about a broken text or number, and not about the store."""

KEPT_ASIDE = "the store cannot keep what the parser made of it"
"""Why a webhook is in quarantine that could be parsed."""


@dataclass(frozen=True, slots=True)
class Stale:
    """When an event is old news, and whether handlers and endpoints get it all the same.

    After an outage vendors deliver what piled up, and a bot that answers each of them answers yesterday.
    """

    after: timedelta | None = timedelta(hours=1)
    """Older than this when it is taken in, by the vendor's time where it says one; None marks nothing."""
    dispatch: bool = True
    """False keeps what is stale without handing it over; a replay does that later, to handlers or to an endpoint."""

    def marks(self, event: Event, now: datetime) -> bool:
        """Tell whether an event is old news."""
        return self.after is not None and now - (event.occurred_at or event.received_at) > self.after


@dataclass(slots=True)
class Reading:
    """A webhook, and its events as they are known here; nothing of it is kept yet."""

    hook: WebhookRequest
    connection: Connection
    row: WebhookRow
    events: tuple[Event, ...] = ()
    error: BadPayload | None = None
    """What is wrong with the body, where the parser said so."""
    made: frozenset[EventId] = field(default=frozenset())
    """What the same webhook made before."""


class Inbox:
    """Takes webhooks in."""

    def __init__(self, store: Store, connections: Connections, clock: Clock, stale: Stale | None = None) -> None:
        self._store = store
        self._connections = connections
        self._clock = clock
        self._stale = stale or Stale()
        self._turn = asyncio.Lock()
        """Whose turn it is to write again what was overtaken: all at once, each commit of many would serve one."""

    async def accept(self, hook: WebhookRequest, connection: Connection) -> Reply:
        """Take one webhook in; when this returns, it is kept.

        Raises `BadSignature`, and `BadPayload` for what the vendor sent but no parser reads. That one is kept in
        quarantine too: was it only broken on its way, the vendor's next attempt is whole. Any other failure of a
        parser is ours, and is answered as if all were well: sending it again would change nothing. What is of a form
        that nobody reads is in quarantine beside its `UnknownEvent`.
        """
        _verify(hook, connection)
        reading = _parsed(hook, connection)
        try:
            fresh = await self._keep_unseen(reading)
            reading = reading if fresh else await self._known(reading)
        except StoreError as error:
            fresh, reading = [], _put_aside(reading, error)
        if not fresh:
            fresh = await self.keep(reading)
        _log.info(
            "webhook_accepted",
            connection=connection.name,
            provider=connection.provider.name,
            events=[event.type for event in fresh],
            repeated=len(reading.events) - len(fresh),
            quarantined=reading.row.quarantine is not None,
        )
        if reading.error is not None:
            raise reading.error
        return _answer(hook, connection)

    async def read(self, hook: WebhookRequest, connection: Connection, *, made: Collection[EventId] = ()) -> Reading:
        """Parse a webhook and name its events as they are known here; keeps nothing, raises nothing of the parser's."""
        reading = _parsed(hook, connection, made)
        try:
            return await self._known(reading)
        except StoreError as error:
            return _put_aside(reading, error)

    async def keep(self, reading: Reading) -> list[Event]:
        """Write a webhook with its events, facts and consents in one commit; gives the events that are new.

        Where the store cannot keep what the parser made of it, the webhook is kept in quarantine: refused, it would
        come again and again, and be nowhere.
        """
        try:
            return await self._keep(reading)
        except StoreError as error:
            return await self._keep(_put_aside(reading, error))

    async def _keep(self, reading: Reading) -> list[Event]:
        """Write a webhook; what of it is overtaken is written again, until all of it is kept.

        Other versions of its message may take its place: each time that happens one more of them is kept, so it comes
        to an end.
        """
        fresh = await self._write(reading, reading.events)
        if await self._overtaken(reading, fresh):
            async with self._turn:
                while late := await self._overtaken(reading, fresh):
                    fresh += await self._write(reading, late)
        await self._prove(reading.events)
        return fresh

    async def unknown(self, events: Iterable[Event]) -> list[Event]:
        """Give those events that are not kept yet."""
        return [event for event in events if await self._store.event(event.id) is None]

    # ── how ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _keep_unseen(self, reading: Reading) -> list[Event]:
        """Keep a webhook with one message that was never seen, which most are; else keep nothing, and give nothing.

        Whether it was seen is not asked before: the commit that keeps it finds that out.
        """
        if len(reading.events) != 1 or not isinstance(reading.events[0], MessageReceived):
            return []
        event = self._marked(await join(reading.events[0], self._store), self._clock.now())
        fresh = await self._write(reading, [event], only_new=True)
        if event.token:
            await self._prove(fresh)
        return fresh

    async def _known(self, reading: Reading) -> Reading:
        """Join each event with what is known, find out which message it is, and mark it when it is old."""
        now = self._clock.now()
        named: dict[EventId, Event] = {}
        for event in reading.events:
            event = await join(event, self._store)  # noqa: PLW2901 - the same event, with more known about it
            if isinstance(event, MessageReceived):
                event, _ = await known_as(event, self._store, beside=named, made=reading.made)  # noqa: PLW2901
            named.setdefault(event.id, self._marked(event, now))
        return replace(reading, events=tuple(named.values()))

    def _marked(self, event: EventT, now: datetime) -> EventT:
        return event.model_copy(update={"stale": True}) if self._stale.marks(event, now) else event

    async def _write(self, reading: Reading, events: Sequence[Event], *, only_new: bool = False) -> list[Event]:
        consents = consents_of(events, reading.connection.provider.codes)
        kept_back = () if self._stale.dispatch else [event.id for event in events if event.stale]
        reach(Point.ARRIVED)
        fresh = await self._store.ingest(
            reading.row, events, _facts(events), consents, handled=kept_back, only_new=only_new
        )
        if fresh or not only_new:
            reach(Point.INGESTED)
        return fresh

    async def _prove(self, events: Iterable[Event]) -> None:
        """Settle sends whose token came back."""
        for token in {event.token for event in events if event.token}:
            await prove(self._store, self._connections, token, self._clock.now())

    async def _overtaken(self, reading: Reading, fresh: Sequence[Event]) -> list[Event]:
        """Name those messages again whose id was taken, by more or by less, while they were on their way here."""
        new = {event.id for event in fresh}
        taken = [event for event in reading.events if isinstance(event, MessageReceived) and event.id not in new]
        again = [await known_as(_unnamed(event), self._store, beside={}, made=reading.made) for event in taken]
        return [event for event, is_new in again if is_new]


def _unnamed(event: MessageReceived) -> MessageReceived:
    return event.stamped(
        connection=event.connection, provider=event.provider, received_at=event.received_at
    ).model_copy(update={"chat_id": event.chat_id, "revises": None, "late": False})


def _verify(hook: WebhookRequest, connection: Connection) -> None:
    """Have the provider prove who sent it; raises `BadSignature`."""
    refused = _refusal(hook, connection, connection.provider)
    if refused is None:
        return
    for former in connection.former:
        if hook.received_at < former.until and _refusal(hook, connection, former.provider) is None:
            _log.info("webhook_signed_before", connection=connection.name, until=former.until.isoformat())
            return
    _log.warning("webhook_refused", connection=connection.name, error=refused.slug, why=refused.message)
    raise refused.locate(connection=connection.name, provider=connection.provider.name)


def _refusal(hook: WebhookRequest, connection: Connection, provider: Provider[Any]) -> WebhookError | None:
    try:
        provider.verify(hook)
    except WebhookError as error:
        return error
    except Exception as error:  # noqa: BLE001 - a border: what a provider stumbles over has proven nothing
        _log.error("verify_failed", connection=connection.name, error=type(error).__name__)
        return BadSignature("the proof could not be checked", hint="report it to the provider's author")
    return None


def _parse(hook: WebhookRequest, connection: Connection) -> tuple[list[Event], str | None, BadPayload | None]:
    """Give the events, and why the webhook is in quarantine: there are none, or one says that nobody reads its form."""
    provider = connection.provider
    try:
        stamped = [
            event.stamped(connection=connection.name, provider=provider.name, received_at=hook.received_at)
            for event in provider.parse(legible_hook(hook))
        ]
    except BadPayload as error:
        _log.warning("webhook_quarantined", connection=connection.name, error=error.slug)
        return [], error.message, error.locate(connection=connection.name, provider=provider.name)
    except Exception as error:  # noqa: BLE001 - a border: a parser may raise anything, and the body must not be lost
        _log.error("webhook_quarantined", connection=connection.name, error=type(error).__name__)
        return [], f"{type(error).__name__} in the parser of {provider.name}", None
    unread = next((event.reason for event in stamped if isinstance(event, UnknownEvent) and event.unread), None)
    if unread is not None:
        _log.warning("webhook_quarantined", connection=connection.name, error="unread")
    return stamped, unread, None


def _parsed(hook: WebhookRequest, connection: Connection, made: Collection[EventId] = ()) -> Reading:
    """Parse a webhook; what its events are known as here is not asked."""
    events, problem, error = _parse(hook, connection)
    row = WebhookRow(
        connection=connection.name,
        digest=hashlib.sha256(hook.body).hexdigest(),
        headers=tuple([header for header in hook.headers if not _proves(header[0])]),
        body=hook.body,
        received_at=hook.received_at,
        quarantine=problem,
    )
    return Reading(hook, connection, row, tuple(events), error, frozenset(made))


def _put_aside(reading: Reading, error: StoreError) -> Reading:
    """Give a webhook without its events, where it is they that cannot be kept; else raises the error."""
    if error.code != UNKEPT or not reading.events:
        raise error
    _log.error("webhook_quarantined", connection=reading.connection.name, error=error.slug)
    row = reading.row._replace(quarantine=KEPT_ASIDE)
    return replace(reading, row=row, events=())


@lru_cache(1024)  # a vendor sends the same few headers with every webhook
def _proves(header: str) -> bool:
    return any(word in header for word in _PROOFS)


def _answer(hook: WebhookRequest, connection: Connection) -> Reply:
    try:
        return connection.provider.answer(hook)
    except Exception as error:  # noqa: BLE001 - a border: it is kept, and that is what has to be said
        _log.error("answer_failed", connection=connection.name, error=type(error).__name__)
        return Reply(200)


def _facts(events: Sequence[Event]) -> list[FactRow]:
    return [
        FactRow(
            connection=event.connection,
            vendor_id=event.vendor_id,
            state=event.state,
            source=event.id,
            received_at=event.received_at,
            occurred_at=event.occurred_at,
            channel=event.channel.value if event.channel else None,
            code=event.code,
            reason=event.reason,
        )
        for event in events
        if type(event) is DeliveryUpdated and event.vendor_id
    ]


# ── what an event is about ────────────────────────────────────────────────────────────────────────────────────────


async def join(event: EventT, store: Store) -> EventT:
    """Note which of our messages an event is about, and the caller's reference of it, as far as that is known now."""
    updates: dict[str, object] = {}
    chat, token = event.chat_id, event.token
    if chat and (kept := await store.canonical(chat)) != chat:
        updates["chat_id"] = kept
    step = await store.by_token(token) if token else None
    vendor_id = _about(event)
    if step is None and vendor_id:
        step = await store.owner(event.connection, vendor_id)
    if step is not None:
        updates |= {"message_id": step.message, "ours": event.ours or isinstance(event, DeliveryUpdated)}
        if event.reference is None:
            updates["reference"] = _reference(step, vendor_id)
    return event.model_copy(update=updates) if updates else event


def _about(event: Event) -> str | None:
    """Give the vendor id of the message of ours that an event may be about."""
    match event:
        case MessageReceived():
            return event.vendor_id if event.ours else None
        case DeliveryUpdated():
            return event.vendor_id
        case ReactionAdded() | ReactionRemoved():
            return event.target.vendor_id
        case PollUpdated():
            return event.poll_id
    return None


def _reference(step: StepRow, vendor_id: str | None) -> str | None:
    """Find the caller's string of the very message, where one step carried several."""
    action = action_of(step)
    if not isinstance(action, SendMessage):
        return None
    sent = Receipt.model_validate_json(step.receipt).sent if step.receipt else ()
    ids = [entry.vendor_id for entry in sent]
    place = ids.index(vendor_id) if vendor_id in ids and len(ids) == len(action.messages) else 0
    return action.messages[place].reference
