"""Webhook subscriptions, and the log of every attempt to deliver."""

from __future__ import annotations

from typing import Any

from pydantic import (
    Field,
    JsonValue,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from gateway_blooio.wire.answers import Listed, Moment, Wire

__all__ = [
    "LogMetadata",
    "NewSecret",
    "Replayed",
    "ReplayedData",
    "Subscribed",
    "Subscription",
    "SubscriptionBody",
    "SubscriptionChange",
    "Subscriptions",
    "WebhookLog",
    "WebhookLogs",
]


class SubscriptionBody(Wire):
    """A subscription to make."""

    webhook_url: str
    """HTTPS."""
    webhook_type: str | None = None
    """`message status poll all`; the vendor takes `message` when it is absent. Its schemas leave out `poll`."""
    valid_until: int | None = None
    """Unix milliseconds, -1 for ever."""


class SubscriptionChange(Wire):
    """What is to change; what is absent stays."""

    webhook_type: str | None = None
    valid_until: int | None = None
    deprecate: bool | None = None
    """True stops deliveries and keeps the log. Older pages spell it `deprecated`."""


class Subscription(Wire):
    """A webhook subscription."""

    webhook_id: str
    webhook_url: str | None = None
    webhook_type: str | None = None
    scope: str | None = None
    """`api_key organization integration`."""
    api_key_name: str | None = None
    integration_name: str | None = None
    created_at: Moment = None
    deprecated_at: Moment = None
    valid_until: Moment = None
    """-1 is for ever."""
    last_triggered: Moment = None
    failure_count: int | None = None
    is_active: bool | None = None
    """Not deprecated."""


class Subscribed(Wire):
    """A subscription was made (201, with its secret) or was there already (200, with `message`)."""

    webhook_id: str | None = None
    webhook_url: str | None = None
    webhook_type: str | None = None
    scope: str | None = None
    created_at: Moment = None
    signing_secret: str | None = Field(default=None, repr=False)
    """Shown once, here and when it is rotated."""
    message: str | None = None


class NewSecret(Wire):
    """The secret after a rotation; the old one is dead at once."""

    webhook_id: str | None = None
    signing_secret: str | None = Field(default=None, repr=False)
    rotated_at: Moment = None
    rotated_by: str | None = None
    rotation_count: int | None = None


class Subscriptions(Wire):
    """All of them; there is no paging."""

    webhooks: list[Subscription] = Field(default_factory=list)


def _read_or_none(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(value)
    except ValidationError:
        return None


# ── the log ───────────────────────────────────────────────────────────────────────────────────────────────────────


class LogMetadata(Wire):
    """What an attempt was about."""

    duration_ms: int | float | None = None
    event_name: str | None = None
    message_id: str | None = None
    organization_id: str | None = None
    is_replay: bool | None = None
    original_event_id: str | None = None

    @field_validator("*", mode="wrap")
    @classmethod
    def _or_none(cls, value: Any, read: ValidatorFunctionWrapHandler) -> Any:
        """Take an odd field for missing: the others still say what the attempt was about."""
        return _read_or_none(value, read)


class WebhookLog(Wire):
    """One attempt to deliver a webhook."""

    event_id: str | None = None
    scope: str | None = None
    """`api integration org`: other words than a subscription's."""
    attempted_time: Moment = None
    response_received_at: Moment = None
    webhook_url: str | None = None
    event_body: JsonValue = None
    """The payload; by the documents an object, so its original bytes are gone."""
    response_status: int | None = None
    response_json: JsonValue = None
    metadata: LogMetadata | None = None

    @model_validator(mode="before")
    @classmethod
    def _any(cls, value: Any) -> Any:
        """Take what is no entry for the payload of one: it must not hide the others of its page."""
        return value if isinstance(value, dict) else {"event_body": value}

    @field_validator("*", mode="wrap")
    @classmethod
    def _or_none(cls, value: Any, read: ValidatorFunctionWrapHandler) -> Any:
        """Take an odd field for missing, for the same reason."""
        return _read_or_none(value, read)


class WebhookLogs(Listed):
    """A page of attempts."""

    logs: list[WebhookLog] = Field(default_factory=list)


class ReplayedData(Wire):
    """What our endpoint answered to a replay; two names are in camel case, unlike everywhere else."""

    body: JsonValue = None
    headers: JsonValue = None
    size: int | None = None
    content_type: str | None = Field(default=None, alias="contentType")
    duration: int | float | None = None
    error: str | None = None
    error_type: str | None = Field(default=None, alias="errorType")


class Replayed(Wire):
    """A delivery was repeated at once; `success` says whether our endpoint answered 2xx."""

    success: bool | None = None
    replay_event_id: str | None = None
    original_event_id: str | None = None
    webhook_id: str | None = None
    webhook_url: str | None = None
    response_status: int | None = None
    duration_ms: int | float | None = None
    response_data: ReplayedData | None = None
