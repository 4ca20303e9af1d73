"""`POST /graphql`: one query a request, measured before it is looked at."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials
from graphql import GraphQLError
from pydantic import Field, JsonValue
from pydantic_core import to_json

from gateway.errors import GatewayError
from gateway.server.access import BEARER, Scope, caller_of, service_of
from gateway.server.graphql.context import Context
from gateway.server.graphql.guard import Limits, admit
from gateway.server.graphql.masking import PATH, shown_errors
from gateway.server.graphql.schema import SCHEMA
from gateway.server.rest.content import Input
from gateway.tenancy import READ, Caller

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["graphql"])

_ANSWER = "application/graphql-response+json"
"""Of an answer whose status says something; clients that do not ask for it get 200 and look for `errors`."""


class _Anyone(Scope):
    """Lets every valid key in: each field asks for the scope that it needs."""

    def __init__(self) -> None:
        super().__init__(READ)

    async def __call__(
        self,
        request: Request,
        credentials: HTTPAuthorizationCredentials | None = Depends(BEARER),  # noqa: B008 - how FastAPI takes it
    ) -> Caller:
        return await caller_of(request, credentials.credentials if credentials else None)


class QueryIn(Input):
    """A query; several in one request are not taken."""

    query: str = Field(repr=False, max_length=64 * 1024)
    """The document."""
    variables: dict[str, JsonValue] | None = Field(default=None, repr=False)
    """Values for its variables."""
    operationName: str | None = Field(default=None, max_length=256)  # noqa: N815 - the protocol's word
    """Which of its operations to run, where it has several."""
    extensions: dict[str, JsonValue] | None = Field(default=None, repr=False)
    """Taken, as the protocol has it, and not looked at."""


@router.post(PATH, summary="Ask by GraphQL", operation_id="graphql", responses={200: {"description": "The answer."}})
async def graphql(request: Request, body: QueryIn, caller: Annotated[Caller, Depends(_Anyone())]) -> Response:
    """Answer one query or carry out one mutation.

    A query has at most 16 KB, 1,000 words and signs, 10 fragments, 500 fields with fragments counted each time they
    are used, and 10 fields inside each other. Errors have a problem document in `extensions.problem`.
    """
    service = service_of(request)
    asked = service.config.server.introspection
    limits = Limits(introspection=not service.config.production if asked is None else asked)
    try:
        admit(body.query, limits)
    except GatewayError as error:
        return _answer(request, None, [GraphQLError(error.message, original_error=error)])
    result = await SCHEMA.execute(
        body.query,
        variable_values=body.variables,
        context_value=Context(service, caller, request),
        operation_name=body.operationName,
    )
    return _answer(request, result.data, result.errors)


def _answer(request: Request, data: Any, errors: list[GraphQLError] | None) -> Response:
    # a query that did not run at all has no place in it where it failed
    ran = data is not None or not errors or any(error.path for error in errors)
    told: dict[str, Any] = {"data": data} if ran else {}
    if errors:
        told["errors"] = shown_errors(errors)
    speaks = _ANSWER in request.headers.get("accept", "")
    status = 400 if speaks and not ran else 200
    return Response(to_json(told), status, media_type=_ANSWER if speaks else "application/json")
