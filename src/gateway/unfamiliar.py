"""What a vendor's JSON holds that its model does not name: new fields, new words; names only, never content."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import AliasChoices, BaseModel, JsonValue
from pydantic.fields import FieldInfo

from gateway.addresses import redact

__all__ = ["Unfamiliar", "unfamiliar"]

_LONGEST = 64
"""Characters of a name that are shown: a vendor's words are short, and what is longer is no word."""


@dataclass(frozen=True, slots=True)
class Unfamiliar:
    """A field that the model does not name, or a value of a closed set that is not in it."""

    path: str
    """Names of fields with dots between; those in a list share one."""
    value: str | None = None
    """The value; None where the field itself is new."""


def unfamiliar(
    models: Sequence[type[BaseModel]], payload: JsonValue, words: Mapping[str, Collection[str]]
) -> tuple[Unfamiliar, ...]:
    """Compare JSON, an object or a list of them, with the models that may read it; each thing once, in order.

    Without a model no field is new. `words` are the known values of fields by their path, lower case; what is no text
    there is not looked at.
    """
    items = payload if isinstance(payload, list) else [payload]
    found: dict[Unfamiliar, None] = {}
    for item in items:
        if isinstance(item, dict):
            found |= dict.fromkeys(_fields(models, item, "") if models else ())
            found |= dict.fromkeys(_values(item, words))
    return tuple(found)


def _fields(models: Sequence[type[BaseModel]], item: Mapping[str, Any], prefix: str) -> Iterator[Unfamiliar]:
    """Name what none of the models that may read an object has a field for."""
    known: dict[str, list[FieldInfo]] = {}
    for model in models:
        for name, field in model.model_fields.items():
            for spelled in _spellings(model, name, field):
                known.setdefault(spelled, []).append(field)
    for key, value in item.items():
        path = f"{prefix}{redact(key, limit=_LONGEST)}"
        if key not in known:
            yield Unfamiliar(path)
            continue
        inner = [each for field in known[key] for each in _models(field.annotation)]
        for each in value if isinstance(value, list) else [value]:
            if inner and isinstance(each, dict):
                yield from _fields(inner, each, f"{path}.")


def _spellings(model: type[BaseModel], name: str, field: FieldInfo) -> Iterator[str]:
    """Give the keys by which a field is read."""
    alias = field.validation_alias or field.alias
    if alias is None or model.model_config.get("populate_by_name") or model.model_config.get("validate_by_name"):
        yield name
    if isinstance(alias, str):
        yield alias
    elif isinstance(alias, AliasChoices):
        yield from (choice if isinstance(choice, str) else str(choice.path[0]) for choice in alias.choices)
    elif alias is not None:
        yield str(alias.path[0])


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Find the models in the type of a field, whatever it is wrapped in."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _values(item: Mapping[str, Any], words: Mapping[str, Collection[str]]) -> Iterator[Unfamiliar]:
    for path, known in words.items():
        for value in _at(item, path.split(".")):
            if isinstance(value, str) and value.lower() not in known:
                yield Unfamiliar(path, redact(value, limit=_LONGEST))


def _at(value: Any, steps: Sequence[str]) -> Iterator[Any]:
    """Give all values at a path, those of every object of a list."""
    if isinstance(value, list):
        for each in value:
            yield from _at(each, steps)
    elif not steps:
        yield value
    elif isinstance(value, dict) and steps[0] in value:
        yield from _at(value[steps[0]], steps[1:])
