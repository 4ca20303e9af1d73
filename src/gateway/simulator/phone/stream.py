"""The live part of a page: server-sent events, each holding the fragments that changed.

An event's id is the simulator's own word for this run and the number of the journal's last entry. A page that comes
back with the last id it saw is sent what is different, and plays the effects of what it missed; one from another run,
or from before the journal's memory, is sent everything anew. Nothing is lost, and nothing is there twice, for every
bubble has one id in the page.
"""

from __future__ import annotations

import asyncio
import contextlib

from gateway.simulator.asgi import Receive, Send
from gateway.simulator.journal import Journal
from gateway.simulator.phone.guard import HEADERS
from gateway.simulator.phone.sheet import Sheet, Shown
from gateway.simulator.scene import Scene

__all__ = ["Stream", "event"]

HEARTBEAT = 15.0
"""Seconds between two signs of life where nothing happens."""
_LOOK = 1.0
"""Real seconds between two looks where the journal says nothing."""
_TOGETHER = 0.015
"""Seconds between two events at least; what happens first is sent at once, and what happens meanwhile together."""


class Stream:
    """Feeds one page until it leaves."""

    def __init__(self, scene: Scene, sheet: Sheet, *, run: str, since: str) -> None:
        self._scene = scene
        self._sheet = sheet
        self._run = run
        self._since = since

    async def serve(self, receive: Receive, send: Send) -> None:
        """Send what changes."""
        headers = {**HEADERS, "content-type": "text/event-stream; charset=utf-8"}
        pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": pairs})
        feeding = asyncio.ensure_future(self._feed(send))
        left = asyncio.ensure_future(_gone(receive))
        ended = asyncio.ensure_future(self._scene.ended.wait())
        try:
            await asyncio.wait({feeding, left, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (feeding, left, ended):
                task.cancel()
            await asyncio.gather(feeding, left, ended, return_exceptions=True)
        if not left.done() or left.cancelled():
            with contextlib.suppress(OSError):
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _feed(self, send: Send) -> None:
        shown, pane, last = await self._begin(send)
        journal, quiet = self._scene.journal, 0.0
        while not self._scene.ended.is_set():
            # not everything is journalled: dots go by themselves
            await journal.wait(since=last, seconds=_LOOK, limit=1)
            last, now = journal.last, self._sheet.look()
            html, shown = self._sheet.difference(shown, now), now
            said = await self._tell(send, last, html)
            # a pane takes much longer than a bubble, which does not wait for it
            if self._sheet.place.pane:
                beside = self._sheet.look_beside()
                html, pane = self._sheet.pane_difference(pane, beside), beside
                said |= await self._tell(send, last, html, seen=said)
            quiet = 0.0 if said else quiet + _LOOK
            if said:
                await asyncio.sleep(_TOGETHER)
            elif quiet >= HEARTBEAT:
                quiet = 0.0
                await _send(send, b": still here\n\n")

    async def _tell(self, send: Send, last: int, html: str, *, seen: bool = False) -> bool:
        """Send what changed, if anything did.

        The name of an event is what a page comes back with: it has seen everything until then, its pane included.
        """
        complete = seen or not self._sheet.place.pane
        if html or seen:
            await _send(send, event(f"{self._run}.{last}" if complete else "", html))
        return bool(html)

    async def _begin(self, send: Send) -> tuple[Shown, str, int]:
        """Bring the page to what is; it may have been away."""
        journal = self._scene.journal
        last, now, pane = journal.last, self._sheet.look(), self._sheet.look_beside()
        run, _, number = self._since.partition(".")
        if run == self._run and number == str(last):
            await _send(send, b": welcome\n\n")
            return now, pane, last
        known = int(number) if run == self._run and number.isascii() and number.isdigit() else None
        fresh = _written(journal, known) if known is not None else set()
        html = self._sheet.everything(now, pane, fresh=fresh)
        await _send(send, event(f"{self._run}.{last}", html))
        return now, pane, last


def _written(journal: Journal, since: int) -> set[tuple[str, str]]:
    """Name the messages that came after an entry of the journal."""
    entries = journal.entries("world", since=since)
    return {(entry.vendor or "", str(entry.data["message"])) for entry in entries if entry.data["what"] == "message"}


def event(name: str, html: str) -> bytes:
    """Write one event, without a name or without data where one is empty; a line of it may hold no break."""
    lines = html.replace("\r", " ").split("\n") if html else []
    named = [f"id: {name}\n"] if name else []
    return "".join([*named, *(f"data: {line}\n" for line in lines), "\n"]).encode("utf-8", "replace")


async def _send(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
