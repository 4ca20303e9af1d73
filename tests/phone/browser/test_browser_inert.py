"""Two hundred hostile strings, wherever a stranger can put one: shown as they are, and nothing of them happens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.addresses import Address
from gateway.model import Attachment, Link, Text
from gateway.simulator import Fault, Simulation
from tests.fronts.echo_twin import LINE
from tests.phone.browser.conftest import Opens, Screen

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOSTILE: list[str] = json.loads((Path(__file__).parent / "hostile.json").read_text(encoding="utf-8"))
ALIVE = (
    "script, iframe, frame, object, embed, base, meta, link, style, marquee, math, isindex, plaintext, xmp, "
    "[srcdoc], [hx-get], [hx-vals], [hx-on\\:load], [data-hx-get], [name=body], #stage, #notice, #htmx"
)
WHERE: dict[str, Any] = {"vendor": "second", "line": LINE}


def shown(text: str) -> str:
    """What a browser makes of a text: it has no NUL, one kind of break, and runs of blanks count once here."""
    return " ".join(text.replace("\x00", "").split())


async def inert(screen: Screen, where: str) -> None:
    """Hold that nothing of what is shown has come to life."""
    page = screen.page
    assert None is await page.evaluate("window.bad ?? null")
    assert 0 == await page.locator(f":is({where}) :is({ALIVE})").count()
    names = f"[...document.querySelectorAll(':is({where}) *')].flatMap((e) => e.getAttributeNames())"
    handlers = await page.evaluate(f"{names}.filter((name) => name.startsWith('on') || name === 'style')")
    assert [] == handlers
    links = await page.evaluate(f"[...document.querySelectorAll(':is({where}) a')].map((a) => a.protocol)")
    assert {"http:", "https:"} >= {*links}
    assert "Phone" == await page.title()
    assert 0 == await page.get_by_text("taken over", exact=True).count()


async def said(screen: Screen, selector: str) -> list[str]:
    """What every such element says."""
    found: list[str] = await screen.page.locator(selector).all_text_contents()
    return [shown(each) for each in found]


async def test_the_corpus_is_two_hundred_different_strings() -> None:
    """Markup, scripts, handlers, templates, fragments of htmx, events of streams, controls, paths, queries."""
    assert (200, 200) == (len(HOSTILE), len({*HOSTILE}))


async def window(opens: Opens, sim: Simulation, **options: Any) -> Screen:
    """Open the chat that the strings are in, with all of its messages."""
    screen = await opens(**options)
    await screen.open("Second")
    await screen.page.goto(f"{screen.page.url}&n=1000")
    await screen.page.locator(".bubble").last.wait_for()
    return screen


async def test_texts_are_inert(opens: Opens, sim: Simulation) -> None:
    """Half of them there when the page is opened, half of them coming while it is open; each is shown whole."""
    contact = sim.contact(sim.world.phones()[0].address)
    for text in HOSTILE[::2]:
        contact.write(text, **WHERE)
    screen = await window(opens, sim)
    for text in HOSTILE[1::2]:
        contact.write(text, **WHERE)
    wanted = [shown(text) for text in (*HOSTILE[::2], *HOSTILE[1::2])]
    await screen.until(lambda: as_many(screen, "#log-0 .bubble", len(wanted)))
    assert wanted == [shown(text) for text in await screen.texts()]
    await inert(screen, "#log-0")


async def as_many(screen: Screen, selector: str, number: int) -> bool:
    """Tell whether so many are there."""
    found: int = await screen.page.locator(selector).count()
    return number == found


async def test_files_links_and_subjects_are_inert(opens: Opens, sim: Simulation) -> None:
    """Names of files that arrive, titles of links, subjects; the story of one shows them on the wire."""
    contact = sim.contact(sim.world.phones()[0].address)
    for number, text in enumerate(HOSTILE):
        contact.write(parts=[Attachment(url=f"https://example.com/{number}.pdf", name=text)], **WHERE)
        contact.write(parts=[Link(url="https://example.com/", title=text)], **WHERE)
        contact.write(parts=[Text(text=text)], subject=text, **WHERE)
    screen = await window(opens, sim)
    everything = shown(await screen.page.locator("#log-0").inner_text())
    lost = [text for text in HOSTILE if visible(text) and everything.count(visible(text)) < 4]
    assert [] == lost
    await inert(screen, "#log-0")


def visible(text: str) -> str:
    """The longest piece of a text that a browser shows as it is, whatever it makes of blanks and of controls."""
    pieces = "".join(c if c.isprintable() and c != "\ufeff" else " " for c in text).split()
    return max(pieces, key=len, default="")


async def test_names_are_inert(opens: Opens, sim: Simulation) -> None:
    """Of two hundred people, of groups, and of the phone's own person, also while it changes."""
    first = sim.world.phones()[0].address
    for number, text in enumerate(HOSTILE):
        sim.contact(f"+1303555{number:04}").switch(name=text)
    for number, text in enumerate(HOSTILE[::10]):
        other = Address.parse(f"+1303555{number * 10:04}")
        sim.contact(first).start_group([other], "hello", name=text, **WHERE)
    screen = await opens()
    people = "\n".join(await said(screen, "#switches-0 .people a"))
    assert [] == [text for text in HOSTILE if shown(text) not in people]
    for text in HOSTILE[::10]:
        sim.contact(first).switch(name=text)
        await screen.page.locator("#owner-0 strong").first.wait_for()
    await screen.until(lambda: names(screen, HOSTILE[190]))
    titles = "\n".join(await said(screen, "#chats-0 .title strong"))
    assert [] == [text for text in HOSTILE[::10] if shown(text) not in titles]
    await inert(screen, "#switches-0 .people a, #chats-0 .words, #owner-0 strong")


async def names(screen: Screen, text: str) -> bool:
    """Tell whether the phone has that name."""
    return shown(text) in await said(screen, "#owner-0 .whose strong")


async def test_the_vendors_words_are_inert(opens: Opens, sim: Simulation) -> None:
    """A reason and a code below a bubble, and in the panes; and what the control pane is told to call things."""
    screen = await opens()
    to = sim.world.phones()[0].address.text
    for text in HOSTILE[::10]:
        sim.faults.add(Fault.model_validate({"stage": "delivery", "kind": "failed", "code": text, "message": text}))
        answer = await screen.page.context.request.post(
            f"{sim.base_url('second')}/v1/chats/{to}/messages",
            data={"text": text},
            headers={"authorization": f"Bearer {sim.api_keys['second']}"},
        )
        assert answer.ok
    await screen.open("Second")
    await screen.until(lambda: as_many(screen, ".state.failed", 20))
    everything = shown(await screen.page.locator("#log-0").inner_text())
    assert [] == [text for text in HOSTILE[::10] if visible(text) not in everything]
    pane = await screen.control()
    for text in HOSTILE[:20]:
        await pane.get_by_label("Name of the snapshot").fill(text[:60])
        await pane.get_by_role("button", name="Take a snapshot").click()
    await screen.until(lambda: as_many(screen, "form[hx-post='/_phone/do/restore']", 20))
    await inert(screen, "#log-0")
    assert None is await screen.page.evaluate("window.bad ?? null")
    assert 0 == await screen.page.locator(".pane :is(script, iframe, style, base)").count()


async def test_names_of_files_from_the_picker_are_inert(opens: Opens, sim: Simulation) -> None:
    """As a chip before it is sent, as a bubble, and as a file of that name when it is fetched."""
    screen = await opens()
    await screen.open("Second")
    hostile = [text for text in HOSTILE if "/" not in text and text.isprintable() and len(text.encode()) < 200][:25]
    files = [{"name": text, "mimeType": "text/html", "buffer": b"<script>window.bad=1</script>"} for text in hostile]
    await screen.page.locator(".picker").set_input_files(files)
    await screen.until(lambda: as_many(screen, ".chip", len(files)))
    await inert(screen, ".chips")
    await screen.page.get_by_role("button", name="Send", exact=True).click()
    await screen.page.locator(".bubble").last.wait_for()
    await inert(screen, "#log-0")
    parts = [part for thread in sim.world.threads() for bubble in thread.bubbles for part in bubble.parts]
    for part in parts:
        assert isinstance(part, Attachment)
        fetched = await screen.page.context.request.get(str(part.url))
        assert "attachment" == fetched.headers["content-disposition"]
        assert "application/octet-stream" == fetched.headers["content-type"]
        assert "sandbox" in fetched.headers["content-security-policy"]
