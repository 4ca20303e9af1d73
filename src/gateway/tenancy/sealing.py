"""Sealing: what nobody is to read in the database, not even in a copy of it.

Each row has a random data key of its own, which seals its fields (AES-256-GCM); the data key is sealed by a master key
that is not in the database. Both are bound to their place, tenant and row and field and generation, so that a sealed
text which is moved elsewhere does not open. A master key is replaced by sealing the data keys anew, and only them.
"""

from __future__ import annotations

import hmac
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.errors import ConfigurationError, SecretsLocked

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
except ImportError:
    raise ConfigurationError(
        "sealing secrets needs the library cryptography", hint='pip install "messaging-gateway[server]"'
    ) from None

__all__ = ["DataKey", "KeyRing", "Sealer"]

_FORMAT = "s1"
_KEY, _NONCE = 32, 12
_HINT = (
    "set GATEWAY__SECURITY__MASTER_KEY, or …_FILE, to ID:BASE64 of 32 random bytes; keep former keys behind the new one"
)


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Master keys by their ids; the first one seals, all of them open."""

    keys: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, text: str) -> KeyRing:
        """Read `ID:KEY`, one a line or separated by commas, the current one first; KEY is 32 bytes in base 64.

        Raises `ConfigurationError`, without a word of the text.
        """
        found: dict[str, bytes] = {}
        for entry in text.replace(",", "\n").split("\n"):
            if not (entry := entry.strip()) or entry.startswith("#"):
                continue
            name, _, written = entry.partition(":")
            try:
                key = _unwritten(written.strip())
            except ValueError:
                key = b""
            if not name.isalnum() or not name.isascii() or len(key) != _KEY:
                raise ConfigurationError(f"master key number {len(found) + 1} is not ID:KEY", hint=_HINT)
            if name in found:
                raise ConfigurationError(f"there are two master keys named {name}", hint="give each an id of its own")
            found[name] = key
        return cls(found)

    @classmethod
    def read(cls, path: Path, *, make: bool = False) -> KeyRing:
        """Read a file of them; with `make` one that is not there is made, for its owner's eyes only.

        Raises `ConfigurationError`.
        """
        try:
            if make and not path.exists():
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 - its rights are set as it is made
                    file.write(cls.fresh().text + "\n")
            return cls.parse(path.read_text("ascii"))
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is no text"
            raise ConfigurationError(f"the file of the master keys cannot be read: {why}", hint=_HINT) from None

    @classmethod
    def fresh(cls, before: KeyRing | None = None) -> KeyRing:
        """Make a ring with a new key in front, and those of another ring behind it."""
        former = before.keys if before else {}
        name = next(f"k{number}" for number in range(1, len(former) + 2) if f"k{number}" not in former)
        return cls({name: os.urandom(_KEY), **former})

    @property
    def text(self) -> str:
        """The ring as `parse` reads it: a secret."""
        return "\n".join(f"{name}:{_written(key)}" for name, key in self.keys.items())

    @property
    def current(self) -> str | None:
        """The id of the key that seals; None when there is none."""
        return next(iter(self.keys), None)


@dataclass(frozen=True, slots=True)
class DataKey:
    """The key of one row, open: it seals and opens the fields of that row."""

    tenant: str
    row: str
    key: bytes = field(repr=False)
    sealed: str = field(repr=False)
    """The key as it is kept."""

    def seal(self, name: str, value: bytes, generation: int = 1) -> str:
        """Seal a field of the row; `generation` tells one value of it from a later one."""
        return _sealed(self.key, value, self._place(name, generation))

    def open(self, name: str, sealed: str, generation: int = 1) -> bytes:
        """Open a field of the row; raises `SecretsLocked` for what was sealed for another place."""
        opened = _opened(self.key, sealed, self._place(name, generation))
        if opened is None:
            raise SecretsLocked(
                f"the sealed {name} is broken, or belongs elsewhere", code="broken", hint="give the credentials anew"
            )
        return opened

    def _place(self, name: str, generation: int) -> bytes:
        return _bound(self.tenant, self.row, name, str(generation))


class Sealer:
    """Makes and opens the data keys of rows, by the master keys of a ring."""

    def __init__(self, ring: KeyRing | None = None) -> None:
        self._ring = ring or KeyRing()

    def __repr__(self) -> str:
        """Name the current master key, no key."""
        return f"Sealer({self._ring.current})"

    @property
    def current(self) -> str | None:
        """The id of the master key that seals."""
        return self._ring.current

    def make(self, tenant: str, row: str) -> DataKey:
        """Make the data key of a row; raises `SecretsLocked` when there is no master key."""
        return self._kept(tenant, row, os.urandom(_KEY))

    def open(self, tenant: str, row: str, sealed: str) -> DataKey:
        """Open the data key of a row; raises `SecretsLocked`, whose code says what is wrong."""
        name, _, rest = sealed.partition(":")
        master = self._ring.keys.get(name)
        if master is None:
            missing = "no_master_key" if not self._ring.keys else "unknown_master_key"
            words = "there is no master key" if not self._ring.keys else f"the master key {name} is not on the ring"
            raise SecretsLocked(f"{words}: what is sealed by it stays shut", code=missing, hint=_HINT)
        key = _opened(master, rest, _bound(tenant, row, "", name))
        if key is None:
            words = f"the master key {name} does not open what it is said to have sealed"
            raise SecretsLocked(words, code="broken", hint="another key has this id, or the database was changed")
        return DataKey(tenant, row, key, sealed)

    def renew(self, tenant: str, row: str, sealed: str) -> str | None:
        """Seal the data key of a row by the current master key; None when it is. Raises `SecretsLocked`."""
        if sealed.partition(":")[0] == self._ring.current:
            return None
        return self._kept(tenant, row, self.open(tenant, row, sealed).key).sealed

    def derived(self, purpose: str) -> bytes | None:
        """Give a secret for one purpose, the same in every process with this ring; None without a master key."""
        name = self._ring.current
        return None if name is None else hmac.digest(self._ring.keys[name], purpose.encode(), "sha256")

    def _kept(self, tenant: str, row: str, key: bytes) -> DataKey:
        name = self._ring.current
        if name is None:
            raise SecretsLocked("there is no master key to seal secrets by", code="no_master_key", hint=_HINT)
        sealed = _sealed(self._ring.keys[name], key, _bound(tenant, row, "", name))
        return DataKey(tenant, row, key, f"{name}:{sealed}")


def _sealed(key: bytes, value: bytes, place: bytes) -> str:
    nonce = os.urandom(_NONCE)
    return f"{_FORMAT}.{_written(nonce + AESGCM(key).encrypt(nonce, value, place))}"


def _opened(key: bytes, sealed: str, place: bytes) -> bytes | None:
    """Open what was sealed; None where it does not open, whatever the reason."""
    form, _, written = sealed.partition(".")
    try:
        data = _unwritten(written) if form == _FORMAT else b""
        return AESGCM(key).decrypt(data[:_NONCE], data[_NONCE:], place)
    except (InvalidTag, ValueError):
        return None


def _bound(*parts: str) -> bytes:
    """Join the parts of a place so that no two places are the same bytes: each is preceded by its length."""
    return b"".join(len(data).to_bytes(4) + data for data in (part.encode() for part in parts))


def _written(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _unwritten(text: str) -> bytes:
    return urlsafe_b64decode(text.replace("+", "-").replace("/", "_").rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
