"""The wire pane in a real browser: what was signed, what is copied, what is done again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.simulator import Simulation
from tests.phone.browser.conftest import Opens, Screen

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANSWER = "You said: hello"


async def answered(opens: Opens, **options: Any) -> tuple[Screen, Any]:
    """Open a page on which the bot has answered, and its answer's story."""
    screen = await opens(**options)
    await screen.open()
    await screen.write("hello")
    await screen.page.get_by_text("Read ", exact=False).last.wait_for()
    return screen, await screen.story(ANSWER)


async def test_a_story_shows_what_was_signed(opens: Opens, sim: Simulation) -> None:
    """Which header, for which time, over which bytes; the secret is dots, there and everywhere on the page."""
    screen, pane = await answered(opens)
    hook = pane.get_by_role("region", name="message.status").first
    await hook.get_by_text("What was signed").click()
    words = await hook.locator(".signed").inner_text()
    attempt = sim.journal.entries("attempt")[-1].data
    assert "echo-timestamp, echo-signature" in words
    assert "HMAC-SHA256, in hex" in words
    assert '.{"id":"ev_' in words
    assert "•••" in words
    assert attempt["accepted"]
    assert 0 < await hook.get_by_text("signature fits").count()
    everything = await screen.page.content()
    assert [] == [secret for secret in (*sim.secrets.values(), *sim.api_keys.values()) if secret in everything]


COPIED = {
    "curl": "curl -X POST ",
    "Python with httpx": "import os\n\nimport httpx",
    "Python with this library": "import asyncio\n\nfrom gateway import Gateway, Message",
    "GraphQL": "mutation {\n  sendMessage(",
    "curl to the application": "curl -X POST http",
}


async def test_a_story_is_copied(opens: Opens) -> None:
    """What is in the clipboard is what the pane shows, and the button says that it is there."""
    screen, pane = await answered(opens, permissions=["clipboard-read", "clipboard-write"])
    for name, beginning in COPIED.items():
        await pane.get_by_text(name, exact=True).first.click()
        await pane.get_by_role("button", name=f"Copy {name}", exact=True).first.click()
        copied = await screen.page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith(beginning)
        assert copied == await pane.get_by_role("group", name=name, exact=True).first.inner_text()
    assert len(COPIED) == await pane.get_by_text("Copied").count()


async def test_what_a_phone_wrote_is_copied_as_a_test(opens: Opens) -> None:
    """And as no mutation, for the service sends nothing in a contact's name."""
    screen = await opens()
    await screen.open()
    await screen.write("quiet hello")
    pane = await screen.story("quiet hello")
    await pane.get_by_text("Python, as a test says it").click()
    code = await pane.get_by_role("group", name="Python, as a test says it").text_content()
    assert "    phone.says('quiet hello')" in code
    assert 0 == await pane.get_by_text("GraphQL").count()


async def test_a_call_is_made_again_as_it_was_and_edited(opens: Opens, sim: Simulation) -> None:
    """Each makes another bubble, with the account's own key; the story goes on showing the first."""
    screen, pane = await answered(opens)
    await pane.get_by_text("Replay, or edit and replay").first.click()
    await pane.get_by_role("button", name="Replay as it was").first.click()
    await screen.until(lambda: says(screen, ["hello", ANSWER, ANSWER]))
    body = pane.get_by_label("Body to send").first
    await body.fill((await body.input_value()).replace(ANSWER, "edited"))
    await pane.get_by_role("button", name="Send again").first.click()
    await screen.until(lambda: says(screen, ["hello", ANSWER, ANSWER, "edited"]))
    assert {201} == {entry.data["status"] for entry in sim.journal.entries("answer")}


async def says(screen: Screen, wanted: list[str]) -> bool:
    """Tell whether the bubbles say that."""
    return wanted == await screen.texts()


async def test_a_webhook_is_told_again_as_of_yesterday_and_forged(opens: Opens, sim: Simulation) -> None:
    """The gateway takes the first as a repetition, refuses the others, and the pane says which was which."""
    _, pane = await answered(opens)
    before = len(sim.journal.entries("attempt"))
    for button in ("Tell again", "As of yesterday", "Forged"):
        async with pane.page.expect_response("**/_phone/do/retell"):
            await pane.get_by_role("button", name=button, exact=True).first.click()
    await pane.get_by_text("signed for a time gone by").first.wait_for()
    await pane.get_by_text("forged", exact=True).first.wait_for()
    tried = sim.journal.entries("attempt")[before:]
    statuses = {entry.data["spoiled"]: entry.data["status"] for entry in reversed(tried)}
    assert {None: 200, "stale": 401, "signature": 401} == statuses


async def test_a_webhook_is_saved_as_a_sample(opens: Opens, sim: Simulation) -> None:
    """The file is named by its event, and holds the payload."""
    screen, pane = await answered(opens)
    name, content = await screen.saved(pane.get_by_role("link", name="Save as sample").first)
    assert "message.status.json" == name
    payloads = [entry.data["payload"] for entry in sim.journal.entries("webhook")]
    assert json.loads(content) in payloads


async def test_the_same_message_is_shown_under_every_vendor(opens: Opens) -> None:
    """Whole, adapted or refused, with what would be lost."""
    screen = await opens()
    await screen.open()
    await screen.page.get_by_role("button", name="Add to the message").click()
    await screen.page.get_by_role("button", name="Lasers", exact=True).click()
    await screen.write("quiet boom")
    pane = await screen.story("quiet boom")
    leg = pane.locator("section", has=pane.page.get_by_text("under every vendor"))
    assert "Echo" in await leg.inner_text()
    assert 0 < await leg.locator("li").count()


async def test_the_signature_helper_says_which_part_differs(opens: Opens, sim: Simulation) -> None:
    """Headers and body are pasted from anywhere; it names the part, and shows what the vendor signs."""
    screen, pane = await answered(opens)
    hook = sim.scene.originals
    entry = sim.journal.entries("attempt")[-1]
    sent = hook.find(entry.seq)
    assert sent is not None
    helper = pane.get_by_role("region", name="Signature helper")
    await helper.get_by_label("Headers, one a line").fill("\n".join(f"{n}: {v}" for n, v in sent.headers.items()))
    body, press = helper.get_by_label("Body"), helper.get_by_role("button", name="Which part differs?")
    for content, secret, said in (
        (sent.body.decode(), "", "The signature fits"),
        (json.dumps(json.loads(sent.body)), "", "it was read as JSON and written again"),
        (sent.body.decode(), "another-one-altogether", "What differs: the secret."),
    ):
        await body.fill(content)
        await helper.get_by_label("Secret").fill(secret)
        await press.click()
        await helper.get_by_role("status").get_by_text(said).wait_for()
    assert f"{sent.headers['echo-timestamp']}." in await helper.get_by_role("status").inner_text()
    await helper.get_by_label("Headers, one a line").fill("content-type: application/json")
    await press.click()
    await helper.get_by_text("the header echo-timestamp and echo-signature is missing").wait_for()
    assert "Phone" == await screen.page.title()
