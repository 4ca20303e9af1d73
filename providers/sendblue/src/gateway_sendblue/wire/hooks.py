"""Webhooks: their bodies, and where each type goes."""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, field_validator

from gateway_sendblue.wire.sending import AppCard, Location, ReplyTo, ThreadOriginator
from gateway_sendblue.wire.shape import ACCOUNT_EMAIL, Answer, Wire

__all__ = ["CallHook", "LineHook", "Subscription", "Subscriptions", "TypingHook", "WebhookBody", "Webhooks"]


class WebhookBody(Answer):
    """A message in a webhook, in a status callback and in a list: the three are equal.

    A field that only decorates is None when it is of another type than was ever seen: the message itself is not lost
    for it, and the payload is kept beside it.
    """

    account_email: str | None = Field(default=None, validation_alias=ACCOUNT_EMAIL)
    message_handle: str | None = None
    content: str | None = None
    is_outbound: bool | None = None
    date_sent: str | None = None
    date_updated: str | None = None
    from_number: str | None = None
    number: str | None = None
    """The other party, in both directions."""
    to_number: str | None = None
    sendblue_number: str | None = None
    """Our line."""
    was_downgraded: bool | None = None
    plan: str | None = None
    media_url: str | None = None
    """One; empty where there is none."""
    message_type: str | None = None
    group_id: str | None = None
    group_display_name: str | None = None
    participants: list[str] | None = None
    send_style: str | None = None
    opted_out: bool | None = None
    service: str | None = None
    seat_id: str | None = None
    sender_email: str | None = None
    reply_to: ReplyTo | None = None
    thread_originator: ThreadOriginator | None = None
    location: Location | None = None
    app_card: AppCard | None = None

    @field_validator(
        "account_email",
        "date_sent",
        "date_updated",
        "error_code",
        "error_detail",
        "error_key",
        "error_message",
        "error_reason",
        "group_display_name",
        "location",
        "app_card",
        "opted_out",
        "participants",
        "plan",
        "reply_to",
        "seat_id",
        "send_style",
        "sender_email",
        "service",
        "thread_originator",
        "was_downgraded",
        mode="wrap",
    )
    @classmethod
    def _or_none(cls, value: Any, read: ValidatorFunctionWrapHandler) -> Any:
        try:
            return read(value)
        except ValidationError:
            return None


class TypingHook(Wire):
    """A contact types, or stopped; `from_number` is our line here."""

    number: str | None = None
    is_typing: bool | None = None
    from_number: str | None = None
    timestamp: str | None = None


class CallHook(Wire):
    """A call. What such a webhook holds is not documented; these are the names that other bodies have."""

    account_email: str | None = Field(default=None, validation_alias=ACCOUNT_EMAIL)
    call_id: str | None = None
    from_number: str | None = None
    to_number: str | None = None
    number: str | None = None
    sendblue_number: str | None = None
    direction: str | None = None
    status: str | None = None
    duration: float | None = None
    timestamp: str | None = None


class LineHook(Wire):
    """News of a line; not documented either."""

    account_email: str | None = Field(default=None, validation_alias=ACCOUNT_EMAIL)
    sendblue_number: str | None = None
    status: str | None = None
    timestamp: str | None = None


class Subscription(Wire):
    """Where one type of webhook goes; a bare URL is read as one without a secret of its own."""

    url: str
    secret: str | None = Field(default=None, repr=False)
    sendblue_numbers: list[str] | None = None
    """Only for these lines; type `receive` only."""


def _entries(value: Any) -> Any:
    return [{"url": item} if isinstance(item, str) else item for item in value] if isinstance(value, list) else value


class Webhooks(Wire):
    """The whole configuration: each type has its own list."""

    receive: list[Subscription] | None = None
    outbound: list[Subscription] | None = None
    typing_indicator: list[Subscription] | None = None
    call_log: list[Subscription] | None = None
    call_completed: list[Subscription] | None = None
    inbound_call: list[Subscription] | None = None
    line_blocked: list[Subscription] | None = None
    line_assigned: list[Subscription] | None = None
    contact_created: list[Subscription] | None = None
    contact_profile: list[Subscription] | None = None
    global_secret: str | None = Field(default=None, alias="globalSecret", repr=False)

    @field_validator(
        "receive",
        "outbound",
        "typing_indicator",
        "call_log",
        "call_completed",
        "inbound_call",
        "line_blocked",
        "line_assigned",
        "contact_created",
        "contact_profile",
        mode="before",
    )
    @classmethod
    def _as_objects(cls, value: Any) -> Any:
        return _entries(value)


class Subscriptions(Answer):
    """The answer of `/api/account/webhooks`."""

    webhooks: Webhooks | None = None
