"""Media that contacts send is kept where the connection asks for it, before the vendor's link dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.responses import Response

from gateway.egress import PUBLIC, Egress
from gateway.events import MessageReceived
from gateway.model import Attachment, Chat, Message
from gateway.server.files_pinning import Pinning
from gateway.simulator import served
from gateway.store.records.tenants import DEFAULT_TENANT
from gateway.store.rows import WebhookRow
from tests.flow.stage import PHONE, VENDORS
from tests.fronts.service_site import Site, site

PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)


class Media:
    """A vendor's store of media: each path answers as it is told, the last answer for ever."""

    def __init__(self, **answers: list[Response]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def __call__(self, scope: dict[str, object], receive: object, send: object) -> None:
        """Answer one request."""
        name = str(scope["path"]).strip("/")
        self.asked.append(name)
        told = self.answers.get(name, [Response(status_code=404)])
        await (told.pop(0) if len(told) > 1 else told[0])(scope, receive, send)  # type: ignore[arg-type]  # ASGI


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Site]:
    """Run a service."""
    async with site(tmp_path) as made:
        yield made


async def connection(place: Site, name: str, *, pins: bool) -> str:
    """Add a connection that asks for its media to be kept, or does not."""
    made = await place.service.tenancy.accounts.create(
        DEFAULT_TENANT, VENDORS[0], {"api_key": "k", "webhook_secret": "s" * 24}, name=name, options={"pin_media": pins}
    )
    return made.id


async def arrived(place: Site, connection_: str, *urls: str) -> str:
    """Let a message with pictures come in; gives the id of its event."""
    now = datetime.now(UTC)
    event = MessageReceived(
        key="k",
        vendor_id=f"v-{connection_}-{len(urls)}",
        chat=Chat.direct(PHONE),
        message=Message("look", *(Attachment(url=url, name=None) for url in urls)),
    ).stamped(connection=connection_, provider=VENDORS[0], received_at=now)
    row = WebhookRow(connection=connection_, digest=event.id, received_at=now, headers=(), body=b"{}")
    await place.service.store.ingest(row, [event])
    return event.id


def pinning(place: Site, egress: Egress) -> Pinning:
    """Make the loop with an egress of its own."""
    service = place.service
    return Pinning(service.store, service.gateway.files, service.tenancy.accounts, egress, service.engine.clock)


async def test_media_is_kept_where_it_is_asked_for(place: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its event, judged by its bytes; what fails for now is tried again, what is none is left."""
    monkeypatch.setattr("gateway.server.files_pinning.PAUSES", (0.01, 0.01))
    media = Media(
        **{
            "a.png": [Response(status_code=503), Response(PNG, media_type="image/png")],
            "gone.png": [Response(status_code=404)],
            "moved.png": [Response(status_code=302, headers={"location": "http://169.254.169.254/"})],
        }
    )
    async with served(media) as url:
        asks, quiet = await connection(place, "asks", pins=True), await connection(place, "quiet", pins=False)
        event = await arrived(place, asks, *(f"{url}/{name}" for name in ("a.png", "gone.png", "moved.png")))
        other = await arrived(place, quiet, f"{url}/a.png", f"{url}/a.png")
        async with asyncio.timeout(20):
            while "moved.png" not in media.asked:
                await asyncio.sleep(0.01)
            while not (found := (await place.http.get("/v1/files", params={"event": event})).json()["items"]):
                await asyncio.sleep(0.01)
        nothing = (await place.http.get("/v1/files", params={"event": other})).json()["items"]
    told = await place.ask("query ($id: ID!) { event(id: $id) { files { name sniffedType } } }", id=event)

    [kept] = found
    assert ("a.png", "image/png", asks, event) == (
        kept["name"],
        kept["sniffed_type"],
        kept["connection"],
        kept["event"],
    )
    assert ["a.png", "a.png", "gone.png", "moved.png"] == media.asked
    assert [] == nothing
    assert {"data": {"event": {"files": [{"name": "a.png", "sniffedType": "image/png"}]}}} == told


async def test_media_inside_the_network_is_not_fetched(place: Site) -> None:
    """Whoever writes to us names the URL, so it goes through the guard."""
    media = Media(**{"a.png": [Response(PNG)]})
    egress = Egress(PUBLIC)
    # the service's own loop may ask this machine, since it is in development
    [own] = [task for task in place.service._tasks if task.get_name() == "gateway pinning"]
    own.cancel()
    async with served(media) as url:
        await place.service.store.keep_cursor("media that was pinned", "0")
        asks = await connection(place, "asks", pins=True)
        event = await arrived(place, asks, f"{url}/a.png", "https://169.254.169.254/latest", "https://localhost/a.png")
        loop = asyncio.create_task(pinning(place, egress).run())
        async with asyncio.timeout(20):
            while egress.refusals.total() < 3:
                await asyncio.sleep(0.01)
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
    await egress.aclose()

    assert [] == media.asked
    assert [] == (await place.http.get("/v1/files", params={"event": event})).json()["items"]
