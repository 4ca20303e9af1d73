"""The signing keys of an endpoint: sealed in the store, several at a time while they are replaced."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import cast

from pydantic_core import from_json, to_json

from gateway.errors import InvalidRequest
from gateway.forward.signing import KeyKind, SigningKey, SymmetricKey, new_key, read_key
from gateway.store.instants import maybe_micros, maybe_moment, micros, moment
from gateway.store.records.endpoints import EndpointRow
from gateway.tenancy.sealing import Sealer

__all__ = ["EndpointKey", "Keyring", "fresh", "given", "living", "replaced", "seal_keys"]

_FIELD = "secrets"


@dataclass(frozen=True, slots=True)
class EndpointKey:
    """A key, and when it signs."""

    key: SymmetricKey | SigningKey = field(repr=False)
    begins: datetime
    ends: datetime | None = None
    """None: until it is replaced."""

    def lives(self, now: datetime) -> bool:
        """Tell whether it signs at a time."""
        return self.begins <= now and (self.ends is None or now < self.ends)


class Keyring:
    """Opens the keys of endpoints, and remembers those that were opened lately."""

    _MOST = 1024

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._open: dict[tuple[str, str], tuple[EndpointKey, ...]] = {}

    def keys(self, row: EndpointRow) -> tuple[EndpointKey, ...]:
        """Give all keys of an endpoint; raises `SecretsLocked` when the master key is not there."""
        place = (row.id, row.secrets)
        if place not in self._open:
            if len(self._open) >= self._MOST:
                self._open.clear()
            opened = self._sealer.open(row.tenant, row.id, row.data_key).open(_FIELD, row.secrets)
            self._open[place] = _read(opened)
        return self._open[place]


def seal_keys(sealer: Sealer, tenant: str, endpoint: str, keys: Sequence[EndpointKey]) -> tuple[str, str]:
    """Seal keys by a data key of their own; gives both, as they are kept."""
    data_key = sealer.make(tenant, endpoint)
    written = [{"key": item.key.text, "begins": micros(item.begins), "ends": maybe_micros(item.ends)} for item in keys]
    return data_key.seal(_FIELD, to_json(written)), data_key.sealed


def _read(data: bytes) -> tuple[EndpointKey, ...]:
    return tuple(
        EndpointKey(
            cast("SymmetricKey | SigningKey", read_key(item["key"])), moment(item["begins"]), maybe_moment(item["ends"])
        )
        for item in from_json(data)
    )


def fresh(kinds: Iterable[KeyKind], now: datetime) -> list[EndpointKey]:
    """Make a key of each kind."""
    return [EndpointKey(new_key(kind), now) for kind in dict.fromkeys(kinds)]


def given(texts: Iterable[str], now: datetime) -> list[EndpointKey]:
    """Take keys that the caller brings, as from another service; raises `InvalidRequest`."""
    keys = [read_key(text) for text in texts]
    if not all(isinstance(key, SymmetricKey | SigningKey) for key in keys):
        raise InvalidRequest("a public key signs nothing", hint="give whsec_… or whsk_…")
    return [EndpointKey(cast("SymmetricKey | SigningKey", key), now) for key in keys]


def replaced(keys: Iterable[EndpointKey], new: Sequence[EndpointKey], ends: datetime) -> list[EndpointKey]:
    """Put new keys in front of others, which then end, those that ended already left out."""
    began = new[0].begins
    former = [item for item in keys if item.ends is None or began < item.ends]
    return [*new, *(replace(item, ends=min(ends, item.ends or ends)) for item in former)]


def living(keys: Iterable[EndpointKey], now: datetime) -> list[SymmetricKey | SigningKey]:
    """Give the keys that sign at a time."""
    return [item.key for item in keys if item.lives(now)]
