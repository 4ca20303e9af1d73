"""Rules for one part: each makes of it what the vendor can carry.

A mention falls back to its text, a link's card to the link, a link to text, a voice note to an attachment.
"""

from __future__ import annotations

from gateway.capabilities import Capabilities, Feature
from gateway.fitting.findings import Fitting, adapted, impossible, most_of
from gateway.fitting.media import check_source, check_type, is_voice_format, shown_name
from gateway.model import Attachment, Link, Opaque, Part, Text, Voice

__all__ = ["fit_parts"]


def fit_parts(parts: tuple[Part, ...], capabilities: Capabilities) -> Fitting[tuple[Part, ...]]:
    """Fit each part by itself; order and number stay."""
    fitted: list[Part] = []
    for part in parts:
        fitted += [(yield from _part(part, capabilities))]
    return tuple(fitted)


def _part(part: Part, capabilities: Capabilities) -> Fitting[Part]:
    match part:
        case Text():
            return (yield from _text(part, capabilities))
        case Attachment():
            return (yield from _attachment(part, capabilities))
        case Voice():
            return (yield from _voice(part, capabilities))
        case Link():
            return (yield from _link(part, capabilities))
        case Opaque():
            return (yield from _opaque(part))


def _text(text: Text, capabilities: Capabilities) -> Fitting[Text]:
    """A mention that cannot be carried is plain text."""
    if text.mention is None or capabilities.has(Feature.MENTION):
        return text
    yield adapted(Feature.MENTION, "sent as plain text", "participants cannot be mentioned here", "plain text")
    return Text(text=text.text)


def _attachment(attachment: Attachment, capabilities: Capabilities) -> Fitting[Attachment]:
    """An attachment is content: what keeps it from being fetched refuses the message; only its name may go."""
    limits = capabilities.limits
    yield from check_source(attachment, Feature.ATTACHMENT, limits)
    yield from check_type(attachment, Feature.ATTACHMENT, limits)
    if attachment.name is None or capabilities.has(Feature.ATTACHMENT_NAME):
        return attachment
    if attachment.name != shown_name(attachment):
        why = "a file is shown by the name in its URL"
        yield adapted(Feature.ATTACHMENT_NAME, "sent without its name", why, "a URL that ends with the name")
    return attachment.model_copy(update={"name": None})


def _voice(voice: Voice, capabilities: Capabilities) -> Fitting[Voice | Attachment]:
    """A voice note that cannot be one is sent as an audio file."""
    why, instead = _no_voice(voice, capabilities)
    if not why:
        yield from check_source(voice, Feature.VOICE, capabilities.limits)
        return voice
    yield adapted(Feature.VOICE, "sent as an audio attachment", why, instead)
    attachment = Attachment(
        url=voice.url, file=voice.file, data=voice.data, name=voice.name, media_type=voice.media_type, size=voice.size
    )
    return (yield from _attachment(attachment, capabilities))


def _no_voice(voice: Voice, capabilities: Capabilities) -> tuple[str, str]:
    if not capabilities.has(Feature.VOICE):
        return "there are no voice notes here", "an attachment"
    formats = capabilities.limits.voice_formats
    if not is_voice_format(voice, formats):
        carried = ", ".join(formats or ())
        return f"a voice note here is one of {carried}", f"a voice note in one of {carried}, or an attachment"
    return "", ""


def _link(link: Link, capabilities: Capabilities) -> Fitting[Link | Text]:
    """A card falls back to the plain link, with its title as a line above; a link falls back to text."""
    most = capabilities.limits.text_length
    if most is not None and len(link.url) > most:
        limit = most_of(most, "character")
        yield impossible(Feature.LINK, f"a text has {limit}", f"a link of {limit}")
    if not (link.preview_image or link.title):
        return (yield from _plain_link(link, capabilities))
    if capabilities.has(Feature.LINK_CARD):
        return (yield from _card(link, capabilities))
    happened = "sent as a plain link, the title as a line above it" if link.title else "sent as a plain link"
    yield adapted(Feature.LINK_CARD, happened, "a link's card cannot be chosen here", "a link without image and title")
    if link.title:
        return Text(text=f"{link.title}\n{link.url}")
    return (yield from _plain_link(Link(url=link.url), capabilities))


def _plain_link(link: Link, capabilities: Capabilities) -> Fitting[Link | Text]:
    if capabilities.has(Feature.LINK):
        return link
    yield adapted(Feature.LINK, "sent as text", "there are no links with a card here", "the URL in a text")
    return Text(text=link.url)


def _card(link: Link, capabilities: Capabilities) -> Fitting[Link | Text]:
    """The picture of a card is fetched like an attachment; where it cannot be, what is left goes without it."""
    limits = capabilities.limits
    image = link.preview_image
    if image is None:
        return link
    scheme_is_fetched = image.partition("://")[0].lower() in limits.url_schemes
    if scheme_is_fetched and (limits.url_length is None or len(image) <= limits.url_length):
        return link
    schemes = " or ".join(limits.url_schemes)
    length = f" of at most {limits.url_length} characters" if limits.url_length is not None else ""
    why = f"a card's picture is fetched from an {schemes} URL{length}"
    yield adapted(
        Feature.LINK_CARD, "sent without the picture on its card", why, f"a picture at an {schemes} URL{length}"
    )
    if link.title:
        return Link(url=link.url, title=link.title)
    return (yield from _plain_link(Link(url=link.url), capabilities))


def _opaque(part: Opaque) -> Fitting[Opaque]:
    """What arrived without a word for it cannot be sent: nobody knows how."""
    why = "a part of an unknown kind can be received, not sent"
    yield impossible(Feature.ATTACHMENT, why, "a text or an attachment in its place")
    return part
