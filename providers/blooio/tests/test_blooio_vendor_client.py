"""The vendor's own client for Python against the twin: what it was made for has to work here too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest

from gateway_blooio.simulator import BlooioTwin

if TYPE_CHECKING:
    from providers.blooio.tests.conftest import Stand

blooio = pytest.importorskip("blooio", reason="the vendor's client is in the development tools")

ADA, BEN = "+12025550150", "+12025550151"


@pytest.fixture
async def client(stand: Stand) -> AsyncIterator[Any]:
    """The client, with nothing changed but its address and its patience."""
    name = BlooioTwin.name
    async with blooio.AsyncBlooio(
        api_key=stand.sim.api_keys[name], base_url=stand.sim.base_url(name), max_retries=0
    ) as made:
        yield made


async def test_it_sends_and_repeats_by_key(client: Any) -> None:
    """A key makes a repetition harmless; the client leaves the plus of the number as it is."""
    first = await client.chats.messages.send(ADA, text="hi", idempotency_key="k")
    again = await client.chats.messages.send(ADA, text="hi", idempotency_key="k")
    assert (first.message_id, "queued") == (again.message_id, again.status)


async def test_it_sends_every_kind_of_content(client: Any) -> None:
    """Texts, files, parts, rich links, several recipients."""
    texts = await client.chats.messages.send(ADA, text=["one", "two"], use_typing_indicator=True)
    files = await client.chats.messages.send(ADA, attachments=["https://a.example/1", {"url": "https://a.example/2"}])
    parts = await client.chats.messages.send(ADA, parts=[{"text": "hi"}, {"url": "https://a.example/1", "name": "x"}])
    card = {"title": "A"}
    links = await client.chats.messages.send(
        ADA, parts=[{"text": f"https://{name}.example", "link_preview": card} for name in "ab"]
    )
    group = await client.chats.messages.send(f"{ADA},{BEN}", text="hi", share_contact=True)
    assert (2, True, True, 2) == (
        len(texts.message_ids),
        bool(files.message_id),
        bool(parts.message_id),
        links.count,
    )
    assert (True, [ADA, BEN]) == (group.group_created, group.participants)
    assert "grp_" == group.group_id[:4]


async def test_it_reads_what_was_sent(stand: Stand, client: Any) -> None:
    """Messages, their status, and the chats they are in."""
    sent = await client.chats.messages.send(ADA, text="hi")
    await stand.sim.clock.advance(60)
    message = await client.chats.messages.retrieve(sent.message_id, chat_id=ADA)
    status = await client.chats.messages.get_status(sent.message_id, chat_id=ADA)
    listed = await client.chats.messages.list(ADA, limit=10)
    chats = await client.chats.list()
    chat = await client.chats.retrieve(ADA)
    assert ("hi", "outbound", "delivered", "imessage") == (
        message.text,
        message.direction,
        status.status,
        status.protocol,
    )
    assert [sent.message_id] == [item.message_id for item in listed.messages]
    assert ([ADA], ADA, 1) == ([item.id for item in chats.chats], chat.contact.identifier, chat.message_count)


async def test_it_reacts_types_and_marks_as_read(client: Any) -> None:
    """The smaller deeds."""
    sent = await client.chats.messages.send(ADA, text="hi")
    added = await client.chats.messages.react(sent.message_id, chat_id=ADA, reaction="+love")
    removed = await client.chats.messages.react("-1", chat_id=ADA, reaction="-love", direction="outbound")
    assert [("love", "add"), ("love", "remove")] == [(each.reaction, each.action) for each in (added, removed)]
    started = await client.chats.typing.start(ADA)
    stopped = await client.chats.typing.stop(ADA)
    read = await client.chats.mark_as_read(ADA)
    assert (True, False, "read") == (started.typing, stopped.typing, read.status)


async def test_it_sees_the_account(stand: Stand, client: Any) -> None:
    """Who we are and which numbers we have."""
    me = await client.me.retrieve()
    numbers = await client.me.numbers.list()
    assert me.valid
    assert (list(BlooioTwin.lines), stand.sim.api_keys[BlooioTwin.name]) == (
        [number.phone_number for number in numbers.numbers],
        me.api_key,
    )


async def test_it_keeps_groups_contacts_and_polls(client: Any) -> None:
    """What stands around the messages."""
    group = await client.groups.create(name="Us", members=[ADA, BEN])
    members = await client.groups.members.list(group.group_id)
    await client.chats.messages.send(group.group_id, text="hi")
    contact = await client.contacts.create(identifier="cleo@example.com", name="Cleo")
    able = await client.contacts.check_capabilities("cleo@example.com")
    poll = await client.chats.polls.send(group.group_id, options=["a", "b"], title="When?")
    results = await client.chats.polls.get_results(poll.poll_id, chat_id=group.group_id)
    assert [ADA, BEN] == [member.identifier for member in members.members]
    assert ("Cleo", True) == (contact.name, able.capabilities.imessage)
    assert ["a", "b"] == [option.text for option in results.options]


async def test_it_keeps_webhooks(stand: Stand, client: Any) -> None:
    """Subscriptions, secrets, logs and replays."""
    made = await client.webhooks.create(webhook_url=f"{stand.app.url}/own", webhook_type="all")
    rotated = await client.webhooks.secret.rotate(made.webhook_id)
    assert made.signing_secret != rotated.signing_secret
    await client.chats.messages.send(ADA, text="hi")
    await stand.sim.clock.advance(60)
    log = await client.webhooks.logs.list(made.webhook_id, limit=10, sort="asc")
    replayed = await client.webhooks.logs.replay(log.logs[0].event_id, webhook_id=made.webhook_id)
    assert ("message.sent", log.logs[0].event_id) == (log.logs[0].metadata.event_name, replayed.original_event_id)
    assert not (await client.webhooks.update(made.webhook_id, deprecate=True)).is_active
    assert (await client.webhooks.delete(made.webhook_id)).success


async def test_it_raises_its_own_errors(client: Any) -> None:
    """Each status is the client's class for it, with the body beside."""
    with pytest.raises(blooio.BadRequestError) as refused:
        await client.chats.messages.send(ADA)
    assert refused.value.body["error"] == "ApiError"
    with pytest.raises(blooio.NotFoundError):
        await client.chats.messages.retrieve("msg_unknown", chat_id=ADA)
    with pytest.raises(blooio.AuthenticationError):
        await client.with_options(api_key="wrong").me.retrieve()
