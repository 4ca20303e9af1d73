"""The whole configuration of the service, each value with its origin: flag, environment, file, default."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import SecretStr, ValidationError

from gateway.config.connections import ConnectionConfig, connection_of, followed
from gateway.config.sections import (
    SECTIONS,
    FilesSection,
    ForwardSection,
    GatewaySection,
    LimitsSection,
    RetentionSection,
    Section,
    SecuritySection,
    ServerSection,
)
from gateway.config.sources import Given, Origin, TomlFile, Words, file_variable, from_environment, from_file, meant
from gateway.errors import ConfigurationError
from gateway.inbox import Stale
from gateway.pacing import Terms

__all__ = ["ServiceConfig", "Shown", "load_service"]

SectionT = TypeVar("SectionT", bound=Section)

DEFAULT = Origin("default")
HIDDEN = "•••"
_PASSWORD = re.compile(r"(://[^:/@]*:)[^@]*@")
FREE = ("connections", "platforms")
"""Tables whose keys are the user's own words."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A setting as it may be seen: no secret is in it."""

    section: str
    key: str
    value: Any
    origin: Origin


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """Everything that `gateway serve` is told."""

    gateway: GatewaySection = field(default_factory=GatewaySection)
    server: ServerSection = field(default_factory=ServerSection)
    limits: LimitsSection = field(default_factory=LimitsSection)
    security: SecuritySection = field(default_factory=SecuritySection)
    retention: RetentionSection = field(default_factory=RetentionSection)
    files: FilesSection = field(default_factory=FilesSection)
    forward: ForwardSection = field(default_factory=ForwardSection)
    platforms: Mapping[str, str] = field(default_factory=dict)
    """Which provider serves a platform that GraphQL names: `imessage = "…"`."""
    connections: tuple[ConnectionConfig, ...] = ()
    """Connections that the default tenant has from the start."""
    origins: Mapping[Words, Origin] = field(default_factory=dict)
    path: Path | None = None

    @property
    def production(self) -> bool:
        """Tell whether what is insecure is refused."""
        return self.server.profile == "production"

    @property
    def stale(self) -> Stale:
        """When an event is old news."""
        after = self.gateway.stale_after
        return Stale(timedelta(seconds=after) if after else None, self.gateway.dispatch_stale)

    @property
    def terms(self) -> dict[str, Any]:
        """On what terms connections send that say nothing else, as `Gateway` takes them."""
        names = ("consent", "require_opt_in", "queue", "answers_per_minute")
        return {"pace": self.gateway.pace or None, **{name: getattr(self.gateway, name) for name in names}}

    def origin(self, *words: str) -> Origin:
        """Say where a setting was given."""
        return self.origins.get(words, DEFAULT)

    def told(self) -> Iterator[Shown]:
        """Go through all settings as they may be seen."""
        for section in SECTIONS:
            for key, value in getattr(self, section):
                yield Shown(section, key, _seen(value), self.origin(section, key))
        for platform, provider in self.platforms.items():
            yield Shown("platforms", platform, provider, self.origin("platforms", platform))
        for item in self.connections:
            place = f"connections.{item.name}"
            yield Shown(place, "provider", item.provider, self.origin("connections", item.name))
            for key in item.settings:
                # which of them are secrets, only the provider knows
                yield Shown(place, key, HIDDEN, self.origin("connections", item.name))


def _seen(value: Any) -> Any:
    """Hide a secret; of a URL only the password is one."""
    if isinstance(value, SecretStr):
        text = value.get_secret_value()
        return _PASSWORD.sub(rf"\1{HIDDEN}@", text).partition("?")[0] if "://" in text or text == "store:" else HIDDEN
    if isinstance(value, dict):
        return {key: _seen(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return list(value)
    return value


def load_service(
    path: Path | None = None,
    *,
    environment: Mapping[str, str] = MappingProxyType({}),
    flags: Mapping[Words, tuple[str, Any]] = MappingProxyType({}),
) -> ServiceConfig:
    """Put together what a file, the environment and flags say; a flag is `(section, key): ("--flag", value)`.

    Raises `ConfigurationError` that names the place of everything that is wrong.
    """
    given = _Given()
    if path is not None:
        given.take_file(from_file(path))
    for words, value in from_environment(environment):
        given.take(*_of_variable(words, value, given))
    for words, (flag, value) in flags.items():
        given.take(words, Given(value, Origin("flag", flag)))
    return given.config(path)


class _Given:
    """What was given so far; a later source takes the place of an earlier one."""

    def __init__(self) -> None:
        self.values: dict[Words, Given] = {}

    def take_file(self, file: TomlFile) -> None:
        """Take all of a file, each table that is open by its keys."""
        for words, given in file.given():
            if words[0] not in (*SECTIONS, *FREE):
                hint = meant(words[0], (*SECTIONS, *FREE))
                raise ConfigurationError(f"{given.origin}: there is no [{words[0]}]", hint=hint)
            if len(words) == 1:
                raise ConfigurationError(f"{given.origin}: {words[0]} has to be a table", hint=f"write [{words[0]}]")
            self.take(words, given)

    def take(self, words: Words, given: Given) -> None:
        """Take one value; one of a table that is a setting itself goes into that table."""
        section, key, *rest = words
        if section in SECTIONS and key not in SECTIONS[section].model_fields:
            hint = meant(key, SECTIONS[section].model_fields)
            raise ConfigurationError(f"{given.origin}: [{section}] has no {key!r}", hint=hint)
        if not rest:
            self.values[section, key] = given
            return
        before = self.values.get((section, key))
        table = dict(before.value) if before is not None and isinstance(before.value, dict) else {}
        folder = given.folder or (before.folder if before else None)
        self.values[section, key] = Given(table | {"__".join(rest): given.value}, given.origin, folder)

    def config(self, path: Path | None) -> ServiceConfig:
        """Check everything, and put it together."""
        sections = {name: self._section(name, cls) for name, cls in SECTIONS.items()}
        connections = [
            connection_of(words[1], given.value, given.folder or Path())
            for words, given in self.values.items()
            if words[0] == "connections"
        ]
        platforms = {words[1]: str(given.value) for words, given in self.values.items() if words[0] == "platforms"}
        config = ServiceConfig(
            **sections,
            platforms=platforms,
            connections=tuple(connections),
            origins={words: given.origin for words, given in self.values.items()},
            path=path,
        )
        Terms.read(**config.terms)
        return config

    def _section(self, name: str, cls: type[Section]) -> Any:
        own = {words[1]: given for words, given in self.values.items() if words[0] == name}
        try:
            return cls.model_validate({key: _read(cls, key, given, name) for key, given in own.items()})
        except ValidationError as error:
            problems = [_problem(name, problem, own) for problem in error.errors(include_input=False)]
        raise ConfigurationError("; ".join(problems), hint=f"see the settings of [{name}] in the docs")


def _of_variable(words: Words, given: Given, known: _Given) -> tuple[Words, Given]:
    """Tell which setting a variable is: as it is spelt, or that of a file."""
    section, key = words[0], words[1]
    if section == "connections" and len(words) > 2:
        # names may have dashes and capitals, variables have neither
        names = [other[1] for other in known.values if other[0] == "connections"]
        same = [name for name in names if re.sub(r"[^a-z0-9]", "_", name.lower()) == key]
        words = (section, same[0] if same else key, *words[2:])
    if section not in (*SECTIONS, *FREE):
        hint = meant(section, (*SECTIONS, *FREE))
        raise ConfigurationError(f"{given.origin}: there is no section {section!r}", hint=hint)
    spelt = section in SECTIONS and key in SECTIONS[section].model_fields
    if not spelt and (pointed := file_variable(words, given)) is not None:
        if pointed[0] in known.values and known.values[pointed[0]].origin.kind == "environment":
            raise ConfigurationError(
                f"{given.origin} and {known.values[pointed[0]].origin} give the same setting", hint="unset one of them"
            )
        return pointed
    return words, given


def _read(cls: type[Section], key: str, given: Given, section: str) -> Any:
    """Bring a value into the shape of its field: a list has commas between its words, a secret may be elsewhere."""
    value, kind = given.value, str(cls.model_fields[key].annotation)
    if isinstance(value, str) and "tuple" in kind:
        return tuple(word.strip() for word in value.split(",") if word.strip())
    # `file:PATH` says where a value is; `file://…` is one: the place of files
    if isinstance(value, str) and "SecretStr" in kind and not value.startswith("file://"):
        return followed(value, f"[{section}] {key}", given.folder or Path())
    if isinstance(value, str) and value == "" and "None" in kind:
        return None
    return value


def _problem(section: str, problem: Mapping[str, Any], own: Mapping[str, Given]) -> str:
    key = str(problem["loc"][0]) if problem["loc"] else ""
    words = str(problem["msg"]).removeprefix("Value error, ")
    origin = own[key].origin if key in own else DEFAULT
    return f"{origin}: [{section}] {key}: {words[:1].lower()}{words[1:]}"
