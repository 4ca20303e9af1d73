"""The border: all that a provider imports.

A provider is pure. It turns an action into calls and replies into receipts, and a webhook into events; it opens no
socket, reads no clock, keeps no state and never waits. To be able is to override: every optional ability raises
`Unsupported` until a subclass says otherwise. One object per connection, made from its settings; immutable.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import ClassVar, Generic, NoReturn, TypeVar

from pydantic import BaseModel, JsonValue, SecretStr
from pydantic_core import from_json

from gateway.actions import (
    Action,
    Adaptation,
    AddMember,
    Attempt,
    ChatSummary,
    CheckReachability,
    ConnectionInfo,
    CreateGroup,
    CreateOptInLink,
    DeliveryState,
    Found,
    GetHistory,
    GetStatus,
    Group,
    HistoryItem,
    HistoryReaction,
    ListChats,
    ListMembers,
    MarkRead,
    Member,
    OptInLinks,
    Policy,
    Reachability,
    Receipt,
    Refusal,
    RemoveMember,
    RenameGroup,
    SendMessage,
    SendPoll,
    SendReaction,
    Sent,
    SetTyping,
    ShareContact,
    StatusReport,
    StepAction,
    Unsubscribe,
)
from gateway.addresses import (
    Address,
    AddressKind,
    Word,
    mask,
    redact,
)
from gateway.capabilities import (
    Capabilities,
    CapabilityRow,
    CapabilityTable,
    Feature,
    Level,
    Limits,
)
from gateway.codes import (
    Actor,
    CodeRow,
    CodeTable,
    Phase,
)
from gateway.errors import (
    BadPayload,
    BadSignature,
    Blocked,
    ConfigurationError,
    ContentRefused,
    GatewayError,
    InvalidMessage,
    InvalidRecipient,
    InvalidRequest,
    LimitReached,
    NotFound,
    NotOptedIn,
    RateLimited,
    Refused,
    Retriable,
    SendError,
    SenderUnavailable,
    Unauthorized,
    Unreachable,
    Unsupported,
    VendorFault,
    WebhookError,
)
from gateway.events import (
    AnyEvent,
    CallReceived,
    ContactShared,
    DeliveryUpdated,
    Event,
    GroupUpdated,
    LineState,
    LineUpdated,
    MessageReceived,
    OptedIn,
    OptedOut,
    PollUpdated,
    ReactionAdded,
    ReactionRemoved,
    TypingStarted,
    TypingStopped,
    UnknownEvent,
)
from gateway.exchange import (
    Blob,
    Call,
    Exchange,
    Page,
    Path,
    Repeat,
    Reply,
    path,
)
from gateway.hookspecs import (
    hookimpl,
)
from gateway.ids import (
    ChatId,
    EventId,
    MessageId,
    Token,
    chat_id,
    content_key,
    event_id,
    event_key,
    unwrap_token,
    wrap_token,
)
from gateway.model import (
    Attachment,
    Channel,
    Chat,
    ChatKind,
    Effect,
    Link,
    Media,
    Message,
    MessageRef,
    Opaque,
    Part,
    Reaction,
    Tapback,
    Text,
    Voice,
)
from gateway.rules import (
    DailyCap,
    Pace,
    Pause,
    Rules,
    Scope,
    Whom,
)
from gateway.settings import (
    BaseUrl,
    PhoneNumber,
    ProviderSettings,
    Secret,
    texts_of,
)
from gateway.unfamiliar import (
    Unfamiliar,
    unfamiliar,
)

__all__ = [
    "Action",
    "Actor",
    "Adaptation",
    "AddMember",
    "Address",
    "AddressKind",
    "AnyEvent",
    "Attachment",
    "Attempt",
    "BORDER",
    "BadPayload",
    "BadSignature",
    "BaseUrl",
    "Blob",
    "Blocked",
    "Call",
    "CallReceived",
    "Capabilities",
    "CapabilityRow",
    "CapabilityTable",
    "Channel",
    "Chat",
    "ChatId",
    "ChatKind",
    "ChatSummary",
    "CheckReachability",
    "CodeRow",
    "CodeTable",
    "ConfigurationError",
    "ConnectionInfo",
    "ContactShared",
    "ContentRefused",
    "CreateGroup",
    "CreateOptInLink",
    "DailyCap",
    "DeliveryState",
    "DeliveryUpdated",
    "Effect",
    "Event",
    "EventId",
    "Exchange",
    "Feature",
    "Found",
    "GatewayError",
    "GetHistory",
    "GetStatus",
    "Group",
    "GroupUpdated",
    "HistoryItem",
    "HistoryReaction",
    "InvalidMessage",
    "InvalidRecipient",
    "InvalidRequest",
    "Level",
    "LimitReached",
    "Limits",
    "LineState",
    "LineUpdated",
    "Link",
    "ListChats",
    "ListMembers",
    "MarkRead",
    "Media",
    "Member",
    "Message",
    "MessageId",
    "MessageReceived",
    "MessageRef",
    "Missed",
    "NotFound",
    "NotOptedIn",
    "Opaque",
    "OptInLinks",
    "OptedIn",
    "OptedOut",
    "Pace",
    "Page",
    "Part",
    "Path",
    "Pause",
    "Phase",
    "PhoneNumber",
    "Policy",
    "PollUpdated",
    "Proof",
    "Provider",
    "ProviderSettings",
    "RateLimited",
    "Reachability",
    "Reaction",
    "ReactionAdded",
    "ReactionRemoved",
    "Receipt",
    "Refusal",
    "Refused",
    "Registration",
    "RemoveMember",
    "RenameGroup",
    "Repeat",
    "Reply",
    "Retriable",
    "Rules",
    "Scope",
    "Secret",
    "SendError",
    "SendMessage",
    "SendPoll",
    "SendReaction",
    "SenderUnavailable",
    "Sent",
    "SetTyping",
    "ShareContact",
    "Signed",
    "StatusReport",
    "StepAction",
    "Tapback",
    "Text",
    "Token",
    "TypingStarted",
    "TypingStopped",
    "Unauthorized",
    "Unfamiliar",
    "UnknownEvent",
    "Unreachable",
    "Unsubscribe",
    "Unsupported",
    "VendorFault",
    "Voice",
    "WebhookError",
    "WebhookRequest",
    "Whom",
    "Word",
    "chat_id",
    "content_key",
    "event_id",
    "event_key",
    "hookimpl",
    "mask",
    "path",
    "redact",
    "texts_of",
    "unfamiliar",
    "unwrap_token",
    "wrap_token",
]

BORDER = 1
"""Version of this border; a provider that needs another one is refused by name."""

S = TypeVar("S", bound=ProviderSettings)


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """One delivery of a webhook as data: the raw bytes, and when we got it."""

    headers: tuple[tuple[str, str], ...]
    """All headers in order, names in lower case; a name may occur twice."""
    body: bytes = field(repr=False)
    """The raw bytes, never re-serialised."""
    received_at: datetime
    """Aware, in UTC: a provider's only clock."""
    method: str = "POST"
    query: str = field(default="", repr=False)

    def header(self, name: str) -> str | None:
        """Give the value of a header, None when it is absent; raises `BadSignature` when it occurs more than once.

        A second copy of a header that proves something is an attack or a broken proxy: never choose between them.
        """
        wanted = name.lower()
        values = [value for key, value in self.headers if key == wanted]
        if len(values) > 1:
            raise BadSignature(f"the header {name} occurs {len(values)} times")
        return values[0] if values else None


@dataclass(frozen=True, slots=True)
class Proof:
    """What a vendor's behaviour proves about a send; facts of the vendor, as data."""

    key_window: timedelta | None = None
    """How long the vendor recognises an idempotency key; None where it knows none."""
    settle: timedelta = timedelta(seconds=120)
    """How long to wait for a webhook with our token before asking for other proof."""
    redelivery_window: timedelta = timedelta(hours=24)
    """How long after the first delivery the vendor may deliver the same webhook again."""
    token_returns: bool = False
    """True where our token comes back on webhooks; it is looked for in those that the vendor kept (`missed`) too."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What the proof of a webhook is made of, to be shown to a person; no secret is in it."""

    headers: tuple[str, ...]
    """The headers that carry the proof, names in lower case: without any one of them nothing passes."""
    method: str
    """How the proof is made, in a few words: `HMAC-SHA256, in hex`."""
    base: bytes | None = field(default=None, repr=False)
    """What is signed with the secret; None where nothing is, or where a header is missing that says what."""
    at: datetime | None = None
    """The time that is signed, aware, in UTC; None where none is."""


@dataclass(frozen=True, slots=True)
class Registration:
    """A URL that the vendor delivers webhooks of this account to."""

    id: str
    """What the vendor knows it by; `Provider.unregister` takes it."""
    url: str = field(repr=False)
    active: bool = True
    """False where the vendor lists it and delivers nothing to it."""
    settings: Mapping[str, SecretStr] = field(default_factory=dict, repr=False)
    """Settings that follow from it, by their names: the secret, which a vendor tells only when it makes one."""


@dataclass(frozen=True, slots=True)
class Missed:
    """Webhooks that the vendor kept, as bodies for the same parser; `cursor` goes on from here, None ends it."""

    hooks: Sequence[WebhookRequest]
    cursor: str | None = None


class Provider(ABC, Generic[S]):
    """One vendor, as pure functions; one object per connection."""

    name: ClassVar[str]
    """Short, lower case: the word after `provider =` in the configuration."""
    title: ClassVar[str] = ""
    """The vendor's own spelling of its name."""
    Settings: ClassVar[type[ProviderSettings]]
    codes: ClassVar[CodeTable]
    """Every code that the vendor documents."""
    proof: ClassVar[Proof] = Proof()
    webhook_models: ClassVar[tuple[type[BaseModel], ...]] = ()
    """The models of one object in a webhook: a field that none of them names is new, and `gateway drift` shows it."""
    webhook_words: ClassVar[Mapping[str, Collection[str]]] = MappingProxyType({})
    """Every known value of the fields that have a closed set of them, lower case, by the field's path in a webhook."""
    how_to_register: ClassVar[tuple[str, ...]] = ()
    """What a person does at the vendor so that webhooks come in, step by step; `{url}` stands for the webhook's URL."""
    simulator: ClassVar[str] = ""
    """`module:Class` of the twin, imported only by `gateway simulate` and tests."""
    invented: ClassVar[bool] = False
    """True for the vendor of an example, which does not exist: it works like any, and is shown off only when named."""
    requires: ClassVar[int] = BORDER
    """The version of the border that it was written for."""

    def __init__(self, settings: S) -> None:
        self.settings = settings

    def __repr__(self) -> str:
        """Name the provider, never its settings."""
        return f"<{type(self).__name__}>"

    # ── the way out ───────────────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def bases(self) -> Mapping[str, str]:
        """Give the base URLs by name; `api` is the one that calls use by default. No trailing slash."""

    @abstractmethod
    def authorize(self, call: Call) -> Call:
        """Add credentials to a call. The core sends the result and forgets it: it is never stored or logged."""

    @abstractmethod
    def capabilities(self) -> CapabilityTable:
        """Say what this connection can carry, account limits from the settings included."""

    def rules(self) -> Rules:
        """Say what the vendor asks of whoever sends: pace, caps, opt-in first. The core keeps it before each call."""
        return Rules()

    @abstractmethod
    def send_message(self, action: SendMessage) -> Exchange[Receipt]:
        """Carry a fitted message in one call; `Sent.index` counts within `action.messages`.

        Raises what `codes` makes of an answer that is not an acceptance.
        """

    def send_reaction(self, action: SendReaction) -> Exchange[Receipt]:
        """Add or remove a reaction."""
        self._cannot(Feature.REACTION)

    def set_typing(self, action: SetTyping) -> Exchange[Receipt]:
        """Show or hide the typing dots."""
        self._cannot(Feature.TYPING)

    def mark_read(self, action: MarkRead) -> Exchange[Receipt]:
        """Mark a chat as read."""
        self._cannot(Feature.READ)

    def get_status(self, action: GetStatus) -> Exchange[StatusReport]:
        """Look up how far a message has come."""
        self._cannot(Feature.STATUS)

    def create_opt_in_link(self, action: CreateOptInLink) -> Exchange[OptInLinks]:
        """Make opt-in links."""
        self._cannot(Feature.OPT_IN_LINK)

    def send_poll(self, action: SendPoll) -> Exchange[Receipt]:
        """Send a poll; `Sent.vendor_id` is what `PollUpdated.poll_id` says of it."""
        self._cannot(Feature.POLL)

    def share_contact(self, action: ShareContact) -> Exchange[Receipt]:
        """Give a chat our contact card, or stage it for the next message; an adaptation says so then."""
        self._cannot(Feature.CONTACT_CARD)

    # ── asked directly: what is listed comes as pages, and `Page.more` gives the exchange of the next one ─────────────

    def list_chats(self, action: ListChats) -> Exchange[Page[ChatSummary]]:
        """List chats, those with news first where the vendor can."""
        self._cannot(Feature.CHATS)

    def get_history(self, action: GetHistory) -> Exchange[Page[HistoryItem]]:
        """List the messages of a chat, newest first."""
        self._cannot(Feature.HISTORY)

    def check_reachability(self, action: CheckReachability) -> Exchange[Reachability]:
        """Look up how an address can be written to, by a call that sends nothing."""
        self._cannot(Feature.REACHABILITY)

    def unsubscribe(self, action: Unsubscribe) -> Exchange[None]:
        """Note that a contact no longer agrees; one whom the vendor does not know is no error."""
        self._cannot(Feature.UNSUBSCRIBE)

    def create_group(self, action: CreateGroup) -> Exchange[Group]:
        """Make a group; its chat is what a message can be sent to."""
        self._cannot(Feature.CREATE_GROUP)

    def rename_group(self, action: RenameGroup) -> Exchange[Group]:
        """Give a group another name; raises `Unsupported` for none where a vendor's group needs one."""
        self._cannot(Feature.RENAME_GROUP)

    def list_members(self, action: ListMembers) -> Exchange[Page[Member]]:
        """List who is in a group."""
        self._cannot(Feature.MEMBERS)

    def add_member(self, action: AddMember) -> Exchange[Group]:
        """Take someone into a group; one who is in it already is no error."""
        self._cannot(Feature.ADD_MEMBER)

    def remove_member(self, action: RemoveMember) -> Exchange[Group]:
        """Take someone out of a group."""
        self._cannot(Feature.REMOVE_MEMBER)

    def check(self) -> Exchange[str]:
        """Prove that the credentials work, by a call that changes nothing; returns one line for a person.

        For `gateway connections test`. Raises `Unauthorized` and the like.
        """
        self._cannot(Feature.STATUS)

    # ── the way in ────────────────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def verify(self, hook: WebhookRequest) -> None:
        """Prove over the raw bytes that the vendor sent it; raises `BadSignature`. Compares in constant time."""

    @abstractmethod
    def parse(self, hook: WebhookRequest) -> Sequence[Event]:
        """Turn a verified webhook into events; cheap and total.

        What is not understood becomes an `UnknownEvent` or raises `BadPayload`; nothing else is raised. One of a form
        that is not read, as of another generation, is `unread`: its webhook is in quarantine too. Each event has a
        key; equal facts have equal keys, in whatever webhook they come.
        """

    def signed(self, hook: WebhookRequest) -> Signed | None:
        """Say what proves this webhook, for a person who looks why it does not pass; the secret is not asked.

        None where that cannot be told. Raises `BadSignature` where a header of the proof occurs twice.
        """
        return None

    def answer(self, hook: WebhookRequest) -> Reply:
        """Say what the vendor wants to hear after an accepted webhook."""
        return Reply(200)

    def registered(self) -> Exchange[Sequence[Registration]]:
        """List where the vendor delivers webhooks of this account; no secret is told again."""
        self._cannot_register()

    def register(self, url: str, secret: SecretStr) -> Exchange[Registration]:
        """Have the vendor deliver all that this provider understands to a URL, once: one that is there is taken over.

        `secret` is a fresh one, for a vendor that is told what to sign with; one that makes its own has it in the
        result, as settings of this connection. Repeated after a lost answer it does no harm.
        """
        self._cannot_register()

    def unregister(self, registration: str) -> Exchange[None]:
        """Have the vendor deliver to a URL no longer, by its id in `registered`; one that is gone is no error."""
        self._cannot_register()

    def unfamiliar(self, hook: WebhookRequest) -> Sequence[Unfamiliar]:
        """Name what a webhook holds that the parser has no use for; nothing where it is no JSON. Never content."""
        try:
            payload: JsonValue = from_json(hook.body)
        except ValueError:
            return ()
        return unfamiliar(self.webhook_models, payload, self.webhook_words)

    # ── proof ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def find(self, attempt: Attempt) -> Exchange[Found]:
        """Look for a send whose answer was not read."""
        self._cannot(Feature.STATUS)

    def missed(self, cursor: str | None, *, since: datetime | None = None) -> Exchange[Missed]:
        """Fetch a page of the webhooks that the vendor kept, oldest first where it can.

        Without a cursor it begins with those that the vendor sent at `since` or later, or with the first it has; some
        earlier ones more do no harm. A webhook that comes from here has the time at which the vendor sent it as
        `received_at`, and is not verified: the API answered it. Raises `InvalidMessage` for a cursor of another make.
        """
        self._cannot(Feature.STATUS)

    def _cannot(self, feature: Feature) -> NoReturn:
        raise Unsupported(
            f"{self.title or self.name} cannot: {feature.value}",
            features=(feature.value,),
            hint="`gateway providers --json` says what each provider can",
        )

    def _cannot_register(self) -> NoReturn:
        raise Unsupported(
            f"{self.title or self.name} cannot: register webhooks by its API",
            features=("webhook_registration",),
            alternatives=self.how_to_register,
            hint="do it by hand: `gateway providers --json` says how, step by step",
        )
