"""What proves a plugin: contracts to subclass, with pytest."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gateway.testing.providers import ProviderContract

__all__ = ["ProviderContract"]

# without this a failing contract would only say `assert` and nothing of what differs
pytest.register_assert_rewrite("gateway.testing.providers", "gateway.testing.stores")


def __getattr__(name: str) -> Any:
    """Fetch the contract when it is asked for: pytest imports this package for its plugin, and should not wait."""
    if name == "ProviderContract":
        return importlib.import_module("gateway.testing.providers").ProviderContract
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
