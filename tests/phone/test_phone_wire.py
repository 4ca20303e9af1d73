"""A bubble's story on the wire, told from the journal, and everything that can be done with it again."""

from __future__ import annotations

import json
import shlex
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlencode

import httpx
import pytest

from gateway.client import Gateway
from gateway.model import Attachment, Message
from gateway.simulator import Bubble, Fault, FaultKind, Simulation
from gateway.simulator.phone.place import Held, Place
from gateway.simulator.phone.wire import story_of
from gateway.simulator.proof import check
from tests.fronts.simulator.receiver import Receiver
from tests.phone.conftest import words

THEIRS = "+12025550150"


@dataclass
class Wire:
    """A vendor whose provider is installed, an application that sends and receives, and a page."""

    sim: Simulation
    app: Receiver
    http: httpx.AsyncClient
    gateway: Gateway

    async def sent(self, message: str | Message = "hello") -> Bubble:
        """Let the application send, and everything come of it."""
        receipt = await self.gateway.send(THEIRS, message, via="main")
        await self.sim.clock.advance(10)
        bubble = self.sim.world.find("echo", receipt.vendor_id)
        assert bubble is not None
        return bubble

    async def do(self, deed: str, **fields: str) -> httpx.Response:
        """Send a form of the pane."""
        headers = {"hx-request": "true", "content-type": "application/x-www-form-urlencoded"}
        return await self.http.post(f"{self.sim.url}/_phone/do/{deed}", content=urlencode(fields), headers=headers)


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    """The example's vendor in virtual time."""
    async with (
        Receiver() as app,
        Simulation(["echo"], seed=7, clock="virtual", webhooks={"echo": app.url}) as sim,
        httpx.AsyncClient(trust_env=False) as http,
        Gateway() as gateway,
    ):
        gateway.connect("echo", name="main", **sim.settings("echo"))
        await http.get(sim.phone_url)
        yield Wire(sim, app, http, gateway)


async def test_a_message_of_the_application_has_its_call_model_and_webhooks(wire: Wire) -> None:
    """One call with the vendor's answer, the neutral message, and a webhook with its attempt for each state."""
    bubble = await wire.sent()
    story = story_of(wire.sim.scene, "echo", bubble.vendor_id)
    assert story is not None
    (call,) = story.calls
    assert ("POST", "/v1/messages", "201", True) == (call.method, call.path, call.status, call.fine)
    assert bubble.vendor_id in call.answer
    assert {"parts": [{"text": "hello"}]} == json.loads(story.model)
    assert ["200"] * 3 == [attempt.status for hook in story.hooks for attempt in hook.attempts]
    assert ["fits"] * 3 == [attempt.verdict for hook in story.hooks for attempt in hook.attempts]
    states = [event["state"] for hook in story.hooks for event in json.loads(hook.events)]
    assert ["sent", "delivered", "read"] == states


async def test_no_secret_is_in_a_story(wire: Wire) -> None:
    """Not in headers, not in what is copied, not on the page."""
    bubble = await wire.sent()
    place = Place((Held(bubble.thread.members[0]),)).showing("wire", ("echo", bubble.vendor_id))
    html = (await wire.http.get(f"{wire.sim.url}/_phone/?{place.query}")).text
    assert "On the wire" in words(html)
    assert [] == [secret for secret in (wire.sim.api_keys["echo"], wire.sim.secrets["echo"]) if secret in html]


async def test_a_call_is_copied_as_a_command_and_as_python(wire: Wire) -> None:
    """Both are whole, and name the key instead of holding it."""
    bubble = await wire.sent('it\'s "here" $HOME')
    story = story_of(wire.sim.scene, "echo", bubble.vendor_id)
    assert story is not None
    argv = shlex.split(story.calls[0].curl.replace("\\\n", " "))
    assert ["curl", "-X", "POST", f"{wire.sim.base_url('echo')}/messages"] == argv[:4]
    assert "authorization: Bearer $API_KEY" in argv
    assert 'it\'s "here" $HOME' == json.loads(argv[argv.index("--data-raw") + 1])["text"]
    compile(story.calls[0].httpx, "copied", "exec")
    assert 'os.environ["API_KEY"]' in story.calls[0].httpx


async def test_a_call_is_made_again_as_it_was_and_edited(wire: Wire) -> None:
    """The vendor treats it as any call: what is wrong with it is answered as the vendor would."""
    bubble = await wire.sent()
    thread = bubble.thread
    call = wire.sim.journal.entries("request")[0]
    body = json.loads(json.dumps(call.data["body"]))
    assert 200 == (await wire.do("replay", seq=str(call.seq))).status_code
    edited = json.dumps({**body, "text": "edited"})
    assert 200 == (await wire.do("replay", seq=str(call.seq), body=edited)).status_code
    assert ["hello", "hello", "edited"] == [each.text for each in thread.bubbles]
    await wire.do("replay", seq=str(call.seq), body="{")
    assert 400 <= int(str(wire.sim.journal.entries("answer")[-1].data["status"])) < 500


async def test_a_call_that_meets_a_fault_is_no_fault_of_the_page(wire: Wire) -> None:
    """A connection that breaks is said; one that is gone from the journal too."""
    await wire.sent()
    call = wire.sim.journal.entries("request")[0]
    wire.sim.faults.add(Fault(kind=FaultKind.RESET))
    answer = await wire.do("replay", seq=str(call.seq))
    assert (409, True) == (answer.status_code, "a fault broke the connection" in answer.text)
    assert 404 == (await wire.do("replay", seq="999999")).status_code
    assert 422 == (await wire.do("replay", seq="x")).status_code


async def test_a_webhook_is_told_again_with_a_new_signature(wire: Wire) -> None:
    """The application gets the same payload once more, and its check holds."""
    bubble = await wire.sent()
    hook = wire.sim.journal.entries("webhook")[0]
    before = len(wire.app.hooks)
    await wire.sim.clock.advance(60)
    assert 200 == (await wire.do("retell", seq=str(hook.seq))).status_code
    await wire.sim.clock.advance(1)
    assert [wire.app.hooks[0].body] == [again.body for again in wire.app.hooks[before:]]
    story = story_of(wire.sim.scene, "echo", bubble.vendor_id)
    assert story is not None
    assert {"fits"} == {attempt.verdict for hook in story.hooks for attempt in hook.attempts}
    assert 404 == (await wire.do("retell", seq="999999")).status_code
    exported = f"{wire.sim.url}/_phone/export/webhook-"
    saved = await wire.http.get(f"{exported}{hook.seq}.sample")
    assert hook.data["payload"] == saved.json()
    assert [404, 404] == [(await wire.http.get(f"{exported}{no}.sample")).status_code for no in ("999999", "x")]


async def test_each_attempt_shows_what_was_signed(wire: Wire) -> None:
    """The header, the bytes in front of it and the time; the bytes are those that came, and the secret is not there."""
    bubble = await wire.sent()
    story = story_of(wire.sim.scene, "echo", bubble.vendor_id)
    assert story is not None
    (attempt, *_), came = story.hooks[0].attempts, wire.app.hooks[0]
    signed = attempt.signed
    assert signed is not None
    assert ("echo-timestamp, echo-signature", "HMAC-SHA256, in hex") == (signed.headers, signed.method)
    assert f"{came.headers['echo-timestamp']}.{came.body.decode()}" == signed.base
    assert "2026-01-01 12:00:0" in signed.at
    place = Place((Held(bubble.thread.members[0]),)).showing("wire", ("echo", bubble.vendor_id))
    said = words((await wire.http.get(f"{wire.sim.url}/_phone/?{place.query}")).text)
    assert "What was signed" in said
    assert wire.sim.secrets["echo"] not in said


async def test_a_webhook_is_told_forged_and_as_of_yesterday(wire: Wire) -> None:
    """Both are marked, and the check that every application should make refuses them."""
    bubble = await wire.sent()
    hook = wire.sim.journal.entries("webhook")[0]
    for how in ("forged", "yesterday"):
        assert 200 == (await wire.do("retell", seq=str(hook.seq), how=how)).status_code
        await wire.sim.clock.advance(1)
    story = story_of(wire.sim.scene, "echo", bubble.vendor_id)
    assert story is not None
    tries = {attempt.spoiled: attempt.verdict for each in story.hooks for attempt in each.attempts if attempt.spoiled}
    assert {"signature", "stale"} == tries.keys()
    assert "does not match" in tries["signature"]
    assert "seconds away" in tries["stale"]
    assert {"accepts-forgery"} == {finding.rule for finding in story.findings}


async def test_after_a_rotation_the_new_secret_is_shown_once(wire: Wire) -> None:
    """The vendor signs with it, the page that asked is told, and no page holds it afterwards."""
    old = wire.sim.secrets["echo"]
    told = await wire.do("rotate", vendor="echo")
    new = wire.sim.secrets["echo"]
    assert (True, True) == (new != old, f"<code>{new}</code>" in told.text)
    bubble = await wire.sent()
    hook, scene = wire.app.hooks[-1], wire.sim.scene
    assert check(scene, "echo", hook.headers, hook.body.decode(), "").fits
    assert "What differs: the secret." == check(scene, "echo", hook.headers, hook.body.decode(), old).words
    for pane in (("control", None), ("wire", ("echo", bubble.vendor_id))):
        place = Place((Held(bubble.thread.members[0]),)).showing(*pane)
        assert new not in (await wire.http.get(f"{wire.sim.url}/_phone/?{place.query}")).text
    assert 200 == (await wire.do("rotate", vendor="echo", secret="of my own choice")).status_code
    assert "of my own choice" == wire.sim.twin("echo").context.secret
    assert [422, 422] == [
        (await wire.do("rotate", vendor="nobody")).status_code,
        (await wire.do("rotate", vendor="echo", secret="short")).status_code,
    ]


async def test_the_same_message_is_shown_under_every_vendor(wire: Wire) -> None:
    """What would be carried, and what would be lost."""
    bubble = await wire.sent()
    bubble.subject = "News"
    bubble.parts = (*bubble.parts, *(Attachment(url=f"https://example.com/{n}.jpg") for n in range(3)))
    story = story_of(wire.sim.scene, "echo", bubble.vendor_id)
    assert story is not None
    (fitted,) = story.fitted
    assert fitted.outcome in {"adapted", "refused"}
    assert fitted.lines


async def test_the_signature_helper_says_which_part_differs(wire: Wire) -> None:
    """The secret, the time, a body that was written again; and that all is well where it is."""
    await wire.sent("grüße")
    hook = wire.app.hooks[0]
    scene, body = wire.sim.scene, hook.body.decode()
    secret = scene.secrets["echo"]
    assert check(scene, "echo", hook.headers, body, "").fits
    assert check(scene, "echo", hook.headers, body, secret).fits
    assert "What differs: the secret." == check(scene, "echo", hook.headers, body, "another-secret-altogether").words
    again = json.dumps(json.loads(body))
    assert "the body (it was read as JSON" in check(scene, "echo", hook.headers, again, "").words
    assert "No single part" in check(scene, "echo", hook.headers, body.replace("sent", "lost"), "").words
    bare = {name: value for name, value in hook.headers.items() if name != "echo-signature"}
    assert "What differs: the header echo-signature is missing." == check(scene, "echo", bare, body, "").words
    await wire.sim.clock.advance(3 * 86_400)
    late = check(scene, "echo", hook.headers, body, "")
    assert late.words.startswith("What differs: the time (it was signed for 2026-01-01 12:00:0")
    assert f"{hook.headers['echo-timestamp']}.{body}" == late.base
    both = check(scene, "echo", hook.headers, body, "another-secret-altogether").words
    assert both.startswith("What differs: the secret and the time")
    headers = "\n".join(f"{name}: {value}" for name, value in hook.headers.items())
    shown = await wire.do("check", vendor="echo", headers=headers, body=body, secret="wrong")
    assert "the secret" in words(shown.text)
    assert 422 == (await wire.do("check", vendor="nobody")).status_code


async def test_what_a_phone_wrote_has_its_webhook_and_no_call(wire: Wire) -> None:
    """The story of a message of a contact begins at the vendor; one that is not there has none."""
    bubble = wire.sim.contact(THEIRS).write("hi", vendor="echo")
    await wire.sim.clock.advance(1)
    story = story_of(wire.sim.scene, "echo", bubble.vendor_id)
    assert story is not None
    assert ((), 1) == (story.calls, len(story.hooks))
    assert None is story_of(wire.sim.scene, "echo", "gone")
