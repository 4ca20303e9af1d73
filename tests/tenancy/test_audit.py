"""The audit: one chain a tenant, without gaps and forks, and whoever changes a line is found out."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path

import pytest

from gateway import Gateway
from gateway.errors import NotFound
from gateway.store.postgresql.driver import connect
from gateway.store.postgresql.place import place_of
from gateway.store.records.audit import Deed
from gateway.store.records.tenants import DEFAULT_TENANT, TenantRow
from gateway.tenancy import KeyRing, Tenancy
from tests.tenancy.place import BUILT_IN, NOW, Clock, plugins


async def test_what_is_done_is_written_with_it(tenancy: Tenancy) -> None:
    """Each change has its line: who, what, to what; and what fails has none."""
    accounts = tenancy.accounts
    made = await accounts.create(DEFAULT_TENANT, "vaulty", BUILT_IN, by="key_1")
    await accounts.rotate(DEFAULT_TENANT, made.id, {"api_key": "newer"}, by="key_1")
    await accounts.disable(DEFAULT_TENANT, made.id)
    key = await tenancy.keys.mint(DEFAULT_TENANT, name="k", scopes=["read"], by="key_1")
    with pytest.raises(NotFound):
        await tenancy.keys.revoke(DEFAULT_TENANT, "key_nobody")
    lines = [(row.actor, row.action, row.target) for row in (await tenancy.audit.list(DEFAULT_TENANT)).items]
    assert [
        ("key_1", "key.created", key.row.id),
        ("operator", "connection.disabled", made.id),
        ("key_1", "connection.rotated", made.id),
        ("key_1", "connection.created", made.id),
    ] == lines
    chain = await tenancy.audit.verify(DEFAULT_TENANT)
    assert (4, None) == (chain.lines, chain.broken_at)
    assert chain.head == (await tenancy.audit.list(DEFAULT_TENANT, limit=1)).items[0].hash


async def test_lines_come_in_pages(tenancy: Tenancy) -> None:
    """Newest first, each once; and none of another tenant's."""
    await tenancy.tenants.add(TenantRow(id="tn_other", name="other", created_at=NOW))
    for number in range(5):
        await tenancy.audit.note(Deed(DEFAULT_TENANT, "operator", "test.done", f"t{number}"))
    await tenancy.audit.note(Deed("tn_other", "operator", "test.done", "theirs"))
    seen, after = [], None
    while True:
        page = await tenancy.audit.list(DEFAULT_TENANT, after=after, limit=2)
        seen += [row.target for row in page.items]
        if (after := page.next) is None:
            break
    assert ["t4", "t3", "t2", "t1", "t0"] == seen


async def test_writers_at_the_same_moment_make_one_chain(
    tenancy: Tenancy, url: str, clock: Clock, ring: KeyRing
) -> None:
    """In this process and in others: no two lines follow the same one."""
    async with contextlib.AsyncExitStack() as stack:
        writers = [tenancy]
        if url.startswith("postgresql"):
            for _ in range(3):
                gateway = await stack.enter_async_context(Gateway(url, clock=clock, plugins=plugins(), works=False))
                writers.append(Tenancy(gateway, ring))
        deeds = [Deed(DEFAULT_TENANT, "operator", "test.done", f"t{number}") for number in range(60)]
        await asyncio.gather(*(writers[place % len(writers)].audit.note(deed) for place, deed in enumerate(deeds)))
    chain = await tenancy.audit.verify(DEFAULT_TENANT)
    assert (60, None) == (chain.lines, chain.broken_at)


@pytest.mark.parametrize(
    ("change", "broken_at"),
    [
        ("update audit set actor = 'nobody' where number = 2", 2),
        ("update audit set detail = '{\"a\":1}' where number = 3", 3),
        ("update audit set at = at + 1 where number = 1", 1),
        ("delete from audit where number = 2", 2),
        ("update audit set hash = previous where number = 2", 2),
    ],
)
async def test_a_line_that_was_changed_is_found(tenancy: Tenancy, url: str, change: str, broken_at: int) -> None:
    """Whoever has the database in their hands; what is cut off at the end shows by a head that was kept elsewhere."""
    for number in range(4):
        await tenancy.audit.note(Deed(DEFAULT_TENANT, "operator", "test.done", f"t{number}"))
    before = await tenancy.audit.verify(DEFAULT_TENANT)
    await _run(url, change)
    assert broken_at == (await tenancy.audit.verify(DEFAULT_TENANT)).broken_at
    await _run(url, "delete from audit where number > 0")
    assert before.head != (await tenancy.audit.verify(DEFAULT_TENANT)).head


async def _run(url: str, statement: str) -> None:
    """Do to the database what nobody may."""
    if url.startswith("postgresql"):
        connection = await connect(place_of(url))
        await connection.execute(statement)
        await connection.close()
        return
    with contextlib.closing(sqlite3.connect(Path(url.removeprefix("sqlite:///")), timeout=10)) as file, file:
        file.execute(statement)
