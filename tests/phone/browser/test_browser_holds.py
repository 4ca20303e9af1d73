"""What the phone withstands: restarts, many messages, two browsers at once."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.simulator import Simulation, served
from gateway.simulator.app import SimulatorApp
from gateway.simulator.phone.place import ChatKey, Held, Place
from tests.fronts.echo_twin import LINE
from tests.phone.browser.conftest import Opens, Screen

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_page_whose_server_was_away_shows_what_it_missed_once(opens: Opens, sim: Simulation) -> None:
    """The open page connects again by itself, and shows what was written meanwhile, once."""
    contact = sim.contact(sim.world.phones()[0].address)
    contact.write("before", vendor="second", line=LINE)
    async with served(SimulatorApp(sim.scene, token="same")) as url:
        port = int(url.rpartition(":")[2])
        screen = await opens(url=f"{url}/_phone/?token=same")
        screen.complaints.clear()
        await screen.open("Second")
        await screen.page.get_by_text("before").last.wait_for()
    contact.write("meanwhile", vendor="second", line=LINE)
    async with served(SimulatorApp(sim.scene, token="same"), port=port):
        await screen.page.locator("#log-0").get_by_text("meanwhile").wait_for()
        contact.write("after", vendor="second", line=LINE)
        await screen.page.locator("#log-0").get_by_text("after").wait_for()
        assert ["before", "meanwhile", "after"] == await screen.texts()
    # while nobody served, the browser complained of that, and rightly; it asked another port than the simulation's
    await screen.page.goto("about:blank")
    screen.complaints.clear()


async def test_two_browsers_show_one_group_in_one_order(opens: Opens, sim: Simulation) -> None:
    """Two hundred messages, typed by two people in turn into two browsers; both show all of them, in one order."""
    one, two = (phone.address for phone in sim.world.phones()[:2])
    group = sim.contact(one).start_group([two], "Hi", vendor="second", line=LINE, name="Both").thread.group
    screens = [await opens(), await opens()]
    for screen, address in zip(screens, (one, two), strict=True):
        place = Place((Held(address, ChatKey("second", LINE, group)),), window=1000)
        await screen.page.goto(f"{sim.url}/_phone/?{place.query}")
        await screen.page.locator(".log").wait_for()
    for number in range(20):
        await screens[number % 2].write(f"typed {number}")
    for number in range(180):
        sim.contact(one if number % 3 else two).write(f"number {number}", vendor="second", group=group)
        if number % 20 == 0:
            await screens[0].page.wait_for_timeout(1)
    wanted = [bubble.text for bubble in sim.contact(one).thread("second", line=LINE, group=group).bubbles]
    for screen in screens:
        await screen.until(lambda screen=screen: says(screen, wanted))  # type: ignore[misc]
    assert 201 == len(wanted) == len({*wanted})


async def says(screen: Screen, wanted: list[str]) -> bool:
    """Tell whether the bubbles say that."""
    return wanted == await screen.texts()


async def test_a_chat_of_five_thousand_messages_scrolls(opens: Opens, sim: Simulation) -> None:
    """It opens at its end with a hundred; earlier ones are asked for, and the reader stays where they were."""
    contact = sim.contact(sim.world.phones()[0].address)
    for number in range(5000):
        contact.write(f"number {number}", vendor="second", line=LINE)
    screen = await opens()
    await screen.open("Second")
    log = screen.page.get_by_role("log")
    await screen.page.get_by_text("number 4999").last.wait_for()
    await screen.until(lambda: at_the_end(log))
    assert 100 == await screen.page.locator(".bubble").count()
    await log.focus()
    await screen.page.keyboard.press("Home")
    await screen.until(lambda: at_the_top(log))
    for held, first in ((100, "number 4900"), (200, "number 4800"), (400, "number 4600")):
        assert held == await screen.page.locator(".bubble").count()
        stood = await screen.page.get_by_text(first, exact=True).bounding_box()
        await screen.page.get_by_role("link", name="Earlier messages").click()
        await screen.page.get_by_text(f"number {5000 - 2 * held}", exact=True).wait_for(state="attached")
        await screen.until(lambda first=first, stood=stood: stands(screen, first, stood["y"]))  # type: ignore[misc]
        await log.evaluate("log => { log.scrollTop = 0; }")
    contact.write("the last", vendor="second", line=LINE)
    await log.get_by_text("the last", exact=True).wait_for(state="attached")
    assert 800 == await screen.page.locator(".bubble").count()


async def at_the_end(log: Any) -> bool:
    """Tell whether a log is scrolled to its end."""
    left: float = await log.evaluate("log => log.scrollHeight - log.clientHeight - log.scrollTop")
    return left < 2


async def at_the_top(log: Any) -> bool:
    """Tell whether a log is scrolled to its top."""
    top: float = await log.evaluate("log => log.scrollTop")
    return top < 2


async def stands(screen: Screen, text: str, height: float) -> bool:
    """Tell whether a bubble stands where it stood."""
    box = await screen.page.get_by_text(text, exact=True).bounding_box()
    return box is not None and abs(box["y"] - height) < 3
