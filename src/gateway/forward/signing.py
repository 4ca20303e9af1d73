"""Standard Webhooks 1.0: signs what leaves, and verifies what comes.

What is signed is `{id}.{timestamp}.{raw body}`. A symmetric key (`v1`) is an HMAC-SHA256 secret of 24 to 64 bytes,
shown as `whsec_…`; an asymmetric one (`v1a`) is an ed25519 pair, shown as `whsk_…` (64 bytes: seed, then public key)
and `whpk_…`. Source: the specification at standardwebhooks.com, text of August 2026.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from gateway.errors import ConfigurationError, InvalidRequest

__all__ = [
    "TOLERANCE",
    "KeyKind",
    "PublicKey",
    "SigningKey",
    "SymmetricKey",
    "Verdict",
    "VerifyingKey",
    "new_key",
    "read_key",
    "signed_headers",
    "verify",
]

TOLERANCE = 300
"""Seconds that the time of a delivery may differ from the receiver's clock."""

_SYMMETRIC, _SECRET, _PUBLIC = "whsec_", "whsk_", "whpk_"
_ID = re.compile(r"[!-\-/-~]{1,255}")  # visible ASCII without the dot, which ends it
_SECONDS = re.compile(r"[0-9]{1,12}")
_MOST_SIGNATURES = 16
"""Signatures that are looked at: a header is not a reason to work for long."""


class KeyKind(StrEnum):
    """How a delivery is signed."""

    V1 = "v1"
    """HMAC-SHA256, with a secret that both sides know."""
    V1A = "v1a"
    """ed25519, with a public key that anybody may know."""


class Verdict(StrEnum):
    """What came of verifying; all that `verify` can say."""

    GENUINE = "genuine"
    MISSING = "missing"
    """One of the three headers is not there, or there is no key."""
    MALFORMED = "malformed"
    """A header is not what it has to be."""
    TOO_OLD = "too_old"
    TOO_NEW = "too_new"
    FORGED = "forged"
    """No signature is one of ours."""


# ── keys ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class SymmetricKey:
    """A secret that signs and verifies."""

    secret: bytes = field(repr=False)

    @property
    def kind(self) -> KeyKind:
        """`v1`."""
        return KeyKind.V1

    @property
    def text(self) -> str:
        """The secret as it is written down: `whsec_` and base64."""
        return _SYMMETRIC + _encoded(self.secret)

    @property
    def public(self) -> str | None:
        """Nothing of it is public."""
        return None

    def sign(self, content: bytes) -> bytes:
        """Give the signature."""
        return hmac.digest(self.secret, content, hashlib.sha256)

    def proves(self, signature: bytes, content: bytes) -> bool:
        """Tell whether the signature is ours, in constant time."""
        return hmac.compare_digest(self.sign(content), signature)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An ed25519 pair: signs, and verifies by its public half."""

    seed: bytes = field(repr=False)
    _private: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_private", _ed25519().Ed25519PrivateKey.from_private_bytes(self.seed))

    @property
    def kind(self) -> KeyKind:
        """`v1a`."""
        return KeyKind.V1A

    @property
    def text(self) -> str:
        """The pair as it is written down: `whsk_` and base64 of seed and public key."""
        return _SECRET + _encoded(self.seed + self._raw)

    @property
    def public(self) -> str:
        """What the receiver needs: `whpk_` and base64."""
        return _PUBLIC + _encoded(self._raw)

    @property
    def _raw(self) -> bytes:
        raw: bytes = self._private.public_key().public_bytes_raw()
        return raw

    def sign(self, content: bytes) -> bytes:
        """Give the signature."""
        signature: bytes = self._private.sign(content)
        return signature

    def proves(self, signature: bytes, content: bytes) -> bool:
        """Tell whether the signature is ours."""
        return PublicKey(self._raw).proves(signature, content)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The half of an ed25519 pair that only verifies."""

    raw: bytes

    @property
    def kind(self) -> KeyKind:
        """`v1a`."""
        return KeyKind.V1A

    def proves(self, signature: bytes, content: bytes) -> bool:
        """Tell whether the signature belongs to the pair."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - an extra: only who has such a key needs it

        try:
            _ed25519().Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, content)
        except InvalidSignature:
            return False
        return True


VerifyingKey = SymmetricKey | SigningKey | PublicKey
"""What can verify."""


def new_key(kind: KeyKind) -> SymmetricKey | SigningKey:
    """Make a key: 32 random bytes."""
    return SymmetricKey(secrets.token_bytes(32)) if kind is KeyKind.V1 else SigningKey(secrets.token_bytes(32))


def read_key(text: str) -> VerifyingKey:
    """Read `whsec_…`, `whsk_…` or `whpk_…`; raises `InvalidRequest`, which does not quote it."""
    prefix, _, rest = text.partition("_")
    raw = _decoded(rest + "=" * (-len(rest) % 4))
    match f"{prefix}_":
        case "whsec_" if raw is not None and 24 <= len(raw) <= 64:
            return SymmetricKey(raw)
        case "whsk_" if raw is not None and len(raw) == 64 and SigningKey(raw[:32])._raw == raw[32:]:  # noqa: SLF001 - its own file
            return SigningKey(raw[:32])
        case "whpk_" if raw is not None and len(raw) == 32:
            return PublicKey(raw)
    raise InvalidRequest(
        "this is no key of Standard Webhooks",
        hint="use whsec_ and base64 of 24 to 64 bytes, whsk_ of 64, or whpk_ of 32",
    )


# ── signing and verifying ─────────────────────────────────────────────────────────────────────────────────────────


def signed_headers(id_: str, seconds: int, body: bytes, keys: Iterable[SymmetricKey | SigningKey]) -> dict[str, str]:
    """Give the three headers of a delivery, signed with each key; `seconds` since 1970 is the time of this attempt."""
    if not _ID.fullmatch(id_):
        raise InvalidRequest("the id of a delivery is visible ASCII without a dot", hint="use one that we made")
    content = _content(id_, seconds, body)
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(f"{key.kind},{_encoded(key.sign(content))}" for key in keys),
    }


def verify(
    headers: Mapping[str, str], body: bytes, keys: Iterable[VerifyingKey], *, now: int, tolerance: int = TOLERANCE
) -> Verdict:
    """Say whether a delivery is genuine: one verdict for whatever comes, never an exception.

    `headers` have lower-case names; `now` is seconds since 1970. Any signature that any key made is enough, so that
    both sides can change keys without a gap.
    """
    id_, seconds = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    given, known = headers.get("webhook-signature", ""), list(keys)
    if not (id_ and seconds and given and known):
        return Verdict.MISSING
    if not (_ID.fullmatch(id_) and _SECONDS.fullmatch(seconds)):
        return Verdict.MALFORMED
    if abs(age := now - int(seconds)) > tolerance:
        return Verdict.TOO_OLD if age > 0 else Verdict.TOO_NEW
    signatures = _signatures(given)
    if not signatures:
        return Verdict.MALFORMED
    content = _content(id_, int(seconds), body)
    # all of them, so that the time it takes does not say which key it was
    proven = [key.proves(raw, content) for kind, raw in signatures for key in known if key.kind is kind]
    return Verdict.GENUINE if any(proven) else Verdict.FORGED


def _signatures(header: str) -> list[tuple[KeyKind, bytes]]:
    """Read the list of signatures; what is no signature, or of a kind that we do not know, is passed over."""
    found = []
    for entry in header.split(" ", _MOST_SIGNATURES)[:_MOST_SIGNATURES]:
        kind, _, text = entry.partition(",")
        raw = _decoded(text)
        if kind in list(KeyKind) and raw:
            found.append((KeyKind(kind), raw))
    return found


def _content(id_: str, seconds: int, body: bytes) -> bytes:
    return f"{id_}.{seconds}.".encode() + body


def _encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _ed25519() -> Any:
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - an extra, see PublicKey
    except ImportError:
        raise ConfigurationError(
            "signatures of the kind v1a need the library cryptography", hint='pip install "messaging-gateway[server]"'
        ) from None
    return ed25519
