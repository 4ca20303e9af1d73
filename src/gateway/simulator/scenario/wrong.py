"""What is wrong with a scenario, in a person's words: the step, the line of the file, and what was meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

__all__ = ["near", "wrongs_of"]

_KINDS = frozenset({"bool", "int", "str"})
"""What pydantic adds to the place of a field that may be several things."""
_STEP = re.compile(r"\s*\[\[\s*step\s*\]\]")


def near(word: str, known: Iterable[str]) -> str:
    """Ask whether a known word was meant; empty where none is like it."""
    found = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {found[0]}?" if found else ""


def wrongs_of(error: ValidationError, text: str, step: type[BaseModel]) -> str:
    """Say everything that is wrong with a file; what was said in the conversation stays out of it."""
    lines = [number for number, line in enumerate(text.splitlines(), 1) if _STEP.match(line)]
    wrongs = error.errors(include_url=False)
    # of a field that may be several things each is tried; one word about it is enough
    told = {_place(wrong["loc"], lines): _words(wrong, step) for wrong in reversed(wrongs)}
    if len(told) > 1:
        # where each step is wrong there are no steps left
        told.pop("step", None)
    return "; ".join(f"{place}: {words}" for place, words in reversed(told.items()))


def _place(location: tuple[str | int, ...], lines: list[int]) -> str:
    """Name where it is wrong as a person counts."""
    match location:
        case ("step", int(number), *rest):
            line = f" (line {lines[number]})" if number < len(lines) else ""
            fields = (str(each) for each in rest if each not in _KINDS)
            return " ".join([f"step {number + 1}{line}", ".".join(fields)]).strip()
    return ".".join(map(str, location)) or "the whole"


def _words(wrong: ErrorDetails, step: type[BaseModel]) -> str:
    said = wrong["msg"].removeprefix("Value error, ")
    match wrong:
        case {"type": "extra_forbidden", "loc": ("step", int(), str(name))}:
            asked = near(name, step.model_fields)
            return f"there is no such step{': ' + asked if asked else ''}"
        case {"type": "enum", "input": str(given), "ctx": Mapping() as context}:
            asked = near(given, re.findall(r"'([^']+)'", str(context.get("expected", ""))))
            return asked or said
    return said
