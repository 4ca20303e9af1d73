"""Groups on the phone: who is in them, what they are called, and what their lines in the middle say."""

from collections.abc import Sequence

import pytest

from gateway.simulator import Impossible, Thread
from gateway.simulator.phone.place import ChatKey, Held, Place
from tests.fronts.echo_twin import LINE
from tests.phone.conftest import Page, words


async def group_of(page: Page, *, members: int = 4) -> Thread:
    """Start a group of the first phones, and open it on the page."""
    others = [phone.address.text for phone in page.sim.world.phones()[1:members]]
    await page.fine("group", via=f"echo~{LINE}", name="Lunch", text="who?", other=others)
    thread = page.sim.world.threads()[-1]
    page.place = Place((Held(page.contact.address, ChatKey("echo", LINE, thread.group)),))
    return thread


def told(page: Page) -> Sequence[object]:
    """What the application heard of, after the first message."""
    return [entry.data["event"] for entry in page.sim.journal.entries("webhook")][1:]


async def test_a_group_is_named_pictured_grows_and_shrinks(page: Page) -> None:
    """Each is a line in the middle, and a webhook of the vendor that has one."""
    await group_of(page)
    _, second, third, _, fifth = page.sim.world.phones()
    uploaded = await page.http.post(f"{page.root}/files?name=us.png", content=b"\x89PNG")
    file_id = uploaded.text.partition('value="')[2].partition('"')[0]
    await page.fine("name-group", name="Dinner")
    await page.fine("icon", file=file_id)
    await page.fine("add", other=fifth.address.text)
    await page.fine("remove", other=second.address.text)
    html = await page.get()
    said = words(html)
    for line in (
        "You named the conversation “Dinner”",
        "You changed the group photo",
        f"You added {fifth.name} to the conversation",
        f"You removed {second.name} from the conversation",
    ):
        assert line in said
    assert ["rename", "icon", "join", "leave"] == told(page)
    picture = html.partition('src="/_phone/icon/')[2].partition('"')[0]
    assert b"\x89PNG" == (await page.http.get(f"{page.root}/icon/{picture}")).content
    await page.fine("icon")
    assert ("You removed the group photo", 404) == (
        "You removed the group photo" if "You removed the group photo" in words(await page.get()) else "",
        (await page.http.get(f"{page.root}/icon/{picture}")).status_code,
    )
    assert third.name in said


async def test_who_left_keeps_what_was_written_until_then(page: Page) -> None:
    """The chat stays in the list and says so; nothing that comes later is in it, and nothing can be written."""
    thread = await group_of(page)
    second = page.sim.world.phones()[1]
    await page.fine("leave")
    page.sim.contact(second.address).write("gone?", vendor="echo", group=thread.group)
    page.sim.contact(second.address).rename("Later", vendor="echo", group=str(thread.group))
    html = await page.get()
    said = words(html)
    assert ("who?" in said, "gone?" in said, "named the conversation" in said) == (True, False, False)
    assert "You left the conversation You are no longer in this conversation" in said
    assert "data-former" in html
    assert 404 == (await page.do("write", text="hello")).status_code


async def test_who_is_added_again_is_in_it_again(page: Page) -> None:
    """With what was written meanwhile."""
    thread = await group_of(page)
    second = page.sim.contact(page.sim.world.phones()[1].address)
    await page.fine("leave")
    second.write("come back", vendor="echo", group=thread.group)
    second.add(page.contact.address, vendor="echo", group=str(thread.group))
    said = words(await page.get())
    assert f"come back {second.phone.name} added you to the conversation" in said


async def test_a_group_of_three_stays_so_until_the_limits_are_switched_off(page: Page) -> None:
    """As Apple's; and one contact stays always."""
    thread = await group_of(page, members=2)
    other = page.sim.world.phones()[1].address
    assert 409 == (await page.do("leave")).status_code
    await page.fine("switch", name="limits", on="")
    await page.fine("remove", other=other.text)
    with pytest.raises(Impossible, match="too small"):
        page.contact.leave(vendor="echo", group=str(thread.group))


@pytest.mark.parametrize(
    ("deed", "fields"),
    [
        ("name-group", {"name": " "}),
        ("icon", {"file": "gone"}),
        ("add", {"other": ""}),
        ("add", {"other": "me"}),
        ("remove", {"other": "+12025550999"}),
        ("leave", {"chat": f"echo~{LINE}"}),
    ],
)
async def test_what_cannot_be_done_with_a_group_is_refused(page: Page, deed: str, fields: dict[str, str]) -> None:
    """With a reason."""
    await group_of(page)
    given = {name: page.contact.address.text if value == "me" else value for name, value in fields.items()}
    answer = await page.do(deed, **given)
    assert 400 <= answer.status_code < 500
    assert [] == page.sim.failures
