"""The simulator on a socket: in a test or a demo as `Simulation`, from the command line as `serve`."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import uvicorn

from gateway import plugins
from gateway.addresses import Address
from gateway.errors import ConfigurationError
from gateway.simulator.app import SimulatorApp
from gateway.simulator.clock import Mode, SimClock
from gateway.simulator.contact import Contact
from gateway.simulator.fates import Latency
from gateway.simulator.faults import Faults
from gateway.simulator.journal import Journal
from gateway.simulator.scene import Scene
from gateway.simulator.twin import Twin
from gateway.simulator.world import World

__all__ = ["Simulation", "serve", "twin_of"]

_WILDCARDS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - recognised, not bound by default

_LONGEST_SHUTDOWN = 2.0
_SHUTDOWN_STEP = 0.002


class Simulation:
    """Twins of vendors on one port of this machine.

        async with Simulation(["vendor"], webhooks={"vendor": url}) as sim:
            sim.contact("+12025550123").write("hi", vendor="vendor")

    `vendors` are names of installed providers, or twin classes. It runs in the caller's event loop, takes no signals
    and starts no thread. Leaving it ends everything, and raises what twins raised where they may not, so that a
    twin's fault is not taken for a vendor's.
    """

    def __init__(
        self,
        vendors: Sequence[str | type[Twin]],
        *,
        seed: int = 0,
        clock: Mode = "real",
        start: datetime | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        latency: Latency | float = 1.0,
        webhooks: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        api_keys: Mapping[str, str] | None = None,
    ) -> None:
        twins = [twin_of(vendor) if isinstance(vendor, str) else vendor for vendor in vendors]
        named = {*(webhooks or {}), *(secrets or {}), *(api_keys or {})}
        _check_names([twin.name for twin in twins], named)
        self._host = host
        self._port = port
        self.clock = SimClock(clock, start=start, failed=self._failed)
        self._scene = Scene(
            twins,
            seed=seed,
            clock=self.clock,
            latency=latency if isinstance(latency, Latency) else Latency().scaled(latency),
            webhooks=webhooks,
            secrets=secrets,
            api_keys=api_keys,
        )
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Open the port and serve; raises `ConfigurationError` when the port is taken."""
        plug = _open(self._host, self._port)
        self._scene.root = _url(self._host, plug.getsockname()[1])
        self._server = _Server(SimulatorApp(self._scene, names=frozenset({self._host.lower()})))
        self._serving = asyncio.create_task(self._server.serve(sockets=[plug]))
        await self._server.ready.wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything."""
        await self._scene.close()
        if self._server and self._serving:
            self._server.end()
            await self._serving
        if error is None and self._scene.failures:
            raise ExceptionGroup("a twin failed", self._scene.failures)

    # ── what is there ─────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def vendors(self) -> list[str]:
        """The names of the twins."""
        return list(self._scene.twins)

    @property
    def scene(self) -> Scene:
        """Everything but the socket."""
        return self._scene

    @property
    def world(self) -> World:
        """The phones and threads; another one after a reset."""
        return self._scene.world

    @property
    def journal(self) -> Journal:
        """Every request, answer, webhook and attempt."""
        return self._scene.journal

    @property
    def faults(self) -> Faults:
        """What goes wrong on demand."""
        return self._scene.faults

    @property
    def failures(self) -> list[Exception]:
        """What twins raised where they may not; empty it where that was meant."""
        return self._scene.failures

    @property
    def api_keys(self) -> dict[str, str]:
        """The API key of each vendor's account."""
        return dict(self._scene.api_keys)

    @property
    def secrets(self) -> dict[str, str]:
        """The webhook secret of each vendor's account."""
        return dict(self._scene.secrets)

    @property
    def url(self) -> str:
        """Where it is served, without a slash at the end."""
        return self._scene.root

    @property
    def control_url(self) -> str:
        """The base URL of the control API, without a slash at the end."""
        return f"{self._scene.root}/_sim"

    def base_url(self, vendor: str) -> str:
        """Give the base URL that an application configures for a vendor."""
        return self._scene.base_url(vendor)

    def settings(self, vendor: str) -> dict[str, Any]:
        """Give the provider settings of a connection to a vendor's twin, secrets included."""
        return self._scene.settings(vendor)

    def twin(self, vendor: str) -> Twin:
        """Give a vendor's twin; another one after a reset."""
        return self._scene.twins[vendor]

    def contact(self, address: Address | str) -> Contact:
        """Give the contact at an address, made on first use."""
        return self._scene.contact(address)

    def set_webhook(self, vendor: str, url: str | None) -> None:
        """Say where a vendor's webhooks go from now on, None for nowhere."""
        self._scene.set_webhook(vendor, url)

    def reset(self) -> None:
        """Begin again with the same seed; see `Scene.reset`."""
        self._scene.reset()

    def summary(self) -> dict[str, Any]:
        """Tell a program where everything is: base URLs, control URL, keys and secrets by vendor."""
        return {
            "base_urls": {vendor: self.base_url(vendor) for vendor in self.vendors},
            "control_url": self.control_url,
            "api_keys": self.api_keys,
            "secrets": self.secrets,
        }

    def _failed(self, error: Exception) -> None:
        self._scene.failed(error)


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers, log lines and polling."""

    def __init__(self, app: SimulatorApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                interface="asgi3",
                # one protocol on every machine: what a client sees of a reset must not depend on what is installed
                http="h11",
                ws="none",
                lifespan="off",
                loop="none",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
            )
        )
        self.ready = asyncio.Event()
        self._end = asyncio.Event()

    def end(self) -> None:
        """Stop serving."""
        self.should_exit = True
        self._end.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        self.ready.set()
        await self._end.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close everything as soon as it is answered; uvicorn's own way takes a tenth of a second at least."""
        for listener in self.servers:
            listener.close()
        for plug in sockets or []:
            plug.close()
        state = self.server_state
        for connection in list(state.connections):
            connection.shutdown()
        deadline = time.monotonic() + _LONGEST_SHUTDOWN
        while (state.connections or state.tasks) and time.monotonic() < deadline:
            await asyncio.sleep(_SHUTDOWN_STEP)
        for task in state.tasks:
            task.cancel()


def _check_names(vendors: list[str], named: set[str]) -> None:
    """Refuse settings for a vendor that is not there, and no vendor at all."""
    if not vendors:
        raise ConfigurationError("there is nothing to simulate", hint="name one vendor at least")
    doubles = {vendor for vendor in vendors if vendors.count(vendor) > 1}
    for vendor in sorted(doubles):
        raise ConfigurationError(f"{vendor} is named twice", hint="name each vendor once")
    for vendor in sorted(named - set(vendors)):
        raise ConfigurationError(f"{vendor} is not simulated", hint=f"there are {', '.join(vendors)}; add it to them")


def twin_of(vendor: str) -> type[Twin]:
    """Find the twin of an installed provider; raises `ConfigurationError`."""
    provider = plugins.load().provider(vendor)
    if not provider.simulator:
        raise ConfigurationError(f"the provider {vendor} has no simulator", hint="choose another provider")
    module, _, name = provider.simulator.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(
            f"the simulator of {vendor} cannot be imported: {error}",
            hint=f"the provider says it is {provider.simulator}; reinstall the provider's package",
        ) from error
    if not (isinstance(found, type) and issubclass(found, Twin)):
        raise ConfigurationError(
            f"the simulator of {vendor} is no twin", hint="it has to be a subclass of gateway.simulator.Twin"
        )
    return found


def serve(
    vendors: Sequence[str | type[Twin]],
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    seed: int = 0,
    webhooks: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    api_keys: Mapping[str, str] | None = None,
    json_line: bool = False,
) -> None:
    """Serve until SIGINT or SIGTERM; the command `gateway simulate`.

    With `json_line` one line of JSON goes to stdout once the port is open (`Simulation.summary`); what a person reads
    goes to stderr. Raises `ConfigurationError`.
    """
    simulation = Simulation(
        vendors, host=host, port=port, seed=seed, webhooks=webhooks, secrets=secrets, api_keys=api_keys
    )
    asyncio.run(_until_signalled(simulation, json_line=json_line))


async def _until_signalled(simulation: Simulation, *, json_line: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    with _signals(loop, stop):
        async with simulation:
            for line in _lines(simulation):
                print(line, file=sys.stderr)  # noqa: T201 - the command's own output
            if json_line:
                print(json.dumps(simulation.summary()), flush=True)  # noqa: T201 - as above
            await stop.wait()


@contextlib.contextmanager
def _signals(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> Iterator[None]:
    """Turn SIGINT and SIGTERM into a stop, and give them back afterwards."""

    def ask(*_: object) -> None:
        loop.call_soon_threadsafe(stop.set)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _lines(simulation: Simulation) -> list[str]:
    """Say where everything is, for a person."""
    lines = [f"simulating {', '.join(simulation.vendors)} with seed {simulation.scene.seed}"]
    for vendor in simulation.vendors:
        lines += [
            f"  {vendor}",
            f"    base url   {simulation.base_url(vendor)}",
            f"    api key    {simulation.api_keys[vendor]}",
            f"    secret     {simulation.secrets[vendor]}",
            f"    webhooks   {simulation.scene.sender.urls.get(vendor) or '(none yet)'}",
        ]
    lines.append(f"  control    {simulation.control_url}/")
    phones = ", ".join(f"{phone.name} {phone.address.text}" for phone in simulation.world.phones())
    lines.append(f"  contacts   {phones}")
    lines.append("press Ctrl+C to end")
    return lines


def _open(host: str, port: int) -> socket.socket:
    """Bind a port, so that its number is known before anything is served."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    plug = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        plug.bind((host, port))
    except OSError as error:
        plug.close()
        raise ConfigurationError(
            f"cannot listen on {host} port {port}: {error.strerror}", hint="choose another port, or 0 for a free one"
        ) from error
    plug.settimeout(0)
    return plug


def _url(host: str, port: int) -> str:
    name = _WILDCARDS.get(host, host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
