"""The control pane in a real browser: time, chaos, findings, scenarios, and the session as a whole."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from gateway.simulator import Simulation
from gateway.simulator.scenario import Scenario
from tests.phone.browser.conftest import Opens, Screen

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def controlled(opens: Opens, **options: Any) -> tuple[Screen, Any]:
    """Open a page with the bot's chat and the control pane."""
    screen = await opens(**options)
    await screen.open()
    return screen, await screen.control()


async def test_time_stands_still_and_goes_to_what_is_next(opens: Opens, sim: Simulation) -> None:
    """A message waits with its marks until somebody moves the clock."""
    screen, pane = await controlled(opens)
    clock = pane.get_by_role("region", name="Clock")
    await clock.get_by_role("button", name="Stand still").click()
    await clock.get_by_text("virtual").wait_for()
    assert 1 == await screen.page.locator(".facts").get_by_text("seed 7").count()
    await screen.write("hello")
    await clock.get_by_text("due, the next in").wait_for()
    for _ in range(40):
        async with screen.page.expect_response("**/_phone/do/advance"):
            await clock.get_by_role("button", name="To what is next").click()
        said = [bubble.text for thread in sim.world.threads("echo") for bubble in thread.bubbles]
        if sim.clock.next_in is None and "You said: hello" in said:
            break
    await screen.page.get_by_text("You said: hello").last.wait_for()
    await clock.get_by_text("nothing is due").wait_for()
    await clock.get_by_role("button", name="Real time").click()
    await clock.get_by_text("real", exact=False).first.wait_for()
    await clock.get_by_label("How slow phones and vendors are, 1 is usual").fill("7")
    await clock.get_by_role("button", name="Slowness").click()
    await screen.until(lambda: so(lambda: sim.scene.latency.sent == pytest.approx(2.1)))


async def so(condition: Callable[[], bool]) -> bool:
    """Look whether something is so."""
    return condition()


async def test_chaos_makes_messages_fail(opens: Opens, sim: Simulation) -> None:
    """A share for a stage is set with a code of the vendor's own, and the phone shows what it does."""
    screen, pane = await controlled(opens)
    chaos = pane.get_by_role("region", name="Chaos")
    await chaos.get_by_label("send fails, with the vendor’s code").fill("100")
    await chaos.get_by_label("Code of failures").fill("blocked")
    await chaos.get_by_role("button", name="Set the shares").click()
    faults = pane.get_by_role("region", name="Faults")
    await faults.get_by_text("failed at delivery · code blocked").wait_for()
    assert 0 < await pane.locator("#failures option[value=blocked]").count()
    await screen.write("hello")
    await screen.page.get_by_text("Not Delivered").wait_for()
    assert "blocked" in await screen.page.locator(".state.failed").inner_text()
    await faults.get_by_role("button", name="Take back: failed at delivery", exact=False).click()
    await screen.until(lambda: so(lambda: not sim.faults.all()))
    await screen.page.get_by_role("button", name="Try again").click()
    await screen.page.get_by_text("You said: hello").last.wait_for()
    await screen.until(lambda: ended(screen))


async def ended(screen: Screen) -> bool:
    """Tell whether a message was delivered."""
    count: int = await screen.page.get_by_text("Delivered", exact=True).count()
    read: int = await screen.page.get_by_text("Read ", exact=False).count()
    return count + read > 0


async def test_one_fault_with_all_that_it_may_have(opens: Opens, sim: Simulation) -> None:
    """From the form with its further fields; it waits, strikes, and is gone."""
    screen, pane = await controlled(opens)
    faults = pane.get_by_role("region", name="Faults")
    await faults.get_by_label("What").select_option("webhook/duplicate")
    await faults.get_by_label("Event").fill("message.received")
    await faults.get_by_text("More", exact=True).click()
    await faults.get_by_label("Further copies").fill("2")
    await faults.get_by_role("button", name="Let it go wrong").click()
    await faults.get_by_text("duplicate at webhook · ×3 · message.received").wait_for()
    await screen.write("hello")
    await screen.page.get_by_text("You said: hello").last.wait_for()
    await faults.get_by_text("duplicate at webhook").wait_for(state="detached")
    assert ["hello", "You said: hello"] == await screen.texts()


async def test_a_secret_is_changed_and_shown_once(opens: Opens, sim: Simulation) -> None:
    """The application refuses what it cannot check; the pane tells which, and keeps nothing of the secret."""
    screen, pane = await controlled(opens)
    hooks = pane.get_by_role("region", name="Webhooks")
    await hooks.get_by_label("Change the secret of").select_option("echo")
    await hooks.get_by_role("button", name="Change it").click()
    await hooks.get_by_text("signs with").wait_for()
    new = sim.secrets["echo"]
    assert new in await hooks.inner_text()
    await screen.write("quiet hello")
    await screen.until(lambda: so(lambda: bool(sim.journal.entries("attempt"))))
    assert [401] == [entry.data["status"] for entry in sim.journal.entries("attempt")][:1]
    await screen.page.reload()
    await hooks.wait_for()
    assert new not in await screen.page.content()


async def test_a_webhook_is_told_again_from_the_list(opens: Opens, sim: Simulation) -> None:
    """The last ones are there, each with three buttons."""
    screen, pane = await controlled(opens)
    await screen.write("quiet hello")
    hooks = pane.get_by_role("region", name="Webhooks")
    for name in ("again", "as of yesterday", "with a wrong signature"):
        before = len(sim.journal.entries("attempt"))
        await hooks.get_by_role("button", name=name).last.click()
        await screen.until(lambda before=before: so(lambda: len(sim.journal.entries("attempt")) > before))  # type: ignore[misc]
    statuses = [entry.data["status"] for entry in sim.journal.entries("attempt")][:4]
    assert [200, 200, 401, 401] == statuses


async def test_what_the_lint_found_leads_to_its_story(opens: Opens, sim: Simulation) -> None:
    """Clean at first; then what was found, each with a link to the message."""
    screen, pane = await controlled(opens)
    lint = pane.get_by_role("region", name="Protocol lint")
    await lint.get_by_text("clean").wait_for()
    thread = sim.contact(sim.world.phones()[0].address).write("quiet hello", vendor="echo").thread
    for text in ("yes", "yes"):
        await send(screen, sim, thread.members[0].text, text)
    await lint.get_by_text("double-reply").wait_for()
    await lint.get_by_role("link", name="Story of the message that double-reply is about").click()
    story = screen.page.get_by_role("complementary", name="Wire")
    await story.get_by_role("list", name="Protocol lint").get_by_text("double-reply").wait_for()


async def send(screen: Screen, sim: Simulation, to: str, text: str) -> None:
    """Let an application send that is not the bot."""
    answer = await screen.page.context.request.post(
        f"{sim.base_url('echo')}/messages",
        data={"to": to, "text": text, "from": sim.twin("echo").lines[0]},
        headers={"authorization": f"Bearer {sim.api_keys['echo']}"},
    )
    assert answer.ok, await answer.text()


async def test_a_session_is_recorded_and_played(opens: Opens, sim: Simulation) -> None:
    """Between two presses; it is played with a vendor, and saved as a scenario that can be read."""
    screen, pane = await controlled(opens)
    scenario = pane.get_by_role("region", name="Scenario")
    await scenario.get_by_role("button", name="Record what happens").click()
    await scenario.get_by_role("button", name="Stop recording").wait_for()
    await screen.write("hello")
    await screen.page.get_by_text("You said: hello").last.wait_for()
    await scenario.get_by_role("button", name="Stop recording").click()
    await scenario.get_by_role("button", name="Play recorded 1").click()
    await scenario.get_by_text("All of it happened.").wait_for()
    assert 4 == len(await screen.texts())
    _, content = await screen.saved(scenario.get_by_role("link", name="Save recorded 1"))
    steps = Scenario.read(content.decode()).step
    assert ["says", "expect"] == [step.what for step in steps if step.what != "types"]
    await scenario.get_by_label("TOML").fill('name = "no"\n[[step]]\nexpect = "never"\nwithin = 0.1')
    await scenario.get_by_role("button", name="Play", exact=True).click()
    await scenario.get_by_text("It ended there").wait_for()


async def test_a_snapshot_is_gone_back_to_and_all_begins_again(opens: Opens, sim: Simulation) -> None:
    """What was written since is gone; after a reset everything is."""
    screen, pane = await controlled(opens)
    session = pane.get_by_role("region", name="Session")
    await screen.write("quiet before")
    await session.get_by_label("Name of the snapshot").fill("early")
    await session.get_by_role("button", name="Take a snapshot").click()
    await session.get_by_role("button", name="Go back to early").wait_for()
    await screen.write("quiet after")
    await screen.until(lambda: count(screen, 2))
    await session.get_by_role("button", name="Go back to early").click()
    await screen.until(lambda: count(screen, 1))
    assert ["quiet before"] == await screen.texts()
    await session.get_by_role("button", name="Begin again with the same seed").click()
    await screen.until(lambda: count(screen, 0))


async def count(screen: Screen, number: int) -> bool:
    """Tell whether so many bubbles are there."""
    return number == len(await screen.texts())


async def test_the_session_is_saved_as_json_markdown_and_png(opens: Opens, sim: Simulation) -> None:
    """The picture is the chat, in the colours of the page: blue on the right, grey on the left."""
    screen, pane = await controlled(opens)
    await screen.write("hello")
    await screen.page.get_by_text("Read ", exact=False).last.wait_for()
    session = pane.get_by_role("region", name="Session")
    _, content = await screen.saved(session.get_by_role("link", name="JSON"))
    assert ["hello", "You said: hello"] == [bubble["text"] for bubble in json.loads(content)["threads"][0]["bubbles"]]
    _, content = await screen.saved(session.get_by_role("link", name="Markdown"))
    assert "**: You said: hello" in content.decode()
    name, content = await screen.saved(session.get_by_role("button", name="Picture of the chat"))
    width, rows = pixels(content)
    assert "chat.png" == name
    colours = [{row[at : at + 3] for row in rows for at in range(start, end, 4)} for start, end in halves(width)]
    blue, grey = bytes.fromhex("006ee0"), bytes.fromhex("e9e9eb")
    assert [(False, True), (True, False)] == [(blue in half, grey in half) for half in colours]


def halves(width: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """The left and the right third of a row of pixels, in bytes."""
    third = width // 3
    return (0, third * 4), ((width - third) * 4, width * 4)


def pixels(png: bytes) -> tuple[int, list[bytes]]:
    """Read a PNG of eight bits with alpha: its width, and its rows."""
    assert b"\x89PNG\r\n\x1a\n" == png[:8]
    at, data, width = 8, b"", 0
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, _, depth, colour = struct.unpack(">IIBB", body[:10])
            assert (8, 6) == (depth, colour)
        data += body if kind == b"IDAT" else b""
        at += 12 + length
    return width, unfiltered(zlib.decompress(data), width * 4)


def unfiltered(data: bytes, stride: int) -> list[bytes]:
    """Undo the five filters of PNG (ISO/IEC 15948, chapter 9)."""
    rows: list[bytes] = []
    above = bytearray(stride)
    for start in range(0, len(data), stride + 1):
        kind, row = data[start], bytearray(data[start + 1 : start + 1 + stride])
        for at in range(stride):
            left, up, corner = (row[at - 4] if at >= 4 else 0), above[at], (above[at - 4] if at >= 4 else 0)
            row[at] = (row[at] + (0, left, up, (left + up) // 2, paeth(left, up, corner))[kind]) & 255
        rows.append(bytes(row))
        above = row
    return rows


def paeth(left: int, up: int, corner: int) -> int:
    """The nearest of three to what they promise."""
    guess = left + up - corner
    return min((left, up, corner), key=lambda each: abs(guess - each))


async def test_a_picture_needs_an_open_chat(opens: Opens) -> None:
    """Without one the page says so."""
    screen = await opens()
    pane = await screen.control()
    await pane.get_by_role("button", name="Picture of the chat").click()
    await screen.page.get_by_role("alert").get_by_text("Open a chat first").wait_for()
