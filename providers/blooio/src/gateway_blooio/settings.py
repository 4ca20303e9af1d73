"""The settings of one Blooio account."""

from __future__ import annotations

from pydantic import Field

from gateway.provider import BaseUrl, PhoneNumber, ProviderSettings, Secret, texts_of

__all__ = ["BlooioSettings"]


class BlooioSettings(ProviderSettings):
    """One API key of Blooio, with its pool of numbers and the secrets of its webhooks."""

    api_key: Secret
    """The key, `bl_live_…`."""
    base_url: BaseUrl = "https://api.blooio.com/v2/api"
    """Where the API is; a trailing slash is dropped. Older documents name `https://backend.blooio.com/v2/api`."""
    from_number: PhoneNumber | None = Field(default=None, repr=False)
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

    @property
    def signing_secrets(self) -> tuple[str, ...]:
        """All secrets that a webhook may be signed with."""
        return texts_of(self.webhook_secret, *self.webhook_secrets)
