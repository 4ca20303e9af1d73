"""Actions into the vendor's requests, and its answers into receipts."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from gateway.provider import (
    Address,
    AddressKind,
    Attachment,
    Chat,
    ChatKind,
    Effect,
    Feature,
    InvalidMessage,
    Link,
    MarkRead,
    Message,
    MessageRef,
    Receipt,
    SendMessage,
    SendReaction,
    Sent,
    SetTyping,
    Text,
    Token,
    Unsupported,
    Voice,
    wrap_token,
)
from gateway_loopmessage.wire import SendRequest, SendResponse, ShowTypingRequest

__all__ = [
    "EFFECTS",
    "REFERENCE_LENGTH",
    "TYPING_SECONDS",
    "mark_read",
    "message",
    "reaction",
    "receipt",
    "spoken",
    "typing",
]

_NAME = "loopmessage"

EFFECTS = MappingProxyType(
    {
        **{effect: effect.value for effect in Effect},
        # in one word and case-sensitive on the wire
        Effect.INVISIBLE_INK: "invisibleInk",
        Effect.SHOOTING_STAR: "shootingStar",
    }
)
"""Our thirteen effects in the vendor's spelling."""

REFERENCE_LENGTH = 1000 - len(wrap_token(Token("0" * 22), None))
"""Longest reference of a caller: `passthrough` has 1000 characters, our token around it takes some."""

TYPING_SECONDS = 60
"""Longest typing indicator."""

_DEFAULT_TYPING = 5
"""Seconds of the dots when nobody said how long; the vendor has no default of its own."""


def message(action: SendMessage, sender: str | None) -> SendRequest:
    """Make the request for a fitted message; `sender` is the line for chats that have none of their own.

    Raises `Unsupported` for what fitting should have kept away, and `InvalidMessage` for an `extra` field that would
    replace one of ours.
    """
    if len(action.messages) > 1:
        raise _unsupported(Feature.BATCH, "one message in a call")
    content = action.message
    if isinstance(content.parts[0], Voice):
        _is_no_contact_id(action.chat, Feature.VOICE)
    fields: dict[str, Any] = {
        **_to(action.chat),
        **(_voice(content) or _bubble(content)),
        "sender": action.chat.line or sender,
        # the vendor returns this on every webhook about the message: the only thing that traces a send
        "passthrough": wrap_token(action.token, content.reference),
    }
    return SendRequest.model_validate(_with_extra(fields, content))


def reaction(action: SendReaction) -> SendRequest:
    """Make the request for a reaction; a removal is the word with `-` in front.

    The vendor documents contact, message and word, and no sender or passthrough here. For groups the older
    generation's page says `group` in place of `contact`.
    """
    if action.reaction.tapback is None:
        raise _unsupported(Feature.EMOJI_REACTION, "one of the six tapbacks")
    if action.target.part:
        raise Unsupported("LoopMessage reacts to whole messages", features=(Feature.REACTION.value,))
    _is_no_contact_id(action.chat, Feature.REACTION)
    word = action.reaction.tapback.value
    fields = {**_to(action.chat), "message_id": _vendor_id(action.target, Feature.REACTION_INDEX)}
    return SendRequest.model_validate({**fields, "reaction": f"-{word}" if action.remove else word})


def typing(action: SetTyping, sender: str | None) -> ShowTypingRequest:
    """Make the request that shows the dots, without marking the chat as read, which the vendor does by default."""
    if not action.on:
        raise Unsupported(
            "LoopMessage cannot take the dots away",
            features=(Feature.TYPING.value,),
            alternatives=("they go with the next message, or when their seconds are over",),
        )
    seconds = math.ceil(action.seconds or _DEFAULT_TYPING)
    if seconds > TYPING_SECONDS:
        raise InvalidMessage(f"LoopMessage shows the dots for {TYPING_SECONDS} seconds at most", hint="ask for less")
    where = _whereabouts(action.chat, action.target, sender)
    return ShowTypingRequest.model_validate({**where, "typing": seconds, "read": False})


def mark_read(action: MarkRead, sender: str | None) -> ShowTypingRequest:
    """Make the request that marks a chat as read and shows no dots."""
    return ShowTypingRequest.model_validate({**_whereabouts(action.chat, action.target, sender), "read": True})


def spoken(content: Message) -> str:
    """Give the text as it goes on the wire; empty for a voice note or attachments alone."""
    return "".join(_text(part) or "" for part in content.parts if not isinstance(part, Voice))


def receipt(chat: Chat, response: SendResponse) -> Receipt:
    """Make the receipt of an accepted send: queued at the vendor, nothing more."""
    sent = (Sent(vendor_id=response.message_id),) if response.message_id else ()
    return Receipt(sent=sent, chat=chat, alias=_alias(chat, response), raw=(response.raw(),))


# ── pieces ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _to(chat: Chat) -> dict[str, str]:
    """Name the recipient: a group by its id, a contact by phone, email or contact id."""
    if chat.kind is ChatKind.SEVERAL:
        raise _unsupported(Feature.SEVERAL, "a group that the contacts made")
    if chat.kind is ChatKind.GROUP:
        return {"group": str(chat.group)}
    return {"contact": chat.address.value}


def _is_no_contact_id(chat: Chat, feature: Feature) -> None:
    """Refuse the vendor's own id of a contact where its page asks for phone or email: everywhere but in a text."""
    if chat.kind is ChatKind.DIRECT and chat.address.kind is AddressKind.CONTACT:
        raise _unsupported(feature, "the contact's phone or email: a contact id is for texts only")


def _voice(content: Message) -> dict[str, Any] | None:
    """Give the fields of a voice note, None where the message is none."""
    part = content.parts[0]
    if not isinstance(part, Voice):
        return None
    asked = {
        Feature.SUBJECT: content.subject,
        Feature.EFFECT: content.effect,
        Feature.REPLY: content.reply_to,
        Feature.CHANNEL: content.channel,
        Feature.SHARE_CONTACT: content.share_contact or None,
    }
    beside = tuple(feature.value for feature, value in asked.items() if value is not None)
    if beside:
        raise Unsupported(f"a voice note of LoopMessage has no {', '.join(beside)}", features=beside)
    return {"media_url": _url(part, Feature.VOICE)}


def _bubble(content: Message) -> dict[str, Any]:
    """Give the fields of a text with its attachments."""
    texts = [piece for piece in (_text(part) for part in content.parts) if piece is not None]
    if len(texts) > 1:
        raise _unsupported(Feature.MULTIPART, "several messages")
    if not texts:
        # the vendor's page requires `text` (code 140), attachments or not
        raise _unsupported(Feature.ATTACHMENT, "a text that goes with the attachments")
    attachments = [_url(part, Feature.ATTACHMENT) for part in content.parts if isinstance(part, Attachment)]
    return {
        "text": texts[0],
        "subject": content.subject,
        "attachments": attachments or None,
        "effect": EFFECTS[content.effect] if content.effect else None,
        "reply_to_id": _reply(content.reply_to),
        "channel": content.channel.value if content.channel else None,
        "contact_file": True if content.share_contact else None,
    }


def _text(part: object) -> str | None:
    """Give the words of a part: a text, or a link, from which the phone makes the card by itself."""
    match part:
        case Text(mention=None):
            return part.text
        case Link(preview_image=None, title=None):
            return part.url
        case Text():
            raise _unsupported(Feature.MENTION, "plain text")
        case Link():
            raise _unsupported(Feature.LINK_CARD, "the link alone")
        case Attachment():
            return None
    raise Unsupported("LoopMessage cannot send this part", features=(type(part).__name__.lower(),))


def _url(part: Attachment | Voice, feature: Feature) -> str:
    if part.url is None:
        raise _unsupported(feature, "a public https URL")
    return part.url


def _reply(target: MessageRef | None) -> str | None:
    if target is None:
        return None
    if target.part:
        raise _unsupported(Feature.REPLY_PART, "a reply to the whole message")
    return _vendor_id(target, Feature.REPLY_GUID)


def _vendor_id(target: MessageRef, feature: Feature) -> str:
    """Give the vendor's id of a message; it knows no other way to name one."""
    if target.vendor_id is None:
        raise _unsupported(feature, "the id that an event or a receipt gave")
    return target.vendor_id


def _whereabouts(chat: Chat, target: MessageRef | None, sender: str | None) -> dict[str, str]:
    """Name a chat for typing and reading: by a message that the contact wrote, else by contact and sender."""
    if target is not None and target.vendor_id is not None:
        return {"message_id": target.vendor_id}
    line = chat.line or sender
    if chat.kind is not ChatKind.DIRECT:
        raise Unsupported(
            "LoopMessage finds a group only by a message of it",
            features=(Feature.TYPING.value, Feature.READ.value),
            alternatives=("name the last message that was received",),
        )
    if line is None:
        raise InvalidMessage(
            "LoopMessage needs a received message, or the sender beside the contact",
            hint="set `sender` in the connection's settings, or answer a chat that an event gave",
        )
    _is_no_contact_id(chat, Feature.TYPING)
    return {"contact": chat.address.value, "sender": line}


def _with_extra(fields: dict[str, Any], content: Message) -> dict[str, Any]:
    """Add the caller's own fields for this vendor, none of which may stand in the place of ours."""
    extra = dict(content.extra.get(_NAME, {}))
    taken = sorted(SendRequest.model_fields.keys() & extra.keys())
    if taken:
        raise InvalidMessage(
            f'extra["{_NAME}"] may not set {", ".join(taken)}: the provider sets it',
            hint="use the message's own fields for that",
        )
    return {**fields, **extra}


def _alias(chat: Chat, response: SendResponse) -> Chat | None:
    """Give the address of a contact who was named by the vendor's id, where the answer tells it."""
    if chat.kind is not ChatKind.DIRECT or chat.address.kind is not AddressKind.CONTACT or not response.address:
        return None
    try:
        address = Address.parse(response.address)
    except ValidationError:
        return None
    return Chat.direct(address, line=chat.line)


def _unsupported(feature: Feature, alternative: str) -> Unsupported:
    return Unsupported(f"LoopMessage cannot: {feature.value}", features=(feature.value,), alternatives=(alternative,))
