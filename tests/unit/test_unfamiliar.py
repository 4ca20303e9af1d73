"""What a vendor's JSON holds beyond its model: names, never content."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field

from gateway.unfamiliar import Unfamiliar, unfamiliar


class Inner(BaseModel):
    """A part of it."""

    name: str | None = None


class Other(BaseModel):
    """Another shape of the same part."""

    url: str | None = None


class Outer(BaseModel):
    """A webhook."""

    event: str | None = None
    sender: str | None = Field(default=None, alias="from")
    email: str | None = Field(default=None, validation_alias=AliasChoices("email", AliasPath("mail", 0)))  # type: ignore[pydantic-alias]  # mypy's plugin knows plain names
    deep: str | None = Field(default=None, validation_alias=AliasPath("nested", "deep"))  # type: ignore[pydantic-alias]  # as above
    inner: Inner | None = None
    shapes: list[Inner | Other | str] = []
    anything: dict[str, Any] = {}


class Lenient(Outer):
    """Reads its own names too."""

    model_config = ConfigDict(populate_by_name=True)


def named(payload: Any, **words: set[str]) -> list[str]:
    """Name what is new in it."""
    found = unfamiliar((Outer,), payload, {path.replace("_", "."): known for path, known in words.items()})
    return [each.path if each.value is None else f"{each.path}={each.value}" for each in found]


@pytest.mark.parametrize(
    ("payload", "new"),
    [
        ({"event": "a", "from": "b", "email": "c", "mail": ["d"], "nested": {"deep": 1}}, []),
        ({"event": "a", "sender": "b"}, ["sender"]),
        ({"inner": {"name": "x", "age": 7}}, ["inner.age"]),
        ({"inner": ["not what the model says"]}, []),
        ({"shapes": [{"name": "x"}, {"url": "x"}, {"size": 7}, {"size": 8}, "x", None]}, ["shapes.size"]),
        ({"anything": {"whatever": {"the": "caller"}}}, []),
        ({"new": {"inside": 1}}, ["new"]),
        ([{"a": 1}, {"b": 2}, {"a": 3}, "x"], ["a", "b"]),
        ("text", []),
        (None, []),
    ],
)
def test_a_field_that_no_model_names_is_new(payload: Any, new: list[str]) -> None:
    """By every spelling that the model reads, to any depth, once each, with one path for all items of a list."""
    assert new == named(payload)


def test_a_model_may_read_its_own_names_too() -> None:
    """Where pydantic is told to take both, neither is new."""
    assert () == unfamiliar((Lenient,), {"sender": "b", "from": "b"}, {})


def test_a_word_that_is_not_in_its_set_is_new() -> None:
    """Whatever its case; what is no text is another matter, and without models no field is new."""
    payload: Any = {
        "event": "SENT",
        "inner": {"name": "brandnew"},
        "shapes": [{"name": "old"}, {"name": "odd"}],
        "zip": 1,
    }
    words = {"event": {"sent"}, "inner.name": {"old"}, "shapes.name": {"old"}, "zip": {"x"}, "absent.path": {"x"}}
    expected = (Unfamiliar("inner.name", "brandnew"), Unfamiliar("shapes.name", "odd"))

    assert expected == unfamiliar((), payload, words)


def test_what_may_be_content_is_masked_and_cut() -> None:
    """A key that is a number, and a value that is no word at all."""
    [key, value] = named({"+13231112233": 1, "event": "call +13231112233 " + "x" * 100}, event={"sent"})

    assert ("•••33", "event=call •••33 ") == (key, value[:17])
    assert 80 > len(value)


@given(st.recursive(st.none() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_any_json_is_looked_through(payload: Any) -> None:
    """Nothing raises, and nothing is named twice."""
    found = unfamiliar((Outer,), payload, {"event": {"a"}, "inner.name": {"b"}})
    assert len(set(found)) == len(found)
