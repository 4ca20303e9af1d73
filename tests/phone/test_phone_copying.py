"""What is copied from a story works where it is pasted: in a shell, in Python, in a test, in the service."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import subprocess
from typing import Any

import graphql
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gateway as library
from gateway.addresses import Address
from gateway.client import Gateway
from gateway.events import MessageReceived
from gateway.model import Attachment, Link, Message, MessageRef, Part, Text, Voice
from gateway.simulator import Bubble, Simulation, Thread
from gateway.simulator.phone.copying import as_graphql, as_library, as_test, as_webhook_curl
from gateway.simulator.phone.wire import story_of
from gateway.testing.phone import phone_for
from tests.phone.conftest import Page

TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)
URLS = st.sampled_from(["https://example.com/a'b\".jpg", "https://example.com/ü"])
PARTS: st.SearchStrategy[Part] = st.one_of(
    st.builds(Text, text=TEXTS),
    st.builds(Text, text=TEXTS, mention=st.just(Address.parse("+12025550151"))),
    st.builds(Attachment, url=URLS, name=st.none() | st.just("it's.pdf"), media_type=st.none() | st.just("image/png")),
    st.builds(Attachment, data=st.binary(min_size=1, max_size=20)),
    st.builds(Link, url=URLS, title=st.none() | TEXTS),
)
MESSAGES = st.builds(
    Message,
    parts=st.lists(PARTS, min_size=1, max_size=3) | st.builds(Voice, url=URLS).map(lambda voice: [voice]),
    subject=st.none() | TEXTS,
    effect=st.none() | st.just("slam"),
    reply_to=st.none() | st.builds(MessageRef, vendor_id=st.just("m-1"), part=st.integers(0, 2)),
)


def bubble(message: Message, *, group: str | None = None, ours: bool = True) -> Bubble:
    """A bubble that holds a message."""
    thread = Thread("thread_1", "echo", "+12025550100", (Address.parse("+12025550150"),), group)
    now = Simulation(["echo"], clock="virtual").clock.now()
    made = Bubble("m-2", thread, ours, "+12025550100", message.parts, now, subject=message.subject)
    made.effect, made.reply_to = message.effect, message.reply_to.vendor_id if message.reply_to else None
    return made


@settings(deadline=None)  # the first one imports the whole library
@given(MESSAGES)
def test_the_librarys_code_makes_the_message(message: Message) -> None:
    """Whatever it holds, the expression that is copied makes it anew, and the program around it is whole."""
    code = as_library(bubble(message), message)
    compile(code, "copied", "exec")
    expression = next(line for line in code.splitlines() if line.startswith("        message = "))
    names = {name: getattr(library, name) for name in library.__all__}
    assert message == eval(expression.partition(" = ")[2], names)  # noqa: S307 - what a person would run
    imported = next(line for line in code.splitlines() if line.startswith("from gateway import"))
    exec(imported, {})  # noqa: S102 - as above


def test_the_librarys_code_names_a_group_by_its_id() -> None:
    """A group has no address; a file too long for code is named by its length."""
    message = Message(Attachment(data=b"x" * 3000))
    code = as_library(bubble(message, group="g-1"), message)
    assert "gateway.send(Chat.of_group('g-1', line='+12025550100'), message, via='echo')" in code
    assert "Attachment(data=b'the 3000 bytes')" in code


@given(MESSAGES)
def test_the_mutation_is_graphql(message: Message) -> None:
    """Any text is a string of it, and what it cannot carry stands in a comment."""
    code = as_graphql(bubble(message), message)
    (operation,) = graphql.parse(code).definitions
    assert isinstance(operation, graphql.OperationDefinitionNode)
    (field,) = operation.selection_set.selections
    assert isinstance(field, graphql.FieldNode)
    given = {each.name.value: graphql.value_from_ast_untyped(each.value) for each in field.arguments or ()}
    files = [part for part in message.parts if part.type in {"attachment", "voice"}]
    wanted: dict[str, Any] = {
        "platformConnectionId": "pc_echo",
        "toExternalId": "+12025550150",
        "message": "\n".join(part.text for part in message.parts if part.type == "text"),
    }
    assert wanted | ({"fileIds": [f"file_{number + 1}" for number in range(len(files))]} if files else {}) == given
    assert bool(message.effect) is ("effect" in code.partition("mutation {")[0])


async def test_a_contacts_message_is_copied_as_a_test_of_a_bot() -> None:
    """The code runs with the fixture, and the bot hears what was written on the phone."""
    heard: list[Message] = []

    def bot(gateway: Gateway) -> None:
        @gateway.on(MessageReceived)
        async def answer(event: MessageReceived) -> None:
            heard.append(event.message)
            await gateway.send(event, "yes")

    messages = [Message('it\'s "so"\nhere'), Message("look", Attachment(url="https://example.com/a.pdf"))]
    async with phone_for(bot, "echo") as phone:
        for message in messages:
            scope: dict[str, Any] = {}
            exec(as_test(bubble(message, ours=False), message), scope)  # noqa: S102 - what a person would run
            await scope["test_it"](phone)
    assert [message.parts for message in messages] == [message.parts for message in heard]


def test_a_reply_is_copied_as_a_reply() -> None:
    """And one with an effect as a message, for a reply has none."""
    reply = Message("no", reply_to=MessageRef(vendor_id="m-1"))
    assert "    phone.replies('no')" in as_test(bubble(reply, ours=False), reply)
    slam = Message("no", effect="slam", subject="S")
    assert "    phone.says('no', subject='S', effect='slam')" in as_test(bubble(slam, ours=False), slam)


async def test_the_copied_python_makes_the_call_again(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the key in the environment, the vendor takes it as it took the first."""
    first = await page.send('it\'s "here" $HOME')
    story = story_of(page.sim.scene, "echo", first.vendor_id)
    assert story is not None
    monkeypatch.setenv("API_KEY", page.sim.api_keys["echo"])
    monkeypatch.setenv("NO_PROXY", "*")
    with contextlib.redirect_stdout(io.StringIO()) as said:
        await asyncio.to_thread(exec, story.calls[0].httpx, {})
    assert said.getvalue().startswith("20")
    assert [first.text, first.text] == [each.text for each in first.thread.bubbles]


async def test_a_webhook_is_copied_as_a_command(page: Page) -> None:
    """The shell puts the secret in where the journal masks it, and nothing else of the text is read by the shell."""
    page.contact.write('`$HOME` "quoted" \\ it\'s', vendor="echo")
    entry = page.sim.journal.record(
        "attempt", "echo", url="http://127.0.0.1:1/hook", headers={"authorization": 'a"$b`•••', "x-event": "it's"}
    )
    body = json.dumps({"text": '`$HOME` "quoted"'}).encode()
    script = f'curl() {{ for each in "$@"; do printf "%s\\0" "$each"; done; }}\n{as_webhook_curl(entry, body)}'
    shell = {**os.environ, "WEBHOOK_SECRET": "s3cret"}
    ran = await asyncio.to_thread(
        subprocess.run,
        ["/bin/sh", "-c", script],
        env=shell,
        check=True,
        capture_output=True,
        text=True,
    )
    argv = ran.stdout.split("\0")[:-1]
    assert ["-X", "POST", "http://127.0.0.1:1/hook"] == argv[:3]
    assert ["-H", 'authorization: a"$b`s3cret', "-H", "x-event: it's"] == argv[3:7]
    assert ["--data-raw", body.decode()] == argv[7:]
