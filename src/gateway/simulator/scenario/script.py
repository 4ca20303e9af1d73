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
from gateway.simulator.scenario.wrong import wrongs_of

__all__ = ["DOING", "EXPECTING", "Location", "Poll", "Scenario", "StartGroup", "Step", "address_of"]

DOING = (
    *("says", "replies", "speaks", "sends", "polls", "locates", "stickers", "introduces"),
    *("edits", "unsends", "reacts", "unreacts", "sticks", "votes", "unvotes", "retries"),
    *("types", "reads", "calls", "opts_in", "stops", "shares", "pins", "switch"),
    *("starts_group", "renames", "pictures", "adds", "removes", "leaves"),
    *("fault", "advance"),
)
"""What a step may do."""
EXPECTING = (
    *("expect", "expect_pattern", "expect_reaction", "expect_state", "expect_typing", "expect_read"),
    *("expect_name", "expect_silence"),
)
"""What a step may expect."""
_AIMED = frozenset(
    {"says", "replies", "edits", "unsends", "reacts", "unreacts", "sticks", "votes", "unvotes", "retries"}
)
_PARTED = frozenset({"says", "replies", "reacts", "unreacts"})


class StartGroup(Word):
    """A group that a contact starts."""

    others: tuple[str, ...] = Field(min_length=1)
    """Addresses, or numbers of the world's phones."""
    text: str = Field(min_length=1, repr=False)
    name: str | None = Field(default=None, repr=False)


class Poll(Word):
    """A poll that a contact makes."""

    title: str | None = Field(default=None, repr=False)
    options: tuple[str, ...] = Field(min_length=2, max_length=12, repr=False)


class Location(Word):
    """A place that a contact sends, in degrees."""

    latitude: float = Field(ge=-90, le=90, repr=False)
    longitude: float = Field(ge=-180, le=180, repr=False)


class Step(Word):
    """One step: exactly one of what it does and what it expects, and where."""

    phone: str | int | None = Field(default=None, repr=False)
    """Whose phone: an address, or a number from 1."""
    via: str | None = None
    """The vendor."""
    line: str | None = None
    group: bool | str | None = Field(default=None, repr=False)
    """In the group that was started last, or in the one with this name, until a step says false."""
    to: str | int | None = Field(default=None, repr=False)
    """Which message is meant: the latest with this text, or one counted from the end of the chat, the last being -1.

    Else the application's last one; what is edited and unsent is the contact's last, votes are for the last poll, and
    `says` answers none.
    """
    part: int = Field(default=0, ge=0)
    """Which part of it, from 0."""

    says: str | None = Field(default=None, min_length=1, repr=False)
    attachments: tuple[str, ...] = Field(default=(), repr=False)
    """URLs, with `says`."""
    subject: str | None = Field(default=None, repr=False)
    effect: Effect | None = None
    replies: str | None = Field(default=None, min_length=1, repr=False)
    speaks: str | None = Field(default=None, min_length=1, repr=False)
    """The URL of a voice note."""
    sends: tuple[str, ...] | None = Field(default=None, min_length=1, repr=False)
    """URLs of files, without words."""
    polls: Poll | None = None
    locates: Location | None = None
    stickers: str | None = Field(default=None, min_length=1, repr=False)
    """What the sticker shows, which is sent as a message; `sticks` puts one on a message."""
    introduces: str | int | None = Field(default=None, repr=False)
    """Whose contact card: an address, or a number from 1."""
    edits: str | None = Field(default=None, min_length=1, repr=False)
    """What the message says from now on."""
    unsends: Literal[True] | None = None
    reacts: Reaction | None = None
    unreacts: Reaction | None = None
    sticks: Literal[True] | None = None
    """Puts a sticker on a message, or takes it off again."""
    votes: str | None = Field(default=None, repr=False)
    """The option."""
    unvotes: str | None = Field(default=None, repr=False)
    retries: Literal[True] | None = None
    """Lets the vendor try a message again that was not delivered."""
    types: bool | None = None
    reads: Literal[True] | None = None
    calls: Literal[True] | None = None
    opts_in: str | None = None
    """The text of the opt-in; `link` goes with it."""
    link: str | None = Field(default=None, repr=False)
    stops: str | None = None
    shares: Literal[True] | None = None
    """Shares the phone's name and picture."""
    pins: bool | None = None
    """Keeps the chat on top of the list, or lets it go."""
    switch: dict[str, bool | str] | None = None
    starts_group: StartGroup | None = None
    renames: str | None = Field(default=None, min_length=1, repr=False)
    """The group's new name."""
    pictures: str | None = Field(default=None, repr=False)
    """The URL of the group's new picture; empty takes it away."""
    adds: str | int | None = Field(default=None, repr=False)
    """Whom, into the group: an address, or a number from 1."""
    removes: str | int | None = Field(default=None, repr=False)
    leaves: Literal[True] | None = None
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
    expect_read: Literal[True] | None = None
    """The application has marked the contact's last message as read."""
    expect_name: str | None = Field(default=None, repr=False)
    """Of the group, as the application gave it."""
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
        if self.to is not None and done[0] not in _AIMED:
            raise ValueError(f"to goes with {', '.join(sorted(_AIMED))}")
        if self.part and done[0] not in _PARTED:
            raise ValueError(f"part goes with {', '.join(sorted(_PARTED))}")
        if isinstance(self.to, int) and self.to >= 0:
            raise ValueError("to counts from the end of the chat: the last message is -1")
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
            words = wrongs_of(error, text, Step)
            raise ConfigurationError(f"the scenario is wrong: {words}", hint="see docs/howto/phone.md") from None

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a scenario's file; raises `ConfigurationError`."""
        try:
            return cls.read(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is no text"
            raise ConfigurationError(f"cannot read the scenario {path.name}: {why}", hint="name a TOML file") from None


def address_of(named: str | int, people: list[Address]) -> Address:
    """Give the address of a phone that a step names; raises `ValueError`."""
    if isinstance(named, int) or named.isdigit():
        number = int(named)
        if not 1 <= number <= len(people):
            raise ValueError(f"there is no phone {number}: the world has {len(people)}")
        return people[number - 1]
    return Address.parse(named)
