"""Erasing somebody everywhere, and giving what is kept of them.

Found is what is in the chats with them, what names them, and the webhooks that any of it was made of. What had opted
out stays opted out, by a keyed hash. What cannot be erased yet, because it is leaving at this moment, is told.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from pydantic import JsonValue, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from gateway.addresses import Address, AddressKind
from gateway.clock import Clock
from gateway.errors import InvalidMessage
from gateway.events import AnyEvent, Event
from gateway.ids import ChatId, direct_chat
from gateway.log import logger
from gateway.store.ledger import LedgerStore
from gateway.store.records.audit import Deed
from gateway.store.records.connections import ConnectionRecords
from gateway.store.records.erasing import Found, Mention, Pieces, Somebody
from gateway.store.records.redacting import Redaction
from gateway.tenancy.audit import Audit
from gateway.tenancy.hiding import Hiding, hidden

__all__ = ["Erased", "Erasing", "LetGo", "ids_in"]

_log = logger(__name__)

_RowT = TypeVar("_RowT")

LetGo: TypeAlias = Callable[[str], Awaitable[None]]
"""Lets go of the bytes of a digest, wherever files are kept (`Vault.drop`)."""

_EVENT: TypeAdapter[Event] = TypeAdapter(AnyEvent)
_STEP = 100
"""Rows that are erased in one transaction."""
_ROUNDS = 5
"""Times that is looked again: while it is erased, more may come in."""
_DIGEST = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_BETWEEN = r"[\s().\-\u00a0\u2009\u2010-\u2015\u202f\u2212]*"
"""What may stand between the digits of a phone number."""


@dataclass(slots=True)
class Erased:
    """What was erased, in numbers."""

    events: int = 0
    messages: int = 0
    webhooks: int = 0
    files: int = 0
    suppressed: tuple[str, ...] = ()
    """Connections on which the contact had opted out, and stays so."""
    leaving: tuple[str, ...] = ()
    """Messages that were leaving at that moment and are still there: erase once more in a minute."""


@dataclass(slots=True)
class _Sought:
    """Whom is looked for, and what was found by it."""

    who: Somebody
    address: Address
    chats: list[ChatId] = field(repr=False)
    redaction: Redaction = field(repr=False)
    vendor_ids: dict[str, set[str]] = field(default_factory=dict, repr=False)
    tokens: set[str] = field(default_factory=set, repr=False)
    events: set[str] = field(default_factory=set, repr=False)
    digests: set[str] = field(default_factory=set, repr=False)

    def meant(self, lane: str, text: str) -> bool:
        """Tell whether a row is about them; what holds their digits within a longer number is not."""
        return lane in self.who.lanes or self.named(text)

    def named(self, text: str | None) -> bool:
        """Tell whether a text names them."""
        return self.redaction.names(text)

    def their_event(self, event: Mention) -> bool:
        """Tell whether an event is theirs, and does not only name them: by its chat, or by who did it."""
        found: Any = from_json(event.text)
        chat = found.get("chat") or {}
        parties = [found.get("sender"), found.get("address")]
        parties += chat.get("addresses", ()) if chat.get("kind") != "group" else ()
        return event.lane in self.who.lanes or self.address.text in parties

    def their_message(self, message: Mention) -> bool:
        """Tell whether a message went to them, and does not only name them."""
        asked: Any = from_json(message.request)
        return message.lane in self.who.lanes or self.named(str(asked.get("to", "")))

    def note(self, connection: str, text: str | None) -> None:
        """Take down by which ids more of it is kept."""
        if text:
            found: JsonValue = from_json(text)
            ids = self.vendor_ids.setdefault(connection, set())
            for name, value in _strings(found):
                if name in {"vendor_id", "poll_id"}:
                    ids.add(value)
                elif name == "token":
                    self.tokens.add(value)
            self.digests |= set(_DIGEST.findall(text))


class Erasing:
    """Erases and exports contacts of all tenants."""

    def __init__(
        self,
        store: LedgerStore,
        audit: Audit,
        hiding: Hiding,
        clock: Clock,
        *,
        refresh: Callable[[], Awaitable[object]],
    ) -> None:
        self._store = store
        self._pieces = Pieces(store)
        self._connections = ConnectionRecords(store)
        self._audit = audit
        self._hiding = hiding
        self._clock = clock
        self._refresh = refresh
        self.let_go: LetGo | None = None
        """Lets go of files that are kept outside the store; set by whoever has such a place."""

    async def erase(
        self, tenant: str, address: str, *, within: Collection[str] | None = None, by: str = "operator"
    ) -> Erased:
        """Erase somebody everywhere a tenant has them, by phone, email or a vendor's contact id.

        What is in chats with them, or by them, goes: messages, events, raw webhooks, deliveries, files, and what
        follows from them. What others wrote stays, without what names them. What comes in later is new. Raises
        `InvalidMessage` for what is no address.
        """
        sought = await self._seek(tenant, address, within)
        hash_ = hidden(await self._hiding.key(tenant), sought.address.text)
        erased = Erased()
        deed = Deed(tenant, by, "contact.erased", hash_, {"connections": len(sought.who.connections)})
        hashes = await self._hashes(tenant, sought)
        words = await self._pieces.erase_consent(sought.who, sought.chats, hashes, deed, self._clock.now())
        erased.suppressed = tuple(words)
        await self._refresh()
        for _ in range(_ROUNDS):
            before = (erased.events, erased.messages, erased.webhooks)
            await self._round(sought, erased)
            if before == (erased.events, erased.messages, erased.webhooks):
                break
        for connection, ids in sought.vendor_ids.items():
            await self._pieces.erase_ids(connection, ids, sought.tokens)
        await self._pieces.erase_chats(sought.chats)
        free = await self._pieces.erase_files(tenant, sought.events, sought.digests)
        for digest in free:
            if self.let_go is not None:
                await self.let_go(digest)
        erased.files = len(free)
        await self._store.scrub()
        _log.info("contact_erased", tenant=tenant, events=erased.events, messages=erased.messages)
        return erased

    async def preview(self, tenant: str, address: str, *, within: Collection[str] | None = None) -> Erased:
        """Count what there is of somebody now, and erase nothing; files are counted only when they go.

        Raises `InvalidMessage` for what is no address.
        """
        sought = await self._seek(tenant, address, within)
        found = Erased()
        async for _ in self._messages(sought):
            found.messages += 1
        async for event in self._events(sought):
            sought.events.add(event.id)
            found.events += 1
        async for _ in self._webhooks(sought):
            found.webhooks += 1
        return found

    async def export(
        self, tenant: str, address: str, *, within: Collection[str] | None = None, by: str = "operator"
    ) -> AsyncIterator[dict[str, JsonValue]]:
        """Give all that is kept of somebody, an object at a time: `kind` says what it is, the rest what is kept.

        Kinds are consent, message, event and webhook. Raises `InvalidMessage` for what is no address.
        """
        sought = await self._seek(tenant, address, within)
        hash_ = hidden(await self._hiding.key(tenant), sought.address.text)
        await self._audit.note(Deed(tenant, by, "contact.exported", hash_))
        for word in await self._pieces.words(sought.chats):
            yield {
                "kind": "consent",
                "connection": word.connection,
                "address": word.address,
                "agreed": word.agreed,
                "source": word.source,
                "changed_at": word.changed_at.isoformat(),
            }
        async for message in self._messages(sought):
            found = await self._store.message(message.id)  # type: ignore[arg-type]  # an id as the store gave it
            if found is not None:
                row, steps = found
                yield {
                    "kind": "message",
                    "id": row.id,
                    "connection": row.connection,
                    "state": row.state.value,
                    "created_at": row.created_at.isoformat(),
                    "asked": from_json(row.request),
                    "steps": [from_json(step.action) for step in steps],
                }
        async for event in self._events(sought):
            sought.events.add(event.id)
            yield {"kind": "event", "event": from_json(event.text)}
        async for hook in self._webhooks(sought):
            yield {"kind": "webhook", "number": hook.sequence, "body": hook.text}

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _seek(self, tenant: str, text: str, within: Collection[str] | None) -> _Sought:
        try:
            address = Address.parse(text)
        except ValidationError:
            raise InvalidMessage(
                "this is no address", hint="give a phone with country code, an email, or contact:ID"
            ) from None
        connections = [id_ for id_ in await self._connections.ids(tenant) if within is None or id_ in within]
        direct = [direct_chat(connection, address.text) for connection in connections]
        chats = await self._pieces.around(direct)
        needle = _needle(address)
        redaction = Redaction(address.text, _pattern(address, needle))
        return _Sought(Somebody(tuple(connections), tuple(chats), needle), address, chats, redaction)

    async def _hashes(self, tenant: str, sought: _Sought) -> dict[str, list[str]]:
        """Hide every name that somebody has on each connection: their address, and the chats that are one with theirs.

        Of other addresses than the one that was given nothing but their chats may be known.
        """
        key, address = await self._hiding.key(tenant), sought.address.text
        found = {}
        for connection in sought.who.connections:
            chats = await self._pieces.around([direct_chat(connection, address)])
            found[connection] = [hidden(key, name) for name in (address, *chats)]
        return found

    async def _round(self, sought: _Sought, erased: Erased) -> None:
        """Erase what there is now."""
        erased.leaving = ()
        async for messages in _batches(self._messages(sought)):
            left = await self._erase_messages(sought, messages)
            erased.messages += len(messages) - len(left)
            erased.leaving = tuple(sorted({*left, *erased.leaving}))
        events = [event async for event in self._events(sought)]
        theirs = [event for event in events if sought.their_event(event)]
        for event in theirs:
            sought.note(event.connection, event.text)
            sought.events.add(event.id)
        # the webhooks first: once an event is a mark, nothing says any more that they are about somebody
        async for hooks in _batches(self._webhooks(sought)):
            await self._pieces.erase_webhooks([hook.sequence for hook in hooks])
            erased.webhooks += len(hooks)
        for start in range(0, len(theirs), _STEP):
            await self._pieces.erase_events(theirs[start : start + _STEP])
        for event in events:
            if event.id not in sought.events:
                await self._redact(sought, event)
        erased.events += len(events)

    async def _redact(self, sought: _Sought, event: Mention) -> None:
        """Take somebody out of an event of others; one that makes no sense without them goes as a whole."""
        body = sought.redaction.json(event.text)
        try:
            _EVENT.validate_json(body)
        except ValidationError:
            await self._pieces.erase_events([event])
        else:
            await self._pieces.redact_event(event, _noted(body, event.text))

    async def _erase_messages(self, sought: _Sought, messages: Sequence[Mention]) -> list[str]:
        """Erase those that went to somebody, take them out of the others; gives those that are still leaving."""
        theirs = {message.id: message for message in messages if sought.their_message(message)}
        for id_, _, action, receipt, token in await self._pieces.steps(theirs):
            sought.tokens.add(token)
            for text in (action, receipt):
                sought.note(theirs[id_].connection, text)
        naming = [message.id for message in theirs.values() if sought.named(message.key)]
        left = await self._pieces.erase_messages([*theirs.values()], naming, self._clock.now()) if theirs else []
        for message in messages:
            if message.id not in theirs and not await self._pieces.redact_message(message.id, sought.redaction):
                left.append(message.id)
        return left

    async def _messages(self, sought: _Sought) -> AsyncIterator[Mention]:
        after = ""
        while rows := await self._pieces.messages(sought.who, after, _STEP):
            for row in rows:
                if sought.meant(row.lane, row.text):
                    yield row
            after = rows[-1].id

    async def _events(self, sought: _Sought) -> AsyncIterator[Mention]:
        after = 0
        while rows := await self._pieces.events(sought.who, after, _STEP):
            for row in rows:
                if sought.meant(row.lane, row.text):
                    yield row
            after = rows[-1].sequence

    async def _webhooks(self, sought: _Sought) -> AsyncIterator[Found]:
        after = 0
        while rows := await self._pieces.webhooks(sought.who, sought.events, after, _STEP):
            for row in rows:
                if sought.events.intersection(from_json(row.events)) or sought.named(row.text):
                    yield row
            after = rows[-1].sequence


def _noted(body: str, before: str) -> str:
    """Note in the body of an event that something was taken out of what it said: a vendor may bring it once more."""
    left, said = from_json(body), from_json(before)
    if left.get("message") == said.get("message"):
        return body
    return to_json({**left, "faded": True}).decode()


async def _batches(rows: AsyncIterator[_RowT]) -> AsyncIterator[list[_RowT]]:
    """Gather rows, so that many are erased in one transaction."""
    batch: list[_RowT] = []
    async for row in rows:
        batch.append(row)
        if len(batch) == _STEP:
            yield batch
            batch = []
    if batch:
        yield batch


def _needle(address: Address) -> str:
    """Give what a text holds that names an address, as it is without spaces and such between."""
    return address.value.removeprefix("+") if address.kind is AddressKind.PHONE else address.value.lower()


def _pattern(address: Address, needle: str) -> re.Pattern[str]:
    """Make what finds an address in a text, however a phone number is spaced."""
    if address.kind is AddressKind.PHONE:
        return re.compile(rf"\+?(?<!\d){_BETWEEN.join(needle)}(?!\d)")
    return re.compile(rf"(?<![\w.+-]){re.escape(needle)}(?![\w-])", re.IGNORECASE)


def ids_in(receipt: str | None) -> set[str]:
    """Give the vendor's ids that a receipt holds."""
    found: JsonValue = from_json(receipt) if receipt else None
    return {value for name, value in _strings(found) if name == "vendor_id"}


def _strings(value: JsonValue, name: str = "") -> list[tuple[str, str]]:
    """List the texts within a JSON value, each with the name that it has."""
    if isinstance(value, str):
        return [(name, value)]
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in _strings(item, key)]
    if isinstance(value, list):
        return [found for item in value for found in _strings(item, name)]
    return []
