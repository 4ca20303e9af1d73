"""Messages in Blooio's words: one `SendMessage` is one body of `POST /chats/{chatId}/messages`.

What a vendor's field cannot carry does not come here, because fitting has been before; where it comes all the same
(a provider can be called by hand), it is refused and never dropped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NoReturn

from gateway.provider import (
    Adaptation,
    Address,
    AddressKind,
    Attachment,
    Chat,
    ChatKind,
    DeliveryState,
    Effect,
    Feature,
    InvalidMessage,
    Link,
    Message,
    MessageRef,
    Part,
    Receipt,
    SendMessage,
    SendReaction,
    Sent,
    Text,
    Unsupported,
)
from gateway_blooio import wire

__all__ = ["chat_id", "party", "reaction_sign", "receipt", "reference_of", "send_body", "sought_texts"]

# The vendor reads a path segment such as `-1` as "the last message", and some of its ids begin with a minus.
_RELATIVE = re.compile(r"-[0-9]+")


def chat_id(chat: Chat) -> str:
    """Name a chat as the vendor does: a phone, an email, `grp_…`, or addresses with commas between; not encoded."""
    if chat.kind is ChatKind.GROUP:
        return str(chat.group)
    return ",".join(address.value for address in chat.addresses)


def party(address: Address) -> str:
    """Name one contact; raises `InvalidMessage` for an id of another vendor."""
    if address.kind is AddressKind.CONTACT:
        raise InvalidMessage("Blooio knows phones and emails only", hint="name the contact by one of these")
    return address.value


# ── the body of a send ────────────────────────────────────────────────────────────────────────────────────────────


def send_body(action: SendMessage, from_number: str | None) -> dict[str, Any]:
    """Make the body; raises `Unsupported` for what it cannot hold and `InvalidMessage` for a clash with `extra`."""
    messages = action.messages
    content = _content(messages[0]) if len(messages) == 1 else _batch(messages)
    around = {
        "use_typing_indicator": True if any(message.typing is True for message in messages) else None,
        "from_number": action.chat.line or from_number,
        "share_contact": True if any(message.share_contact for message in messages) else None,
        "effect": _effect(messages, content),
        "reply_to": _reply_to(messages),
    }
    said = {name: value for name, value in around.items() if value is not None}
    # most messages are a text with nothing around it, and a copy takes as long as all the rest of this
    whole = content.model_copy(update=said) if said else content
    return _with_extra(whole.model_dump(mode="json", exclude_none=True), messages)


def _content(message: Message) -> wire.SendBody:
    """Choose the plainest fields that lose nothing; `parts` only where `text` and `attachments` cannot say it.

    Plain fields go over SMS too and carry effects; parts do neither.
    """
    if message.subject is not None:
        _refuse(Feature.SUBJECT, "there is no subject")
    if message.channel is not None:
        _refuse(Feature.CHANNEL, "the vendor chooses the channel by itself")
    match message.parts:
        case (Text(mention=None) as only,):
            return wire.SendBody(text=only.text)
        case (Link() as only,):
            return wire.SendBody(text=only.url, link_preview=_preview(only))
        case (Text(mention=None) as first, *rest) if all(isinstance(part, Attachment) for part in rest):
            return wire.SendBody(text=first.text, attachments=_attachments(rest))
        case parts if all(isinstance(part, Attachment) for part in parts):
            return wire.SendBody(attachments=_attachments(parts))
    return wire.SendBody(parts=[_part(part) for part in message.parts])


def _batch(messages: Sequence[Message]) -> wire.SendBody:
    """Put several messages into one call: a list of texts, or rich links of which at least one has its own card."""
    contents = [_content(message) for message in messages]
    texts = [item.text for item in contents if isinstance(item.text, str) and item.attachments is None]
    if len(texts) < len(messages):
        _refuse(Feature.BATCH, "only texts and links go together in one call")
    if all(content.link_preview is None for content in contents):
        return wire.SendBody(text=texts)
    if any(not isinstance(message.parts[0], Link) for message in messages):
        _refuse(Feature.LINK_BATCH, "links with their own card go together with links only")
    balloons = [wire.PartItem(text=text, link_preview=c.link_preview) for text, c in zip(texts, contents, strict=True)]
    return wire.SendBody(parts=balloons)


def _part(part: Part) -> wire.PartItem:
    match part:
        case Text():
            return wire.PartItem(text=part.text, mention=part.mention.value if part.mention else None)
        case Attachment():
            item = _attachment(part)
            return wire.PartItem(url=item) if isinstance(item, str) else wire.PartItem(url=item.url, name=item.name)
        case Link():
            # A card turns the whole call into a batch of links, so within a bubble there is only the address.
            if _preview(part):
                _refuse(Feature.LINK_CARD, "a link with its own card stands alone")
            return wire.PartItem(text=part.url)
    return _refuse(
        Feature.VOICE if part.type == "voice" else Feature.MULTIPART, f"there is no part of kind {part.type}"
    )


def _attachments(parts: Sequence[Part]) -> list[str | wire.AttachmentItem]:
    return [_attachment(part) for part in parts if isinstance(part, Attachment)]


def _attachment(attachment: Attachment) -> str | wire.AttachmentItem:
    """Name the file by its URL: the vendor fetches it and takes no bytes."""
    if attachment.url is None:
        _refuse(Feature.ATTACHMENT, "an attachment needs a URL that the vendor can fetch")
    return wire.AttachmentItem(url=attachment.url, name=attachment.name) if attachment.name else attachment.url


def _preview(link: Link) -> wire.LinkPreview | None:
    if link.preview_image is None and link.title is None:
        return None
    return wire.LinkPreview(image_url=link.preview_image, title=link.title)


def _effect(messages: Sequence[Message], content: wire.SendBody) -> str | None:
    effects = {message.effect for message in messages}
    if len(effects) > 1:
        _refuse(Feature.EFFECT, "all messages of one call have the same effect")
    effect = effects.pop()
    if effect is Effect.SHOOTING_STAR:
        _refuse(Feature.EFFECT, "there is no shooting star")
    if effect is not None and content.parts is not None:
        _refuse(Feature.EFFECT, "a bubble of several parts has no effect")
    return effect.value if effect else None


def _reply_to(messages: Sequence[Message]) -> wire.ReplyTo | None:
    targets = [message.reply_to for message in messages if message.reply_to]
    if not targets:
        return None
    if len(messages) > 1:
        _refuse(Feature.REPLY, "several messages in one call cannot answer another message")
    target = targets[0]
    part = target.part or None
    if target.guid is not None:
        return wire.ReplyTo(guid=target.guid, part_index=part)
    if target.vendor_id is None:
        raise InvalidMessage("the message to answer is not named by the vendor's id", hint="use vendor_id or guid")
    return wire.ReplyTo(message_id=target.vendor_id, part_index=part)


def _with_extra(body: dict[str, Any], messages: Sequence[Message]) -> dict[str, Any]:
    """Add the caller's own fields; they add to what was said with words and never change it."""
    whole = dict(body)
    for message in messages:
        for name, value in message.extra.get("blooio", {}).items():
            # what words can say is said with words, so that fitting sees it; only that no dots are wanted has no word
            said = name in wire.SendBody.model_fields and name != "use_typing_indicator"
            if said or name in body or whole.get(name, value) != value:
                raise InvalidMessage(
                    f"extra sets the field {name}, which the message itself says",
                    hint=f"leave {name} out of extra['blooio'], or say it with words only there",
                )
            whole[name] = value
    return whole


def _refuse(feature: Feature, why: str) -> NoReturn:
    raise Unsupported(f"Blooio cannot: {feature.value} ({why})", features=(feature.value,))


# ── the receipt ───────────────────────────────────────────────────────────────────────────────────────────────────


def receipt(action: SendMessage, answer: wire.SendAnswer, body: dict[str, Any], *, replayed: bool) -> Receipt:
    """Make the receipt of an answer that names at least one message."""
    ids = answer.message_ids or [answer.message_id or ""]
    last = len(action.messages) - 1
    # `failed` in a 202: accepted, given an id, and already known not to arrive
    state = DeliveryState.FAILED if answer.status == "failed" else DeliveryState.QUEUED
    line = body.get("from_number")
    return Receipt(
        sent=tuple(Sent(vendor_id=id_, index=min(place, last), state=state) for place, id_ in enumerate(ids)),
        chat=action.chat.model_copy(update={"line": line}) if isinstance(line, str) else action.chat,
        alias=_alias(action.chat, answer),
        adaptations=(_UNRESOLVED,) if answer.parent_unresolved else (),
        replayed=replayed,
        raw=(answer.dump(),),
    )


_UNRESOLVED = Adaptation(
    feature=Feature.REPLY_GUID,
    happened="sent, perhaps not shown as an answer",
    why="the vendor does not know a message with this GUID",
)


def _alias(chat: Chat, answer: wire.SendAnswer) -> Chat | None:
    """Name the group that a list of addresses became."""
    if not answer.group_id or chat.group == answer.group_id:
        return None
    members = tuple(address for address in map(Address.read, answer.participants or ()) if address) or chat.addresses
    return Chat.of_group(answer.group_id, members=members, line=chat.line)


# ── reactions, and the proof of a send ────────────────────────────────────────────────────────────────────────────


def reference_of(target: MessageRef) -> str:
    """Name the message to react to: the vendor's id, or a relative index such as `-1`.

    Some ids begin with a minus. They go as they are, for the vendor reads only a minus and digits as an index; an id
    that consists of just those cannot be told from an index, so it is refused.
    """
    if target.part:
        _refuse(Feature.REACTION, "a reaction is on a whole message, not on one of its parts")
    if target.index is not None:
        return str(target.index)
    if target.vendor_id is None:
        raise InvalidMessage("the message to react to is not named by the vendor's id", hint="use vendor_id or index")
    if _RELATIVE.fullmatch(target.vendor_id):
        raise InvalidMessage(
            "this message id reads as a relative index", hint="count from the end of the chat: MessageRef(index=-1)"
        )
    return target.vendor_id


def reaction_sign(action: SendReaction) -> str:
    """Spell the reaction: `+love`, `-🔥`."""
    return f"{'-' if action.remove else '+'}{action.reaction.text}"


def sought_texts(action: SendMessage) -> tuple[str, ...]:
    """Give the text of each message as the vendor's history shows it; empty where one has another shape."""
    texts = [_plain_text(message) for message in action.messages]
    return tuple(text for text in texts if text) if all(texts) else ()


def _plain_text(message: Message) -> str | None:
    match message.parts:
        case (Text() as only,):
            return only.text
        case (Link() as only,):
            return only.url
    return None
