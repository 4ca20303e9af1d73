"""`Gateway.remote`: the gateway that runs as a service, with the calls of the one in this process.

Every method promises what the one of `Gateway` does, with the service's limits: a list holds what the service gives at
once, and a chat is named by its id there, so that it has to have an event. What fails is the error that `Gateway`
raises; that the service itself cannot be reached is `Unreachable` or, when it may have heard, `OutcomeUnknown`.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from pydantic import JsonValue, SecretStr

from gateway.actions import ChatSummary, Group, HistoryItem, Member, OptInLinks, Policy, Reachability, Receipt
from gateway.addresses import Address
from gateway.asking import Content, Recipient, address_of, aware, chat_of, holds, in_time, messages_of, reaction_of
from gateway.catchup import PAGES, SECONDS, CaughtUp
from gateway.delivery import MessageStatus
from gateway.drift import Drift
from gateway.drive import drive
from gateway.errors import (
    BadPayload,
    BadSignature,
    ConfigurationError,
    Conflict,
    GatewayError,
    InvalidMessage,
    NoRoute,
    NotSettled,
    OutcomeUnknown,
    Overloaded,
    StoreError,
    Unreachable,
    Unsupported,
)
from gateway.events import Event
from gateway.exchange import Call, Exchange, Page, Reply
from gateway.files import File
from gateway.fitting import Plan
from gateway.ids import MessageId, chat_id
from gateway.ingress import ASGIApp, Ingress
from gateway.interface import Subject, Ticket, Urgency, Verdict
from gateway.model import Media, Message, Part, Reaction
from gateway.remote.account import RemoteAccount, Wish
from gateway.remote.handlers import LATEST, POLL, Follower
from gateway.remote.spelling import (
    message_json,
    open_outcome,
    receipt_of,
    recipient_json,
    status_of,
    subject_json,
)
from gateway.remote.wire import Upload, Wire, path
from gateway.reparse import Reparsed, by_portions
from gateway.story import Story

__all__ = ["RemoteGateway"]

T = TypeVar("T")
EventT = TypeVar("EventT", bound=Event)

_MOST_WAIT = 30.0
"""Seconds that the service waits in one request."""
_LOOK = 0.5
"""Seconds between two looks at a message that takes longer than that."""
_ROUND = 5.0
"""Seconds that the way there and back may take, beside what the service itself waits."""
_MOST_ITEMS = 100
_LIMIT = 10_000
"""What `reparse` and `drift` look through unless they are told otherwise; for `drift` the service has its own limit."""


class RemoteGateway:
    """A running service, by its URL and one of its keys; made by `Gateway.remote`.

    Use it as an async context manager, or call `aclose`; it starts by itself with the first call. Handlers run here;
    they get what happens from the start on, or from where `cursor` was left.
    """

    def __init__(self, url: str, key: str, *, cursor: str | Path | None = None, timeout: float = 30.0) -> None:
        self._wire = Wire(url, key, timeout=timeout)
        self._follower = Follower(cursor)
        self._accounts: dict[str, RemoteAccount] = {}
        self._wishes: list[Wish] = []
        self._ids: dict[str, str] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._beginning = asyncio.Lock()

    # ── life ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def cursor(self) -> str:
        """How far handlers have come: give it to the next `remote`, and it goes on there."""
        return self._follower.cursor

    async def __aenter__(self) -> Self:
        """Start; what keeps it from starting leaves nothing open."""
        try:
            await self._begin()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        await self.aclose()

    async def aclose(self) -> None:
        """Let handlers go, and close all connections to the service."""
        self._closed = True
        await self._follower.stop()
        await self._wire.aclose()

    async def _begin(self) -> None:
        """Learn which connections there are, make those that were asked for, and begin to follow events."""
        if self._closed:
            raise StoreError("this gateway is closed", hint="make a new one")
        async with self._beginning:
            if self._loop is None:
                await self._learn()
                if self._follower.cursor == LATEST:
                    self._follower.cursor = (await self._wire.get(path("events"), after=LATEST, limit=1))["next"]
                self._loop = asyncio.get_running_loop()
            while self._wishes:
                await self._granted(self._wishes[0])
                self._wishes.pop(0)
            self._follower.start(self._news, self._ids)

    async def _news(self, cursor: str) -> Any:
        return await self._wire.get(path("events"), after=cursor, limit=_MOST_ITEMS, wait=POLL)

    # ── connections ───────────────────────────────────────────────────────────────────────────────────────────────

    def connect(
        self,
        provider: str,
        name: str | None = None,
        *,
        policy: Policy | str | None = None,
        labels: Mapping[str, str] | None = None,
        catch_up: bool | None = None,
        pace: Mapping[str, str] | None = None,
        consent: str | None = None,
        require_opt_in: bool | None = None,
        queue: int | None = None,
        answers_per_minute: int | None = None,
        **settings: Any,
    ) -> RemoteAccount:
        """Have the service add a connection, or bring the one of that name up to date; it does so at the next call.

        What the service has against the settings is raised there.
        """
        given: dict[str, Any] = {
            "policy": Policy(policy).value if policy is not None else None,
            "labels": dict(labels) if labels is not None else None,
            "catch_up": catch_up,
            "pace": dict(pace) if pace is not None else None,
            "consent": consent,
            "require_opt_in": require_opt_in,
            "queue": queue,
            "answers_per_minute": answers_per_minute,
        }
        options = {word: value for word, value in given.items() if value is not None}
        account = RemoteAccount(name or provider, provider, labels=dict(labels or {}))
        self._wishes.append(Wish(account, {word: _plain(value) for word, value in settings.items()}, options))
        self._accounts[account.name] = account
        return account

    @property
    def connections(self) -> tuple[RemoteAccount, ...]:
        """All connections of the key's tenant, as they were at the start, and those that were added here."""
        return tuple(self._accounts.values())

    async def _learn(self) -> None:
        after: str | None = None
        while True:
            page = await self._wire.get(path("connections"), after=after, limit=_MOST_ITEMS)
            for told in page["items"]:
                self._note(RemoteAccount.read(told))
            after = page["next"]
            if after is None:
                return

    def _note(self, account: RemoteAccount) -> None:
        asked = self._accounts.get(account.name)
        if asked is not None:
            asked.id = account.id
        self._accounts.setdefault(account.name, account)
        self._ids[account.name] = account.id or account.name

    async def _granted(self, wish: Wish) -> None:
        """Have a connection made; what the service refuses is told once, what it could not do now is tried again."""
        try:
            await self._grant(wish)
        except (Unreachable, OutcomeUnknown, StoreError, Overloaded):
            raise
        except (GatewayError, ConfigurationError):
            self._wishes.remove(wish)
            self._accounts.pop(wish.account.name, None)
            raise

    async def _grant(self, wish: Wish) -> None:
        known = self._ids.get(wish.account.name)
        if known is None:
            body = {"provider": wish.account.provider, "name": wish.account.name}
            told = await self._wire.post(path("connections"), {**body, **wish.body}, again=True)
        else:
            told = await self._wire.patch(path("connections", known), wish.body)
        self._note(RemoteAccount.read(told))

    async def _id(self, name: str | None) -> str | None:
        """Give the service's id of a connection; what it does not know is for the service to refuse."""
        await self._begin()
        if name is not None and name not in self._ids and not name.startswith("pc_"):
            await self._learn()
        return None if name is None else self._ids.get(name, name)

    async def _named(self, name: str | None) -> str:
        """Give the id of a connection that has to be known: the only one, where none is named."""
        found = await self._id(name)
        if found is not None:
            return found
        if len(self._ids) != 1:
            raise NoRoute(f"there are {len(self._ids)} connections", hint="name one: via=…")
        return next(iter(self._ids.values()))

    # ── sending ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def send(
        self,
        to: Recipient,
        message: Content,
        *,
        via: str | None = None,
        key: str | None = None,
        policy: Policy | str | None = None,
        wait: float = 30.0,
        at: datetime | None = None,
        expires: datetime | None = None,
        priority: Urgency | None = None,
    ) -> Receipt:
        """Send, and wait up to `wait` seconds until the vendor accepted it."""
        body = await self._message(to, message, via, policy, at=at, expires=expires, priority=priority)
        return await self._kept(path("messages"), body, key, wait)

    async def enqueue(
        self,
        to: Recipient,
        message: Content,
        *,
        via: str | None = None,
        key: str | None = None,
        policy: Policy | str | None = None,
        at: datetime | None = None,
        expires: datetime | None = None,
        priority: Urgency | None = None,
    ) -> Ticket:
        """Keep a message to be sent, at a time where one is given."""
        body = await self._message(to, message, via, policy, at=at, expires=expires, priority=priority)
        told = await self._wire.post(path("messages"), body, key=key, again=True)
        return Ticket(message_id=MessageId(told["id"]), connection=told["connection"], adaptations=told["adaptations"])

    async def plan(
        self, to: Recipient, message: Content, *, via: str | None = None, policy: Policy | str | None = None
    ) -> Plan:
        """Say what would be sent, with which adaptations, and send nothing."""
        body = await self._message(to, message, via, policy)
        return Plan.model_validate((await self._wire.post(path("messages", "plan"), body, again=True))["plan"])

    async def upload(
        self,
        source: bytes | Path,
        *,
        name: str | None = None,
        media_type: str | None = None,
        expires: datetime | None = None,
    ) -> File:
        """Have the service keep a file, so that it can be sent by its id."""
        await self._begin()
        kind = media_type or "application/octet-stream"
        try:
            if isinstance(source, bytes):
                told = await self._wire.upload(path("files"), Upload(source, name or "file", kind), expires_at=expires)
            else:
                with source.open("rb") as file:
                    told = await self._wire.upload(
                        path("files"), Upload(file, name or source.name, kind), expires_at=expires
                    )
        except OSError as error:
            why = error.strerror or type(error).__name__
            named = source.name if isinstance(source, Path) else ""
            raise InvalidMessage(f"the file {named} cannot be read: {why}", hint="check its path") from None
        return File.model_validate(told)

    async def _message(
        self,
        to: Recipient,
        message: Content,
        via: str | None,
        policy: Policy | str | None,
        *,
        at: datetime | None = None,
        expires: datetime | None = None,
        priority: Urgency | None = None,
    ) -> dict[str, JsonValue]:
        in_time(at, expires)
        content = [message_json(await self._carried(item)) for item in messages_of(message)]
        body: dict[str, Any] = {
            "to": recipient_json(to),
            "message": content,
            "connection": await self._id(via),
            "policy": Policy(policy).value if policy is not None else None,
            "at": at.isoformat() if at else None,
            "expires": expires.isoformat() if expires else None,
            "priority": priority,
        }
        return _given(body)

    async def _carried(self, message: Message) -> Message:
        """Bring files of this machine to the service, and name them by their ids."""
        if not any(isinstance(part, Media) and part.url is None and part.file_id is None for part in message.parts):
            return message
        return message.model_copy(update={"parts": tuple([await self._brought(part) for part in message.parts])})

    async def _brought(self, part: Part) -> Part:
        if not isinstance(part, Media) or part.url is not None or part.file_id is not None:
            return part
        source = part.data if part.data is not None else part.file or Path()
        file = await self.upload(source, name=part.name, media_type=part.media_type)
        return part.model_copy(update={"data": None, "file": None, "file_id": file.id})

    async def _kept(self, where: str, body: JsonValue, key: str | None, wait: float) -> Receipt:
        """Have something kept, and wait for what becomes of it."""
        until = _now() + wait
        told = await self._wire.post(where, body, key=key, wait=min(wait, _MOST_WAIT), again=True)
        return receipt_of(await self._settled(told, until), wait)

    async def _settled(self, told: Any, until: float) -> Any:
        while open_outcome(told) and _now() < until:
            await asyncio.sleep(min(_LOOK, max(until - _now(), 0)))
            told = await self._wire.get(path("messages", told["id"]))
        return told

    # ── reactions, typing, read marks ─────────────────────────────────────────────────────────────────────────────

    async def react(
        self,
        message: Subject,
        reaction: str | Reaction,
        *,
        part: int = 0,
        chat: Recipient | None = None,
        via: str | None = None,
        policy: Policy | str | None = None,
        wait: float = 30.0,
    ) -> Receipt:
        """Add a tapback or an emoji to a message; a bare vendor reference needs its `chat`."""
        return await self._react(message, reaction, part, chat, via, policy, wait, remove=False)

    async def unreact(
        self,
        message: Subject,
        reaction: str | Reaction,
        *,
        part: int = 0,
        chat: Recipient | None = None,
        via: str | None = None,
        policy: Policy | str | None = None,
        wait: float = 30.0,
    ) -> Receipt:
        """Take a reaction back."""
        return await self._react(message, reaction, part, chat, via, policy, wait, remove=True)

    async def _react(
        self,
        message: Subject,
        reaction: str | Reaction,
        part: int,
        chat: Recipient | None,
        via: str | None,
        policy: Policy | str | None,
        wait: float,
        *,
        remove: bool,
    ) -> Receipt:
        body = {
            "message": subject_json(message),
            "reaction": reaction_of(reaction).text,
            "part": part,
            "remove": remove,
            "chat": recipient_json(chat) if chat is not None else None,
            "connection": await self._id(via),
            "policy": Policy(policy).value if policy is not None else None,
        }
        return await self._kept(path("reactions"), _given(body), None, wait)

    async def typing(
        self, chat: Recipient, seconds: float = 5.0, *, via: str | None = None, wait: float = 30.0
    ) -> None:
        """Show the typing dots for a while; 0 seconds takes them away."""
        body = {"chat": recipient_json(chat), "seconds": seconds, "connection": await self._id(via)}
        _done(await self._wire.post(path("typing"), _given(body), wait=min(wait, _MOST_WAIT)), wait)

    async def mark_read(self, chat: Recipient, *, via: str | None = None, wait: float = 30.0) -> None:
        """Mark a chat as read, and show that to the contact."""
        body = {"chat": recipient_json(chat), "connection": await self._id(via)}
        _done(await self._wire.post(path("read"), _given(body), wait=min(wait, _MOST_WAIT)), wait)

    async def poll(
        self,
        chat: Recipient,
        options: Sequence[str],
        *,
        title: str | None = None,
        via: str | None = None,
        key: str | None = None,
        policy: Policy | str | None = None,
        wait: float = 30.0,
    ) -> Receipt:
        """Let a chat choose among options."""
        body = {
            "chat": recipient_json(chat),
            "options": list(options),
            "title": title,
            "connection": await self._id(via),
            "policy": Policy(policy).value if policy is not None else None,
        }
        return await self._kept(path("polls"), _given(body), key, wait)

    async def share_contact(
        self, chat: Recipient, *, via: str | None = None, key: str | None = None, wait: float = 30.0
    ) -> Receipt:
        """Give a chat our name, picture or contact card, without a message."""
        body = {"chat": recipient_json(chat), "connection": await self._id(via)}
        return await self._kept(path("contact-cards"), _given(body), key, wait)

    # ── what became of it ─────────────────────────────────────────────────────────────────────────────────────────

    async def status(self, message: Receipt | Ticket | str, *, refresh: bool = False) -> MessageStatus:
        """Say how far a send has come, by everything that was reported; `refresh` asks the vendor too."""
        await self._begin()
        return status_of(await self._wire.get(path("messages", _id_of(message)), refresh=refresh))

    async def next_slot(self, contact: Recipient, *, via: str | None = None) -> datetime:
        """Tell when the next message to a contact may go."""
        chat, named = chat_of(contact)
        body = {"address": chat.text, "connection": await self._id(via or named)}
        told = await self._wire.post(path("contacts", "slot"), _given(body), again=True)
        return datetime.fromisoformat(told["at"])

    async def cancel(self, message: Receipt | Ticket | str, *, wait: float = 5.0) -> None:
        """Take back what has not left; when this returns, it is certain that it will not."""
        await self._begin()
        try:
            async with asyncio.timeout(wait + _ROUND):
                await self._wire.post(
                    path("messages", _id_of(message), "cancel"), wait=min(wait, _MOST_WAIT), again=True
                )
        except TimeoutError:
            hint = f'ask later: gateway.status("{_id_of(message)}")'
            raise Conflict(f"{_id_of(message)} may be leaving at this moment", hint=hint) from None

    async def resolve(self, message: str, verdict: Verdict, *, wait: float = 30.0) -> Receipt:
        """Settle a send whose outcome nobody knows."""
        await self._begin()
        return await self._kept(path("messages", message, "resolve"), {"verdict": verdict}, None, wait)

    async def resend(self, message: str, *, wait: float = 30.0) -> Receipt:
        """Go on with a message that was partly sent."""
        await self._begin()
        return await self._kept(path("messages", message, "resend"), None, None, wait)

    async def story(self, message: Receipt | Ticket | str) -> Story:
        """Tell a message's whole life."""
        await self._begin()
        return Story.model_validate(await self._wire.get(path("messages", _id_of(message), "timeline")))

    # ── what the vendor knows ─────────────────────────────────────────────────────────────────────────────────────

    async def chats(
        self, *, search: str | None = None, via: str | None = None, limit: int = 50
    ) -> AsyncIterator[ChatSummary]:
        """Go through the chats that the vendor knows, as many as the service gives at once."""
        connection = await self._id(via)
        told = await self._wire.get(path("vendor-chats"), connection=connection, limit=min(limit, _MOST_ITEMS))
        for item in told["items"]:
            summary = ChatSummary.model_validate(item)
            if search is None or holds(summary, search):
                yield summary

    async def history(
        self,
        chat: Recipient,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        via: str | None = None,
        limit: int = 50,
    ) -> AsyncIterator[HistoryItem]:
        """Go through the messages of a chat as the vendor keeps them, newest first, `limit` on a page."""
        aware(since=since, until=until)
        where = path("chats", await self._chat(chat, via), "history")
        while True:
            told = await self._wire.get(where, since=since, until=until, limit=min(limit, _MOST_ITEMS))
            for item in told["items"]:
                yield HistoryItem.model_validate(item)
            if told["until"] is None or (until is not None and datetime.fromisoformat(told["until"]) >= until):
                return
            until = datetime.fromisoformat(told["until"])

    async def reachability(self, contact: str | Address, *, via: str | None = None) -> Reachability:
        """Tell by which networks an address can be written to; sends nothing."""
        body = {"address": address_of(contact).text, "connection": await self._id(via)}
        told = await self._wire.post(path("contacts", "reachability"), _given(body), again=True)
        return Reachability.model_validate(told)

    async def unsubscribe(self, contact: str | Address, *, via: str | None = None) -> bool:
        """Note that a contact no longer agrees to be written to; True where the vendor was told too."""
        body = {"address": address_of(contact).text, "connection": await self._id(via)}
        return bool((await self._wire.post(path("contacts", "unsubscribe"), _given(body), again=True))["vendor_told"])

    async def _chat(self, chat: Recipient, via: str | None) -> str:
        """Give the id of a chat on a connection."""
        where, named = chat_of(chat)
        connection = await self._named(via or named)
        return chat_id(connection, where.identity)

    # ── groups ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def create_group(
        self,
        members: Sequence[str | Address],
        *,
        name: str | None = None,
        line: str | None = None,
        via: str | None = None,
    ) -> Group:
        """Make a group; its `chat` can be written to."""
        addresses = [address_of(member).text for member in members]
        body = {"members": addresses, "name": name, "line": line, "connection": await self._id(via)}
        return Group.model_validate(await self._wire.post(path("groups"), _given(body)))

    async def rename_group(self, chat: Recipient, name: str | None, *, via: str | None = None) -> Group:
        """Give a group another name; None takes it away, where the vendor can."""
        where = path("chats", await self._chat(chat, via), "group")
        return Group.model_validate(await self._wire.patch(where, {"name": name}))

    async def members(self, chat: Recipient, *, via: str | None = None, limit: int = 50) -> AsyncIterator[Member]:
        """Go through those who are in a group, as many as the service gives at once."""
        where = path("chats", await self._chat(chat, via), "members")
        # the service reads pages of this size, and gives one
        for item in (await self._wire.get(where, limit=max(limit, _MOST_ITEMS)))["items"]:
            yield Member.model_validate(item)

    async def add_member(self, chat: Recipient, contact: str | Address, *, via: str | None = None) -> Group:
        """Take someone into a group."""
        where = path("chats", await self._chat(chat, via), "members")
        return Group.model_validate(await self._wire.post(where, {"address": address_of(contact).text}))

    async def remove_member(self, chat: Recipient, contact: str | Address, *, via: str | None = None) -> Group:
        """Take someone out of a group."""
        where = path("chats", await self._chat(chat, via), "members", "remove")
        return Group.model_validate(await self._wire.post(where, {"address": address_of(contact).text}))

    # ── beyond messages ───────────────────────────────────────────────────────────────────────────────────────────

    async def opt_in_link(self, body: str, *, via: str | None = None, **parameters: Any) -> OptInLinks:
        """Make links by which a person opts in; the parameters come back on the `OptedIn` event."""
        asked = {"body": body, "connection": await self._id(via), "parameters": parameters}
        return OptInLinks.model_validate(await self._wire.post(path("opt-in-links"), _given(asked)))

    async def check(self, connection: str) -> str:
        """Prove that a connection's credentials work; one line for a person."""
        found = await self._named(connection)
        return str((await self._wire.post(path("connections", found, "test"), again=True))["says"])

    async def run(self, connection: str, exchange: Exchange[T]) -> T:
        """Run any exchange of a provider's `api` on a connection; each of its calls is carried out by the service.

        Its credentials stay there. Raises `Unsupported` for a call that brings files. Needs a key with `admin`.
        """
        where = path("connections", await self._named(connection), "calls")

        async def send(call: Call) -> Reply:
            if call.files:
                raise Unsupported(
                    "a call with files cannot go through the service", hint="upload the file, send its URL"
                )
            told = await self._wire.post(where, _call_json(call))
            return Reply(told["status"], told["headers"], base64.b64decode(told["body"]))

        return await drive(exchange, send)

    async def pages(self, connection: str, exchange: Exchange[Page[T]]) -> AsyncIterator[T]:
        """Go through all items of a paged exchange, fetching as it goes."""
        page = await self.run(connection, exchange)
        while True:
            for item in page.items:
                yield item
            if page.more is None:
                return
            page = await self.run(connection, page.more())

    # ── receiving ─────────────────────────────────────────────────────────────────────────────────────────────────

    @overload
    def on(
        self, event: type[EventT], handler: None = None, *, connection: str | None = None
    ) -> Callable[[Callable[[EventT], Any]], Callable[[EventT], Any]]: ...
    @overload
    def on(
        self, event: type[EventT], handler: Callable[[EventT], Any], *, connection: str | None = None
    ) -> Callable[[EventT], Any]: ...
    def on(
        self,
        event: type[EventT],
        handler: Callable[[EventT], Any] | None = None,
        *,
        connection: str | None = None,
    ) -> Callable[..., Any]:
        """Register a handler, sync or async, for a type of event; also as a decorator.

        Called at least once for each event, in order per chat, from the next call of this gateway on. One that raises
        is called again a few times, then the event is left. The vendor's payload (`raw`) is not part of it.
        """
        if handler is None:
            return lambda function: self.on(event, function, connection=connection)
        self._follower.add(event, handler, connection)
        if self._loop is not None and not self._closed:
            # a blocking program registers from another thread
            self._loop.call_soon_threadsafe(self._follower.start, self._news, self._ids)
        return handler

    async def receive(
        self,
        connection: str,
        headers: Mapping[str, str] | Iterable[tuple[str, str]],
        body: bytes,
        *,
        method: str = "POST",
        query: str = "",
    ) -> Reply:
        """Pass a webhook on by its raw bytes; when this returns it is kept, and the reply is what to answer."""
        found = await self._named(connection)
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        carried = [(name, value) for name, value in pairs if name.lower() not in _HOP]
        status, answered, told = await self._wire.raw(method, f"/webhooks/{found}", carried, bytes(body), query)
        known = {401: BadSignature, 400: BadPayload, 413: BadPayload}
        if status in known:
            raise known[status]("the service refused this webhook", hint="look at its secret, and at the body")
        if status == 404:
            raise NoRoute(f"there is no connection {connection!r}", hint="list them: gateway.connections")
        if status >= 500:
            raise StoreError("the service could not keep this webhook", hint="have it delivered again later")
        return Reply(status, {name: value for name, value in answered.items() if name not in _HOP}, told)

    async def catch_up(
        self, connection: str, *, since: datetime | None = None, pages: int = PAGES, seconds: float = SECONDS
    ) -> CaughtUp:
        """Have the service fetch the webhooks that the vendor kept and could not deliver.

        It is asked until all is fetched, and not longer than about `seconds`, nor past `pages`.
        """
        aware(since=since)
        where, until = path("connections", await self._named(connection), "catch-up"), _now() + seconds
        whole = CaughtUp(connection=connection, complete=False)
        hours = (datetime.now(UTC) - since).total_seconds() / 3600 if since else None
        while not whole.complete and whole.pages < pages and _now() < until:
            body = {"hours": hours} if hours is not None else None
            found = CaughtUp.model_validate(await self._wire.post(where, body))
            whole = found.model_copy(
                update={
                    "pages": whole.pages + found.pages,
                    "webhooks": whole.webhooks + found.webhooks,
                    "recovered": whole.recovered + found.recovered,
                }
            )
            hours = None  # from where it was left
        return whole

    async def reparse(
        self,
        since: datetime | None = None,
        *,
        connection: str | None = None,
        apply: bool = True,
        after: int = 0,
        limit: int = _LIMIT,
    ) -> Reparsed:
        """Have the service parse kept webhooks of a connection again, a thousand at a time."""
        aware(since=since)
        body = {"connection": await self._named(connection), "hours": _hours(since), "apply": apply}

        async def ask(after: int, limit: int) -> Reparsed:
            asked = _given({**body, "after": after, "limit": limit})
            return Reparsed.model_validate(await self._wire.post(path("reparse"), asked))

        return await by_portions(ask, after=after, limit=limit)

    async def drift(
        self, since: datetime | None = None, *, connection: str | None = None, limit: int = _LIMIT
    ) -> Drift:
        """Count what the vendor of a connection sent that is new to its provider, in the newest thousand at most."""
        aware(since=since)
        _unlimited(limit)
        found = await self._named(connection)
        return Drift.model_validate(await self._wire.get(path("drift"), connection=found, hours=_hours(since)))

    async def replay(self, event: Event | str) -> None:
        """Have the service hand an event over again."""
        await self._begin()
        await self._wire.post(path("events", event if isinstance(event, str) else event.id, "replay"))

    def asgi(self) -> ASGIApp:
        """Give an ASGI application that passes webhooks on to the service: `POST /webhooks/{connection}`."""
        return Ingress(self.receive, None, start=self._begin, stop=self.aclose)


_HOP = frozenset({"host", "connection", "content-length", "transfer-encoding", "keep-alive"})
"""Headers of the one connection that a request came by; the next one has its own."""


def _now() -> float:
    return asyncio.get_running_loop().time()


def _done(told: Any, wait: float) -> None:
    """Raise `NotSettled` for what is kept and was not done in time."""
    if not told["done"]:
        raise NotSettled(f"no outcome after {wait:g} seconds: {told['waits_for']}", hint="it goes when its turn comes")


def _plain(value: Any) -> Any:
    """Write a setting as JSON has it; secrets go to the service, sealed there, and nowhere else."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def _given(body: dict[str, Any]) -> dict[str, Any]:
    return {word: value for word, value in body.items() if value is not None}


def _id_of(message: Receipt | Ticket | str) -> str:
    return message if isinstance(message, str) else message.message_id


def _call_json(call: Call) -> dict[str, Any]:
    return {
        "method": call.method,
        "path": str(call.path),
        "json": call.json,
        "params": dict(call.params),
        "headers": dict(call.headers),
        "base": call.base,
        "repeat": call.repeat.value,
    }


def _hours(since: datetime | None) -> float | None:
    return (datetime.now(UTC) - since).total_seconds() / 3600 if since else None


def _unlimited(limit: int) -> None:
    if limit != _LIMIT:
        raise Unsupported("the service has a limit of its own here", hint="leave `limit` out")
