"""Records of files, on both databases: one tenant's alone, listed in pages, gone with their time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.errors import NotFound
from gateway.store import open_store
from gateway.store.records import records_of
from gateway.store.records.tenants import DEFAULT_TENANT
from gateway.store.records.uploads import UploadRow, Uploads
from gateway.store.rows import FileRow, WebhookRow
from gateway.tenancy import Tenancy
from gateway.testing.stores.samples import received
from tests.tenancy.place import BUILT_IN

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROW = UploadRow(
    id="file_1",
    tenant="tn_one",
    digest="d1",
    name="ä.png",
    media_type="image/png",
    declared_type="text/html",
    named_type="image/png",
    sniffed_type="image/png",
    size=7,
    connection="pc_1",
    event="evt_1",
    created_at=NOW,
)


@pytest.fixture
async def uploads(url: str) -> AsyncIterator[Uploads]:
    """Open a store."""
    store = open_store(url, {})
    await store.open()
    yield Uploads(records_of(store))
    await store.close()


async def test_a_record_is_one_tenants(uploads: Uploads) -> None:
    """Whole, and for its tenant alone."""
    await uploads.add(ROW)

    assert await uploads.get("tn_one", "file_1") == ROW
    for tenant, upload in (("tn_two", "file_1"), ("tn_one", "file_2")):
        with pytest.raises(NotFound):
            await uploads.get(tenant, upload)
        with pytest.raises(NotFound):
            await uploads.remove(tenant, upload)
    assert [] == await uploads.page("tn_two", before=None, limit=10)
    assert [] == await uploads.page("tn_two", before=None, limit=10, event="evt_1")
    assert DEFAULT_TENANT == await uploads.tenant_of("main")


async def test_pages_go_on_where_they_were_left(uploads: Uploads) -> None:
    """Newest first; what came at the same moment is told apart by its id."""
    rows = [replace(ROW, id=f"file_{n}", created_at=NOW + timedelta(seconds=n // 2), event=None) for n in range(5)]
    for row in rows:
        await uploads.add(row)
    seen: list[str] = []
    before: tuple[datetime, str] | None = None
    while page := await uploads.page("tn_one", before=before, limit=2):
        seen += [row.id for row in page]
        before = (page[-1].created_at, page[-1].id)

    assert ["file_4", "file_3", "file_2", "file_1", "file_0"] == seen


async def test_the_longer_life_holds(uploads: Uploads) -> None:
    """The same file given again lives as long as the later says, and for ever when either does."""
    lives = [timedelta(hours=2), timedelta(hours=1), timedelta(hours=3), None, timedelta(hours=1)]
    kept = []
    for life in lives:
        await uploads.add(replace(ROW, expires_at=NOW + life if life else None))
        kept.append((await uploads.get("tn_one", "file_1")).expires_at)

    assert [NOW + timedelta(hours=2), NOW + timedelta(hours=2), NOW + timedelta(hours=3), None, None] == kept


async def test_bytes_are_free_when_nobody_has_them(uploads: Uploads) -> None:
    """Removed, and by their time."""
    for number, (digest, life) in enumerate([("d1", None), ("d1", 1), ("d2", 1), ("d3", 5)]):
        expires = NOW + timedelta(hours=life) if life else None
        await uploads.add(replace(ROW, id=f"file_{number}", digest=digest, expires_at=expires))

    assert [] == await uploads.expire(NOW)
    assert ["d2"] == await uploads.expire(NOW + timedelta(hours=1))
    assert await uploads.remove("tn_one", "file_0")
    assert ["file_3"] == [row.id for row in await uploads.page("tn_one", before=None, limit=10)]


async def test_bytes_in_the_store_are_let_go(uploads: Uploads) -> None:
    """Those of the digest, and no others."""
    store = uploads._store
    for digest in ("a", "b"):
        await store.keep_file(FileRow(digest=digest, name="", media_type="t", data=b"x", kept_at=NOW))
    await uploads.drop_bytes("a")

    kept = await store.file("b")

    assert kept is not None
    assert (None, b"x") == (await store.file("a"), kept.data)


async def test_events_are_read_of_connections_that_want_media_kept(tenancy: Tenancy) -> None:
    """And how far that has looked, over all that nobody wants."""
    names = {}
    for name, options in (("asks", {"pin_media": True}), ("asked", {"pin_media": False}), ("quiet", {})):
        made = await tenancy.accounts.create(DEFAULT_TENANT, "vaulty", BUILT_IN, name=name, options=options)
        names[name] = made.id
    for number, name in enumerate(("quiet", "asks", "asked", "asks", "file")):
        event = received(f"v-{number}", connection=names.get(name, name))
        row = WebhookRow(connection=event.connection, digest=event.id, headers=(), body=b"{}", received_at=NOW)
        await tenancy.store.ingest(row, [event])

    uploads = Uploads(tenancy.store)
    rows, place = await uploads.to_pin(0, 1)
    more, end = await uploads.to_pin(place, 10)
    assert [2, 2, 4, 4] == [rows[0].sequence, place, more[0].sequence, end]
    assert [names["asks"]] * 2 == [row.event.connection for row in (*rows, *more)]
    assert ([], 5) == await uploads.to_pin(end, 10)
