"""Webhook subscriptions, their secrets, and the log of every delivery."""

from __future__ import annotations

from typing import Any, Literal

from gateway.provider import Exchange, Page, Repeat, path
from gateway_blooio import wire
from gateway_blooio.api.answers import change, get, listing

__all__ = [
    "create_webhook",
    "delete_webhook",
    "get_webhook",
    "list_webhook_logs",
    "list_webhooks",
    "replay_webhook_event",
    "rotate_webhook_secret",
    "update_webhook",
]

Kind = Literal["message", "status", "poll", "all"]


def list_webhooks() -> Exchange[wire.Subscriptions]:
    """GET `/webhooks`: all of them, without pages; secrets are not shown again."""
    return get(path("/webhooks"), wire.Subscriptions)


def create_webhook(
    url: str, *, webhook_type: Kind | None = None, valid_until: int | None = None
) -> Exchange[wire.Subscribed]:
    """POST `/webhooks`: an HTTPS URL; `valid_until` is Unix milliseconds, -1 for ever. 64 of an organization at most.

    The answer is the only one with the `signing_secret`. Repeat SAFE: a URL that is there makes nothing new. It is
    answered without its secret, so after a lost answer rotate it.
    """
    body = wire.SubscriptionBody.model_validate(
        {"webhook_url": url, **_given(webhook_type=webhook_type, valid_until=valid_until)}
    )
    return change("POST", path("/webhooks"), wire.Subscribed, body)


def get_webhook(webhook: str) -> Exchange[wire.Subscription]:
    """GET `/webhooks/{webhookId}`."""
    return get(path("/webhooks/{webhook}", webhook=webhook), wire.Subscription)


def update_webhook(
    webhook: str,
    *,
    webhook_type: Kind | None = None,
    valid_until: int | None = None,
    deprecate: bool | None = None,
) -> Exchange[wire.Subscription]:
    """PATCH `/webhooks/{webhookId}`: what is None stays; `deprecate` stops deliveries and keeps the log.

    Repeat SAFE: the same values again.
    """
    body = wire.SubscriptionChange.model_validate(
        _given(webhook_type=webhook_type, valid_until=valid_until, deprecate=deprecate)
    )
    return change("PATCH", path("/webhooks/{webhook}", webhook=webhook), wire.Subscription, body)


def delete_webhook(webhook: str) -> Exchange[wire.Deleted]:
    """DELETE `/webhooks/{webhookId}`. Repeat SAFE: what is gone stays gone."""
    return change("DELETE", path("/webhooks/{webhook}", webhook=webhook), wire.Deleted)


def rotate_webhook_secret(webhook: str) -> Exchange[wire.NewSecret]:
    """POST `/webhooks/{webhookId}/secret/rotate`: a new secret, shown once; the old one is dead at once.

    Repeat NEVER: a first copy that comes late kills the secret which the second one answered.
    """
    where = path("/webhooks/{webhook}/secret/rotate", webhook=webhook)
    return change("POST", where, wire.NewSecret, repeat=Repeat.NEVER)


def list_webhook_logs(
    webhook: str,
    *,
    limit: int = 50,
    offset: int = 0,
    sort: Literal["asc", "desc"] = "desc",
    status: int | None = None,
    min_status: int | None = None,
    max_status: int | None = None,
) -> Exchange[Page[wire.WebhookLog]]:
    """GET `/webhooks/{webhookId}/logs`: attempts by page and time; a status is what our endpoint answered."""
    return listing(
        path("/webhooks/{webhook}/logs", webhook=webhook),
        wire.WebhookLogs,
        lambda page: page.logs,
        limit=limit,
        offset=offset,
        sort=sort,
        status=status,
        min_status=min_status,
        max_status=max_status,
    )


def replay_webhook_event(webhook: str, event: str) -> Exchange[wire.Replayed]:
    """POST `/webhooks/{webhookId}/logs/{eventId}/replay`: deliver once more, and say what our endpoint answered.

    The delivery has `X-Blooio-Replay` and a fresh signature. Repeat NEVER: each call is another delivery.
    """
    where = path("/webhooks/{webhook}/logs/{event}/replay", webhook=webhook, event=event)
    return change("POST", where, wire.Replayed, repeat=Repeat.NEVER)


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
