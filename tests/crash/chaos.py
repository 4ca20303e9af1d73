"""A run of chaos: many send at once while workers are killed and frozen and the vendors fail in every way they can."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from random import Random
from typing import Any, TypeAlias

from gateway.simulator import Fault, FaultKind, Stage
from gateway.worker import PER_CONNECTION
from tests.crash.site import PATIENCE, Site
from tests.crash.size import CAMPAIGN
from tests.crash.truth import (
    Reader,
    Sent,
    bubbles,
    duplicated,
    handled_out_of_order,
    has_keys,
    hurried,
    lost,
    order_breaks,
    unproven,
    waited,
    wrong_states,
)

CHATS = 100 if CAMPAIGN else 40
"""Contacts of each vendor."""
RATE = 20
"""Calls in a second on each connection, of all workers together."""
BURST = 5
ANSWER = 3.0 if CAMPAIGN else 1.0
"""Seconds that a vendor has: three hundred chats at once keep a twin busy, which is not what is tried here."""
STRIKES = 100_000 if CAMPAIGN else 12
"""Most kills and freezes; a campaign's go on until all is sent."""
PEACE = (1.0, 4.0) if CAMPAIGN else (0.3, 1.0)
"""Seconds from one to the next, at least and at most: workers that only start send nothing."""

MISFORTUNE: Sequence[tuple[float, dict[str, Any]]] = (
    (0.03, {"stage": Stage.REQUEST, "kind": FaultKind.ANSWER, "status": 500}),
    (0.02, {"stage": Stage.REQUEST, "kind": FaultKind.ANSWER, "status": 429, "retry_after": 1}),
    (0.02, {"stage": Stage.REQUEST, "kind": FaultKind.RESET}),
    (0.02, {"stage": Stage.REQUEST, "kind": FaultKind.DELAY, "seconds": 0.3}),
    (0.02, {"stage": Stage.ACCEPTED, "kind": FaultKind.ANSWER, "status": 502}),
    (0.02, {"stage": Stage.ACCEPTED, "kind": FaultKind.SILENCE}),
    (0.02, {"stage": Stage.ACCEPTED, "kind": FaultKind.RESET}),
    (0.02, {"stage": Stage.ACCEPTED, "kind": FaultKind.MALFORMED}),
    (0.03, {"stage": Stage.ACCEPTED, "kind": FaultKind.DELAY, "seconds": 0.3}),
    (0.05, {"stage": Stage.WEBHOOK, "kind": FaultKind.DUPLICATE}),
    (0.05, {"stage": Stage.WEBHOOK, "kind": FaultKind.REORDER, "seconds": 0.2}),
    (0.03, {"stage": Stage.WEBHOOK, "kind": FaultKind.DROP}),
)
"""How likely each fault is. None on reads: a proof that cannot be looked up is another matter."""

Outage: TypeAlias = Callable[[], Awaitable[None]]
"""Takes the store away and gives it back."""


@dataclass(slots=True)
class Chaos:
    """One run."""

    place: Site
    dice: Random
    sends: int
    outage: Outage | None = None
    promised: list[Sent] = field(default_factory=list)
    strikes: Counter[str] = field(default_factory=Counter)
    readers: list[Reader] = field(default_factory=list)
    heard: dict[tuple[str, int], str] = field(default_factory=dict)
    """What each contact wrote first, to answer it."""
    resolving: float = 0.0
    """Seconds until nothing was unknown any more, once the chaos was over."""

    async def run(self, workers: int) -> None:
        """Go through all of it; ends when everything has an outcome."""
        place = self.place
        self.readers = [Reader(place.sim, vendor) for vendor in place.vendors]
        reading = [asyncio.create_task(reader.keep_reading()) for reader in self.readers]
        for _ in range(workers):
            await place.start()
        await self._acquaint()
        self._misfortune()
        striking = asyncio.create_task(self._strike())
        try:
            await asyncio.gather(*(self._talk(vendor, chat) for vendor in place.vendors for chat in range(CHATS)))
            await place.until_async(self._all_left, seconds=2 * PATIENCE + self.sends / 5)
        finally:
            striking.cancel()
            await asyncio.gather(striking, return_exceptions=True)
            place.sim.faults.clear()
        began = time.monotonic()
        await place.until_async(place.nothing_open, seconds=2 * PATIENCE)
        self.resolving = time.monotonic() - began
        # the vendors may have much to tell yet: webhooks wait for each other, and many came to nobody
        await place.settled(seconds=2 * PATIENCE + self.sends / 5)
        for task in reading:
            task.cancel()
        for reader in self.readers:
            reader.read()

    # ── what happens ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _acquaint(self) -> None:
        """Have all contacts write first, so that they may be written to; they read nothing by themselves."""
        for vendor in self.place.vendors:
            for chat in range(CHATS):
                contact = self.place.sim.contact(_phone(chat))
                contact.phone.reads = False
                contact.phone.imessage = True  # some of the people whom every world has are without it
                self.heard[vendor, chat] = contact.write("hello", vendor=vendor).vendor_id
        written = set(self.heard.values())
        await self.place.until(lambda: written <= {line.get("vendor_id") for line in self.place.handed_over})

    def _misfortune(self) -> None:
        for probability, fault in MISFORTUNE:
            method = None if fault["stage"] is Stage.WEBHOOK else "POST"
            self.place.sim.faults.add(Fault(**fault, probability=probability, times=None, method=method))

    async def _talk(self, vendor: str, chat: int) -> None:
        """Send one chat's share, one message after the other, each until it is promised."""
        for number in range(ceil(self.sends / (CHATS * len(self.place.vendors)))):
            key = f"{vendor}-{chat:03}-{number:05}"
            # three answers to one message are three steps at every vendor
            texts = tuple(f"{key}.{step}" for step in range(3 if number % 3 == 0 else 1))
            heard = self.heard[vendor, chat]
            message = await self.place.enqueue(vendor, _phone(chat), *texts, key=key, reply_to=heard)
            self.promised.append(Sent(vendor, _phone(chat), key, texts, message))

    async def _strike(self) -> None:
        """Kill one worker or freeze it past its lease, again and again."""
        place = self.place
        while self.strikes.total() < STRIKES:
            await place.insist("ready")
            await asyncio.sleep(self.dice.uniform(*PEACE))
            number, lot = self.dice.randrange(len(place.workers)), self.dice.random()
            if self.outage and (lot < 0.1 if CAMPAIGN else self.strikes.total() == STRIKES // 2):
                self.strikes["outages"] += 1
                await self.outage()
            elif lot < 0.7:
                self.strikes["kills"] += 1
                await place.workers.pop(number).kill()
                await place.start()
            else:
                self.strikes["freezes"] += 1
                worker = place.workers[number]
                try:
                    # inside: who is cancelled while it freezes one would leave it frozen for good
                    await worker.freeze()
                    await asyncio.sleep(1.2 * place.lease)
                finally:
                    worker.thaw()

    async def _all_left(self) -> bool:
        return bool(await self.place.insist("depth") == 0)

    # ── what must hold ────────────────────────────────────────────────────────────────────────────────────────────

    async def verify(self) -> str:
        """Hold the end against the vendors' truth; gives a line of counts."""
        place = self.place
        # the lanes of a worker that was killed last are free when its lease ends; then proof is looked for
        assert self.resolving < (place.lease + place.settle + 5 if CAMPAIGN else PATIENCE)
        seconds = PATIENCE + self.sends / 50
        async with asyncio.timeout(seconds):
            # a bounded one goes on where the one before came to its bounds
            while not all((await place.insist("catch-up", seconds=seconds)).values()):
                pass
        rows = {row["id"]: row for row in await place.insist("rows", seconds=seconds)}
        # a worker that was frozen may have sent after everybody had looked, and the webhook about it been dropped
        parked = [id_ for id_, row in rows.items() if row["parked"]]
        rows = {row["id"]: row for row in await place.insist("rows", parked, seconds=seconds)}
        shown = [bubble for vendor in place.vendors for bubble in bubbles(place.sim, vendor)]
        assert len(self.promised) == len(rows) > 0
        assert [] == lost(self.promised, rows)
        assert {reader.vendor: [] for reader in self.readers} == {r.vendor: r.read_too_often() for r in self.readers}
        late, starts = BURST + PER_CONNECTION * len(place.workers), self._starts(rows)
        assert {r.vendor: [] for r in self.readers} == {
            r.vendor: hurried(r.reads, RATE, late, waited(r.reads, starts)) for r in self.readers
        }
        texts = Counter(bubble.text for bubble in shown)
        assert {} == {text: number for text, number in texts.items() if number > 1}
        assert [] == unproven(self.promised, rows, texts.keys())
        gone_on = place.released
        # what was read late may come after its lane went on, which is promised of what stays unknown
        released = {text for sent in self.promised if sent.id in gone_on for text in sent.texts}
        breaks = order_breaks(shown)
        assert [] == [text for text in breaks if text not in released]
        rows = await self._with_untold(shown, rows, seconds)
        assert [] == wrong_states(shown, rows.values())
        handed = place.handed_over
        assert [] == handled_out_of_order(handed, await place.insist("events", seconds=seconds))
        return self._line(rows, duplicated(handed), len(breaks))

    def _starts(self, rows: dict[str, Any]) -> dict[str, list[datetime]]:
        """Give the times at which each text had its turn."""
        starts: dict[str, list[datetime]] = {text: [] for sent in self.promised for text in sent.texts}
        for sent in self.promised:
            for step, at in rows[sent.id]["turns"]:
                starts[sent.texts[step]].append(datetime.fromisoformat(at))
        return starts

    async def _with_untold(self, shown: Any, rows: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Ask the vendor about messages whose webhook was dropped and that its records did not bring back."""
        untold = set().union(*(reader.untold for reader in self.readers))
        ask = [id_ for id_, row in rows.items() if untold & row["sent"].keys()]
        if not ask:
            return rows
        return {row["id"]: row for row in await self.place.insist("rows", ask, seconds=seconds)}

    def _line(self, rows: dict[str, Any], again: int, late: int) -> str:
        reads = {reader.vendor: len(reader.reads) for reader in self.readers}
        parked = Counter(sent.vendor for sent in self.promised if rows[sent.id]["parked"])
        assert {} == {vendor: number for vendor, number in parked.items() if has_keys(vendor)}
        left = sum(row["state"] == "partly" for row in rows.values())
        return (
            f"{len(rows)} sends, {dict(self.strikes)}: 0 lost, 0 twice, 0 too fast, 0 out of order but {late} that came"
            f" after their lane went on unknown, reads {reads}, {sum(parked.values())} left to a person and the rest of"
            f" {left}, resolved in {self.resolving:.1f} s, {again} events again"
        )


def _phone(chat: int) -> str:
    return f"+1202555{100 + chat:04}"
