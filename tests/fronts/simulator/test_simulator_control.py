from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from gateway.simulator import Fault, FaultKind
from tests.fronts.echo_twin import LINE
from tests.fronts.simulator.conftest import THEIRS, Stand


async def ok(stand: Stand, method: str, path: str, json: object = None) -> dict[str, Any]:
    """Ask, and expect that it works."""
    answer = await stand.control(method, path, json)
    assert 200 == answer.status_code, answer.text
    value: dict[str, Any] = answer.json()
    return value


async def test_the_index_says_what_there_is(stand: Stand) -> None:
    """Every path is listed, and leads somewhere."""
    index = await ok(stand, "GET", "/")
    assert ["echo"] == index["vendors"]
    assert index == await ok(stand, "GET", "")
    for entry in index["paths"]:
        method, path = entry.split(" ")
        url = stand.sim.url + path.replace("{address}", THEIRS).replace("{deed}", "read").replace("{vendor}", "echo")
        answer = await stand.http.request(method, url, content=b"{}")
        assert answer.status_code in {200, 404, 422}, entry
        assert "there is nothing here" != answer.json().get("error"), entry


async def test_contacts_are_listed_made_and_switched(stand: Stand) -> None:
    """A phone is made by its address in any spelling, and its switches are changed one by one."""
    made = await ok(stand, "POST", "/contacts", {"address": "tel:+1-202-555-0199", "name": "Zoe", "imessage": False})
    assert {
        "address": "+12025550199",
        "name": "Zoe",
        "imessage": False,
        "rcs": False,
        "offline": False,
        "blocked": False,
        "receipts": True,
        "reads": True,
        "filters": False,
        "slow": False,
        "known": True,
        "limits": True,
    } == made["contact"]
    switched = await ok(stand, "PATCH", "/contacts/%2B12025550199", {"rcs": True, "offline": True})
    assert switched == await ok(stand, "GET", "/contacts/+12025550199")
    assert 6 == len((await ok(stand, "GET", "/contacts"))["contacts"])


async def test_a_contact_does_everything_over_http(stand: Stand) -> None:
    """Each deed is a POST, and the application hears of each."""
    await stand.send()
    deeds: dict[str, dict[str, object]] = {
        "write": {"text": "hi", "attachments": ["https://example.com/a.png"], "effect": "Invisible Ink"},
        "reply": {"text": "yes", "vendor": "echo"},
        "react": {"reaction": "love"},
        "unreact": {"reaction": "love"},
        "vote": {"option": "yes"},
        "share": {},
        "type": {"on": False},
        "call": {"line": LINE},
        "opt-in": {"link": "l-1"},
        "stop": {},
        "start-group": {"others": ["+12025550151"], "text": "all", "name": "Us"},
    }
    for deed, body in deeds.items():
        await ok(stand, "POST", f"/contacts/{THEIRS}/{deed}", body)
    assert [] == (await ok(stand, "POST", f"/contacts/{THEIRS}/read", {}))["messages"]
    await ok(stand, "POST", "/clock/advance", {"seconds": 0.2})
    heard = [event for event in stand.app.events if event != "sent"]
    assert [
        *("message", "message", "reaction", "reaction", "vote", "share"),
        *("typing", "call", "opt-in", "message", "message"),
    ] == heard


async def test_threads_show_their_messages(stand: Stand) -> None:
    """What was written, how it was shown and how far it came."""
    await ok(stand, "POST", f"/contacts/{THEIRS}/write", {"text": "hi", "effect": "slam"})
    (listed,) = (await ok(stand, "GET", "/threads?vendor=echo"))["threads"]
    assert [] == (await ok(stand, "GET", "/threads?vendor=nobody"))["threads"]
    thread = (await ok(stand, "GET", f"/threads/{listed['id']}"))["thread"]
    (shown,) = thread["bubbles"]
    assert ("hi", "slam", False, THEIRS, "delivered", [{"type": "text", "text": "hi"}]) == tuple(
        shown[name] for name in ("text", "effect", "ours", "sender", "state", "parts")
    )


async def test_faults_are_added_listed_and_taken_back(stand: Stand) -> None:
    """What waits is shown with how often it will strike."""
    added = await ok(stand, "POST", "/faults", {"kind": "answer", "status": 503, "vendor": "echo", "times": 2})
    assert {"id": "fault_1", "stage": "request", "kind": "answer", "struck": 0, "left": 2}.items() <= added[
        "fault"
    ].items()
    assert 503 == (await stand.send()).status_code
    (waiting,) = (await ok(stand, "GET", "/faults"))["faults"]
    assert (1, 1) == (waiting["struck"], waiting["left"])
    assert {"faults": []} == await ok(stand, "DELETE", "/faults/fault_1")
    await ok(stand, "POST", "/faults", {"kind": "reset", "times": None})
    assert {"faults": []} == await ok(stand, "DELETE", "/faults")
    assert 202 == (await stand.send()).status_code


async def test_the_clock_is_shown_advanced_and_switched(stand: Stand) -> None:
    """Virtual time moves by the call; real time moves by itself."""
    assert {"now": "2026-01-01T12:00:00+00:00", "mode": "virtual", "elapsed": 0.0, "pending": 0} == await ok(
        stand, "GET", "/clock"
    )
    await stand.send()
    moved = await ok(stand, "POST", "/clock/advance", {"seconds": 3600})
    assert ("2026-01-01T13:00:00+00:00", 6) == (moved["now"], moved["ran"])
    assert "real" == (await ok(stand, "PATCH", "/clock", {"mode": "real"}))["mode"]


async def test_the_journal_is_asked_from_where_one_was(stand: Stand) -> None:
    """By number, kind and vendor; what a limit cut off comes next."""
    await stand.send()
    everything = await ok(stand, "GET", "/journal")
    kinds = [entry["kind"] for entry in everything["entries"]]
    assert ["request", "world", "answer"] == kinds
    first = await ok(stand, "GET", "/journal?kind=request,answer&limit=1&vendor=echo")
    second = await ok(stand, "GET", f"/journal?kind=request,answer&since={first['since']}")
    assert [["request"], ["answer"]] == [[entry["kind"] for entry in part["entries"]] for part in (first, second)]
    assert {"entries": [], "since": 9, "last": 3} == await ok(stand, "GET", "/journal?since=9")


async def test_the_journal_waits_for_news(stand: Stand) -> None:
    """A long poll answers as soon as something happens."""
    waiting = asyncio.create_task(ok(stand, "GET", "/journal?kind=request&wait=30"))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    await stand.send()
    async with asyncio.timeout(60):
        assert 1 == len((await waiting)["entries"])


async def test_no_secret_is_in_the_journal_nor_in_the_state(stand: Stand) -> None:
    """Keys and secrets are masked wherever they occur, also a stranger's key in a header."""
    key, secret = stand.sim.api_keys["echo"], stand.sim.secrets["echo"]
    await stand.send(f"my key is {key} and {secret}")
    await stand.send(headers={"authorization": "sk-somebodys-real-key", "x-api-key": "another"})
    await stand.control("POST", "/clock/advance", {"seconds": 60})
    texts = [(await stand.control("GET", path)).text for path in ("/journal", "/vendors", "/")]
    assert [] == [word for word in (key, secret, "somebodys-real-key", "another") if any(word in t for t in texts)]
    assert "my key is ••• and •••" in texts[0]
    assert "Bearer •••" in texts[0]


async def test_webhook_urls_are_shown_and_set(stand: Stand) -> None:
    """One URL for each vendor, or none."""
    assert {"webhooks": {"echo": stand.app.url}} == await ok(stand, "GET", "/webhooks")
    assert {"webhooks": {"echo": None}} == await ok(stand, "PUT", "/webhooks/echo", {"url": None})
    await ok(stand, "PUT", "/webhooks/echo", {"url": stand.app.url})
    assert 422 == (await stand.control("PUT", "/webhooks/echo", {"url": "nowhere"})).status_code


async def test_switches_of_a_vendor_change_its_behaviour(stand: Stand) -> None:
    """They take the kind of value that they have, and no others are made up."""
    await ok(stand, "PATCH", "/vendors/echo/switches", {"shout": True, "code": "E1"})
    await ok(stand, "PATCH", "/vendors/echo/switches", {"code": None})
    await stand.send("quiet")
    assert ["QUIET"] == [bubble.text for bubble in stand.sim.world.threads("echo")[0].bubbles]
    assert {"shout": True, "limit": 100, "code": None} == (await ok(stand, "GET", "/vendors/echo"))["vendor"][
        "switches"
    ]
    for wrong in ({"shout": 1}, {"limit": True}, {"code": ["E1"]}, {"colour": "red"}, ["shout"], "shout"):
        assert 422 == (await stand.control("PATCH", "/vendors/echo/switches", wrong)).status_code


async def test_a_reset_begins_again_with_the_same_seed(stand: Stand) -> None:
    """The world, the twins, the faults and the journal are new; ids come in the same order."""
    first = (await stand.send()).json()
    stand.sim.faults.add(Fault(kind=FaultKind.RESET, times=None, path="/nothing"))
    await ok(stand, "PATCH", "/vendors/echo/switches", {"shout": True})
    state = await ok(stand, "POST", "/reset")
    assert ([], []) == (state["threads"], state["faults"])
    assert {"webhooks": {"echo": stand.app.url}} == await ok(stand, "GET", "/webhooks")
    assert first == (await stand.send()).json()
    await stand.sim.clock.advance(60)
    assert ["sent", "delivered", "read"] == stand.app.events


# ── what is refused ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nothing", b"", 404),
        ("DELETE", "/clock", b"", 405),
        ("POST", "/faults", b"{", 400),
        ("POST", "/faults", b"\xff\xfe", 400),
        ("POST", "/faults", b"[]", 422),
        ("POST", "/faults", b"null", 422),
        ("POST", "/faults", b'{"kind": "reset", "vendor": "nobody"}', 404),
        ("POST", "/faults", b'{"kind": "drop"}', 422),
        ("DELETE", "/faults/fault_9", b"", 404),
        ("POST", "/contacts", b'{"address": "nobody"}', 422),
        ("GET", "/contacts/nobody", b"", 422),
        ("GET", "/contacts/+12025550198", b"", 404),
        ("PATCH", "/contacts/+12025550150", b'{"colour": "red"}', 422),
        ("PATCH", "/contacts/+12025550150", b'{"offline": "perhaps"}', 422),
        ("POST", "/contacts/+12025550150/dance", b"{}", 404),
        ("POST", "/contacts/+12025550150/write", b"{}", 422),
        ("POST", "/contacts/+12025550150/write", b'{"text": "hi", "vendor": "nobody"}', 404),
        ("POST", "/contacts/+12025550150/write", b'{"text": "hi", "group": "g-9"}', 404),
        ("POST", "/contacts/+12025550150/write", b'{"attachments": ["no url"]}', 422),
        ("POST", "/contacts/+12025550150/reply", b'{"text": "hi"}', 404),
        ("POST", "/contacts/+12025550150/react", b'{"reaction": "hug"}', 422),
        ("GET", "/threads/thread_9", b"", 404),
        ("POST", "/clock/advance", b'{"seconds": -1}', 422),
        ("POST", "/clock/advance", b'{"seconds": 1e99}', 422),
        ("PATCH", "/clock", b'{"mode": "slow"}', 422),
        ("GET", "/journal?since=x", b"", 422),
        ("GET", "/journal?wait=1e9", b"", 422),
        ("GET", "/journal?limit=nan", b"", 422),
        ("PUT", "/webhooks/nobody", b'{"url": null}', 404),
        ("GET", "/vendors/nobody", b"", 404),
    ],
)
async def test_a_wrong_request_is_refused_with_a_hint(
    stand: Stand, method: str, path: str, body: bytes, status: int
) -> None:
    """Never a 500, and never without saying what to do."""
    answer = await stand.http.request(method, f"{stand.sim.control_url}{path}", content=body)
    assert status == answer.status_code, answer.text
    problem = answer.json()
    assert {"error", "hint"} == problem.keys()
    assert problem["hint"]


async def test_an_offline_phone_cannot_write(stand: Stand) -> None:
    """What the world does not allow is a conflict, not a failure."""
    await ok(stand, "PATCH", f"/contacts/{THEIRS}", {"offline": True})
    answer = await stand.control("POST", f"/contacts/{THEIRS}/write", {"text": "hi"})
    assert (409, "switch offline off first") == (answer.status_code, answer.json()["hint"])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "127.0.0.1:1"}, 200),
        ({"host": "localhost"}, 200),
        ({"host": "sim.localhost:80"}, 200),
        ({"host": "[::1]:80"}, 200),
        ({"host": "192.0.2.7"}, 200),
        ({"host": "evil.example"}, 403),
        ({"host": "127.0.0.1.evil.example"}, 403),
        ({"host": "localhost.evil.example"}, 403),
        ({"host": "[::1"}, 403),
        ({"host": ""}, 403),
        ({"host": "localhost", "origin": "http://localhost"}, 200),
        ({"host": "localhost", "origin": "http://evil.example"}, 403),
        ({"host": "localhost", "origin": "null"}, 403),
    ],
)
async def test_a_foreign_name_or_page_is_refused(stand: Stand, headers: dict[str, str], status: int) -> None:
    """A name that somebody points at this machine, and a page from elsewhere, get nothing."""
    answer = await stand.http.get(f"{stand.sim.control_url}/clock", headers=headers)
    assert status == answer.status_code


async def test_a_twin_that_fails_is_named(stand: Stand) -> None:
    """A twin's own fault is a 500, is in the journal, and does not stop the others."""
    answer = await stand.http.get(f"{stand.sim.base_url('echo')}/broken")
    assert (500, b"") == (answer.status_code, answer.content)
    (entry,) = stand.sim.journal.entries("error")
    assert ("RuntimeError", "the twin is broken") == (entry.data["error"], entry.data["message"])
    assert ["the twin is broken"] == [str(failure) for failure in stand.sim.failures]
    stand.sim.failures.clear()


async def test_nothing_else_is_served(stand: Stand) -> None:
    """A path outside of all vendors says where they are."""
    answer = await stand.http.get(f"{stand.sim.url}/elsewhere")
    assert 404 == answer.status_code
    assert stand.sim.base_url("echo") in answer.json()["hint"]


async def test_a_body_has_a_limit(stand: Stand) -> None:
    """More than sixteen MiB are not taken."""

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(17):
            yield b"x" * 1024 * 1024

    try:
        answer = await stand.http.post(f"{stand.sim.control_url}/faults", content=endless())
    except httpx.WriteError:
        return  # the server closed before we were done
    assert 413 == answer.status_code
