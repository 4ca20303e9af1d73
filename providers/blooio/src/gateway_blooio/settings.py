"""The settings of one Blooio account."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator

from gateway.provider import Address, AddressKind, ProviderSettings

__all__ = ["BlooioSettings"]


def _is_visible(secret: SecretStr) -> SecretStr:
    """Refuse an empty secret, with which anybody could sign, and one that no header can carry."""
    text = secret.get_secret_value().strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("a secret is not empty and holds visible ASCII characters only")
    return SecretStr(text)


Secret = Annotated[SecretStr, AfterValidator(_is_visible)]


class BlooioSettings(ProviderSettings):
    """One API key of Blooio, with its pool of numbers and the secrets of its webhooks."""

    api_key: Secret
    """The key, `bl_live_…`."""
    base_url: str = Field(default="https://api.blooio.com/v2/api", pattern=r"^https?://[^\s?#]+$")
    """Where the API is; a trailing slash is dropped. Older documents name `https://backend.blooio.com/v2/api`."""
    from_number: str | None = Field(default=None, repr=False)
    """The number (E.164) that sends where a chat names no line; None leaves the choice to the vendor."""
    webhook_secret: Secret | None = None
    """The secret of the webhook, `whsec_…`, whole."""
    webhook_secrets: tuple[Secret, ...] = ()
    """More of them, where several subscriptions come in or while one is being rotated; any one may match."""
    tolerance: float = Field(default=300, gt=0, le=86_400)
    """Seconds that the time in a signature may differ from ours."""
    allow_unsigned: bool = False
    """True accepts webhooks unproven while no secret is set; for a receiver that only the local machine reaches."""
    share_contact: bool = True
    """False where the plan has no contact card: only Dedicated Commercial and Enterprise have one."""

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
            raise ValueError("from_number is a phone number with country code, such as +1 323 111 2233")
        return address.value

    @property
    def signing_secrets(self) -> tuple[str, ...]:
        """All secrets that a webhook may be signed with."""
        single = () if self.webhook_secret is None else (self.webhook_secret,)
        return tuple(dict.fromkeys(secret.get_secret_value() for secret in (*single, *self.webhook_secrets)))
