"""The description of the API: OpenAPI 3.1 with the forwarded events as webhooks, and a JSON Schema for each of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Path, Request
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.responses import JSONResponse, PlainTextResponse, Response

from gateway.errors import GatewayError, NotFound
from gateway.server.access import Scope
from gateway.server.problems import CODES, MEDIA_TYPE, Problem, status_of
from gateway.server.schemas import event_schema, event_types, events_schema

__all__ = ["describe", "meanings", "operation_id", "router"]

router: APIRouter = APIRouter(tags=["description"])

_REF = "#/components/schemas/{model}"
_OPEN: dict[str, Any] = {"security": [], "x-open": "everybody may read the description"}


def operation_id(route: APIRoute) -> str:
    """Name an operation by its function: `messages_send`, `connections_list`."""
    module = route.endpoint.__module__.rpartition(".")[2]
    return f"{module}_{route.endpoint.__name__.strip('_')}"


@router.get("/openapi.json", summary="Read this description", openapi_extra=_OPEN, response_model=dict[str, Any])
async def document(request: Request) -> Response:
    """Give the description of the whole API."""
    return JSONResponse(request.app.openapi())


@router.get(
    "/schemas/{type}.json", summary="Read the schema of an event", openapi_extra=_OPEN, response_model=dict[str, Any]
)
async def schema(type_: Annotated[str, Path(alias="type", max_length=64)]) -> Response:
    """Give the JSON Schema of one type of event."""
    return JSONResponse(event_schema(type_), media_type="application/schema+json")


@router.get(
    "/problems/{code}",
    summary="Read about a kind of problem",
    openapi_extra=_OPEN,
    response_class=PlainTextResponse,
)
async def problem(code: Annotated[str, Path(max_length=64)]) -> PlainTextResponse:
    """Say what a kind of problem means; the `type` of every problem points here."""
    if code not in meanings():
        raise NotFound("there is no such problem", hint="its code is in the problem's `code`")
    return PlainTextResponse(f"{code.replace('_', ' ')}\n\n{meanings()[code][1]}\n")


def meanings() -> dict[str, tuple[int, str]]:
    """Say what each code means, and its status; those of our errors included."""
    found = dict(CODES)
    for error in _errors(GatewayError):
        told = (error.__doc__ or "").strip().splitlines()[0]
        found.setdefault(error.slug, (status_of(error), told))
    return found


def describe(app: FastAPI) -> None:
    """Have an application describe itself in our way."""
    made: dict[str, Any] = {}

    def document() -> dict[str, Any]:
        if not made:
            made.update(_document(app))
        return made

    app.openapi = document  # type: ignore[method-assign]  # how FastAPI lets one do it


def _document(app: FastAPI) -> dict[str, Any]:
    made = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
    components = made.setdefault("components", {}).setdefault("schemas", {})
    any_event, definitions = events_schema(_REF)
    for name, definition in definitions.items():
        components.setdefault(name, definition)
    components["AnyEvent"] = any_event
    components["Problem"] = Problem.model_json_schema(ref_template=_REF)
    components.update(components["Problem"].pop("$defs", {}))
    components.pop("HTTPValidationError", None)
    components.pop("ValidationError", None)
    scopes = dict(_scopes(app))
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            _problems(operation)
            if (scope := scopes.get((path, method))) is not None:
                operation["x-scope"] = scope
    made["webhooks"] = {type_: _webhook(type_, cls.__name__) for type_, cls in event_types().items()}
    return made


def _scopes(app: FastAPI) -> Iterator[tuple[tuple[str, str], str]]:
    """Tell which scope each operation asks of a key."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if not isinstance(route, APIRoute):
            continue
        for each in route.dependant.dependencies:
            if isinstance(each.call, Scope):
                yield from (((route.path_format, method.lower()), each.call.scope) for method in route.methods or ())


def _problems(operation: dict[str, Any]) -> None:
    """Every operation may end with a problem."""
    operation["responses"].pop("422", None)
    operation["responses"]["default"] = {
        "description": "A problem (RFC 9457).",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def _webhook(type_: str, model: str) -> dict[str, Any]:
    """Describe what an endpoint is sent, in the format `standard`."""
    body = {
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"const": type_},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": {"$ref": f"#/components/schemas/{model}"},
        },
    }
    names = {
        "webhook-id": "The same for every attempt: what a receiver knows a repetition by.",
        "webhook-timestamp": "When this attempt was made, in seconds since 1970.",
        "webhook-signature": "`v1,…` and `v1a,…`, with spaces between; one of them has to be right.",
    }
    return {
        "post": {
            "operationId": f"forwarded_{type_.replace('.', '_')}",
            "summary": f"An event: {type_}",
            "tags": ["forwarded"],
            "parameters": [
                {"name": name, "in": "header", "required": True, "description": told, "schema": {"type": "string"}}
                for name, told in names.items()
            ],
            "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
            "responses": {"2XX": {"description": "Taken; anything else is tried again."}},
        }
    }


def _errors(cls: type[GatewayError]) -> list[type[GatewayError]]:
    return [cls, *(found for sub in cls.__subclasses__() for found in _errors(sub))]
