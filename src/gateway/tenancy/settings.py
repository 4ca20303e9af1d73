"""The settings of a connection as they are kept: what is secret sealed, the rest as it is.

What is secret is what the provider declares as `SecretStr`. Kept is what was given, not what the provider made of it,
so that its defaults may change. When secrets are rotated those before them are kept for a while, sealed as well: a
webhook that was signed before still has to pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, get_args

from pydantic import BaseModel, JsonValue, SecretBytes, SecretStr
from pydantic_core import from_json, to_json, to_jsonable_python

from gateway.provider import Provider
from gateway.store.instants import micros, moment
from gateway.tenancy.sealing import DataKey

__all__ = ["Kept", "Old", "plain", "secret_fields"]


def secret_fields(provider: type[Provider[Any]]) -> frozenset[str]:
    """Name the settings of a provider that are secret, or hold something that is."""
    fields = provider.Settings.model_fields
    return frozenset(name for name, info in fields.items() if _is_secret(info.annotation))


def _is_secret(annotation: Any) -> bool:
    return any(isinstance(part, type) and issubclass(part, SecretStr | SecretBytes) for part in _parts(annotation))


def _parts(annotation: Any) -> Iterator[Any]:
    """Go through a type and the types within it."""
    yield annotation
    inner = get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        inner = tuple(info.annotation for info in annotation.model_fields.values())
    for part in inner:
        yield from _parts(part)


def plain(value: Any) -> JsonValue:
    """Write a value as JSON knows it, secrets included."""
    if isinstance(value, SecretStr | SecretBytes):
        value = value.get_secret_value()
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    written: JsonValue = to_jsonable_python(value)
    return written


@dataclass(frozen=True, slots=True)
class Old:
    """Secrets that were replaced, and until when webhooks may still be signed by them."""

    secrets: Mapping[str, JsonValue] = field(repr=False)
    until: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """The settings of one connection, open."""

    values: Mapping[str, JsonValue] = field(default_factory=dict, repr=False)
    """As they were given, secrets included."""
    old: tuple[Old, ...] = ()
    """Newest first."""
    generation: int = 1
    """Grows with each change of them; what is sealed is bound to it."""

    def merged(self, changes: Mapping[str, JsonValue]) -> Kept:
        """Change some settings; what is None is left out from then on."""
        values = {name: value for name, value in {**self.values, **changes}.items() if value is not None}
        return replace(self, values=values, generation=self.generation + 1)

    def rotated(self, secrets: Mapping[str, JsonValue], now: datetime, until: datetime) -> Kept:
        """Change some secrets, and keep those before them until a time."""
        before = {name: self.values[name] for name in secrets if name in self.values}
        added = (Old(before, until),) if before and until > now else ()
        return replace(self.merged(secrets), old=(*added, *(old for old in self.old if old.until > now)))

    def without_old(self, now: datetime) -> Kept:
        """Leave out what no longer counts."""
        return replace(self, old=tuple(old for old in self.old if old.until > now), generation=self.generation + 1)

    def before(self, old: Old) -> dict[str, JsonValue]:
        """Give the settings with some secrets as they were."""
        return {**self.values, **old.secrets}

    def sealed(self, secret: frozenset[str], key: DataKey) -> str:
        """Write the settings down."""

        def seal(place: str, value: JsonValue) -> str:
            return key.seal(place, to_json(value), self.generation)

        return to_json(
            {
                "generation": self.generation,
                "plain": {name: value for name, value in self.values.items() if name not in secret},
                "sealed": {name: seal(name, value) for name, value in self.values.items() if name in secret},
                "old": [
                    {
                        "until": micros(old.until),
                        "sealed": {name: seal(f"{place}.{name}", value) for name, value in old.secrets.items()},
                    }
                    for place, old in enumerate(self.old)
                ],
            }
        ).decode()

    @classmethod
    def opened(cls, text: str, key: DataKey) -> Kept:
        """Read settings that were written down; raises `SecretsLocked` for what does not open."""
        found = from_json(text)
        generation = found["generation"]

        def unseal(place: str, sealed: str) -> JsonValue:
            value: JsonValue = from_json(key.open(place, sealed, generation))
            return value

        secrets = {name: unseal(name, sealed) for name, sealed in found["sealed"].items()}
        old = tuple(
            Old({name: unseal(f"{place}.{name}", s) for name, s in item["sealed"].items()}, moment(item["until"]))
            for place, item in enumerate(found["old"])
        )
        return cls({**found["plain"], **secrets}, old, generation)
