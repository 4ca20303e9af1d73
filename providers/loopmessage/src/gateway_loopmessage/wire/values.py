"""What all of the vendor's objects share: how they are read, and how an answer says yes or no."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError, ValidatorFunctionWrapHandler, field_validator

__all__ = ["Answer", "Paged", "Wire", "read_or_none"]

ItemT = TypeVar("ItemT", bound=BaseModel)


class Wire(BaseModel):
    """Base of all of the vendor's objects: frozen, open to new fields, and silent about what it holds."""

    # a number where the vendor's page has a string is read as one: an id of digits is still an id
    model_config = ConfigDict(
        frozen=True,
        extra="allow",
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        coerce_numbers_to_str=True,
    )

    def __repr__(self) -> str:
        """Name the fields that are there, not what they hold: that is numbers and text of people."""
        return f"{type(self).__name__}({', '.join(sorted(self.model_fields_set))})"

    __str__ = __repr__

    def body(self) -> dict[str, JsonValue]:
        """Give the JSON object to send: what was set and is not None."""
        dumped: dict[str, JsonValue] = self.model_dump(mode="json", exclude_none=True)
        return dumped

    def raw(self) -> dict[str, JsonValue]:
        """Give back the JSON object that was read."""
        dumped: dict[str, JsonValue] = self.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return dumped


class Answer(Wire):
    """Any answer of the API: success or failure, in every spelling that was seen."""

    success: bool | None = None
    """False is a failure, at any HTTP status; newer editions leave it out of a success."""
    code: int | str | None = None
    error_code: int | str | None = None
    """What the status look-up calls `code`."""
    message: str | None = None
    """Words for a developer; not for end users."""

    @field_validator("code", "error_code", "message", mode="wrap")
    @classmethod
    def _or_none(cls, value: Any, read: ValidatorFunctionWrapHandler) -> Any:
        """Take one odd field for missing: it must not hide a refusal that the others tell."""
        return read_or_none(value, read)

    @property
    def failure_code(self) -> str | None:
        """The vendor's code as text."""
        code = self.code if self.code is not None else self.error_code
        return None if code is None else str(code).strip() or None


class Paged(Answer, Generic[ItemT]):
    """One page of a list."""

    page: int = 1
    num_pages: int = 1
    per_page: int | None = None
    count: int | None = None
    items: list[ItemT]


def read_or_none(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """Read a field, or take it for missing where it is odd."""
    try:
        return read(value)
    except ValidationError:
        return None
