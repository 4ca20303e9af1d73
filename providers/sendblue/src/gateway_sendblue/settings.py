"""The settings of one Sendblue account."""

from __future__ import annotations

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator, model_validator

from gateway.provider import Address, AddressKind, ProviderSettings

__all__ = ["SendblueSettings"]


def _is_visible(secret: SecretStr) -> SecretStr:
    """Refuse an empty secret, with which anybody could prove anything, and one that no header can carry."""
    text = secret.get_secret_value().strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("a secret is not empty and holds visible ASCII characters only")
    return SecretStr(text)


Secret = Annotated[SecretStr, AfterValidator(_is_visible)]


class SendblueSettings(ProviderSettings):
    """One account of Sendblue: its two keys, its line, and the secrets of its webhooks."""

    api_key_id: Secret
    """The key's id, for the header `sb-api-key-id`."""
    api_secret_key: Secret
    """The key itself, for the header `sb-api-secret-key`."""
    base_url: str = Field(default="https://api.sendblue.co", pattern=r"^https?://[^\s?#]+$")
    """Where the API is, without `/api`; a trailing slash is dropped. `https://api.sendblue.com` answers the same."""
    from_number: str | None = Field(default=None, repr=False)
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

    @field_validator("base_url", mode="after")
    @classmethod
    def _without_slash(cls, base_url: str) -> str:
        return base_url.rstrip("/")

    @field_validator("from_number", mode="after")
    @classmethod
    def _is_a_phone(cls, number: str | None) -> str | None:
        if number is None:
            return None
        try:
            address = Address.parse(number)
        except ValidationError:
            address = None
        if address is None or address.kind is not AddressKind.PHONE:
            raise ValueError("from_number is a phone number with country code, such as +1 512 216 4639")
        return address.value

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
        single = () if self.webhook_secret is None else (self.webhook_secret,)
        return tuple(dict.fromkeys(secret.get_secret_value() for secret in (*single, *self.webhook_secrets)))
