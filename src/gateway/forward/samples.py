"""An example of every type of event, for test deliveries and for what is written about them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from gateway.actions import DeliveryState
from gateway.addresses import Address
from gateway.events import (
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
from gateway.forward.notices import EndpointDisabled
from gateway.ids import EventId, chat_id, new_timed_id
from gateway.model import Channel, Chat, Message, MessageRef, Reaction

__all__ = ["sample"]

_WHO = Address.parse("+12025550123")
_WHERE = Chat.model_validate("+12025550123")
_GROUP = Chat.model_validate("group:example")
_MESSAGE = "example-message"


def _made(key: str, now: datetime) -> dict[str, Callable[[], Event]]:
    """Give a maker for each type; numbers of the range that is kept for fiction."""
    on = MessageRef(vendor_id=_MESSAGE)
    there: dict[str, Any] = {"key": key, "chat": _WHERE}
    return {
        "message.received": lambda: MessageReceived(
            **there, vendor_id=_MESSAGE, sender=_WHO, message=Message("Hello!"), channel=Channel.IMESSAGE
        ),
        "delivery.updated": lambda: DeliveryUpdated(
            **there, vendor_id=_MESSAGE, state=DeliveryState.DELIVERED, channel=Channel.IMESSAGE, ours=True
        ),
        "reaction.added": lambda: ReactionAdded(**there, target=on, reaction=Reaction.parse("love"), sender=_WHO),
        "reaction.removed": lambda: ReactionRemoved(**there, target=on, reaction=Reaction.parse("love"), sender=_WHO),
        "typing.started": lambda: TypingStarted(**there, sender=_WHO),
        "typing.stopped": lambda: TypingStopped(**there, sender=_WHO),
        "opted.in": lambda: OptedIn(**there, address=_WHO, parameters={"campaign": "spring"}, text="Yes"),
        "opted.out": lambda: OptedOut(**there, address=_WHO),
        "call.received": lambda: CallReceived(**there, sender=_WHO),
        "line.updated": lambda: LineUpdated(key=key, line="example-line", state=LineState.ACTIVE),
        "group.updated": lambda: GroupUpdated(key=key, chat=_GROUP, name="Friends", sender=_WHO),
        "poll.updated": lambda: PollUpdated(
            **there, poll_id=_MESSAGE, change="voted", title="When?", options=("Monday", "Friday"), option="Friday"
        ),
        "contact.shared": lambda: ContactShared(**there, sender=_WHO, name="Ada"),
        "unknown": lambda: UnknownEvent(key=key, reason="an example"),
        "endpoint.disabled": lambda: EndpointDisabled(key=key, endpoint="ep_example", reason="an example", since=now),
    }


def sample(kind: str, now: datetime, *, connection: str = "pc_example") -> Event:
    """Make an example of a type of event, with an id of its own; raises `KeyError` for a type that does not exist."""
    id_ = EventId(new_timed_id("evt", now))
    event = _made(id_, now)[kind]()
    where = event.chat and chat_id(connection, event.chat.identity)
    own = isinstance(event, EndpointDisabled)
    stamps = {"connection": "" if own else connection, "provider": "" if own else "example", "chat_id": where}
    return event.model_copy(update={"id": id_, "received_at": now, "occurred_at": now, **stamps})
