"""What is sent, and the answer to it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from gateway_sendblue.wire.shape import ACCOUNT_EMAIL, Answer, Wire

__all__ = [
    "AppCard",
    "AppCardLayout",
    "AppCardUpdate",
    "CarouselBody",
    "GroupBody",
    "Location",
    "MessageAnswer",
    "ReplyTo",
    "SendBody",
    "ThreadOriginator",
]


class ReplyTo(Wire):
    """The message that is answered: of the same account, conversation and line."""

    message_handle: str | None = None
    part_index: int | None = None
    """Left out it is 0."""


class ThreadOriginator(Wire):
    """The first message of a thread of replies."""

    message_handle: str | None = None
    part: str | None = None
    """Opaque."""


class Location(Wire):
    """Where somebody is."""

    latitude: float | None = None
    longitude: float | None = None
    accuracy: float | None = None
    """Metres."""
    altitude: float | None = None
    """Metres."""
    duration: str | None = None
    timestamp: str | None = None


class AppCardLayout(Wire):
    """What a card of an iMessage app shows, after Apple's `MSMessageTemplateLayout`."""

    caption: str | None = None
    subcaption: str | None = None
    trailing_caption: str | None = Field(default=None, alias="trailingCaption")
    trailing_subcaption: str | None = Field(default=None, alias="trailingSubcaption")
    summary: str | None = None
    image_url: str | None = Field(default=None, alias="imageUrl")
    """HTTPS, at most 10 MB, JPEG, PNG, HEIC, HEIF or WebP."""
    image_title: str | None = Field(default=None, alias="imageTitle")
    image_subtitle: str | None = Field(default=None, alias="imageSubtitle")


class AppCard(Wire):
    """A card of an iMessage app; it never falls back to SMS."""

    app_name: str | None = Field(default=None, alias="appName")
    extension_bundle_id: str | None = Field(default=None, alias="extensionBundleId")
    team_id: str | None = Field(default=None, alias="teamId")
    url: str | None = None
    """HTTPS with at most 2048 characters, or a data URL with at most 16384."""
    layout: AppCardLayout | None = None
    app_store_id: int | None = Field(default=None, alias="appStoreId")
    fallback_text: str | None = Field(default=None, alias="fallbackText")
    interactive: bool | None = None
    session_identifier: str | None = Field(default=None, alias="sessionIdentifier")
    update_message_handle: str | None = Field(default=None, alias="updateMessageHandle")
    balloon_bundle_id: str | None = Field(default=None, alias="balloonBundleId")
    revision: int | None = None


class AppCardUpdate(Wire):
    """POST `/api/messages/{message_handle}/update-app-card`."""

    layout: AppCardLayout | None = None
    url: str | None = None
    fallback_text: str | None = None
    interactive: bool | None = None
    send_style: str | None = None
    idempotency_key: str | None = None
    """The only one in the API: the same key with the same card gives the first update again."""


class SendBody(Wire):
    """POST `/api/send-message`; a text, a file or a card at least."""

    number: str
    from_number: str | None = None
    content: str | None = None
    """Under 18,996 characters."""
    media_url: str | None = None
    """Exactly one; the vendor fetches it."""
    send_style: str | None = None
    status_callback: str | None = None
    """Where the reports about this message go, without any proof of the vendor's."""
    reply_to: ReplyTo | None = None
    seat_id: str | None = None
    pre_reply_override: bool | None = None
    """Only true: lets one message through before the contact has replied, once per contact, line and day."""
    app_card: AppCard | None = None


class GroupBody(Wire):
    """POST `/api/send-group-message`: to a group by id, or to a set of numbers, which makes one."""

    from_number: str
    content: str
    group_id: str | None = None
    numbers: list[str] | None = None
    media_url: str | None = None
    reply_to: ReplyTo | None = None
    seat_id: str | None = None
    send_style: str | None = None
    status_callback: str | None = None


class CarouselBody(Wire):
    """POST `/api/send-carousel`: 2 to 20 pictures in one."""

    number: str
    from_number: str
    media_urls: list[str]
    send_style: str | None = None
    status_callback: str | None = None
    reply_to: ReplyTo | None = None
    seat_id: str | None = None
    metadata: Any = None


class MessageAnswer(Answer):
    """The answer to a send, an update of a card, and the look-up of a status."""

    account_email: str | None = Field(default=None, validation_alias=ACCOUNT_EMAIL)
    app_card: AppCard | None = None
    content: str | None = None
    date_created: str | None = None
    date_updated: str | None = None
    from_number: str | None = None
    sendblue_number: str | None = None
    """Where the vendor chose the line."""
    group_id: str | None = None
    is_outbound: bool | None = None
    location: Location | None = None
    media_url: str | None = None
    message_handle: str | None = None
    message_type: str | None = None
    number: str | None = None
    participants: list[str] | None = None
    reply_to: ReplyTo | None = None
    seat_id: str | None = None
    send_style: str | None = None
    sender_email: str | None = None
    service: str | None = None
    was_downgraded: bool | None = None
    thread_originator: ThreadOriginator | None = None
