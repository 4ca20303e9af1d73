"""What goes wrong as the control pane asks for it, and what the lint found."""

from __future__ import annotations

import html
import re

import pytest

from gateway.simulator import Fault
from gateway.simulator.scenario import Scenario
from tests.phone.conftest import Page, words


async def test_a_share_of_everything_goes_wrong_at_each_stage(page: Page) -> None:
    """One fault for each stage, without end; setting other shares takes the ones before back."""
    own = page.sim.faults.add(fault("webhook", "delay"))
    stages = ("accept", "answer", "queue", "send", "deliver", "webhook")
    await page.fine("chaos", **dict.fromkeys(stages, "25"), refusal="429", failure="E7")
    armed = {(each.fault.stage.value, each.fault.kind.value): each.fault for each in page.sim.faults.all()[1:]}
    assert {
        ("request", "answer"),
        ("accepted", "reset"),
        ("delivery", "queued"),
        ("delivery", "failed"),
        ("delivery", "stuck"),
        ("webhook", "drop"),
    } == armed.keys()
    assert {(0.25, None)} == {(each.probability, each.times) for each in armed.values()}
    refusal, failure = armed["request", "answer"], armed["delivery", "failed"]
    assert (429, 5, "E7") == (refusal.status, refusal.retry_after, failure.code)
    shown = await page.get(page.place.showing("control"))
    assert 6 == shown.count('value="25"')
    await page.fine("chaos", send="100", accept="0", refusal="timeout")
    assert [own.id, "failed"] == [page.sim.faults.all()[0].id, page.sim.faults.all()[1].fault.kind.value]
    assert "failed" == (await fate_of(page))
    await page.fine("chaos")
    assert [own.id] == [each.id for each in page.sim.faults.all()]
    assert [422, 422, 422] == [
        (await page.do("chaos", send="101")).status_code,
        (await page.do("chaos", send="some")).status_code,
        (await page.do("chaos", refusal="politely")).status_code,
    ]


def fault(stage: str, kind: str) -> Fault:
    """A fault that strikes once."""
    return Fault.model_validate({"stage": stage, "kind": kind})


async def fate_of(page: Page) -> str:
    """How far a message comes."""
    bubble = await page.send()
    await page.sim.clock.advance(60)
    return bubble.state.value


@pytest.mark.parametrize("refusal", ["500", "401", "402", "403", "429", "503", "broken JSON", "proxy’s page"])
async def test_a_call_is_refused_as_was_chosen(page: Page, refusal: str) -> None:
    """Each of the choices is answered by the twin, or by what stands in front of it."""
    await page.fine("chaos", accept="100", refusal=refusal)
    answer = await page.http.get(f"{page.sim.base_url('echo')}/chats")
    wanted = {"broken JSON": 200, "proxy’s page": 502}.get(refusal) or int(refusal)
    assert wanted == answer.status_code


async def test_a_message_may_stay_in_the_queue(page: Page) -> None:
    """It is accepted, and nothing further is heard of it."""
    await page.fine("fault", kind="delivery/queued")
    assert "queued" == await fate_of(page)


async def test_the_vendors_own_codes_are_offered(page: Page) -> None:
    """Those that an installed provider knows, each with what it means, for calls and for deliveries."""
    shown = await page.get(page.place.showing("control"))
    for name, code in (("codes", "slow_down"), ("failures", "blocked")):
        (options,) = re.findall(rf'<datalist id="{name}">(.*?)</datalist>', shown, re.DOTALL)
        assert f'<option value="{code}">Echo: ' in html.unescape(options)


async def test_a_fault_may_have_all_that_faults_have(page: Page) -> None:
    """Copies, a contact, a path, when to come again, the vendor's words."""
    to = page.contact.address.text
    await page.fine("fault", kind="webhook/duplicate", copies="3", event="message*")
    await page.fine("fault", kind="request/answer", status="429", retry_after="7", path="/chats*", message="slowly")
    await page.fine("fault", kind="delivery/failed", to=to, code="E7")
    copies, refusal, failure = (each.fault for each in page.sim.faults.all())
    assert (3, "message*") == (copies.copies, copies.event)
    assert (7, "/chats*", "slowly") == (refusal.retry_after, refusal.path, refusal.message)
    assert page.contact.address == failure.to
    said = words(await page.get(page.place.showing("control")))
    assert "duplicate at webhook · ×4 · message*" in said
    assert "answer at request · status 429 · retry after 7 s · /chats*" in said
    assert to not in said.partition("one thing that goes wrong")[2].partition("webhooks once more")[0]


async def test_findings_are_shown_with_their_story(page: Page) -> None:
    """The pane says what was found, and each leads to the message that it is about."""
    assert "protocol lint clean" in words(await page.get(page.place.showing("control")))
    await page.fine("write", text="hello")
    await page.send("yes")
    second = await page.send("yes")
    shown = await page.get(page.place.showing("control"))
    assert "protocol lint 1" in words(shown)
    assert "double-reply the same answer twice to one message: answer each message once Story" in words(shown)
    about = page.place.showing("wire", ("echo", second.vendor_id))
    assert f"/_phone/?{about.query}" in html.unescape(shown)
    story = await page.get(about)
    assert "double-reply" in words(story)


async def test_the_clock_goes_to_what_is_next(page: Page) -> None:
    """One thing after the other comes due, and the pane says what it waits for."""
    bubble = await page.send()
    assert re.search(
        r"virtual · [1-9]\d* due, the next in 0\.\d+ s", words(await page.get(page.place.showing("control")))
    )
    seen = []
    while page.sim.clock.next_in is not None:
        await page.fine("advance", seconds="next")
        seen.append(bubble.state.value)
    assert ["sent", "delivered", "read"] == list(dict.fromkeys(state for state in seen if state != "queued"))
    assert "nothing is due" in words(await page.get(page.place.showing("control")))
    await page.fine("advance", seconds="next")


async def test_a_session_is_recorded_played_and_saved(page: Page) -> None:
    """From the press of a button to the next; what was before is not in it."""
    await page.fine("write", text="before")
    await page.fine("record")
    assert "Stop recording" in words(await page.get(page.place.showing("control")))
    assert 409 == (await page.do("record")).status_code
    await page.fine("record")
    await page.fine("write", text="hello")
    await page.fine("record")
    saved = await page.http.get(f"{page.root}/export/recorded%201.toml")
    assert ["hello"] == [step.says for step in Scenario.read(saved.text).step]
    await page.fine("scenario", vendor="echo", recorded="recorded 1")
    assert "hello" == page.last().text
    assert "All of it happened." in words(await page.get(page.place.showing("control")))
