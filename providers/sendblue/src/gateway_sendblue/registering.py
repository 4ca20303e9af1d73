"""Where webhooks are delivered: a list of URLs for each type, each entry with a secret of ours.

Bodies do not say of which type they are, so that the URL of all but messages does: `?type=TYPE`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from pydantic import SecretStr

from gateway.provider import Exchange, InvalidRequest, Refused, Registration
from gateway_sendblue import wire
from gateway_sendblue.api import webhooks
from gateway_sendblue.api.webhooks import WebhookType
from gateway_sendblue.settings import SendblueSettings

__all__ = ["TYPES", "register", "registered", "unregister"]

TYPES: Final[tuple[WebhookType, ...]] = (
    "receive",
    "outbound",
    "typing_indicator",
    "inbound_call",
    "line_blocked",
    "line_assigned",
)
"""What the parser has words for."""

_MESSAGES: Final = frozenset({"receive", "outbound"})
"""Types whose bodies are known by their form."""


def registered() -> Exchange[Sequence[Registration]]:
    """List the URLs, each once; one that gets no messages is of no use."""
    found = _entries((yield from webhooks.listed()))
    urls = dict.fromkeys(_bare(entry.url, kind) for kind in TYPES for entry in found[kind])
    receiving = {entry.url for entry in found["receive"]}
    return [Registration(url, url, active=url in receiving) for url in urls]


def register(url: str, secret: SecretStr, settings: SendblueSettings) -> Exchange[Registration]:
    """Add a URL to all types, with the secret of this connection, or a fresh one where it has none.

    An entry that is there keeps the secret that it has, so it is taken out first. Some accounts have no typing
    indicators, and some keys may only change `receive`: what the account does not have is left out.
    """
    ours = settings.webhook_secret or secret
    found = _entries((yield from webhooks.listed()))
    for kind in TYPES:
        where = _typed(url, kind)
        entry = wire.Subscription(url=where, secret=ours.get_secret_value())
        there = any(each.url == where for each in found[kind])
        try:
            if there:
                yield from webhooks.delete([where], type=kind)
            yield from webhooks.append([entry], type=kind)
        except Refused:
            if kind == "receive":
                raise
    return Registration(url, url, settings={"webhook_secret": ours})


def unregister(url: str) -> Exchange[None]:
    """Take a URL out of all types."""
    for kind in TYPES:
        with suppress(InvalidRequest):  # an account without this type
            yield from webhooks.delete([_typed(url, kind)], type=kind)


def _entries(answer: wire.Subscriptions) -> Mapping[WebhookType, Sequence[wire.Subscription]]:
    listed = answer.webhooks or wire.Webhooks()
    return {kind: getattr(listed, kind) or () for kind in TYPES}


def _typed(url: str, kind: WebhookType) -> str:
    return url if kind in _MESSAGES else f"{url}{'&' if '?' in url else '?'}type={kind}"


def _bare(url: str, kind: WebhookType) -> str:
    return url if kind in _MESSAGES else url.removesuffix(f"type={kind}").rstrip("?&")
