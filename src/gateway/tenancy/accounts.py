"""The tenants' vendor accounts: made, changed and removed while the gateway runs, here and in every other process.

The record decides. Each process follows the records by their version, and makes of each the connection that its engine
uses; one that cannot be made (its provider is not installed, its secrets do not open) is shown as broken, with the
reason, and fails nobody else.
"""

from __future__ import annotations

import asyncio
import secrets as random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from pydantic import SecretStr
from pydantic_core import from_json, to_json

from gateway.client import Gateway
from gateway.connections import Connection, Former
from gateway.engine import Engine
from gateway.errors import ConfigurationError, Conflict, GatewayError, InvalidMessage, NotFound, SecretsLocked
from gateway.ids import new_id
from gateway.log import logger
from gateway.provider import Provider, Registration
from gateway.store.records.audit import Deed
from gateway.store.records.connections import ConnectionRecords, ConnectionRow, ConnectionState
from gateway.tenancy.account import Account, Offer, account_of, offer_of, webhook_path
from gateway.tenancy.audit import Audit
from gateway.tenancy.options import Options
from gateway.tenancy.paging import Page, page_of, place_of
from gateway.tenancy.sealing import Sealer
from gateway.tenancy.settings import Kept, plain, secret_fields

__all__ = ["Accounts"]

_log = logger(__name__)

Suppressing: TypeAlias = Callable[[str, str], Awaitable[Callable[[str], datetime | None] | None]]
"""Finds out who of a tenant's connection opted out and was erased."""

OVERLAP = timedelta(hours=24)
"""How long webhooks may be signed by a secret after it was replaced, unless whoever replaces it says otherwise."""
_RACES = 8
"""Times that a change is tried again because somebody else changed the same connection in that moment."""


@dataclass(slots=True)
class _Known:
    """A connection as this process has it."""

    row: ConnectionRow
    kept: Kept | None = field(default=None, repr=False)
    problem: str | None = None


class Accounts:
    """The connections of all tenants, over one gateway."""

    def __init__(
        self, gateway: Gateway, records: ConnectionRecords, sealer: Sealer, audit: Audit, suppressing: Suppressing
    ) -> None:
        self._gateway = gateway
        self._engine: Engine = gateway._engine  # noqa: SLF001 - this front stands on the engine, as the Gateway does
        self._records = records
        self._sealer = sealer
        self._audit = audit
        self._suppressing = suppressing
        self._known: dict[str, _Known] = {}
        self._seen = -1
        self._following = asyncio.Lock()
        self._retiring: set[asyncio.Task[None]] = set()
        self._check_host: Callable[[str], None] | None = None

    def hold_hosts_to(self, check: Callable[[str], None]) -> None:
        """Look at where calls to vendors go before settings are kept: a tenant may name any host, also one inside.

        `check` raises a `GatewayError` for a URL that may not be asked.
        """
        self._check_host = check

    # ── what there is ─────────────────────────────────────────────────────────────────────────────────────────────

    def offers(self) -> tuple[Offer, ...]:
        """Say what each provider asks, by name; those of examples, which do not exist, are left out."""
        found = sorted(self._engine.plugins.providers.items())
        return tuple(offer_of(cls) for _, cls in found if not cls.invented)

    def offer(self, provider: str) -> Offer:
        """Say what a provider asks; raises `NotFound`."""
        cls = self._engine.plugins.providers.get(provider)
        if cls is None:
            known = ", ".join(sorted(self._engine.plugins.providers)) or "none"
            raise NotFound(f"there is no provider {provider[:40]!r}", hint=f"there are: {known}")
        return offer_of(cls)

    async def get(self, tenant: str, connection: str) -> Account:
        """Give a connection; raises `NotFound`."""
        return self._shown(await self._records.get(tenant, connection))

    async def list(self, tenant: str, *, after: str | None = None, limit: int = 50) -> Page[Account]:
        """List the connections of a tenant, oldest first."""
        rows = await self._records.page(tenant, place_of("connections", after, (0, "")), limit + 1)
        page = page_of("connections", rows, limit, lambda row: row.place)
        return Page(tuple(map(self._shown, page.items)), page.next)

    async def ids(self, tenant: str) -> tuple[str, ...]:
        """Name all connections that a tenant ever had: their messages and events are its own."""
        return tuple(await self._records.ids(tenant))

    def running(self, tenant: str, connection: str) -> Connection:
        """Give a connection of a tenant as the engine uses it.

        Raises `NotFound` when the tenant has none of that id, `NoRoute` when it is disabled or broken.
        """
        known = self._known.get(connection)
        if known is None or known.row.tenant != tenant or known.row.state is ConnectionState.REMOVED:
            raise NotFound(f"there is no connection {connection}", hint="list the connections that there are")
        return self._engine.connections.get(connection)

    def running_of(self, tenant: str) -> tuple[Connection, ...]:
        """Give all connections of a tenant that the engine uses: whatever picks one picks among these."""
        found = (known.row for known in self._known.values() if known.row.tenant == tenant)
        made = (self._engine.connections.find(row.id) for row in found)
        return tuple(connection for connection in made if connection is not None)

    def name_of(self, tenant: str, connection: str) -> str:
        """Give the name of a tenant's connection for people to read; the id where this process knows of none."""
        known = self._known.get(connection)
        return known.row.name if known is not None and known.row.tenant == tenant else connection

    def webhook_url(self, connection: str) -> str | None:
        """Give the URL that the vendor delivers to; None when the gateway has no public URL."""
        base = self._gateway.public_url
        return f"{base.rstrip('/')}{webhook_path(connection)}" if base else None

    # ── changes ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def create(
        self,
        tenant: str,
        provider: str,
        settings: Mapping[str, Any],
        *,
        name: str | None = None,
        options: Options | Mapping[str, Any] | None = None,
        by: str = "operator",
        trusted: bool = False,
    ) -> Account:
        """Add a connection; when this returns, it sends and receives in this process, and soon in the others.

        `trusted` settings are the operator's own, and may name a host inside: see `hold_hosts_to`.
        Raises `NotFound` for a provider that there is none of, `ConfigurationError` for settings that are wrong, with
        no value in it, `Conflict` for a name that is taken, `SecretsLocked` when there is no master key.
        """
        cls = self._provider(provider)
        now = self._engine.clock.now()
        id_ = new_id("pc")
        row = ConnectionRow(
            id=id_,
            tenant=tenant,
            name=name or id_,
            provider=provider,
            settings="",
            data_key=self._sealer.make(tenant, id_).sealed,
            options=_text(_options(options)),
            state=ConnectionState.ACTIVE,
            reason=None,
            created_at=now,
            updated_at=now,
        )
        given = {key: plain(value) for key, value in settings.items() if value is not None}
        row = self._written(row, cls, Kept(given))
        if not trusted:
            self._look_at_hosts(row, Kept(given))
        kept = await self._records.add(row, Deed(tenant, by, "connection.created", id_, {"provider": provider}))
        await self.refresh()
        return self._shown(kept)

    async def update(
        self,
        tenant: str,
        connection: str,
        *,
        name: str | None = None,
        settings: Mapping[str, Any] | None = None,
        options: Options | Mapping[str, Any] | None = None,
        by: str = "operator",
    ) -> Account:
        """Change a connection; of settings and options only what is given, and a setting that is None goes.

        Secrets that change here count at once, and those before no longer; see `rotate`. Raises what `create` does.
        """

        def edit(row: ConnectionRow) -> ConnectionRow:
            cls = self._provider(row.provider)
            after = replace(row, name=name or row.name)
            if options is not None:
                given = options.model_dump(exclude_unset=True) if isinstance(options, Options) else dict(options)
                after = replace(after, options=_text(_options({**from_json(row.options), **given})))
            changes = {key: plain(value) for key, value in (settings or {}).items()}
            if not changes:
                return self._tried(after, cls)
            before = self._opened(row)
            after = self._written(after, cls, before.merged(changes))
            self._look_at_hosts(after, before.merged(changes), known=self._hosts(row, before))
            return after

        changed = sorted({*(settings or {}), *(["name"] if name else []), *(["options"] if options else [])})
        return await self._change(
            tenant, connection, edit, Deed(tenant, by, "connection.changed", connection, {"what": [*changed]})
        )

    async def rotate(
        self,
        tenant: str,
        connection: str,
        secrets: Mapping[str, Any],
        *,
        overlap: timedelta = OVERLAP,
        by: str = "operator",
    ) -> Account:
        """Replace secrets; webhooks that were signed by those before still pass for `overlap`.

        Calls to the vendor have the new ones at once. Raises `InvalidMessage` for a setting that is no secret, and what
        `create` does.
        """
        given = {key: plain(value) for key, value in secrets.items()}

        def edit(row: ConnectionRow) -> ConnectionRow:
            cls = self._provider(row.provider)
            if other := sorted(set(given) - secret_fields(cls)):
                hint = f"the secrets of {row.provider} are: {', '.join(sorted(secret_fields(cls)))}"
                raise InvalidMessage(f"no secrets: {', '.join(other)}", hint=hint)
            now = self._engine.clock.now()
            return self._written(row, cls, self._opened(row).rotated(given, now, now + overlap))

        deed = Deed(tenant, by, "connection.rotated", connection, {"what": [*sorted(given)]})
        return await self._change(tenant, connection, edit, deed)

    async def disable(
        self, tenant: str, connection: str, *, reason: str | None = None, by: str = "operator"
    ) -> Account:
        """Stop a connection: nothing leaves, nothing comes in. What waits to leave goes on waiting."""

        def edit(row: ConnectionRow) -> ConnectionRow:
            return replace(row, state=ConnectionState.DISABLED, reason=reason or "disabled by its owner")

        return await self._change(tenant, connection, edit, Deed(tenant, by, "connection.disabled", connection))

    async def enable(self, tenant: str, connection: str, *, by: str = "operator") -> Account:
        """Let a connection work again; raises what makes it impossible."""

        def edit(row: ConnectionRow) -> ConnectionRow:
            return self._tried(replace(row, state=ConnectionState.ACTIVE, reason=None), self._provider(row.provider))

        return await self._change(tenant, connection, edit, Deed(tenant, by, "connection.enabled", connection))

    async def remove(self, tenant: str, connection: str, *, by: str = "operator") -> None:
        """Forget a connection, its settings and its secrets; what it sent and received stays until it is erased.

        What still waits to leave never does, and stays queued until it is cancelled.
        """

        def edit(row: ConnectionRow) -> ConnectionRow:
            emptied = replace(row, name=row.id, settings="", data_key="", options="{}")
            return replace(emptied, state=ConnectionState.REMOVED, reason="removed")

        await self._change(tenant, connection, edit, Deed(tenant, by, "connection.removed", connection))

    # ── at the vendor ─────────────────────────────────────────────────────────────────────────────────────────────

    async def check(self, tenant: str, connection: str) -> str:
        """Prove that the credentials work, by a call that changes nothing; one line for a person."""
        return await self._gateway.check(self.running(tenant, connection).name)

    async def registered(self, tenant: str, connection: str) -> tuple[Registration, ...]:
        """List where the vendor delivers webhooks of this account; raises `Unsupported` where its API does not say."""
        provider = self.running(tenant, connection).provider
        return tuple(await self._gateway.run(connection, provider.registered()))

    async def register(
        self, tenant: str, connection: str, *, url: str | None = None, by: str = "operator"
    ) -> Registration:
        """Have the vendor deliver its webhooks here, take the secret that they are signed with, and look that it is so.

        `url` is the webhook's own unless it is given. Raises `Unsupported` where only a person can do it
        (`Offer.how_to_register`), `ConfigurationError` without a public URL, and `Conflict` when the vendor does not
        list it afterwards.
        """
        provider = self.running(tenant, connection).provider
        url = url or self.webhook_url(connection)
        if url is None:
            raise ConfigurationError("the gateway has no public URL", hint="set public_url to where it can be reached")
        made = await self._gateway.run(
            connection, provider.register(url, SecretStr(f"whsec_{random.token_urlsafe(32)}"))
        )
        if made.settings:
            await self.rotate(tenant, connection, made.settings, by="gateway")
        # asked again, by what it is now: a registration that nobody sees delivers nothing
        listed = await self.registered(tenant, connection)
        found = next((item for item in listed if item.url == url and item.active), None)
        if found is None:
            raise Conflict("the vendor took the webhook and does not list it", hint="look at the vendor's own page")
        await self._audit.note(Deed(tenant, by, "connection.registered", connection))
        return found

    async def unregister(self, tenant: str, connection: str, registration: str, *, by: str = "operator") -> None:
        """Have the vendor deliver to a URL no longer; `registration` is the id of what `registered` lists."""
        provider = self.running(tenant, connection).provider
        await self._gateway.run(connection, provider.unregister(registration))
        await self._audit.note(Deed(tenant, by, "connection.unregistered", connection))

    # ── in step with the records ──────────────────────────────────────────────────────────────────────────────────

    async def refresh(self) -> int:
        """Take over what changed in the records since the last time; gives how many connections that were."""
        async with self._following:
            rows = await self._records.changed(self._seen)
            for row in rows:
                self._take(row)
                running = self._engine.connections.find(row.id)
                if running is not None:
                    running.suppressed = await self._suppressing(row.tenant, row.id)
                self._seen = row.version
        return len(rows)

    async def end_overlaps(self) -> int:
        """Forget the secrets whose time is over; gives of how many connections."""
        now = self._engine.clock.now()
        due = [
            known.row
            for known in list(self._known.values())
            if known.kept is not None and any(old.until <= now for old in known.kept.old)
        ]
        for row in due:
            deed = Deed(row.tenant, "gateway", "connection.overlap_ended", row.id)
            await self._change(row.tenant, row.id, self._without_old, deed)
        return len(due)

    async def reseal(self) -> int:
        """Seal the data keys anew by the current master key, after another one was put in front of the ring.

        Gives how many were sealed by another one before. Raises `SecretsLocked` for one that no key opens, once the
        others are done.
        """
        count, locked = 0, None
        for row in await self._records.changed(-1):
            if row.state is ConnectionState.REMOVED:
                continue
            try:
                if self._sealer.renew(row.tenant, row.id, row.data_key):
                    await self._change(row.tenant, row.id, self._resealed, None)
                    count += 1
            except SecretsLocked as error:
                locked = error
        if locked is not None:
            raise locked
        return count

    def _without_old(self, row: ConnectionRow) -> ConnectionRow:
        kept = self._opened(row).without_old(self._engine.clock.now())
        return self._written(row, self._provider(row.provider), kept)

    def _resealed(self, row: ConnectionRow) -> ConnectionRow:
        return replace(row, data_key=self._sealer.renew(row.tenant, row.id, row.data_key) or row.data_key)

    async def aclose(self) -> None:
        """Wait for the connections that others took the place of."""
        await asyncio.gather(*self._retiring, return_exceptions=True)

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _change(
        self,
        tenant: str,
        connection: str,
        edit: Callable[[ConnectionRow], ConnectionRow],
        deed: Deed | None,
    ) -> Account:
        """Change a row by what it is at this moment, and take the change over."""
        for _ in range(_RACES):
            before = await self._records.get(tenant, connection)
            after = replace(edit(before), updated_at=self._engine.clock.now())
            kept = await self._records.change(before, after, deed)
            if kept is not None:
                await self.refresh()
                return self._shown(kept)
        raise Conflict("others change this connection at the same time", hint="look at it, and try again")

    def _provider(self, name: str) -> type[Provider[Any]]:
        if name not in self._engine.plugins.providers:
            self.offer(name)
        return self._engine.plugins.provider(name)

    def _opened(self, row: ConnectionRow) -> Kept:
        return Kept.opened(row.settings, self._sealer.open(row.tenant, row.id, row.data_key))

    def _written(self, row: ConnectionRow, cls: type[Provider[Any]], kept: Kept) -> ConnectionRow:
        """Put settings into a row, once it is certain that a connection can be made of them."""
        self._made(row, kept)
        key = self._sealer.open(row.tenant, row.id, row.data_key)
        return replace(row, settings=kept.sealed(secret_fields(cls), key))

    def _tried(self, row: ConnectionRow, _: type[Provider[Any]]) -> ConnectionRow:
        """Give a row back, once it is certain that a connection can be made of it."""
        self._made(row, self._opened(row))
        return row

    def _made(self, row: ConnectionRow, kept: Kept) -> Connection:
        """Make a connection; raises `ConfigurationError`."""
        options = Options.read(from_json(row.options))
        connections = self._engine.connections
        made = connections.make(
            row.provider,
            row.id,
            kept.values,
            policy=options.policy,
            labels=options.labels,
            catch_up=self._gateway.catches_up if options.catch_up is None else options.catch_up,
            terms=options.terms(self._engine.terms),
        )
        made.former = tuple(
            Former(connections.provider(row.provider, row.id, kept.before(old)), old.until) for old in kept.old
        )
        return made

    def _look_at_hosts(self, row: ConnectionRow, kept: Kept, *, known: frozenset[str] = frozenset()) -> None:
        """Raise `ConfigurationError` for a host that may not be asked, without its name; those known stay."""
        if self._check_host is None:
            return
        for name, url in self._made(row, kept).provider.bases().items():
            if url in known:
                continue
            try:
                self._check_host(url)
            except GatewayError as error:
                words = f"the URL of {row.provider}'s {name} is refused: {error.message}"
                raise ConfigurationError(words, hint=error.hint) from None

    def _hosts(self, row: ConnectionRow, kept: Kept) -> frozenset[str]:
        """Name the URLs that a connection calls; none of one that cannot be made as it is."""
        try:
            return frozenset(self._made(row, kept).provider.bases().values())
        except (ConfigurationError, GatewayError):
            return frozenset()

    def _take(self, row: ConnectionRow) -> None:
        """Bring the engine in line with a row; one that cannot be used takes nobody else down."""
        before = self._known.get(row.id)
        known = _Known(row)
        if row.state is ConnectionState.ACTIVE:
            try:
                known.kept = self._opened(row)
                if before is None or before.problem or _use(before.row) != _use(row):
                    self._put(self._made(row, known.kept))
            except (ConfigurationError, GatewayError) as error:
                known.problem = error.message
                _log.error("connection_broken", connection=row.id, provider=row.provider, error=_word(error))
                self._drop(row.id, "broken")
            except Exception as error:  # noqa: BLE001 - a border: a provider's own code may raise anything
                known.problem = f"{row.provider} failed to make it: {type(error).__name__}"
                _log.error("connection_broken", connection=row.id, provider=row.provider, error=type(error).__name__)
                self._drop(row.id, "broken")
        else:
            self._drop(row.id, row.state.value)
        self._known[row.id] = known

    def _put(self, connection: Connection) -> None:
        before = self._engine.connections.put(connection)
        if before is not None:
            self._retire(before)

    def _drop(self, connection: str, why: str) -> None:
        before = self._engine.connections.drop(connection, why)
        if before is not None:
            self._retire(before)

    def _retire(self, connection: Connection) -> None:
        task = asyncio.create_task(connection.transport.retire(), name=f"gateway retires {connection.name}")
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    def _shown(self, row: ConnectionRow) -> Account:
        """Show a row; what is known of it here says whether it works."""
        known = self._known.get(row.id)
        state, reason = row.state.value, row.reason
        if row.state is ConnectionState.ACTIVE and known is not None and known.problem is not None:
            state, reason = "broken", known.problem
        running = self._engine.connections.find(row.id)
        if state == "active" and running is not None and running.stopped is not None:
            state, reason = "stopped", running.stopped.message
        return account_of(row, state, reason)


def _use(row: ConnectionRow) -> tuple[str, str, str]:
    """Give what a connection is made of."""
    return row.settings, row.options, row.state.value


def _word(error: Exception) -> str:
    if isinstance(error, SecretsLocked) and error.code is not None:
        return error.code
    return error.slug if isinstance(error, GatewayError) else "configuration_error"


def _options(given: Options | Mapping[str, Any] | None) -> Options:
    return given if isinstance(given, Options) else Options.read(dict(given or {}))


def _text(options: Options) -> str:
    return to_json(options.model_dump(mode="json", exclude_unset=True)).decode()
