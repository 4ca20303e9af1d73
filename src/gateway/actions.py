"""What can be asked of a vendor, and what comes of it.

An action is imperative and frozen. Those that go through the outbox (`SendMessage`, `SendReaction`, `SetTyping`,
`MarkRead`) give a `Receipt`; look-ups give what they looked up.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import AwareDatetime, ConfigDict, Field, JsonValue

from gateway.addresses import Word
from gateway.capabilities import Feature
from gateway.ids import MessageId, Token
from gateway.model import Channel, Chat, Message, MessageRef, Reaction

__all__ = [
    "Action",
    "Adaptation",
    "Attempt",
    "ConnectionInfo",
    "CreateOptInLink",
    "DeliveryState",
    "Found",
    "GetStatus",
    "MarkRead",
    "OptInLinks",
    "Policy",
    "Receipt",
    "Refusal",
    "SendMessage",
    "SendReaction",
    "Sent",
    "SetTyping",
    "StatusReport",
    "StepAction",
]


class DeliveryState(StrEnum):
    """How far a message has come, in this order; failed, cancelled and unknown are beside it."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class Policy(StrEnum):
    """What may happen to something that the vendor cannot carry as it was asked."""

    STRICT = "strict"
    """Any loss refuses, with every problem named at once."""
    GRACEFUL = "graceful"
    """Decoration may fall back, content may be reshaped; nothing is dropped in silence, all is on the receipt."""


# ── through the outbox ────────────────────────────────────────────────────────────────────────────────────────────


class SendMessage(Word):
    """Carry one message, or several that the vendor takes in one call; what fitting made, so all of it fits."""

    type: Literal["send_message"] = "send_message"
    chat: Chat
    """Where to; its line is the sender, None leaves that to the vendor."""
    messages: tuple[Message, ...] = Field(min_length=1)
    """Usually one. Several only where the capabilities declare `BATCH` or `LINK_BATCH`."""
    key: str
    """The step's idempotency key, the same on every repetition."""
    token: Token
    """Our id of this step for the vendor's wire; comes back on its webhooks where the vendor returns strings."""

    @property
    def message(self) -> Message:
        """The first message, the only one unless it is a batch."""
        return self.messages[0]


class SendReaction(Word):
    """Add or remove a reaction to a message of a chat."""

    type: Literal["send_reaction"] = "send_reaction"
    chat: Chat
    target: MessageRef
    """Which message; our own ids are already replaced by the vendor's."""
    reaction: Reaction
    remove: bool = False
    """True takes it back."""
    key: str
    token: Token


class SetTyping(Word):
    """Show the typing dots, or take them away."""

    type: Literal["set_typing"] = "set_typing"
    chat: Chat
    on: bool = True
    seconds: float | None = Field(default=None, gt=0)
    """How long, where the vendor counts; None leaves it to the vendor."""
    target: MessageRef | None = None
    """The last message that the contact wrote, for vendors that find the chat by it."""


class MarkRead(Word):
    """Mark a chat as read and show that to the contact."""

    type: Literal["mark_read"] = "mark_read"
    chat: Chat
    target: MessageRef | None = None
    """The last message that the contact wrote, for vendors that find the chat by it."""


StepAction: TypeAlias = Annotated[SendMessage | SendReaction | SetTyping | MarkRead, Field(discriminator="type")]
"""What a step of the outbox does."""


class Adaptation(Word):
    """One thing that was changed to fit the vendor."""

    feature: Feature
    happened: str
    """What was done, in a few words."""
    why: str
    """Which limit or missing ability asked for it."""
    message: int = 0
    """Index of the message in the call."""


class Sent(Word):
    """One message at the vendor."""

    vendor_id: str
    """The vendor's id of it."""
    index: int = 0
    """Which message of the call it carries, from 0."""
    state: DeliveryState = DeliveryState.QUEUED
    """What the vendor said of it in its answer."""


class Receipt(Word):
    """The vendor accepted; acceptance is not delivery."""

    message_id: MessageId = MessageId("")
    """Ours; the events of this send carry it."""
    sent: tuple[Sent, ...] = ()
    """One entry for each vendor message id."""
    chat: Chat | None = None
    """Where it went, as it was asked for; with the line, where the vendor said it."""
    alias: Chat | None = None
    """Another name of the same chat that the answer gave, such as the group that a list of addresses became."""
    adaptations: tuple[Adaptation, ...] = ()
    replayed: bool = False
    """True when the vendor says that it had accepted this key before."""
    raw: tuple[JsonValue, ...] = Field(default=(), repr=False)
    """The vendor's answers, one for each step."""

    @property
    def vendor_id(self) -> str:
        """The vendor's id of the first message; raises `LookupError` where the vendor gave none."""
        if not self.sent:
            raise LookupError("the vendor gave no message id")
        return self.sent[0].vendor_id


# ── look-ups ──────────────────────────────────────────────────────────────────────────────────────────────────────


class GetStatus(Word):
    """Ask how far a message has come."""

    type: Literal["get_status"] = "get_status"
    vendor_id: str
    chat: Chat | None = None
    """The chat, for vendors that file messages under it."""


class StatusReport(Word):
    """What the vendor says of a message."""

    vendor_id: str
    state: DeliveryState
    channel: Channel | None = None
    """The network that really carried it, where it is known."""
    code: str | None = None
    """The vendor's code of a failure."""
    reason: str | None = None
    """The vendor's words for it, redacted."""
    retriable: bool | None = None
    """Whether sending again may help; never done by itself."""
    occurred_at: AwareDatetime | None = None
    raw: JsonValue = Field(default=None, repr=False)


class CreateOptInLink(Word):
    """Make links by which a person opts in to be written to."""

    model_config: ClassVar[ConfigDict] = ConfigDict(allow_inf_nan=False)

    type: Literal["create_opt_in_link"] = "create_opt_in_link"
    body: str = Field(repr=False)
    """What the person will send, the vendor's placeholder for its code included where it wants one."""
    parameters: dict[str, JsonValue] = Field(default_factory=dict, repr=False)
    """Come back on the `OptedIn` event."""


class OptInLinks(Word):
    """Links by which a person opts in."""

    id: str | None = None
    url: str | None = Field(default=None, repr=False)
    """Works in a browser."""
    imessage: str | None = Field(default=None, repr=False)
    sms: str | None = Field(default=None, repr=False)
    whatsapp: str | None = Field(default=None, repr=False)
    raw: JsonValue = Field(default=None, repr=False)


Action: TypeAlias = SendMessage | SendReaction | SetTyping | MarkRead | GetStatus | CreateOptInLink
"""Everything that a provider may be asked."""


# ── proof of a send whose answer was not read ─────────────────────────────────────────────────────────────────────


class Attempt(Word):
    """A send that started and whose answer was not read."""

    action: SendMessage
    started_at: AwareDatetime


class Found(Word):
    """What a look-up says about an attempt.

    `vendor_ids` names what was found. Empty and `absent` means that it certainly was not sent; empty and not
    `absent` proves nothing.
    """

    vendor_ids: tuple[str, ...] = ()
    absent: bool = False


# ── what hooks see ────────────────────────────────────────────────────────────────────────────────────────────────


class ConnectionInfo(Word):
    """A connection as hooks see it: no settings, no secrets."""

    name: str
    provider: str
    labels: dict[str, str] = Field(default_factory=dict)


class Refusal(Word):
    """Why a guard will not let an action leave."""

    reason: str
    until: datetime | None = None
    """When it may leave; None is never."""
