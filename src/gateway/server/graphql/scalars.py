"""Values that GraphQL has no word for."""

from __future__ import annotations

import re
from typing import Any, NewType

import strawberry
from graphql import EnumValueNode, StringValueNode, ValueNode, value_from_ast_untyped

from gateway.errors import InvalidMessage

__all__ = ["Json", "PlatformName", "json_of", "platform_of"]

_PLATFORM = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


def platform_of(value: Any) -> str:
    """Read the name of a platform, in whatever case."""
    if isinstance(value, str) and _PLATFORM.fullmatch(value):
        return value.lower()
    raise InvalidMessage("this is no name of a platform", hint="write it bare or as a text: IMESSAGE")


def _platform_in(node: ValueNode, _variables: Any = None) -> str:
    """Read a name that stands in a query: bare, as those of enums do, or as a text."""
    return platform_of(node.value if isinstance(node, EnumValueNode | StringValueNode) else None)


def json_of(value: Any) -> Any:
    """Read an object; what it holds is for the provider to judge, who names what is wrong without its value."""
    if not isinstance(value, dict):
        raise InvalidMessage("this has to be an object", hint='write it as { api_key: "…" }, or give it as a variable')
    return value


def _json_in(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
    """Read an object that stands in a query, with the variables that are in it."""
    return json_of(value_from_ast_untyped(node, variables))


PlatformName = NewType("PlatformName", str)
"""A platform, written bare or as a text; which provider serves it is for the service's configuration to say."""

Json = NewType("Json", object)
"""An object of any shape."""

SCALARS: dict[object, Any] = {
    PlatformName: strawberry.scalar(
        name="PlatformName",
        description="A platform such as IMESSAGE, written bare or as a text; the service says who serves it.",
        serialize=str.upper,
        parse_value=platform_of,
        parse_literal=_platform_in,
    ),
    Json: strawberry.scalar(
        name="JSON",
        description="An object of any shape.",
        serialize=lambda value: value,
        parse_value=json_of,
        parse_literal=_json_in,
    ),
}
"""What the schema is told of them."""
