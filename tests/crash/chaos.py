"""A run of chaos: many send at once while workers are killed and frozen and the vendors fail in every way they can."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil
from random import Random
from typing import Any, TypeAlias

from gateway.errors import Unreachable
from gateway.simulator import Bubble, Fault, FaultKind, Stage
from gateway.simulator.faults import Armed
from gateway.worker import IDLE, PER_CONNECTION
from tests.crash.doubts import Doubt, Strike, doubts
from tests.crash.ingress import Ingress
from tests.crash.pace import hurried, unmarked
from tests.crash.site import PATIENCE, Site, Worker
from tests.crash.size import CAMPAIGN
from tests.crash.truth import (
    Reader,
    Sent,
    bubbles,
    duplicated,
    handled_out_of_order,
    has_keys,
    lost,
    order_breaks,
    unproven,
    untold,
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
"""Most kills, freezes and outages; a campaign's go on until all is sent."""
OFTEN = {"kills": 6, "freezes": 3, "outages": 1}
"""How often each of them comes, once there was one of each."""
PEACE = (1.0, 4.0) if CAMPAIGN else (0.3, 1.0)
"""Seconds from one to the next, at least and at most: workers that only start send nothing."""
WRITING = (0.05, 0.3)
"""Seconds from one message of a contact to the next, of all contacts together."""
PROMPT = 5.0
"""Seconds after its settle time within which what the vendor has is known to be sent."""
STANDSTILL = timedelta(seconds=0.5)
"""More than this no pause of 50 ms takes where there is time for anything."""

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


Rows: TypeAlias = Mapping[str, Mapping[str, Any]]
"""What the gateway says of each message."""


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
    ingress: Ingress = field(init=False)
    faults: list[Armed] = field(default_factory=list)
    heard: dict[tuple[str, int], str] = field(default_factory=dict)
    """What each contact wrote first, to answer it."""
    written: dict[str, str] = field(default_factory=dict)
    """All that contacts wrote, by the vendor's id."""
    resolving: float = 0.0
    """Seconds until nothing was unknown any more, once the chaos was over."""
    _struck: list[Strike] = field(default_factory=list)
    _standstills: list[Strike] = field(default_factory=list)
    """When the twins had no time, nor most likely anybody else."""
    _over: asyncio.Event = field(default_factory=asyncio.Event)
    """All has left."""

    def __post_init__(self) -> None:
        self.readers = [Reader(self.place.sim, vendor) for vendor in self.place.vendors]
        self.ingress = Ingress(self.place.sim, {vendor: vendor for vendor in self.place.vendors})

    async def run(self, workers: int) -> None:
        """Go through all of it; ends when everything has an outcome."""
        place = self.place
        reading = asyncio.create_task(self._keep_reading())
        for _ in range(workers):
            await place.start()
        await self._acquaint()
        self._misfortune()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._strike())
            group.create_task(self._keep_writing())
            group.create_task(self._note_standstills())
            await asyncio.gather(*(self._talk(vendor, chat) for vendor in place.vendors for chat in range(CHATS)))
            await place.until_async(self._all_left, seconds=2 * PATIENCE + self.sends / 5)
            self._over.set()
        place.sim.faults.clear()
        began = time.monotonic()
        await place.until_async(place.nothing_open, seconds=2 * PATIENCE)
        self.resolving = time.monotonic() - began
        # the vendors may have much to tell yet: webhooks wait for each other, and many came to nobody
        await place.settled(seconds=2 * PATIENCE + self.sends / 5)
        reading.cancel()
        self._read()

    # ── what happens ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _acquaint(self) -> None:
        """Have all contacts write first, so that they may be written to; they read nothing by themselves."""
        for vendor in self.place.vendors:
            for chat in range(CHATS):
                contact = self.place.sim.contact(_phone(chat))
                contact.phone.reads = False
                contact.phone.imessage = True  # some of the people whom every world has are without it
                self.heard[vendor, chat] = self._write(vendor, chat, "hello")
        await self.place.until(
            lambda: self.written.keys() <= {line.get("vendor_id") for line in self.place.handed_over}
        )

    def _misfortune(self) -> None:
        for probability, fault in MISFORTUNE:
            method = None if fault["stage"] is Stage.WEBHOOK else "POST"
            armed = self.place.sim.faults.add(Fault(**fault, probability=probability, times=None, method=method))
            self.faults.append(armed)

    async def _talk(self, vendor: str, chat: int) -> None:
        """Send one chat's share, one message after the other, each until it is promised."""
        for number in range(ceil(self.sends / (CHATS * len(self.place.vendors)))):
            key = f"{vendor}-{chat:03}-{number:05}"
            # three answers to one message are three steps at every vendor
            texts = tuple(f"{key}.{step}" for step in range(3 if number % 3 == 0 else 1))
            heard = self.heard[vendor, chat]
            message = await self.place.enqueue(vendor, _phone(chat), *texts, key=key, reply_to=heard)
            self.promised.append(Sent(vendor, _phone(chat), key, texts, message))

    def _write(self, vendor: str, chat: int, text: str) -> str:
        bubble = self.place.sim.contact(_phone(chat)).write(text, vendor=vendor)
        self.written[bubble.vendor_id] = text
        return bubble.vendor_id

    async def _keep_writing(self) -> None:
        """Have contacts write until all has left, so that what they write goes through the same."""
        dice = Random(f"writing {self.sends}")  # noqa: S311 - chatter is no secret
        while not self._over.is_set():
            self._write(dice.choice(self.place.vendors), dice.randrange(CHATS), f"and {len(self.written)}")
            await asyncio.sleep(dice.uniform(*WRITING))

    async def _note_standstills(self) -> None:
        """Note when the machine had no time for the twins: nor had it any for the workers."""
        while not self._over.is_set():
            begin = datetime.now(UTC)
            await asyncio.sleep(0.05)
            if (end := datetime.now(UTC)) - begin > STANDSTILL:
                self._standstills.append((begin, end))

    async def _keep_reading(self) -> None:
        while True:
            self._read()
            await asyncio.sleep(0.2)

    def _read(self) -> None:
        self.ingress.read()
        for reader in self.readers:
            reader.read()

    async def _all_left(self) -> bool:
        return bool(await self.place.insist("depth") == 0)

    # ── who is struck ─────────────────────────────────────────────────────────────────────────────────────────────

    async def _strike(self) -> None:
        """Strike again and again; the small size always as often, a campaign until all is sent."""
        for number, kind in enumerate(self._kinds()):
            if number == STRIKES or (CAMPAIGN and self._over.is_set() and number >= len(OFTEN)):
                return
            worker = await self._at_work()
            await asyncio.sleep(self.dice.uniform(*PEACE))
            begin = datetime.now(UTC)
            await {"kills": self._kill, "freezes": self._freeze, "outages": self._have_outage}[kind](worker)
            # what it held is free when the lease ends, and who met no store comes back to it after a while
            rest = self.place.lease + (IDLE if kind == "outages" else 0.0)
            self._struck.append((begin, datetime.now(UTC) + timedelta(seconds=rest)))

    def _kinds(self) -> Iterator[str]:
        """Say what comes, one after the other: first one of each, so that no run is without it."""
        often = {kind: weight for kind, weight in OFTEN.items() if self.outage or kind != "outages"}
        yield from self.dice.sample(sorted(often), len(often))
        while True:
            yield from self.dice.choices([*often], [*often.values()])

    async def _at_work(self) -> Worker:
        """Choose a worker that works; those that ended while the store was away have successors."""
        while not await self.place.ready(worker := self.dice.choice(self.place.workers)):
            await self._replace(worker)
        return worker

    async def _replace(self, worker: Worker) -> int:
        """End a worker, if it is not over with it, and start another one; gives its status."""
        self.place.workers.remove(worker)
        status = await worker.kill()
        await self.place.ready(await self.place.start())
        return status

    async def _kill(self, worker: Worker) -> None:
        assert await self._replace(worker) == -signal.SIGKILL
        self.strikes["kills"] += 1

    async def _freeze(self, worker: Worker) -> None:
        """Freeze it past its lease."""
        try:
            # inside: who is cancelled while it freezes one would leave it frozen for good
            await worker.freeze()
            await asyncio.sleep(1.2 * self.place.lease)
        finally:
            worker.thaw()
        assert await self.place.ready(worker)
        self.strikes["freezes"] += 1

    async def _have_outage(self, worker: Worker) -> None:
        assert self.outage is not None
        await self.outage()
        self.strikes["outages"] += 1
        await self.place.ready(worker)

    # ── what must hold ────────────────────────────────────────────────────────────────────────────────────────────

    async def verify(self) -> str:
        """Hold the end against the vendors' truth; gives a line of counts."""
        place, seconds = self.place, PATIENCE + self.sends / 50
        self._verify_strikes()
        # first, for what is asked from here on may bring proof that nobody would have had
        in_doubt = await self._verify_doubts(self._shown(), seconds)
        await self._look_again(seconds)
        rows = {row["id"]: row for row in await place.insist("rows", seconds=seconds)}
        shown = self._shown()
        assert len(self.promised) == len(rows) > 0
        assert [] == lost(self.promised, rows)
        assert {reader.vendor: [] for reader in self.readers} == {r.vendor: r.read_too_often() for r in self.readers}
        self._verify_pace(rows)
        texts = Counter(bubble.text for bubble in shown)
        assert {} == {text: number for text, number in texts.items() if number > 1}
        assert set() == texts.keys() - {read.text for reader in self.readers for read in reader.reads}
        assert [] == unproven(self.promised, rows, texts.keys())
        gone_on = place.released
        # what was read late may come after its lane went on, which is promised of what stays unknown
        released = {text for sent in self.promised if sent.id in gone_on for text in sent.texts}
        breaks = order_breaks(shown)
        assert [] == [text for text in breaks if text not in released]
        rows = await self._with_untold(rows, seconds)
        assert set() == untold(shown, rows.values())
        assert [] == wrong_states(shown, rows.values())
        await self._verify_the_way_in(seconds)
        return self._line(rows, in_doubt, len(breaks))

    def _shown(self) -> list[Bubble]:
        return [bubble for vendor in self.place.vendors for bubble in bubbles(self.place.sim, vendor)]

    async def _look_again(self, seconds: float) -> None:
        """Have the gateway fetch what was missed, and look for all that waits for a person; then all is over again."""
        place = self.place
        async with asyncio.timeout(seconds):
            # a bounded one goes on where the one before came to its bounds; one that came to the end would begin anew
            left = [*place.vendors]
            while left:
                found = await place.insist("catch-up", left, seconds=seconds)
                left = [vendor for vendor in left if not found[vendor]]
        # a worker that was frozen may have sent after everybody had looked, and the webhook about it been dropped
        parked = [row["id"] for row in await place.insist("rows", seconds=seconds) if row["parked"]]
        await place.insist("rows", parked, seconds=seconds)
        # behind a step that was proven late the rest of its sequence leaves, where that is not old yet
        await place.settled(seconds=seconds)
        self._read()

    def _verify_strikes(self) -> None:
        """Whatever is to go wrong went wrong: workers, the store where it can, and each vendor in each way."""
        assert {kind for kind in OFTEN if self.outage or kind != "outages"} == {*+self.strikes}
        spared = [
            (reader.vendor, armed.fault.stage.value, armed.fault.kind.value)
            for reader in self.readers
            for armed in self.faults
            if not reader.struck[armed.id]
        ]
        assert [] == spared

    async def _verify_doubts(self, shown: Sequence[Bubble], seconds: float) -> list[Doubt]:
        """What the vendor had was known to be sent within its settle time and a little, while somebody was there.

        Left out is what one worker took from another one, or could not write: then somebody was missing. In the small
        size, for which a crowded machine may have no time, it is nine of ten.
        """
        found = doubts(self.promised, await self.place.insist("doubts", seconds=seconds), shown)
        assert [] == [doubt for doubt in found if doubt.until is None and not doubt.late]
        most, contested = self.place.settle + PROMPT, self.place.contested
        prompt = [doubt for doubt in found if not doubt.late and doubt.message not in contested]
        slow = [doubt for doubt in prompt if doubt.undisturbed([*self._struck, *self._standstills]) > most]
        assert [] == slow[0 if CAMPAIGN else len(prompt) // 10 :]
        # the lanes of a worker that was killed last are free when its lease ends; then proof is looked for
        assert self.resolving < (self.place.lease + most if CAMPAIGN else PATIENCE)
        return prompt

    def _verify_pace(self, rows: Rows) -> None:
        """The markers kept the limit, each call had one, and so the vendor met no more than was under way beside it."""
        markers = self._markers(rows)
        for reader in self.readers:
            mine = [(at, text) for text, times in markers[reader.vendor].items() for at in times]
            assert [] == hurried(mine, RATE, BURST)
            assert [] == unmarked(reader.reads, markers[reader.vendor])
            under_way = PER_CONNECTION * len(self.place.workers)
            came = [(read.at, read.text) for read in reader.reads]
            assert [] == hurried(came, RATE, BURST + under_way, self._standstills)

    def _markers(self, rows: Rows) -> dict[str, dict[str, list[datetime]]]:
        """Give the times at which each text of each vendor had its turn, but for turns that were given back."""
        found: dict[str, dict[str, list[datetime]]] = {vendor: {} for vendor in self.place.vendors}
        for sent in self.promised:
            for step, at, outcome in rows[sent.id]["turns"]:
                if outcome != Unreachable.slug:
                    found[sent.vendor].setdefault(sent.texts[step], []).append(datetime.fromisoformat(at))
        return found

    async def _with_untold(self, rows: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Ask the vendor about messages whose webhook was dropped and that its records did not bring back."""
        dropped = set().union(*(reader.untold for reader in self.readers))
        ask = [id_ for id_, row in rows.items() if dropped & row["sent"].keys()]
        if not ask:
            return rows
        return {row["id"]: row for row in await self.place.insist("rows", ask, seconds=seconds)}

    async def _verify_the_way_in(self, seconds: float) -> None:
        """What was acknowledged is kept, all that is kept was handed over, in order; contacts were heard, each once."""
        place = self.place
        await place.until_async(self._all_handed_over, seconds=seconds)
        events, handed = await place.insist("events", seconds=seconds), place.handed_over
        assert {"done": len(events)} == Counter(row["outcome"] for row in events)
        assert {row["id"] for row in events} == {line["id"] for line in handed}
        assert set() == self.ingress.accepted - {row["id"] for row in events}
        assert [] == handled_out_of_order(handed, events)
        came = {line["id"]: (line["vendor_id"], line["text"]) for line in handed if line["type"] == "message.received"}
        assert len(came) == len({vendor_id for vendor_id, _ in came.values()})
        assert set() == {*came.values()} - {*self.written.items()}
        dropped = {vendor_id for reader in self.readers for vendor_id in reader.untold}
        assert set() == self.written.keys() - {vendor_id for vendor_id, _ in came.values()} - dropped
        drops = [armed.id for armed in self.faults if armed.fault.kind is FaultKind.DROP]
        assert {r.vendor: sum(r.struck[id_] for id_ in drops) for r in self.readers} == {
            r.vendor: len(r.untold) for r in self.readers
        }

    async def _all_handed_over(self) -> bool:
        kept = {row["id"] for row in await self.place.insist("events") if row["outcome"] == "done"}
        return kept == {line["id"] for line in self.place.handed_over}

    def _line(self, rows: Rows, in_doubt: Sequence[Doubt], late: int) -> str:
        reads = {reader.vendor: len(reader.reads) for reader in self.readers}
        parked = Counter(sent.vendor for sent in self.promised if rows[sent.id]["parked"])
        assert {} == {vendor: number for vendor, number in parked.items() if has_keys(vendor)}
        left = sum(row["state"] == "partly" for row in rows.values())
        stood = [(end - begin).total_seconds() for begin, end in self._standstills]
        longest = max((doubt.undisturbed([*self._struck, *self._standstills]) for doubt in in_doubt), default=0.0)
        return (
            f"{len(rows)} sends, {dict(self.strikes)}, {sum(armed.struck for armed in self.faults)} faults: 0 lost, 0"
            f" twice, 0 too fast, 0 out of order but {late} that came after their lane went on unknown, reads {reads},"
            f" {len(in_doubt)} in doubt for {longest:.1f} s at most, {sum(parked.values())} left to a person and the"
            f" rest of {left}, resolved in {self.resolving:.1f} s; {len(self.written)} heard,"
            f" {duplicated(self.place.handed_over)} events again; the twins stood still {len(stood)} times, for"
            f" {max(stood, default=0.0):.1f} s at most"
        )


def _phone(chat: int) -> str:
    return f"+1202555{100 + chat:04}"
