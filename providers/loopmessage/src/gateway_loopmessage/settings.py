"""The settings of a LoopMessage connection."""

from __future__ import annotations

from datetime import date

from pydantic import Field, SecretStr, field_validator

from gateway.provider import BaseUrl, ProviderSettings, texts_of

__all__ = ["API_PATH", "TRACKER_PATH", "LoopMessageSettings"]

API_PATH = "/api/v1"
"""What every base URL ends in; the status look-up is the one call beside it."""

TRACKER_PATH = "/tracker-api/v1"
"""What the base URL of the opt-in tracker ends in."""


class LoopMessageSettings(ProviderSettings):
    """One organization at LoopMessage; its API key decides which."""

    api_key: SecretStr = Field(min_length=1)
    """The organization's API key, as the dashboard shows it, without `Bearer`."""
    sender: str | None = Field(default=None, min_length=1)
    """Id of the sender name to send from; a chat's own line goes first. None leaves the choice to the vendor."""
    base_url: BaseUrl = f"https://a.loopmessage.com{API_PATH}"
    """Where the API is; ends in `/api/v1`."""
    tracker_url: BaseUrl = f"https://t.imsg.link{TRACKER_PATH}"
    """Where opt-in links for web pages are made, without a key; only `api.opt_in.generate_url_in_browser` asks it."""
    webhook_secret: SecretStr | None = Field(default=None, min_length=1)
    """The value that the dashboard puts into the `Authorization` header of webhooks: the whole value, verbatim."""
    webhook_secrets: tuple[SecretStr, ...] = ()
    """More of them, while the dashboard's value is being changed; any one may match."""
    allow_unsigned: bool = False
    """Accept webhooks that prove nothing, while there is no secret for them: only behind another guard."""
    max_attachments: int = Field(default=3, ge=1, le=10)
    """Most attachments of one message. Three editions of the vendor's page say 3, 5 and 10; 3 is right in all."""
    silent_spacing: float = Field(default=120, ge=0, le=86_400)
    """Seconds from one message to the next among contacts who have not written lately, as the vendor's page asks
    (two minutes); 0 leaves that to you."""
    recent_hours: float = Field(default=24, gt=0, le=8784)
    """How many hours ago a contact may have written and is not silent; the vendor says `recently` and no number."""
    conversations_since: date | None = None
    """The day on which the sender began to start conversations (`init`). Set it, and new conversations are 15 minutes
    apart and as few a day as the warm-up of a new sender allows; without it nobody is counted, and contacts are
    expected to opt in or write first."""

    @field_validator("api_key", "webhook_secret", mode="after")
    @classmethod
    def _fits_in_a_header(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and not _is_visible(secret):
            raise ValueError("has to be visible ASCII characters without space around them: it travels in a header")
        return secret

    @field_validator("webhook_secrets", mode="after")
    @classmethod
    def _each_is_one(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not all(secret.get_secret_value() and _is_visible(secret) for secret in secrets):
            raise ValueError("each has to be visible ASCII characters without space around them, and not empty")
        return secrets

    @field_validator("api_key", mode="after")
    @classmethod
    def _is_bare(cls, key: SecretStr) -> SecretStr:
        # the vendor takes `Bearer KEY` for an unknown key (code 130), which is hard to see from outside
        if key.get_secret_value().lower().startswith("bearer "):
            raise ValueError("give the key alone, without `Bearer`")
        return key

    @field_validator("base_url", mode="after")
    @classmethod
    def _ends_in_the_api_path(cls, url: str) -> str:
        if not url.endswith(API_PATH):
            raise ValueError(f"has to end in {API_PATH}, as https://a.loopmessage.com{API_PATH} does")
        return url

    @property
    def hook_secrets(self) -> tuple[str, ...]:
        """All values that the `Authorization` header of a webhook may have."""
        return texts_of(self.webhook_secret, *self.webhook_secrets)

    @property
    def status_url(self) -> str:
        """Where message status lives: `/v1` beside the API path, not below it (docs.loopmessage.com, "Statuses")."""
        return self.base_url.removesuffix(API_PATH) + "/v1"


def _is_visible(secret: SecretStr) -> bool:
    value = secret.get_secret_value()
    return value == value.strip() and value.isascii() and value.isprintable()
