"""One request to the control API, read with care: what is wrong is said, never raised as something else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, JsonValue
from pydantic_core import from_json

from gateway.simulator.contact import Impossible

__all__ = ["Asked"]

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to the control API."""

    params: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes

    def read(self, model: type[ModelT]) -> ModelT:
        """Read the body; an empty one is an empty object."""
        return model.model_validate(self.json())

    def json(self) -> JsonValue:
        """Read the body as JSON; raises `Impossible`."""
        try:
            value: JsonValue = from_json(self.body or b"{}")
        except ValueError:
            raise Impossible("the body is not JSON", hint="send a JSON object", status=400) from None
        return value

    def number(self, name: str, default: float, most: float) -> float:
        """Read a number of the query, from 0 to `most`; raises `Impossible`."""
        text = self.query.get(name)
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 <= value <= most:
            raise Impossible(f"{name} is wrong", hint=f"give a number from 0 to {most:g}", status=422)
        return value
