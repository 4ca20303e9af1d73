"""The settings of an Echo connection."""

from __future__ import annotations

from pydantic import Field

from gateway.provider import BaseUrl, ProviderSettings, Secret

__all__ = ["EchoSettings"]


class EchoSettings(ProviderSettings):
    """One account at Echo."""

    api_key: Secret
    """The key, without `Bearer`."""
    webhook_secret: Secret
    """Echo signs every webhook with it; there is no unsigned mode, so it is not optional here."""
    line: str | None = Field(default=None, repr=False)
    """The number that sends where a chat names none; None leaves the choice to the vendor."""
    base_url: BaseUrl = "https://api.echo.example/v1"
    """Where the API is; a trailing slash is dropped."""
