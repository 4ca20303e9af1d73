"""The service: one gateway with its tenants, and all that the HTTP front needs of it, started and ended together."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic_core import from_json, to_json

from gateway.client import Gateway
from gateway.clock import SYSTEM, Clock
from gateway.config import ServiceConfig, insecure
from gateway.connections import Connection
from gateway.egress import Egress, Rules
from gateway.engine import Engine
from gateway.errors import (
    ConfigurationError,
    Conflict,
    GatewayError,
    InvalidMessage,
    NoRoute,
    NotFound,
    SecretsLocked,
    StoreError,
)
from gateway.events import Event
from gateway.forward import Deliveries, Endpoints, Forwarder, ForwardRules, SinkPlan, open_sink
from gateway.log import logger
from gateway.model import Chat
from gateway.plugins import Plugins
from gateway.server.facts import Facts
from gateway.server.files_pinning import Pinning
from gateway.server.rates import Rates, Streams
from gateway.server.telemetry import Telemetry
from gateway.store.ledger import LedgerStore
from gateway.store.records import records_of
from gateway.store.records.backlog import Backlog
from gateway.store.records.endpoints import OWN
from gateway.store.records.idempotency import IdempotencyRecords
from gateway.store.records.tenants import DEFAULT_TENANT
from gateway.store.rows import MessageRow, StepRow
from gateway.tenancy import ADMIN, Caller, KeyRing, Retention, Sealer, Tenancy

__all__ = ["Loop", "Service", "open_service"]

_log = logger(__name__)

SWEEP = timedelta(hours=1)
"""How often what has had its time is dropped."""


@dataclass(slots=True)
class Loop:
    """Something that runs as long as the service does."""

    name: str
    run: Callable[[], Awaitable[None]]


class Service:
    """One running service."""

    def __init__(self, config: ServiceConfig, gateway: Gateway, ring: KeyRing) -> None:
        self.config = config
        self.gateway = gateway
        self.engine: Engine = gateway._engine  # noqa: SLF001 - this front stands on the engine, as the Gateway does
        self.store: LedgerStore = records_of(gateway.store)
        self._alone: bool = getattr(self.store, "alone", False)
        kept = config.retention
        retention = Retention.of_days(kept.raw_days, kept.bodies_days, kept.metadata_days)
        self.tenancy: Tenancy = Tenancy(gateway, ring, retention)
        self.sealer: Sealer = self.tenancy.sealer
        self.openapi: Callable[[], dict[str, Any]] = dict
        """Gives the description of the API; set by the application."""
        self.egress: Egress = Egress(_egress_rules(config))
        self.tenancy.accounts.hold_hosts_to(self.egress.check)
        self.endpoints: Endpoints = Endpoints(gateway.store, self.engine.clock, self.sealer, self.egress)
        self.deliveries: Deliveries = Deliveries(gateway.store, self.engine.clock)
        self.forwarder: Forwarder = self._forwarder()
        self.idempotency: IdempotencyRecords = IdempotencyRecords(self.store)
        self.backlog: Backlog = Backlog(self.store)
        self.rates: Rates = Rates(config.limits.rate, config.limits.burst)
        self.streams: Streams = Streams(config.limits.streams)
        self.telemetry: Telemetry = Telemetry()
        self.engine.follow(self.telemetry.traces)
        self.facts: Facts = Facts(self.telemetry, self._provider_of)
        self.tenancy.keep_files_in(gateway.files.vault.drop)
        pinning = Pinning(self.store, gateway.files, self.tenancy.accounts, self.egress, self.engine.clock)
        self.loops: list[Loop] = [
            Loop("gateway tenancy", self.tenancy.run),
            Loop("gateway pinning", pinning.run),
            Loop("gateway forwarder", self.forwarder.run),
            Loop("gateway sweep", self._sweep),
        ]
        """What runs beside the engine; added to before the start."""
        self.closing: list[Callable[[], Awaitable[None]]] = [self.egress.aclose]
        """What is let go at the end, before the store is; the last one first."""
        self.draining: bool = False
        self.first_key: str | None = None
        """The key that was made at this start, to be shown once."""
        self._tasks: list[asyncio.Task[None]] = []

    def _forwarder(self) -> Forwarder:
        return Forwarder(
            self.gateway.store,
            self.engine.clock,
            self.sealer,
            self.egress,
            rules=_forward_rules(self.config),
            sinks=[
                SinkPlan(name, open_sink(url.get_secret_value(), self.engine.plugins.sinks()))
                for name, url in self.config.forward.sinks.items()
            ],
            public_url=self.config.gateway.public_url,
        )

    # ── life ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        """Open the store, make what a first start makes, and let the loops run.

        Raises `ConfigurationError` for what the production profile refuses.
        """
        self.facts.listen()
        await self.tenancy.start()
        await self._let_go()
        await self._guarded_profile()
        await self._first_key()
        await self.adopt_configured()
        self._tasks = [asyncio.create_task(self._run(loop), name=loop.name) for loop in self.loops]

    async def _let_go(self) -> None:
        """Free what a process that is gone had held, where there can be no other: its callers repeat at once."""
        if self._alone:
            await self.idempotency.void()

    async def stop(self) -> None:
        """Finish what is under way, then let go of everything; a second time there is nothing left to do."""
        self.draining = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        while self.closing:
            await self.closing.pop()()
        await self.tenancy.aclose()
        await self.gateway.aclose()
        self.facts.stop_listening()

    def now(self) -> datetime:
        """Give the time, by the gateway's clock."""
        return self.engine.clock.now()

    async def _run(self, loop: Loop) -> None:
        try:
            await loop.run()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            _log.error("loop_stopped", loop=loop.name, error=type(error).__name__)
            raise

    async def reseal(self) -> int:
        """Seal all data keys anew by the first master key; gives how many were sealed by another one.

        Raises `SecretsLocked` for what no key of the ring opens, once everything else is done.
        """
        locked: SecretsLocked | None = None
        count = 0
        for part in (self.tenancy.reseal, self.endpoints.rewrap):
            try:
                count += await part()
            except SecretsLocked as error:
                locked = error
        if count:
            _log.info("secrets_resealed", count=count)
        if locked is not None:
            raise locked
        return count

    async def _reseal_at_start(self) -> None:
        asked = self.config.security.reseal
        if self.sealer.current is None or not (self._alone if asked is None else asked):
            return
        try:
            await self.reseal()
        except GatewayError as error:
            _log.error("secrets_not_resealed", error=error.slug)

    async def _sweep(self) -> None:
        await self._reseal_at_start()
        while True:
            with contextlib.suppress(StoreError):
                before = self.now() - timedelta(hours=self.config.security.idempotency_hours)
                await self.idempotency.sweep(before)
                await self.gateway.files.sweep()
            await self.engine.clock.sleep(SWEEP.total_seconds())

    def _provider_of(self, connection: str) -> str | None:
        found = self.engine.connections.find(connection)
        return found.provider.name if found else None

    def stopped_loop(self) -> str | None:
        """Name a loop that has stopped by itself; None while all run."""
        ended = [task.get_name() for task in self._tasks if task.done() and not task.cancelled()]
        return ended[0] if ended else None

    async def oldest_age(self) -> float:
        """Give the age of the message that is due to leave for the longest time, in seconds; 0 when none waits."""
        since = await self.backlog.oldest(self.now())
        return 0.0 if since is None else (self.now() - since).total_seconds()

    # ── the first start ───────────────────────────────────────────────────────────────────────────────────────────

    async def _guarded_profile(self) -> None:
        if not self.config.production:
            return
        problems = insecure(self.config, keys=await self._has_keys())
        if problems:
            raise ConfigurationError(
                f"the production profile refuses: {'; '.join(problems)}",
                hint='mend it, or say profile = "development" where nobody else can reach it',
            )

    async def _has_keys(self) -> bool:
        page = await self.tenancy.keys.list(DEFAULT_TENANT, limit=100)
        while not (found := any(row.lives(self.now()) for row in page.items)) and page.next is not None:
            # those that have ended are listed too, and the oldest come first
            page = await self.tenancy.keys.list(DEFAULT_TENANT, after=page.next, limit=100)
        return found

    async def _first_key(self) -> None:
        """Make the first key, where none was configured and none is there."""
        if self.config.server.admin_key is None and not await self._has_keys():
            minted = await self.tenancy.keys.mint(DEFAULT_TENANT, name="first", scopes=[ADMIN], by="gateway")
            self.first_key = minted.text

    async def adopt_configured(self) -> None:
        """Give the default tenant the connections of the configuration that it does not have yet."""
        if not self.config.connections:
            return
        page = await self.tenancy.accounts.list(DEFAULT_TENANT, limit=100)
        there = {account.name for account in page.items}
        for item in self.config.connections:
            if item.name in there:
                continue
            options = {"policy": item.policy, "labels": dict(item.labels), "catch_up": item.catch_up, **item.terms}
            given = {key: value for key, value in options.items() if value is not None}
            with contextlib.suppress(Conflict):  # another process was quicker
                await self.tenancy.accounts.create(
                    DEFAULT_TENANT,
                    item.provider,
                    item.settings,
                    name=item.name,
                    options=given,
                    by="gateway",
                    trusted=True,
                )

    # ── what is allowed ───────────────────────────────────────────────────────────────────────────────────────────

    def allow(self, settings: Mapping[str, Any]) -> None:
        """Refuse a connection that would take webhooks from anybody, unless the operator said that it may.

        Raises `ConfigurationError`.
        """
        if settings.get("allow_unsigned") and self.config.production and not self.config.security.unverified:
            raise ConfigurationError(
                "allow_unsigned takes webhooks from anybody, which this service does not allow",
                hint="give the secret of the vendor's webhooks; the operator can say [security] unverified = true",
            )

    # ── what belongs to a caller ──────────────────────────────────────────────────────────────────────────────────

    async def follow(self, connection: str) -> None:
        """Look whether another process made a connection that is not here: its vendor may be as quick as we are.

        Raises `StoreError` where that cannot be known.
        """
        if self._alone or not connection.startswith(OWN) or self.engine.connections.find(connection) is not None:
            return
        if connection not in self.engine.connections.away:
            await self.tenancy.accounts.refresh()

    def running(self, caller: Caller, connection: str | None, scope: str) -> Connection:
        """Give the connection that a call goes by; without a name the only one that the caller has.

        Raises `NotFound` for what is not the caller's, `Forbidden`, and `NoRoute` where there is none, or a choice.
        """
        if connection is not None:
            caller.demand(scope, connection)
            return self.tenancy.accounts.running(caller.tenant, connection)
        caller.demand(scope)
        mine = [each for each in self.tenancy.accounts.running_of(caller.tenant) if caller.may(scope, each.name)]
        if not mine:
            raise NoRoute("there is no connection that works", hint="list them: GET /v1/connections")
        if len(mine) > 1:
            hint = 'name one: "connection": "pc_…"; GET /v1/connections lists them'
            raise InvalidMessage(f"there are {len(mine)} connections: by which?", hint=hint)
        return mine[0]

    async def message(self, caller: Caller, message: str) -> tuple[MessageRow, tuple[StepRow, ...]]:
        """Give a message of the caller's; raises `NotFound`."""
        return await self.tenancy.listing.message(caller.tenant, message, within=caller.connections)

    async def event(self, caller: Caller, event: str) -> Event:
        """Give an event of the caller's; raises `NotFound`."""
        row = await self.tenancy.listing.event(caller.tenant, event, within=caller.connections)
        return row.event

    async def chat(self, caller: Caller, chat: str) -> tuple[Chat, str]:
        """Give a chat of the caller's, and its connection; raises `NotFound`."""
        found = await self.tenancy.listing.chat(caller.tenant, chat, within=caller.connections)
        if found.chat is None:
            raise NotFound(f"there is no chat {chat}", hint="list them: GET /v1/chats")
        return found.chat, found.connection

    # ── answers that are given again ──────────────────────────────────────────────────────────────────────────────

    async def seal_answer(self, place: tuple[str, str, str], body: bytes) -> str:
        """Write an answer down for a repetition: sealed, since some hold a secret that is shown once."""
        tenant, row = place[0], _row_of(place)
        if self.sealer.current is None:
            return to_json({"plain": body.decode()}).decode()
        key = self.sealer.make(tenant, row)
        return to_json({"key": key.sealed, "body": key.seal("body", body)}).decode()

    def open_answer(self, place: tuple[str, str, str], kept: str) -> bytes:
        """Read such an answer; raises `SecretsLocked`."""
        found = from_json(kept)
        if "plain" in found:
            return str(found["plain"]).encode()
        return self.sealer.open(place[0], _row_of(place), found["key"]).open("body", found["body"])


def _row_of(place: tuple[str, str, str]) -> str:
    return "idempotency:" + hashlib.sha256(to_json(place)).hexdigest()


def open_service(
    config: ServiceConfig,
    *,
    clock: Clock = SYSTEM,
    plugins: Plugins | None = None,
    copy: str | None = None,
    works: bool = True,
) -> Service:
    """Make the service that a configuration describes; it is started by its application.

    One that does not work (`works=False`) is for whoever only looks, and is not started: it sends nothing and hands
    nothing over. `copy` is then the URL of a copy of its store: nothing of the original is opened or made.
    Raises `ConfigurationError`.
    """
    gateway = Gateway(
        copy or config.gateway.store.get_secret_value(),
        config.gateway.policy,
        clock,
        public_url=config.gateway.public_url,
        plugins=plugins,
        stale=config.stale,
        catch_up=config.gateway.catch_up,
        files=config.files.place.get_secret_value(),
        links=timedelta(seconds=config.files.link_seconds),
        works=works,
        **config.terms,
    )
    return Service(config, gateway, _ring(config, make=copy is None))


def _egress_rules(config: ServiceConfig) -> Rules:
    """Say what strangers' URLs may point to: at a desk this machine too, which is where receivers are tried out."""
    asked = config.security.loopback
    loopback = not config.production if asked is None else asked
    networks = ("0.0.0.0/0", "::/0") if "*" in config.security.private_networks else config.security.private_networks
    return Rules(loopback=loopback, networks=networks)


def _forward_rules(config: ServiceConfig) -> ForwardRules:
    asked = config.forward
    return ForwardRules(schedule=asked.schedule, connect=asked.connect, total=asked.total)


def _ring(config: ServiceConfig, *, make: bool) -> KeyRing:
    """Give the master keys; at a desk one is made beside the store, so that nothing has to be set up."""
    given = config.security.master_key
    if given is not None:
        return KeyRing.parse(given.get_secret_value())
    place = config.gateway.store.get_secret_value()
    if config.production or not place.startswith("sqlite:///"):
        return KeyRing()
    path = Path(place.removeprefix("sqlite:///") + ".master-keys")
    if not path.parent.is_dir():
        raise ConfigurationError("the folder of the database's file is not there", hint="make it, or name another one")
    return KeyRing.read(path, make=True) if make or path.exists() else KeyRing.fresh()
