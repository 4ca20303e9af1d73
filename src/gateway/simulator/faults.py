"""Faults on demand: what goes wrong, at which stage, how often and with what probability."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from random import Random
from typing import Self

from pydantic import Field, JsonValue, model_validator

from gateway.actions import DeliveryState
from gateway.addresses import Address, Word
from gateway.simulator.twin import Fate
from gateway.simulator.world import Bubble

__all__ = ["Armed", "Fault", "FaultKind", "Faults", "Stage", "kinds_of"]


class Stage(StrEnum):
    """Where a fault strikes."""

    REQUEST = "request"
    """Before the twin sees the request: nothing was carried out."""
    ACCEPTED = "accepted"
    """After the twin accepted: it was carried out, and the answer suffers."""
    DELIVERY = "delivery"
    """On the way to the phone."""
    WEBHOOK = "webhook"
    """On the way to the application."""


class FaultKind(StrEnum):
    """What goes wrong."""

    ANSWER = "answer"
    """An error answer in the vendor's form: `status`, `code`, `message`, `retry_after`, after `seconds`."""
    DELAY = "delay"
    """All is well, after `seconds`; also for a webhook."""
    RESET = "reset"
    """The connection is reset."""
    SILENCE = "silence"
    """No answer, the connection stays open."""
    MALFORMED = "malformed"
    """An answer that breaks off in the middle of its JSON."""
    HTML = "html"
    """A page of a proxy in the place of the answer."""
    FAILED = "failed"
    """The message fails with the vendor's `code`, for the reason in `message`."""
    QUEUED = "queued"
    """The message is accepted, and stays in the vendor's queue."""
    STUCK = "stuck"
    """The message is sent, and never heard of again."""
    DUPLICATE = "duplicate"
    """The webhook comes `copies` more times."""
    REORDER = "reorder"
    """The webhook comes after the next one, or after `seconds` (5) when there is none."""
    DROP = "drop"
    """The webhook never comes."""
    SIGNATURE = "signature"
    """The webhook is signed with another secret."""
    STALE = "stale"
    """The webhook is signed for a time `seconds` ago (600)."""


_CALLS = frozenset(
    {
        FaultKind.ANSWER,
        FaultKind.DELAY,
        FaultKind.RESET,
        FaultKind.SILENCE,
        FaultKind.MALFORMED,
        FaultKind.HTML,
    }
)
_KINDS: Mapping[Stage, frozenset[FaultKind]] = {
    Stage.REQUEST: _CALLS,
    Stage.ACCEPTED: _CALLS,
    Stage.DELIVERY: frozenset({FaultKind.FAILED, FaultKind.QUEUED, FaultKind.STUCK}),
    Stage.WEBHOOK: frozenset(
        {
            FaultKind.DELAY,
            FaultKind.DUPLICATE,
            FaultKind.REORDER,
            FaultKind.DROP,
            FaultKind.SIGNATURE,
            FaultKind.STALE,
        }
    ),
}


def kinds_of(stage: Stage) -> list[FaultKind]:
    """Give what may go wrong at a stage, in the order of their names."""
    return sorted(_KINDS[stage])


_STATUS = {FaultKind.ANSWER: 500, FaultKind.MALFORMED: 200, FaultKind.HTML: 502}


class Fault(Word):
    """One fault: where it strikes, what it does, what it strikes."""

    stage: Stage = Stage.REQUEST
    kind: FaultKind
    vendor: str | None = None
    """Only this vendor's."""
    times: int | None = Field(default=1, ge=1)
    """How often; None strikes until it is cleared."""
    probability: float = Field(default=1.0, gt=0, le=1)
    """How likely each time, by the seed."""
    method: str | None = None
    """Only requests with this method."""
    path: str | None = None
    """Only requests with such a path, without mount point and percent signs; `*` stands for anything."""
    event: str | None = None
    """Only webhooks of such an event, in the vendor's words; `*` stands for anything."""
    to: Address | None = Field(default=None, repr=False)
    """Only messages to this contact, or to a group with it."""
    status: int | None = Field(default=None, ge=200, le=599)
    code: str | None = None
    message: str = "a fault on demand"
    retry_after: int | None = Field(default=None, ge=0)
    """Seconds, as a header."""
    seconds: float = Field(default=0.0, ge=0, le=86_400 * 30)
    copies: int = Field(default=1, ge=1, le=100)

    @model_validator(mode="after")
    def _fits_its_stage(self) -> Self:
        if self.kind not in _KINDS[self.stage]:
            kinds = ", ".join(sorted(_KINDS[self.stage]))
            raise ValueError(f"{self.kind.value} does not happen at the stage {self.stage.value}: there are {kinds}")
        return self

    @property
    def http_status(self) -> int:
        """The status of the answer, the kind's own where none was given."""
        return self.status if self.status is not None else _STATUS.get(self.kind, 500)


@dataclass(slots=True)
class Armed:
    """A fault that waits for its time."""

    id: str
    fault: Fault
    struck: int = 0

    @property
    def left(self) -> int | None:
        """How often it will still strike; None is without end."""
        return None if self.fault.times is None else self.fault.times - self.struck

    def json(self) -> dict[str, JsonValue]:
        """Give it as JSON."""
        shown: dict[str, JsonValue] = self.fault.model_dump(mode="json", exclude_none=True)
        return {"id": self.id, **shown, "struck": self.struck, "left": self.left}


class Faults:
    """All faults that wait; of several that fit, the first one strikes."""

    def __init__(self, seed: int = 0, *, record: Callable[[Armed, str], None] | None = None) -> None:
        self._seed = seed
        self._record = record
        self._armed: dict[str, Armed] = {}
        self._numbers = itertools.count(1)
        self._dice = Random(f"{seed}/faults")  # noqa: S311 - made-up misfortune is no secret

    def add(self, fault: Fault) -> Armed:
        """Let a fault wait for its time."""
        armed = Armed(f"fault_{next(self._numbers)}", fault)
        self._armed[armed.id] = armed
        return armed

    def all(self) -> list[Armed]:
        """Give the faults that wait; those that are used up are gone."""
        return list(self._armed.values())

    def remove(self, fault_id: str) -> bool:
        """Take one back; tells whether it was there."""
        return self._armed.pop(fault_id, None) is not None

    def clear(self) -> None:
        """Take all back, and begin the dice again."""
        self._armed.clear()
        self._numbers = itertools.count(1)
        self._dice = Random(f"{self._seed}/faults")  # noqa: S311 - as above

    def request(self, stage: Stage, vendor: str, method: str, path: str) -> Fault | None:
        """Tell what strikes a request before or after it was accepted."""
        return self._strike(stage, vendor, lambda f: _like(method, f.method) and _like(path, f.path))

    def webhook(self, vendor: str, event: str) -> Fault | None:
        """Tell what strikes a webhook."""
        return self._strike(Stage.WEBHOOK, vendor, lambda f: _like(event, f.event))

    def spoil(self, bubble: Bubble, fate: Fate) -> Fate:
        """Put another fate in the place of the vendor's, where a fault strikes the delivery."""
        members = bubble.thread.members
        fault = self._strike(Stage.DELIVERY, bubble.thread.vendor, lambda f: f.to is None or f.to in members)
        if fault is None:
            return fate
        if fault.kind is FaultKind.QUEUED:
            return Fate(fate.channel, (DeliveryState.QUEUED,))
        if fault.kind is FaultKind.STUCK:
            return Fate(fate.channel, (DeliveryState.SENT,))
        return Fate(fate.channel, (DeliveryState.FAILED,), code=fault.code, reason=fault.message)

    def _strike(self, stage: Stage, vendor: str, fits: Callable[[Fault], bool]) -> Fault | None:
        for armed in self.all():
            fault = armed.fault
            if fault.stage is not stage or fault.vendor not in (None, vendor) or not fits(fault):
                continue
            if fault.probability < 1 and self._dice.random() >= fault.probability:
                continue
            armed.struck += 1
            if armed.left == 0:
                del self._armed[armed.id]
            if self._record:
                self._record(armed, vendor)
            return fault
        return None


def _like(value: str, pattern: str | None) -> bool:
    return pattern is None or fnmatchcase(value.lower(), pattern.lower())
