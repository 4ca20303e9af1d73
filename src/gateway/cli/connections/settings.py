"""Settings of a connection on a command line, read by the provider's own schema; a secret never stands there itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer
from pydantic import JsonValue
from pydantic_core import from_json

from gateway.cli.failing import Usage, nearest
from gateway.cli.screen import Screen

__all__ = ["SetEnv", "SetFile", "SetValue", "Settings", "missing", "pairs"]

SetValue: TypeAlias = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting that is not secret; repeatable.")
]
SetFile: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set-file", metavar="KEY=PATH", help="A setting that a file holds; - is stdin; repeatable."),
]
SetEnv: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set-env", metavar="KEY=NAME", help="A setting that an environment variable holds; repeatable."),
]


def pairs(given: Sequence[str] | None, option: str) -> Iterator[tuple[str, str]]:
    """Read `KEY=VALUE` as often as it was given; raises `Usage`."""
    for each in given or ():
        name, equals, value = each.partition("=")
        if not (name and equals):
            raise Usage(f"{option} takes KEY=VALUE", hint=f"write it as {option} name=value")
        yield name, value


class Settings:
    """Reads settings for one provider; `offer` is what the service says of it."""

    def __init__(self, offer: Mapping[str, Any]) -> None:
        self._provider: str = offer["name"]
        self.schema: Mapping[str, Any] = offer["settings"]
        self.secrets: frozenset[str] = frozenset(offer["secrets"])
        self._fields: Mapping[str, Any] = self.schema.get("properties") or {}

    def read(
        self, plain: Sequence[str] | None, files: Sequence[str] | None, variables: Sequence[str] | None
    ) -> dict[str, JsonValue]:
        """Put together what was given in the three ways; raises `Usage`."""
        found: dict[str, JsonValue] = {}
        for name, value in pairs(plain, "--set"):
            self.check(name)
            if name in self.secrets:
                raise Usage(
                    f"{name} is secret, and a command line is seen by others",
                    hint=f"--set-file {name}=PATH, or --set-env {name}=VARIABLE",
                )
            found[name] = self._typed(name, value, "--set")
        for name, place in pairs(files, "--set-file"):
            self.check(name)
            found[name] = self._typed(name, _content(place), "--set-file")
        for name, variable in pairs(variables, "--set-env"):
            self.check(name)
            if variable not in os.environ:
                raise Usage(f"there is no environment variable {variable}", hint=f"export {variable}=…")
            found[name] = self._typed(name, os.environ[variable], "--set-env")
        return found

    def gone(self, names: Sequence[str] | None) -> dict[str, JsonValue]:
        """Name settings that are to go; raises `Usage`."""
        for name in names or ():
            self.check(name)
        return dict.fromkeys(names or ())

    def check(self, name: str) -> None:
        """Raise `Usage`, naming the nearest, where the provider has no such setting."""
        if name not in self._fields:
            there_are = f"there are: {', '.join(self._fields)}"
            raise Usage(f"{self._provider} has no setting {name!r}", hint=nearest(name, self._fields, there_are))

    def required(self, given: Mapping[str, JsonValue]) -> list[str]:
        """Name the settings that have to be there, and are not."""
        return [name for name in self.schema.get("required") or () if name not in given]

    def described(self, name: str) -> str:
        """Say what a setting is, in one line."""
        return " ".join(str(self._fields[name].get("description") or name).split())

    def _typed(self, name: str, text: str, option: str) -> JsonValue:
        """Read a value as the schema has it: a text as it stands, anything else as JSON."""
        kinds = _kinds(self._fields[name], self.schema)
        if "string" in kinds:
            return text
        try:
            value: JsonValue = from_json(text)
        except ValueError:
            wanted = " or ".join(sorted(kinds - {"null"})) or "JSON value"
            raise Usage(f"{option} {name} is to be a {wanted}", hint=_EXAMPLES.get(wanted, "write JSON")) from None
        return value


_EXAMPLES = {
    "array": 'write it as JSON: ["one", "two"]',
    "boolean": "write true or false",
    "integer": "write it as 5",
    "number": "write it as 5 or 2.5",
    "object": 'write it as JSON: {"name": "value"}',
}


def _kinds(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> set[str]:
    """Name the JSON types that a field may have."""
    if "$ref" in schema:
        return _kinds(whole["$defs"][str(schema["$ref"]).rsplit("/", 1)[-1]], whole)
    if "anyOf" in schema:
        return {kind for option in schema["anyOf"] for kind in _kinds(option, whole)}
    kind = schema.get("type")
    return {str(kind)} if kind is not None else {"string"} if "enum" in schema or "const" in schema else set()


def _content(place: str) -> str:
    if place == "-":
        return sys.stdin.read().rstrip("\r\n")
    try:
        return Path(place).read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise Usage(f"the file {place} cannot be read", hint="check its path and its rights") from None


def missing(screen: Screen, settings: Settings, given: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Ask at a terminal for what has to be there; raises `Usage` that names it where there is no terminal."""
    lacking = settings.required(given)
    if not lacking:
        return given
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        first = lacking[0]
        how = f"--set-file {first}=PATH" if first in settings.secrets else f"--set {first}=VALUE"
        raise Usage(f"not given: {', '.join(lacking)}", hint=f"{how} ({settings.described(first)})")
    asked = dict(given)
    for name in lacking:
        screen.note(settings.described(name))
        asked[name] = typer.prompt(f"  {name}", hide_input=name in settings.secrets, err=True)
    return asked
