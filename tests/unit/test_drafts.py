"""A value that was a draft is like any other of its class."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.drafts import changed, drafted
from gateway.exchange import Call
from gateway.store.rows import MessageState, StepState
from gateway.testing.stores.samples import message_row, steps_of


@dataclass(frozen=True, slots=True)
class Plain:
    """As dataclasses make it."""

    name: str
    count: int = 0
    words: list[str] = field(default_factory=list, repr=False)
    mark: str = field(default="x", kw_only=True)


@drafted
@dataclass(frozen=True, slots=True)
class Value:
    """The same by way of a draft."""

    name: str
    count: int = 0
    words: list[str] = field(default_factory=list, repr=False)
    mark: str = field(default="x", kw_only=True)


@pytest.mark.parametrize(
    ("args", "named"), [(("a",), {}), (("a", 1, ["b"]), {"mark": "y"}), ((), {"name": "a", "count": 2})]
)
def test_a_value_is_made_as_any_dataclass_is(args: tuple[Any, ...], named: dict[str, Any]) -> None:
    """By place and by name, with its defaults, and each with a list of its own."""
    made = Value(*args, **named)

    assert dataclasses.asdict(Plain(*args, **named)) == dataclasses.asdict(made)
    assert repr(Plain(*args, **named)).replace("Plain", "Value") == repr(made)
    assert made == Value(*args, **named)
    assert type(made) is Value
    assert Value("a").words is not Value("a").words


@pytest.mark.parametrize(("args", "named"), [((), {}), (("a", 1, [], "y"), {}), (("a",), {"nam": "b"})])
def test_what_no_dataclass_takes_is_not_taken(args: tuple[Any, ...], named: dict[str, Any]) -> None:
    """Too little, by place what has none, and a name that is none."""
    with pytest.raises(TypeError):
        Value(*args, **named)


@pytest.mark.parametrize("value", [Value("a"), changed(Value("a"), count=1), message_row("1"), Call("GET", "/")])
def test_a_value_that_is_whole_is_frozen(value: Any) -> None:
    """Its draft was not."""
    name = dataclasses.fields(value)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, name, "b")
    with pytest.raises(dataclasses.FrozenInstanceError):
        delattr(value, name)


@pytest.mark.parametrize("value", [Value("a", 1, ["b"]), message_row("1"), Call("GET", "/", params={"a": "b"})])
def test_a_value_is_copied_and_kept_like_any_other(value: Any) -> None:
    """All ways that Python has lead back to its class."""
    ways = (copy.copy, copy.deepcopy, dataclasses.replace, changed, _pickled)
    for way in ways:
        assert value == way(value)
        assert type(way(value)) is type(value)


def test_a_row_is_changed_as_any_dataclass_is() -> None:
    """Only the fields that are named, and the row itself stays as it was."""
    row, [step] = message_row("1"), steps_of(message_row("1"))

    assert dataclasses.replace(row, state=MessageState.UNKNOWN, parked=True) == changed(
        row, state=MessageState.UNKNOWN, parked=True
    )
    assert dataclasses.replace(step, state=StepState.STARTED) == changed(step, state=StepState.STARTED)
    assert (message_row("1"), steps_of(message_row("1"))) == (row, [step])
    with pytest.raises(AttributeError, match="stat"):
        changed(row, stat=MessageState.UNKNOWN)


def _pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))  # noqa: S301 - our own
