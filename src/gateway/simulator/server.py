"""A running simulation: twins of vendors on one port, in a test or a demo, or until a signal from the command line."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_urlsafe
from types import TracebackType
from typing import Any, Self

from gateway import plugins
from gateway.addresses import Address
from gateway.errors import ConfigurationError
from gateway.listening import open_port, url_of
from gateway.simulator.app import SimulatorApp
from gateway.simulator.clock import Mode, SimClock
from gateway.simulator.contact import Contact
from gateway.simulator.fates import Latency
from gateway.simulator.faults import Faults
from gateway.simulator.journal import Journal
from gateway.simulator.keeping import Keeper
from gateway.simulator.listener import LoopServer
from gateway.simulator.scene import Scene
from gateway.simulator.twin import Twin
from gateway.simulator.webhooks import check_url
from gateway.simulator.world import World

__all__ = ["Simulation", "serve", "twin_of"]


class Simulation:
    """Twins of vendors on one port of this machine.

        async with Simulation(["vendor"], webhooks={"vendor": url}) as sim:
            sim.contact("+12025550123").write("hi", vendor="vendor")

    `vendors` are names of installed providers, or twin classes. It runs in the caller's event loop, takes no signals
    and starts no thread. Wrong settings raise `ConfigurationError`. Leaving it ends everything, and raises an
    `ExceptionGroup` of what twins raised where they may not, so that a twin's fault is not taken for a vendor's.
    `latency` is how long things take in the world, or a factor for it. `phone_token` is what the phone's URL is opened
    with, else a new one each time: give one where an open page has to outlive a restart. `world` is a file in which the
    world, the twins and the token are kept: they outlive the process, and go on from there the next time.
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
        phone_token: str | None = None,
        world: Path | None = None,
    ) -> None:
        twins = [twin_of(vendor) if isinstance(vendor, str) else vendor for vendor in vendors]
        _check_names([twin.name for twin in twins], {*(webhooks or {}), *(secrets or {}), *(api_keys or {})})
        _check_urls(webhooks or {})
        self._host = host
        self._port = port
        self._keeper = Keeper(world) if world else None
        kept = self._keeper.read([twin.name for twin in twins]) if self._keeper else None
        if kept is not None:
            # a clock that was moved on may be ahead of this machine's
            seed, start = kept.seed, kept.now if clock == "virtual" else max(kept.now, datetime.now(UTC))
        self._phone_token = phone_token or (kept.token if kept else token_urlsafe(18))
        self.clock: SimClock = SimClock(clock, start=start, failed=self._failed)
        self._scene = Scene(
            twins,
            seed=seed,
            clock=self.clock,
            latency=latency if isinstance(latency, Latency) else Latency().scaled(latency),
            webhooks=webhooks,
            secrets=secrets,
            api_keys=api_keys,
        )
        self._server: LoopServer | None = None
        self._serving: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Open the port and serve; raises `ConfigurationError` when the port is taken."""
        plug = open_port(self._host, self._port)
        self._scene.root = url_of(self._host, plug.getsockname()[1])
        if self._keeper is not None:
            try:
                self._keeper.attach(self._scene, self._phone_token)
            except BaseException:
                plug.close()
                await self._scene.close()
                raise
        names = frozenset({self._host.lower()})
        app = SimulatorApp(self._scene, names=names, token=self._phone_token, keeper=self._keeper)
        self._server = LoopServer(app)
        self._serving = asyncio.create_task(self._server.serve(sockets=[plug]))
        await self._server.ready.wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything."""
        if self._keeper is not None:
            self._keeper.save(anyway=True)
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

    @property
    def phone_url(self) -> str:
        """Where a person opens the phone; it holds the token that lets them in."""
        return f"{self._scene.root}/_phone/?token={self._phone_token}"

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

    def stand_in(self, url: str, media_type: str, content: bytes) -> None:
        """Have phones show these bytes for what lies at a URL elsewhere: a page asks no other machine for it."""
        self._scene.files.stand_in(url, media_type, content)

    def set_webhook(self, vendor: str, url: str | None) -> None:
        """Say where a vendor's webhooks go from now on, None for nowhere."""
        self._scene.set_webhook(vendor, url)

    def set_latency(self, latency: Latency | float) -> None:
        """Say how long things take in the world from now on, or give a factor for the usual."""
        self._scene.set_latency(latency if isinstance(latency, Latency) else Latency().scaled(latency))

    def reset(self) -> None:
        """Begin again with the same seed; see `Scene.reset`."""
        self._scene.reset()

    def summary(self) -> dict[str, Any]:
        """Tell a program where everything is: base URLs, control and phone URL, keys and secrets by vendor."""
        return {
            "base_urls": {vendor: self.base_url(vendor) for vendor in self.vendors},
            "control_url": self.control_url,
            "phone_url": self.phone_url,
            "api_keys": self.api_keys,
            "secrets": self.secrets,
        }

    def _failed(self, error: Exception) -> None:
        self._scene.failed(error)


def _check_names(vendors: list[str], named: set[str]) -> None:
    """Refuse settings for a vendor that is not there, and no vendor at all."""
    if not vendors:
        raise ConfigurationError("there is nothing to simulate", hint="name one vendor at least")
    doubles = {vendor for vendor in vendors if vendors.count(vendor) > 1}
    for vendor in sorted(doubles):
        raise ConfigurationError(f"{vendor} is named twice", hint="name each vendor once")
    for vendor in sorted(named - set(vendors)):
        raise ConfigurationError(f"{vendor} is not simulated", hint=f"there are {', '.join(vendors)}; add it to them")


def _check_urls(webhooks: Mapping[str, str]) -> None:
    """Refuse a URL that no webhook can be sent to."""
    for vendor, url in webhooks.items():
        try:
            check_url(url)
        except ValueError as error:
            hint = "give one such as http://127.0.0.1:8000/hook"
            raise ConfigurationError(f"the webhook URL of {vendor} is wrong: {error}", hint=hint) from None


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
    world: Path | None = None,
    json_line: bool = False,
    quiet: bool = False,
) -> None:
    """Serve until SIGINT or SIGTERM; the command `gateway simulate`.

    With `json_line` one line of JSON goes to stdout once the port is open (`Simulation.summary`); what a person reads
    goes to stderr, unless it is `quiet`. Raises `ConfigurationError`.
    """
    simulation = Simulation(
        vendors, host=host, port=port, seed=seed, webhooks=webhooks, secrets=secrets, api_keys=api_keys, world=world
    )
    asyncio.run(_until_signalled(simulation, json_line=json_line, quiet=quiet))


async def _until_signalled(simulation: Simulation, *, json_line: bool, quiet: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    with _signals(loop, stop):
        async with simulation:
            for line in () if quiet else _lines(simulation):
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
    lines.append(f"  phone      {simulation.phone_url}")
    phones = ", ".join(f"{phone.name} {phone.address.text}" for phone in simulation.world.phones())
    lines.append(f"  contacts   {phones}")
    lines.append("press Ctrl+C to end")
    return lines
