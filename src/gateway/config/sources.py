"""Where a setting comes from: flag, environment, file, default, in this order; and reading each of them.

`GATEWAY__SECTION__KEY` is a setting; `GATEWAY__SECTION__KEY_FILE` names a file that holds it, as mounted secrets do.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from gateway.errors import ConfigurationError

__all__ = ["Given", "Origin", "TomlFile", "Words", "file_variable", "from_environment", "from_file", "meant"]

PREFIX = "GATEWAY__"
_FILE = "_FILE"
_HEADER = re.compile(r"\s*\[\s*(?P<path>[^\[\]]+?)\s*\]\s*(?:#.*)?$")
_KEY = re.compile(r"\s*(?P<key>[A-Za-z0-9_.\-\"' ]+?)\s*=")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was given."""

    kind: Literal["flag", "environment", "file", "default"]
    place: str = ""
    """`--port`, `GATEWAY__SERVER__PORT`, `gateway.toml:12`; empty for a default."""

    def __str__(self) -> str:
        """Name the place, or say that it is the default."""
        return self.place or self.kind


@dataclass(frozen=True, slots=True)
class Given:
    """A value that somebody gave."""

    value: Any = field(repr=False)
    origin: Origin
    folder: Path | None = field(default=None, repr=False)
    """Where a relative path in it starts; only a file has one."""


Words: TypeAlias = tuple[str, ...]
"""The words of a setting: section, key, and what is below it."""


class TomlFile:
    """A file in TOML, with the line on which each key stands."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text: str = _text(path)
        try:
            self.table: dict[str, Any] = tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            hint = _pointed(self.text, str(error), "strings need quotes")
            raise ConfigurationError(f"{path} is not TOML: {error}", hint=hint) from None
        self._lines = dict(_keys(self.text))

    def origin(self, words: Iterable[str]) -> Origin:
        """Say where a key stands; the nearest one above it that has a line, where it stands in a nested value."""
        path = tuple(words)
        while path and path not in self._lines:
            path = path[:-1]
        line = self._lines.get(path)
        return Origin("file", f"{self.path.name}:{line}" if line else self.path.name)

    def given(self) -> Iterator[tuple[Words, Given]]:
        """Go through all that is set, two words deep; what is deeper stays a table."""
        for section, table in self.table.items():
            if not isinstance(table, dict):
                yield (section,), Given(table, self.origin([section]), self.path.parent)
                continue
            for key, value in table.items():
                yield (section, key), Given(value, self.origin([section, key]), self.path.parent)


def from_file(path: Path) -> TomlFile:
    """Read a file; raises `ConfigurationError` that says where it is broken."""
    return TomlFile(path)


def from_environment(environment: Mapping[str, str]) -> Iterator[tuple[Words, Given]]:
    """Go through the variables that are settings; raises `ConfigurationError` where one is given twice."""
    for name in sorted(environment):
        if not name.startswith(PREFIX):
            continue
        words = tuple(word.lower() for word in name.removeprefix(PREFIX).split("__"))
        if len(words) < 2 or not all(words):
            raise ConfigurationError(f"{name} names no setting", hint="write it as GATEWAY__SECTION__KEY")
        origin = Origin("environment", name)
        yield words, Given(environment[name], origin)


def file_variable(words: Words, given: Given) -> tuple[Words, Given] | None:
    """Read `…_FILE`: the setting that it stands for, with what is in the file; None for another variable."""
    *rest, last = words
    suffix = _FILE.lower()
    if not last.endswith(suffix) or last == suffix:
        return None
    text = _text(Path(given.value), given.origin.place).strip()
    return (*rest, last.removesuffix(suffix)), Given(text, given.origin)


def meant(word: str, known: Iterable[str]) -> str:
    """Hint at the nearest word, or name them all."""
    words = list(known)
    near = difflib.get_close_matches(word, words, n=1)
    return f"did you mean {near[0]}?" if near else f"there are: {', '.join(words)}"


def _text(path: Path, place: str = "") -> str:
    named = f"{place} names {path}, which" if place else str(path)
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if place:
            raise ConfigurationError(f"{place} names a file that is not there", hint="check the path") from None
        raise ConfigurationError(f"there is no file {path}", hint="see the quickstart for a first one") from None
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise ConfigurationError(f"{named} cannot be read: {why}", hint="it has to be a text file in UTF-8") from None


def _keys(text: str) -> Iterator[tuple[Words, int]]:
    """Find the line of each table and key: by their looks, which is enough to point at them."""
    table: Words = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _split(header["path"])
            for length in range(1, len(table) + 1):
                yield table[:length], number
        elif key := _KEY.match(line):
            yield (*table, *_split(key["key"])), number


def _split(dotted: str) -> Words:
    return tuple(word.strip().strip("\"'") for word in dotted.split("."))


def _pointed(text: str, problem: str, hint: str) -> str:
    """Show the line that the parser stumbled over, with a caret below it; nothing of a value that may be a secret."""
    found = re.search(r"line (\d+), column (\d+)", problem)
    if found is None:
        return hint
    line = text.splitlines()[int(found[1]) - 1 : int(found[1])]
    key = _KEY.match(line[0]) if line else None
    return f"{hint}; look at {key['key']}" if key else hint
