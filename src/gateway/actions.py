"""What can be asked of a vendor, and what comes of it.

An action is imperative and frozen. What people see goes through the outbox (`StepAction`) and gives a `Receipt`. The
rest is asked directly and gives what the vendor says: look-ups, and what is done to a group, which a person can look at
and do again.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self, TypeAlias

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, JsonValue, model_validator

from gateway.addresses import Address, Word
from gateway.capabilities import Feature
from gateway.ids import MessageId, Token
from gateway.model import Channel, Chat, ChatKind, Message, MessageRef, Raw, Reaction

__all__ = [
    "Action",
    "Adaptation",
    "AddMember",
    "Attempt",
    "ChatSummary",
    "CheckReachability",
    "ConnectionInfo",
    "CreateGroup",
    "CreateOptInLink",
    "DeliveryState",
    "Found",
    "GetHistory",
    "GetStatus",
    "Group",
    "HistoryItem",
    "HistoryReaction",
    "KeyedAction",
    "ListChats",
    "ListMembers",
    "MarkRead",
    "Member",
    "OptInLinks",
    "Policy",
    "Reachability",
    "Receipt",
    "Refusal",
    "RemoveMember",
    "RenameGroup",
    "SendMessage",
    "SendPoll",
    "SendReaction",
    "Sent",
    "SetTyping",
    "ShareContact",
    "StatusReport",
    "StepAction",
    "Unsubscribe",
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


class SendPoll(Word):
    """Let a chat choose among options."""

    type: Literal["send_poll"] = "send_poll"
    chat: Chat
    title: str | None = Field(default=None, min_length=1, repr=False)
    options: tuple[Annotated[str, Field(min_length=1)], ...] = Field(min_length=2, repr=False)
    """What can be chosen, in order, each once."""
    key: str
    token: Token

    @model_validator(mode="after")
    def _differ(self) -> Self:
        if len(set(self.options)) < len(self.options):
            raise ValueError("the options of a poll differ from each other")
        return self


class ShareContact(Word):
    """Give a chat our name, picture or contact card, without a message; some vendors send it with the next one."""

    type: Literal["share_contact"] = "share_contact"
    chat: Chat
    key: str
    token: Token


StepAction: TypeAlias = Annotated[
    SendMessage | SendReaction | SetTyping | MarkRead | SendPoll | ShareContact, Field(discriminator="type")
]
"""What a step of the outbox does."""
KeyedAction: TypeAlias = SendMessage | SendReaction | SendPoll | ShareContact
"""What contacts are notified of: each has a key and a token of its own."""


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
    raw: tuple[Raw, ...] = Field(default=(), repr=False)
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
    raw: Raw = Field(default=None, repr=False)


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
    raw: Raw = Field(default=None, repr=False)


class ListChats(Word):
    """Ask for the chats that the vendor knows, those with news first where it can."""

    type: Literal["list_chats"] = "list_chats"
    search: str | None = Field(default=None, min_length=1, repr=False)
    """Only those whose address or name holds this, where the vendor can look for it; the core sorts out the rest."""
    limit: int = Field(default=50, ge=1, le=1000)
    """How many on a page, as far as the vendor takes it."""


class ChatSummary(Word):
    """A chat as the vendor lists it; None is what it does not say."""

    chat: Chat
    """With name and line, where the vendor says them."""
    name: str | None = Field(default=None, repr=False)
    """The contact's name, or the group's."""
    messages: int | None = None
    """How many there are, both ways."""
    last_at: AwareDatetime | None = None
    """When the last message went, whichever way."""
    last_inbound_at: AwareDatetime | None = None
    last_outbound_at: AwareDatetime | None = None
    last_text: str | None = Field(default=None, repr=False)
    raw: Raw = Field(default=None, repr=False)


class GetHistory(Word):
    """Ask for the messages of a chat, newest first."""

    type: Literal["get_history"] = "get_history"
    chat: Chat
    since: AwareDatetime | None = None
    """Not older; a vendor that counts in days may give some more, which the core leaves out."""
    until: AwareDatetime | None = None
    """Older than this."""
    limit: int = Field(default=50, ge=1, le=1000)
    """How many on a page, as far as the vendor takes it."""


class HistoryReaction(Word):
    """A reaction that a message of the history bears."""

    reaction: Reaction
    ours: bool = False
    sender: Address | None = None
    occurred_at: AwareDatetime | None = None


class HistoryItem(Word):
    """A message as the vendor keeps it, like the event that told of it; None is what it does not say."""

    vendor_id: str
    """The same id that events and receipts have, where the vendor uses one."""
    chat: Chat
    ours: bool
    """True for what was sent, False for what arrived."""
    message: Message | None = None
    """None where nothing is left of it that we have a word for."""
    sender: Address | None = None
    """Who wrote it, where it is not ours."""
    state: DeliveryState | None = None
    """How far it came, where it is ours."""
    channel: Channel | None = None
    """The network that really carried it."""
    code: str | None = None
    """The vendor's code of a failure."""
    reason: str | None = None
    """The vendor's words for it, redacted."""
    reactions: tuple[HistoryReaction, ...] = ()
    """Those that stand; what was taken back is not among them."""
    occurred_at: AwareDatetime | None = None
    raw: Raw = Field(default=None, repr=False)

    @property
    def text(self) -> str:
        """The text of the message; empty when there is none."""
        return self.message.text if self.message else ""


class CheckReachability(Word):
    """Ask how an address can be written to; sends nothing."""

    type: Literal["check_reachability"] = "check_reachability"
    address: Address


class Reachability(Word):
    """What the vendor knows of an address."""

    address: Address
    channels: dict[Channel, bool] = Field(default_factory=dict)
    """Which networks reach it; one that is not named, nobody knows."""
    agreed: bool | None = None
    """Whether the contact agrees to be written to, by the vendor's books; None where it keeps none, or nothing."""
    checked_at: AwareDatetime | None = None
    """When the vendor looked; it may be long ago."""
    raw: Raw = Field(default=None, repr=False)


class Unsubscribe(Word):
    """Note at the vendor that a contact no longer agrees to be written to."""

    type: Literal["unsubscribe"] = "unsubscribe"
    address: Address


# ── groups ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _is_group(chat: Chat) -> Chat:
    if chat.kind is not ChatKind.GROUP:
        raise ValueError("only a group has that: name it by the vendor's id, as `group:ID`")
    return chat


GroupChat: TypeAlias = Annotated[Chat, AfterValidator(_is_group)]
"""A chat that is a group; its line says which of ours acts in it, where the vendor asks."""


class CreateGroup(Word):
    """Make a group; some vendors make it on the phones when the first message goes."""

    type: Literal["create_group"] = "create_group"
    members: tuple[Address, ...] = Field(min_length=1)
    name: str | None = Field(default=None, min_length=1, max_length=255, repr=False)
    line: str | None = Field(default=None, repr=False)
    """Which line of ours takes part, in the vendor's spelling; None leaves that to the vendor."""


class RenameGroup(Word):
    """Give a group another name; every member sees it."""

    type: Literal["rename_group"] = "rename_group"
    chat: GroupChat
    name: str | None = Field(min_length=1, max_length=255, repr=False)
    """None takes the name away, where the vendor can."""


class ListMembers(Word):
    """Ask who is in a group."""

    type: Literal["list_members"] = "list_members"
    chat: GroupChat
    limit: int = Field(default=50, ge=1, le=1000)
    """How many on a page, as far as the vendor takes it."""


class AddMember(Word):
    """Take someone into a group."""

    type: Literal["add_member"] = "add_member"
    chat: GroupChat
    address: Address


class RemoveMember(Word):
    """Take someone out of a group."""

    type: Literal["remove_member"] = "remove_member"
    chat: GroupChat
    address: Address


class Member(Word):
    """Someone in a group."""

    address: Address
    name: str | None = Field(default=None, repr=False)
    ours: bool = False
    """True for a line of ours."""
    added_at: AwareDatetime | None = None
    raw: Raw = Field(default=None, repr=False)


class Group(Word):
    """A group after something was done to it."""

    chat: Chat
    """With its name and members, as far as the answer gave them."""
    raw: Raw = Field(default=None, repr=False)


Action: TypeAlias = (
    StepAction
    | GetStatus
    | CreateOptInLink
    | ListChats
    | GetHistory
    | CheckReachability
    | Unsubscribe
    | CreateGroup
    | RenameGroup
    | ListMembers
    | AddMember
    | RemoveMember
)
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

    Where the vendor's records do not name the send, and only its content tells it, `alike` names every message of ours
    with that content since the attempt began, oldest first: another open send may have the same. For one message only.
    """

    vendor_ids: tuple[str, ...] = ()
    absent: bool = False
    alike: tuple[str, ...] = ()


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
