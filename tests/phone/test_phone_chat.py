"""What a phone shows, and what a person does on it."""

import re

import httpx
import pytest

from gateway.actions import DeliveryState
from gateway.model import Channel
from gateway.simulator import Fault, FaultKind, Stage
from gateway.simulator.phone.place import ChatKey, Held, Place
from tests.fronts.echo_twin import LINE
from tests.phone.conftest import Page, words


def states(html: str) -> list[str]:
    """The lines below the bubbles."""
    return [words(found) for found in re.findall(r'<p class="state[^>]*>.*?</p>', html)]


async def test_the_list_has_a_chat_with_every_vendor(page: Page) -> None:
    """A vendor with a twin is on the phone before anything was written, with its line."""
    said = words(await page.get(Place((Held(page.contact.address),))))
    assert f"Echo {LINE} Say hello" in said
    assert f"Second {LINE} Say hello" in said


async def test_what_the_contact_writes_reaches_the_application_and_the_page(page: Page) -> None:
    """The composer's form is a message of the contact, on the right."""
    await page.fine("write", text="hello\r\nyou ")
    bubble = page.last()
    assert ("hello\nyou", page.contact.address.text, False) == (bubble.text, bubble.sender, bubble.ours)
    (hook,) = page.sim.journal.entries("webhook")
    assert bubble.vendor_id == hook.data["message"]
    html = await page.get()
    assert 'class="bubble mine first last"' in html
    assert "Delivered" in words(html)


async def test_an_answer_is_on_the_left_and_its_states_come_and_go(page: Page) -> None:
    """Sending, Sent, Delivered and Read stand below the application's last bubble, as the vendor reports them."""
    await page.send()
    seen = []
    for seconds in (0, 0.5, 0.6, 2.0):
        await page.sim.clock.advance(seconds)
        seen += [state.partition(" ")[0] for state in states(await page.get())]
    assert ["Sending…", "Sent", "Delivered", "Read"] == seen
    assert 'class="bubble theirs first last"' in await page.get()


async def test_only_the_last_bubble_of_each_side_says_how_far_it_came(page: Page) -> None:
    """As on a phone; one that failed says so wherever it is."""
    page.sim.faults.add(Fault(stage=Stage.DELIVERY, kind=FaultKind.FAILED, code="E9", message="no route"))
    await page.send("first")
    await page.sim.clock.advance(5)
    await page.send("second")
    await page.send("third")
    await page.sim.clock.advance(5)
    failed, read = states(await page.get())
    assert ("Not Delivered code E9 · no route Try again", "Read") == (failed, read.partition(" ")[0])


async def test_trying_again_lets_the_vendor_try_again(page: Page) -> None:
    """The same message goes its way once more, and is delivered now that nothing is in it."""
    page.sim.faults.add(Fault(stage=Stage.DELIVERY, kind=FaultKind.FAILED, code="E9"))
    bubble = await page.send()
    await page.sim.clock.advance(5)
    assert DeliveryState.FAILED is bubble.state
    await page.fine("again", message=bubble.vendor_id)
    await page.sim.clock.advance(5)
    assert (DeliveryState.READ, None) == (bubble.state, bubble.code)
    assert 409 == (await page.do("again", message=bubble.vendor_id)).status_code


async def test_a_phone_without_imessage_is_green(page: Page) -> None:
    """The network is named where it changes, and below what came over it."""
    await page.fine("write", text="blue")
    await page.fine("switch", name="imessage", on="")
    await page.fine("write", text="green")
    await page.send("back")
    await page.sim.clock.advance(5)
    html = await page.get()
    assert Channel.SMS is page.last().channel
    assert 'class="bubble mine green' in html
    assert "iMessage · " in words(html)
    assert "Delivered · Sent as Text Message" in words(html)


async def test_a_tapback_is_put_on_and_taken_off_with_the_same_button(page: Page) -> None:
    """The application hears of both; any emoji will do as well."""
    bubble = await page.send()
    await page.fine("react", message=bubble.vendor_id, reaction="love")
    assert "You: love" in words(await page.get())
    await page.fine("react", message=bubble.vendor_id, reaction="love")
    assert "You: love" not in words(await page.get())
    await page.fine("react", message=bubble.vendor_id, reaction="🦄")
    assert "You: 🦄" in words(await page.get())
    heard = [(entry.data["what"], entry.data["reaction"]) for entry in page.sim.journal.entries("world")[1:]]
    assert [("reacted", "love"), ("unreacted", "love"), ("reacted", "🦄")] == [h for h in heard if "react" in str(h)]


async def test_a_reply_shows_what_it_answers(page: Page) -> None:
    """The words above a reply lead to the bubble that they are from."""
    bubble = await page.send("the question")
    await page.fine("write", text="the answer", reply_to=bubble.vendor_id)
    html = await page.get()
    assert bubble.vendor_id == page.last().reply_to
    assert 'aria-label="In reply to: the question"' in html


async def test_subject_and_effect_go_with_the_message(page: Page) -> None:
    """They are shown, and the effect can be played again."""
    await page.fine("write", text="hurray", subject="News", effect="shooting-star")
    said = words(await page.get())
    assert "News" in said
    assert "Sent with Shooting Star Replay" in said


async def test_dots_are_shown_both_ways(page: Page) -> None:
    """The application hears that the contact types; the page shows that the application does."""
    await page.fine("type", on="on")
    await page.http.put(f"{page.sim.base_url('echo')}/chats/{page.contact.address.text}/typing")
    assert "Echo is typing" in await page.get()
    assert [True] == [entry.data["payload"]["on"] for entry in page.sim.journal.entries("webhook")]  # type: ignore[index,call-overload]


async def test_a_file_is_sent_as_an_attachment_that_the_application_can_fetch(page: Page) -> None:
    """The URL in the message is one of this machine, and needs no cookie."""
    answer = await page.http.post(
        f"{page.root}/files?name=..%2F%3Cb%3Ecat.png", content=b"\x89PNG", headers={"content-type": "image/png"}
    )
    file_id = answer.text.partition('value="')[2].partition('"')[0]
    await page.fine("write", text="look", file=file_id)
    attachment, text = page.last().parts
    assert ("attachment", "text", "<b>cat.png") == (attachment.type, text.type, getattr(attachment, "name", None))
    async with httpx.AsyncClient(trust_env=False) as app:
        fetched = await app.get(getattr(attachment, "url", ""))
    assert (b"\x89PNG", "image/png") == (fetched.content, fetched.headers["content-type"])
    assert "sandbox" in fetched.headers["content-security-policy"]
    assert "<b>cat" not in await page.get()


async def test_a_file_that_could_run_is_only_saved(page: Page) -> None:
    """HTML and SVG from anywhere get no rights of the page."""
    answer = await page.http.post(
        f"{page.root}/files?name=x.svg", content=b"<svg onload='x'/>", headers={"content-type": "image/svg+xml"}
    )
    file_id = answer.text.partition('value="')[2].partition('"')[0]
    fetched = await page.http.get(f"{page.root}/files/{file_id}/x.svg")
    assert ("application/octet-stream", "attachment") == (
        fetched.headers["content-type"],
        fetched.headers["content-disposition"],
    )


async def test_a_voice_note_goes_alone(page: Page) -> None:
    """What the microphone recorded is a message of its own, before the text."""
    answer = await page.http.post(
        f"{page.root}/files?name=voice-note.webm", content=b"abc", headers={"content-type": "audio/webm"}
    )
    file_id = answer.text.partition('value="')[2].partition('"')[0]
    await page.fine("write", text="and this", file=file_id, effect="slam")
    first, second = page.contact.thread("echo", line=LINE).bubbles
    assert (["voice"], None) == ([part.type for part in first.parts], first.effect)
    assert (["text"], "slam") == ([part.type for part in second.parts], second.effect and second.effect.value)
    assert "Play voice-note.webm" in await page.get()


async def test_a_group_is_started_and_shows_who_wrote(page: Page) -> None:
    """Its chat is in the list of every member, and its bubbles carry names."""
    other = page.sim.world.phones()[1]
    await page.fine("group", via=f"echo~{LINE}", name="Lunch", text="who?", other=other.address.text)
    (thread,) = [thread for thread in page.sim.world.threads() if thread.group]
    place = Place((Held(other.address, ChatKey("echo", LINE, thread.group)),))
    html = await page.get(place)
    assert "Lunch" in words(html)
    assert f'<p class="sender">{page.contact.phone.name}</p>' in html


async def test_calls_opt_ins_and_stop_are_told_to_the_application(page: Page) -> None:
    """Each is one webhook of the vendor."""
    await page.fine("call")
    await page.fine("opt-in", link="https://example.com/o/1", text="JOIN")
    await page.fine("stop")
    assert ["call", "opt-in", "message"] == [entry.data["event"] for entry in page.sim.journal.entries("webhook")]


@pytest.mark.parametrize("name", ["offline", "blocked", "rcs", "receipts", "reads"])
async def test_switches_of_a_phone_are_switched(page: Page, name: str) -> None:
    """Both ways, and the page shows how they stand."""
    for on in ("on", ""):
        await page.fine("switch", name=name, on=on)
        assert bool(on) is getattr(page.contact.phone, name)
    assert 400 <= (await page.do("switch", name="address", on="on")).status_code < 500


async def test_an_offline_phone_says_why_it_cannot_write(page: Page) -> None:
    """The refusal is a fragment for the notice of the page, with what to do."""
    await page.fine("switch", name="offline", on="on")
    answer = await page.do("write", text="hello")
    assert (409, 'hx-target="#notice"') == (answer.status_code, answer.text.partition(" ")[2].partition(" ")[0])
    assert "the phone is offline: switch offline off first" in answer.text
    assert "Airplane Mode: messages wait" in words(await page.get())


@pytest.mark.parametrize(
    ("deed", "fields"),
    [
        ("write", {}),
        ("write", {"text": "x", "effect": "explosion"}),
        ("write", {"text": "x", "file": "gone"}),
        ("write", {"text": "x", "reply_to": "gone"}),
        ("write", {"text": "x", "chat": "nonsense"}),
        ("write", {"text": "x", "chat": "nobody~line"}),
        ("write", {"text": "x", "phone": "nonsense"}),
        ("react", {"message": "gone", "reaction": "love"}),
        ("react", {"message": "gone"}),
        ("group", {"text": "x"}),
        ("group", {}),
        ("rename", {"name": " "}),
        ("dance", {}),
    ],
)
async def test_what_cannot_be_is_refused_with_a_reason(page: Page, deed: str, fields: dict[str, str]) -> None:
    """No form makes the simulator fail, whatever is in it."""
    answer = await page.do(deed, **fields)
    assert 400 <= answer.status_code < 500
    assert words(answer.text)
    assert [] == page.sim.failures


async def test_earlier_messages_are_asked_for(page: Page) -> None:
    """A page holds the last hundred of a long chat, and a link to more."""
    contact = page.contact
    for number in range(120):
        contact.write(f"number {number:03}", vendor="echo", line=LINE)
    html = await page.get()
    assert (False, True, True) == ("number 019" in html, "number 020" in html, "Earlier messages" in html)
    assert "number 000" in await page.get(page.place.earlier())


async def test_hostile_words_stay_words(page: Page) -> None:
    """Texts, subjects, names and reasons are shown as they are, and nothing of them is markup."""
    evil = "<img src=x onerror=alert(1)>\"'</li></hx-partial>{{7777*7777}}"
    page.sim.faults.add(Fault(stage=Stage.DELIVERY, kind=FaultKind.FAILED, code=evil, message=evil))
    await page.fine("rename", name=evil)
    await page.fine("write", text=evil, subject=evil)
    await page.send(evil)
    await page.sim.clock.advance(5)
    html = await page.get(page.place.showing("", ("echo", evil)))
    assert ("<img src=x" not in html, "&lt;img src=x" in html, "60481729" in html.partition("<body>")[2]) == (
        True,
        True,
        False,
    )
    assert "</hx-partial>" not in html


async def test_a_chat_whose_vendor_is_gone_is_an_empty_chat(page: Page) -> None:
    """An old URL is no error."""
    place = Place((Held(page.contact.address, ChatKey("nobody", "line")),))
    assert "Nobody" in words(await page.get(place))


async def test_what_is_no_bubble_is_a_line_in_the_middle(page: Page) -> None:
    """A call after the last bubble, and above the next one once that is there; a group and its new name."""
    await page.fine("write", text="one")
    await page.fine("call")
    before = words(await page.get())
    await page.fine("write", text="two")
    after = words(await page.get())
    assert [True, True] == ["FaceTime call ·" in said for said in (before, after)]
    assert after.index("FaceTime call ·") < after.rindex("two")
    other = page.sim.world.phones()[1]
    await page.fine("group", via=f"echo~{LINE}", name="Lunch", text="who?", other=other.address.text)
    (thread,) = [thread for thread in page.sim.world.threads() if thread.group]
    page.contact.rename("Dinner", vendor="echo", group=str(thread.group))
    said = words(await page.get(page.place.opened(0, ChatKey("echo", LINE, thread.group))))
    assert "Group “Lunch”" in said
    assert "You named the conversation “Dinner”" in said
