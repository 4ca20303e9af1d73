"""What the phone withstands: restarts, hostile words, many messages, small screens."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from gateway.simulator import Simulation
from gateway.simulator.app import SimulatorApp
from tests.fronts.echo_twin import LINE
from tests.phone.browser.conftest import Opens
from tests.phone.browser.served import served

pytestmark = pytest.mark.asyncio(loop_scope="module")

_TAGS = (
    "<script>{}</script>",
    "<img src=x onerror={}>",
    "<svg onload={}>",
    "<iframe srcdoc='{}'>",
    "<body onload={}>",
    '"><b onmouseover={}>',
    "'><i onclick={}>",
    "</li></ol><script>{}</script>",
    "<a href=javascript:{}>x</a>",
    "<hx-partial hx-target='body'>{}</hx-partial>",
    "<div hx-get='/_phone/' hx-trigger=load>{}</div>",
    "<style>*{{display:none}}{}</style>",
    "{{{{{}}}}}",
    "{{%{}%}}",
    "${{{}}}",
    "<!--{}-->",
    "<![CDATA[{}]]>",
    "<math><mtext></form><form><mglyph><style>{}",
    "<base href=//evil.example>{}",
    "\u202e{}\u202c",
)
_CALLS = (
    "alert(1)",
    "window.bad=1",
    "document.body.remove()",
    "fetch('//evil.example')",
    "7*7",
    "\x00\x1b[31m",
    "eval(name)",
    "location='//evil.example'",
    "`1`",
    "&lt;b&gt;",
)
HOSTILE = [tag.format(call) for tag, call in itertools.product(_TAGS, _CALLS)]


async def test_hostile_words_are_inert_wherever_they_stand(opens: Opens, sim: Simulation) -> None:
    """Two hundred of them as texts, and each kind as name, subject, reason and file name: shown as they are."""
    contact = sim.contact(sim.world.phones()[0].address)
    for text in HOSTILE:
        contact.write(text, vendor="second", line=LINE)
    for text in HOSTILE[::10]:
        contact.write("x", subject=text, vendor="second", line=LINE)
        contact.write(attachments=["https://example.com/file.pdf"], vendor="second", line=LINE)
    contact.switch(name=HOSTILE[1])
    screen = await opens()
    await screen.open("Second")
    await screen.page.goto(f"{screen.page.url}&n=1000")
    await screen.page.locator(".bubble").last.wait_for()
    texts = await screen.texts()
    assert 200 == len(HOSTILE)
    shown = [text for text in texts if text not in {"x", *HOSTILE[::10]}]
    assert [] == [text for text in HOSTILE if text.replace("\x00", "") not in texts and text not in HOSTILE[::10]]
    assert shown
    assert None is await screen.page.evaluate("window.bad ?? null")
    inside = "#log-0 :is(script, iframe, style, form, base, [onerror], [onload], [onclick], [hx-get])"
    assert 0 == await screen.page.locator(inside).count()


async def test_a_server_that_is_killed_and_comes_back_loses_and_doubles_no_bubble(
    opens: Opens, sim: Simulation
) -> None:
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
    async with served(SimulatorApp(sim.scene, token="same"), port):
        await screen.page.locator("#log-0").get_by_text("meanwhile").wait_for()
        contact.write("after", vendor="second", line=LINE)
        await screen.page.locator("#log-0").get_by_text("after").wait_for()
        assert ["before", "meanwhile", "after"] == await screen.texts()
    # while nobody served, the browser complained of that, and rightly; it asked another port than the simulation's
    await screen.page.goto("about:blank")
    screen.complaints.clear()


async def test_two_browsers_show_one_group_in_one_order(opens: Opens, sim: Simulation) -> None:
    """Two hundred messages of two members, each seen by both."""
    one, two = (phone.address for phone in sim.world.phones()[:2])
    group = sim.contact(one).start_group([two], "Hi", vendor="second", line=LINE, name="Both").thread.group
    screens = [await opens(), await opens()]
    chat = f"second~{LINE}~{group}".replace("+", "%2B")
    for screen, address in zip(screens, (one, two), strict=True):
        place = f"p={address.text}~{chat}&n=1000".replace("p=+", "p=%252B").replace("~second", "~second")
        await screen.page.goto(f"{sim.url}/_phone/?{place.replace('%2B', '%252B').replace('%25252B', '%252B')}")
        await screen.page.locator(".log").wait_for()
    for number in range(200):
        sim.contact(one if number % 3 else two).write(f"number {number}", vendor="second", group=group)
        if number % 20 == 0:
            await screens[0].page.wait_for_timeout(1)
    for screen in screens:
        await screen.page.locator("#log-0").get_by_text("number 199").wait_for()
        assert ["Hi", *(f"number {number}" for number in range(200))] == await screen.texts()


async def test_a_chat_of_five_thousand_messages_opens_at_its_end(opens: Opens, sim: Simulation) -> None:
    """A hundred are there, earlier ones are asked for, and it scrolls."""
    contact = sim.contact(sim.world.phones()[0].address)
    for number in range(5000):
        contact.write(f"number {number}", vendor="second", line=LINE)
    screen = await opens()
    await screen.open("Second")
    await screen.page.get_by_text("number 4999").last.wait_for()
    assert 100 == await screen.page.locator(".bubble").count()
    assert await screen.page.locator(".log").evaluate("log => log.scrollTop > 0")
    await screen.page.get_by_role("link", name="Earlier messages").click()
    await screen.page.get_by_text("number 4800").wait_for(state="attached")
    assert 200 == await screen.page.locator(".bubble").count()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
async def test_no_page_has_a_barrier_or_runs_over(opens: Opens, scheme: str, width: int) -> None:
    """List, chat and panes, light and dark, small and wide: axe finds nothing, and nothing is wider than the window."""
    axe = pytest.importorskip(
        "axe_playwright_python.async_playwright", reason="pip install axe-playwright-python"
    ).Axe()
    screen = await opens(viewport={"width": width, "height": 844}, color_scheme=scheme)
    found = await violations(axe, screen.page)
    await screen.open()
    await screen.write("hello ❤️")
    await screen.page.get_by_text("You said: hello").last.wait_for()
    # what comes in fades in, and half of a colour is no contrast
    await screen.page.wait_for_timeout(700)
    found += await violations(axe, screen.page)
    for pane in ("Wire", "Control"):
        await screen.page.get_by_role("link", name=pane, exact=True).click()
        await screen.page.locator(".pane").wait_for()
        found += await violations(axe, screen.page)
        wide = await screen.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert 0 >= wide
    assert [] == found


async def violations(axe: Any, page: Any) -> list[str]:
    """Name what axe finds on a page."""
    results = await axe.run(page)
    return [
        f"{each['id']}: {node['html'][:120]} {node.get('failureSummary', '')[:200]}"
        for each in results.response["violations"]
        for node in each["nodes"]
    ]
