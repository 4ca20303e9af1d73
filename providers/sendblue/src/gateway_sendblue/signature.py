"""How a webhook proves itself: three ways, each decides alone where it is there.

1. A status callback carries no header of the vendor's, so its URL is the proof: our token of the step, and an HMAC of
   it that only we can make. It proves a report about that one message, and nothing else.
2. `X-Sendblue-Signature: t=<unix seconds>,v1=<hex>`: HMAC-SHA256 of `t`, a full stop and the raw body. Webhooks of
   Verify have it; whether others do is not established.
3. `sb-signing-secret`: the secret itself. Nothing binds it to the body, and it is all that message webhooks have.

Sources: docs.sendblue.com ("Security", "Webhooks"), captured deliveries (2026).
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

from gateway.provider import BadSignature, Signed, Token, WebhookRequest
from gateway_sendblue.settings import SendblueSettings

__all__ = ["ECHO", "HMAC", "asked", "callback_token", "callback_url", "sign", "signed", "verify"]

ECHO = "sb-signing-secret"
HMAC = "x-sendblue-signature"

_TOKEN = "gw_token"  # noqa: S105 - the name of a parameter
_PROOF = "gw_proof"
_CALLBACK = b"status callback\n"
_MAX_HEADER = 4096
_MAX_QUERY = 4096
_MAX_DIGITS = 12


def sign(secret: str, moment: str, body: bytes) -> str:
    """Give the `v1` of a body, 64 lower-case hex digits; `moment` is the text after `t=`."""
    return hmac.digest(secret.encode(), moment.encode() + b"." + body, "sha256").hex()


def callback_url(settings: SendblueSettings, token: Token) -> str | None:
    """Give the URL for the reports about one step; None where the settings name no place for them."""
    if settings.callback_url is None:
        return None
    mark = "&" if "?" in settings.callback_url else "?"
    query = urlencode({_TOKEN: token, _PROOF: _proof(settings.signing_secrets[0], token)})
    return f"{settings.callback_url}{mark}{query}"


def asked(hook: WebhookRequest) -> dict[str, str]:
    """Read the query of a delivery; of a name that occurs twice the last value holds, for both proof and parser."""
    if len(hook.query) > _MAX_QUERY:
        return {}
    try:
        return dict(parse_qsl(hook.query, keep_blank_values=True, max_num_fields=32))
    except ValueError:
        return {}


def callback_token(hook: WebhookRequest) -> Token | None:
    """Give the token of a status callback; None for every other webhook. It is proven by `verify`, not here."""
    token = asked(hook).get(_TOKEN)
    return Token(token) if token else None


def verify(hook: WebhookRequest, settings: SendblueSettings) -> None:
    """Prove the webhook; raises `BadSignature`. Without a secret nothing passes, unless the settings allow that."""
    secrets = settings.signing_secrets
    if not secrets:
        if settings.allow_unsigned:
            return
        raise BadSignature(
            "no secret is set to verify webhooks with",
            hint="set webhook_secret to the globalSecret of the account's webhooks, or to the secret of this one",
        )
    if (token := callback_token(hook)) is not None:
        _verify_callback(token, asked(hook).get(_PROOF, ""), secrets)
        return
    signature = hook.header(HMAC)
    if signature is not None:
        _verify_hmac(signature, hook, secrets, settings.tolerance)
        return
    _verify_echo(hook.header(ECHO), secrets)


def signed(hook: WebhookRequest) -> Signed:
    """Say which of the three ways this webhook proves itself by, and what it covers."""
    if (token := callback_token(hook)) is not None:
        method = f"{_PROOF} in the URL is HMAC-SHA256 of our own, in hex"
        return Signed((), method, _CALLBACK + token.encode())
    header = hook.header(HMAC)
    if header is None:
        return Signed((ECHO,), "the header is the secret itself; it covers neither body nor time")
    method = "v1 of the header is HMAC-SHA256, in hex"
    try:
        moment, _ = _take_apart(header)
    except BadSignature:
        return Signed((HMAC,), method)
    at = datetime.fromtimestamp(int(moment), UTC) if len(moment) < _MAX_DIGITS else None
    return Signed((HMAC,), method, moment.encode() + b"." + hook.body, at)


def _verify_callback(token: Token, proof: str, secrets: Sequence[str]) -> None:
    if not _any_equal(proof, [_proof(secret, token) for secret in secrets]):
        raise BadSignature(
            "this status callback was not asked for",
            hint="its URL was made with another webhook_secret; keep the old one in webhook_secrets for a while",
        )


def _verify_hmac(header: str, hook: WebhookRequest, secrets: Sequence[str], tolerance: float) -> None:
    """A header that is there and wrong refuses, whatever the echo says."""
    moment, signature = _take_apart(header)
    if not _any_equal(signature, [sign(secret, moment, hook.body) for secret in secrets]):
        raise BadSignature(
            "the signature does not match", hint="check webhook_secret, and that no proxy rewrites the body"
        )
    _is_fresh(int(moment), hook.received_at, tolerance)


def _verify_echo(given: str | None, secrets: Sequence[str]) -> None:
    if given is None:
        raise BadSignature(
            f"the header {ECHO} is missing",
            hint="set a secret for this webhook at the vendor (globalSecret, or the entry's own), and the same here",
        )
    if not _any_equal(given, secrets):
        raise BadSignature(
            f"the header {ECHO} is not the webhook_secret",
            hint="compare webhook_secret with globalSecret, and with the entry's own secret where it has one",
        )


def _proof(secret: str, token: Token) -> str:
    return hmac.new(secret.encode(), _CALLBACK + token.encode(), "sha256").hexdigest()


def _any_equal(given: str, expected: Sequence[str]) -> bool:
    """Compare with all of them, so that the time taken tells nothing."""
    # a header may hold what UTF-8 cannot; the comparison needs bytes, and every text its own
    shown = given.encode("utf-8", "surrogatepass")
    found = False
    for each in expected:
        found |= hmac.compare_digest(shown, each.encode())
    return found


def _take_apart(header: str) -> tuple[str, str]:
    if len(header) > _MAX_HEADER:
        raise BadSignature("the signature is too long")
    items = [item.strip().partition("=") for item in header.split(",")]
    moments = [value for key, _, value in items if key == "t"]
    signatures = [value for key, _, value in items if key == "v1"]
    if len(moments) != 1 or len(signatures) != 1:
        raise BadSignature("the signature is not t=…,v1=…")
    moment = moments[0]
    if not (moment.isascii() and moment.isdigit() and len(moment) <= _MAX_DIGITS):
        raise BadSignature("the time in the signature is not a number of seconds")
    return moment, signatures[0]


def _is_fresh(moment: int, received_at: datetime, tolerance: float) -> None:
    apart = abs(received_at.timestamp() - moment)
    if apart > tolerance:
        raise BadSignature(
            f"the signature is {apart:.0f} s away from our time, more than {tolerance:.0f}",
            hint="check this machine's clock",
        )
