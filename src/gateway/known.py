"""What JSON texts of rows say: a text that was written a moment ago need not be read again at each stage of its send.

A cache and nothing more: what a text says never changes, and whoever has forgotten it reads it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, TypeAdapter

from gateway.actions import Receipt, StepAction

__all__ = ["ACTIONS", "MOST", "RECEIPTS", "Known"]

ModelT = TypeVar("ModelT", bound=BaseModel)

MOST = 1024
"""Texts that are kept with what they say: about those of the messages that are on their way."""


class Known(Generic[ModelT]):
    """Writes and reads the JSON of one kind of value."""

    def __init__(self, kind: Any) -> None:
        self._adapter: TypeAdapter[ModelT] = TypeAdapter(kind)
        # not a dict: to find its first key takes the longer, the more were taken out in front of it
        self._values: OrderedDict[str, ModelT] = OrderedDict()

    def write(self, value: ModelT) -> str:
        """Give the text of a value."""
        # what `model_dump_json` does, without looking at each of its options
        text = value.__pydantic_serializer__.to_json(value).decode()
        self._keep(text, value)
        return text

    def read(self, text: str) -> ModelT:
        """Give what a text says; raises pydantic's `ValidationError` where it is none of this kind."""
        value = self._values.get(text)
        if value is None:
            value = self._adapter.validate_json(text)
            self._keep(text, value)
        return value

    def _keep(self, text: str, value: ModelT) -> None:
        """Note what a text says; of too many the oldest goes."""
        self._values[text] = value
        if len(self._values) > MOST:
            self._values.popitem(last=False)


ACTIONS: Known[StepAction] = Known(StepAction)
RECEIPTS: Known[Receipt] = Known(Receipt)
