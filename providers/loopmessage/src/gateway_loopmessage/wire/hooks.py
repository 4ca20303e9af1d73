"""Webhooks: one model for all events and generations, and how the vendor keeps them."""

from __future__ import annotations

from typing import Any

from pydantic import Field, JsonValue, ValidatorFunctionWrapHandler, field_validator, model_validator

from gateway_loopmessage.wire.sending import Group
from gateway_loopmessage.wire.values import Wire, read_or_none

__all__ = ["Hook", "HookRecord", "Language", "Speech"]


class HookRecord(Wire):
    """One delivery of a webhook, as the vendor kept it."""

    attempt: int | None = None
    create_date: str | None = None
    event_type: str | None = None
    payload: JsonValue = Field(default=None, alias="json")
    """The payload as it was sent: an object, where all is well."""

    @model_validator(mode="before")
    @classmethod
    def _any(cls, value: Any) -> Any:
        """Take what is no record for the payload of one: it must not hide the others of its page."""
        return value if isinstance(value, dict) else {"json": value}

    @field_validator("attempt", "create_date", "event_type", mode="wrap")
    @classmethod
    def _or_none(cls, value: Any, read: ValidatorFunctionWrapHandler) -> Any:
        """Take an odd field for missing, for the same reason."""
        return read_or_none(value, read)


class Language(Wire):
    """A guess, unreliable under 100 characters."""

    code: str | None = None
    """ISO 639-1."""
    name: str | None = None
    script: str | None = None
    """`Hans` or `Hant`."""


class Speech(Wire):
    """What was said in a voice note, where the vendor could transcribe it."""

    text: str | None = None
    language: Language | None = None
    metadata: dict[str, JsonValue] | None = None


class Hook(Wire):
    """The body of a webhook, of any event."""

    event: str | None = None
    alert_type: str | None = None
    """The older generation's word for `event`."""
    webhook_id: str | None = None
    """The same on every attempt."""
    api_version: str | None = None
    type: str | None = None
    """`opt_in` marks an opt-in whose event is `message_inbound`."""
    message_id: str | None = None
    contact: str | None = None
    """The member who wrote, in a group."""
    recipient: str | None = None
    """The older word for `contact`."""
    group: Group | None = None
    sender: str | None = None
    """Id of the sender name."""
    sender_name: str | None = None
    """The older word for `sender`."""
    text: str | None = None
    subject: str | None = None
    attachments: list[JsonValue] | None = None
    """Download URLs."""
    message_type: str | None = None
    """`text`, `reaction`, `audio`, `attachments`, `sticker` or `location`."""
    channel: str | None = None
    delivery_type: str | None = None
    """The older generation's word for `channel`: `imessage` or `sms`."""
    reaction: str | None = None
    reply_to_id: str | None = None
    """Not documented; one integrator saw it on reactions."""
    thread_id: str | None = None
    language: Language | None = None
    speech: Speech | None = None
    error_code: int | str | None = None
    """A number; one integrator saw it as text."""
    success: bool | None = None
    """Only with the older `message_sent`."""
    sandbox: bool | None = None
    """Only in the older generation: the contact is one of the sandbox."""
    passthrough: str | None = None
    organization_id: str | None = None
    parameters: dict[str, JsonValue] | None = None
    """What was given with the opt-in link."""
    phone_number: str | None = None
    """Of the sender, in `sender_name_updated`."""
    status: str | None = None
    """Of the sender, in `sender_name_updated`."""

    @field_validator(
        *("api_version", "channel", "delivery_type", "language", "sandbox", "speech", "thread_id"),
        *("error_code", "organization_id", "phone_number", "status", "subject"),
        mode="wrap",
    )
    @classmethod
    def _or_none(cls, value: Any, read: ValidatorFunctionWrapHandler) -> Any:
        """Take what stands beside a fact for missing where it is odd: the fact is not lost for it, and it is in raw."""
        return read_or_none(value, read)

    @field_validator("attachments", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return value if value is None or isinstance(value, list) else [value]

    @property
    def who(self) -> str | None:
        """The contact under either name."""
        return self.contact or self.recipient or None

    @property
    def line(self) -> str | None:
        """The sender under either name."""
        return self.sender or self.sender_name or None

    @property
    def code(self) -> str | None:
        """The error code as text."""
        return None if self.error_code is None else str(self.error_code)
