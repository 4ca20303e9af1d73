"""Changed copies of JSON and of bytes, all of them and always the same: nothing here is left to chance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic_core import from_json

__all__ = ["changed", "cut", "flipped", "grown", "renamed"]

_DEEP = 60
_NEST: Any = from_json("[" * _DEEP + "]" * _DEEP)

_VALUES: tuple[tuple[str, Any], ...] = (
    ("null", None),
    ("an empty text", ""),
    ("a new word", "kit_new_value"),
    ("a text with odd characters", "\x00\u202e\ufffd🦆"),
    ("a long text", "x" * 5000),
    ("zero", 0),
    ("a negative number", -1),
    ("a huge number", 10**30),
    ("a fraction", 0.5),
    ("true", True),
    ("a list", []),
    ("a list of anything", [None, 1, "x", {}, []]),
    ("an object", {}),
    ("an object of anything", {"kit": [{"deep": None}]}),
    ("nested lists", _NEST),
)


def changed(value: Any) -> Iterator[tuple[str, Any]]:
    """Give copies in each of which one field is gone, or is another value; with words for what was changed."""
    for path in _paths(value):
        where = ".".join(map(str, path))
        yield f"{where} is gone", _put(value, path, gone=True)
        for what, other in _VALUES:
            yield f"{where} is {what}", _put(value, path, other)


def grown(value: Any, free_form: frozenset[str] = frozenset()) -> Iterator[tuple[str, Any]]:
    """Give copies in each of which one object has a field that nobody knows; none is inside a free-form field."""
    for path in [(), *_paths(value)]:
        if free_form & {*path}:
            continue
        inner = _get(value, path)
        if isinstance(inner, dict):
            where = ".".join(map(str, path)) or "the whole"
            yield f"{where} has a new field", _put(value, path, {**inner, "kit_new_field": {"any": ["thing"]}})


def renamed(value: Any) -> Iterator[tuple[str, Any]]:
    """Give copies in each of which one text is a word that nobody knows."""
    for path in _paths(value):
        if isinstance(_get(value, path), str):
            yield f"{'.'.join(map(str, path))} is a new word", _put(value, path, "kit_new_value")


def cut(body: bytes) -> Iterator[bytes]:
    """Give every beginning of a body that is not the whole; of a long one some hundred."""
    step = max(1, len(body) // 200)
    yield from (body[:end] for end in range(0, len(body.rstrip()), step))


def flipped(body: bytes) -> Iterator[bytes]:
    """Give copies in each of which one bit of one byte is another; every byte has its turn."""
    yield from (bytes([*body[:place], body[place] ^ 1 << place % 8, *body[place + 1 :]]) for place in range(len(body)))


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the way to every field and item."""
    if isinstance(value, dict):
        inner: Iterator[tuple[Any, Any]] = iter(value.items())
    elif isinstance(value, list):
        inner = enumerate(value)
    else:
        return
    for key, each in inner:
        yield (*path, key)
        yield from _paths(each, (*path, key))


def _get(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def _put(value: Any, path: tuple[Any, ...], other: Any = None, *, gone: bool = False) -> Any:
    """Copy a value with something else, or nothing, at the end of a way."""
    if not path:
        return other
    key, rest = path[0], path[1:]
    copy = dict(value) if isinstance(value, dict) else list(value)
    if not rest and gone:
        del copy[key]
    else:
        copy[key] = _put(value[key], rest, other, gone=gone)
    return copy
