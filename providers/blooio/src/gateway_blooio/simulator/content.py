"""What a send holds: the body of `POST /chats/{chatId}/messages`, checked by the vendor's rules.

Source: docs.blooio.com/reference/v2/messages/sendMessage. Where a rule is not written down (text beside parts, an
empty text, a preview for a text that is no URL), the twin refuses: an application that keeps within it is safe.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.provider import Attachment, Effect, Link, Opaque, Part, Text
from gateway_blooio.simulator.answers import Json, Refusal, flag
from gateway_blooio.simulator.places import party_of

__all__ = ["Content", "ReplyTarget", "read_content"]

_ONE_URL = re.compile(r"https?://\S+")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_EFFECTS = frozenset(effect.value for effect in Effect) - {"shooting-star"}


@dataclass(frozen=True, slots=True)
class ReplyTarget:
    """The message that is answered."""

    message_id: str | None
    guid: str | None
    part_index: int


@dataclass(frozen=True, slots=True)
class Content:
    """A checked body: one bubble's parts for each message."""

    messages: Sequence[tuple[Part, ...]]
    listed: bool
    """The answer names `message_ids`: a list of texts, or a batch of links."""
    counted: bool
    """The answer has `count`: a batch of links."""
    attachments_only: bool
    effect: Effect | None
    reply_to: ReplyTarget | None
    from_number: str | None
    share_contact: bool
    typing: bool


def read_content(body: Json) -> Content:
    """Check a body; raises `Refusal` (400)."""
    text, attachments, parts = _text(body), _attachments(body), _listed(body, "parts")
    if not text and not attachments and not parts:
        raise Refusal(400, "One of text, attachments or parts is required.")
    if parts and (text or attachments):
        raise Refusal(400, "parts cannot be combined with text or attachments.")
    balloons = any(isinstance(part, dict) and part.get("link_preview") is not None for part in parts)
    messages = _messages(text, attachments, parts, _preview(body), balloons=balloons)
    return Content(
        messages=messages,
        listed=isinstance(body.get("text"), list) or balloons,
        counted=balloons,
        attachments_only=not text and not any(isinstance(part, Text | Link) for parts in messages for part in parts),
        effect=_effect(body, with_parts=bool(parts)),
        reply_to=_reply_to(body, several=isinstance(body.get("text"), list) or balloons),
        from_number=_from_number(body),
        share_contact=flag(body, "share_contact"),
        typing=flag(body, "use_typing_indicator"),
    )


# ── the three kinds of content ────────────────────────────────────────────────────────────────────────────────────


def _text(body: Json) -> list[str]:
    text = body.get("text")
    texts = text if isinstance(text, list) else [] if text in (None, "") else [text]
    if not all(isinstance(item, str) and item for item in texts):
        raise Refusal(400, "'text' must be a string or an array of non-empty strings.")
    return texts


def _attachments(body: Json) -> list[Part]:
    return [_attachment(item) for item in _listed(body, "attachments")]


def _attachment(item: object) -> Part:
    if isinstance(item, str) and item:
        return _file(item, None)
    if isinstance(item, dict) and isinstance(item.get("url"), str) and item["url"]:
        return _file(item["url"], _string(item, "name"))
    raise Refusal(400, "An attachment is a URL or an object with 'url'.")


def _file(url: str, name: str | None) -> Part:
    """Take any text for a URL: the vendor fetches it after it has accepted, so a bad one fails later."""
    if _URL.fullmatch(url):
        return Attachment(url=url, name=name[:255] if name else None)
    return Opaque(kind="attachment", data={"url": url, "name": name})


def _messages(
    text: list[str], attachments: list[Part], parts: list[Any], preview: Json | None, *, balloons: bool
) -> Sequence[tuple[Part, ...]]:
    if parts:
        made = [_part(part, balloon=balloons) for part in parts]
        return [(part,) for part in made] if balloons else [tuple(made)]
    if preview is not None:
        if len(text) != 1 or attachments or not _ONE_URL.fullmatch(text[0]):
            raise Refusal(400, "link_preview needs a text that is exactly one http(s) URL.")
        return [(_link(text[0], preview),)]
    if len(text) <= 1:
        return [(*(Text(text=item) for item in text), *attachments)]
    # The attachments of a list of texts go with its last message; the vendor does not say with which.
    return [*((Text(text=item),) for item in text[:-1]), (Text(text=text[-1]), *attachments)]


def _part(part: object, *, balloon: bool) -> Part:
    if not isinstance(part, dict):
        raise Refusal(400, "A part must be an object.")
    text, url, mention, name = (_string(part, field) for field in ("text", "url", "mention", "name"))
    if (text is None) == (url is None):
        raise Refusal(400, "A part has exactly one of 'text' and 'url'.")
    if mention is not None and text is None:
        raise Refusal(400, "'mention' is only valid with 'text'.")
    if name is not None and url is None:
        raise Refusal(400, "'name' is only valid with 'url'.")
    if balloon:
        if text is None or mention is not None or not _ONE_URL.fullmatch(text):
            raise Refusal(400, "With link_preview every part must be text-only with a single http(s) URL.")
        return _link(text, _preview(part) or {})
    if url is not None:
        return _file(url, name)
    return Text(text=text or "", mention=party_of(mention) if mention is not None else None)


def _link(url: str, preview: Mapping[str, Any]) -> Link:
    return Link(url=url, preview_image=preview.get("image_url"), title=preview.get("title"))


# ── the manner ────────────────────────────────────────────────────────────────────────────────────────────────────


def _preview(body: Mapping[str, Any]) -> Json | None:
    preview = body.get("link_preview")
    if preview is None:
        return None
    if not isinstance(preview, dict):
        raise Refusal(400, "'link_preview' must be an object.")
    image = _string(preview, "image_url")
    _string(preview, "title")
    if image is not None and not re.fullmatch(r"https://\S+", image):
        raise Refusal(400, "'link_preview.image_url' must be an HTTPS URL.")
    return preview


def _effect(body: Json, *, with_parts: bool) -> Effect | None:
    text = _string(body, "effect")
    if text is None or text.lower() == "none":
        return None
    name = text.lower().replace(" ", "-")
    if name not in _EFFECTS:
        raise Refusal(400, "Unknown effect.")
    if with_parts:
        raise Refusal(400, "effect is not supported with parts.")
    return Effect(name)


def _reply_to(body: Json, *, several: bool) -> ReplyTarget | None:
    target = body.get("reply_to")
    if target is None:
        return None
    if not isinstance(target, dict):
        raise Refusal(400, "'reply_to' must be an object.")
    if several:
        raise Refusal(400, "reply_to is not supported on multi-message sends.", "reply_target_not_supported")
    message_id, guid = _string(target, "message_id"), _string(target, "guid")
    if message_id is None and guid is None:
        raise Refusal(400, "reply_to needs message_id or guid.", "reply_target_invalid")
    part = target.get("part_index")
    if part is not None and (not isinstance(part, int) or isinstance(part, bool) or part < 0):
        raise Refusal(400, "'reply_to.part_index' must be a non-negative integer.")
    return ReplyTarget(message_id, guid, part or 0)


def _from_number(body: Json) -> str | None:
    number = _string(body, "from_number")
    if number is not None and not re.fullmatch(r"\+[1-9][0-9]{6,14}", number):
        raise Refusal(400, "'from_number' must be in E.164 format.")
    return number


# ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _string(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and (not isinstance(value, str) or not value):
        raise Refusal(400, f"'{name}' must be a non-empty string.")
    return value


def _listed(body: Json, name: str) -> list[Any]:
    value = body.get(name)
    if value is not None and not isinstance(value, list):
        raise Refusal(400, f"'{name}' must be an array.")
    return value or []
