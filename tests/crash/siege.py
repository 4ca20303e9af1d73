"""A run against a service that is killed again and again, held against the vendors' truth in the end."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from gateway.simulator import Fault, FaultKind, Stage
from tests.crash.chaos import MISFORTUNE
from tests.crash.ingress import Ingress
from tests.crash.premises import Premises, Subscriber
from tests.crash.site import PATIENCE
from tests.crash.size import CAMPAIGN
from tests.crash.truth import Reader, bubbles, has_keys, order_breaks, untold, wrong_states

CHATS = 40 if CAMPAIGN else 4
"""Contacts of each vendor."""
KILLS = 100_000 if CAMPAIGN else 3
"""Most kills; a campaign's go on until all is sent."""
PEACE = (1.0, 5.0) if CAMPAIGN else (0.3, 1.0)
"""Seconds from one to the next, once the service is ready again."""
NOT_HERE = (FaultKind.SILENCE, FaultKind.DROP)
"""A service waits half a minute for a silent vendor; what was dropped is for the catch-up, which has its own tests."""

Row = dict[str, Any]


@dataclass(slots=True)
class Siege:
    """One run."""

    place: Premises
    sends: int
    texts: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """What was promised, by message."""
    written: list[str] = field(default_factory=list)
    """The vendors' ids of what contacts wrote."""
    resolved: dict[str, str] = field(default_factory=dict)
    """The messages that nobody could prove, and what a person said."""
    kills: int = 0
    readers: list[Reader] = field(default_factory=list)
    ingress: Ingress = field(init=False)
    _over: asyncio.Event = field(default_factory=asyncio.Event)
    """All that was to be sent is promised."""

    def __post_init__(self) -> None:
        self.ingress = Ingress(self.place.sim, self.place.connections)
        self.readers = [Reader(self.place.sim, vendor) for vendor in self.place.vendors]

    async def run(self) -> None:
        """Go through all of it; ends when everything has an outcome and was delivered."""
        place = self.place
        reading = asyncio.create_task(self._keep_reading())
        chats = [(vendor, _phone(number)) for vendor in place.vendors for number in range(CHATS)]
        for vendor, phone in chats:
            place.sim.contact(phone).phone.reads = False
            place.sim.contact(phone).phone.imessage = True
            self._write(vendor, phone, "hello")
        await place.until(self._all_came)
        self._misfortune()
        striking = asyncio.create_task(self._strike())
        try:
            await asyncio.gather(*(self._talk(vendor, phone) for vendor, phone in chats))
            if not CAMPAIGN:
                await striking
        finally:
            self._over.set()
            await striking
            place.sim.faults.clear()
        await self._settle()
        await place.until(self._all_delivered, seconds=2 * PATIENCE + self.sends / 10)
        reading.cancel()
        self._read()

    # ── what happens ──────────────────────────────────────────────────────────────────────────────────────────────

    def _write(self, vendor: str, phone: str, text: str) -> None:
        self.written.append(self.place.sim.contact(phone).write(text, vendor=vendor).vendor_id)

    def _misfortune(self) -> None:
        for probability, fault in MISFORTUNE:
            if fault["kind"] not in NOT_HERE:
                method = None if fault["stage"] is Stage.WEBHOOK else "POST"
                self.place.sim.faults.add(Fault(**fault, probability=probability, times=None, method=method))

    async def _talk(self, vendor: str, phone: str) -> None:
        """One chat: its contact writes, and it is sent one message after the other, some of them twice."""
        for number in range(self.sends // (CHATS * len(self.place.vendors))):
            if number % 2:
                self._write(vendor, phone, f"answer {number}")
            key = f"{vendor}-{phone[-3:]}-{number:05}"
            texts = [f"{key}.{step}" for step in range(3 if number % 4 == 3 else 1)]
            for _ in range(1 + self.place.dice.randrange(2)):
                self.texts[await self.place.send(vendor, phone, texts, key)] = texts

    async def _strike(self) -> None:
        """Kill one process after the other; the next one starts at once, or a little later."""
        dice = self.place.dice
        while self.kills < KILLS:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), dice.uniform(*PEACE))
                return
            service = dice.choice(self.place.services)
            await self.place.kill(service)
            self.kills += 1
            await asyncio.sleep(dice.uniform(0, 0.3))
            await self.place.start(service)

    async def _settle(self) -> None:
        """Wait until all has an outcome; decide about what nobody can prove, as a person does who asks the vendor."""
        place = self.place
        patience = 2 * PATIENCE + self.sends / 5
        await place.until(place.nothing_open, seconds=patience)
        while parked := await place.listed("/v1/messages", outcome="unknown"):
            shown = {bubble.text for vendor in place.vendors for bubble in bubbles(place.sim, vendor)}
            for row in parked:
                done = len(row["receipt"]["sent"]) if row["receipt"] else 0
                verdict = "mark_sent" if self.texts[row["id"]][done] in shown else "resend"
                self.resolved[row["id"]] = verdict
                path = f"/v1/messages/{row['id']}/resolve"
                await place.call("POST", path, {"verdict": verdict}, key=f"resolve-{row['id']}-{len(self.resolved)}")
            await place.until(place.nothing_open, seconds=patience)

    async def _keep_reading(self) -> None:
        while True:
            self._read()
            await asyncio.sleep(0.2)

    def _read(self) -> None:
        self.ingress.read()
        for reader in self.readers:
            reader.read()

    async def _all_came(self) -> bool:
        events = await self.place.listed("/v1/events", type="message.received")
        return set(self.written) <= {event["vendor_id"] for event in events}

    async def _all_delivered(self) -> bool:
        if not await self._all_came():
            return False
        everything = {event["id"] for event in await self.place.listed("/v1/events")}
        return everything <= {got.id for got in self.place.subscribers[0].receiver.got}

    # ── what must hold ────────────────────────────────────────────────────────────────────────────────────────────

    async def verify(self) -> str:
        """Hold the end against the truth; gives a line of counts."""
        rows = {row["id"]: row for row in await self.place.listed("/v1/messages")}
        events = await self.place.listed("/v1/events")
        self._verify_the_way_out(rows)
        self._verify_the_way_in(events)
        for subscriber in self.place.subscribers:
            _verify_forwarding(subscriber, events)
        got = [got for subscriber in self.place.subscribers for got in subscriber.receiver.got]
        resolved = Counter(f"{self._vendor(rows[id_])} {said}" for id_, said in self.resolved.items())
        return (
            f"{self.kills} kills, {len(rows)} messages in {len(self.place.answered)} answers, {len(events)} events,"
            f" {self.ingress.again} webhooks again, {len(got)} deliveries: 0 lost, 0 twice, 0 out of order;"
            f" a person settled {dict(resolved)}"
        )

    def _verify_the_way_out(self, rows: dict[str, Row]) -> None:
        """Every promise reached the vendor once, in order, and its state is the vendor's."""
        place = self.place
        promised: dict[str, set[str]] = defaultdict(set)
        for key, message in place.answered:
            promised[key].add(message)
        assert {} == {key: ids for key, ids in promised.items() if len(ids) > 1}
        assert {id_ for ids in promised.values() for id_ in ids} == self.texts.keys() == rows.keys()
        assert {} == {id_: row["outcome"] for id_, row in rows.items() if row["outcome"] != "accepted"}
        shown = [bubble for vendor in place.vendors for bubble in bubbles(place.sim, vendor)]
        expected = Counter(text for texts in self.texts.values() for text in texts)
        assert expected == Counter(bubble.text for bubble in shown)
        late = {text for id_ in self.resolved for text in self.texts[id_]}
        assert [] == order_breaks([bubble for bubble in shown if bubble.text not in late])
        said = [{"sent": {each["vendor_id"]: each["state"] for each in row["deliveries"]}} for row in rows.values()]
        assert [] == wrong_states(shown, said)
        assert set() == untold(shown, said) - late
        read_again = {reader.vendor: set(reader.read_too_often()) - late for reader in self.readers}
        assert {vendor: set() for vendor in place.vendors} == read_again
        assert {} == {id_: said for id_, said in self.resolved.items() if has_keys(self._vendor(rows[id_]))}

    def _vendor(self, row: Row) -> str:
        return next(vendor for vendor, id_ in self.place.connections.items() if id_ == row["connection"])

    def _verify_the_way_in(self, events: Sequence[Row]) -> None:
        """Every webhook that was answered with 2xx became its event, once, and nothing else did."""
        ids = Counter(event["id"] for event in events)
        assert {} == {id_: number for id_, number in ids.items() if number > 1}
        assert set() == self.ingress.accepted - ids.keys()
        # what came of a call is no webhook's news: its answer said it, or that there was none; a call that was proven
        # later has come as far as webhooks said before
        told, own = (
            {
                (event["type"], event.get("state"))
                for event in events
                if (event["id"] in self.ingress.accepted) is theirs
            }
            for theirs in (True, False)
        )
        assert {("delivery.updated", "queued"), ("delivery.updated", "unknown"), *told} >= own
        came = Counter(event["vendor_id"] for event in events if event["type"] == "message.received")
        assert Counter(self.written) == came


def _verify_forwarding(subscriber: Subscriber, events: Sequence[Row]) -> None:
    """Every event came, signed, under its id, in order per chat; what came again came before the next one."""
    wanted = [event for event in events if not subscriber.types or event["type"] in subscriber.types]
    expected: dict[str, list[str]] = defaultdict(list)
    for event in wanted:
        expected[event.get("chat_id") or event["connection"]].append(event["id"])
    came: dict[str, list[str]] = defaultdict(list)
    for got in subscriber.receiver.got:
        data = got.json["data"]
        assert data["id"] == got.id
        came[data.get("chat_id") or data["connection"]].append(got.id)
    assert expected == {lane: [id_ for id_, _ in groupby(ids)] for lane, ids in came.items()}
    assert [] == subscriber.wrong


def _phone(chat: int) -> str:
    return f"+1202555{100 + chat:04}"
