"""Second thoughts on the phone: editing and unsending, within Apple's limits."""

from urllib.parse import urlencode

import httpx
import pytest

from gateway.model import Attachment, Text
from gateway.simulator import Bubble, Impossible, Simulation
from gateway.simulator.phone.place import ChatKey, Held, Place
from gateway.simulator.twin import Twin
from tests.fronts.echo_twin import LINE, EchoTwin
from tests.phone.conftest import Page, words


class DeafTwin(EchoTwin):
    """A vendor that says nothing of second thoughts, stickers and group photos, like the real ones."""

    name = "deaf"
    cards = frozenset[str]()
    edited = Twin.edited
    unsent = Twin.unsent
    stuck = Twin.stuck
    pictured = Twin.pictured


async def menu_of(page: Page, bubble: Bubble) -> str:
    """Open a bubble's menu."""
    held = page.place.phones[0]
    asked = {"phone": held.address.text, "chat": held.chat.text if held.chat else "", "message": bubble.vendor_id}
    answer = await page.http.get(f"{page.root}/menu?{urlencode(asked)}")
    assert 200 == answer.status_code, answer.text
    return answer.text


async def test_an_edited_message_says_so_and_keeps_what_it_said(page: Page) -> None:
    """The application hears of it, the bubble says Edited, and its menu has what it said before."""
    await page.fine("write", text="see you at sevn")
    bubble = page.last()
    await page.fine("write", text="see you at seven", edits=bubble.vendor_id)
    html = await page.get()
    assert ("see you at seven", ["message", "edit"]) == (
        bubble.text,
        [entry.data["event"] for entry in page.sim.journal.entries("webhook")],
    )
    assert ("Edited" in words(html), "sevn" in html) == (True, False)
    assert "see you at sevn" in words(await menu_of(page, bubble))


async def test_files_stay_where_an_edit_changes_the_text(page: Page) -> None:
    """Only the words are others."""
    picture = Attachment(url="https://example.com/a.png")
    bubble = page.contact.write("one", parts=(picture, Text(text="two")), vendor="echo", line=LINE)
    page.contact.edit(bubble.vendor_id, "three", vendor="echo", line=LINE)
    assert (Text(text="three"), picture) == bubble.parts


async def test_an_unsent_message_is_a_line_in_its_place(page: Page) -> None:
    """Its words are gone from the phone and from the list; what answers it says that it was taken back."""
    await page.fine("write", text="oops")
    bubble = page.last()
    await page.fine("unsend", message=bubble.vendor_id)
    said = words(await page.get())
    assert ("You unsent a message" in said, "oops" in said) == (True, False)
    assert ["message", "unsend"] == [entry.data["event"] for entry in page.sim.journal.entries("webhook")]
    assert 409 == (await page.do("unsend", message=bubble.vendor_id)).status_code


@pytest.mark.parametrize(("deed", "seconds"), [("edit", 901), ("unsend", 121)])
async def test_apple_s_limits_hold_until_they_are_switched_off(page: Page, deed: str, seconds: float) -> None:
    """Fifteen minutes to edit, two to unsend; the menu says why not."""
    await page.fine("write", text="hello")
    bubble = page.last()
    fields = {"edit": {"edits": bubble.vendor_id, "text": "other"}, "unsend": {"message": bubble.vendor_id}}[deed]
    name = {"edit": "write", "unsend": "unsend"}[deed]
    await page.sim.clock.advance(seconds)
    assert 409 == (await page.do(name, **fields)).status_code
    assert "minutes are over" in words(await menu_of(page, bubble))
    await page.fine("switch", name="limits", on="")
    await page.fine(name, **fields)


async def test_five_edits_are_the_most(page: Page) -> None:
    """As on an iPhone."""
    await page.fine("write", text="0")
    bubble = page.last()
    for number in range(1, 6):
        page.contact.edit(bubble.vendor_id, str(number), vendor="echo", line=LINE)
    with pytest.raises(Impossible, match="five edits"):
        page.contact.edit(bubble.vendor_id, "6", vendor="echo", line=LINE)
    assert 5 == len(bubble.edits)


async def test_text_messages_and_what_others_wrote_cannot_be_changed(page: Page) -> None:
    """Second thoughts are iMessage's, and one's own."""
    sent = await page.send("ours")
    assert "Undo Send" not in await menu_of(page, sent)
    assert 409 == (await page.do("unsend", message=sent.vendor_id)).status_code
    await page.fine("switch", name="imessage", on="")
    await page.fine("write", text="green")
    assert "only iMessage can do that" in words(await menu_of(page, page.last()))


async def test_a_menu_says_what_the_application_will_not_hear_of() -> None:
    """A vendor without a webhook for it is named; the contact can do it all the same, as on a real phone."""
    async with Simulation([DeafTwin], seed=7, clock="virtual") as sim, httpx.AsyncClient(trust_env=False) as http:
        page = await Page(sim, http).let_in()
        page.place = Place((Held(page.contact.address, ChatKey("deaf", LINE)),))
        bubble = page.contact.write("hello", vendor="deaf")
        said = words(await menu_of(page, bubble))
        page.contact.edit(bubble.vendor_id, "hello!", vendor="deaf")
        page.contact.unsend(bubble.vendor_id, vendor="deaf")
        assert ["message"] == [entry.data["event"] for entry in sim.journal.entries("webhook")]
    for label in ("Sticker", "Edit", "Undo Send"):
        assert f"{label} Deaf has no webhook for it" in said


async def test_a_menu_of_what_is_not_there_is_refused(page: Page) -> None:
    """With words for the page."""
    for query in ("", "phone=x&chat=y&message=z", f"phone={page.contact.address.text}&chat=echo~x&message=z"):
        answer = await page.http.get(f"{page.root}/menu?{query.replace('+', '%2B')}")
        assert 400 <= answer.status_code < 500


async def test_what_is_written_down_says_nothing_of_what_was_taken_back(page: Page) -> None:
    """Transcript and JSON say that a message was edited or unsent; a scenario has to say the words once more."""
    for text in ("a secret", "see you at sevn"):
        await page.fine("write", text=text)
    secret, edited = page.last().thread.bubbles
    await page.fine("unsend", message=secret.vendor_id)
    await page.fine("write", text="see you at seven", edits=edited.vendor_id)
    transcript, session = [
        (await page.http.get(f"{page.root}/export/{name}")).text for name in ("transcript.md", "session.json")
    ]
    lines = transcript.splitlines()[-2:]
    assert [True, True] == [lines[0].endswith("unsent a message"), lines[1].endswith(": see you at seven _(edited)_")]
    assert (False, False) == ("a secret" in transcript, "a secret" in session)


async def test_the_last_bubble_before_one_that_was_taken_back_has_the_tail(page: Page) -> None:
    """The line in its place ends the run."""
    for text in ("one", "two"):
        await page.fine("write", text=text)
    await page.fine("unsend", message=page.last().vendor_id)
    assert "bubble mine first last" in await page.get()
