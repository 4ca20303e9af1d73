"""Every feature of the phone in a real browser, by role and label."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.model import Effect
from gateway.simulator import Simulation
from tests.phone.browser.conftest import Opens, Screen

pytestmark = pytest.mark.asyncio(loop_scope="module")

# what plays is over within a second, in which a busy machine may not look: each beginning is counted
PLAYED = """mark => {
    window.played = 0;
    const fits = (node) => node.nodeType === 1 && node.matches(mark);
    new MutationObserver((all) => {
        window.played += all.filter((each) => fits(each.target) || [...each.addedNodes].some(fits)).length;
    }).observe(document, { subtree: true, childList: true, attributes: true });
}"""
SCREEN_EFFECTS = {"balloons", "confetti", "love", "lasers", "fireworks", "shooting-star", "celebration"}


async def talking(opens: Opens, **options: Any) -> Screen:
    """Open a page with the bot's chat."""
    screen = await opens(**options)
    await screen.open()
    return screen


async def test_a_person_writes_and_the_bot_answers(opens: Opens) -> None:
    """The own bubble is on the right, the answer on the left, and its marks come."""
    screen = await talking(opens)
    await screen.write("hello")
    await screen.page.get_by_text("You said: hello").last.wait_for()
    await screen.page.get_by_text("Read ", exact=False).last.wait_for()
    mine = await screen.page.locator(".bubble.mine .body").bounding_box()
    theirs = await screen.page.locator(".bubble.theirs .body").bounding_box()
    assert mine["x"] > theirs["x"]
    assert ["hello", "You said: hello"] == await screen.texts()
    assert "" == await screen.page.get_by_label("Message to").input_value()


async def test_a_tapback_is_given_with_the_keyboard_and_taken_back(opens: Opens, sim: Simulation) -> None:
    """T opens the menu, the button gives it, the same button takes it back."""
    screen = await talking(opens)
    await screen.write("hello")
    await screen.page.get_by_text("You said: hello").last.wait_for()
    answer = screen.page.locator(".bubble.theirs .body")
    for shown in (1, 0):
        await answer.focus()
        await answer.press("t")
        await screen.page.get_by_role("dialog").get_by_role("button", name="Love").click()
        await screen.until(lambda shown=shown: counted(screen, ".tapback", shown))  # type: ignore[misc]
    told = [entry.data["what"] for entry in sim.journal.entries("world") if "reacted" in str(entry.data["what"])]
    assert ["reacted", "unreacted"] == told


async def counted(screen: Screen, selector: str, number: int) -> bool:
    """Tell whether there are so many of something."""
    found: int = await screen.page.locator(selector).count()
    return number == found


async def test_an_emoji_and_a_reply(opens: Opens) -> None:
    """Both from the menu of a bubble; the reply shows what it answers."""
    screen = await talking(opens)
    await screen.write("hello")
    more = screen.page.get_by_role("button", name="React, reply or inspect: You said: hello")
    await more.wait_for()
    await more.click()
    await screen.page.get_by_label("React with an emoji").fill("🎉")
    await screen.page.get_by_label("React with an emoji").press("Enter")
    await screen.page.get_by_text("You: 🎉").wait_for(state="attached")
    await more.click()
    await screen.page.get_by_role("button", name="Reply", exact=True).click()
    await screen.write("I did")
    await screen.page.get_by_label("In reply to: You said: hello").wait_for()


@pytest.mark.parametrize("effect", list(Effect))
async def test_every_effect_plays_and_plays_again(opens: Opens, effect: Effect) -> None:
    """When it comes and at Replay: four on the bubble, nine over the chat."""
    screen = await talking(opens)
    words = effect.value.replace("-", " ").title()
    marks = {"echo": ".echo-copy", "spotlight": ".talk.spot", "invisible-ink": ".bubble.ink"}
    mark = marks.get(effect.value, f".playing-{effect.value}")
    mark = f'.sky[data-playing="{effect.value}"]' if effect.value in SCREEN_EFFECTS else mark
    await screen.page.evaluate(PLAYED, mark)
    await screen.page.get_by_role("button", name="Add to the message").click()
    await screen.page.get_by_role("button", name=words, exact=True).click()
    await screen.write("quiet boom")
    await screen.page.get_by_text(f"Sent with {words}").wait_for()
    await screen.page.wait_for_function("window.played > 0")
    before = await screen.page.evaluate("window.played")
    await screen.page.get_by_role("button", name="Replay").click()
    await screen.page.wait_for_function("before => window.played > before", arg=before)


async def test_with_reduced_motion_an_effect_is_words(opens: Opens) -> None:
    """Nothing moves; the badge below the bubble says what was sent."""
    screen = await talking(opens, reduced_motion="reduce")
    await screen.page.get_by_role("button", name="Add to the message").click()
    await screen.page.get_by_role("button", name="Lasers").click()
    await screen.write("quiet boom")
    await screen.page.get_by_text("Sent with Lasers").wait_for()
    await screen.page.get_by_role("button", name="Replay").click()
    assert 0 == await screen.page.locator(".sky[data-playing]").count()


async def test_files_are_attached_and_voice_is_recorded(opens: Opens, sim: Simulation) -> None:
    """A picture is shown, a recording has a waveform and plays."""
    screen = await talking(opens)
    pixel = bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478da63fccff0bf1e00067b02"
        "fe5cc7a4a20000000049454e44ae426082"
    )
    await screen.page.locator(".picker").set_input_files(
        {"name": "<b>pixel.png", "mimeType": "image/png", "buffer": pixel}
    )
    await screen.page.locator(".chip").wait_for()
    await screen.write("quiet look")
    await screen.page.get_by_role("img", name="pixel").wait_for()
    await screen.page.get_by_role("button", name="Record a voice note").click()
    await screen.page.get_by_role("button", name="Stop recording").wait_for()
    await screen.page.wait_for_timeout(400)
    await screen.page.get_by_role("button", name="Stop recording").click()
    await screen.page.locator(".chip").wait_for()
    await screen.page.get_by_role("button", name="Send", exact=True).click()
    await screen.page.get_by_role("button", name="Play voice-note").wait_for()
    kinds = [part.type for thread in sim.world.threads() for bubble in thread.bubbles for part in bubble.parts]
    assert ["attachment", "text", "voice"] == kinds


async def test_switches_calls_and_stop(opens: Opens, sim: Simulation) -> None:
    """The phone's own sheet, and that of the chat; a refusal is said where everybody sees it."""
    screen = await talking(opens)
    name = sim.world.phones()[0].name
    await screen.page.get_by_role("button", name="FaceTime call").click()
    await screen.page.get_by_role("button", name="Echo: details").click()
    await screen.page.get_by_role("button", name="Send STOP").click()
    await screen.page.get_by_text("STOP", exact=True).first.wait_for()
    switches = screen.page.get_by_role("button", name=f"{name}: phone and switches")
    await switches.click()
    await screen.page.get_by_role("switch", name="Airplane Mode").check()
    await screen.page.keyboard.press("Escape")
    await screen.page.get_by_text("Airplane Mode: messages wait").wait_for()
    await screen.write("hello")
    await screen.page.get_by_role("alert").get_by_text("the phone is offline").wait_for()
    await screen.until(lambda: holds(screen, "hello"))
    assert "call" in [entry.data["what"] for entry in sim.journal.entries("world")]


async def holds(screen: Screen, text: str) -> bool:
    """Tell whether the field still has what was refused."""
    found: str = await screen.page.get_by_label("Message to").input_value()
    return text == found


async def test_a_bubble_tells_its_story_and_is_sent_again(opens: Opens) -> None:
    """The pane beside the phone has call, answer and webhooks; the edited call makes another bubble."""
    screen = await talking(opens)
    await screen.write("hello")
    more = screen.page.get_by_role("button", name="React, reply or inspect: You said: hello")
    await more.wait_for()
    await more.click()
    await screen.page.get_by_role("button", name="Show its story").click()
    pane = screen.page.get_by_role("complementary", name="Wire")
    await pane.get_by_text("application → vendor").first.wait_for()
    await pane.get_by_text("Replay, or edit and replay").first.click()
    body = pane.get_by_label("Body to send").first
    await body.fill((await body.input_value()).replace("You said: hello", "edited"))
    await pane.get_by_role("button", name="Send again").first.click()
    await screen.page.locator("#log-0").get_by_text("edited").wait_for()


async def test_the_clock_is_moved_in_the_control_pane(opens: Opens, sim: Simulation) -> None:
    """The button's own value is what is sent."""
    screen = await talking(opens)
    await screen.page.get_by_role("link", name="Control").click()
    before = sim.clock.elapsed
    await screen.page.get_by_role("button", name="+1 h").click()
    await screen.until(lambda: moved(sim, before))


async def moved(sim: Simulation, before: float) -> bool:
    """Tell whether an hour has gone by."""
    return sim.clock.elapsed - before >= 3600


async def test_the_keyboard_is_enough(opens: Opens) -> None:
    """From the list into a chat, a message, up to the last bubble, and a reply."""
    screen = await opens()
    keyboard = screen.page.keyboard
    await keyboard.press("Control+k")
    await keyboard.press("Enter")
    await screen.page.locator(".log").wait_for()
    await screen.page.get_by_label("Message to").focus()
    await keyboard.type("hello")
    await keyboard.press("Enter")
    await screen.page.locator(".bubble.mine").wait_for()
    await screen.page.locator(".bubble .body").last.focus()
    await keyboard.press("r")
    await keyboard.type("again")
    await keyboard.press("Enter")
    await screen.page.locator(".parent").first.wait_for()
