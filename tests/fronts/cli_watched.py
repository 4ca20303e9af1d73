"""A service beside the tests of the command line: it runs in a thread of its own, a twin with it, a receiver too."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

from typer.testing import Result

from tests.fronts.cli_runs import document, run
from tests.server.desk import ADMIN_KEY, PHONE, VENDOR, Desk, config_of, desk

T = TypeVar("T")

__all__ = ["Ear", "Watched", "listening_ear", "watched_service"]


@dataclass(slots=True)
class Watched:
    """One running service, and commands that ask it."""

    desk: Desk
    loop: asyncio.AbstractEventLoop
    connection: str = ""
    """The id of the connection `main`, to a twin."""

    @property
    def env(self) -> dict[str, str]:
        """What names the service to a command, and proves webhooks of its connection."""
        secret = self.desk.sim.secrets[VENDOR]
        return {"GATEWAY_URL": self.desk.url, "GATEWAY_API_KEY": ADMIN_KEY, "GATEWAY_WEBHOOK_SECRET": secret}

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something in the service's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def run(self, *arguments: str | Path, stdin: str | None = None, env: Mapping[str, str] | None = None) -> Result:
        """Run a command against it."""
        return run(*arguments, stdin=stdin, env={**self.env, **(env or {})})

    def data(self, *arguments: str | Path) -> Any:
        """Run a command with --json that has to end well; gives what it says."""
        result = self.run(*arguments, "--json")
        assert 0 == result.exit_code, result.output
        return document(result.stdout)

    def written(self, text: str) -> dict[str, Any]:
        """Have a contact write; gives the event."""
        event: dict[str, Any] = self.do(self._written(text))
        return event

    async def _written(self, text: str) -> dict[str, Any]:
        self.desk.sim.contact(PHONE).write(text, vendor=VENDOR)

        async def found() -> Any:
            page = (await self.desk.client.get("/v1/events?newest=true&type=message.received")).json()
            return next((each for each in page["items"] if text in str(each["message"])), None)

        event: dict[str, Any] = await self.desk.until(found)
        return event


@contextlib.contextmanager
def watched_service(folder: Path) -> Iterator[Watched]:
    """Run a service with one connection in a thread; ends it, however the tests end."""
    begun, ended = threading.Event(), asyncio.Event()
    made: list[Watched] = []
    failed: list[BaseException] = []

    async def serve() -> None:
        async with desk(config_of(folder, limits={"rate": 10_000, "burst": 10_000})) as found:
            watched = Watched(found, asyncio.get_running_loop())
            watched.connection = await found.connection(name="main")
            made.append(watched)
            begun.set()
            await ended.wait()
            found.service.draining = True

    def work() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - the test that waits is to say so
            failed.append(error)
        finally:
            begun.set()

    thread = threading.Thread(target=work, name="service")
    thread.start()
    begun.wait(60)
    try:
        assert made, failed
        yield made[0]
    finally:
        if made:
            made[0].loop.call_soon_threadsafe(ended.set)
        thread.join(60)
    if failed:
        raise failed[0]


@dataclass(slots=True)
class Ear:
    """A receiver of deliveries: what it was sent, and what it answers, one after the other; then 200."""

    url: str
    answers: list[int] = field(default_factory=list)
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    _more: threading.Condition = field(default_factory=threading.Condition)

    def take(self, headers: Mapping[str, str], body: bytes) -> int:
        """Note a delivery; gives what to answer."""
        with self._more:
            self.heard.append(({name.lower(): value for name, value in headers.items()}, body))
            self._more.notify_all()
            return self.answers.pop(0) if self.answers else 200

    def wait(self, count: int) -> list[tuple[dict[str, str], bytes]]:
        """Wait until it was sent so many."""
        with self._more:
            assert self._more.wait_for(lambda: len(self.heard) >= count, 60), f"{len(self.heard)} of {count} came"
            return list(self.heard)


@contextlib.contextmanager
def listening_ear() -> Iterator[Ear]:
    """Have a receiver listen on a port of this machine."""
    ears: list[Ear] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(ears[0].take(dict(self.headers), body))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    ears.append(Ear(f"http://127.0.0.1:{server.server_address[1]}/hook"))
    thread = threading.Thread(target=server.serve_forever, name="receiver")
    thread.start()
    try:
        yield ears[0]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
