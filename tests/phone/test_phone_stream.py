"""The live part of a page: what happens is sent as fragments, nothing is lost, nothing is there twice."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from gateway.simulator.phone import stream
from gateway.simulator.phone.place import Place
from tests.fronts.echo_twin import LINE
from tests.phone.conftest import Page

PARTIAL = re.compile(r'<hx-partial hx-target="#([\w-]+)" hx-swap="(\w+)">(.*?)</hx-partial>', re.DOTALL)


@dataclass
class Event:
    """One event as it came."""

    id: str
    html: str

    @property
    def partials(self) -> list[tuple[str, str, str]]:
        """Target, swap and content of each fragment."""
        return PARTIAL.findall(self.html)

    def bubbles(self) -> list[str]:
        """The texts of the bubbles in it."""
        return re.findall(r'<p class="text" dir="auto">([^<]*)</p>', self.html)


class Live:
    """A stream that is read event by event."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines

    async def next(self) -> Event:
        """The next event; comments are left out."""
        name, data = "", []
        async with asyncio.timeout(20):
            async for line in self._lines:
                if line.startswith("id: "):
                    name = line[4:]
                elif line.startswith("data: "):
                    data.append(line[6:])
                elif not line and data:
                    return Event(name, "\n".join(data))
        raise AssertionError("the stream ended")

    async def until(self, text: str) -> Event:
        """The first event that holds a text."""
        while text not in (event := await self.next()).html:
            pass
        return event

    async def welcome(self) -> None:
        """The comment with which a page that is up to date is greeted."""
        async with asyncio.timeout(20):
            assert ": welcome" == await anext(self._lines)


@contextlib.asynccontextmanager
async def live(page: Page, since: str = "", last: str | None = None, place: Place | None = None) -> AsyncIterator[Live]:
    """Open the stream of the page, or of another place."""
    headers = {} if last is None else {"last-event-id": last}
    url = f"{page.root}/events?{(place or page.place).query}&since={since}"
    async with page.http.stream("GET", url, headers=headers) as answer:
        assert "text/event-stream; charset=utf-8" == answer.headers["content-type"]
        yield Live(aiter(answer.aiter_lines()))


async def since_of(page: Page) -> str:
    """Where the stream of a fresh page goes on."""
    return re.search(r"since=([\w.]+)", await page.get()).group(1)  # type: ignore[union-attr]


async def test_a_fresh_page_is_sent_nothing_until_something_happens(page: Page) -> None:
    """Then it is sent the new bubble at the end, and the list of chats."""
    async with live(page, await since_of(page)) as events:
        await events.welcome()
        await page.fine("write", text="hello")
        event = await events.next()
    targets = [(target, swap) for target, swap, _ in event.partials]
    assert [("chats-0", "innerMorph"), ("log-0", "beforeend")] == targets
    assert ["hello"] == event.bubbles()
    assert "data-fresh" in event.html


async def test_a_bubble_that_changes_is_sent_again_by_itself(page: Page) -> None:
    """A tapback, and the one before that is no longer the last of its run."""
    bubble = await page.send()
    async with live(page, await since_of(page)) as events:
        await events.welcome()
        await page.fine("react", message=bubble.vendor_id, reaction="like")
        event = await events.until("You: like")
        more = await page.send("more")
        run = await events.until("more")
    (only,) = [target for target, swap, _ in event.partials if swap == "outerMorph"]
    assert only.startswith("b0-")
    assert [("outerMorph", only), ("beforeend", "log-0")] == [(s, t) for t, s, _ in run.partials if t != "chats-0"]
    assert "more" == more.text


async def test_a_page_that_was_away_is_sent_what_it_missed(page: Page) -> None:
    """It names the last event that it saw; what came since is marked, so that its effects are played."""
    async with live(page, await since_of(page)) as events:
        await events.welcome()
        await page.fine("write", text="seen")
        seen = await events.next()
    await page.fine("write", text="missed", effect="slam")
    async with live(page, last=seen.id) as events:
        event = await events.next()
    assert ["seen", "missed"] == event.bubbles()
    assert 1 == event.html.count("data-fresh")
    assert [("log-0", "innerMorph")] == [(t, s) for t, s, _ in event.partials if t.startswith("log")]
    assert 2 == len(set(re.findall(r'<li id="(b0-\w+)"', event.html)))


async def test_a_page_of_another_run_is_sent_everything_anew(page: Page) -> None:
    """After a restart the page shows what is, and plays nothing once more."""
    await page.fine("write", text="hello", effect="slam")
    for last in ("other.7", "nonsense", "99999.x"):
        async with live(page, last=last) as events:
            event = await events.next()
        assert (["hello"], False) == (event.bubbles(), "data-fresh" in event.html)


async def test_after_a_reset_the_log_is_another_one(page: Page) -> None:
    """Its bubbles are replaced, for none of them is there any more."""
    await page.fine("write", text="hello")
    async with live(page, await since_of(page)) as events:
        await events.welcome()
        page.sim.reset()
        page.contact.write("afterwards", vendor="echo", line=LINE)
        event = await events.until("afterwards")
    assert ["afterwards"] == event.bubbles()


async def test_dots_and_switches_are_shown_live(page: Page) -> None:
    """Also those that nothing in the journal tells of."""
    async with live(page, await since_of(page)) as events:
        await events.welcome()
        await page.http.put(f"{page.sim.base_url('echo')}/chats/{page.contact.address.text}/typing")
        assert "typing-0" in [target for target, _, _ in (await events.next()).partials]
        page.contact.switch(offline=True)
        assert "Airplane Mode: messages wait" in (await events.until("owner-0")).html


async def test_two_phones_of_a_group_show_one_order(page: Page) -> None:
    """Each sees the other's on the left."""
    other = page.sim.world.phones()[1].address
    bubble = page.contact.start_group([other], "one", vendor="echo", line=LINE)
    group = bubble.thread.group
    both = page.place.opened(0, type(page.place.phones[0].chat)("echo", LINE, group))  # type: ignore[misc]
    both = both.beside(other).opened(1, both.phones[0].chat)
    async with live(page, place=both) as events:
        await events.next()
        for number in range(10):
            author = page.contact if number % 2 else page.sim.contact(other)
            author.write(f"number {number}", vendor="echo", group=group)
        seen: dict[str, list[str]] = {"log-0": [], "log-1": []}
        while len(seen["log-0"]) < 10 or len(seen["log-1"]) < 10:
            for target, swap, html in (await events.next()).partials:
                if swap == "beforeend":
                    seen[target] += re.findall(r"number \d(?=</p>)", html)
    assert [f"number {number}" for number in range(10)] == seen["log-0"] == seen["log-1"]


async def test_a_sign_of_life_is_sent_where_nothing_happens(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies and browsers would take silence for the end."""
    monkeypatch.setattr(stream, "HEARTBEAT", 0.0)
    async with live(page, await since_of(page)) as events:
        await events.welcome()
        async with asyncio.timeout(20):
            lines = [await anext(events._lines) for _ in range(2)]
    assert ["", ": still here"] == lines


async def test_a_bubble_does_not_wait_for_the_pane(page: Page) -> None:
    """It is sent first, without the name that a page comes back with, for the pane is still to come."""
    place = page.place.showing("control")
    async with live(page, place=place) as events:
        await events.next()
        await page.fine("write", text="hello")
        first, second = await events.next(), await events.next()
    assert (["hello"], "") == (first.bubbles(), first.id)
    assert (["pane"], True) == ([target for target, _, _ in second.partials], bool(second.id))


def test_an_event_is_one_event_whatever_is_in_it() -> None:
    """Breaks of all kinds in a text do not end it."""
    assert b"id: a.1\ndata: one\ndata: \ndata: id: x\n\n" == stream.event("a.1", "one\r\n\nid: x".replace("\r", ""))
    assert b"id: a.1\ndata: one two\n\n" == stream.event("a.1", "one\rtwo")
    assert (b"id: a.1\n\n", b"data: one\n\n") == (stream.event("a.1", ""), stream.event("", "one"))
