"""Every public method of the vendor's own client against the twin, its own models validating the answers."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway_blooio.simulator import BlooioTwin

if TYPE_CHECKING:
    from providers.blooio.tests.conftest import Stand

blooio = pytest.importorskip("blooio", reason="the vendor's client is in the development tools")

ADA, BEN, CLEO = "+12025550150", "+12025550151", "cleo@example.com"
LINE = BlooioTwin.lines[0]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)


class Journey:
    """What a call finds when it is made: a chat, a group with its iMessage chat, a contact, a webhook with a log."""

    def __init__(self, client: Any, stand: Stand) -> None:
        self.client = client
        self.stand = stand
        self.message = self.group = self.poll = self.webhook = self.event = ""

    async def begin(self) -> None:
        """Make all of it, with the client itself."""
        stand, client = self.stand, self.client
        for switch in ("group_members", "facetime"):
            stand.switch(switch, value=True)
        made = await client.webhooks.create(webhook_url=f"{stand.app.url}/own", webhook_type="all")
        sent = await client.chats.messages.send(ADA, text="hi")
        group = await client.groups.create(name="Us", members=[ADA, BEN])
        await client.chats.messages.send(group.group_id, text="hi all")
        await client.contacts.create(identifier=CLEO, name="Cleo")
        await client.contacts.tags.add(CLEO, tags=["vip"])
        poll = await client.chats.polls.send(ADA, options=["a", "b"], title="Which?")
        await stand.sim.clock.advance(60)
        log = await client.webhooks.logs.list(made.webhook_id, sort="asc")
        self.message, self.group, self.poll = sent.message_id, group.group_id, poll.poll_id
        self.webhook, self.event = made.webhook_id, log.logs[0].event_id


Deed = Callable[[Any, Journey], Awaitable[Any]]

DEEDS: dict[str, Deed] = {
    "me.retrieve": lambda client, _: client.me.retrieve(),
    "me.numbers.list": lambda client, _: client.me.numbers.list(),
    "me.numbers.contact_card.retrieve": lambda client, _: client.me.numbers.contact_card.retrieve(LINE),
    "me.numbers.contact_card.update": lambda client, _: client.me.numbers.contact_card.update(
        LINE, first_name="Ada", last_name="L", sharing={"enabled": True, "audience": 1, "name_format": 0}
    ),
    "chats.retrieve": lambda client, _: client.chats.retrieve(ADA),
    "chats.list": lambda client, _: client.chats.list(limit=5, offset=0, q="+1202", sort="recent"),
    "chats.mark_as_read": lambda client, _: client.chats.mark_as_read(ADA),
    "chats.share_contact_card": lambda client, _: client.chats.share_contact_card(ADA),
    "chats.messages.retrieve": lambda client, journey: client.chats.messages.retrieve(journey.message, chat_id=ADA),
    "chats.messages.list": lambda client, _: client.chats.messages.list(
        ADA, direction="outbound", limit=5, offset=0, since=0, until=4102444800000, sort="asc"
    ),
    "chats.messages.get_status": lambda client, journey: client.chats.messages.get_status(journey.message, chat_id=ADA),
    "chats.messages.react": lambda client, _: client.chats.messages.react(
        "-1", chat_id=ADA, reaction="+🔥", direction="outbound"
    ),
    "chats.messages.send": lambda client, _: client.chats.messages.send(
        f"{ADA},{BEN}",
        parts=[{"text": "hi"}, {"url": "https://a.example/1.png", "name": "one.png"}],
        from_number=LINE,
        share_contact=True,
        use_typing_indicator=True,
        idempotency_key="k",
    ),
    "chats.typing.start": lambda client, _: client.chats.typing.start(ADA),
    "chats.typing.stop": lambda client, _: client.chats.typing.stop(ADA),
    "chats.polls.send": lambda client, _: client.chats.polls.send(ADA, options=["a", "b"], title="Which?"),
    "chats.polls.get_results": lambda client, journey: client.chats.polls.get_results(journey.poll, chat_id=ADA),
    "chats.background.retrieve": lambda client, _: client.chats.background.retrieve(ADA),
    "chats.background.set": lambda client, _: client.chats.background.set(ADA, background=("one.png", PNG)),
    "chats.background.remove": lambda client, _: client.chats.background.remove(ADA),
    "contacts.create": lambda client, _: client.contacts.create(identifier="dora@example.com", name="Dora"),
    "contacts.retrieve": lambda client, _: client.contacts.retrieve(CLEO),
    "contacts.update": lambda client, _: client.contacts.update(CLEO, name=None),
    "contacts.list": lambda client, _: client.contacts.list(limit=5, offset=0, q="cleo", sort="name_asc"),
    "contacts.delete": lambda client, _: client.contacts.delete(CLEO),
    "contacts.check_capabilities": lambda client, _: client.contacts.check_capabilities(ADA),
    "contacts.tags.list": lambda client, _: client.contacts.tags.list(CLEO),
    "contacts.tags.add": lambda client, _: client.contacts.tags.add(CLEO, tags=["new"]),
    "contacts.tags.remove": lambda client, _: client.contacts.tags.remove("vip", contact_id=CLEO),
    "groups.create": lambda client, _: client.groups.create(
        name="Linked", chat_guid="iMessage;+;chat123456789", members=[BEN, CLEO]
    ),
    "groups.retrieve": lambda client, journey: client.groups.retrieve(journey.group),
    "groups.update": lambda client, journey: client.groups.update(journey.group, name="We"),
    "groups.list": lambda client, _: client.groups.list(limit=5, offset=0, q="us", sort="recent"),
    "groups.delete": lambda client, journey: client.groups.delete(journey.group),
    "groups.icon.set": lambda client, journey: client.groups.icon.set(journey.group, icon=("one.png", PNG)),
    "groups.icon.remove": lambda client, journey: client.groups.icon.remove(journey.group),
    "groups.members.list": lambda client, journey: client.groups.members.list(journey.group, limit=5, offset=0),
    "groups.members.add": lambda client, journey: client.groups.members.add(journey.group, contact_id=CLEO),
    "groups.members.remove": lambda client, journey: client.groups.members.remove(BEN, group_id=journey.group),
    "facetime.initiate_call": lambda client, _: client.facetime.initiate_call(handle=ADA),
    "location.contacts.list": lambda client, _: client.location.contacts.list(),
    "location.contacts.retrieve": lambda client, _: client.location.contacts.retrieve(ADA),
    "location.contacts.refresh": lambda client, _: client.location.contacts.refresh(),
    "phone_numbers.batch_create": lambda client, _: client.phone_numbers.batch_create(numbers=[ADA, "2025550151"]),
    "phone_numbers.lookup.create": lambda client, _: client.phone_numbers.lookup.create(number=ADA),
    "phone_numbers.lookup.retrieve": lambda client, _: client.phone_numbers.lookup.retrieve(number=ADA),
    "webhooks.create": lambda client, _: client.webhooks.create(
        webhook_url="https://a.example/hook", webhook_type="status", valid_until=-1
    ),
    "webhooks.retrieve": lambda client, journey: client.webhooks.retrieve(journey.webhook),
    "webhooks.update": lambda client, journey: client.webhooks.update(
        journey.webhook, webhook_type="message", valid_until=-1, deprecate=False
    ),
    "webhooks.list": lambda client, _: client.webhooks.list(),
    "webhooks.delete": lambda client, journey: client.webhooks.delete(journey.webhook),
    "webhooks.secret.rotate": lambda client, journey: client.webhooks.secret.rotate(journey.webhook),
    "webhooks.logs.list": lambda client, journey: client.webhooks.logs.list(
        journey.webhook, limit=5, offset=0, sort="asc", min_status=200, max_status=299, status=200
    ),
    "webhooks.logs.replay": lambda client, journey: client.webhooks.logs.replay(
        journey.event, webhook_id=journey.webhook
    ),
}


OTHER_CASES: dict[str, set[str]] = {
    # one message, several texts and several links exclude each other
    "chats.messages.send": {"message_ids", "count"},
    # the answer to starting has no time of stopping, and the other way round
    "chats.typing.start": {"stopped_at"},
    "chats.typing.stop": {"started_at"},
    # only after a picture was set
    "chats.background.retrieve": {"changed"},
    "chats.background.remove": {"changed"},
    "groups.icon.remove": {"icon_url"},
    # only for who was in the group already
    "groups.members.add": {"message"},
    # only for a URL that was there already
    "webhooks.create": {"message"},
}


@pytest.fixture
async def client(stand: Stand) -> AsyncIterator[Any]:
    """The client, with nothing changed but its address and its patience; it refuses an answer that is not its model."""
    name = BlooioTwin.name
    async with blooio.AsyncBlooio(
        api_key=stand.sim.api_keys[name],
        base_url=stand.sim.base_url(name),
        max_retries=0,
        _strict_response_validation=True,
    ) as made:
        yield made


def test_every_public_method_of_the_client_is_called(client_methods: set[str]) -> None:
    """The methods are found in the installed client, so a new one is missed here first."""
    assert client_methods == set(DEEDS)


@pytest.mark.parametrize("method", DEEDS)
async def test_a_method_of_the_client_works_on_the_twin(stand: Stand, client: Any, method: str) -> None:
    """Its answer is the client's own model, and every field of that is in it, unless it belongs to another case."""
    journey = Journey(client, stand)
    await journey.begin()
    answer = await DEEDS[method](client, journey)
    assert isinstance(answer, blooio.BaseModel)
    assert OTHER_CASES.get(method, set()) == set(type(answer).model_fields) - answer.model_fields_set


def test_the_installed_client_is_the_one_that_was_read() -> None:
    """1.1.0; another one may have other methods and fields."""
    assert "1.1.0" == blooio.__version__
    assert Path(inspect.getfile(blooio)).is_file()
