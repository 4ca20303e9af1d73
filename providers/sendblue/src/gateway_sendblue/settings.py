"""The settings of one Sendblue account."""

from __future__ import annotations

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from gateway.provider import BaseUrl, PhoneNumber, ProviderSettings, Secret, texts_of

__all__ = ["SendblueSettings"]


class SendblueSettings(ProviderSettings):
    """One account of Sendblue: its two keys, its line, and the secrets of its webhooks."""

    api_key_id: Secret
    """The key's id, for the header `sb-api-key-id`."""
    api_secret_key: Secret
    """The key itself, for the header `sb-api-secret-key`."""
    base_url: BaseUrl = "https://api.sendblue.co"
    """Where the API is, without `/api`; a trailing slash is dropped. `https://api.sendblue.com` answers the same."""
    from_number: PhoneNumber | None = Field(default=None, repr=False)
    """The line (E.164) that acts where a chat names none. Only dedicated plans may leave it out, and only for messages
    to one contact; groups, reactions, typing and read marks always need a line."""
    webhook_secret: Secret | None = None
    """The secret of the webhooks: `globalSecret`, or the entry's own `secret`."""
    webhook_secrets: tuple[Secret, ...] = ()
    """More of them, where types have secrets of their own or one is being changed; any one may match."""
    tolerance: float = Field(default=300, gt=0, le=86_400)
    """Seconds that the time in an HMAC signature may differ from ours."""
    allow_unsigned: bool = False
    """True accepts webhooks unproven while no secret is set; for a receiver that only the local machine reaches."""
    callback_url: str | None = Field(default=None, repr=False, pattern=r"^https?://[^\s#]+$")
    """The URL of this connection's webhooks as the vendor reaches it. With it every message asks for status callbacks,
    which bring our token back: a send whose answer was lost is then proven. Needs `webhook_secret`."""
    messages_per_second: float = Field(default=1, ge=0, le=1000)
    """How many messages a second one line takes; the vendor says 1 for a dedicated line. 0 leaves that to you."""
    extended_reactions: bool = False
    """True where the account takes any emoji and takes reactions back, as newer ones do; the documents know six words,
    which can only be added."""
    read_marks: bool = True
    """False where the vendor has not activated read marks for the account."""

    @field_validator("callback_url", mode="after")
    @classmethod
    def _names_a_host(cls, url: str | None) -> str | None:
        if url is not None:
            pieces = urlsplit(url)
            if not pieces.hostname or pieces.username or pieces.password:
                raise ValueError("callback_url names a host, and neither user nor password")
        return url

    @model_validator(mode="after")
    def _can_prove_callbacks(self) -> Self:
        if self.callback_url is not None and not self.signing_secrets:
            raise ValueError(
                "callback_url needs webhook_secret: a status callback proves itself by it, and by no header"
            )
        return self

    @property
    def signing_secrets(self) -> tuple[str, ...]:
        """All secrets that a webhook may prove itself with; callbacks are made with the first."""
        return texts_of(self.webhook_secret, *self.webhook_secrets)
