"""What all of the vendor's JSON shares: how it is read, times, pages, deletions, errors."""

from __future__ import annotations

from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict, JsonValue

__all__ = ["Deleted", "ErrorBody", "Listed", "Moment", "Pagination", "Wire"]

Moment: TypeAlias = int | float | str | None
"""A time as it comes: milliseconds by the documents, seconds in one report, ISO 8601 in `last_active`."""


class Wire(BaseModel):
    """Base of all: frozen, and whatever the vendor adds is kept."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)

    def dump(self) -> dict[str, Any]:
        """Give the JSON with exactly the fields that were set."""
        return self.model_dump(mode="json", exclude_unset=True, by_alias=True)


class Pagination(Wire):
    """Where a page stands; `returned` and `has_more` only with webhook logs."""

    limit: int | None = None
    offset: int | None = None
    total: int | None = None
    returned: int | None = None
    has_more: bool | None = None


class Listed(Wire):
    """Base of every list that comes in pages."""

    pagination: Pagination | None = None


class Deleted(Wire):
    """Something is gone; the vendor deletes softly, and a webhook's answer has a `message` in place of the time."""

    success: bool | None = None
    deleted_at: Moment = None
    message: str | None = None


class ErrorBody(Wire):
    """An error: `error` is a class name now (`ApiError`), was a slug before, and is an object in v4."""

    error: str | dict[str, JsonValue] | None = None
    message: str | None = None
    status: int | str | None = None
    code: str | None = None
    """The reason for programs, on the known cases only."""
