"""No state of the page has a barrier: axe finds nothing, light and dark, small and wide, and nothing runs over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from gateway.model import Attachment, Effect, Link, Text, Voice
from gateway.simulator import Fault, Simulation
from tests.fronts.echo_twin import LINE
from tests.phone.browser.barriers import barriers
from tests.phone.browser.conftest import Opens, Screen

pytestmark = pytest.mark.asyncio(loop_scope="module")

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478da63fccff0bf1e00067b02"
    "fe5cc7a4a20000000049454e44ae426082"
)
WHERE: dict[str, Any] = {"vendor": "second", "line": LINE}


@dataclass
class Eye:
    """Looks at a page for barriers, and collects what it finds, by the name of the state."""

    screen: Screen
    found: list[str] = field(default_factory=list)

    async def look(self, state: str) -> None:
        """Look at the page as it is."""
        self.found += [f"{state}: {each}" for each in await barriers(self.screen.page)]


@pytest_asyncio.fixture(loop_scope="module", params=["light-390", "light-1280", "dark-390", "dark-1280"])
async def eye(opens: Opens, sim: Simulation, request: Any) -> AsyncIterator[Eye]:
    """A page in a scheme and a width; at the end nothing was found in any state."""
    scheme, _, width = request.param.partition("-")
    screen = await opens(viewport={"width": int(width), "height": 844}, color_scheme=scheme, reduced_motion="reduce")
    looks = Eye(screen)
    yield looks
    assert [] == looks.found


async def told(sim: Simulation, screen: Screen) -> None:
    """Fill a chat with every kind of bubble."""
    contact = sim.contact(sim.world.phones()[0].address)
    contact.write("hello ❤️ https://example.com", **WHERE)
    contact.write("🎉", **WHERE)
    contact.write("boom", effect=Effect.SLAM, subject="News", **WHERE)
    contact.write(parts=[Attachment(data=PIXEL, name="pixel.png", media_type="image/png")], **WHERE)
    contact.write(parts=[Attachment(url="https://example.com/a.heic", name="a.heic")], **WHERE)
    contact.write(parts=[Voice(url="https://example.com/a.mp3")], **WHERE)
    contact.write(parts=[Link(url="https://example.com/", title="A page")], **WHERE)
    contact.write(parts=[Text(text="שלום, מה שלומך?")], **WHERE)
    sim.faults.add(Fault.model_validate({"stage": "delivery", "kind": "failed", "code": "E7", "times": 1}))
    for text in ("this one fails", "this one comes"):
        answer = await screen.page.context.request.post(
            f"{sim.base_url('second')}/v1/chats/{contact.address.text}/messages",
            data={"text": text},
            headers={"authorization": f"Bearer {sim.api_keys['second']}"},
        )
        assert answer.ok
    contact.react("love", **WHERE)
    contact.react("🎈", **WHERE)
    contact.reply("I answer that", **WHERE)
    contact.switch(imessage=False)
    contact.write("in green", **WHERE)


async def test_the_phone_has_no_barrier(eye: Eye, sim: Simulation) -> None:
    """The list, every kind of bubble, the menu, every sheet, what is being written, airplane mode, a group."""
    screen, page = eye.screen, eye.screen.page
    await eye.look("the list, empty")
    await told(sim, screen)
    await page.reload()
    await eye.look("the list")
    await screen.open("Second")
    await page.get_by_text("Not Delivered").wait_for()
    await eye.look("a chat")
    await screen.menu("this one comes")
    await eye.look("the menu of a bubble")
    await page.get_by_role("button", name="Reply", exact=True).click()
    await eye.look("a reply that is written")
    for button in (
        page.get_by_role("button", name="Add to the message"),
        page.get_by_role("button", name="Second: details"),
    ):
        await button.click()
        await eye.look(f"a sheet: {await button.get_attribute('aria-label')}")
        await page.keyboard.press("Escape")
    await page.get_by_label("Message to").fill("x\ny\nz")
    await eye.look("a long draft")
    first, second = (phone.address for phone in sim.world.phones()[:2])
    sim.contact(first).start_group([second], "hello all", name="All of us", **WHERE)
    sim.contact(first).switch(offline=True)
    await page.goto(f"{sim.url}/_phone/")
    for name in ("phone and switches", "New group"):
        button = page.get_by_role("button", name=name).first
        await button.click()
        await eye.look(f"a sheet: {name}")
        await page.keyboard.press("Escape")
    await page.locator("#phone-0 .chats a", has=page.get_by_text("All of us")).click()
    await page.get_by_role("log", name="Messages with All of us").wait_for()
    await eye.look("a group, in airplane mode")
    await page.get_by_role("button", name="Another phone beside").click()
    await eye.look("a sheet: another phone")


async def test_the_panes_have_no_barrier(eye: Eye, sim: Simulation) -> None:
    """The wire pane, empty and with everything unfolded; the control pane with faults, findings and scenarios."""
    screen, page = eye.screen, eye.screen.page
    await screen.open()
    await screen.write("hello")
    await page.get_by_text("You said: hello").last.wait_for()
    pane = await screen.story("You said: hello")
    await page.evaluate("for (const each of document.querySelectorAll('.pane details')) each.open = true")
    await pane.get_by_role("button", name="Forged").first.click()
    await pane.get_by_text("forged", exact=True).first.wait_for()
    await eye.look("a story, unfolded")
    await pane.get_by_role("button", name="Which part differs?").click()
    await pane.get_by_role("status").get_by_text("differs").wait_for()
    await eye.look("the signature helper")
    scenario = 'name = "short"\n[[step]]\nsays = "quiet"\n[[step]]\nexpect = "never"\nwithin = 0.05\n'
    pane = await screen.control()
    await pane.get_by_role("button", name="Stand still").click()
    await pane.get_by_label("send fails, with the vendor’s code").fill("10")
    await pane.get_by_role("button", name="Set the shares").click()
    await pane.get_by_role("button", name="Record what happens").click()
    await pane.get_by_label("TOML").fill(scenario)
    await pane.get_by_role("button", name="Play", exact=True).click()
    await pane.get_by_text("It ended there").wait_for()
    await pane.get_by_role("button", name="Stop recording").click()
    await pane.get_by_role("button", name="Play recorded 1").wait_for()
    await pane.get_by_role("button", name="Take a snapshot").click()
    thread = sim.contact(sim.world.phones()[0].address).write("quiet", **WHERE).thread
    for _ in range(2):
        answer = await page.context.request.post(
            f"{sim.base_url('second')}/v1/chats/{thread.members[0].text}/messages",
            data={"text": "twice"},
            headers={"authorization": f"Bearer {sim.api_keys['second']}"},
        )
        assert answer.ok
    await pane.get_by_text("double-reply").wait_for()
    await page.evaluate("for (const each of document.querySelectorAll('.pane details')) each.open = true")
    await eye.look("the control pane")
    await page.goto(f"{sim.url}/_phone/?pane=wire")
    await eye.look("the wire pane, empty")


async def test_several_phones_and_a_closed_door_have_no_barrier(eye: Eye, sim: Simulation) -> None:
    """Three phones side by side, two of them one person's; and the page that says that a token is needed."""
    page = eye.screen.page
    for number in (0, 1):
        await page.get_by_role("button", name="Another phone beside").click()
        await page.locator("#beside .people a").nth(number).click()
        await page.locator(f"#phone-{number + 1}").wait_for()
    await eye.look("three phones")
    await page.context.clear_cookies()
    await page.goto(f"{sim.url}/_phone/")
    await page.get_by_text("this page needs its token").wait_for()
    await eye.look("a closed door")
