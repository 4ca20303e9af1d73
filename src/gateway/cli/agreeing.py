"""When a message may leave, as the command line says it: not before, not after, and who goes first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, TypeAlias, TypedDict

import typer
from pydantic import JsonValue

from gateway.cli.configured import chosen, moment
from gateway.cli.failing import Usage
from gateway.interface import Urgency

__all__ = ["Agreed", "At", "Expires", "PriorityName", "agreed"]


class _Rank(StrEnum):
    REPLY = "reply"
    NORMAL = "normal"
    BULK = "bulk"


def _ranks(incomplete: str) -> list[str]:
    return [rank.value for rank in _Rank if rank.value.startswith(incomplete)]


At: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Not before, as 2026-01-31T09:30:00Z: it is kept, and nobody waits; a worker or a service sends it.",
    ),
]
Expires: TypeAlias = Annotated[
    str | None, typer.Option(metavar="TIME", help="Not after: what has not left by then never leaves.")
]
PriorityName: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--priority",
        metavar="NAME",
        help=f"Who goes first among the chats that are due: {', '.join(_Rank)}.",
        autocompletion=_ranks,
    ),
]


class _Options(TypedDict):
    at: datetime | None
    expires: datetime | None
    priority: Urgency | None


@dataclass(frozen=True, slots=True)
class Agreed:
    """When a message may leave."""

    at: datetime | None
    expires: datetime | None
    priority: Urgency | None

    @property
    def options(self) -> _Options:
        """Give it as a gateway takes it."""
        return {"at": self.at, "expires": self.expires, "priority": self.priority}

    @property
    def body(self) -> dict[str, JsonValue]:
        """Give it as a service takes it."""
        return {"at": _written(self.at), "expires": _written(self.expires), "priority": self.priority}


def _written(time: datetime | None) -> str | None:
    return time.astimezone(UTC).isoformat() if time else None


def agreed(at: str | None, expires: str | None, priority: str | None) -> Agreed:
    """Read the options; raises `Usage`."""
    start = moment(at, "--at") if at is not None else None
    end = moment(expires, "--expires") if expires is not None else None
    if start is not None and end is not None and end <= start:
        raise Usage("--expires is not after --at", hint="write times as 2026-01-31T09:30:00Z")
    rank = chosen(_Rank, priority, "--priority")
    return Agreed(start, end, rank.value if rank else None)
