"""Frozen values, made and copied quickly: each is written as a draft that nobody sees, and frozen when it is whole.

A frozen dataclass writes field by field past the very thing that freezes it, which takes many times as long as to
write a field that is not frozen; a message that is sent makes about a hundred of them. Of two classes with the same
slots Python lets the one take the place of the other, and that takes no time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, fields, make_dataclass
from functools import cache, wraps
from operator import attrgetter
from typing import Any, TypeVar, cast

__all__ = ["changed", "drafted"]

T = TypeVar("T")

_put = object.__setattr__
"""Sets what is frozen."""


def drafted(kind: type[T]) -> type[T]:
    """Let values of a frozen dataclass with slots be made by way of a draft; for those with more than three fields."""
    frozen: Any = kind
    draft: Any = make_dataclass(
        f"{kind.__name__}Draft",
        [
            (each.name, Any, field(default=each.default, default_factory=each.default_factory, kw_only=each.kw_only))
            for each in fields(frozen)
        ],
        slots=True,
    )
    write = draft.__init__

    @wraps(frozen.__init__)
    def init(self: Any, *args: Any, **values: Any) -> None:
        _put(self, "__class__", draft)
        write(self, *args, **values)
        self.__class__ = frozen

    frozen.__init__ = init
    return kind


def changed(value: T, **changes: Any) -> T:
    """Copy a frozen dataclass with slots, some fields changed: `dataclasses.replace` in a quarter of the time."""
    kind: Any = type(value)
    read, draft = _ways(kind)
    made = draft(*read(value))
    for name, other in changes.items():
        setattr(made, name, other)
    made.__class__ = kind
    return cast("T", made)


@cache
def _ways(kind: Any) -> tuple[Callable[[Any], tuple[Any, ...]], Callable[..., Any]]:
    """Say how all fields are read, and how a draft is made of them."""
    names = [each.name for each in fields(kind)]
    return attrgetter(*names), make_dataclass(f"{kind.__name__}Draft", names, slots=True)
