"""What a received message holds, in our parts."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from gateway.provider import Attachment, Effect, Message, MessageRef, Opaque, Part, Text
from gateway_sendblue import wire

__all__ = ["STYLES", "effect_of", "message_of"]

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_PREVIEW = ".pluginpayloadattachment"
"""How the file of a link's preview ends, which iMessage sends beside the link and the vendor passes on as a message."""

STYLES = {effect: effect.value.replace("-", "_") for effect in Effect} | {Effect.INVISIBLE_INK: "invisible"}
"""All thirteen effects, in the vendor's snake case."""

_EFFECTS = {style: effect for effect, style in STYLES.items()}


def effect_of(style: str | None) -> Effect | None:
    """Read the vendor's word for an effect; inbound messages mostly lose theirs."""
    return _EFFECTS.get(style or "")


def message_of(body: wire.WebhookBody) -> Message:
    """Make the message: the text, the one file, and what we have no word for."""
    parts: list[Part] = [Text(text=body.content)] if body.content else []
    if body.media_url:
        parts.append(_file(body.media_url))
    if body.location is not None:
        parts.append(Opaque(kind="location", data=body.location.named()))
    if body.app_card is not None:
        parts.append(Opaque(kind="app card", data=body.app_card.named()))
    return Message(
        parts=parts or [Opaque(kind="empty")],
        effect=effect_of(body.send_style),
        reply_to=_reply_to(body.reply_to),
    )


def _file(url: str) -> Part:
    if url.lower().partition("?")[0].endswith(_PREVIEW):
        return Opaque(kind="link preview", data={"url": url})
    known: dict[str, Any] = {"url": url}
    if _URL.fullmatch(url):
        with suppress(ValidationError):
            return Attachment(**known)
    return Opaque(kind="attachment", data=known)


def _reply_to(target: wire.ReplyTo | None) -> MessageRef | None:
    if target is None or not target.message_handle:
        return None
    return MessageRef(vendor_id=target.message_handle, part=max(target.part_index or 0, 0))
