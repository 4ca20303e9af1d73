"""The framework's decorators with types of their own: theirs make a typed method an untyped one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import strawberry

__all__ = ["field", "mutation"]

F = TypeVar("F", bound=Callable[..., Any])


def field(description: str) -> Callable[[F], F]:
    """Make a method a field of its type."""
    return cast("Callable[[F], F]", strawberry.field(description=description))


def mutation(description: str) -> Callable[[F], F]:
    """Make a method a field of the mutations, which run one after the other."""
    return cast("Callable[[F], F]", strawberry.mutation(description=description))
