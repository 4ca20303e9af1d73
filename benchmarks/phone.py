"""From the POST of a message to its bubble on the phone, in a real browser: `python -m benchmarks.phone`.

The gateway sends, and the page notes when the bubble is there and has been painted. Browser and simulator run on one
machine, and so on one clock. Where that is busy all of it is slow: beside it stands what the browser needs for a bubble
that is put into the page by itself, in turn with each message. It needs Chromium and Playwright, and so is no part of
`make bench`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import sys
import time

import structlog

from gateway.cli.simulate import check_vendors, real_vendors
from gateway.client import Gateway
from gateway.simulator import Simulation

MESSAGES = 100
TARGET = 0.150
"""Seconds, for the median."""
_FLAGS = "--no-sandbox --disable-gpu --no-first-run --disable-background-networking".split()
# noted after two frames: in the first it is laid out, at the second it has been painted; a bubble is looked for again
# whenever its marks change, and was seen the first time
_WATCH = """
window.seen = {};
new MutationObserver(() => {
  for (const each of document.querySelectorAll('#log-0 .text:not([data-noted])')) {
    each.dataset.noted = 'yes';
    const text = each.textContent;
    requestAnimationFrame(() => requestAnimationFrame(() => { window.seen[text] ??= Date.now() / 1000; }));
  }
}).observe(document.body, { childList: true, subtree: true });
"""
_BY_ITSELF = """
(text) => {
  const bubble = document.querySelector('#log-0 .bubble').cloneNode(true);
  const words = bubble.querySelector('.text');
  bubble.removeAttribute('id');
  words.removeAttribute('data-noted');
  words.textContent = text;
  document.querySelector('#log-0').append(bubble);
}
"""


async def measured(vendor: str, messages: int) -> tuple[list[float], list[float]]:
    """Send messages one after the other; gives the seconds until each was seen, and those of the browser alone."""
    from playwright.async_api import async_playwright  # noqa: PLC0415 - only this needs it

    found = shutil.which("chromium") or shutil.which("google-chrome")
    async with Simulation([vendor], seed=7, latency=0.2) as sim, Gateway() as gateway, async_playwright() as running:
        gateway.connect(vendor, name="main", **sim.settings(vendor))
        contact = sim.contact(sim.world.phones()[0].address)
        contact.opt_in(vendor=vendor)
        browser = await running.chromium.launch(executable_path=found, args=_FLAGS)
        page = await browser.new_page(viewport={"width": 1280, "height": 860})
        await page.goto(sim.phone_url)
        await page.locator(".chats a").first.click()
        await page.locator(".log").wait_for()
        await page.evaluate(_WATCH)
        began: dict[str, float] = {}
        for number in range(messages):
            for text in (f"number {number}", f"alone {number}"):
                began[text] = time.time()
                if text.startswith("number"):
                    await gateway.send(contact.address, text, via="main")
                else:
                    await page.evaluate(_BY_ITSELF, text)
                await page.wait_for_function("(text) => text in window.seen", arg=text)
        seen: dict[str, float] = await page.evaluate("window.seen")
        await browser.close()
    took = {text: seen[text] - start for text, start in began.items()}
    return [t for text, t in took.items() if text[0] == "n"], [t for text, t in took.items() if text[0] == "a"]


def main() -> int:
    """Measure, and say how it went."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.phone", description=__doc__)
    parser.add_argument("vendor", nargs="?", help="whose twin; else the first that is installed")
    parser.add_argument("--messages", type=int, default=MESSAGES)
    asked = parser.parse_args()
    # the gateway warns of each contact whose consent it has not seen; there is none to see here
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    vendor = check_vendors([asked.vendor] if asked.vendor else real_vendors())[0]
    times, alone = asyncio.run(measured(vendor, asked.messages))
    median, floor = statistics.median(times), statistics.median(alone)
    late = sorted(times)[int(len(times) * 0.95)]
    load = f"; load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    sys.stdout.write(
        f"{len(times)} messages through {vendor}: median {median * 1000:.0f} ms, 95% within {late * 1000:.0f} ms\n"
        f"the browser alone: median {floor * 1000:.0f} ms, so {median / floor:.1f} times that\n"
        f"target {TARGET * 1000:.0f} ms: {'met' if median <= TARGET else 'missed'}{load}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
