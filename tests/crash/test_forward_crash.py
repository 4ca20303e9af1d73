"""A process that is killed while it forwards: everything arrives, under one id, in order per chat."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import pytest

from gateway.failpoints import Point
from gateway.forward import Verdict
from gateway.store import open_store
from tests.crash.size import CAMPAIGN
from tests.flow.receivers import TENANT, Got, Receiver, Town, receiving, until

STORES = ["sqlite", "postgresql"]
#: Where it ends: before the first delivery, or in the middle of them. The small size tries each once.
SMALL = [
    ("sqlite", Point.SPREADING, 1),
    ("postgresql", Point.SPREAD, 1),
    ("sqlite", Point.HELD, 5),
    ("sqlite", Point.POSTED, 5),
    ("postgresql", Point.POSTED, 5),
    ("postgresql", Point.DELIVERED, 5),
]
POINTS = [(kind, point, n) for kind in STORES for _, point, n in SMALL] if CAMPAIGN else SMALL


class Forks:
    """Starts processes that forward, one at a time."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.crash.forwarder"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def start(self, url: str, keys: Path, failpoint: str) -> int:
        """Start one; gives its process id."""
        return self._ask(json.dumps({"url": url, "keys": str(keys), "failpoint": failpoint}))

    def end(self) -> int:
        """Wait for the one that was started last; gives how it ended."""
        return self._ask("")

    def close(self) -> None:
        """Start no more."""
        self._process.communicate()

    def _ask(self, line: str) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@pytest.fixture(scope="module")
def forwarders() -> Iterator[Forks]:
    """What starts processes that forward."""
    made = Forks()
    yield made
    made.close()


@dataclass(slots=True)
class Place:
    """Events that wait to be forwarded, and whoever is to get them."""

    forks: Forks
    url: str
    keys: Path
    receiver: Receiver
    secret: str
    chats: dict[str, list[str]]
    """The events of each chat, in order."""

    @asynccontextmanager
    async def started(self) -> AsyncIterator[None]:
        """Have a process that forwards, and kill it in the end."""
        pid = await asyncio.to_thread(self.forks.start, self.url, self.keys, "")
        try:
            yield
        finally:
            os.kill(pid, signal.SIGKILL)
            await asyncio.to_thread(self.forks.end)

    async def ended(self, failpoint: str) -> int:
        """Have a process that forwards until it ends itself; gives how."""
        await asyncio.to_thread(self.forks.start, self.url, self.keys, failpoint)
        return await asyncio.to_thread(self.forks.end)

    def all_came(self) -> bool:
        """Tell whether every event was delivered at least once."""
        return {id_ for ids in self.chats.values() for id_ in ids} == {got.id for got in self.receiver.got}

    def assert_in_order(self) -> None:
        """Hold what came against what was to come: each chat in its order, repeated at once or not at all."""
        came: dict[str, list[str]] = {chat: [] for chat in self.chats}
        for got in self.receiver.got:
            came[got.json["data"]["chat_id"]].append(got.id)
        assert self.chats == {chat: [id_ for id_, _ in groupby(ids)] for chat, ids in came.items()}
        assert {Verdict.GENUINE} == {got.verdict(self.secret) for got in self.receiver.got}


@asynccontextmanager
async def waiting(forks: Forks, url: str, folder: Path, chats: int, each: int) -> AsyncIterator[Place]:
    """Keep events of some chats for an endpoint, with no process that forwards them."""
    async with receiving() as receiver:
        store = open_store(url, {})
        await store.open()
        town = Town(store)
        keys = folder / "master.keys"
        keys.write_text(town.ring.text)
        await town.settle()
        made = await town.endpoints.create(TENANT, receiver.url)
        kept: dict[str, list[str]] = {}
        for number in range(each):
            for chat in range(chats):
                event = town.message(f"{number}", f"+1202555{100 + chat:04}")
                kept.setdefault(str(event.chat_id), []).extend(await town.keep(event))
        await town.egress.aclose()
        await store.close()
        yield Place(forks, url, keys, receiver, made.secrets[0], kept)


@pytest.mark.parametrize(("kind", "point", "passes"), dict.fromkeys(POINTS))
async def test_killed_while_it_forwards(
    kind: str, point: Point, passes: int, store: str, tmp_path: Path, forwarders: Forks
) -> None:
    """What it had in hand goes again, under the same id, before anything else of its chat."""
    async with waiting(forwarders, store, tmp_path, chats=3, each=4) as place:
        assert -signal.SIGKILL == await place.ended(f"{point}:{passes}")
        before = len(place.receiver.got)
        async with place.started():
            await until(place.all_came, 60)

    place.assert_in_order()
    # what was answered and not written down was in vain: of each chat one at most
    assert (point in (Point.SPREADING, Point.SPREAD)) is (before == 0)
    assert int(point is Point.POSTED) <= len(place.receiver.got) - 12 <= 3


@pytest.mark.parametrize("kind", STORES)
async def test_killed_again_and_again(kind: str, store: str, tmp_path: Path, forwarders: Forks) -> None:
    """By nobody's plan, with many deliveries under way and a receiver that fails every seventh."""
    async with waiting(forwarders, store, tmp_path, chats=8, each=15) as place:
        place.receiver.answer = failing_now_and_then()
        for _ in range(3):
            so_far = len(place.receiver.got)
            async with place.started():
                await until(lambda so_far=so_far: len(place.receiver.got) > so_far + 20, 60)  # type: ignore[misc]
        async with place.started():
            await until(place.all_came, 60)

    place.assert_in_order()


def failing_now_and_then() -> Callable[[Got], tuple[int, dict[str, str]]]:
    """Answer 500 to every seventh request."""
    count = iter(range(1, 1_000_000))
    return lambda _: (500 if next(count) % 7 == 0 else 200, {})
