"""The console in a real browser: the way of a newcomer, the live stream, and no barrier on any page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from tests.phone.browser.conftest import FLAGS, chromium
from tests.server.desk import ADMIN_KEY, VENDOR, Desk, plain

SCREENS = [("light", 1280), ("light", 390), ("dark", 1280), ("dark", 390)]
PAGES = (
    "",
    "connections",
    "chats",
    "messages",
    "events",
    "webhooks",
    "contacts",
    "endpoints",
    "keys",
    "audit",
    "doctor",
)
HOSTILE = "<img src=x onerror=alert(1)>"


@dataclass
class Window:
    """One page, and everything that it complained of."""

    page: Any
    url: str
    complaints: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Listen to the console, to errors and to the network."""
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        self.page.on("request", self._asked)

    def _said(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"console: {message.text}")

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((f"{self.url}/console", "data:")):
            self.complaints.append(f"network: {request.url}")

    async def go(self, path: str) -> None:
        """Open a page of the console."""
        await self.page.goto(f"{self.url}/console/{path}")

    async def sign_in(self) -> None:
        """Go through the door, by the labels that are on it."""
        await self.go("")
        await self.page.get_by_label("API key").fill(ADMIN_KEY)
        await self.page.get_by_role("button", name="Sign in").click()
        await self.page.get_by_role("heading", name="Overview").wait_for()


@pytest_asyncio.fixture
async def window(at: Desk, request: Any) -> AsyncIterator[Window]:
    """A signed-in page; at its end nothing was complained of."""
    playwright = pytest.importorskip("playwright.async_api", reason="pip install playwright")
    scheme, width = getattr(request, "param", SCREENS[0])
    async with playwright.async_playwright() as running:
        browser = await running.chromium.launch(executable_path=chromium(), args=FLAGS)
        context = await browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 860})
        context.set_default_timeout(30_000)
        made = Window(await context.new_page(), at.url)
        made.watch()
        await made.sign_in()
        yield made
        await browser.close()
    assert [] == made.complaints


async def test_a_newcomer_adds_a_connection_and_sees_the_first_message(window: Window, at: Desk) -> None:
    """From the empty overview over the wizard to the event, by buttons and links alone."""
    page = window.page
    await page.get_by_role("link", name="Add the first one").click()
    await page.get_by_role("heading", name="Add a connection").wait_for()
    # the example vendor does not exist, so nobody is offered it; its form is there
    await window.go(f"connections/new/{VENDOR}")
    settings = {name: str(plain(value)) for name, value in at.sim.settings(VENDOR).items()}
    await page.get_by_label("your name for it").fill("main")
    await page.get_by_text("More settings").click()
    for name, value in settings.items():
        await page.locator(f"#s-{name}").fill(value)
    await page.get_by_role("button", name="Add it").click()
    await page.get_by_text("Nothing has knocked so far").wait_for()
    connection = page.url.split("/")[-2]
    at.sim.set_webhook(VENDOR, f"{at.url}/webhooks/{connection}")
    at.phone.write(HOSTILE, vendor=VENDOR)
    await page.get_by_text("It works.").wait_for()
    await page.get_by_role("link", name="see what it says").click()
    await page.get_by_role("heading", name="message.received").wait_for()
    assert HOSTILE not in await page.locator("main").inner_text()
    await page.get_by_role("button", name="Mask on").click()
    await page.get_by_role("button", name="Mask off").wait_for()
    assert HOSTILE in await page.locator("main").inner_text()
    assert 0 == await page.locator("main img").count()


async def test_events_come_by_themselves_and_wait_while_paused(window: Window, at: Desk) -> None:
    """A new row stands on top; what comes during a pause is counted, and shown when it goes on."""
    page = window.page
    await at.connection(name="main")
    await window.go("events")
    at.phone.write("one", vendor=VENDOR)
    await page.locator("#rows tr", has_text="message.received").first.wait_for()
    await page.get_by_role("button", name="Pause").click()
    at.phone.write("two", vendor=VENDOR)
    await page.get_by_role("button", name="Go on (1 new)").click()
    await page.wait_for_function("document.querySelectorAll('#rows tr').length === 2")


@pytest.mark.parametrize("window", SCREENS, indirect=True, ids=lambda screen: f"{screen[0]}-{screen[1]}")
async def test_no_page_has_a_barrier(window: Window, at: Desk) -> None:
    """Axe finds nothing on any page, and nothing runs over its edge."""
    axe = pytest.importorskip("axe_playwright_python.async_playwright", reason="pip install axe-playwright-python")
    connection = await at.connection(name="main")
    at.phone.write("hello", vendor=VENDOR)
    await at.client.post("/v1/endpoints", json={"url": "https://example.com/hook"})
    found = []
    for path in (*PAGES, f"connections/{connection}", f"connections/{connection}/setup", f"connections/new/{VENDOR}"):
        await window.go(path)
        results = await axe.Axe().run(window.page)
        found += [f"{path}: {each['id']}: {each['nodes'][0]['html'][:120]}" for each in results.response["violations"]]
        over = await window.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        found += [f"{path}: {over} pixels too wide"] if over > 0 else []
    assert [] == found


async def test_the_keyboard_is_enough(window: Window) -> None:
    """The first stop skips the bar; every link of the bar is a stop after it."""
    page = window.page
    await page.keyboard.press("Tab")
    assert "Skip to the content" == await page.evaluate("document.activeElement.textContent")
    stops = []
    for _ in range(14):
        await page.keyboard.press("Tab")
        stops.append(await page.evaluate("document.activeElement.textContent.trim()"))
    assert ["Gateway", "Overview", "Connections"] == stops[:3]
