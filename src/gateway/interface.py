"""What every gateway does, in this process or in a running service: the one protocol of the library.

`Gateway` is one, and so is what `Gateway.remote` gives; the blocking library stands on either. Each method promises
what the one of `Gateway` does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self, TypeAlias, TypeVar, overload

from gateway.actions import (
    Adaptation,
    ChatSummary,
    Group,
    HistoryItem,
    Member,
    OptInLinks,
    Policy,
    Reachability,
    Receipt,
)
from gateway.addresses import Address, Word
from gateway.asking import Content, Recipient
from gateway.catchup import PAGES, SECONDS, CaughtUp
from gateway.delivery import MessageStatus
from gateway.drift import Drift
from gateway.events import Event
from gateway.exchange import Exchange, Page, Reply
from gateway.files import File
from gateway.fitting import Plan
from gateway.ids import MessageId
from gateway.ingress import ASGIApp
from gateway.model import MessageRef, Reaction
from gateway.reparse import Reparsed
from gateway.story import Story

__all__ = ["Account", "Interface", "Subject", "Ticket", "Urgency", "Verdict"]

T = TypeVar("T")
EventT = TypeVar("EventT", bound=Event)

Subject: TypeAlias = Event | Receipt | MessageRef | str
"""A message that is already there: its event, its receipt, a reference, or our id of it."""

Urgency: TypeAlias = Literal["reply", "normal", "bulk"]
"""Who goes first among the chats that are due."""

Verdict: TypeAlias = Literal["resend", "mark_sent", "drop"]
"""What a person says about a send whose outcome nobody knows."""


class Ticket(Word):
    """A promise: the message is kept and will be sent."""

    message_id: MessageId
    connection: str
    adaptations: tuple[Adaptation, ...] = ()


class Account(Protocol):
    """A connection, as far as every gateway can tell of it."""

    @property
    def name(self) -> str:
        """What it is called, as `via` takes it."""

    @property
    def labels(self) -> Mapping[str, str]:
        """Words that routing rules may look at."""


class Interface(Protocol):
    """A gateway, wherever it runs."""

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
        """Add a connection; the settings are the provider's. Raises `ConfigurationError`."""

    @property
    def connections(self) -> tuple[Account, ...]:
        """All connections, in the order they were added."""

    async def __aenter__(self) -> Self:
        """Start."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""

    async def aclose(self) -> None:
        """Finish what is under way, then let go of everything. A closed gateway stays closed."""

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
        """Keep a message to be sent, at a time where one is given; what becomes of it comes as events."""

    async def plan(
        self, to: Recipient, message: Content, *, via: str | None = None, policy: Policy | str | None = None
    ) -> Plan:
        """Say what would be sent, with which adaptations, and send nothing; raises `Unsupported` like `send`."""

    async def upload(
        self,
        source: bytes | Path,
        *,
        name: str | None = None,
        media_type: str | None = None,
        expires: datetime | None = None,
    ) -> File:
        """Keep a file, so that it can be sent by its id: `Attachment(file_id=file.id)`."""

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

    async def typing(
        self, chat: Recipient, seconds: float = 5.0, *, via: str | None = None, wait: float = 30.0
    ) -> None:
        """Show the typing dots for a while; 0 seconds takes them away. They go when a message is sent."""

    async def mark_read(self, chat: Recipient, *, via: str | None = None, wait: float = 30.0) -> None:
        """Mark a chat as read, and show that to the contact."""

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
        """Let a chat choose among options; votes come as `PollUpdated`."""

    async def share_contact(
        self, chat: Recipient, *, via: str | None = None, key: str | None = None, wait: float = 30.0
    ) -> Receipt:
        """Give a chat our name, picture or contact card, without a message; the receipt says where it goes later."""

    async def status(self, message: Receipt | Ticket | str, *, refresh: bool = False) -> MessageStatus:
        """Say how far a send has come, by everything that was reported; `refresh` asks the vendor too."""

    async def next_slot(self, contact: Recipient, *, via: str | None = None) -> datetime:
        """Tell when the next message to a contact may go, by vendor's and user's limits and the rests of their chat."""

    async def cancel(self, message: Receipt | Ticket | str, *, wait: float = 5.0) -> None:
        """Take back what has not left; when this returns, it is certain that it will not."""

    async def resolve(self, message: str, verdict: Verdict, *, wait: float = 30.0) -> Receipt:
        """Settle a send whose outcome nobody knows: it was sent, send it again, or forget it."""

    async def resend(self, message: str, *, wait: float = 30.0) -> Receipt:
        """Go on with a message that was partly sent, from the step that was refused."""

    def chats(
        self, *, search: str | None = None, via: str | None = None, limit: int = 50
    ) -> AsyncIterator[ChatSummary]:
        """Go through the chats that the vendor knows, `limit` on a page; `search` keeps those that hold it."""

    def history(
        self,
        chat: Recipient,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        via: str | None = None,
        limit: int = 50,
    ) -> AsyncIterator[HistoryItem]:
        """Go through the messages of a chat as the vendor keeps them, newest first, `limit` on a page."""

    async def reachability(self, contact: str | Address, *, via: str | None = None) -> Reachability:
        """Tell by which networks an address can be written to; sends nothing."""

    async def unsubscribe(self, contact: str | Address, *, via: str | None = None) -> bool:
        """Note that a contact no longer agrees to be written to: from now on nothing is sent to it here."""

    async def create_group(
        self,
        members: Sequence[str | Address],
        *,
        name: str | None = None,
        line: str | None = None,
        via: str | None = None,
    ) -> Group:
        """Make a group; its `chat` can be written to."""

    async def rename_group(self, chat: Recipient, name: str | None, *, via: str | None = None) -> Group:
        """Give a group another name, which every member sees; None takes it away, where the vendor can."""

    def members(self, chat: Recipient, *, via: str | None = None, limit: int = 50) -> AsyncIterator[Member]:
        """Go through those who are in a group, `limit` on a page."""

    async def add_member(self, chat: Recipient, contact: str | Address, *, via: str | None = None) -> Group:
        """Take someone into a group."""

    async def remove_member(self, chat: Recipient, contact: str | Address, *, via: str | None = None) -> Group:
        """Take someone out of a group."""

    async def opt_in_link(self, body: str, *, via: str | None = None, **parameters: Any) -> OptInLinks:
        """Make links by which a person opts in; the parameters come back on the `OptedIn` event."""

    async def check(self, connection: str) -> str:
        """Prove that a connection's credentials work; one line for a person. Lets a stopped connection go on."""

    async def run(self, connection: str, exchange: Exchange[T]) -> T:
        """Run any exchange of a provider's `api` on a connection, with its credentials and careful repetition."""

    def pages(self, connection: str, exchange: Exchange[Page[T]]) -> AsyncIterator[T]:
        """Go through all items of a paged exchange, fetching as it goes."""

    @overload
    def on(
        self, event: type[EventT], handler: None = None, *, connection: str | None = None
    ) -> Callable[[Callable[[EventT], Any]], Callable[[EventT], Any]]: ...

    @overload
    def on(
        self, event: type[EventT], handler: Callable[[EventT], Any], *, connection: str | None = None
    ) -> Callable[[EventT], Any]: ...

    def on(
        self, event: type[EventT], handler: Callable[[EventT], Any] | None = None, *, connection: str | None = None
    ) -> Callable[..., Any]:
        """Register a handler, sync or async, for a type of event; also as a decorator."""

    async def receive(
        self,
        connection: str,
        headers: Mapping[str, str] | Iterable[tuple[str, str]],
        body: bytes,
        *,
        method: str = "POST",
        query: str = "",
    ) -> Reply:
        """Take a webhook in by its raw bytes; when this returns it is kept, and the reply is what to answer."""

    async def catch_up(
        self, connection: str, *, since: datetime | None = None, pages: int = PAGES, seconds: float = SECONDS
    ) -> CaughtUp:
        """Fetch the webhooks that the vendor kept and could not deliver; each event is handed over once."""

    async def reparse(
        self,
        since: datetime | None = None,
        *,
        connection: str | None = None,
        apply: bool = True,
        after: int = 0,
        limit: int = 10000,
    ) -> Reparsed:
        """Parse kept webhooks again: all since a time, or without one those that no parser could read."""

    async def drift(self, since: datetime | None = None, *, connection: str | None = None, limit: int = 10000) -> Drift:
        """Count what vendors sent that is new to their providers: events, fields, words, codes, unread webhooks."""

    async def replay(self, event: Event | str) -> None:
        """Hand an event over again."""

    async def story(self, message: Receipt | Ticket | str) -> Story:
        """Tell a message's whole life: call, steps, attempts, answers, reports, handlers; raises `NotFound`."""

    def asgi(self) -> ASGIApp:
        """Give an ASGI application: `POST /webhooks/{connection}`, and the files that vendors fetch."""
