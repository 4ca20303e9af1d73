"""Rules for the parts together: which of them the vendor can show as one message, and where a new one begins.

Every vendor takes one text and then attachments as one message; that is no loss anywhere. Another order, or several
texts, needs `MULTIPART`, else the parts become a sequence of messages: graceful reports it, strict refuses it. A link
and a voice note stand alone: only then does the phone show them as such. Where an attachment does not go without a
text, audio without one is a voice note.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from gateway.capabilities import Capabilities, Feature
from gateway.fitting.breaks import split
from gateway.fitting.findings import Fitting, adapted, impossible, most_of
from gateway.fitting.media import is_voice_format, media_type
from gateway.model import Attachment, Link, Opaque, Part, Text, Voice

__all__ = ["Bubble", "content", "fit_bubbles"]

Bubble: TypeAlias = tuple[Part, ...]
"""Parts of one message at the vendor."""

Obstacle: TypeAlias = tuple[Feature, str]
"""What keeps parts from being one message, and why."""

_Rule: TypeAlias = Callable[[Bubble, Capabilities], Obstacle | None]


def fit_bubbles(parts: Sequence[Part], capabilities: Capabilities) -> Fitting[tuple[Bubble, ...]]:
    """Put parts into as few messages as the order allows; a text that is too long is split."""
    parts = yield from _aloud(tuple(parts), capabilities)
    parts = yield from _text_first(parts, capabilities)
    bubbles: list[Bubble] = []
    obstacles: list[Obstacle] = []
    for part in parts:
        pieces = yield from _pieces(part, capabilities)
        together = (*bubbles[-1], pieces[0]) if bubbles else (pieces[0],)
        obstacle = _obstacle(together, capabilities) if bubbles else None
        if bubbles and obstacle is None:
            bubbles[-1] = together
        else:
            bubbles.append((pieces[0],))
        if obstacle:
            obstacles.append(obstacle)
        bubbles.extend((piece,) for piece in pieces[1:])
    for feature, why in dict.fromkeys(obstacles):
        yield adapted(feature, f"sent as {len(bubbles)} messages, one after the other", why, "several messages")
    for bubble in bubbles:
        yield from _check(bubble, capabilities)
    return tuple(bubbles)


def content(bubble: Bubble) -> frozenset[Feature]:
    """Name the features that the parts of one message use."""
    features = {Feature.MULTIPART} if _is_multipart(bubble) else set()
    for part in bubble:
        features |= _used_by(part)
    return frozenset(features)


def _used_by(part: Part) -> set[Feature]:
    match part:
        case Text(mention=mention):
            return {Feature.TEXT, Feature.MENTION} if mention else {Feature.TEXT}
        case Attachment(name=name):
            return {Feature.ATTACHMENT, Feature.ATTACHMENT_NAME} if name else {Feature.ATTACHMENT}
        case Voice():
            return {Feature.VOICE}
        case Link(preview_image=image, title=title):
            return {Feature.LINK_CARD if image or title else Feature.LINK}
        case Opaque():
            return set()


def _is_multipart(bubble: Bubble) -> bool:
    """Tell whether parts are more than one text and then attachments; a mention stands among others only as a part."""
    if len(bubble) == 1:
        return False
    rest = bubble[1:] if isinstance(bubble[0], Text) and bubble[0].mention is None else bubble
    return not all(isinstance(part, Attachment) for part in rest)


# ── what keeps parts apart, the plainest reason first ─────────────────────────────────────────────────────────────


def _stands_alone(bubble: Bubble, _: Capabilities) -> Obstacle | None:
    alone = {"link": Link, "voice note": Voice, "part of an unknown kind": Opaque}
    for name, kind in alone.items():
        if len(bubble) > 1 and any(isinstance(part, kind) for part in bubble):
            return Feature.MULTIPART, f"a {name} stands alone in its message"
    return None


def _has_too_much_text(bubble: Bubble, capabilities: Capabilities) -> Obstacle | None:
    most = capabilities.limits.text_length
    if most is None or sum(len(part.text) for part in bubble if isinstance(part, Text)) <= most:
        return None
    return Feature.TEXT, f"a message here has {most_of(most, 'character')} of text"


def _has_too_many_attachments(bubble: Bubble, capabilities: Capabilities) -> Obstacle | None:
    most = capabilities.limits.attachment_count
    if most is None or sum(isinstance(part, Attachment) for part in bubble) <= most:
        return None
    return Feature.ATTACHMENT, f"a message here has {most_of(most, 'attachment')}"


def _needs_parts(bubble: Bubble, capabilities: Capabilities) -> Obstacle | None:
    if not _is_multipart(bubble) or capabilities.has(Feature.MULTIPART):
        return None
    return Feature.MULTIPART, "a message here is one text and then attachments, no other order and no second text"


def _has_too_many_parts(bubble: Bubble, capabilities: Capabilities) -> Obstacle | None:
    most = capabilities.limits.part_count
    if most is None or len(bubble) <= most:
        return None
    return Feature.MULTIPART, f"a message here has {most_of(most, 'part')}"


def _excludes_itself(bubble: Bubble, capabilities: Capabilities) -> Obstacle | None:
    used = content(bubble)
    for one, other in capabilities.limits.exclusive:
        if used >= {one, other}:
            return other, f"{one.value} and {other.value} exclude each other in one message"
    return None


_OBSTACLES: tuple[_Rule, ...] = (
    _stands_alone,
    _has_too_much_text,
    _has_too_many_attachments,
    _needs_parts,
    _has_too_many_parts,
    _excludes_itself,
)


def _obstacle(bubble: Bubble, capabilities: Capabilities) -> Obstacle | None:
    """Say what keeps parts from being one message; None when nothing does."""
    found = (rule(bubble, capabilities) for rule in _OBSTACLES)
    return next((obstacle for obstacle in found if obstacle), None)


# ── making them fit ───────────────────────────────────────────────────────────────────────────────────────────────


def _pieces(part: Part, capabilities: Capabilities) -> Fitting[Bubble]:
    """A text over the limit becomes several; a mention loses its mark then, for it marks a whole text."""
    most = capabilities.limits.text_length
    if not isinstance(part, Text) or most is None or len(part.text) <= most:
        return (part,)
    limit = most_of(most, "character")
    why, instead = f"a text here has {limit}", f"texts of {limit}"
    pieces = split(part.text, most)
    if pieces is None:
        yield impossible(Feature.TEXT, f"{why}, and one character alone is longer", instead)
        return (part,)
    if part.mention is not None:
        yield adapted(Feature.MENTION, "sent as plain text", "a mention is one text, and this one is split", instead)
    happened = f"split into {len(pieces)}" if len(pieces) > 1 else "sent without the white space around it"
    yield adapted(Feature.TEXT, happened, why, instead)
    return tuple(Text(text=piece) for piece in pieces)


def _aloud(parts: Bubble, capabilities: Capabilities) -> Fitting[Bubble]:
    """Where no attachment goes without a text and there is none, what can be heard goes as a voice note."""
    limits = capabilities.limits
    if not limits.text_required or capabilities.has(Feature.MULTIPART) or not capabilities.has(Feature.VOICE):
        return parts
    if any(isinstance(part, Text) for part in parts):
        return parts
    heard = tuple(_as_voice(part, limits.voice_formats) if isinstance(part, Attachment) else part for part in parts)
    if heard != parts:
        why, instead = "an attachment does not go without a text here", "a text with it, or a voice note"
        yield adapted(Feature.ATTACHMENT, "sent as a voice note", why, instead)
    return heard


def _as_voice(part: Attachment, formats: tuple[str, ...] | None) -> Attachment | Voice:
    known = media_type(part)
    if known is None or not known.startswith("audio/") or not is_voice_format(part, formats):
        return part
    return Voice(
        url=part.url, file=part.file, data=part.data, name=part.name, media_type=part.media_type, size=part.size
    )


def _text_first(parts: Bubble, capabilities: Capabilities) -> Fitting[Bubble]:
    """Where no attachment goes without a text, attachments in front go with the text that follows them."""
    if not capabilities.limits.text_required or capabilities.has(Feature.MULTIPART):
        return parts
    place = next((place for place, part in enumerate(parts) if not isinstance(part, Attachment)), 0)
    if place == 0 or not isinstance(parts[place], Text):
        return parts
    why, instead = "an attachment goes below a text here", "the text first, then the attachments"
    yield adapted(Feature.ATTACHMENT, "shown below the text that follows", why, instead)
    return (parts[place], *parts[:place], *parts[place + 1 :])


def _check(bubble: Bubble, capabilities: Capabilities) -> Fitting[None]:
    """What is left is content that the vendor cannot carry however it is put."""
    used = content(bubble)
    for feature in (Feature.TEXT, Feature.ATTACHMENT):
        if feature in used and not capabilities.has(feature):
            yield impossible(feature, "it is not carried here", "a connection that carries it")
    if capabilities.limits.text_required and Feature.ATTACHMENT in used and Feature.TEXT not in used:
        most = capabilities.limits.attachment_count
        at_most = f" for every {most} attachments" if most else ""
        yield impossible(Feature.ATTACHMENT, "an attachment does not go without a text here", f"a text{at_most}")
    if obstacle := _obstacle(bubble, capabilities):
        yield impossible(*obstacle, "a connection that carries it")
