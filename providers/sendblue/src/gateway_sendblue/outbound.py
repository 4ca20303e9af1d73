"""Messages in Sendblue's words: one `SendMessage` is one body of `send-message` or `send-group-message`.

What a vendor's field cannot carry does not come here, because fitting has been before; where it comes all the same
(a provider can be called by hand), it is refused and never dropped.
"""

from __future__ import annotations

from typing import Any, NoReturn

from gateway.provider import (
    Address,
    Attachment,
    Chat,
    ChatKind,
    DeliveryState,
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
    Unsupported,
)
from gateway_sendblue import wire
from gateway_sendblue.content import STYLES
from gateway_sendblue.inbound import STATES
from gateway_sendblue.settings import SendblueSettings
from gateway_sendblue.signature import callback_url

__all__ = [
    "TYPING_SECONDS",
    "line_of",
    "number_of",
    "reaction",
    "reader",
    "receipt",
    "send_body",
    "sought",
    "to_group",
    "typing",
]

TYPING_SECONDS = 60.0
"""How long dots stay where nobody says how long."""

_BY_WORDS = frozenset({*wire.SendBody.model_fields, *wire.GroupBody.model_fields}) - {
    "seat_id",
    "pre_reply_override",
    "app_card",
    "status_callback",
}
"""Fields that a message says with words, so that fitting sees them."""


def to_group(chat: Chat) -> bool:
    """Tell whether a chat is written to as a group."""
    return chat.kind is not ChatKind.DIRECT


def number_of(chat: Chat, feature: Feature) -> str:
    """Name the contact of a direct chat; raises `Unsupported` for what there is only one of."""
    if chat.kind is not ChatKind.DIRECT:
        _refuse(feature, "only a chat with one contact has that")
    return chat.address.value


def line_of(chat: Chat, settings: SendblueSettings) -> str:
    """Name the line that acts; raises `InvalidMessage` where nobody said which."""
    line = chat.line or settings.from_number
    if line is None:
        raise InvalidMessage(
            "Sendblue has to be told which line acts", hint="set from_number, or name the line with the chat"
        )
    return line


# ── the body of a send ────────────────────────────────────────────────────────────────────────────────────────────


def send_body(action: SendMessage, settings: SendblueSettings) -> dict[str, Any]:
    """Make the body; raises `Unsupported` for what it cannot hold and `InvalidMessage` for a clash with `extra`."""
    if len(action.messages) > 1:
        _refuse(Feature.BATCH, "one call carries one message")
    message, chat = action.message, action.chat
    content, media = _content(message)
    shared: dict[str, Any] = {
        "content": content,
        "media_url": media,
        "send_style": STYLES[message.effect] if message.effect else None,
        "reply_to": _reply_to(message.reply_to),
        "status_callback": callback_url(settings, action.token),
    }
    if to_group(chat):
        whole = _group_body(chat, settings, shared)
    else:
        # Only an answer in thread has to name the line; a dedicated plan chooses it by itself otherwise.
        needed = message.reply_to is not None
        line = line_of(chat, settings) if needed else chat.line or settings.from_number
        whole = wire.SendBody(number=chat.address.value, from_number=line, **shared).body()
    return _with_extra(whole, message)


def _group_body(chat: Chat, settings: SendblueSettings, shared: dict[str, Any]) -> dict[str, Any]:
    if shared["content"] is None:
        _refuse(Feature.ATTACHMENT, "a file goes to a group with a text only")
    where: dict[str, Any] = {"group_id": chat.group}
    if chat.kind is ChatKind.SEVERAL:
        where = {"numbers": [address.value for address in chat.addresses]}
    return wire.GroupBody(from_number=line_of(chat, settings), **where, **shared).body()


def _content(message: Message) -> tuple[str | None, str | None]:
    """Give text and file: there is one field for each."""
    if message.subject is not None:
        _refuse(Feature.SUBJECT, "there is no subject")
    if message.channel is not None:
        _refuse(Feature.CHANNEL, "the vendor chooses the channel by itself")
    if message.share_contact:
        _refuse(Feature.SHARE_CONTACT, "a message takes no contact card along")
    match message.parts:
        case (Text(mention=None) as text,):
            return text.text, None
        case (Link(preview_image=None, title=None) as link,):
            return link.url, None
        case (Attachment() as file,):
            return None, _url(file)
        case (Text(mention=None) as text, Attachment() as file):
            return text.text, _url(file)
    return _refuse(Feature.MULTIPART, "a message is a text, a file, or a text and then a file")


def _url(file: Attachment) -> str:
    if file.url is None:
        _refuse(Feature.ATTACHMENT, "an attachment needs a URL that the vendor can fetch")
    if file.name is not None:
        _refuse(Feature.ATTACHMENT_NAME, "a file is shown by the name in its URL")
    return file.url


def _reply_to(target: MessageRef | None) -> wire.ReplyTo | None:
    if target is None:
        return None
    if target.vendor_id is None:
        raise InvalidMessage("the message to answer is not named by the vendor's id", hint="use vendor_id")
    # The vendor asks not to guess a part: left out it is the first, or the one that the handle stands for.
    return wire.ReplyTo(message_handle=target.vendor_id, part_index=target.part or None)


def _with_extra(body: dict[str, Any], message: Message) -> dict[str, Any]:
    """Add the caller's own fields; they add to what was said with words and never change it."""
    whole = dict(body)
    for name, value in message.extra.get("sendblue", {}).items():
        if name in _BY_WORDS or name in body:
            raise InvalidMessage(
                f"extra sets the field {name}, which the message itself says",
                hint=f"leave {name} out of extra['sendblue'], or say it with words only there",
            )
        whole[name] = value
    return whole


def _refuse(feature: Feature, why: str) -> NoReturn:
    raise Unsupported(f"Sendblue cannot: {feature.value} ({why})", features=(feature.value,))


# ── the receipt, and the proof of a send ──────────────────────────────────────────────────────────────────────────


def receipt(action: SendMessage, answer: wire.MessageAnswer, body: dict[str, Any]) -> Receipt:
    """Make the receipt of an answer that names the message."""
    line = answer.sendblue_number or body.get("from_number")
    chat = action.chat.model_copy(update={"line": line}) if isinstance(line, str) else action.chat
    state = STATES.get((answer.status or "").upper(), DeliveryState.QUEUED)
    return Receipt(
        sent=(Sent(vendor_id=answer.message_handle or "", state=state),),
        chat=chat,
        alias=_alias(chat, answer),
        raw=(answer.dump(),),
    )


def _alias(chat: Chat, answer: wire.MessageAnswer) -> Chat | None:
    """Name the group that a set of numbers became."""
    if not answer.group_id or chat.group == answer.group_id:
        return None
    parties = (Address.read(party) for party in answer.participants or () if party != chat.line)
    members = tuple(party for party in parties if party) or chat.addresses
    return Chat.of_group(answer.group_id, members=members, line=chat.line)


def sought(action: SendMessage) -> tuple[str, str] | None:
    """Give the text and the file of a message as lists show them; None where it has another shape."""
    try:
        content, media = _content(action.message)
    except Unsupported:
        return None
    return content or "", media or ""


# ── other deeds ───────────────────────────────────────────────────────────────────────────────────────────────────


def reaction(action: SendReaction, settings: SendblueSettings) -> wire.ReactionBody:
    """Make the body of a reaction: a word, or on newer accounts an emoji, and a minus in front to take it back."""
    if action.target.vendor_id is None:
        raise InvalidMessage("the message to react to is not named by the vendor's id", hint="use vendor_id")
    if action.remove and not settings.extended_reactions:
        _refuse(Feature.UNREACT, "a reaction can only be added")
    if action.reaction.emoji is not None and not settings.extended_reactions:
        _refuse(Feature.EMOJI_REACTION, "there are six reactions")
    return wire.ReactionBody(
        from_number=line_of(action.chat, settings),
        message_handle=action.target.vendor_id,
        reaction=f"{'-' if action.remove else ''}{action.reaction.text}",
        part_index=action.target.part or None,
    )


def typing(action: SetTyping, settings: SendblueSettings) -> wire.TypingBody:
    """Make the body of the dots; a plain start, which every firmware knows, says neither state nor length."""
    whole = action.seconds is None or action.seconds >= TYPING_SECONDS
    length = None if whole or action.seconds is None else max(round(action.seconds * 1000), 1)
    return wire.TypingBody(
        number=number_of(action.chat, Feature.TYPING),
        from_number=line_of(action.chat, settings),
        state=None if action.on else "stop",
        max_duration_ms=length if action.on else None,
    )


def reader(action: MarkRead, settings: SendblueSettings) -> tuple[str, str]:
    """Name the contact who is shown that we read, and the line."""
    return number_of(action.chat, Feature.READ), line_of(action.chat, settings)
