"""Polls, places, stickers, cards and files as a phone shows them."""

from collections.abc import Mapping

import pytest
from pydantic import JsonValue

from gateway.model import Attachment, Link, Opaque, Part, Text, Voice
from gateway.simulator import Bubble
from tests.fronts.echo_twin import LINE
from tests.phone.conftest import Page, words


def ours(page: Page, *parts: Part, text: str = "") -> Bubble:
    """Let the application's message with these parts be in the chat."""
    thread = page.contact.thread("echo", line=LINE)
    content = (*([Text(text=text)] if text else []), *parts)
    bubble = Bubble(
        f"m-{len(thread.bubbles)}", thread, ours=True, sender=LINE, parts=content, created_at=page.sim.clock.now()
    )
    page.sim.world.submit(bubble)
    return bubble


async def test_a_poll_is_sent_and_voted_in_and_a_vote_is_taken_back(page: Page) -> None:
    """The application hears of each, and the card counts."""
    await page.fine("card", kind="poll", title="Dessert?", option=["Gelato", "Cake", " ", "Cake"])
    bubble = page.last()
    assert (Opaque(kind="poll", data={"title": "Dessert?", "options": ["Gelato", "Cake"]}),) == bubble.parts
    await page.fine("vote", message=bubble.vendor_id, option="Cake")
    html = await page.get()
    assert "Cake 1 votes: You" in words(html)
    assert 'value="100" aria-label="Share of Cake"' in html
    await page.fine("vote", message=bubble.vendor_id, option="Cake")
    assert {"Cake": []} == bubble.votes
    hooks = page.sim.journal.entries("webhook")
    payloads = [payload for hook in hooks if isinstance(payload := hook.data["payload"], dict)]
    told = [(payload["event"], payload.get("removed")) for payload in payloads]
    assert [("message", None), ("vote", False), ("vote", True)] == told


async def test_a_poll_needs_imessage(page: Page) -> None:
    """A phone without it has none to send."""
    await page.fine("switch", name="imessage", on="")
    assert 409 == (await page.do("card", kind="poll", title="x", option=["a", "b"])).status_code


async def test_the_application_s_poll_is_a_card_too(page: Page) -> None:
    """With the same buttons."""
    bubble = ours(page, Opaque(kind="poll", data={"title": None, "options": ["a", "b"]}))
    await page.fine("vote", message=bubble.vendor_id, option="a")
    assert {"a": [page.contact.address.text]} == bubble.votes


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "poll", "option": "alone"},
        {"kind": "location", "latitude": "91", "longitude": "0"},
        {"kind": "location", "latitude": "nan", "longitude": "0"},
        {"kind": "location", "latitude": "x", "longitude": "0"},
        {"kind": "contact", "other": "nobody"},
        {"kind": "dance"},
        {"kind": "sticker", "chat": "nobody~line"},
    ],
)
async def test_a_card_that_makes_none_is_refused(page: Page, fields: Mapping[str, str]) -> None:
    """With a reason."""
    answer = await page.do("card", **fields)
    assert 400 <= answer.status_code < 500
    assert [] == page.sim.failures


async def test_what_the_twin_does_not_carry_is_not_offered_and_refused(page: Page) -> None:
    """A vendor's twin says which cards reach the application."""
    page.sim.twin("echo").cards = frozenset({"sticker"})  # type: ignore[misc]
    html = await page.get()
    assert ("New poll" in html, "Send a sticker" in html) == (False, True)
    assert 422 == (await page.do("card", kind="poll", title="x", option=["a", "b"])).status_code


async def test_a_place_and_a_sticker_are_cards(page: Page) -> None:
    """In words, for a page may ask no map of another machine."""
    await page.fine("card", kind="location", latitude="-33.8568", longitude="151.2153")
    await page.fine("card", kind="sticker", name="Party hat")
    html = await page.get()
    assert "Location 33.8568° S, 151.2153° E" in words(html)
    assert 'aria-label="Sticker: Party hat"' in html


async def test_a_contact_s_card_is_a_file_that_the_application_can_fetch(page: Page) -> None:
    """A vCard, as phones send it."""
    other = page.sim.world.phones()[1]
    await page.fine("card", kind="contact", other=other.address.text)
    (part,) = page.last().parts
    assert isinstance(part, Attachment)
    fetched = await page.http.get(str(part.url))
    assert (200, f"FN:{other.name}") == (fetched.status_code, fetched.text.splitlines()[2])
    assert f"{other.name} Contact card" in words(await page.get())


async def test_our_contact_card_and_name_and_photo(page: Page) -> None:
    """One comes with a message, the other is a line."""
    ours(page, Opaque(kind="contact_file"), text="here I am")
    await page.fine("share")
    said = words(await page.get())
    assert f"Echo · {LINE} Contact card" in said
    assert f"{page.contact.phone.name} shared name and photo" in said


async def test_pictures_in_a_row_are_a_gallery_and_others_are_tiles(page: Page) -> None:
    """What a browser cannot show, or may not fetch, has its name, kind and size."""
    png = [Attachment(data=b"\x89PNG", name=f"{n}.png", media_type="image/png") for n in range(3)]
    heic = Attachment(data=b"x" * 2_300_000, name="a.heic", media_type="image/heic")
    elsewhere = Attachment(url="https://cdn.example.com/b.jpg")
    pdf = Attachment(data=b"%PDF", name="menu.pdf", media_type="application/pdf")
    film = Attachment(data=b"x", name="film.mp4", media_type="video/mp4")
    page.contact.write(parts=(*png, heic, elsewhere, pdf, film), vendor="echo", line=LINE)
    html = await page.get()
    assert ('aria-label="3 photos"' in html, html.count('alt="0.png"'), "<video" in html) == (True, 1, True)
    assert 'aria-label="a.heic, Photo · 2 MB"' in html
    assert 'aria-label="b.jpg, Photo at cdn.example.com"' in html
    assert "PDF menu.pdf File · 4 bytes" in words(html)
    assert "https://cdn.example.com" not in html


async def test_what_stands_in_for_a_file_elsewhere_is_shown(page: Page) -> None:
    """Pictures, voice notes and cards, from this machine; what nothing stands in for stays a tile."""
    at = "https://cdn.example.com"
    for name, media_type in (("a%20b.png", "image/png"), ("hello.wav", "audio/wav"), ("card.jpg", "image/jpeg")):
        page.sim.stand_in(f"{at}/{name}", media_type, name.encode())
    ours(page, Attachment(url=f"{at}/a%20b.png"), Attachment(url=f"{at}/other.png"))
    ours(page, Voice(url=f"{at}/hello.wav"))
    ours(page, Link(url="https://example.com/x", preview_image=f"{at}/card.jpg"))
    html = await page.get()
    assert ('alt="a b.png"' in html, 'aria-label="other.png, Photo at cdn.example.com"' in html) == (True, True)
    shown = [part.partition('"')[0] for part in html.split('="/_phone/files/')[1:]]
    told = [await page.http.get(f"{page.sim.url}/_phone/files/{path}") for path in dict.fromkeys(shown)]
    assert [b"a%20b.png", b"hello.wav", b"card.jpg"] == [answer.content for answer in told]
    assert at not in html


async def test_links_are_cards_and_a_mention_is_bold_inside_its_text(page: Page) -> None:
    """Title and picture where the application gave them; texts around a mention are one bubble."""
    ours(
        page, Link(url="https://example.com/x", title="The river place", preview_image="https://cdn.example.com/p.jpg")
    )
    ours(page, Text(text="Thanks "), Text(text="@Ada", mention=page.contact.address), Text(text="!"))
    ours(page, text="https://example.com/menu")
    html = await page.get()
    assert "picture at cdn.example.com The river place example.com" in words(html)
    assert '<p class="text" dir="auto">Thanks <strong class="mention">@Ada</strong>!</p>' in html
    assert 3 == html.count('class="piece"')


async def test_what_the_vendor_left_off_is_said(page: Page) -> None:
    """A text that was too long is shown as it arrived."""
    ours(page, text="x" * 9_999).cut = 12_001
    assert "Echo left off 12,001 characters" in words(await page.get())


@pytest.mark.parametrize(
    ("name", "size", "imessage", "warning"),
    [("a.zip", 10, "on", ""), ("a.png", 1_200_000, "", "larger than text messages usually carry")],
)
async def test_a_file_is_shown_with_its_size_and_what_is_against_it(
    page: Page, name: str, size: int, imessage: str, warning: str
) -> None:
    """Before it is sent."""
    await page.fine("switch", name="imessage", on=imessage)
    held = page.place.phones[0]
    params = {"name": name, "phone": held.address.text, "chat": held.chat.text if held.chat else ""}
    answer = await page.http.post(f"{page.root}/files", params=params, content=b"x" * size)
    said: JsonValue = words(answer.text)
    assert warning in str(said)
    assert bool(warning) is ("warned" in answer.text)


async def test_a_sound_file_is_sent_as_a_voice_note_where_that_is_asked(page: Page) -> None:
    """Under any name."""
    answer = await page.http.post(
        f"{page.root}/files",
        params={"name": "memo.caf", "as": "voice"},
        content=b"caff",
        headers={"content-type": "audio/x-caf"},
    )
    file_id = answer.text.partition('name="voice" value="')[2].partition('"')[0]
    await page.fine("write", text="", file=file_id, voice=file_id)
    assert ["voice"] == [part.type for part in page.last().parts]
