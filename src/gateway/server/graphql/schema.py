"""The schema, whole; its text is committed, so that a change of it is seen."""

from __future__ import annotations

from typing import Any

import strawberry
from graphql import GraphQLError
from graphql.validation import MaxIntrospectionDepthRule
from strawberry.extensions import AddValidationRules
from strawberry.schema.config import StrawberryConfig

from gateway.server.graphql.mutations import Mutation
from gateway.server.graphql.queries import Query
from gateway.server.graphql.scalars import SCALARS

__all__ = ["SCHEMA", "sdl"]


class _Schema(strawberry.Schema):
    """Tells nobody but the caller what is wrong with a query: the front masks and logs it."""

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        """Leave errors to the front."""


SCHEMA = _Schema(
    query=Query,
    mutation=Mutation,
    config=StrawberryConfig(scalar_map=SCALARS),
    extensions=[lambda: AddValidationRules([MaxIntrospectionDepthRule])],
)
"""The schema of `/graphql`."""


def sdl() -> str:
    """Write the schema as text."""
    return SCHEMA.as_str() + "\n"
