"""What happened, in the past tense; every event keeps the vendor's payload beside it.

A provider's parser fills in what it knows and gives the event a `key`, unique among the events of its connection and
equal for the same fact; the core makes id, connection, provider and received-at from it (`stamped`). A message is the
exception: it is known by the vendor's id of it, whatever key the webhook gave, so that it is one event however often
and by whatever road it comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AwareDatetime, Field, JsonValue

from gateway.actions import DeliveryState
from gateway.addresses import Address, Word
from gateway.ids import ChatId, EventId, MessageId, Token, chat_id, event_id
from gateway.model import Channel, Chat, Message, MessageRef, Raw, Reaction

__all__ = [
    "AnyEvent",
    "CallReceived",
    "ContactShared",
    "DeliveryUpdated",
    "Event",
    "GroupUpdated",
    "LineState",
    "LineUpdated",
    "MessageReceived",
    "OptedIn",
    "OptedOut",
    "PollUpdated",
    "ReactionAdded",
    "ReactionRemoved",
    "TypingStarted",
    "TypingStopped",
    "UnknownEvent",
    "message_event",
]

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Event(Word):
    """Something that happened on a connection."""

    type: str
    key: str = Field(repr=False)
    """Makes the event itself and no other, on its connection; from the vendor's ids, else the hash of the body."""
    id: EventId = EventId("")
    """Derived from connection and key: the same webhook parsed again gives the same id."""
    connection: str = ""
    provider: str = ""
    received_at: AwareDatetime = _NEVER
    """When we got it."""
    occurred_at: AwareDatetime | None = None
    """When it happened, where the vendor says."""
    chat: Chat | None = None
    """Where it happened, with the line on our side; None for what belongs to no chat."""
    chat_id: ChatId | None = None
    ours: bool = False
    """True when this account did it: an echo of its message, a report about one, a reaction of its own. That a
    contact's reaction is on a message of ours shows by `message_id`. A report that joins no message is not ours."""
    message_id: MessageId | None = None
    """Our id of the message that it is about, once that is known."""
    reference: str | None = None
    """The caller's own string of that message."""
    token: Token | None = Field(default=None, repr=False)
    """Our token of the step, where the vendor returned it."""
    stale: bool = False
    """True when it was old already when it was taken in, as after an outage; see `Stale`."""
    raw: Raw = Field(default=None, repr=False)
    """The vendor's payload, as it came."""

    @property
    def known_by(self) -> str:
        """What the core makes the id of; the parser's key, unless the event is known by something better."""
        return self.key

    def stamped(self, *, connection: str, provider: str, received_at: datetime, chat: ChatId | None = None) -> Self:
        """Fill in what the core knows: ids, connection, provider, time; `chat` where it is kept under another id."""
        if chat is None and self.chat is not None:
            chat = chat_id(connection, self.chat.identity)
        known_by = self.known_by
        return self.model_copy(
            update={
                "key": known_by,
                "id": event_id(connection, known_by),
                "connection": connection,
                "provider": provider,
                "received_at": received_at,
                "chat_id": chat,
            }
        )


def _known_message(vendor_id: str) -> str:
    return f"gateway:message:{vendor_id}"


def message_event(connection: str, vendor_id: str) -> EventId:
    """Give the id of the event that brought a message, by the vendor's id of the message."""
    return event_id(connection, _known_message(vendor_id))


class MessageReceived(Event):
    """A contact wrote, or our own message came back as an echo (`ours`)."""

    type: Literal["message.received"] = "message.received"
    vendor_id: str
    """The vendor's id of the message: what to reply and react to."""
    sender: Address | None = None
    """Who wrote; None where the vendor does not say."""
    message: Message
    """What it holds; stickers, locations and the like are `Opaque` parts."""
    channel: Channel | None = None
    """The network that carried it."""
    thread: str | None = None
    """The vendor's id of the reply thread it belongs to."""
    language: str | None = None
    """ISO 639-1 code, as the vendor guessed it."""
    revises: EventId | None = None
    """The event that first brought this message; the vendor delivered it again, with more in it."""
    late: bool = False
    """True for a revision that came after the time in which pictures and split bubbles settle."""
    faded: bool = False
    """True when content of it was let go of, for its time was over or it named somebody who was erased."""

    @property
    def known_by(self) -> str:
        """The vendor's id of the message, whichever webhook brings it."""
        return _known_message(self.vendor_id)

    @property
    def ref(self) -> MessageRef:
        """Names this message in a reply or a reaction."""
        return MessageRef(vendor_id=self.vendor_id)

    @property
    def text(self) -> str:
        """The text of the message, empty when there is none."""
        return self.message.text


class DeliveryUpdated(Event):
    """A report about a message of ours."""

    type: Literal["delivery.updated"] = "delivery.updated"
    vendor_id: str | None = None
    """The vendor's id of the message; None for what the gateway itself reports before there is one."""
    state: DeliveryState
    channel: Channel | None = None
    """The network that really carried it, where it is known."""
    code: str | None = None
    """The vendor's code of a failure."""
    reason: str | None = None
    """Why it failed, in words, redacted."""
    retriable: bool | None = None
    """Whether sending again may help; the gateway never does that by itself after an acceptance."""


class ReactionAdded(Event):
    """Someone reacted to a message."""

    type: Literal["reaction.added"] = "reaction.added"
    target: MessageRef
    """The message that it is on."""
    reaction: Reaction | None
    """None where the vendor does not say which."""
    sender: Address | None = None


class ReactionRemoved(Event):
    """Someone took a reaction back."""

    type: Literal["reaction.removed"] = "reaction.removed"
    target: MessageRef
    reaction: Reaction | None
    sender: Address | None = None


class TypingStarted(Event):
    """A contact began to type."""

    type: Literal["typing.started"] = "typing.started"
    sender: Address | None = None


class TypingStopped(Event):
    """A contact stopped typing."""

    type: Literal["typing.stopped"] = "typing.stopped"
    sender: Address | None = None


class OptedIn(Event):
    """A contact agreed to be written to."""

    type: Literal["opted.in"] = "opted.in"
    address: Address
    parameters: Mapping[str, JsonValue] = Field(default_factory=dict, repr=False)
    """What was given to `opt_in_link`."""
    vendor_id: str | None = None
    """The vendor's id of the message that did it."""
    text: str = Field(default="", repr=False)
    """What the contact sent."""


class OptedOut(Event):
    """A contact no longer agrees to be written to."""

    type: Literal["opted.out"] = "opted.out"
    address: Address


class CallReceived(Event):
    """A contact tried to call."""

    type: Literal["call.received"] = "call.received"
    sender: Address | None = None


class LineState(StrEnum):
    """Whether a line can send."""

    ACTIVE = "active"
    PENDING = "pending"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class LineUpdated(Event):
    """A line of ours changed its state."""

    type: Literal["line.updated"] = "line.updated"
    line: str = Field(repr=False)
    """The line in the vendor's spelling."""
    state: LineState
    address: Address | None = None
    """The line's own address, where the vendor says."""


class GroupUpdated(Event):
    """A group's name, picture or members changed; what is None did not, or is not said."""

    type: Literal["group.updated"] = "group.updated"
    name: str | None = Field(default=None, repr=False)
    icon: str | None = Field(default=None, repr=False)
    """URL of the new picture."""
    sender: Address | None = None
    """Who changed it."""


class PollUpdated(Event):
    """A poll was made, or voted in."""

    type: Literal["poll.updated"] = "poll.updated"
    poll_id: str | None = None
    change: Literal["created", "received", "voted"]
    title: str | None = Field(default=None, repr=False)
    options: tuple[str, ...] = Field(default=(), repr=False)
    option: str | None = Field(default=None, repr=False)
    """The option that was voted for."""
    sender: Address | None = None


class ContactShared(Event):
    """A contact shared a name and picture, or a contact card."""

    type: Literal["contact.shared"] = "contact.shared"
    sender: Address | None = None
    name: str | None = Field(default=None, repr=False)


class UnknownEvent(Event):
    """Something that we have no word for; the payload is kept, and can be parsed again later."""

    type: Literal["unknown"] = "unknown"
    reason: str
    """What was not understood."""
    unread: bool = False
    """True when nobody here reads the form of the webhook, as of another generation: the webhook is in quarantine too.
    False for a new word in a form that is read."""


AnyEvent: TypeAlias = Annotated[
    MessageReceived
    | DeliveryUpdated
    | ReactionAdded
    | ReactionRemoved
    | TypingStarted
    | TypingStopped
    | OptedIn
    | OptedOut
    | CallReceived
    | LineUpdated
    | GroupUpdated
    | PollUpdated
    | ContactShared
    | UnknownEvent,
    Field(discriminator="type"),
]
"""Any event, told apart by its `type`."""
