"""The settings of an Echo connection."""

from __future__ import annotations

from pydantic import Field, SecretStr, field_validator

from gateway.provider import ProviderSettings

__all__ = ["EchoSettings"]


class EchoSettings(ProviderSettings):
    """One account at Echo."""

    api_key: SecretStr = Field(min_length=1)
    """The key, without `Bearer`."""
    webhook_secret: SecretStr = Field(min_length=1)
    """Echo signs every webhook with it; there is no unsigned mode, so it is not optional here."""
    line: str | None = Field(default=None, repr=False)
    """The number that sends where a chat names none; None leaves the choice to the vendor."""
    base_url: str = Field(default="https://api.echo.example/v1", pattern=r"^https?://[^\s?#]+$")
    """Where the API is; a trailing slash is dropped."""

    @field_validator("api_key", "webhook_secret", mode="after")
    @classmethod
    def _is_visible(cls, secret: SecretStr) -> SecretStr:
        value = secret.get_secret_value()
        if not (value.isascii() and value.isprintable()) or " " in value:
            raise ValueError("has to be visible ASCII characters: it travels in a header")
        return secret

    @field_validator("base_url", mode="after")
    @classmethod
    def _without_slash(cls, url: str) -> str:
        return url.rstrip("/")
