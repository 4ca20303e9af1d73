"""The library against a running service: the same calls, over its API.

It is imported when it is asked for: what only speaks to a service over `remote.wire` waits for no engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.remote.gateway import RemoteGateway

__all__ = ["RemoteGateway"]


if not TYPE_CHECKING:  # a type checker would take any name for one that is there

    def __getattr__(name: str) -> object:
        """Fetch the public name from its module."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
        from gateway.remote.gateway import RemoteGateway  # noqa: PLC0415 - what speaks over `wire` waits for no engine

        return RemoteGateway
