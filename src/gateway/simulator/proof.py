"""Signatures, as the provider's own check sees them: whether one fits, and where it does not, which part differs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic_core import from_json, to_json

from gateway import plugins
from gateway.errors import GatewayError
from gateway.provider import Provider, Signed, WebhookRequest
from gateway.simulator.scene import Scene

__all__ = ["FITS", "Checked", "check", "events_of", "provider_of", "signed_of", "verdict_of"]

FITS = "fits"
"""What `verdict_of` says of a proof that fits."""


def provider_of(scene: Scene, vendor: str, secret: str | None = None) -> Provider[Any] | None:
    """Make a vendor's provider with the settings of its twin, None where none is installed.

    With `secret`, every setting that holds the twin's webhook secret holds that one instead.
    """
    cls = plugins.load().providers.get(vendor)
    if cls is None:
        return None
    settings = scene.settings(vendor)
    if secret is not None:
        own = scene.twins[vendor].context.secret
        settings = {name: secret if _plain(value) == own else value for name, value in settings.items()}
    try:
        return cls(cls.Settings(**settings))
    except ValidationError:
        return None


def _plain(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def verdict_of(
    scene: Scene, vendor: str, headers: Mapping[str, str], body: bytes, at: datetime, secret: str | None = None
) -> str:
    """Say whether a webhook's proof fits, in the words of the provider that checks it; `secret` as in `provider_of`."""
    provider = provider_of(scene, vendor, secret)
    return "" if provider is None else _verified(provider, headers, body, at)


def signed_of(scene: Scene, vendor: str, headers: Mapping[str, str], body: bytes, at: datetime) -> Signed | None:
    """Say what proves a webhook: headers, the bytes that are signed, the time; None where nobody can tell."""
    provider = provider_of(scene, vendor)
    try:
        return None if provider is None else provider.signed(_hook(headers, body, at))
    except GatewayError:
        return None


def _verified(provider: Provider[Any], headers: Mapping[str, str], body: bytes, at: datetime) -> str:
    try:
        provider.verify(_hook(headers, body, at))
    except GatewayError as error:
        return str(error)
    return FITS


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
    said: str = ""
    """What the provider's own check said."""
    base: str = ""
    """What the vendor signs, for this body."""


def check(scene: Scene, vendor: str, headers: Mapping[str, str], body: str, secret: str) -> Checked:
    """Check a webhook that somebody pasted; where it does not fit, change one part after the other until it does.

    The parts: a header that is not there, the time of receiving, the secret, a body that was read as JSON and written
    again.
    """
    now = scene.clock.now()
    provider = provider_of(scene, vendor, secret or scene.twins[vendor].context.secret)
    if provider is None:
        return Checked(fits=False, words="there is no provider for this vendor, so nobody can check it")
    raw = body.encode("utf-8", "replace")
    signed = signed_of(scene, vendor, headers, raw, now)
    said = _verified(provider, headers, raw, now)
    base = (signed.base or b"").decode("utf-8", "replace") if signed else ""
    if said == FITS:
        words = "The signature fits: secret, time and body are those that were signed."
        return Checked(fits=True, words=words, said=said, base=base)
    missing = [name for name in signed.headers if not headers.get(name)] if signed else []
    if missing:
        return Checked(fits=False, words=f"What differs: the header {' and '.join(missing)} is missing.", said=said)
    own = provider_of(scene, vendor, scene.twins[vendor].context.secret)
    wrong = _differing(headers, raw, now, signed, {"": provider, "the secret": own})
    if wrong:
        return Checked(fits=False, words=f"What differs: {' and '.join(wrong)}.", said=said, base=base)
    words = "No single part explains it: the body was changed, or it was signed with a secret that is not known here."
    return Checked(fits=False, words=words, said=said, base=base)


def _differing(
    headers: Mapping[str, str],
    raw: bytes,
    now: datetime,
    signed: Signed | None,
    providers: Mapping[str, Provider[Any] | None],
) -> list[str]:
    """Name the fewest parts that have to be other ones for the proof to fit; none where that does not help."""
    tries = [
        ([part for part in (secret, time, body) if part], provider, content, when)
        for time, when in _moments(now, signed)
        for secret, provider in providers.items()
        for body, content in _bodies(raw)
    ]
    for wrong, provider, content, when in sorted(tries, key=lambda each: len(each[0])):
        if wrong and provider is not None and _verified(provider, headers, content, when) == FITS:
            return wrong
    return []


def _moments(now: datetime, signed: Signed | None) -> Iterator[tuple[str, datetime]]:
    """Give now, and the time that is signed as the moment of receiving."""
    yield "", now
    if signed is not None and signed.at is not None:
        apart = (now - signed.at).total_seconds()
        words = f"{abs(apart):.0f} s {'before' if apart > 0 else 'after'} the time of this clock"
        yield f"the time (it was signed for {signed.at:%Y-%m-%d %H:%M:%S} UTC, {words})", signed.at


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
