"""A send: the body of `POST /chats/{chatId}/messages`, and its answer.

Source: https://docs.blooio.com/reference/v2/messages/sendMessage (2026).
"""

from __future__ import annotations

from gateway_blooio.wire.answers import Wire

__all__ = ["AttachmentItem", "LinkPreview", "PartItem", "ReplyTo", "SendAnswer", "SendBody"]


class LinkPreview(Wire):
    """The card of a link; without it the vendor makes one from the page's Open Graph tags."""

    image_url: str | None = None
    """HTTPS; png, jpg, webp or gif, at most 16 MB. What cannot be fetched falls back silently."""
    title: str | None = None


class AttachmentItem(Wire):
    """An attachment with a name; a plain URL is a string instead."""

    url: str
    name: str | None = None


class PartItem(Wire):
    """A piece of one bubble, or with `link_preview` one of several rich links."""

    text: str | None = None
    mention: str | None = None
    """A participant; the whole text of the part becomes the mention."""
    url: str | None = None
    """An attachment; not together with `text`."""
    name: str | None = None
    """Its file name; only with `url`."""
    link_preview: LinkPreview | None = None


class ReplyTo(Wire):
    """The message that is answered."""

    message_id: str | None = None
    guid: str | None = None
    part_index: int | None = None


class SendBody(Wire):
    """What is sent; one of `text`, `attachments` and `parts` at least."""

    text: str | list[str] | None = None
    """A list is one message for each element."""
    attachments: list[str | AttachmentItem] | None = None
    use_typing_indicator: bool | None = None
    """None leaves it to the organization's preference."""
    from_number: str | None = None
    share_contact: bool | None = None
    parts: list[PartItem] | None = None
    link_preview: LinkPreview | None = None
    """Only where the text is exactly one http(s) URL."""
    effect: str | None = None
    """Kebab case; not together with `parts`."""
    reply_to: ReplyTo | None = None


class SendAnswer(Wire):
    """202 for a new send, 200 for a key that was used before."""

    message_id: str | None = None
    """One message."""
    message_ids: list[str] | None = None
    """A list of texts, or a batch of rich links."""
    count: int | None = None
    """With a batch of rich links; by one source with a list of texts too."""
    status: str | None = None
    """`queued` or `failed`."""
    group_id: str | None = None
    group_created: bool | None = None
    participants: list[str] | None = None
    parent_unresolved: bool | None = None
    """The guid of `reply_to` is not known to the vendor; the message was sent all the same."""
