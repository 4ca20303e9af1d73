"""`Gateway.remote`: the library against a running service, async and blocking."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import gateway
from gateway import (
    Attachment,
    ConfigurationError,
    Conflict,
    Event,
    Gateway,
    InvalidMessage,
    Message,
    MessageReceived,
    NoRoute,
    NotFound,
    NotSettled,
    Unsupported,
    sync,
)
from gateway.errors import Forbidden, GatewayError, Unauthenticated, Unreachable
from gateway.exchange import Call, Exchange, Repeat, Reply
from gateway.interface import Interface
from gateway.remote import RemoteGateway
from gateway.remote.failing import error_of
from gateway.server.problems import fault_of
from gateway.simulator import served
from tests.flow.stage import OTHER, PHONE, VENDORS
from tests.fronts.service_site import KEY, Site, account, site

VENDOR = VENDORS[0]

HERE_ONLY = {"from_config", "remote"}
"""How a gateway is made; everything else is what every gateway does."""
CLOSING = {"aclose", "close"}
"""Spelled for their world."""


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Site]:
    """Run a service."""
    async with site(tmp_path) as made:
        yield made


def calls_of(cls: type) -> dict[str, Callable[..., Any]]:
    """Name the calls of a class."""
    found = inspect.getmembers(cls, callable)
    return {name: member for name, member in found if not name.startswith("_") and name not in HERE_ONLY}


@pytest.mark.parametrize("cls", [Gateway, RemoteGateway, sync.Gateway])
def test_every_gateway_has_the_calls_of_the_one_protocol(cls: type) -> None:
    """Same names, same parameters, same defaults: whoever knows one knows all three."""
    wanted, has = calls_of(Interface), calls_of(cls)
    assert set(wanted) - CLOSING == set(has) - CLOSING
    for name in set(wanted) - CLOSING:
        theirs, ours = inspect.signature(wanted[name]), inspect.signature(has[name])
        assert list(theirs.parameters.values()) == list(ours.parameters.values()), name


def test_both_libraries_reach_a_service_the_same_way() -> None:
    """`remote` takes the same in both, and both give what has the calls above."""
    one, other = inspect.signature(Gateway.remote), inspect.signature(sync.Gateway.remote)
    assert list(one.parameters.values()) == list(other.parameters.values())
    assert isinstance(sync.Gateway.remote("http://localhost", "k" * 40), sync.Gateway)


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_program_sends_and_receives_through_a_service(vendor: str, place: Site) -> None:
    """A handler here answers what a contact wrote there; the receipt, the status and the story are whole."""
    async with account(place, vendor) as (connection, sim), Gateway.remote(place.url, KEY) as remote:
        got: asyncio.Queue[MessageReceived] = asyncio.Queue()

        @remote.on(MessageReceived, connection="main")
        async def answer(event: MessageReceived) -> None:
            if not event.ours:
                await got.put(event)

        sim.contact(PHONE).write("are you there?", vendor=vendor)
        async with asyncio.timeout(20):
            event = await got.get()
        receipt = await remote.send(event, f"you said {event.text}", key="once")
        again = await remote.send(event, f"you said {event.text}", key="once")
        status = await remote.status(receipt)
        story = await remote.story(receipt)
        plan = await remote.plan(PHONE, "hi", via="main")
        requests = [entry.json() for entry in sim.journal.entries("request", vendor=vendor)]
        check = await remote.check("main")

    assert ("are you there?", connection) == (event.text, event.connection)
    assert receipt.message_id == again.message_id == status.message_id == story.message_id
    assert "accepted" == status.outcome
    assert 1 == sum("you said are you there?" in str(request) for request in requests)
    assert 1 == len(plan.steps)
    assert check


def test_a_blocking_program_does_the_same(tmp_path: Path) -> None:
    """Its handlers run in threads, and may call it."""
    with _elsewhere(tmp_path) as (url, write):
        answered: list[str] = []
        with sync.Gateway.remote(url, KEY) as remote:

            @remote.on(MessageReceived)
            def answer(event: MessageReceived) -> None:
                answered.append(remote.send(event, "and you").message_id)

            write("hi")
            ticket = remote.enqueue(PHONE, "by and by", via="main")
            status = remote.status(ticket)
            for _ in range(200):
                if answered:
                    break
                write.__self__.wait(0.1)  # type: ignore[attr-defined]  # a method of the stage

    assert ticket.message_id == status.message_id
    assert answered[0].startswith("msg_")


class _Stage:
    """A service with an account, on a loop of its own."""

    def __init__(self, folder: Path) -> None:
        self.ready, self.stop, self.folder = threading.Event(), threading.Event(), folder
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self.url = ""

    async def _run(self) -> None:
        self.loop = asyncio.get_running_loop()
        async with site(self.folder) as place, account(place, VENDOR) as (_, self.sim):
            self.url = place.url
            self.ready.set()
            await asyncio.to_thread(self.stop.wait)

    def write(self, text: str) -> None:
        """Have the contact write."""
        self.loop.call_soon_threadsafe(lambda: self.sim.contact(PHONE).write(text, vendor=VENDOR))

    def wait(self, seconds: float) -> None:
        """Look again in a while."""
        self.stop.wait(seconds)


class _elsewhere:  # noqa: N801 - reads as a function
    def __init__(self, folder: Path) -> None:
        self.stage = _Stage(folder)

    def __enter__(self) -> tuple[str, Callable[[str], None]]:
        self.stage.thread.start()
        assert self.stage.ready.wait(30)
        return self.stage.url, self.stage.write

    def __exit__(self, *_: object) -> None:
        self.stage.stop.set()
        self.stage.thread.join(30)


async def test_files_of_this_machine_go_along(place: Site, tmp_path: Path) -> None:
    """Bytes, a file here and a file there: the service has them all, and the vendor gets links."""
    picture = tmp_path / "a.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(24))
    async with account(place, VENDOR) as (_, sim), Gateway.remote(place.url, KEY) as remote:
        place.service.gateway.public_url = "https://gateway.example"
        file = await remote.upload(picture)
        for part in (
            Attachment(file=picture),
            Attachment(data=picture.read_bytes(), name="b.png"),
            Attachment(file_id=file.id),
        ):
            await remote.send(PHONE, Message(part), via="main", policy="graceful")
        kept = (await place.http.get("/v1/files")).json()["items"]
        sent = [str(entry.json()) for entry in sim.journal.entries("request", vendor=VENDOR)]
        with pytest.raises(InvalidMessage, match=r"nowhere\.png cannot be read"):
            await remote.upload(tmp_path / "nowhere.png")

    assert ("a.png", "image/png", 32) == (file.name, file.sniffed_type, file.size)
    assert {"a.png", "b.png"} == {item["name"] for item in kept}
    assert 3 == sum("https://gateway.example/files/" in request for request in sent)


async def test_a_connection_is_added_and_brought_up_to_date(place: Site) -> None:
    """Starting a program again with another key changes the connection and makes no second one."""
    async with Gateway.remote(place.url, KEY) as remote:
        made = remote.connect(VENDOR, "mine", policy="graceful", api_key="one", webhook_secret="s" * 24)
        with pytest.raises(NotFound):
            await remote.status("msg_none")
        assert made.id is not None
    async with Gateway.remote(place.url, KEY) as remote:
        assert ["mine"] == [item.name for item in remote.connections]
        again = remote.connect(VENDOR, "mine", api_key="two", labels={"for": "support"})
        with pytest.raises(NotFound):
            await remote.status("msg_none")
        broken = remote.connect(VENDOR, "other", nonsense=1)
        with pytest.raises(ConfigurationError, match="nonsense"):
            await remote.status("msg_none")
    listed = (await place.http.get("/v1/connections")).json()["items"]

    assert (made.id, None) == (again.id, broken.id)
    [kept] = listed
    assert ("mine", {"for": "support"}, "graceful") == (
        kept["name"],
        kept["options"]["labels"],
        kept["options"]["policy"],
    )


async def test_errors_are_those_of_the_library(place: Site) -> None:
    """The same class, with its words, its hint and what belongs to it; this vendor fetches by https alone."""
    async with account(place, "echo") as (_, _sim), Gateway.remote(place.url, KEY) as remote:
        with pytest.raises(InvalidMessage):
            await remote.send("nonsense address", "x", via="main")
        now = datetime.now(UTC)
        with pytest.raises(InvalidMessage, match="expires before"):
            await remote.enqueue(PHONE, "x", via="main", at=now + timedelta(hours=1), expires=now)
        with pytest.raises(NotFound):
            await remote.cancel("msg_nothing")
        with pytest.raises((NoRoute, NotFound)):
            await remote.send(PHONE, "x", via="nowhere")
        await remote.enqueue(PHONE, "x", via="main", key="k")
        with pytest.raises(Conflict):
            await remote.enqueue(PHONE, "y", via="main", key="k")
        with pytest.raises(Unsupported) as caught:
            await remote.send(PHONE, Attachment(data=b"x", name="a.xyz"), via="main")
    minted = await place.client("read")
    key = minted.headers["authorization"].split()[1]
    await minted.aclose()
    async with Gateway.remote(place.url, key) as reader:
        with pytest.raises(Forbidden):
            await reader.send(PHONE, "x")
    with pytest.raises(Unauthenticated):
        await _once(Gateway.remote(place.url, "gw_live_wrong"))
    with pytest.raises(Unreachable):
        await _once(Gateway.remote("http://127.0.0.1:9", KEY))

    assert caught.value.hint or caught.value.features


async def _once(remote: RemoteGateway) -> None:
    async with remote:
        pass


async def test_what_waits_says_so(place: Site) -> None:
    """A message for later is kept; waiting for it ends with its ticket, and it can be taken back."""
    async with account(place, VENDOR) as (_, _sim), Gateway.remote(place.url, KEY) as remote:
        with pytest.raises(NotSettled) as caught:
            await remote.send(PHONE, "later", via="main", at=datetime.now(UTC) + timedelta(hours=1), wait=0)
        await remote.cancel(caught.value.ticket)

        assert "cancelled" == (await remote.status(caught.value.ticket)).outcome


async def test_any_exchange_runs_through_the_service(place: Site) -> None:
    """The generator runs here, its calls there with the connection's credentials, and only the provider's hosts."""

    def ask(base: str = "api", **headers: str) -> Exchange[Reply]:
        return (yield Call("GET", "/nothing-here", base=base, headers=headers, repeat=Repeat.SAFE))

    async with account(place, VENDOR) as (_, sim), Gateway.remote(place.url, KEY) as remote:
        reply = await remote.run("main", ask())
        with pytest.raises(InvalidMessage, match="no such base"):
            await remote.run("main", ask("http://elsewhere"))
        with pytest.raises(InvalidMessage, match="not yours to set"):
            await remote.run("main", ask(authorization="Bearer x"))
        asked = str([entry.json() for entry in sim.journal.entries("request", vendor=VENDOR)])

    assert 404 == reply.status
    assert "/nothing-here" in asked


async def test_handlers_go_on_where_they_were_left(place: Site, tmp_path: Path) -> None:
    """A file keeps the cursor: what happened while nobody listened is handed over, and nothing twice."""
    cursor = tmp_path / "cursor"
    seen: list[str] = []
    async with account(place, VENDOR) as (_, sim):
        for texts in (["one", "two"], ["three"]):
            async with Gateway.remote(place.url, KEY, cursor=cursor) as remote:
                remote.on(MessageReceived, lambda event: seen.append(event.text))
                if texts == ["one", "two"]:
                    for text in texts:
                        sim.contact(PHONE).write(text, vendor=VENDOR)
                async with asyncio.timeout(20):
                    while texts[-1] not in seen or not cursor.exists():
                        await asyncio.sleep(0.01)
                await asyncio.sleep(0.05)
            if texts == ["one", "two"]:
                sim.contact(PHONE).write("three", vendor=VENDOR)

    assert ["one", "two", "three"] == list(dict.fromkeys(seen))


async def test_webhooks_pass_through(place: Site) -> None:
    """A program that stands in front of a service passes on what vendors deliver, byte for byte."""
    async with account(place, VENDOR) as (_, sim), Gateway.remote(place.url, KEY) as remote:
        with pytest.raises(gateway.WebhookError):
            await remote.receive("main", {"content-type": "application/json"}, b"{}")
        with pytest.raises(NoRoute):
            await remote.receive("pc_nothing", {}, b"{}")
        got: asyncio.Queue[Event] = asyncio.Queue()
        remote.on(MessageReceived, got.put)
        async with served(remote.asgi()) as url:
            sim.set_webhook(VENDOR, f"{url}/webhooks/main")
            sim.contact(OTHER).write("by a detour", vendor=VENDOR)
            async with asyncio.timeout(20):
                event = await got.get()
        began = event.received_at - timedelta(minutes=1)
        again = await remote.reparse(began, connection="main", limit=1)
        rest = await remote.reparse(began, connection="main", after=again.after or 0)

    assert isinstance(event, MessageReceived)
    assert "by a detour" == event.text
    assert (1, 1, (), ()) == (again.webhooks, again.unchanged, again.new, again.failing)
    assert (True, None) == (rest.complete, rest.after)


@pytest.mark.parametrize(
    "url", ["http://gateway.example.com", "ftp://x", "https://u:secret@x", "gateway.example", "https://x/?key=secret"]
)
def test_a_url_that_would_give_the_key_away_is_refused(url: str) -> None:
    """In the open only to this machine, and to names inside a network."""
    with pytest.raises(ConfigurationError) as caught:
        Gateway.remote(url, KEY)

    assert "secret" not in f"{caught.value} {caught.value.hint}"
    assert () == Gateway.remote("http://gateway:8080", KEY).connections


def kinds(cls: type[GatewayError] = GatewayError) -> Iterator[type[GatewayError]]:
    """Go through all errors."""
    yield cls
    for sub in cls.__subclasses__():
        yield from kinds(sub)


BY_SLUG = {cls.slug: cls for cls in kinds()}


@pytest.mark.parametrize("kind", [BY_SLUG[slug] for slug in sorted(BY_SLUG)])
def test_every_error_survives_the_journey(kind: type[GatewayError]) -> None:
    """Through the service's problem document it comes out as what it went in."""
    error = kind("what happened", hint="do this", provider="p", connection="c", code="7", status=418)
    document = fault_of(error).problem(path="/v1", request_id="req_1").model_dump(mode="json")
    back = error_of(document)

    assert type(back) is kind
    assert isinstance(back, GatewayError)
    assert back.hint  # where the service knows a better one, it is the service's
    assert ("what happened", "p", "c", "7", 418) == (
        back.message,
        back.provider,
        back.connection,
        back.code,
        back.status,
    )
