"""The proof of a webhook: `X-Blooio-Signature: t=<unix seconds>,v1=<hex>`.

`v1` is the HMAC-SHA256 of `t`, a full stop and the raw body, keyed with the whole secret, `whsec_` included. Several
`v1` may stand there, and unknown items are left alone. Source: docs.blooio.com/guides/webhook-signatures.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

from gateway.provider import BadSignature, Signed, WebhookRequest
from gateway_blooio.settings import BlooioSettings

__all__ = ["HEADER", "sign", "signed", "verify"]

HEADER = "x-blooio-signature"
_MAX_HEADER = 4096
_MAX_SIGNATURES = 16
_MAX_DIGITS = 12


def sign(secret: str, moment: str, body: bytes) -> str:
    """Give the `v1` of a body, 64 lower-case hex digits; `moment` is the text after `t=`."""
    proof = _keyed(secret).copy()
    proof.update(moment.encode() + b"." + body)
    return proof.hexdigest()


@lru_cache(64)  # a key is made ready once: with that, the proof of a webhook takes half as long
def _keyed(secret: str) -> hmac.HMAC:
    return hmac.new(secret.encode(), digestmod="sha256")


def verify(hook: WebhookRequest, settings: BlooioSettings) -> None:
    """Prove the webhook; raises `BadSignature`. Without a secret nothing passes, unless the settings allow that."""
    secrets = settings.signing_secrets
    if not secrets:
        if settings.allow_unsigned:
            return
        raise BadSignature(
            "no secret is set to verify webhooks with",
            hint="set webhook_secret to the signing_secret that creating the webhook answered",
        )
    header = hook.header(HEADER)
    if header is None:
        raise BadSignature(f"the header {HEADER} is missing", hint="only the vendor signs; is the URL known to others?")
    moment, signatures = _take_apart(header)
    proven = _matches(secrets, moment, hook.body, signatures)
    if not proven:
        raise BadSignature(
            "the signature does not match",
            hint="check webhook_secret, whole with whsec_, and that no proxy rewrites the body",
        )
    _is_fresh(int(moment), hook.received_at, settings.tolerance)


def signed(hook: WebhookRequest) -> Signed:
    """Say what is signed: `t` of the header, a full stop and the raw body."""
    method = "v1 of the header is HMAC-SHA256, in hex; the key is the whole secret, whsec_ included"
    header = hook.header(HEADER)
    try:
        moment, _ = _take_apart(header or "")
    except BadSignature:
        return Signed((HEADER,), method)
    at = datetime.fromtimestamp(int(moment), UTC) if len(moment) < _MAX_DIGITS else None
    return Signed((HEADER,), method, moment.encode() + b"." + hook.body, at)


def _take_apart(header: str) -> tuple[str, list[bytes]]:
    """Split the header into the one `t` and every `v1`."""
    if len(header) > _MAX_HEADER:
        raise BadSignature("the signature is too long")
    moments: list[str] = []
    signatures: list[bytes] = []
    for item in header.split(","):
        key, _, value = item.strip().partition("=")
        if key == "t":
            moments.append(value)
        elif key == "v1":
            signatures.append(value.encode("utf-8", "replace"))
    if len(moments) != 1 or not 0 < len(signatures) <= _MAX_SIGNATURES:
        raise BadSignature("the signature is not t=…,v1=…")
    moment = moments[0]
    if not (moment.isascii() and moment.isdigit() and len(moment) <= _MAX_DIGITS):
        raise BadSignature("the time in the signature is not a number of seconds")
    return moment, signatures


def _matches(secrets: Sequence[str], moment: str, body: bytes, signatures: Sequence[bytes]) -> bool:
    """Compare every secret with every signature, so that the time taken tells nothing."""
    found = False
    for secret in secrets:
        expected = sign(secret, moment, body).encode()
        for signature in signatures:
            found |= hmac.compare_digest(expected, signature)
    return found


def _is_fresh(moment: int, received_at: datetime, tolerance: float) -> None:
    apart = abs(received_at.timestamp() - moment)
    if apart > tolerance:
        raise BadSignature(
            f"the signature is {apart:.0f} s away from our time, more than {tolerance:.0f}",
            hint="check this machine's clock; an old delivery can be replayed on the vendor's page",
        )
