"""Many sends while workers die and vendors fail: nothing is lost, nothing is sent twice, nothing changes places."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import httpx
import pytest

from tests.crash.chaos import ANSWER, BURST, RATE, Chaos, Outage
from tests.crash.site import PATIENCE, PLACES, REAL, Site, site
from tests.crash.size import SEED, SENDS
from tests.crash.truth import Reader, Sent, bubbles, lost, order_breaks, unproven
from tests.postgres import Server

PHONE = "+12025550123"


@asynccontextmanager
async def only_young_garbage() -> AsyncIterator[None]:
    """Look for garbage among what is new only: in a world that grows it takes seconds, and the twins stand still."""
    before = gc.get_threshold()
    gc.set_threshold(before[0], before[1], 1_000_000)
    try:
        yield
    finally:
        gc.set_threshold(*before)


async def chaos(store: str, folder: Path, forks: str, *, workers: int, outage: Outage | None = None) -> None:
    """Go through a run, and say what it came to."""
    dice = Random(SEED)  # noqa: S311 - made-up misfortune is no secret
    # a lease that ends while the store is only slow makes workers take each other's lanes, and nobody gets anywhere
    terms = {"lease": 3.0, "settle": 1.0, "answer": ANSWER, "pace": f"{RATE}/s burst {BURST}"}
    async with only_young_garbage(), site(REAL, store, folder, forks, seed=SEED, **terms) as place:
        run = Chaos(place, dice, SENDS, outage)
        await run.run(workers)
        print(await run.verify())  # noqa: T201 - the result of `make campaign`


async def test_chaos_on_sqlite(tmp_path: Path, forks: str) -> None:
    """One worker after the other is killed or frozen past its lease."""
    await chaos(f"sqlite:///{tmp_path}/gateway.db", tmp_path, forks, workers=1)


async def test_chaos_on_postgresql(tmp_path: Path, forks: str, own_postgres: Server) -> None:
    """Three workers are killed or frozen while they share a server that is killed itself."""

    async def outage() -> None:
        before = recoveries(own_postgres)
        await asyncio.to_thread(own_postgres.stop, signal.SIGKILL)
        await asyncio.sleep(0.5)
        await asyncio.to_thread(own_postgres.start)
        assert before + 1 == recoveries(own_postgres)

    await chaos(own_postgres.url(), tmp_path, forks, workers=3, outage=outage)


def recoveries(server: Server) -> int:
    """Count how often the server found that it had been killed."""
    return (server.folder / "log").read_text(errors="replace").count("was not properly shut down")


async def keep_sending(place: Site, vendor: str, promised: list[Sent]) -> str:
    """Send until it is refused; gives the refusal."""
    for number in range(10_000):
        text = f"{number:05}"
        asked = {"via": vendor, "to": PHONE, "texts": [text], "key": text}
        try:
            promised.append(Sent(vendor, PHONE, text, (text,), (await place.ask("enqueue", asked))["message_id"]))
        except httpx.HTTPStatusError as error:
            said = {"status": error.response.status_code, **error.response.json()}
            return f"{said['status']} {said['error']} {said['code']}"
    raise AssertionError("the disk never got full")


@pytest.mark.parametrize(("disk", "code"), [("disk", "disk"), ("pages", "full")], ids=["cannot grow", "full"])
@pytest.mark.parametrize(("vendor", "kind"), [place for place in PLACES if place[1] == "sqlite"])
async def test_a_full_disk(vendor: str, disk: str, code: str, place: Site, tmp_path: Path) -> None:
    """While nothing can be kept nothing is promised; with room again it goes on, and what was promised is there."""
    place.lease = 1.0
    await place.start()
    contact = place.sim.contact(PHONE)
    heard = contact.write("hello", vendor=vendor).vendor_id
    await place.until(lambda: heard in {line.get("vendor_id") for line in place.handed_over})
    await place.ask(disk, sum(file.stat().st_size for file in tmp_path.glob("gateway.db*")))  # noqa: ASYNC240 - three

    promised: list[Sent] = []
    assert f"503 store_error {code}" == await keep_sending(place, vendor, promised)
    written = contact.write("is anybody there?", vendor=vendor).vendor_id
    await place.until(lambda: 503 in {entry.data["status"] for entry in place.sim.journal.entries("attempt")})
    await place.ask(disk, None)
    await place.settled(seconds=PATIENCE)
    await place.until(lambda: written in {line.get("vendor_id") for line in place.handed_over})

    rows = {row["id"]: row for row in await place.insist("rows")}
    reader = Reader(place.sim, vendor)
    reader.read()
    shown = bubbles(place.sim, vendor)
    assert [] == lost(promised, rows)
    assert [] == unproven(promised, rows, {bubble.text for bubble in shown})
    assert ([], []) == (reader.read_too_often(), order_breaks(shown))
