"""Which events somebody wants: the options of all commands that take events from a service, and what they mean."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Coroutine, Mapping, Sequence
from typing import Annotated, Any, Self, TypeAlias

import typer
from pydantic import ValidationError

from gateway.cli.api import Api, path
from gateway.cli.completing import complete_connection, complete_event_type
from gateway.cli.failing import Usage, nearest
from gateway.errors import GatewayError
from gateway.events import Event, UnknownEvent
from gateway.remote.spelling import event_of

__all__ = ["Names", "Since", "Types", "Via", "ended_by_ctrl_c", "read", "types_of", "until_ended"]

Types: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--type",
        metavar="TYPE",
        help="Only this type, or message.* and the like; repeatable.",
        autocompletion=complete_event_type,
    ),
]
Via: TypeAlias = Annotated[
    str | None,
    typer.Option("--connection", metavar="NAME", help="Only of this connection.", autocompletion=complete_connection),
]
Since: TypeAlias = Annotated[
    str | None, typer.Option(metavar="TIME", help="From then on: 2026-01-31, or with a time of day.")
]


def types_of(given: Sequence[str] | None, option: str = "--type", *, commas: bool = False) -> list[str]:
    """Name the types that are wanted, families such as `message.*` taken apart; raises `Usage` that names the nearest.

    Nothing is all of them.
    """
    from gateway.forward.notices import EVENT_TYPES

    words = [word.strip() for each in given or () for word in (each.split(",") if commas else [each])]
    found: list[str] = []
    for word in filter(None, words):
        mine = _family(word, EVENT_TYPES)
        if not mine:
            there_are = f"there are: {', '.join(EVENT_TYPES)}"
            raise Usage(f"{option} has no {word!r}", hint=nearest(word, EVENT_TYPES, there_are))
        found += mine
    return list(dict.fromkeys(found))


def _family(word: str, types: Collection[str]) -> list[str]:
    from gateway.store.records.endpoints import is_of

    return [type_ for type_ in types if word == "*" or is_of(type_, word)]


def read(told: Any) -> Event:
    """Read an event of a service; one of a later version, which this one does not know, is an `UnknownEvent`."""
    try:
        return event_of(told)
    except ValidationError:
        kept = {name: told[name] for name in ("id", "connection", "provider", "received_at") if name in told}
        return UnknownEvent.model_validate({**kept, "key": "", "reason": "a newer service tells of it"})


class Names:
    """Names of a service's connections for people, by their ids; one that is added meanwhile is asked for."""

    def __init__(self, api: Api, known: Mapping[str, str]) -> None:
        self._api = api
        self._known = dict(known)

    @classmethod
    async def of(cls, api: Api) -> Self:
        """Learn those that there are."""
        return cls(api, await api.names())

    @property
    def width(self) -> int:
        """Characters of the longest."""
        return max((len(name) for name in self._known.values()), default=0)

    async def find(self, connection: str) -> str:
        """Give a name; the id where there is none, or where the key may not know it."""
        if connection and connection not in self._known:
            self._known[connection] = connection
            with contextlib.suppress(GatewayError):
                self._known[connection] = (await self._api.get(path("connections", connection)))["name"]
        return self._known.get(connection, connection)


def ended_by_ctrl_c(work: Coroutine[Any, Any, None]) -> None:
    """Do what has no end of its own, until somebody ends it, which is well; raises what it raises before that."""
    asyncio.run(until_ended(work))


async def until_ended(work: Coroutine[Any, Any, None]) -> None:
    """Do the same within a loop."""
    from gateway.cli.serving import until_interrupted

    asked, task = asyncio.create_task(until_interrupted()), asyncio.create_task(work)
    try:
        await asyncio.wait((asked, task), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
    finally:
        for each in (asked, task):
            each.cancel()
        await asyncio.gather(asked, task, return_exceptions=True)
