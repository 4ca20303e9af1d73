"""Signatures, as the provider's own check sees them: whether one fits, and where it does not, which part differs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic_core import from_json, to_json

from gateway import plugins
from gateway.errors import GatewayError
from gateway.provider import Provider, WebhookRequest
from gateway.simulator.scene import Scene

__all__ = ["Checked", "check", "events_of", "provider_of", "verdict_of"]

_FITS = "fits"


def provider_of(scene: Scene, vendor: str, secret: str | None = None) -> Provider[Any] | None:
    """Make a vendor's provider with the settings of its twin, None where none is installed.

    With `secret`, every setting that holds the twin's webhook secret holds that one instead.
    """
    cls = plugins.load().providers.get(vendor)
    if cls is None:
        return None
    settings = scene.settings(vendor)
    if secret is not None:
        own = scene.secrets[vendor]
        settings = {name: secret if _plain(value) == own else value for name, value in settings.items()}
    try:
        return cls(cls.Settings(**settings))
    except ValidationError:
        return None


def _plain(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def verdict_of(scene: Scene, vendor: str, headers: Mapping[str, str], body: bytes, at: datetime) -> str:
    """Say whether a webhook's proof fits, in the words of the provider that checks it."""
    provider = provider_of(scene, vendor)
    return "" if provider is None else _verified(provider, headers, body, at)


def _verified(provider: Provider[Any], headers: Mapping[str, str], body: bytes, at: datetime) -> str:
    try:
        provider.verify(_hook(headers, body, at))
    except GatewayError as error:
        return str(error)
    return _FITS


def _hook(headers: Mapping[str, str], body: bytes, at: datetime) -> WebhookRequest:
    return WebhookRequest(tuple((name.lower(), value) for name, value in headers.items()), body, at)


def events_of(scene: Scene, vendor: str, headers: Mapping[str, str], body: bytes, at: datetime) -> str:
    """Give the events that the provider makes of a webhook, as JSON; or why it makes none."""
    provider = provider_of(scene, vendor)
    if provider is None:
        return ""
    try:
        events = provider.parse(_hook(headers, body, at))
    except (GatewayError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    shown = [event.model_dump(mode="json", exclude_defaults=True, exclude={"raw", "received_at"}) for event in events]
    return json.dumps(shown, indent=2, ensure_ascii=False)


# ── which part differs ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Checked:
    """What the helper found."""

    fits: bool
    words: str
    said: str
    """What the provider's own check said."""


def check(scene: Scene, vendor: str, headers: Mapping[str, str], body: str, secret: str) -> Checked:
    """Check a webhook that somebody pasted; where it does not fit, change one part after the other until it does.

    The parts: the time of receiving, the secret, a body that was read as JSON and written again.
    """
    now = scene.clock.now()
    wanted = secret or scene.secrets[vendor]
    provider = provider_of(scene, vendor, wanted)
    if provider is None:
        return Checked(fits=False, words="there is no provider for this vendor, so nobody can check it", said="")
    raw = body.encode("utf-8", "replace")
    said = _verified(provider, headers, raw, now)
    if said == _FITS:
        return Checked(
            fits=True, words="The signature fits: secret, time and body are those that were signed.", said=said
        )
    own = provider_of(scene, vendor, scene.secrets[vendor])
    for times, when in _moments(headers, now):
        for secrets, each in (("", provider), ("the secret", own)):
            for bodies, content in _bodies(raw):
                wrong = [part for part in (secrets, times, bodies) if part]
                if each is not None and wrong and _verified(each, headers, content, when) == _FITS:
                    return Checked(fits=False, words=f"What differs: {' and '.join(wrong)}.", said=said)
    words = "No single part explains it: the body was changed, or it was signed with a secret that is not known here."
    return Checked(fits=False, words=words, said=said)


def _moments(headers: Mapping[str, str], now: datetime) -> Iterator[tuple[str, datetime]]:
    """Give now, and every time that a header may tell, as the moment of receiving."""
    yield "", now
    for value in headers.values():
        for piece in value.replace("=", ",").split(","):
            text = piece.strip()
            if text.isascii() and text.isdigit() and 9 <= len(text) <= 13:
                seconds = int(text) / (1000 if len(text) > 11 else 1)
                moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
                yield "the time (it was signed too long before it was received)", moment


def _bodies(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Give the body as it is, and as programs write JSON that they had read."""
    yield "", raw
    try:
        value = from_json(raw)
    except ValueError:
        return
    why = "the body (it was read as JSON and written again; sign and verify the bytes as they came)"
    # the twin's own writing; Python's; with spaces or without; letters escaped or not
    yield why, to_json(value)
    for separators in ((",", ":"), (", ", ": ")):
        for ascii_only in (True, False):
            yield why, json.dumps(value, separators=separators, ensure_ascii=ascii_only).encode("utf-8", "replace")
    yield why, raw.strip()
