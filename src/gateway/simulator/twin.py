"""What a vendor's twin is: routes, signatures, validation and webhooks of one vendor, on the shell's world.

A twin is plain synchronous code. The shell owns sockets, clock, seed, scheduling, faults and the journal; the twin
answers requests like its vendor, puts messages into the shared world, and turns what happens there into webhooks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pydantic import JsonValue
from pydantic_core import from_json, to_json

from gateway.actions import DeliveryState
from gateway.addresses import Address
from gateway.model import Channel, Reaction

if TYPE_CHECKING:
    from gateway.simulator.world import Bubble, Phone, Thread, World

__all__ = ["Context", "Deliver", "Fate", "OptIn", "Route", "Tried", "Twin", "TwinReply", "TwinRequest", "Webhook"]


@dataclass(frozen=True, slots=True)
class TwinRequest:
    """One HTTP request to the twin."""

    method: str
    path: str
    """Decoded, without the mount point."""
    raw_path: str
    """As it was on the wire, without the mount point."""
    params: Mapping[str, str]
    """Values of the route's pattern, percent-decoded."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    def json(self) -> JsonValue:
        """Read the body as JSON; None when it is not."""
        try:
            value: JsonValue = from_json(self.body)
        except ValueError:
            return None
        return value


@dataclass(frozen=True, slots=True)
class TwinReply:
    """The twin's answer; `json` None is an empty body unless `body` is given."""

    status: int = 200
    json: JsonValue = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None

    def content(self) -> bytes:
        """Give the bytes of the body."""
        if self.body is not None:
            return self.body
        return b"" if self.json is None else to_json(self.json)


@dataclass(frozen=True, slots=True)
class Route:
    """A path of the vendor, such as `/api/v1/message/send/`; `{name}` matches one segment."""

    method: str
    pattern: str
    handler: Callable[[TwinRequest], TwinReply | Deliver]


@dataclass(frozen=True, slots=True)
class Webhook:
    """One event for the application, before it is serialised and signed."""

    event: str
    """The vendor's name of the event."""
    payload: Mapping[str, JsonValue]
    headers: Mapping[str, str] = field(default_factory=dict)
    """Beside the signature, such as the event's name."""
    message_id: str | None = None
    url: str | None = None
    """Where it goes, for an account with subscriptions of its own; None is the URL that was configured."""
    secret: str | None = field(default=None, repr=False)
    """What it is signed with; None is the account's secret."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt to deliver a webhook, as a vendor's log shows it."""

    webhook: Webhook
    url: str
    at: datetime
    """When it was signed and sent."""
    seconds: float
    """How long the application took."""
    status: int | None = None
    """What it answered; None where nothing could be read."""
    body: bytes = field(default=b"", repr=False)
    """At most 64 KB of the answer."""
    error: str | None = None
    """Why there is no answer."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the answer, names in lower case."""


@dataclass(frozen=True, slots=True)
class Deliver:
    """A handler's answer that waits for a webhook: the shell makes one attempt at once, and `answer` makes the reply.

    For vendors that tell what the application said, as with a replay.
    """

    webhook: Webhook
    answer: Callable[[Tried], TwinReply]


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a message that was accepted, as the vendor would report it.

    The shell walks through `states`, one after the other with the latency of the world, waits while the phone is
    offline before DELIVERED, and stops after the last one.
    """

    channel: Channel
    states: Sequence[DeliveryState]
    code: str | None = None
    """The vendor's code, with FAILED."""
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class OptIn:
    """An opt-in link: whoever opens it has a message composed, and sends it."""

    text: str
    """What the phone composes, the code in it."""
    line: str


class Context(Protocol):
    """What the shell gives to a twin."""

    world: World
    random: Random
    """Seeded; the only source of chance and of ids."""
    api_key: str
    secret: str
    """For webhooks."""
    switches: dict[str, JsonValue]
    """Behaviours that the vendor does not document, by name; `Twin.switches` gives the defaults."""

    def now(self) -> datetime:
        """Tell the time, aware, in UTC."""

    def emit(self, webhook: Webhook) -> None:
        """Send a webhook to the configured URL, with the vendor's retries; journalled."""

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something after a while of the world's clock."""


class Twin(ABC):
    """One vendor's API and webhooks, with state."""

    name: ClassVar[str]
    """The provider's name; the twin is mounted under `/{name}`."""
    api_path: ClassVar[str]
    """What follows the mount point in the base URL that an application configures, such as `/api/v1`."""
    switches: ClassVar[Mapping[str, JsonValue]] = {}
    """Named switches for what is not documented, with their defaults."""
    retry_delays: ClassVar[Sequence[float]] = ()
    """Seconds between the attempts to deliver a webhook."""
    timeout: ClassVar[float] = 10.0
    """Seconds that the vendor waits for an answer to a webhook."""
    lines: ClassVar[Sequence[str]]
    """The sender identities of the account, in the vendor's spelling; the first is the default."""
    cards: ClassVar[frozenset[str]] = frozenset()
    """What contacts can send beside texts and files so that the application hears of it: `location`, `poll`, `sticker`.

    Each arrives at `wrote` as an `Opaque` part of that kind.
    """

    def __init__(self, context: Context) -> None:
        self.context = context

    @property
    def world(self) -> World:
        """The world that all twins share."""
        return self.context.world

    @property
    def open_lines(self) -> Sequence[str]:
        """The lines that contacts can write to now: others than `lines` where the account can order and cancel."""
        return self.lines

    def tells(self, deed: str) -> bool:
        """Tell whether the application hears of a deed of contacts, named as its method here: to override is to tell.

        Contacts can do it all the same, as with a real phone.
        """
        return getattr(type(self), deed) is not getattr(Twin, deed)

    def links(self) -> Sequence[OptIn]:
        """Give the opt-in links that the application made."""
        return ()

    # ── the API ───────────────────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def routes(self) -> Sequence[Route]:
        """Give the vendor's routes; the first that matches holds."""

    @abstractmethod
    def fault(self, status: int, code: str | None, message: str) -> TwinReply:
        """Make an error answer in the vendor's form, for faults on demand."""

    @abstractmethod
    def settings(self, base_url: str) -> dict[str, Any]:
        """Give the provider settings of a connection to this twin, secrets included."""

    # ── webhooks ──────────────────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def sign(self, webhook: Webhook, body: bytes, now: datetime, secret: str) -> Mapping[str, str]:
        """Give all headers of one attempt, the proof included."""

    def accepted(self, status: int) -> bool:
        """Tell whether the application's answer counts as received."""
        return 200 <= status < 300

    def tried(self, tried: Tried) -> None:  # noqa: B027 - to be able is to override, and most keep no log
        """An attempt to deliver was made; for vendors that keep a log of them."""

    # ── what happens in the world ─────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def fate(self, bubble: Bubble, phone: Phone) -> Fate:
        """Decide what becomes of an accepted message, by the phone's switches and the vendor's rules."""

    @abstractmethod
    def wrote(self, bubble: Bubble) -> Sequence[Webhook]:
        """A contact wrote or replied; the bubble has its `vendor_id` from `new_message_id`."""

    @abstractmethod
    def progressed(self, bubble: Bubble) -> Sequence[Webhook]:
        """A message of ours came to `bubble.state`."""

    @abstractmethod
    def new_message_id(self) -> str:
        """Make a message id in the vendor's form."""

    @abstractmethod
    def new_group_id(self) -> str:
        """Make a group id in the vendor's form."""

    def reacted(self, bubble: Bubble, sender: Address, reaction: Reaction, *, removed: bool) -> Sequence[Webhook]:
        """A contact reacted to a message of ours, or took it back."""
        return ()

    def reacted_to_part(
        self, bubble: Bubble, sender: Address, reaction: Reaction, part: int, *, removed: bool
    ) -> Sequence[Webhook]:
        """As `reacted`, to a later part than the first; by default the vendor does not say which."""
        return self.reacted(bubble, sender, reaction, removed=removed)

    def stuck(self, bubble: Bubble, sender: Address) -> Sequence[Webhook]:
        """A contact put a sticker on a message."""
        return ()

    def edited(self, bubble: Bubble) -> Sequence[Webhook]:
        """A contact changed what a message says; `bubble.edits` has what it said before."""
        return ()

    def unsent(self, bubble: Bubble) -> Sequence[Webhook]:
        """A contact took a message back."""
        return ()

    def typed(self, thread: Thread, sender: Address, *, started: bool) -> Sequence[Webhook]:
        """A contact began or stopped typing."""
        return ()

    def voted(self, bubble: Bubble, sender: Address, option: str, *, removed: bool) -> Sequence[Webhook]:
        """A contact voted in the poll that a bubble holds, or took it back; raises `Impossible` for what is no poll."""
        return ()

    def shared(self, thread: Thread, sender: Address) -> Sequence[Webhook]:
        """A contact shared name and picture with us; the name is that of the contact's phone."""
        return ()

    def renamed(self, thread: Thread, sender: Address) -> Sequence[Webhook]:
        """A contact gave a group another name, which the thread has now."""
        return ()

    def pictured(self, thread: Thread, sender: Address) -> Sequence[Webhook]:
        """A contact gave a group another picture, which the thread has now, or took it away."""
        return ()

    def joined(self, thread: Thread, sender: Address, member: Address) -> Sequence[Webhook]:
        """A contact added another one to a group."""
        return ()

    def left(self, thread: Thread, sender: Address, member: Address) -> Sequence[Webhook]:
        """A contact took another one out of a group, or left it: then both are the same."""
        return ()

    def called(self, thread: Thread, sender: Address) -> Sequence[Webhook]:
        """A contact tried to call."""
        return ()

    def opted_in(self, thread: Thread, sender: Address, link: str | None, text: str) -> Sequence[Webhook]:
        """A contact opted in, by a link that the twin made (its URL or id) or by writing."""
        return ()

    def opted_out(self, bubble: Bubble) -> Sequence[Webhook]:
        """A contact said STOP; the bubble holds what was written. By default an ordinary message."""
        return self.wrote(bubble)
