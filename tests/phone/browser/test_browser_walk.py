"""Without a mouse, in either direction of writing, and with pictures for words."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.simulator import Simulation
from tests.fronts.echo_twin import LINE
from tests.phone.browser.conftest import Opens, Screen

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def focused(screen: Screen) -> str:
    """What a screen reader would say of where the focus is: its label, or its text."""
    words: str = await screen.page.evaluate(
        """(() => {
            const named = document.activeElement;
            const copy = (named.labels?.[0] ?? named).cloneNode(true);
            for (const hidden of copy.querySelectorAll("[aria-hidden=true]")) hidden.remove();
            return named.getAttribute("aria-label") ?? copy.textContent;
        })()"""
    )
    return " ".join(words.split())


async def tab_to(screen: Screen, wanted: str, *, most: int = 60) -> None:
    """Press Tab until the focus is on something; every stop on the way has a name and can be seen."""
    for _ in range(most):
        await screen.page.keyboard.press("Tab")
        now = await focused(screen)
        assert now, await screen.page.evaluate("document.activeElement.outerHTML.slice(0, 300)")
        outline = await screen.page.evaluate(
            "(e => getComputedStyle(e).outlineStyle + getComputedStyle(e.parentElement).borderColor)"
            "(document.activeElement)"
        )
        assert outline
        if now.startswith(wanted):
            return
    raise AssertionError(f"Tab does not come to {wanted!r}")


async def test_the_whole_way_without_a_mouse(opens: Opens, sim: Simulation) -> None:
    """From an empty page: a chat, a message, a tapback, a story, a replay, the control pane, time moved, and back."""
    screen = await opens()
    keyboard = screen.page.keyboard
    await tab_to(screen, "Echo")
    await keyboard.press("Enter")
    await screen.page.get_by_role("log").wait_for()
    await tab_to(screen, "Message to Echo")
    await keyboard.type("hello")
    await keyboard.press("Enter")
    await screen.page.get_by_text("You said: hello").last.wait_for()
    await tab_to(screen, "Application", most=90)
    await keyboard.press("t")
    await screen.until(lambda: is_on(screen, "Love"))
    await keyboard.press("Escape")
    await screen.until(lambda: is_on(screen, "Application"))
    await keyboard.press("t")
    await screen.until(lambda: is_on(screen, "Love"))
    await keyboard.press("Enter")
    await screen.page.locator(".tapback").wait_for()
    await screen.until(lambda: is_on(screen, "Application"))
    await keyboard.press("t")
    await screen.until(lambda: is_on(screen, "Love"))
    await tab_to(screen, "Show its story")
    await keyboard.press("Enter")
    await screen.page.get_by_role("complementary", name="Wire").get_by_text("in the gateway’s words").wait_for()
    await tab_to(screen, "Replay, or edit and replay", most=90)
    await keyboard.press("Enter")
    await tab_to(screen, "Replay as it was")
    await keyboard.press("Enter")
    await screen.until(lambda: says(screen, ["hello", "You said: hello", "You said: hello"]))
    await tab_to(screen, "Control", most=120)
    await keyboard.press("Enter")
    await screen.page.get_by_role("complementary", name="Control").wait_for()
    before = sim.clock.elapsed
    await tab_to(screen, "+1 h", most=120)
    await keyboard.press("Enter")
    await screen.until(lambda: moved(sim, before))


async def is_on(screen: Screen, wanted: str) -> bool:
    """Tell whether the focus is there."""
    return (await focused(screen)).startswith(wanted)


async def says(screen: Screen, wanted: list[str]) -> bool:
    """Tell whether the bubbles say that."""
    return wanted == await screen.texts()


async def moved(sim: Simulation, before: float) -> bool:
    """Tell whether an hour has gone by."""
    return sim.clock.elapsed - before >= 3600


async def test_what_is_written_from_right_to_left_runs_so(opens: Opens, sim: Simulation) -> None:
    """Each text by its own first letter, whoever wrote it; the sides of the bubbles stay."""
    contact = sim.contact(sim.world.phones()[0].address)
    for text in ("hello", "שלום, מה שלומך?", "مرحبا", "1. שלום", "OK שלום"):
        contact.write(text, vendor="second", line=LINE)
    screen = await opens()
    await screen.open("Second")
    await screen.page.locator(".bubble").nth(4).wait_for()
    directions = await screen.page.locator("#log-0 .text").evaluate_all(
        "(all) => all.map((e) => getComputedStyle(e).direction)"
    )
    assert ["ltr", "rtl", "rtl", "rtl", "ltr"] == directions
    boxes = [await bubble.bounding_box() for bubble in await screen.page.locator("#log-0 .body").all()]
    rights = {round(box["x"] + box["width"]) for box in boxes if box}
    assert 1 == len(rights)


async def test_one_to_three_emoji_are_big(opens: Opens, sim: Simulation) -> None:
    """Joined ones, flags and skin tones count once; four, and any with a word, are as small as words."""
    big = ("🎉", "👩‍👩‍👧", "🇩🇪🇫🇷", "👍🏽👍🏽👍🏽", "❤️")
    small = ("🎉🎉🎉🎉", "hi 🎉", "1", "#")
    contact = sim.contact(sim.world.phones()[0].address)
    for text in (*big, *small):
        contact.write(text, vendor="second", line=LINE)
    screen = await opens()
    await screen.open("Second")
    await screen.page.locator(".bubble").nth(8).wait_for()
    sizes: list[float] = await sized(screen.page.locator("#log-0 .text"))
    assert [True] * len(big) + [False] * len(small) == [size > 40 for size in sizes]


async def sized(texts: Any) -> list[float]:
    """The sizes of the letters."""
    found: list[float] = await texts.evaluate_all("(all) => all.map((e) => parseFloat(getComputedStyle(e).fontSize))")
    return found
