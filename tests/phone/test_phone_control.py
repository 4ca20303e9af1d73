"""The control pane: clock, faults, scenarios, and the session as a whole."""

from __future__ import annotations

import json
import tomllib

import pytest

from gateway.simulator.phone.steering import transcript
from gateway.simulator.scenario import Scenario
from tests.fronts.echo_twin import LINE
from tests.phone.conftest import Page, words


async def test_time_is_moved_and_stopped(page: Page) -> None:
    """A message that waits for the vendor's time comes when that is moved on."""
    bubble = await page.send()
    await page.fine("advance", seconds="3600")
    assert {"sent", "delivered", "read"} <= {state.value for state in bubble.times}
    for mode in ("real", "virtual"):
        await page.fine("clock", mode=mode)
        assert mode == page.sim.clock.mode
    assert [422, 422, 422] == [
        answer.status_code
        for answer in (
            await page.do("advance", seconds="-1"),
            await page.do("advance", seconds="soon"),
            await page.do("clock", mode="lunar"),
        )
    ]


async def test_the_world_is_made_slower(page: Page) -> None:
    """A person can watch the marks come and go."""
    await page.fine("latency", factor="10")
    assert 4.0 == page.sim.scene.latency.delivered
    assert page.sim.scene.latency is page.sim.scene.fates.latency


async def test_faults_are_armed_shown_and_taken_back(page: Page) -> None:
    """Each strikes as often as was asked; the page shows those that wait."""
    await page.fine("fault", kind="delivery/failed", vendor="echo", code="E5", times="2", status="")
    await page.fine("fault", kind="request/answer", status="503", always="on", probability="0.5")
    said = words(await page.get(page.place.showing("control")))
    assert "failed at delivery · Echo · code E5 struck 0, 2 left" in said
    assert "answer at request · status 503 · 50% of the time struck 0, no end" in said
    first, second = page.sim.faults.all()
    await page.fine("unfault", id=second.id)
    assert [first.id] == [armed.id for armed in page.sim.faults.all()]
    await page.fine("unfault")
    assert [] == page.sim.faults.all()
    assert [404, 422, 422] == [
        (await page.do("unfault", id="gone")).status_code,
        (await page.do("fault", kind="delivery/reset")).status_code,
        (await page.do("fault", kind="x", times="often")).status_code,
    ]


async def test_a_snapshot_is_gone_back_to_as_often_as_one_likes(page: Page) -> None:
    """World and twin are as they were, and live on from there."""
    await page.fine("write", text="before")
    await page.fine("snapshot", name="early")
    for text in ("one", "two"):
        await page.fine("write", text=text)
        await page.fine("switch", name="blocked", on="on")
        await page.fine("restore", name="early")
        thread = page.contact.thread("echo", line=LINE)
        assert (["before"], False) == ([bubble.text for bubble in thread.bubbles], page.contact.phone.blocked)
    bubble = await page.send("after")
    await page.sim.clock.advance(10)
    assert ("read", True) == (bubble.state.value, bubble.thread is page.contact.thread("echo", line=LINE))
    assert page.sim.twin("echo").world is page.sim.world
    assert 404 == (await page.do("restore", name="never")).status_code


async def test_a_scenario_is_played_on_the_page(page: Page) -> None:
    """Its steps are shown, and where it ended."""
    text = 'name = "short"\n[[step]]\nsays = "hi"\n[[step]]\nexpect = "never"\nwithin = 0.05\n[[step]]\nsays = "x"\n'
    await page.fine("scenario", vendor="echo", scenario=text)
    said = words(await page.get(page.place.showing("control")))
    assert "1 says" in said
    assert "It ended there; 1 further steps were not played." in said
    assert [422, 422] == [
        (await page.do("scenario", vendor="echo", scenario="nonsense")).status_code,
        (await page.do("scenario", vendor="nobody", scenario=text)).status_code,
    ]


async def test_the_session_is_taken_along(page: Page) -> None:
    """As JSON, as a transcript, and as a scenario that can be played."""
    await page.fine("write", text="<b>*hi*</b>\n# there", effect="slam")
    bubble = await page.send("hello")
    await page.fine("react", message=bubble.vendor_id, reaction="like")
    state = json.loads((await page.http.get(f"{page.root}/export/session.json")).text)
    assert ["<b>*hi*</b>\n# there", "hello"] == [each["text"] for each in state["threads"][0]["bubbles"]]
    shown = await page.http.get(f"{page.root}/export/transcript.md")
    assert transcript(page.sim.scene) == shown.text
    assert r"\<b\>\*hi\*\</b\>" in shown.text
    assert f"like from {page.contact.phone.name}" in shown.text
    scenario = await page.http.get(f"{page.root}/export/scenario.toml")
    assert 3 == len(Scenario.read(scenario.text).step)
    assert "recorded" == tomllib.loads(scenario.text)["name"]
    assert 404 == (await page.http.get(f"{page.root}/export/x.exe")).status_code


async def test_beginning_again_empties_the_phone(page: Page) -> None:
    """The same people are there, and nothing was written."""
    await page.fine("write", text="hello")
    name = page.contact.phone.name
    await page.fine("reset")
    assert (name, []) == (page.contact.phone.name, page.sim.world.threads())


@pytest.mark.parametrize("pane", ["wire", "control"])
async def test_a_pane_is_labelled_and_can_be_closed(page: Page, pane: str) -> None:
    """It stands beside the phones, and its link leads to the page without it."""
    html = await page.get(page.place.showing(pane))
    assert f'id="pane" aria-label="{pane.title()}"' in html
    assert f'aria-label="Close the {pane} pane"' in html
