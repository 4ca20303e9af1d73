"""Taking one person out of what is about others: a member out of a group, a number out of a text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pydantic import JsonValue
from pydantic_core import from_json, to_json

__all__ = ["Redaction"]

INSTEAD = "•••"


@dataclass(frozen=True, slots=True)
class Redaction:
    """Whom to take out of JSON texts."""

    address: str = field(repr=False)
    """As it is written where it is an address."""
    pattern: re.Pattern[str] = field(repr=False)
    """Finds it in any text, whatever its case."""

    def names(self, text: str | None) -> bool:
        """Tell whether a text names them."""
        return text is not None and self.pattern.search(text) is not None

    def words(self, text: str) -> str:
        """Replace what names them in a text."""
        return self.pattern.sub(INSTEAD, text)

    def json(self, text: str) -> str:
        """Take them out of a JSON text; the vendor's raw payload in it goes as a whole."""
        return to_json(self._value(from_json(text))).decode() if self.names(text) else text

    def _value(self, value: JsonValue) -> JsonValue:
        if isinstance(value, dict):
            return {self.words(name): self._entry(name, item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._value(item) for item in value if item != self.address]
        if isinstance(value, str):
            return self.words(value)
        # a number that names them is no text that can be cut
        return INSTEAD if isinstance(value, int | float) and self.names(str(value)) else value

    def _entry(self, name: str, value: JsonValue) -> JsonValue:
        if name == "raw" and self.names(to_json(value).decode()):
            return [] if isinstance(value, list) else None
        return self._value(value)
