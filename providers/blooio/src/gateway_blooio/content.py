"""What a received message holds, in our parts.

Attachments come in three shapes: a URL, `{url, name}`, `{url, file_name, mime_type, size}`. The media type is mostly
missing, so a voice note is told by the ending of its name or URL; the vendor keeps no other mark of one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import JsonValue, ValidationError

from gateway.provider import Attachment, Message, MessageRef, Opaque, Part, Voice
from gateway_blooio import wire

__all__ = ["fields_of", "kept_message"]

VOICE_ENDINGS = frozenset({".aac", ".amr", ".caf", ".m4a", ".opus"})
"""How recorded voice arrives; `.mp3` and `.wav` are rather files that someone chose."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+")
_MAX_NAME = 255


def fields_of(body: wire.WebhookEvent) -> dict[str, Any]:
    """Give the fields of the message: text first, then the attachments; one voice-like attachment is a voice note.

    The event's model makes the message of them with all else, in much less time than piece by piece.
    """
    # A body without text and attachments was seen to mean something that the vendor does not pass on, as a sticker.
    parts = _parts(body.text, body.attachments or ()) or [Opaque(kind="empty")]
    return {"parts": parts, "reply_to": _reply_to(body.reply_to)}


def kept_message(item: wire.MessageItem) -> Message | None:
    """Make the message of the vendor's history, whose attachments have the same shapes; None for an empty one."""
    files = [_kept_file(attachment) for attachment in item.attachments or ()]
    parts = _parts(item.text, [file for file in files if file is not None])
    return Message.model_validate({"parts": parts}) if parts else None


def _kept_file(value: JsonValue) -> str | wire.EventAttachment | None:
    try:
        return value if isinstance(value, str) else wire.EventAttachment.model_validate(value)
    except ValidationError:
        return None


def _parts(text: str | None, attachments: Sequence[str | wire.EventAttachment]) -> list[Part | dict[str, str]]:
    files = [_file(item) for item in attachments]
    if not text and len(files) == 1 and isinstance(files[0], Attachment) and _is_voice(files[0]):
        return [Voice(**files[0].model_dump(exclude={"type"}, exclude_none=True))]
    return [{"type": "text", "text": text}, *files] if text else [*files]


def _file(item: str | wire.EventAttachment) -> Attachment | Opaque:
    if isinstance(item, str):
        return Attachment(url=item) if _URL.fullmatch(item) else Opaque(kind="attachment", data={"url": item})
    if not item.url or not _URL.fullmatch(item.url):
        return Opaque(kind="attachment", data=item.dump())
    known: dict[str, Any] = {"url": item.url}
    if name := item.file_name or item.name:
        known["name"] = name[-_MAX_NAME:]
    if item.mime_type and _MEDIA_TYPE.fullmatch(item.mime_type):
        known["media_type"] = item.mime_type
    if item.size is not None and item.size >= 0:
        known["size"] = item.size
    return Attachment(**known)


def _is_voice(file: Attachment) -> bool:
    named = file.name or unquote(_path(file.url or ""))
    return PurePosixPath(named).suffix.lower() in VOICE_ENDINGS


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _reply_to(target: wire.ReplyTo | None) -> MessageRef | None:
    if target is None or not (target.message_id or target.guid):
        return None
    part = max(target.part_index or 0, 0)
    if target.message_id:
        return MessageRef(vendor_id=target.message_id, part=part)
    return MessageRef(guid=target.guid, part=part)
