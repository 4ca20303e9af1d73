"""The place of the crash: vendors' twins in the test's process, and workers that are killed, frozen and started again.

All workers of a site serve one port, which the test holds open: who calls while none is there waits for the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx

from gateway.carrier import Carrier, Response, posted
from gateway.plugins import load
from gateway.simulator import Simulation
from tests.crash.size import CAMPAIGN
from tests.crash.truth import has_keys
from tests.crash.worker import Job

REAL = sorted(name for name, provider in load().providers.items() if provider.simulator and not provider.invented)
"""Every installed provider of a real vendor that has a twin."""

VENDORS = sorted(name for name, provider in load().providers.items() if provider.simulator) if CAMPAIGN else REAL
"""Those that the failpoints are tried with."""

KINDS = ("sqlite", "postgresql")
"""The kinds of stores that outlive a process."""

PLACES = [
    (vendor, kind) for kind in KINDS for vendor in VENDORS if CAMPAIGN or kind == "sqlite" or not has_keys(vendor)
]
"""What is tried together: in the small size PostgreSQL only with vendors without keys, where nothing may go wrong."""

PATIENCE = 60.0
"""Real seconds that anything here may take on a slow machine."""
CALLER = 10 * PATIENCE if CAMPAIGN else PATIENCE
"""Seconds that a caller insists: workers live some seconds each, and a large store takes most of one to open."""

REDELIVERY = (*(0.25,) * 12, *(1.0,) * 100)
"""Seconds between a twin's attempts to deliver a webhook: what is tested is what comes of them, not the waiting."""


@contextlib.contextmanager
def forking() -> Iterator[str]:
    """Run the process that forks workers; gives its socket."""
    with tempfile.TemporaryDirectory(prefix="gw") as folder:
        path = f"{folder}/s"
        command = [sys.executable, "-m", "tests.crash.forks", path]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdin is not None
            assert process.stdout.readline() == b"ready\n"
            yield path
            process.stdin.close()


@dataclass(slots=True)
class Worker:
    """One process."""

    pid: int
    own: socket.socket
    """The port where this one answers, and no other."""
    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter
    ended: int | None = None
    """Its status, once it ended."""

    async def _word(self) -> str:
        async with asyncio.timeout(PATIENCE):
            line = (await self._reader.readline()).decode().strip()
        if line.startswith("ended"):
            self.ended = int(line.removeprefix("ended "))
        return line

    async def gone(self) -> int:
        """Wait for its end; gives its status, minus the signal."""
        while self.ended is None:
            await self._word()
        self._writer.close()
        self.own.close()
        return self.ended

    async def frozen(self) -> None:
        """Wait until it stopped."""
        while await self._word() != "stopped":
            assert self.ended is None, "it ended in place of stopping"

    def alive(self) -> bool:
        """Tell whether it runs, or is frozen: one that starts while the store is away ends by itself."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, 0)
            return self.ended is None
        return False

    async def kill(self) -> int:
        """End it as a power cut would; gives its status, which is another one where it had ended by itself."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        return await self.gone()

    async def freeze(self) -> None:
        """Stop it where it is."""
        os.kill(self.pid, signal.SIGSTOP)
        await self.frozen()

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)


def _listening() -> socket.socket:
    port = socket.socket()
    port.bind(("127.0.0.1", 0))
    port.listen(512)
    port.settimeout(0)
    return port


def _caller() -> Carrier:
    """Make a caller that keeps no connection: the next request would go to the same worker, and that may be frozen."""
    return Carrier(ssl.create_default_context(), keep=0.0)


async def _whole(response: Response) -> bytes:
    """Read an answer; raises `httpx.HTTPStatusError` for one that is none."""
    body = b"".join([piece async for piece in response.pieces])
    if response.status >= 400:
        made = httpx.Response(response.status, content=body, request=httpx.Request("POST", "http://worker"))
        made.raise_for_status()
    return body


def _url(port: socket.socket) -> str:
    return f"http://127.0.0.1:{port.getsockname()[1]}"


@dataclass(slots=True)
class Site:
    """Twins, workers and a caller."""

    sim: Simulation
    store: str
    folder: Path
    forks: str
    vendors: Sequence[str]
    lease: float = 60.0
    settle: float = 0.5
    pace: str | None = None
    answer: float = PATIENCE
    """Seconds that a vendor has to answer."""
    workers: list[Worker] = field(default_factory=list)
    _port: socket.socket = field(default_factory=_listening)
    _caller: Carrier = field(default_factory=_caller)

    @property
    def url(self) -> str:
        """Where the workers are."""
        return _url(self._port)

    @property
    def shared(self) -> bool:
        """Tell whether several workers may have the store at once."""
        return self.store.startswith("postgresql")

    @property
    def handed_over(self) -> list[dict[str, Any]]:
        """What handlers were given, in any process."""
        path = self.folder / "handled.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def released(self) -> set[str]:
        """Ids of messages whose lane went on while nobody knew what became of them, in any process."""
        return self._logged("outcome_parked")

    @property
    def contested(self) -> set[str]:
        """Ids of messages whose lane was lost, or whose outcome the store did not take: their holder came too late."""
        return self._logged("lane_lost") | self._logged("step_not_settled")

    def _logged(self, event: str) -> set[str]:
        log = (self.folder / "worker.log").read_text(errors="replace")
        return set(re.findall(rf"^{event} message_id='(\w+)'", log, re.MULTILINE))

    async def start(self, failpoint: str = "") -> Worker:
        """Start a worker; it may end at once."""
        job = Job(
            store=self.store,
            connections={vendor: self.sim.settings(vendor) for vendor in self.vendors},
            journal=str(self.folder / "handled.jsonl"),
            log=str(self.folder / "worker.log"),
            failpoint=failpoint,
            lease=self.lease,
            settle=self.settle,
            pace=self.pace,
            answer=self.answer,
        )
        plug, own = socket.socket(socket.AF_UNIX), _listening()
        plug.connect(self.forks)
        socket.send_fds(plug, [json.dumps(asdict(job)).encode()], [self._port.fileno(), own.fileno()])
        reader, writer = await asyncio.open_unix_connection(sock=plug)
        pid = int((await reader.readline()).decode().removeprefix("started "))
        worker = Worker(pid, own, reader, writer)
        self.workers.append(worker)
        return worker

    async def ask(self, path: str, value: Any = None, *, seconds: float = PATIENCE) -> Any:
        """Ask a worker, whichever; raises `httpx.HTTPError` when it dies meanwhile, and for any other answer."""
        return await self._call(f"{self.url}/desk/{path}", value, seconds)

    async def _call(self, url: str, value: Any, seconds: float) -> Any:
        asked = posted(url, {}, json.dumps(value).encode(), seconds)
        return json.loads(await self._caller.carry(asked, _whole))

    async def insist(self, path: str, value: Any = None, *, seconds: float = CALLER) -> Any:
        """Ask until there is an answer, as a caller with an idempotency key does."""
        async with asyncio.timeout(seconds):
            while True:
                try:
                    return await self.ask(path, value, seconds=seconds)
                except httpx.HTTPError:
                    await asyncio.sleep(0.02)

    async def enqueue(self, vendor: str, to: str, *texts: str, key: str, reply_to: str | None = None) -> str:
        """Send as a careful caller does, until it is promised; gives the message's id."""
        asked = {"via": vendor, "to": to, "texts": texts, "key": key, "reply_to": reply_to}
        answer = await self.insist("enqueue", asked)
        return str(answer["message_id"])

    async def settled(self, *, seconds: float | None = None) -> None:
        """Wait until every message has an outcome, or waits for a person, and nothing is under way that could help.

        A person is asked about what nobody could prove so far; a worker that was frozen, or a webhook that comes again,
        may bring the proof after that.
        """
        await self.until_async(self._all_is_over, seconds=seconds or PATIENCE)

    async def _all_is_over(self) -> bool:
        # asked again at the end: what was under way may have come to something that goes on
        return await self.nothing_open() and await self._nothing_under_way() and await self.nothing_open()

    async def _nothing_under_way(self) -> bool:
        """Tell whether the vendors have told all that they tell, and no worker is in the middle of a step."""
        idle = [await self._idle(worker) for worker in self.workers if worker.alive()]
        return all(idle) and self.all_told()

    def all_told(self) -> bool:
        """Tell whether every webhook that was tried was delivered; a dropped one never is."""
        return not self.sim.clock.pending and not self.sim.scene.sender._tasks

    async def ready(self, worker: Worker) -> bool:
        """Wait until a worker answers; False when it ended instead, as one does that starts while the store is away."""
        async with asyncio.timeout(PATIENCE):
            while worker.alive():
                with contextlib.suppress(httpx.HTTPError):
                    await self._call(f"{_url(worker.own)}/desk/ready", None, 5)
                    return True
                await asyncio.sleep(0.02)
        return False

    async def _idle(self, worker: Worker) -> bool:
        try:
            return await self._call(f"{_url(worker.own)}/desk/idle", None, 5) is True
        except httpx.HTTPError:
            return False  # it ended meanwhile; its port, which is held here, still takes calls

    async def nothing_open(self) -> bool:
        """Tell whether every message has an outcome, or waits for a person."""
        found: dict[str, int] = await self.insist("open")
        return {"queued": 0, "unknown": 0} == found

    async def until(self, condition: Callable[[], bool], *, seconds: float = PATIENCE) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.02)

    async def until_async(self, condition: Callable[[], Any], *, seconds: float = PATIENCE) -> None:
        """Wait until something holds that has to be asked for."""
        async with asyncio.timeout(seconds):
            while not await condition():
                await asyncio.sleep(0.05)

    async def close(self) -> None:
        """End all workers."""
        for worker in self.workers:
            if worker.ended is None:
                await worker.kill()
        await self._caller.aclose()
        self._port.close()


@contextlib.asynccontextmanager
async def site(
    vendors: Sequence[str], store: str, folder: Path, forks: str, *, seed: int = 0, **options: Any
) -> AsyncIterator[Site]:
    """Set the place; nobody works there yet."""
    async with Simulation(vendors, seed=seed, latency=0.05) as sim:
        made = Site(sim, store, folder, forks, vendors, **options)
        for vendor in vendors:
            twin: Any = sim.twin(vendor)
            # a slow worker is not a dead one: a delivery that came twice would be another pass of a failpoint
            twin.retry_delays, twin.timeout = REDELIVERY, PATIENCE
            sim.set_webhook(vendor, f"{made.url}/webhooks/{vendor}")
        try:
            yield made
        finally:
            await made.close()
