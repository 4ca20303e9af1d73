"""The conversation side of the phone in a real browser: each feature by role or label."""

from __future__ import annotations

import re
from typing import Any

import pytest

from gateway.actions import DeliveryState
from gateway.addresses import Address
from gateway.model import Attachment, Opaque, Part, Text
from gateway.simulator import Bubble, OptIn, Simulation
from tests.fronts.echo_twin import LINE
from tests.phone.browser.barriers import barriers
from tests.phone.browser.conftest import Opens, Screen
from tests.phone.browser.pictures import PNG, WAV

_OUTSIDE = """log => {
    const frame = log.getBoundingClientRect();
    const pieces = [...log.querySelectorAll(".piece > *, .parent, .state, .stamp")];
    return pieces.filter((piece) => {
        const box = piece.getBoundingClientRect();
        return box.left < frame.left || box.right > frame.right;
    }).map((piece) => piece.outerHTML.slice(0, 90));
}"""

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def talking(opens: Opens, **options: Any) -> Screen:
    """Open a page with the chat of the vendor that tells of everything."""
    screen = await opens(**options)
    await screen.open("Second")
    return screen


def owner(sim: Simulation) -> Address:
    """Whose phone is shown."""
    return sim.world.phones()[0].address


def arrives(sim: Simulation, *parts: Part, **more: Any) -> Bubble:
    """Let a message of the application be on its way to the phone."""
    thread = sim.world.direct("second", LINE, owner(sim))
    twin = sim.twin("second")
    content = parts or (Text(text="hello from us"),)
    bubble = Bubble(
        twin.new_message_id(), thread, ours=True, sender=LINE, parts=content, created_at=sim.clock.now(), **more
    )
    sim.world.submit(bubble)
    return bubble


async def menu(screen: Screen, text: str, action: str = "") -> Any:
    """Open the menu of a bubble, and choose something from it."""
    await (
        screen.page.locator(".log")
        .get_by_role("button", name=re.compile(f"(React, reply or i|I)nspect: .*{text}"))
        .last.click()
    )
    shown = screen.page.get_by_role("dialog", name="React, reply or inspect")
    await shown.get_by_role("button", name="Show its story").wait_for()
    if action:
        await shown.get_by_role("button", name=action, exact=True).click()
    return shown


async def extra(screen: Screen, label: str) -> None:
    """Choose something behind the plus sign."""
    await screen.page.get_by_role("button", name="Add to the message").click()
    await screen.page.get_by_role("button", name=label, exact=True).click()


async def gone(screen: Screen, text: str) -> None:
    """Wait until no bubble says something."""
    await screen.page.locator(".log").get_by_text(text, exact=True).wait_for(state="detached")


# ── second thoughts ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_message_is_edited_from_its_menu_and_says_what_it_said(opens: Opens) -> None:
    """The composer holds the words; the menu of Edited holds the older ones."""
    screen = await talking(opens)
    await screen.write("see you at sevn")
    await screen.page.locator(".bubble.mine").wait_for()
    await menu(screen, "sevn", "Edit")
    field = screen.page.get_by_label("Message to")
    assert "see you at sevn" == await field.input_value()
    await field.fill("see you at seven")
    await field.press("Enter")
    await screen.page.get_by_role("button", name="Edited: show what it said").click()
    await screen.page.get_by_role("list", name="What it said before").get_by_text("see you at sevn").wait_for()
    assert ["see you at seven"] == await screen.texts()


async def test_arrow_up_edits_the_last_own_message_and_escape_does_not(opens: Opens) -> None:
    """As on a Mac."""
    screen = await talking(opens)
    await screen.write("one")
    await screen.page.locator(".bubble.mine").wait_for()
    field = screen.page.get_by_label("Message to")
    await field.press("ArrowUp")
    await screen.page.get_by_text("Edit message").wait_for()
    await field.press("Escape")
    assert "" == await field.input_value()
    await field.press("ArrowUp")
    await field.press_sequentially(" two")
    await field.press("Enter")
    await screen.page.get_by_text("Edited").wait_for()
    assert ["one two"] == await screen.texts()


async def test_a_message_is_unsent(opens: Opens) -> None:
    """A line is in its place."""
    screen = await talking(opens)
    await screen.write("oops")
    await screen.page.locator(".bubble.mine").wait_for()
    await menu(screen, "oops", "Undo Send")
    await screen.page.locator(".log").get_by_text("You unsent a message").wait_for()
    await gone(screen, "oops")


async def test_a_menu_says_what_is_too_late_and_what_the_application_will_not_hear_of(
    opens: Opens, sim: Simulation
) -> None:
    """By the limits of Apple, and by what the vendor's twin tells."""
    screen = await talking(opens)
    await screen.write("old")
    await screen.page.locator(".bubble.mine").wait_for()
    (bubble,) = sim.world.direct("second", LINE, owner(sim)).bubbles
    bubble.created_at = bubble.created_at.replace(year=2020)
    shown = await menu(screen, "old")
    assert await shown.get_by_role("button", name="Edit", exact=True).is_disabled()
    await shown.get_by_text("15 minutes are over").wait_for()
    await screen.page.keyboard.press("Escape")
    await screen.open("Echo")
    await screen.write("quiet")
    await screen.page.locator(".bubble.mine").wait_for()
    shown = await menu(screen, "quiet")
    await shown.get_by_text("Echo has no webhook for it").first.wait_for()


# ── reactions and replies ─────────────────────────────────────────────────────────────────────────────────────────


async def test_a_reaction_is_aimed_at_a_part_changed_and_shown_with_who(opens: Opens, sim: Simulation) -> None:
    """The part is chosen in the menu; the same menu says who reacted."""
    screen = await talking(opens)
    bubble = arrives(sim, Text(text="look"), Attachment(url="https://example.com/menu.pdf"))
    await screen.page.locator(".log").get_by_text("menu.pdf").wait_for()
    for word in ("Love", "Like"):
        shown = await menu(screen, "look")
        await shown.get_by_text("File: menu.pdf").click()
        await shown.get_by_role("button", name=word, exact=True).click()
        await screen.page.get_by_text(f"You: {word.lower()} on part 2").wait_for(state="attached")
    assert [(owner(sim).text, 1)] == list(bubble.part_reactions)
    shown = await menu(screen, "look")
    await shown.get_by_role("list", name="Who reacted").get_by_text("You").wait_for()
    await shown.get_by_role("button", name="Sticker").click()
    await screen.page.get_by_text("You: sticker").wait_for(state="attached")


async def test_a_thread_is_opened_written_to_and_closed(opens: Opens, sim: Simulation) -> None:
    """From the count below the first message; a part can be answered too; what comes while it is open is there."""
    screen = await talking(opens)
    arrives(sim, Text(text="which one?"), Attachment(url="https://example.com/menu.pdf"))
    await screen.page.locator(".log").get_by_text("which one?").wait_for()
    shown = await menu(screen, "which one?")
    await shown.get_by_text("File: menu.pdf").click()
    await shown.get_by_role("button", name="Reply", exact=True).click()
    await screen.write("this one")
    await screen.page.get_by_label("In reply to: File: menu.pdf").wait_for()
    await screen.page.get_by_role("button", name="1 Reply").click()
    thread = screen.page.get_by_role("dialog", name="Thread")
    await thread.get_by_label("Reply in the thread").fill("or that")
    await thread.get_by_label("Reply in the thread").press("Enter")
    await thread.get_by_text("or that").wait_for()
    assert ["which one?", "this one", "or that"] == await thread.locator(".text").all_text_contents()
    await thread.get_by_label("Reply in the thread").fill("not sent yet")
    root = sim.world.direct("second", LINE, owner(sim)).bubbles[0]
    arrives(sim, Text(text="that one is out"), reply_to=root.vendor_id)
    await thread.get_by_text("that one is out").wait_for()
    sim.contact(owner(sim)).react("love", vendor="second", message=root.vendor_id)
    await thread.locator(".tapback").wait_for()
    assert "not sent yet" == await thread.get_by_label("Reply in the thread").input_value()
    await thread.get_by_role("button", name="Close the thread").click()
    await thread.wait_for(state="hidden")
    await screen.page.get_by_role("button", name="3 Replies").wait_for()


# ── cards and files ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_poll_is_made_and_voted_in(opens: Opens, sim: Simulation) -> None:
    """With the keyboard as well as with the mouse; the application hears of the vote."""
    screen = await talking(opens)
    await extra(screen, "Poll")
    sheet = screen.page.get_by_role("dialog", name="New poll")
    await sheet.get_by_label("Question").fill("Dessert?")
    await sheet.get_by_label("Option 1").fill("Gelato")
    await sheet.get_by_label("Option 2").fill("Cake")
    await sheet.get_by_role("button", name="Send poll").click()
    poll = screen.page.get_by_role("group", name="Poll: Dessert?", exact=True)
    await poll.get_by_role("button", name="Cake").press("Enter")
    await poll.get_by_role("button", name="Cake", pressed=True).wait_for()
    await poll.get_by_text("1 vote", exact=True).wait_for()
    assert "vote" == sim.journal.entries("webhook")[-1].data["event"]


async def test_a_place_a_sticker_and_a_contact_are_sent(opens: Opens, sim: Simulation) -> None:
    """Each from its own sheet."""
    screen = await talking(opens)
    await extra(screen, "Location")
    await screen.page.get_by_role("button", name="Send location").click()
    await screen.page.get_by_text("41.0256° N, 28.9744° E").wait_for()
    await extra(screen, "Sticker")
    await screen.page.get_by_role("button", name="Send sticker").click()
    await screen.page.get_by_role("img", name="Sticker: Party hat").wait_for()
    await extra(screen, "Contact card")
    sheet = screen.page.get_by_role("dialog", name="Send a contact card")
    await sheet.get_by_label("Of").select_option(index=1)
    await sheet.get_by_role("button", name="Send card").click()
    name = sim.world.phones()[1].name
    await screen.page.locator(".log").get_by_role("link", name=name).wait_for()
    await extra(screen, "Contact card")
    await sheet.get_by_role("button", name="Share name and photo").click()
    await screen.page.get_by_text("shared name and photo").wait_for()


async def test_pictures_are_dropped_on_the_chat_and_are_a_gallery(opens: Opens) -> None:
    """What is dropped is beside the text until it is sent, and can be removed."""
    screen = await talking(opens)
    files = [["a.png", "image/png"], ["b.png", "image/png"], ["c.heic", "image/heic"]]
    await screen.page.locator(".log").evaluate(
        """(log, [files, bytes]) => {
            const held = new DataTransfer();
            for (const [name, type] of files) held.items.add(new File([new Uint8Array(bytes)], name, { type }));
            const drag = { bubbles: true, dataTransfer: held, cancelable: true };
            for (const kind of ["dragover", "drop"]) log.dispatchEvent(new DragEvent(kind, drag));
        }""",
        [files, list(PNG)],
    )
    await screen.page.get_by_role("button", name="Remove c.heic").wait_for()
    await screen.page.get_by_role("button", name="Send", exact=True).click()
    await screen.page.get_by_role("group", name="2 photos").wait_for()
    await screen.page.get_by_role("img", name="c.heic").wait_for()


async def test_a_voice_note_from_a_file_is_drawn_as_it_sounds(opens: Opens, sim: Simulation) -> None:
    """Under any name; its length is known before it is played."""
    screen = await talking(opens)
    await screen.page.get_by_label("Voice note from a file").set_input_files(
        {"name": "memo.wav", "mimeType": "audio/wav", "buffer": WAV}
    )
    await screen.page.get_by_text("Voice note: memo.wav").wait_for()
    await screen.page.get_by_role("button", name="Send", exact=True).click()
    await screen.page.get_by_role("button", name="Play memo.wav").wait_for()
    await screen.page.locator(".voice .length", has_text="0:01").wait_for()
    assert ["voice"] == [part.type for part in sim.world.direct("second", LINE, owner(sim)).bubbles[-1].parts]


async def test_a_recording_shows_its_time_and_can_be_thrown_away(opens: Opens) -> None:
    """The strip above the field says that the microphone is on."""
    screen = await talking(opens)
    await screen.page.get_by_role("button", name="Record a voice note").click()
    await screen.page.get_by_text("Recording").wait_for()
    await screen.page.get_by_role("button", name="Throw the recording away").click()
    await screen.page.get_by_text("Recording").wait_for(state="hidden")
    assert 0 == await screen.page.locator(".chip").count()


# ── the list ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_chat_is_pinned_and_let_go(opens: Opens, sim: Simulation) -> None:
    """Pinned ones are on top, with a dot where something is unread."""
    screen = await talking(opens)
    sim.contact(owner(sim)).switch(reads=False)
    await screen.page.get_by_role("button", name="Second: details").click()
    await screen.page.get_by_role("button", name="Pin", exact=True).click()
    pinned = screen.page.get_by_role("list", name="Pinned")
    await pinned.get_by_text("Second").wait_for()
    arrives(sim)
    await pinned.get_by_text("1 unread").wait_for(state="attached")
    await screen.page.get_by_role("button", name="Mark all as read").click()
    await pinned.get_by_text("1 unread").wait_for(state="detached")
    await screen.page.get_by_role("button", name="Unpin").click()
    await pinned.wait_for(state="detached")


async def test_unknown_senders_are_apart(opens: Opens, sim: Simulation) -> None:
    """Where the phone filters them."""
    screen = await opens()
    name = sim.world.phones()[0].name
    await screen.page.get_by_role("button", name=f"{name}: phone and switches").click()
    await screen.page.get_by_role("switch", name="Filter Unknown Senders").check()
    arrives(sim)
    await screen.page.get_by_role("heading", name="Unknown Senders").wait_for()


# ── switches ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_where_imessage_is_not_known_a_message_falls_back_to_text(opens: Opens, sim: Simulation) -> None:
    """The bubble's network is named, and below it how it was sent."""
    screen = await talking(opens)
    name = sim.world.phones()[0].name
    await screen.page.get_by_role("button", name=f"{name}: phone and switches").click()
    await screen.page.get_by_text("Not known").click()
    await screen.page.get_by_text("tried as iMessage").wait_for()
    bubble = arrives(sim)
    await screen.page.locator(".log").get_by_text("Sent as Text Message").wait_for()
    assert DeliveryState.DELIVERED is bubble.state


async def test_a_slow_network_shows_what_is_being_sent(opens: Opens, sim: Simulation) -> None:
    """And then that it was delivered."""
    screen = await talking(opens)
    sim.contact(owner(sim)).switch(slow=True)
    await screen.write("hello")
    await screen.page.locator(".log").get_by_text("Sending…").wait_for()
    await screen.page.locator(".log").get_by_text("Delivered").wait_for()


# ── groups and opt-in ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_group_is_named_pictured_changed_and_left(opens: Opens, sim: Simulation) -> None:
    """From its details; each is a line in the middle, and who left writes no more."""
    screen = await opens()
    people = sim.world.phones()
    others = [phone.address for phone in people[1:4]]
    sim.contact(owner(sim)).start_group(others, "who?", vendor="second", line=LINE, name="Lunch")
    await screen.page.locator(".chats a", has_text="Lunch").click()
    await screen.page.get_by_role("button", name="Lunch: details").click()
    await screen.page.get_by_label("Group name").fill("Dinner")
    await screen.page.get_by_role("button", name="Rename", exact=True).last.click()
    log = screen.page.locator(".log")
    await log.get_by_text("You named the conversation “Dinner”").wait_for()
    await screen.page.get_by_label("Whom to add").select_option(people[4].address.text)
    await screen.page.get_by_role("button", name="Add", exact=True).click()
    await log.get_by_text(f"You added {people[4].name} to the conversation").wait_for()
    await screen.page.get_by_role("button", name=f"Remove {people[1].name}").click()
    await log.get_by_text(f"You removed {people[1].name} from the conversation").wait_for()
    await screen.page.get_by_label("Group photo").set_input_files(
        {"name": "us.png", "mimeType": "image/png", "buffer": PNG}
    )
    await log.get_by_text("You changed the group photo").wait_for()
    await screen.page.locator(".about img.photo").wait_for()
    await screen.page.get_by_role("button", name="Leave this conversation").click()
    await log.get_by_text("You are no longer in this conversation").wait_for()
    await screen.page.get_by_label("Message to").wait_for(state="hidden")


async def test_an_opt_in_link_composes_the_text_that_opts_in(opens: Opens, sim: Simulation) -> None:
    """Opening it fills the field; the person sends it."""
    sim.twin("second").links = lambda: (OptIn("Let me in #7", LINE),)  # type: ignore[method-assign]  # as made by a call
    screen = await talking(opens)
    await screen.page.get_by_role("button", name="Second: details").click()
    await screen.page.get_by_role("button", name="Open the opt-in link").click()
    field = screen.page.get_by_label("Message to")
    assert "Let me in #7" == await field.input_value()
    await field.press("Enter")
    await screen.page.locator(".bubble.mine").get_by_text("Let me in #7").wait_for()


async def test_several_phones_stand_side_by_side_in_one_group(opens: Opens, sim: Simulation) -> None:
    """What one writes is on the other at once; each has its own side."""
    people = sim.world.phones()
    sim.contact(owner(sim)).start_group([people[1].address], "who?", vendor="second", line=LINE, name="Lunch")
    screen = await opens()
    await screen.page.get_by_role("button", name="Another phone beside").click()
    await screen.page.get_by_role("link", name=people[1].name).last.click()
    for number in (0, 1):
        await screen.page.locator(f"#phone-{number} .chats a", has_text="Lunch").click()
        await screen.page.locator(f"#phone-{number} .log").wait_for()
    await screen.write("me!", number=1)
    await screen.page.locator("#log-0 .bubble.theirs").get_by_text("me!").wait_for()
    assert 1 == await screen.page.locator("#log-1 .bubble.mine").count()
    await screen.page.locator("#phone-1").get_by_role("link", name="Back to all chats").click()
    await screen.page.get_by_role("link", name=f"Put away the phone of {people[1].name}").click()
    await screen.page.locator("#phone-1").wait_for(state="detached")


async def test_the_details_of_every_vendor_say_who_carries_the_chat(opens: Opens) -> None:
    """The same contact is reached through each."""
    screen = await opens()
    for vendor in ("Echo", "Second"):
        await screen.open(vendor)
        await screen.page.get_by_role("button", name=f"{vendor}: details").click()
        await screen.page.get_by_text(f"Carried by {vendor} on").wait_for()
        await screen.page.keyboard.press("Escape")


# ── how it looks ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nothing_overflows_and_axe_finds_nothing(opens: Opens, sim: Simulation, width: int, scheme: str) -> None:
    """With every kind of bubble on the page, in both colours, small and wide."""
    contact, other = sim.contact(owner(sim)), sim.world.phones()[1].address
    everything: tuple[Part, ...] = (
        Opaque(kind="poll", data={"title": "Dessert?", "options": ["Gelato", "Cake"]}),
        Opaque(kind="location", data={"latitude": 41.0, "longitude": 29.0}),
        Opaque(kind="sticker", data={"name": "Party hat"}),
        Opaque(kind="contact_file"),
        Attachment(url="https://example.com/averyveryverylongname" + "x" * 60 + ".heic"),
        Attachment(url="https://example.com/menu.pdf"),
        Text(text="مرحبا بالعالم"),
    )
    for number, part in enumerate(everything):
        bubble = arrives(sim, part) if number % 2 else contact.write(parts=(part,), vendor="second", line=LINE)
        contact.react("love", vendor="second", message=bubble.vendor_id)
    thread = sim.world.direct("second", LINE, owner(sim))
    contact.write("answer", vendor="second", line=LINE, reply_to=thread.bubbles[-1].vendor_id)
    contact.edit(contact.write("before", vendor="second", line=LINE).vendor_id, "after", vendor="second", line=LINE)
    contact.unsend(contact.write("gone", vendor="second", line=LINE).vendor_id, vendor="second", line=LINE)
    contact.start_group([other], "hi", vendor="second", line=LINE)
    contact.pin(vendor="second", line=LINE)
    screen = await talking(opens, viewport={"width": width, "height": 844}, color_scheme=scheme)
    await screen.page.locator(".log").get_by_text("after", exact=True).wait_for()
    assert [] == await screen.page.locator(".log").evaluate(_OUTSIDE)
    assert [] == await barriers(screen.page)
    await menu(screen, "after")
    assert [] == await barriers(screen.page)
