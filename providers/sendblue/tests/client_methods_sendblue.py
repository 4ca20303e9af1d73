"""What the vendor's client, which Stainless generated, can do: found by walking through its resources."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

__all__ = ["methods_of"]


def methods_of(client: Any) -> set[str]:
    """Every public method that calls the vendor, dotted: `v2.totp.secrets.create`."""
    return {name for prefix, resource in _resources(client) for name in _methods(prefix, resource)}


def _resources(parent: Any) -> Iterator[tuple[str, Any]]:
    """The resources of a client or of another resource; the wrappers around them are other classes."""
    for name, member in vars(type(parent)).items():
        if not name.startswith("_") and not inspect.isfunction(member):
            value = getattr(parent, name)
            if type(value).__name__.endswith("Resource"):
                yield name, value


def _methods(prefix: str, resource: Any) -> Iterator[str]:
    for name, member in vars(type(resource)).items():
        if inspect.isfunction(member) and not name.startswith("_"):
            yield f"{prefix}.{name}"
    for inner, nested in _resources(resource):
        yield from _methods(f"{prefix}.{inner}", nested)
