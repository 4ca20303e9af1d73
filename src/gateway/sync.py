"""The blocking library: the same names as the async one, over an async gateway on a private loop thread.

from gateway.sync import Gateway

with Gateway() as gateway:
gateway.connect("PROVIDER", name="main", api_key="…")
gateway.send("+1 323 111 2233", "hello")
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from gateway import client
from gateway.actions import ChatSummary, Group, HistoryItem, Member, OptInLinks, Policy, Reachability, Receipt
from gateway.addresses import Address
from gateway.asking import Content, Recipient
from gateway.catchup import PAGES, SECONDS, CaughtUp
from gateway.clock import SYSTEM, Clock
from gateway.delivery import MessageStatus
from gateway.drift import Drift
from gateway.errors import StoreError, Unsupported
from gateway.events import Event
from gateway.exchange import Exchange, Page, Reply
from gateway.files import LIFETIME, File
from gateway.fitting import Plan
from gateway.inbox import Stale
from gateway.ingress import ASGIApp
from gateway.interface import Account, Interface, Subject, Ticket, Urgency, Verdict
from gateway.model import Reaction
from gateway.plugins import Plugins
from gateway.reparse import Reparsed
from gateway.retry import RetryPolicy
from gateway.store import Store
from gateway.story import Story
from gateway.vault import Vault

__all__ = ["Gateway"]

T = TypeVar("T")
EventT = TypeVar("EventT", bound=Event)


class _LoopThread:
    """A private event loop on a daemon thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="gateway loop", daemon=True)
        self._thread.start()

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine there and wait; an interrupt here cancels it there."""
        if self._loop.is_closed() or threading.current_thread() is self._thread:
            coroutine.close()
            closed = self._loop.is_closed()
            raise StoreError(
                "this gateway is closed" if closed else "the blocking gateway was called from its own loop",
                hint="make a new Gateway" if closed else "use a plain function as handler, or the async Gateway",
            )
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def serve(self, app: ASGIApp, scope: Any, receive: Any, send: Any) -> None:
        """Run one ASGI request there, while its two ends stay on the server's loop."""
        server = asyncio.get_running_loop()

        def across(function: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Coroutine[Any, Any, Any]]:
            async def call(*arguments: Any) -> Any:
                return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(function(*arguments), server))

            return call

        async def request() -> None:
            await app(scope, across(receive), across(send))

        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(request(), self._loop))

    def close(self) -> None:
        """Stop the loop and its thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()


class Gateway:
    """Sends through any connection, and hands over what arrives; blocking.

    Every method promises what the async one of the same name does. Handlers run in threads of their own and may call
    the gateway.
    """

    def __init__(
        self,
        store: str | Store = "memory:",
        policy: Policy | str = Policy.STRICT,
        clock: Clock = SYSTEM,
        *,
        public_url: str | None = None,
        retry: RetryPolicy | None = None,
        plugins: Plugins | None = None,
        chance: Callable[[], float] = random.random,
        stale: Stale | timedelta | None = Stale(),  # noqa: B008 - frozen
        catch_up: bool = False,
        pace: Mapping[str, str] | None = None,
        consent: str = "enforce",
        require_opt_in: bool | None = None,
        queue: int = 10_000,
        answers_per_minute: int = 20,
        works: bool = True,
        files: str | Vault = "store:",
        links: timedelta = LIFETIME,
    ) -> None:
        self._wrap(
            client.Gateway(
                store,
                policy,
                clock,
                public_url=public_url,
                retry=retry,
                plugins=plugins,
                chance=chance,
                stale=stale,
                catch_up=catch_up,
                pace=pace,
                consent=consent,
                require_opt_in=require_opt_in,
                queue=queue,
                answers_per_minute=answers_per_minute,
                works=works,
                files=files,
                links=links,
            )
        )

    def _wrap(self, gateway: Interface) -> None:
        self._gateway = gateway
        self._thread = _LoopThread()

    @classmethod
    def remote(cls, url: str, key: str, *, cursor: str | Path | None = None, timeout: float = 30.0) -> Self:
        """Give the gateway that runs as a service at a URL: the same calls, over its API, with one of its keys."""
        made = cls.__new__(cls)
        made._wrap(client.Gateway.remote(url, key, cursor=cursor, timeout=timeout))  # noqa: SLF001 - of this very class
        return made

    @classmethod
    def from_config(cls, path: str | Path, *, works: bool = True) -> Self:
        """Make a gateway with the connections of a TOML file; raises `ConfigurationError`."""
        made = cls.__new__(cls)
        made._wrap(client.Gateway.from_config(path, works=works))  # noqa: SLF001 - an object of this very class
        return made

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
    ) -> Account:
        """Add a connection; the settings are the provider's."""
        return self._gateway.connect(
            provider,
            name,
            policy=policy,
            labels=labels,
            catch_up=catch_up,
            pace=pace,
            consent=consent,
            require_opt_in=require_opt_in,
            queue=queue,
            answers_per_minute=answers_per_minute,
            **settings,
        )

    @property
    def connections(self) -> tuple[Account, ...]:
        """All connections, in the order they were added."""
        return self._gateway.connections

    @property
    def store(self) -> Store:
        """What is kept, for looking at it from the gateway's own loop; a service keeps it to itself."""
        if not isinstance(self._gateway, client.Gateway):
            raise Unsupported("the store is the service's own", hint="ask for what is in it: messages, events, files")
        return self._gateway.store

    def __enter__(self) -> Self:
        """Start."""
        self._thread.call(self._gateway.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.close()

    def close(self) -> None:
        """Finish what is under way, then let go of everything."""
        self._thread.call(self._gateway.aclose())
        self._thread.close()

    def send(
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
        return self._thread.call(
            self._gateway.send(
                to, message, via=via, key=key, policy=policy, wait=wait, at=at, expires=expires, priority=priority
            )
        )

    def enqueue(
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
        return self._thread.call(
            self._gateway.enqueue(
                to, message, via=via, key=key, policy=policy, at=at, expires=expires, priority=priority
            )
        )

    def plan(
        self, to: Recipient, message: Content, *, via: str | None = None, policy: Policy | str | None = None
    ) -> Plan:
        """Say what would be sent, with which adaptations, and send nothing."""
        return self._thread.call(self._gateway.plan(to, message, via=via, policy=policy))

    def upload(
        self,
        source: bytes | Path,
        *,
        name: str | None = None,
        media_type: str | None = None,
        expires: datetime | None = None,
    ) -> File:
        """Keep a file, so that it can be sent by its id."""
        return self._thread.call(self._gateway.upload(source, name=name, media_type=media_type, expires=expires))

    def react(
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
        """Add a tapback or an emoji to a message."""
        return self._thread.call(
            self._gateway.react(message, reaction, part=part, chat=chat, via=via, policy=policy, wait=wait)
        )

    def unreact(
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
        return self._thread.call(
            self._gateway.unreact(message, reaction, part=part, chat=chat, via=via, policy=policy, wait=wait)
        )

    def typing(self, chat: Recipient, seconds: float = 5.0, *, via: str | None = None, wait: float = 30.0) -> None:
        """Show the typing dots for a while; 0 seconds takes them away."""
        self._thread.call(self._gateway.typing(chat, seconds, via=via, wait=wait))

    def mark_read(self, chat: Recipient, *, via: str | None = None, wait: float = 30.0) -> None:
        """Mark a chat as read, and show that to the contact."""
        self._thread.call(self._gateway.mark_read(chat, via=via, wait=wait))

    def poll(
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
        return self._thread.call(
            self._gateway.poll(chat, options, title=title, via=via, key=key, policy=policy, wait=wait)
        )

    def share_contact(
        self, chat: Recipient, *, via: str | None = None, key: str | None = None, wait: float = 30.0
    ) -> Receipt:
        """Give a chat our name, picture or contact card, without a message."""
        return self._thread.call(self._gateway.share_contact(chat, via=via, key=key, wait=wait))

    def status(self, message: Receipt | Ticket | str, *, refresh: bool = False) -> MessageStatus:
        """Say how far a send has come; `refresh` asks the vendor too."""
        return self._thread.call(self._gateway.status(message, refresh=refresh))

    def next_slot(self, contact: Recipient, *, via: str | None = None) -> datetime:
        """Tell when the next message to a contact may go."""
        return self._thread.call(self._gateway.next_slot(contact, via=via))

    def cancel(self, message: Receipt | Ticket | str, *, wait: float = 5.0) -> None:
        """Take back what has not left."""
        self._thread.call(self._gateway.cancel(message, wait=wait))

    def resolve(self, message: str, verdict: Verdict, *, wait: float = 30.0) -> Receipt:
        """Settle a send whose outcome nobody knows."""
        return self._thread.call(self._gateway.resolve(message, verdict, wait=wait))

    def resend(self, message: str, *, wait: float = 30.0) -> Receipt:
        """Go on with a message that was partly sent."""
        return self._thread.call(self._gateway.resend(message, wait=wait))

    def chats(self, *, search: str | None = None, via: str | None = None, limit: int = 50) -> Iterator[ChatSummary]:
        """Go through the chats that the vendor knows."""
        return self._through(self._gateway.chats(search=search, via=via, limit=limit))

    def history(
        self,
        chat: Recipient,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        via: str | None = None,
        limit: int = 50,
    ) -> Iterator[HistoryItem]:
        """Go through the messages of a chat as the vendor keeps them, newest first."""
        return self._through(self._gateway.history(chat, since=since, until=until, via=via, limit=limit))

    def reachability(self, contact: str | Address, *, via: str | None = None) -> Reachability:
        """Tell by which networks an address can be written to."""
        return self._thread.call(self._gateway.reachability(contact, via=via))

    def unsubscribe(self, contact: str | Address, *, via: str | None = None) -> bool:
        """Note that a contact no longer agrees to be written to; True where the vendor was told too."""
        return self._thread.call(self._gateway.unsubscribe(contact, via=via))

    def create_group(
        self,
        members: Sequence[str | Address],
        *,
        name: str | None = None,
        line: str | None = None,
        via: str | None = None,
    ) -> Group:
        """Make a group."""
        return self._thread.call(self._gateway.create_group(members, name=name, line=line, via=via))

    def rename_group(self, chat: Recipient, name: str | None, *, via: str | None = None) -> Group:
        """Give a group another name; None takes it away, where the vendor can."""
        return self._thread.call(self._gateway.rename_group(chat, name, via=via))

    def members(self, chat: Recipient, *, via: str | None = None, limit: int = 50) -> Iterator[Member]:
        """Go through those who are in a group."""
        return self._through(self._gateway.members(chat, via=via, limit=limit))

    def add_member(self, chat: Recipient, contact: str | Address, *, via: str | None = None) -> Group:
        """Take someone into a group."""
        return self._thread.call(self._gateway.add_member(chat, contact, via=via))

    def remove_member(self, chat: Recipient, contact: str | Address, *, via: str | None = None) -> Group:
        """Take someone out of a group."""
        return self._thread.call(self._gateway.remove_member(chat, contact, via=via))

    def _through(self, items: AsyncIterator[T]) -> Iterator[T]:
        """Go through items that the loop gives, one at a time."""

        async def following() -> tuple[T, ...]:
            try:
                return (await anext(items),)
            except StopAsyncIteration:
                return ()

        while found := self._thread.call(following()):
            yield from found

    def opt_in_link(self, body: str, *, via: str | None = None, **parameters: Any) -> OptInLinks:
        """Make links by which a person opts in."""
        return self._thread.call(self._gateway.opt_in_link(body, via=via, **parameters))

    def check(self, connection: str) -> str:
        """Prove that a connection's credentials work; one line for a person."""
        return self._thread.call(self._gateway.check(connection))

    def run(self, connection: str, exchange: Exchange[T]) -> T:
        """Run any exchange of a provider's `api` on a connection."""
        return self._thread.call(self._gateway.run(connection, exchange))

    def pages(self, connection: str, exchange: Exchange[Page[T]]) -> Iterator[T]:
        """Go through all items of a paged exchange, fetching as it goes."""
        page = self.run(connection, exchange)
        while True:
            yield from page.items
            if page.more is None:
                return
            page = self.run(connection, page.more())

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
        """Register a handler for a type of event; also as a decorator."""
        if handler is None:
            return self._gateway.on(event, connection=connection)
        return self._gateway.on(event, handler, connection=connection)

    def receive(
        self,
        connection: str,
        headers: Mapping[str, str] | Iterable[tuple[str, str]],
        body: bytes,
        *,
        method: str = "POST",
        query: str = "",
    ) -> Reply:
        """Take a webhook in by its raw bytes; when this returns it is kept, and the reply is what to answer."""
        return self._thread.call(self._gateway.receive(connection, headers, body, method=method, query=query))

    def catch_up(
        self, connection: str, *, since: datetime | None = None, pages: int = PAGES, seconds: float = SECONDS
    ) -> CaughtUp:
        """Fetch the webhooks that the vendor kept and could not deliver; each event is handed over once."""
        return self._thread.call(self._gateway.catch_up(connection, since=since, pages=pages, seconds=seconds))

    def reparse(
        self,
        since: datetime | None = None,
        *,
        connection: str | None = None,
        apply: bool = True,
        after: int = 0,
        limit: int = 10_000,
    ) -> Reparsed:
        """Parse kept webhooks again: all since a time, or without one those that no parser could read."""
        return self._thread.call(
            self._gateway.reparse(since, connection=connection, apply=apply, after=after, limit=limit)
        )

    def drift(self, since: datetime | None = None, *, connection: str | None = None, limit: int = 10_000) -> Drift:
        """Count what vendors sent that is new to their providers."""
        return self._thread.call(self._gateway.drift(since, connection=connection, limit=limit))

    def replay(self, event: Event | str) -> None:
        """Hand an event over again."""
        self._thread.call(self._gateway.replay(event))

    def story(self, message: Receipt | Ticket | str) -> Story:
        """Tell a message's whole life: call, steps, attempts, answers, reports, handlers."""
        return self._thread.call(self._gateway.story(message))

    def asgi(self) -> ASGIApp:
        """Give an ASGI application that receives webhooks; it hands them to the gateway's own loop."""
        inner = self._gateway.asgi()
        thread = self._thread

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await thread.serve(inner, scope, receive, send)

        return app
