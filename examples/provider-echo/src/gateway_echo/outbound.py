"""From our words to Echo's.

Fitting has been here before: what the capability table does not declare never arrives. What remains is to translate.
"""

from __future__ import annotations

from gateway.provider import (
    Attachment,
    DeliveryState,
    Feature,
    InvalidMessage,
    Link,
    MessageRef,
    Receipt,
    SendMessage,
    SendReaction,
    Sent,
    Text,
    Unsupported,
    wrap_token,
)
from gateway_echo import wire

__all__ = ["STATES", "message_id", "reaction_word", "receipt", "send_body", "state_of"]

STATES = {
    "queued": DeliveryState.QUEUED,
    "sent": DeliveryState.SENT,
    "delivered": DeliveryState.DELIVERED,
    "read": DeliveryState.READ,
    "failed": DeliveryState.FAILED,
}
"""Echo's words for how far a message has come."""


def state_of(status: str) -> DeliveryState:
    """Read Echo's word for how far a message has come; a new word is `UNKNOWN`, never an error."""
    return STATES.get(status, DeliveryState.UNKNOWN)


def send_body(action: SendMessage, line: str | None) -> wire.SendBody:
    """Make the body of a send; our token travels in front of the caller's reference, in `tag`."""
    message = action.message
    content: dict[str, str] = {}
    match message.parts:
        case (Text(text=text),):
            content["text"] = text
        case (Link(url=url),):
            content["text"] = url
        case (Attachment(url=str(url)),):
            content["media_url"] = url
        case _:
            raise Unsupported("a message at Echo is one text or one file by URL", features=(Feature.MULTIPART.value,))
    return wire.SendBody.model_validate(
        {
            **content,
            "to": action.chat.address.value,
            "from": action.chat.line or line,
            "effect": message.effect.value if message.effect else None,
            "in_reply_to": message_id(message.reply_to) if message.reply_to else None,
            "tag": wrap_token(action.token, message.reference),
        }
    )


def receipt(answer: wire.MessageAnswer, action: SendMessage) -> Receipt:
    """Make the receipt of an accepted message."""
    chat = action.chat.model_copy(update={"line": answer.sender or action.chat.line})
    raw = answer.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return Receipt(sent=(Sent(vendor_id=answer.id, state=state_of(answer.status)),), chat=chat, raw=(raw,))


def message_id(reference: MessageRef) -> str:
    """Name a message as Echo does; raises `InvalidMessage` for a name that Echo cannot resolve."""
    if reference.vendor_id is None:
        raise InvalidMessage("Echo knows a message by its own id only", hint="name it by an event or a receipt")
    return reference.vendor_id


def reaction_word(action: SendReaction) -> str:
    """Give Echo's word for a reaction, which is ours; raises `Unsupported` for an emoji."""
    if action.reaction.tapback is None:
        raise Unsupported(
            "Echo has the six tapbacks only",
            features=(Feature.EMOJI_REACTION.value,),
            alternatives=("one of love, like, dislike, laugh, emphasize, question",),
        )
    return action.reaction.tapback.value
