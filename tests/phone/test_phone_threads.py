"""Replies and reactions: their threads, their parts, and who they are from."""

from urllib.parse import urlencode

from gateway.model import Attachment, Reaction, Text
from gateway.simulator import Bubble
from tests.fronts.echo_twin import LINE
from tests.phone.conftest import Page, words
from tests.phone.test_phone_rewriting import menu_of


async def two_parts(page: Page) -> Bubble:
    """A message of the application with a text and a file."""
    bubble = await page.send("look")
    bubble.parts = (Text(text="look"), Attachment(url="https://example.com/menu.pdf"))
    return bubble


async def thread_of(page: Page, message: str) -> str:
    """Open the thread of a message."""
    held = page.place.phones[0]
    asked = {"phone": held.address.text, "chat": held.chat.text if held.chat else "", "message": message}
    answer = await page.http.get(f"{page.root}/thread?{urlencode(asked)}")
    assert 200 == answer.status_code, answer.text
    return answer.text


async def test_replies_are_counted_and_their_thread_is_shown_alone(page: Page) -> None:
    """A reply to a reply belongs to the same thread; what is not of it is not there."""
    question = await page.send("the question")
    await page.fine("write", text="the answer", reply_to=question.vendor_id)
    answer = page.last()
    await page.fine("write", text="something else")
    await page.fine("write", text="a second one", reply_to=answer.vendor_id)
    assert "2 Replies" in words(await page.get())
    for message in (question, answer):
        said = words(await thread_of(page, message.vendor_id))
        assert [True, True, True, False] == [
            each in said for each in ("the question", "the answer", "a second one", "something else")
        ]


async def test_a_reply_to_a_part_shows_that_part(page: Page) -> None:
    """And the application is told which."""
    bubble = await two_parts(page)
    await page.fine("write", text="thanks", reply_to=bubble.vendor_id, reply_part="1")
    assert 1 == page.last().reply_part
    assert 'aria-label="In reply to: File: menu.pdf"' in await page.get()
    assert "Part look File: menu.pdf" in words(await menu_of(page, bubble))


async def test_a_parent_that_is_not_there_and_one_that_was_taken_back_are_shown_as_such(page: Page) -> None:
    """A reply is never without what it answers."""
    await page.fine("write", text="oops")
    gone = page.last()
    await page.fine("write", text="I meant that", reply_to=gone.vendor_id)
    await page.fine("unsend", message=gone.vendor_id)
    page.contact.write("and this", vendor="echo", line=LINE).reply_to = "m-gone"
    html = await page.get()
    assert 'aria-label="In reply to: a message that was taken back"' in html
    assert 'aria-label="In reply to: a message that is not on this phone"' in html


async def test_a_parent_that_is_further_up_than_the_page_goes_opens_the_thread(page: Page) -> None:
    """There is no bubble in the page to lead to."""
    page.contact.write("the beginning", vendor="echo", line=LINE)
    first = page.last()
    for number in range(100):
        page.contact.write(f"number {number}", vendor="echo", line=LINE)
    page.contact.write("late", vendor="echo", line=LINE, reply_to=first.vendor_id)
    assert 'href="#" aria-label="In reply to: the beginning"' in await page.get()
    assert "the beginning" in words(await thread_of(page, first.vendor_id))


async def test_a_reaction_is_aimed_at_a_part_changed_and_removed(page: Page) -> None:
    """Each part has one reaction of each party."""
    bubble, me = await two_parts(page), page.contact.address.text
    await page.fine("react", message=bubble.vendor_id, reaction="love", part="1")
    await page.fine("react", message=bubble.vendor_id, reaction="laugh", part="0")
    await page.fine("react", message=bubble.vendor_id, reaction="like", part="1")
    assert ({me: Reaction.parse("laugh")}, {(me, 1): Reaction.parse("like")}) == (
        bubble.reactions,
        bubble.part_reactions,
    )
    said = words(await page.get())
    assert ("You: like on part 2" in said, "You: laugh" in said) == (True, True)
    await page.fine("react", message=bubble.vendor_id, reaction="like", part="1")
    assert {} == bubble.part_reactions
    assert 422 == (await page.do("react", message=bubble.vendor_id, reaction="like", part="2")).status_code


async def test_a_menu_says_who_reacted(page: Page) -> None:
    """The application by its vendor's name; a sticker is a placeholder, for nobody knows its picture."""
    await page.fine("write", text="hello")
    bubble = page.last()
    page.sim.world.react(bubble, Reaction.parse("love"), removed=False)
    await page.fine("stick", message=bubble.vendor_id)
    said = words(await menu_of(page, bubble))
    assert "Echo : love You : sticker" in said
    assert "You: sticker" in words(await page.get())
    await page.fine("stick", message=bubble.vendor_id)
    assert [] == bubble.stickers
    assert ["message", "sticker"] == [entry.data["event"] for entry in page.sim.journal.entries("webhook")]
