"""A scenario as it is written, in TOML.

    name = "greeting"

    [[step]]
    says = "hello"

    [[step]]
    expect = "You said: hello"

Every step does one thing or expects one thing. `phone` is an address, or the number of one of the world's phones from
1; it and `via` hold for all further steps until another is named.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from gateway.actions import DeliveryState
from gateway.addresses import Address, Word
from gateway.errors import ConfigurationError
from gateway.model import Effect, Reaction
from gateway.simulator.faults import Fault

__all__ = ["DOING", "EXPECTING", "Scenario", "Step"]

DOING = (
    "says",
    "replies",
    "reacts",
    "unreacts",
    "types",
    "reads",
    "calls",
    "opts_in",
    "stops",
    "switch",
    "starts_group",
    "fault",
    "advance",
)
"""What a step may do."""
EXPECTING = ("expect", "expect_pattern", "expect_reaction", "expect_state", "expect_typing", "expect_silence")
"""What a step may expect."""


class StartGroup(Word):
    """A group that a contact starts."""

    others: tuple[str, ...] = Field(min_length=1)
    """Addresses, or numbers of the world's phones."""
    text: str = Field(min_length=1, repr=False)
    name: str | None = Field(default=None, repr=False)


class Step(Word):
    """One step: exactly one of what it does and what it expects, and where."""

    phone: str | int | None = Field(default=None, repr=False)
    """Whose phone: an address, or a number from 1."""
    via: str | None = None
    """The vendor."""
    line: str | None = None
    group: bool | None = None
    """In the group that was started last, until a step says false."""

    says: str | None = Field(default=None, min_length=1, repr=False)
    attachments: tuple[str, ...] = Field(default=(), repr=False)
    """URLs, with `says`."""
    subject: str | None = Field(default=None, repr=False)
    effect: Effect | None = None
    replies: str | None = Field(default=None, min_length=1, repr=False)
    """To the last message of the application."""
    reacts: Reaction | None = None
    unreacts: Reaction | None = None
    types: bool | None = None
    reads: Literal[True] | None = None
    calls: Literal[True] | None = None
    opts_in: str | None = None
    """The text of the opt-in; `link` goes with it."""
    link: str | None = Field(default=None, repr=False)
    stops: str | None = None
    switch: dict[str, bool | str] | None = None
    starts_group: StartGroup | None = None
    fault: Fault | None = None
    advance: float | None = Field(default=None, ge=0, le=10 * 366 * 86_400)
    """Seconds by which the clock is moved on."""

    expect: str | None = Field(default=None, repr=False)
    """The whole text of the application's next message."""
    expect_pattern: str | None = Field(default=None, repr=False)
    """A regular expression that is found in it."""
    expect_reaction: Reaction | None = None
    """On the last message of the contact."""
    expect_state: DeliveryState | None = None
    """Of the application's message that was expected last."""
    expect_typing: bool | None = None
    expect_silence: float | None = Field(default=None, gt=0, le=60)
    """Real seconds in which no message comes."""
    within: float = Field(default=5.0, gt=0, le=600)
    """Real seconds to wait for what is expected."""

    @field_validator("expect_pattern")
    @classmethod
    def _is_pattern(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"the pattern is no regular expression: {error}") from None
        return pattern

    @model_validator(mode="after")
    def _does_one_thing(self) -> Self:
        done = [name for name in (*DOING, *EXPECTING) if getattr(self, name) is not None]
        if len(done) != 1:
            raise ValueError(f"a step does or expects exactly one thing, not {', '.join(done) or 'nothing'}")
        if self.says is None and (self.attachments or self.subject or self.effect):
            raise ValueError("attachments, subject and effect go with says")
        return self

    @property
    def what(self) -> str:
        """What it does or expects, by its name."""
        return next(name for name in (*DOING, *EXPECTING) if getattr(self, name) is not None)


class Scenario(Word):
    """A conversation."""

    name: str = Field(min_length=1)
    seed: int = 0
    vendors: tuple[str, ...] = ()
    """Through which vendors it is played, one after the other; without any, through all that are there."""
    clock: Literal["real", "virtual"] = "real"
    step: tuple[Step, ...] = Field(min_length=1)

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a scenario; raises `ConfigurationError` that names the step and what is wrong with it."""
        try:
            return cls.model_validate(tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError(f"the scenario is no TOML: {error}", hint="mend the line it names") from None
        except ValidationError as error:
            wrongs = error.errors(include_url=False, include_context=False, include_input=False)
            words = "; ".join(
                f"{_place(wrong['loc'])}: {wrong['msg'].removeprefix('Value error, ')}" for wrong in wrongs
            )
            raise ConfigurationError(f"the scenario is wrong: {words}", hint="see docs/howto/phone.md") from None

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a scenario's file; raises `ConfigurationError`."""
        try:
            return cls.read(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is no text"
            raise ConfigurationError(f"cannot read the scenario {path.name}: {why}", hint="name a TOML file") from None


def _place(location: tuple[str | int, ...]) -> str:
    """Name where it is wrong as a person counts."""
    match location:
        case ("step", int(number), *rest):
            return " ".join([f"step {number + 1}", ".".join(map(str, rest))]).strip()
    return ".".join(map(str, location)) or "the whole"


def address_of(named: str | int, people: list[Address]) -> Address:
    """Give the address of a phone that a step names; raises `ValueError`."""
    if isinstance(named, int) or named.isdigit():
        number = int(named)
        if not 1 <= number <= len(people):
            raise ValueError(f"there is no phone {number}: the world has {len(people)}")
        return people[number - 1]
    return Address.parse(named)
