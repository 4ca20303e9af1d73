"""The configuration of webhooks: one list of URLs for each type, since their bodies carry no type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from pydantic import JsonValue

from gateway.provider import Call, Exchange, Repeat, path
from gateway_sendblue import wire
from gateway_sendblue.api.answers import ask, look_up

__all__ = ["WebhookType", "append", "delete", "listed", "replace"]

WebhookType: TypeAlias = Literal[
    "receive",
    "outbound",
    "typing_indicator",
    "call_log",
    "call_completed",
    "inbound_call",
    "line_blocked",
    "line_assigned",
    "contact_created",
    "contact_profile",
]

_WHERE = "/api/account/webhooks"


def listed() -> Exchange[wire.Subscriptions]:
    """GET `/api/account/webhooks`."""
    return look_up(path(_WHERE), wire.Subscriptions)


def append(
    entries: Sequence[wire.Subscription | str],
    *,
    type: WebhookType = "receive",  # noqa: A002 - the vendor's word
    global_secret: str | None = None,
) -> Exchange[wire.Subscriptions]:
    """POST `/api/account/webhooks`: add URLs to one type; what an omitted type means is not documented."""
    body: dict[str, JsonValue] = {"webhooks": [_entry(entry) for entry in entries], "type": type}
    if global_secret is not None:
        body["globalSecret"] = global_secret
    return ask(Call("POST", path(_WHERE), json=body), wire.Subscriptions)


def replace(webhooks: wire.Webhooks) -> Exchange[wire.Subscriptions]:
    """PUT `/api/account/webhooks`: replaces everything, the types that are not named included."""
    return ask(Call("PUT", path(_WHERE), json={"webhooks": webhooks.body()}, repeat=Repeat.SAFE), wire.Subscriptions)


def delete(
    urls: Sequence[str],
    *,
    type: WebhookType = "receive",  # noqa: A002 - the vendor's word
) -> Exchange[wire.Answer]:
    """DELETE `/api/account/webhooks`, with a body."""
    body: dict[str, JsonValue] = {"webhooks": list(urls), "type": type}
    return ask(Call("DELETE", path(_WHERE), json=body, repeat=Repeat.SAFE), wire.Answer)


def _entry(entry: wire.Subscription | str) -> JsonValue:
    return entry if isinstance(entry, str) else entry.body()
