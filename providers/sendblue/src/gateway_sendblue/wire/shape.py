"""What all of the vendor's objects share: frozen, open to what is new, and silent about what they hold."""

from __future__ import annotations

from typing import Any, ClassVar, TypeAlias

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
)

__all__ = ["ACCOUNT_EMAIL", "Answer", "Code", "ErrorBody", "Pagination", "Wire"]


class Wire(BaseModel):
    """Base of all: frozen, and whatever the vendor adds is kept. Its `repr` names fields, never what they hold."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="allow", hide_input_in_errors=True, coerce_numbers_to_str=True, populate_by_name=True
    )

    def __repr__(self) -> str:
        """Name the fields that are there: what they hold is numbers, secrets and text of people."""
        return f"{type(self).__name__}({', '.join(sorted(self.model_fields_set))})"

    __str__ = __repr__

    def body(self) -> dict[str, Any]:
        """Give the JSON object to send: what was set and is not None."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def named(self) -> dict[str, Any]:
        """Give the JSON with what was read of the fields that we name."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True, include=set(type(self).model_fields))

    def dump(self) -> dict[str, Any]:
        """Give the JSON with exactly the fields that were read."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


Code: TypeAlias = str | int | None
"""A code as it comes: a number by the client's types, text in deliveries that were seen, `SMS_LIMIT_REACHED` in one."""

ACCOUNT_EMAIL = AliasChoices("account_email", "accountEmail")
"""Snake case in the answer to a send, camel case in lists, webhooks and carousels."""


class Answer(Wire):
    """What any answer may say of failure: a 2xx may carry `ERROR` or `DECLINED`, with the reason in `error_…`."""

    status: str | None = None
    message: str | None = None
    error: str | None = None
    error_code: Code = None
    error_key: str | None = None
    """The rule that declined; what to branch on."""
    error_message: str | None = None
    error_reason: str | None = None
    error_detail: str | None = None


class ErrorBody(Answer):
    """The body of an answer that is not 2xx; which of the keys are there is not documented."""

    @field_validator("*", mode="wrap")
    @classmethod
    def _or_none(cls, value: Any, read: ValidatorFunctionWrapHandler) -> Any:
        try:
            return read(value)
        except ValidationError:
            return None


class Pagination(Wire):
    """Where a page is in its list."""

    total: int | None = None
    limit: int | None = None
    offset: int | None = None
    has_more: bool | None = Field(default=None, alias="hasMore")
