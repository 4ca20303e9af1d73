"""What a received message holds."""

from __future__ import annotations

from pydantic import JsonValue, ValidationError

from gateway.provider import Attachment, Opaque, Part, Text, Voice
from gateway_loopmessage.wire import Hook

__all__ = ["parts"]

#: Kinds of message that we have no word for; their texts and URLs are kept together.
_OPAQUE = frozenset({"sticker", "location"})


def parts(hook: Hook) -> list[Part]:
    """Make the parts of a message; one with nothing in it is opaque, for there was a message."""
    kind = hook.message_type or "text"
    if kind in _OPAQUE:
        return [Opaque(kind=kind, data=_rest(hook))]
    attachments = [_attachment(item) for item in hook.attachments or []]
    if kind == "audio" and len(attachments) == 1 and isinstance(attachments[0], Attachment):
        return [Voice(url=attachments[0].url, transcript=_said(hook))]
    text: list[Part] = [Text(text=hook.text)] if hook.text else []
    return [*text, *attachments] or [Opaque(kind=kind, data=_rest(hook))]


def _attachment(item: JsonValue) -> Part:
    """Make an attachment of its download URL, bare or in an object; anything else is kept as it came."""
    url = item.get("url") if isinstance(item, dict) else item
    try:
        return Attachment.model_validate({"url": url})
    except ValidationError:
        return Opaque(kind="attachment", data={"value": item})


def _said(hook: Hook) -> str | None:
    """Give what was said in a voice note; without a transcription, the text beside it."""
    return (hook.speech.text if hook.speech else None) or hook.text or None


def _rest(hook: Hook) -> dict[str, JsonValue]:
    """Keep what the vendor said about something that we have no word for."""
    data: dict[str, JsonValue] = {}
    if hook.text:
        data["text"] = hook.text
    if hook.attachments:
        data["attachments"] = list(hook.attachments)
    return data
