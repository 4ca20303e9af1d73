"""What `gateway demo` runs on: the real service, with a console that is open, an API, and a bot behind an endpoint."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import uvicorn

from gateway.cli.demo.bot import Receiver, echo
from gateway.cli.demo.browser import browser, has_display
from gateway.cli.demo.elsewhere import Answer, Unusable, asked
from gateway.cli.demo.stage import Script, play, staged
from gateway.cli.demo.telling import Programs
from gateway.cli.demo.trace import Seen
from gateway.cli.screen import Screen
from gateway.clock import SYSTEM
from gateway.forward import KeyKind, read_key
from gateway.forward.signing import new_key, signed_headers
from gateway.listening import listening, open_port, url_of
from tests.fronts.cli_runs import interrupt, running

BODY = b'{"type":"message.received","data":{"id":"evt_1","connection":"pc_1","message":{"parts":[]}}}'


@pytest.fixture(scope="module")
def opened() -> Iterator[dict[str, Any]]:
    """A demo that stays, by the document that says where everything is."""
    with running("demo", "echo", "--json") as process:
        assert process.stdout is not None
        told: dict[str, Any] = {}
        for line in process.stdout:
            document = json.loads(line)
            if document["type"] == "opening":
                told = document
            if document["type"] == "ready":
                break
        yield told
        code, _, complaint = interrupt(process)
    assert (0, "") == (code, complaint)


def asking(opened: dict[str, Any]) -> httpx.Client:
    """Give a client with the key that was shown."""
    key = {"authorization": f"Bearer {opened['api_key']}"}
    return httpx.Client(base_url=opened["api_url"], headers=key, trust_env=False)


def test_the_key_opens_the_api_and_the_connections_are_there(opened: dict[str, Any]) -> None:
    """The vendors' twins are connections of the service, made by its API; the bot is behind an endpoint of it."""
    with asking(opened) as client:
        connections = client.get("/connections").json()["items"]
        (endpoint,) = client.get("/endpoints").json()["items"]
        audit = client.get("/audit").json()["items"]
    assert [("echo-demo", "echo", "active")] == [
        (each["name"], each["provider"], each["state"]) for each in connections
    ]
    assert (["message.received"], "active") == (endpoint["types"], endpoint["state"])
    assert "connection.created" in {each["action"] for each in audit if each["actor"].startswith("key_")}


def test_the_link_to_the_console_signs_in(opened: dict[str, Any]) -> None:
    """Whoever has the link sees the overview; with another token there is only the door."""
    with httpx.Client(follow_redirects=True, trust_env=False) as browser:
        page = browser.get(opened["console_url"])
        assert (200, "/console/", "") == (page.status_code, page.url.path, page.url.query.decode())
        assert "echo-demo" in page.text
    with httpx.Client(follow_redirects=True, trust_env=False) as stranger:
        page = stranger.get(f"{opened['console_url']}x")
        assert "echo-demo" not in page.text
        assert "Sign in" in page.text


def test_what_a_contact_writes_is_forwarded_and_answered_by_the_api(opened: dict[str, Any]) -> None:
    """The bot's answer is a message of the service, and the delivery that it followed from went through."""
    contact = opened["contact"]
    with asking(opened) as client:
        start = client.get("/events", params={"after": "latest"}).json()["next"]
        httpx.post(
            f"{opened['control_url']}/contacts/{contact}/write", json={"text": "are you there?"}, trust_env=False
        )
        wanted = {"after": start, "type": "message.received", "wait": 30, "limit": 1}
        (event,) = client.get("/events", params=wanted, timeout=40).json()["items"]
        states: list[str] = []
        for _ in range(200):
            states = delivery_states(client, event["id"])
            if states == ["delivered"]:
                break
            time.sleep(0.1)
    assert ["delivered"] == states
    assert ("are you there?", False) == (event["message"]["parts"][0]["text"], event["ours"])


def delivery_states(client: httpx.Client, event: str) -> list[str]:
    """Say how far the deliveries of an event are."""
    return [each["state"] for each in client.get("/deliveries", params={"event": event}).json()["items"]]


class Noted(Screen):
    """Keeps what would be printed."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[dict[str, Any]] = []

    def data(self, value: Any) -> None:
        """Keep a document."""
        self.told.append(value)


# ── bots elsewhere ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_bot_elsewhere_gets_the_very_bytes_that_were_signed() -> None:
    """Its secret is shown, so a receiver that is written here works at the service; what it answers is sent."""
    heard: list[tuple[dict[str, str], bytes]] = []

    async def bot(scope: Any, receive: Any, send: Any) -> None:
        heard.append(({name.decode(): value.decode() for name, value in scope["headers"]}, (await receive())["body"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b'{"text": "indeed", "react": "love"}'})

    screen = Noted()
    plug = open_port("127.0.0.1", 0)
    async with (
        listening(uvicorn.Config(bot, lifespan="off", log_config=None, timeout_graceful_shutdown=2), plug),
        staged(
            lambda place: Programs(screen, place),
            Script(["echo"], forward_to=f"{url_of('127.0.0.1', plug.getsockname()[1])}/hook"),
        ) as stage,
    ):
        hand = stage.hand("echo")
        wrote = hand.write("is it so?")
        await hand.until("no answer", lambda: (last := hand.thread().last(ours=True)) is not None and bool(last.text))
        await hand.until("no heart", lambda: bool(hand.shown(wrote.vendor_id).reactions))
        assert "indeed" == getattr(hand.thread().last(ours=True), "text", None)
        ((headers, body),) = heard
        secret = read_key(screen.told[0]["endpoint_secret"])
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    kind, _, signature = headers["webhook-signature"].partition(",")
    assert ("v1", {"type", "timestamp", "data"}) == (kind, json.loads(body).keys())
    assert secret.proves(base64.b64decode(signature), content)


async def test_a_bot_of_the_demo_refuses_what_is_not_signed() -> None:
    """A delivery that proves nothing is answered with 401, and told; one that does is taken."""
    key, seen, troubles = new_key(KeyKind.V1), list[Seen](), list[str]()
    bot = Receiver(silent, SYSTEM, seen.append, troubles.append, name="the bot")
    bot.keys, bot.vendors = (read_key(key.text),), {"pc_1": "echo"}
    signed = signed_headers("evt_1", int(SYSTEM.now().timestamp()), BODY, [key])
    assert [401, 204] == [await delivered(bot, {}), await delivered(bot, signed)]
    assert ["the bot refused a delivery: missing"] == troubles
    assert [("echo", "message.received to the bot", 204)] == [(each.vendor, each.what, each.status) for each in seen]


async def test_the_echo_says_what_was_written() -> None:
    """All texts of a message, one after the other."""
    parts = [{"type": "text", "text": "a"}, {"type": "attachment"}, {"type": "text", "text": "b"}]
    answer = await echo({}, json.dumps({"data": {"message": {"parts": parts}}}).encode())
    assert Answer(text="You said: ab") == answer


async def test_whoever_cannot_be_reached_has_no_status() -> None:
    """Then the delivery is tried again, as at the service."""
    with pytest.raises(Unusable, match="cannot be reached") as raised:
        await asked("http://127.0.0.1:9/", b"{}")
    assert raised.value.status is None


async def silent(*_: object) -> Answer:
    """Say nothing."""
    return Answer()


async def delivered(bot: Receiver, headers: dict[str, str]) -> int:
    """Hand a body to a receiver; gives the status."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": BODY}

    async def send(message: Any) -> None:
        sent.append(message)

    await bot({"type": "http", "headers": [(k.encode(), v.encode()) for k, v in headers.items()]}, receive, send)
    status: int = sent[0]["status"]
    return status


# ── a browser ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("platform", "environment", "seen"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("darwin", {}, True),
        ("darwin", {"SSH_CONNECTION": "a b"}, False),
    ],
)
def test_a_window_needs_a_display(platform: str, environment: dict[str, str], seen: bool) -> None:  # noqa: FBT001 - a row
    """On a machine without one, a browser would take the terminal."""
    assert seen is has_display(platform, environment)


def test_nothing_is_opened_where_nobody_sits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Output into a pipe opens no browser, whatever the display."""
    monkeypatch.setenv("DISPLAY", ":0")
    assert browser(io.StringIO()) is None


async def test_phone_and_console_are_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both pages, each by its link, before the conversation begins."""
    shown: list[str] = []
    screen = Noted()
    assert await play(lambda place: Programs(screen, place), Script(["echo"], once=True, show=shown.append))
    assert ["/_phone/", "/console/enter"] == [httpx.URL(each).path for each in shown]
