"""What the library needs of a file: TOML, with secrets as value, `env:NAME` or `file:PATH`; the store's URL may be one.

[gateway]
store = "memory:"
policy = "strict"

[connections.main]
provider = "…"
api_key = "env:MY_API_KEY"
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from gateway.actions import Policy
from gateway.config.sections import SECTIONS
from gateway.config.sources import from_file
from gateway.errors import ConfigurationError
from gateway.inbox import Stale
from gateway.pacing import Terms

__all__ = ["Config", "ConnectionConfig", "connection_of", "followed", "load_config"]

_TERMS = ("pace", "consent", "require_opt_in", "queue", "answers_per_minute")
_STALE = ("stale_after", "dispatch_stale")
_GATEWAY_KEYS = ("store", "policy", "public_url", "catch_up", *_STALE, *_TERMS)
_CONNECTION_KEYS = ("provider", "policy", "labels", "catch_up", *_TERMS)


@dataclass(frozen=True, slots=True)
class ConnectionConfig:
    """One `[connections.NAME]`."""

    name: str
    provider: str
    settings: Mapping[str, Any] = field(repr=False)
    policy: Policy | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    terms: Mapping[str, Any] = field(default_factory=dict)
    """On what terms it sends: pace, consent, require_opt_in, queue, answers_per_minute."""
    catch_up: bool | None = None
    """Whether it fetches what the vendor could not deliver; None is the gateway's own."""


@dataclass(frozen=True, slots=True)
class Config:
    """The whole file."""

    store: str = field(default="memory:", repr=False)
    policy: Policy = Policy.STRICT
    public_url: str | None = None
    terms: Mapping[str, Any] = field(default_factory=dict)
    """The same, for connections that say nothing else."""
    catch_up: bool = False
    stale: Stale = field(default_factory=Stale)
    """`stale_after` in seconds, 0 for never; `dispatch_stale`."""
    connections: tuple[ConnectionConfig, ...] = ()


def load_config(path: str | Path) -> Config:
    """Read a configuration file; raises `ConfigurationError` that names the place and what to do."""
    path = Path(path)
    table = from_file(path).table
    _known(table, (*SECTIONS, "connections", "platforms"), str(path))
    head = _table(table.get("gateway", {}), "[gateway]")
    _known(head, _GATEWAY_KEYS, "[gateway]")
    named = _table(table.get("connections", {}), "[connections]")
    return Config(
        store=_text(followed(head.get("store", "memory:"), "[gateway] store", path.parent), "[gateway] store"),
        policy=_policy(head.get("policy"), "[gateway]") or Policy.STRICT,
        public_url=_text(head["public_url"], "[gateway] public_url") if "public_url" in head else None,
        terms=_terms(head, "[gateway]"),
        catch_up=_flag(head.get("catch_up", False), "[gateway] catch_up"),
        stale=_stale(head),
        connections=tuple(connection_of(name, value, path.parent) for name, value in named.items()),
    )


def connection_of(name: str, value: Any, folder: Path) -> ConnectionConfig:
    """Read one `[connections.NAME]`; raises `ConfigurationError`."""
    place = f"[connections.{name}]"
    table = _table(value, place)
    if "provider" not in table:
        raise ConfigurationError(f"{place} names no provider", hint='add provider = "…"; see `gateway providers`')
    settings = {
        key: followed(item, f"{place} {key}", folder) for key, item in table.items() if key not in _CONNECTION_KEYS
    }
    labels = {key: _text(item, f"{place} labels") for key, item in _table(table.get("labels", {}), place).items()}
    return ConnectionConfig(
        name=name,
        provider=_text(table["provider"], f"{place} provider"),
        settings=settings,
        policy=_policy(table.get("policy"), place),
        labels=labels,
        terms=_terms(table, place),
        catch_up=_flag(table["catch_up"], f"{place} catch_up") if "catch_up" in table else None,
    )


def _stale(table: Mapping[str, Any]) -> Stale:
    """Read when an event is old news, and whether handlers get it then."""
    seconds = table.get("stale_after", 3600)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 10**9:
        raise ConfigurationError("[gateway] stale_after has to be seconds", hint="use 3600, or 0 to mark nothing")
    dispatch = _flag(table.get("dispatch_stale", True), "[gateway] dispatch_stale")
    return Stale(timedelta(seconds=seconds) if seconds else None, dispatch)


def _flag(value: Any, place: str) -> bool:
    if not isinstance(value, bool):
        raise ConfigurationError(f"{place} has to be true or false", hint="write it without quotes")
    return value


def _terms(table: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Give the terms that a table sets, checked here, where the place is known."""
    given = {key: table[key] for key in _TERMS if key in table}
    if "pace" in given:
        _table(given["pace"], f"{place} pace")
    try:
        Terms.read(**given)
    except ConfigurationError as error:
        raise ConfigurationError(f"{place} {error.message}", hint=error.hint) from None
    return given


def followed(value: Any, place: str, folder: Path) -> Any:
    """Follow `env:NAME` and `file:PATH`, in lists and tables too; a relative path is relative to the file."""
    if isinstance(value, list):
        return [followed(item, place, folder) for item in value]
    if isinstance(value, dict):
        return {key: followed(item, f"{place}.{key}", folder) for key, item in value.items()}
    if not isinstance(value, str):
        return value
    if value.startswith("env:"):
        name = value.removeprefix("env:")
        if name not in os.environ:
            raise ConfigurationError(f"{place} needs the environment variable {name}", hint=f"export {name}=…")
        return os.environ[name]
    if value.startswith("file:"):
        path = folder / value.removeprefix("file:")
        try:
            return path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or type(error).__name__
            raise ConfigurationError(f"{place} needs the file {path}: {why}", hint="check path and rights") from None
    return value


def _policy(value: Any, place: str) -> Policy | None:
    if value is None:
        return None
    try:
        return Policy(value)
    except ValueError:
        raise ConfigurationError(f"{place} policy is {value!r}", hint='use "strict" or "graceful"') from None


def _table(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigurationError(f"{place} has to be a table", hint="write key = value lines below it")
    return value


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise ConfigurationError(f"{place} has to be a string", hint="put it in quotes")
    return value


def _known(table: Mapping[str, Any], keys: tuple[str, ...], place: str) -> None:
    for key in table:
        if key not in keys:
            near = difflib.get_close_matches(key, keys, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(keys)}"
            raise ConfigurationError(f"{place} has no {key!r}", hint=hint)
