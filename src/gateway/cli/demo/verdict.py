"""What can come of a step of the conversation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Missed", "Outcome", "Verdict"]


class Outcome(StrEnum):
    """What came of a step."""

    OK = "ok"
    ADAPTED = "adapted"
    """Not as it was asked, and the gateway said so."""
    REFUSED = "refused"
    """As it had to be, with a reason."""
    NONE = "not needed"
    """This vendor asks for no such thing, or reports no such thing."""
    MISSED = "missed"
    """It should have happened and did not: the demo fails."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a step, and why in words."""

    outcome: Outcome
    words: str = ""


class Missed(Exception):
    """Something that a step waited for did not happen."""
