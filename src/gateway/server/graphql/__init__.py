"""GraphQL: the same service for those who ask in one language of fields."""

from __future__ import annotations

from gateway.server.graphql.route import router
from gateway.server.graphql.schema import sdl

__all__ = ["router", "sdl"]
