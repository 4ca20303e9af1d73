"""A storm of webhooks: twice, in disorder, late or never by themselves, into crashing handlers and a closed door.

Of everything that the vendor meant to tell, each event is handed over, under one id, in order per chat; none is lost.
Small by default; `STORM=10000` is the full size.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
from pydantic_core import to_json

from gateway import DeliveryState, DeliveryUpdated, Event, Gateway, MessageReceived, OptedIn, ReactionAdded
from gateway.ids import EventId
from gateway.plugins import load
from gateway.provider import Provider, WebhookRequest
from gateway.simulator import Fault, FaultKind, Simulation, served
from gateway.simulator.contact import Impossible
from gateway.simulator.faults import Stage as At
from gateway.store import EventOutcome, Store
from tests.flow.stage import QUICK, VENDORS

pytestmark = pytest.mark.parametrize("vendor", VENDORS)

SIZE = int(os.environ.get("STORM", "300"))
"""How many things happen in the world."""
BATCH = 10
CHATS = 20
LOOK_UPS = min(max(SIZE // 100, 3), 100)
"""How often a vendor that limits it may be asked for its messages in ten seconds: at any size, too seldom at times."""
SHAPES = ("opt-in", "message_inbound")
"""Of an opt-in, at a vendor that has two."""
NEVER = datetime(2026, 1, 1, tzinfo=UTC)

T = TypeVar("T")


class Crash(Exception):
    """What a handler dies of."""


@dataclass(slots=True)
class World:
    """What happened on the phones: what came of it is held against this, and not only against our own parser."""

    wrote: dict[str, str] = field(default_factory=dict)
    """Texts of contacts, by the vendor's id."""
    reacted: list[tuple[str, str, str]] = field(default_factory=list)
    """The vendor's id of the message, who, and with what."""
    opted: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """The vendor's ids of what contacts opted in with, by the shape in which the vendor tells it."""
    told: set[str] = field(default_factory=set)
    """The vendor's ids of the messages that its webhooks are about."""
    mute: list[str] = field(default_factory=list)
    """Names of webhooks that no event was made of."""


class Storm:
    """The vendor's world, what it meant to tell, and what was handed over."""

    def __init__(self, vendor: str, sim: Simulation, reopen: Callable[[], Store | str]) -> None:
        self.vendor = vendor
        self.sim = sim
        self.reopen = reopen
        self.keeps = load().provider(vendor).missed is not Provider.missed
        self.dice = random.Random(f"storm/{vendor}")  # noqa: S311 - weather is no secret
        self.world = World()
        self.told: set[EventId] = set()
        self.handed: Counter[EventId] = Counter()
        self.called: Counter[EventId] = Counter()
        self.order: defaultdict[str, list[EventId]] = defaultdict(list)
        self.reports: dict[EventId, DeliveryUpdated] = {}
        self.forgone: set[EventId] = set()
        """Reports that the vendor no longer has, since a later one about the same message took their place."""
        self._heard = 0
        self._answered = 0

    # ── the world ─────────────────────────────────────────────────────────────────────────────────────────────────

    def weather(self) -> None:
        """Let the road be bad; what no repetition mends is only asked of a vendor that keeps what it sent."""
        switches = self.sim.twin(self.vendor).context.switches
        if "list_requests" in switches:
            switches["list_requests"] = LOOK_UPS
        kinds = [(FaultKind.DUPLICATE, 0.1, 0.0), (FaultKind.REORDER, 0.1, 0.0), (FaultKind.DELAY, 0.05, 4.0)]
        if self.keeps:
            kinds.append((FaultKind.SIGNATURE, 0.05, 0.0))
        for kind, probability, seconds in kinds:
            fault = Fault(
                vendor=self.vendor,
                stage=At.WEBHOOK,
                kind=kind,
                times=None,
                probability=probability,
                seconds=seconds,
                copies=2,
            )
            self.sim.faults.add(fault)

    async def blow(self, count: int, *, seconds: float = 1.0) -> None:
        """Let so many things happen, a batch at a time, each batch taking so long."""
        for begin in range(0, count, BATCH):
            for number in range(begin, min(begin + BATCH, count)):
                self._happen(number)
            await self.sim.clock.advance(seconds)
            self._listen()

    def _happen(self, number: int) -> None:
        contact = self.sim.contact(f"+1202555{self.dice.randrange(CHATS):04}")
        what = self.dice.random()
        switches = self.sim.twin(self.vendor).context.switches
        world = self.world
        if what < 0.05:
            shape = ""
            if "opt_in_event" in switches:
                # a vendor that has two shapes for an opt-in sends now this one and now that one
                switches["opt_in_event"] = shape = SHAPES[sum(map(len, world.opted.values())) % len(SHAPES)]
            world.opted[shape].add(contact.opt_in(vendor=self.vendor, text="YES").vendor_id)
        elif what < 0.2:
            word = self.dice.choice(["love", "like", "laugh"])
            with contextlib.suppress(Impossible):
                bubble = contact.react(word, vendor=self.vendor)
                world.reacted.append((bubble.vendor_id, contact.address.text, word))
        else:
            bubble = contact.write(f"{number}: {self.dice.random()}", vendor=self.vendor)
            world.wrote[bubble.vendor_id] = bubble.text

    def _listen(self) -> None:
        """Note what the vendor meant to tell, whether it arrives or not."""
        provider = load().provider(self.vendor)
        made = provider(provider.Settings.model_validate(self.sim.settings(self.vendor)))
        entries = self.sim.journal.entries("webhook", vendor=self.vendor, since=self._heard)
        for entry in entries:
            self._heard = entry.seq
            hook = WebhookRequest((), to_json(entry.data["payload"]), NEVER)
            self.world.told.add(str(entry.data["message"]))
            events = made.parse(hook)
            self.world.mute += [] if events else [str(entry.data["event"])]
            for event in events:
                stamped = event.stamped(connection="main", provider=self.vendor, received_at=NEVER)
                self.told.add(stamped.id)
                if isinstance(stamped, DeliveryUpdated):
                    self.reports[stamped.id] = stamped

    # ── the gateway ───────────────────────────────────────────────────────────────────────────────────────────────

    @contextlib.asynccontextmanager
    async def gateway(self, **options: Any) -> AsyncIterator[Gateway]:
        """Open for a while."""
        gateway = Gateway(self.reopen(), clock=self.sim.clock, retry=QUICK, **options)
        gateway.connect(self.vendor, "main", **self.sim.settings(self.vendor))

        @gateway.on(Event)
        async def handle(event: Event) -> None:
            await self._handle(event, gateway)

        async with served(gateway.asgi()) as url:
            self.sim.set_webhook(self.vendor, f"{url}/webhooks/main")
            async with gateway:
                yield gateway

    async def _handle(self, event: Event, gateway: Gateway) -> None:
        self.called[event.id] += 1
        if self.called[event.id] <= self.dice.choice([0] * 9 + [1]):
            raise Crash
        if isinstance(event, MessageReceived) and self._answered < SIZE // 5 and self.dice.random() < 0.3:
            # its own reports come back in the storm; a crash after it does not send twice
            self._answered += 1
            await gateway.enqueue(event, "noted", key=f"answer to {event.id}")
        self.handed[event.id] += 1
        self.order[event.chat_id or ""].append(event.id)

    @property
    def missing(self) -> set[EventId]:
        """What was told and not handed over."""
        return self.told - set(self.handed) - self.forgone

    async def calm(self, gateway: Gateway) -> None:
        """Wait until nothing is under way any more."""
        for _ in range(100):
            await self.sim.clock.advance(20)
            self._listen()
            if self.keeps:
                caught = await self._meanwhile(gateway.catch_up("main"))
                # before all is read, what is missing may only be further on
                if caught.complete and self.missing:
                    self.forgone |= await self._meanwhile(self._replaced(gateway))
            await asyncio.sleep(0.02)
            if not self.missing and not await self._pending(gateway):
                return

    async def _meanwhile(self, asking: Coroutine[Any, Any, T]) -> T:
        """Let the world's time go on while the vendor is asked: one that is asked too often lets us wait in that time.

        Faster than real time, and slow enough for a run of catching up to be over before its bounds.
        """
        task = asyncio.create_task(asking)
        while not (await asyncio.wait([task], timeout=0.05))[0]:
            await self.sim.clock.advance(0.5)
        return task.result()

    async def _replaced(self, gateway: Gateway) -> set[EventId]:
        """Name the missing reports that a vendor which keeps messages, and no deliveries, has a later one for."""
        provider, kept, cursor = gateway.connections[0].provider, set(), None
        while True:
            page = await gateway.run("main", provider.missed(cursor))
            events = [event for hook in page.hooks for event in provider.parse(hook)]
            kept |= {e.stamped(connection="main", provider=self.vendor, received_at=NEVER).id for e in events}
            if (cursor := page.cursor) is None:
                break
        order = list(DeliveryState)
        later = {report.vendor_id: order.index(report.state) for id_, report in self.reports.items() if id_ in kept}
        gone = [(id_, self.reports[id_]) for id_ in self.missing - kept if id_ in self.reports]
        return {id_ for id_, report in gone if order.index(report.state) < later.get(report.vendor_id, -1)}

    async def _pending(self, gateway: Gateway) -> list[EventId]:
        rows = await gateway.store.events(limit=100 * SIZE)
        return [row.id for row in rows if row.outcome is EventOutcome.PENDING]


@pytest.fixture
async def storm(vendor: str, reopen: Callable[[], Store | str]) -> AsyncIterator[Storm]:
    """Fair weather, and a vendor."""
    async with Simulation([vendor], clock="virtual", seed=7, latency=0.02) as sim:
        storm = Storm(vendor, sim, reopen)
        storm.weather()
        yield storm


async def test_a_storm_is_handed_over_whole_once_and_in_order(vendor: str, storm: Storm) -> None:
    """Before, during and after an outage; the store and the handlers saw the same."""
    async with storm.gateway():
        await storm.blow(SIZE // 2)
    # longer than any vendor goes on trying, or shorter than it does where it keeps nothing
    lost = min(SIZE // 10, 100)
    await storm.blow(lost, seconds=3600.0 if storm.keeps else 1.0)
    if storm.keeps:
        await storm.sim.clock.advance(4 * 3600)
    async with storm.gateway(catch_up=storm.keeps) as gateway:
        await storm.blow(SIZE // 2 - lost)
        await storm.calm(gateway)
        rows = await gateway.store.events(limit=100 * SIZE)

    assert set() == storm.missing
    assert {1} == set(storm.handed.values())
    assert storm.called.total() > storm.handed.total()
    assert {EventOutcome.DONE} == {row.outcome for row in rows}
    assert {row.id for row in rows} == set(storm.handed)
    lanes: defaultdict[str, list[EventId]] = defaultdict(list)
    for row in rows:
        lanes[row.event.chat_id or ""].append(row.id)
    assert lanes == storm.order
    events = [row.event for row in rows]
    ours = [event for event in events if isinstance(event, DeliveryUpdated) and event.raw is not None]
    assert [] == [event for event in ours if not event.ours]
    assert [] == storm.world.mute
    assert_contacts_were_heard(storm.world, events)
    assert_reports_came_to_the_end(storm, events)


def assert_contacts_were_heard(world: World, events: Sequence[Event]) -> None:
    """What contacts wrote came as they wrote it, what they agreed to in each shape, and each reaction."""
    came = [(event.vendor_id, event.text) for event in events if isinstance(event, MessageReceived) and not event.ours]
    agreed = Counter(event.vendor_id for event in events if isinstance(event, OptedIn))
    for shape, ids in world.opted.items():
        if shape:
            assert Counter(ids) == Counter({id_: number for id_, number in agreed.items() if id_ in ids})
    assert ({*SHAPES} if any(world.opted) else {""}) == world.opted.keys()
    opted = set().union(*world.opted.values())
    assert agreed.keys() <= opted
    assert opted & world.told <= agreed.keys() | {vendor_id for vendor_id, _ in came}
    assert Counter(world.wrote.items()) == Counter(pair for pair in came if pair[0] in world.wrote)
    reactions = [event for event in events if isinstance(event, ReactionAdded)]
    if reactions:
        assert set(world.reacted) == {
            (each.target.vendor_id, str(each.sender and each.sender.text), str(each.reaction and each.reaction.text))
            for each in reactions
        }
    # a vendor that has no word for a reaction tells it as a text
    strange = [vendor_id for vendor_id, _ in came if vendor_id not in world.wrote.keys() | opted]
    assert (0 if reactions else len(world.reacted)) == len(strange)


def assert_reports_came_to_the_end(storm: Storm, events: Sequence[Event]) -> None:
    """Of each message of ours the furthest state that was handed over is the one that it has with the vendor."""
    order = list(DeliveryState)
    furthest: dict[str, DeliveryState] = {}
    for event in events:
        if isinstance(event, DeliveryUpdated) and event.vendor_id is not None:
            furthest[event.vendor_id] = max(furthest.get(event.vendor_id, event.state), event.state, key=order.index)
    threads = storm.sim.world.threads(storm.vendor)
    assert {b.vendor_id: b.state for each in threads for b in each.bubbles if b.ours} == furthest
    assert furthest
