"""The same questions to a configuration, where no service runs: nothing is started, and nothing of it is changed."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from gateway.config import ServiceConfig
from gateway.errors import GatewayError, StoreError
from gateway.server.doctor.check import Check
from gateway.server.doctor.examining import examine
from gateway.server.service import Service, open_service
from gateway.store import backup
from gateway.store.records.tenants import DEFAULT_TENANT, TenantRow
from gateway.store.sqlite import path_of

__all__ = ["examine_here"]


async def examine_here(config: ServiceConfig, *, probe: bool = True) -> list[Check]:
    """Examine what a configuration describes: an SQLite store in a copy made now, any other where it is.

    Connections of the configuration that the store does not have yet are looked at as if it had. Raises
    `ConfigurationError`.
    """
    async with _opened(config) as (service, about_store):
        checks = await examine(service, probe=probe, serves=False)
    return [about_store if about_store and check.name == "store" else check for check in checks]


@contextlib.asynccontextmanager
async def _opened(config: ServiceConfig) -> AsyncIterator[tuple[Service, Check | None]]:
    """Make the service, its store open; with what is to be said about the store where that is not the whole of it."""
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-")))
        copy, about = await _copied(config, folder)
        service = open_service(config, copy=copy, works=False)
        stack.push_async_callback(_closed, service)
        try:
            await service.engine.open()
        except StoreError as error:
            about = Check.fail("store", error.message, error.hint)
            yield service, about
            return
        if copy is not None:
            await service.tenancy.tenants.add(TenantRow(id=DEFAULT_TENANT, name="default", created_at=service.now()))
            await service.adopt_configured()
        with contextlib.suppress(GatewayError):
            await service.tenancy.accounts.refresh()
        yield service, about


async def _copied(config: ServiceConfig, folder: Path) -> tuple[str | None, Check | None]:
    """Copy the store where it is a file; gives the URL of the copy, and what is to be said about the original."""
    url = config.gateway.store.get_secret_value()
    empty = f"sqlite:///{folder / 'empty.db'}"
    if url.startswith("memory:"):
        hint = 'name one that lasts in [gateway]: store = "sqlite:///gateway.db"'
        return empty, Check.warn("store", "everything is in memory, and gone with the process", hint)
    if not url.startswith("sqlite:"):
        return None, None
    if not path_of(url).exists():
        return empty, Check.warn("store", "there is none yet", "the first start of `gateway serve` makes it")
    try:
        return f"sqlite:///{await backup(url, folder / 'copy.db', to_look=True)}", None
    except StoreError as error:
        return empty, Check.fail("store", error.message, error.hint)


async def _closed(service: Service) -> None:
    for close in reversed(service.closing):
        await close()
    await service.tenancy.aclose()
    await service.gateway.aclose()
