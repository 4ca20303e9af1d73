"""Every call and every webhook as it happens, from the journal of the simulator: nothing of the gateway is touched.

What a service forwards to its own clients no vendor sees; whoever gets it says so.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from gateway.addresses import redact
from gateway.cli.screen import printable
from gateway.simulator import Bubble, Entry, Simulation
from gateway.simulator.router import Router

__all__ = ["Seen", "Trace"]

_KINDS = ("request", "answer", "attempt", "world")
_HOLD = timedelta(milliseconds=40)
"""A line waits this long: a webhook is journalled when it is answered, and what it set off may be journalled before."""
_TICK = 0.02
_MOST = timedelta(seconds=2)
"""How long a call without an answer holds up the lines after it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that happened, by the time it began."""

    at: datetime
    vendor: str
    kind: Literal["call", "webhook", "forward", "phone"]
    what: str
    """Method and path template, the vendor's event, whom we told of one, or what the phone shows; holds no address."""
    status: int | None = None
    milliseconds: float | None = None
    fine: bool = True


class Trace:
    """Follows the journal, and shows what it finds in the order in which it began."""

    def __init__(self, simulation: Simulation, show: Callable[[Seen], None]) -> None:
        self._simulation = simulation
        self._show = show
        self._routes = {
            vendor: Router((route.method, route.pattern, route.pattern) for route in simulation.twin(vendor).routes())
            for vendor in simulation.vendors
        }
        self._last = 0
        self._open: dict[int, Entry] = {}
        self._held: list[Seen] = []
        self._idle = asyncio.Event()

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            await self._simulation.journal.wait(*_KINDS, since=self._last, seconds=_TICK)
            self._step()
            await asyncio.sleep(_TICK / 2)

    def _step(self) -> None:
        """Take in what is new, and show what is old enough."""
        for entry in self._simulation.journal.entries(*_KINDS, since=self._last):
            self._last = entry.seq
            self._take(entry)
        now = self._simulation.clock.now()
        waiting = [entry.at for entry in self._open.values() if now - entry.at < _MOST]
        until = min([now - _HOLD, *waiting])
        self._held.sort(key=lambda seen: seen.at)
        while self._held and self._held[0].at <= until:
            self._show(self._held.pop(0))
        if self._held or self._open:
            self._idle.clear()
        else:
            self._idle.set()

    def note(self, seen: Seen) -> None:
        """Take in what no journal holds."""
        self._held.append(seen)
        self._idle.clear()

    async def quiet(self) -> None:
        """Wait until everything that happened so far is shown."""
        await asyncio.sleep(_HOLD.total_seconds())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_MOST.total_seconds()):
                await self._idle.wait()

    def _take(self, entry: Entry) -> None:
        if entry.kind == "request":
            self._open[entry.seq] = entry
        elif entry.kind == "answer":
            request = self._open.pop(_number(entry, "request"), None)
            if request is not None:
                self._held.append(self._call(request, entry))
        elif entry.kind == "attempt":
            self._held.append(_webhook(entry))
        elif (words := self._phone(entry)) is not None:
            self._held.append(Seen(entry.at, entry.vendor or "", "phone", words))

    def _call(self, request: Entry, answer: Entry) -> Seen:
        vendor, method = request.vendor or "", str(request.data["method"])
        found = self._routes[vendor].find(method, str(request.data["raw_path"]))
        template = found.target if found and found.target else "(no such path)"
        took = round((answer.at - request.at).total_seconds() * 1000, 1)
        status = _number(answer, "status") or None
        fine = status is not None and status < 400
        return Seen(request.at, vendor, "call", f"{method} {template}", status, took, fine=fine)

    def _phone(self, entry: Entry) -> str | None:
        """Say what happened on the phone; None for what a call or a webhook says already."""
        bubble = self._simulation.world.find(entry.vendor or "", str(entry.data.get("message")))
        ours, what = bool(entry.data.get("ours")), entry.data["what"]
        if what == "message" and bubble is not None:
            return f"{'the phone shows' if ours else self._writer(bubble)} {_content(bubble)}"
        if what in {"reacted", "unreacted"}:
            verb = "reaction" if what == "reacted" else "reaction that is taken back"
            return f"{'the phone shows our' if ours else 'the contact’s'} {verb}: {entry.data['reaction']}"
        if what == "typing":
            return "the phone shows our dots" if ours and entry.data["on"] else None
        if what == "read" and ours:
            return "the phone shows that we read it"
        return None

    def _writer(self, bubble: Bubble) -> str:
        members = bubble.thread.members
        address = next((member for member in members if member.text == bubble.sender), members[0])
        group = " in a group" if bubble.thread.group else ""
        return f"{self._simulation.world.phone(address).name} writes{group}"


def _webhook(entry: Entry) -> Seen:
    took = _number(entry, "milliseconds")
    again = f" (attempt {entry.data['attempt']})" if _number(entry, "attempt") > 1 else ""
    return Seen(
        entry.at - timedelta(milliseconds=took),
        entry.vendor or "",
        "webhook",
        f"{entry.data['event']}{again}",
        _number(entry, "status") or None,
        took,
        fine=bool(entry.data["accepted"]),
    )


def _number(entry: Entry, name: str) -> int:
    value = entry.data.get(name)
    return value if isinstance(value, int) else 0


def _content(bubble: Bubble) -> str:
    """Show a message as the phone does, in words: the demo's own texts."""
    shown = []
    for part in bubble.parts:
        if part.type == "text":
            shown.append(f"“{printable(part.text, most=60)}”")
        elif part.type in {"attachment", "voice"}:
            name = (part.url or "").rpartition("/")[2] or part.name or "a file"
            shown.append(f"{'♪' if part.type == 'voice' else '▣'} {printable(name, most=40)}")
        else:
            shown.append(part.type)
    marks = [f"with {bubble.effect.value}"] if bubble.effect else []
    marks += ["as a reply"] if bubble.reply_to else []
    return redact(" ".join([*shown, *marks]))
