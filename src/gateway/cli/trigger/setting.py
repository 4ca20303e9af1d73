"""`--set path=value`: changes in a JSON document, before it is signed."""

from __future__ import annotations

import copy
import itertools
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import JsonValue

from gateway.cli.failing import Usage, nearest

__all__ = ["changed", "misspelt"]

_STEP = re.compile(r"(?:^|\.)(?P<name>[^.\[\]]+)|\[(?P<index>\d{1,4})\]")
_HOW = "write it as --set message.text=Hello, or --set attachments[0].url=https://…"

_Step = str | int


def changed(document: dict[str, JsonValue], wishes: Iterable[str]) -> tuple[dict[str, JsonValue], list[str]]:
    """Carry out `path=value`, one after the other; gives the changed document, and the paths that were not there.

    A value is text where a text was; anywhere else it is JSON where it reads as JSON, and text otherwise. What is not
    there is added, and so are objects on the way to it. Raises `Usage`, without the value.
    """
    made, new = copy.deepcopy(document), []
    for wish in wishes:
        path, equals, value = wish.partition("=")
        steps = _steps(path)
        if not equals or not steps:
            raise Usage("--set is not PATH=VALUE", hint=_HOW)
        if not _set(made, steps, value, path):
            new.append(path)
    return made, new


def _paths(document: JsonValue, before: str = "") -> Iterator[str]:
    """Name every place of a document."""
    if isinstance(document, dict):
        for name, value in document.items():
            yield from _with(f"{before}.{name}" if before else name, value)
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from _with(f"{before}[{index}]", value)


def _with(path: str, value: JsonValue) -> Iterator[str]:
    yield path
    yield from _paths(value, path)


def _steps(path: str) -> list[_Step]:
    """Take a path apart; nothing for what is none."""
    found = list(_STEP.finditer(path))
    if "".join(each[0] for each in found) != path:
        return []
    return [each["name"] if each["index"] is None else int(each["index"]) for each in found]


def _set(document: dict[str, JsonValue], steps: list[_Step], value: str, path: str) -> bool:
    """Put a value into its place; tells whether something was there."""
    inner: Any = document
    for step, following in itertools.pairwise(steps):
        if not _has(inner, step, path):
            _put(inner, step, [] if isinstance(following, int) else {})
        inner = inner[step]
    there = _has(inner, steps[-1], path)
    before = inner[steps[-1]] if there else None
    _put(inner, steps[-1], _read(value, before))
    return there


def _has(inner: Any, step: _Step, path: str) -> bool:
    """Tell whether a step leads somewhere; raises `Usage` where it cannot."""
    if isinstance(step, str) and isinstance(inner, dict):
        return step in inner
    if isinstance(step, int) and isinstance(inner, list) and step <= len(inner):
        return step < len(inner)
    what = "a list with fewer items" if isinstance(inner, list) and isinstance(step, int) else "something else"
    raise Usage(f"--set {path}: there is {what} at that place", hint="--dry-run shows the whole webhook")


def _put(inner: Any, step: _Step, value: Any) -> None:
    if isinstance(inner, list) and step == len(inner):
        inner.append(value)
    else:
        inner[step] = value


def _read(value: str, before: JsonValue) -> JsonValue:
    if isinstance(before, str):
        return value
    try:
        read: JsonValue = json.loads(value)
    except ValueError:
        return value
    return read


def misspelt(path: str, document: JsonValue) -> str:
    """Say of a path that was not there which one may have been meant."""
    return nearest(path, _paths(document), "")
