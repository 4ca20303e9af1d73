"""A real browser on the phone: Debian's Chromium, driven by Playwright, installed where it is missing.

Nothing is skipped in silence: without Playwright the folder says so, without a browser that can be installed it fails.
Whatever a test does, at its end the console is empty, no policy was broken, and nothing was asked of another machine.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.client import Gateway
from gateway.events import MessageReceived
from gateway.simulator import Simulation, served
from tests.fronts.echo_twin import SecondTwin

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --use-fake-ui-for-media-stream --use-fake-device-for-media-stream"
).split()
LIGHT_WIDE: dict[str, Any] = {"viewport": {"width": 1280, "height": 860}, "color_scheme": "light"}


@cache
def chromium() -> str:
    """Find the browser, or install it as the system does."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    if shutil.which("apt-get") and os.geteuid() == 0:
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "chromium", "fonts-noto-color-emoji"], check=True, env=environment
        )
        if found := shutil.which("chromium"):
            return found
    pytest.fail("there is no Chromium: apt-get install chromium")


@dataclass
class Screen:
    """One page, and everything that it complained of."""

    page: Any
    sim: Simulation
    complaints: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Listen to the console, to errors and to the network."""
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        self.page.on("request", self._asked)

    def _said(self, message: Any) -> None:
        # a refusal that a test asked for is no complaint
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            self.complaints.append(f"console: {message.text}")

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((f"{self.sim.url}/_phone/", "blob:", "data:")):
            self.complaints.append(f"network: {request.url}")

    async def open(self, vendor: str = "Echo", number: int = 0) -> None:
        """Open the direct chat with a vendor on a phone."""
        phone = self.page.locator(f"#phone-{number}")
        await phone.locator(".chats a", has=self.page.get_by_text(vendor, exact=True)).first.click()
        await phone.locator(".log").wait_for()

    async def write(self, text: str, number: int = 0) -> None:
        """Type a message and send it."""
        field = self.page.locator(f"#phone-{number}").get_by_label("Message to")
        await field.fill(text)
        await field.press("Enter")

    async def texts(self, number: int = 0) -> list[str]:
        """Give what the bubbles of the open chat say."""
        found: list[str] = await self.page.locator(f"#log-{number} .text").all_text_contents()
        return found

    async def menu(self, text: str, number: int = 0) -> None:
        """Open the menu of the bubble with a text."""
        phone = self.page.locator(f"#phone-{number}")
        more = phone.get_by_role("button", name=f"React, reply or inspect: {text}", exact=True)
        await more.wait_for()
        await more.click()
        # it is fetched, and there is another one until it came
        menu = self.page.get_by_role("dialog", name="React, reply or inspect")
        await menu.locator(f"[data-message='{await self._id_of(more)}']").wait_for(state="attached")
        await menu.get_by_role("button", name="Show its story").wait_for()

    @staticmethod
    async def _id_of(button: Any) -> str:
        """The vendor's id of the message whose bubble has a button."""
        found: str = await button.evaluate("button => button.closest('.bubble').dataset.id")
        return found

    async def story(self, text: str, number: int = 0) -> Any:
        """Let a bubble tell its story; gives the pane."""
        await self.menu(text, number)
        await self.page.get_by_role("button", name="Show its story").click()
        pane = self.page.get_by_role("complementary", name="Wire")
        await pane.get_by_text("in the gateway’s words").wait_for()
        return pane

    async def control(self) -> Any:
        """Open the control pane; gives it."""
        await self.page.get_by_role("link", name="Control", exact=True).click()
        pane = self.page.get_by_role("complementary", name="Control")
        await pane.wait_for()
        return pane

    async def saved(self, link: Any) -> tuple[str, bytes]:
        """Press what saves a file; gives its name and content."""
        async with self.page.expect_download() as waiting:
            await link.click()
        download = await waiting.value
        content = await asyncio.to_thread(Path(await download.path()).read_bytes)
        return download.suggested_filename, content

    async def until(self, wanted: Callable[[], Awaitable[bool]]) -> None:
        """Look until something is so; the test's own timeout ends it otherwise."""
        for _ in range(600):
            if await wanted():
                return
            await self.page.wait_for_timeout(25)
        raise AssertionError("it did not come to that")


Opens = Callable[..., Awaitable[Screen]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Any]:
    """Start the browser once for a file."""
    playwright = pytest.importorskip(
        "playwright.async_api", reason="Playwright is not installed: pip install playwright"
    )
    async with playwright.async_playwright() as running:
        started = await running.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield started
        await started.close()


@pytest_asyncio.fixture(loop_scope="module")
async def sim() -> AsyncIterator[Simulation]:
    """Two vendors on one port, one of them with a bot that repeats what it is told."""
    async with Simulation(["echo", SecondTwin], seed=7, latency=0.2) as simulation, Gateway() as gateway:
        gateway.connect("echo", name="echo", **simulation.settings("echo"))

        @gateway.on(MessageReceived)
        async def answer(event: MessageReceived) -> None:
            if event.text and not event.text.startswith("quiet"):
                await gateway.send(event, f"You said: {event.text}")

        async with served(gateway.asgi()) as url:
            simulation.set_webhook("echo", f"{url}/webhooks/echo")
            yield simulation


@pytest_asyncio.fixture(loop_scope="module")
async def opens(browser: Any, sim: Simulation) -> AsyncIterator[Opens]:
    """Open pages of the phone; at the end none of them has a complaint."""
    screens: list[Screen] = []
    contexts: list[Any] = []

    async def opened(*, url: str = "", **options: Any) -> Screen:
        context = await browser.new_context(**{**LIGHT_WIDE, **options})
        # what happens takes milliseconds, and whole seconds on a machine that is busy
        context.set_default_timeout(40_000)
        contexts.append(context)
        screen = Screen(await context.new_page(), sim)
        screen.watch()
        screens.append(screen)
        await screen.page.goto(url or sim.phone_url)
        return screen

    yield opened
    for context in contexts:
        await context.close()
    assert [] == [complaint for screen in screens for complaint in screen.complaints]
