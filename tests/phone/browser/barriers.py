"""What stands in somebody's way on a page: axe's findings, and what runs over the edge."""

from __future__ import annotations

from typing import Any

import pytest

__all__ = ["barriers"]

# what is left out is only computed for reports, and takes most of the time
_RUN = "axe.run(document, { resultTypes: ['violations'] })"
# what comes in fades in, and half of a colour is no contrast
_STILL = (
    "document.getAnimations().every((each) => each.playState !== 'running' || each.effect.getTiming().iterations > 9)"
)


async def barriers(page: Any) -> list[str]:
    """Name what axe finds on the page as it is, once nothing on it moves any more."""
    axe = pytest.importorskip("axe_playwright_python.base", reason="pip install axe-playwright-python")
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(axe.AXE_SCRIPT)
    await page.wait_for_function(_STILL)
    results = await page.evaluate(_RUN)
    found = [
        f"{each['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for each in results["violations"]
        for node in each["nodes"]
    ]
    wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return found + ([f"{wide} pixels too wide"] if wide > 0 else [])
