"""The API's own documents, shown here without anything from elsewhere: operations, event types, GraphQL."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from gateway.server.console.page import Page, View
from gateway.server.schemas import event_schema, event_types
from gateway.tenancy import READ

__all__ = ["VIEWS"]

_METHODS = ("get", "post", "put", "patch", "delete")


async def manual(page: Page) -> Response:
    """Show what the API can be asked, by resource."""
    page.demand(READ)
    document: dict[str, Any] = page.service.openapi()
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if operation := item.get(method):
                group = next(iter(operation.get("tags", ())), "other")
                groups.setdefault(group, []).append({"method": method.upper(), "path": path, **operation})
    return page.show("manual.html", title="API", groups=groups, types=event_types())


async def event(page: Page) -> Response:
    """Show the JSON Schema of a type of event."""
    page.demand(READ)
    name = page.part("type")
    return page.show("schema.html", title=name, name=name, schema=event_schema(name))


VIEWS: tuple[tuple[str, str, View], ...] = (
    ("GET", "/api", manual),
    ("GET", "/api/events/{type}", event),
)
