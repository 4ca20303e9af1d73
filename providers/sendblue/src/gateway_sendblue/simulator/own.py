"""The account about itself: temporary tokens, one-time codes, the stream of events, and undocumented look-ups."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from gateway.simulator import TwinReply, TwinRequest
from gateway_sendblue.simulator.account import EMAIL, Account, TokenGrant
from gateway_sendblue.simulator.answers import Json, Refusal, body_of, iso, phone_of, reply, stream, string, strings
from gateway_sendblue.simulator.payloads import changed_at, row

__all__ = ["Own"]

_LONGEST_TOKEN = 86_400
_ALGORITHMS = {"SHA1": hashlib.sha1, "SHA256": hashlib.sha256, "SHA512": hashlib.sha512}
_STREAMED = 50


@dataclass(slots=True)
class _Secret:
    """A secret of one-time codes."""

    id: str
    secret: str
    created_at: datetime
    label: str | None
    issuer: str | None
    algorithm: str
    digits: int
    period: int


class Own:
    """What an account has beside messages."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._secrets: dict[str, _Secret] = {}

    # ── tokens ────────────────────────────────────────────────────────────────────────────────────────────────────

    def create_token(self, request: TwinRequest) -> TwinReply:
        """`POST /v3/auth/tokens`: for all lines, or for those that are named."""
        body = body_of(request)
        seconds = body.get("expires_in_seconds", 900)
        if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 < seconds <= _LONGEST_TOKEN:
            raise Refusal(400, "expires_in_seconds is out of range")
        named = string(body, "phone_number")
        lines = (named,) if named else tuple(strings(body, "phone_numbers"))
        if any(line not in self._account.lines for line in lines):
            raise Refusal(400, "A phone number is not a line of this account")
        ends = self._account.now() + timedelta(seconds=seconds)
        grant = TokenGrant(self._account.uuid(), f"sbt_{self._account.uuid().replace('-', '')}", ends, lines)
        self._account.tokens.append(grant)
        shown = {"token": grant.token, "token_id": grant.id, "token_type": "Bearer", "expires_at": iso(ends)}
        return reply({**shown, "phone_numbers": list(lines)}, 201)

    def revoke_token(self, request: TwinRequest) -> TwinReply:
        """`DELETE /v3/auth/tokens/{token_id}`."""
        kept = [grant for grant in self._account.tokens if grant.id != request.params["token"]]
        if len(kept) == len(self._account.tokens):
            raise Refusal(404, "There is no such token")
        self._account.tokens = kept
        return TwinReply(204)

    # ── one-time codes (RFC 6238) ─────────────────────────────────────────────────────────────────────────────────

    def create_secret(self, request: TwinRequest) -> TwinReply:
        """`POST /api/v2/totp/secrets`: by `secret`, or by the `uri` of an authenticator."""
        body = body_of(request)
        whole = {**_from_uri(string(body, "uri")), **{name: value for name, value in body.items() if value is not None}}
        secret = string(whole, "secret", required=True)
        algorithm, digits = str(whole.get("algorithm", "SHA1")).upper(), int(whole.get("digits", 6))
        if algorithm not in _ALGORITHMS or digits not in {6, 8} or _key_of(str(secret)) is None:
            raise Refusal(400, "secret is base32, algorithm SHA1, SHA256 or SHA512, digits 6 or 8")
        made = _Secret(
            id=self._account.uuid(),
            secret=str(secret),
            created_at=self._account.now(),
            label=string(whole, "label"),
            issuer=string(whole, "issuer"),
            algorithm=algorithm,
            digits=digits,
            period=int(whole.get("period", 30)),
        )
        self._secrets[made.id] = made
        return reply({"status": "OK", "totp_secret": _shown(made)}, 201)

    def secrets(self, _: TwinRequest) -> TwinReply:
        """`GET /api/v2/totp/secrets`; the secrets themselves are not shown again."""
        shown = [{**_shown(made), "secret": None} for made in self._secrets.values()]
        return reply({"status": "OK", "totp_secrets": shown})

    def delete_secret(self, request: TwinRequest) -> TwinReply:
        """`DELETE /api/v2/totp/secrets/{secret_id}`."""
        self._secrets.pop(self._secret(request).id)
        return reply({"status": "OK"})

    def code(self, request: TwinRequest) -> TwinReply:
        """`GET /api/v2/totp/code/{secret_id}`."""
        made, now = self._secret(request), int(self._account.now().timestamp())
        left = made.period - now % made.period
        return reply({"status": "OK", "code": _code(made, now), "expires_in": left})

    def _secret(self, request: TwinRequest) -> _Secret:
        made = self._secrets.get(request.params["secret"])
        if made is None:
            raise Refusal(404, "There is no such secret")
        return made

    # ── the stream of events ──────────────────────────────────────────────────────────────────────────────────────

    def events(self, request: TwinRequest) -> TwinReply:
        """`GET /api/v2/events`: the last messages as events, and the end, where the vendor goes on for minutes."""
        wanted = set(filter(None, request.query.get("types", "").split(",")))
        bubbles = sorted(self._account.bubbles(), key=lambda bubble: bubble.created_at)[-_STREAMED:]
        every = [event for bubble in bubbles for event in self._events_of(bubble)]
        return stream(*((each["type"], each) for each in every if not wanted or each["type"] in wanted))

    def _events_of(self, bubble: Any) -> list[Json]:
        data, handle, changed = row(bubble, self._account), bubble.vendor_id, iso(changed_at(bubble))
        first = "created" if bubble.ours else "received"
        made = [_event(f"message:{handle}:{first}", f"message.{first}", data["date_sent"], data)]
        if bubble.ours and changed != data["date_sent"]:
            made.append(_event(f"message:{handle}:updated:{changed}", "message.updated", changed, data))
        return made

    # ── beside the documents ──────────────────────────────────────────────────────────────────────────────────────

    def me(self, _: TwinRequest) -> TwinReply:
        """`GET /account`; its form is made up."""
        return reply({"status": "OK", "accountEmail": EMAIL, "plan": self._account.word("plan")})

    def limits(self, _: TwinRequest) -> TwinReply:
        """`GET /accounts/limits`; its form is made up."""
        names = ("messages_per_second", "hourly_new_contacts", "daily_new_contacts", "pre_reply_limit")
        return reply({"status": "OK", "limits": {name: self._account.number(name) for name in names}})

    def shared_contacts(self, _: TwinRequest) -> TwinReply:
        """`GET /accounts/shared-contacts`; its form is made up."""
        contacts = [
            {"number": address.value, "verified": since is not None}
            for address, since in self._account.verified.items()
        ]
        return reply({"status": "OK", "contacts": contacts})

    def verify_shared(self, request: TwinRequest) -> TwinReply:
        """`POST /accounts/verify-contact-on-shared-account`; its form is made up."""
        address = phone_of(string(body_of(request), "number", required=True), "number")
        self._account.verified.setdefault(address, None)
        return reply({"status": "OK", "number": address.value})


def _event(name: str, kind: str, occurred_at: str, data: Json) -> Json:
    return {"id": name, "type": kind, "version": 1, "occurred_at": occurred_at, "data": data}


def _from_uri(uri: str | None) -> dict[str, Any]:
    """Read `otpauth://totp/LABEL?secret=…&issuer=…`."""
    if uri is None:
        return {}
    pieces = urlsplit(uri)
    if pieces.scheme != "otpauth":
        raise Refusal(400, "uri must begin with otpauth://")
    return {"label": pieces.path.lstrip("/") or None, **dict(parse_qsl(pieces.query))}


def _key_of(secret: str) -> bytes | None:
    bare = secret.replace(" ", "").upper()
    try:
        return base64.b32decode(bare + "=" * (-len(bare) % 8))
    except ValueError:
        return None


def _code(made: _Secret, now: int) -> str:
    digest: Callable[..., Any] = _ALGORITHMS[made.algorithm]
    counter = (now // made.period).to_bytes(8)
    mac = hmac.new(_key_of(made.secret) or b"", counter, digest).digest()
    start = mac[-1] & 0xF
    number = int.from_bytes(mac[start : start + 4]) & 0x7FFFFFFF
    return f"{number % 10**made.digits:0{made.digits}d}"


def _shown(made: _Secret) -> Json:
    return {
        "id": made.id,
        "secret": made.secret,
        "label": made.label,
        "issuer": made.issuer,
        "algorithm": made.algorithm,
        "digits": made.digits,
        "period": made.period,
        "created_at": iso(made.created_at),
    }
