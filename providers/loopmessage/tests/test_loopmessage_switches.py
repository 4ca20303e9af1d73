"""What the vendor leaves open is a switch of the twin, and each position does what it says."""

from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import pytest
from pydantic import JsonValue

from gateway.provider import (
    Chat,
    DeliveryState,
    Event,
    Exchange,
    MessageReceived,
    MessageRef,
    ReactionAdded,
    ReactionRemoved,
)
from gateway.simulator import Scene, Tried, Webhook
from gateway.simulator.contact import Contact
from gateway_loopmessage import LoopMessage, api, wire
from gateway_loopmessage.simulator import LoopMessageTwin

T = TypeVar("T")

PHONE = "+12025550123"
SEND = "/api/v1/message/send/"
LINE = LoopMessageTwin.lines[0]


class Account(Protocol):
    """See conftest."""

    scene: Scene
    contact: Contact
    provider: LoopMessage
    twin: LoopMessageTwin

    def switch(self, **switches: JsonValue) -> None: ...
    def request(
        self, method: str, path: str, body: object = None, *, query: Any = None, authorization: str | None = ""
    ) -> tuple[int, Any]: ...
    def run(self, exchange: Exchange[T]) -> T: ...
    async def hooks(self, seconds: float = 10) -> list[dict[str, JsonValue]]: ...
    async def events(self, seconds: float = 10) -> list[Event]: ...


def answered(account: Account, **fields: object) -> int:
    """What a text with these fields gets: 0, or the code of the refusal."""
    status, answer = account.request("POST", SEND, {"contact": PHONE, "text": "hi", **fields})
    return 0 if status == 200 else int(answer["code"])


def test_every_switch_is_explained() -> None:
    """In the twin's own text, and no other."""
    text = __import__("gateway_loopmessage.simulator.twin", fromlist=["twin"]).__doc__ or ""
    assert [] == [name for name in LoopMessageTwin.switches if f"`{name}`" not in text]


# ── what is taken ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_limit_of_a_text_is_below_or_at_ten_thousand(account: Account) -> None:
    """The page says "less than"."""
    for limit in (9999, 10_000):
        account.switch(text_limit=limit)
        _, answer = account.request("POST", SEND, {"contact": PHONE, "text": "x" * 12_000})
        assert limit == len(answer["text"])


@pytest.mark.parametrize("code", [100, 115, 125])
def test_wrong_attachments_get_one_of_three_codes(account: Account, code: int) -> None:
    """The page does not say which."""
    account.switch(attachments_code=code)
    assert code == answered(account, attachments=["http://files.example/a.png"])


@pytest.mark.parametrize(("by", "id_", "name"), [("either", 0, 0), ("id", 0, 220), ("name", 220, 0)])
def test_a_sender_goes_by_id_or_name(account: Account, by: str, id_: int, name: int) -> None:
    """By the page an id; on one of the vendor's fronts the name alone worked."""
    account.switch(sender_value=by)
    assert (id_, name) == (answered(account, sender=LINE), answered(account, sender="ahoy@imsg.tel"))


def test_sms_drops_or_refuses_what_it_has_not(account: Account) -> None:
    """Subject, effect and reply: "not supported"."""
    assert 0 == answered(account, channel="sms", subject="Title")
    account.switch(sms_extras="refuse")
    assert [125, 125, 0] == [
        answered(account, channel="sms", **extra) for extra in ({"subject": "T"}, {"effect": "slam"}, {})
    ]
    files = ("https://files.example/a.pdf", "https://files.example/a.png", "https://files.example/a")
    assert [125, 0, 0] == [answered(account, channel="sms", attachments=[url]) for url in files]


def test_the_status_may_be_below_the_api_too(account: Account) -> None:
    """As it was in the older generation, and is on one of the vendor's fronts; nobody knows it of the API."""
    message = account.run(api.message.send(wire.SendRequest(contact=PHONE, text="hi")))
    path = f"/api/v1/message/status/{message.message_id}/"
    assert 404 == account.request("GET", path)[0]
    account.switch(status_below_api=True)
    assert 200 == account.request("GET", path)[0]


def test_the_end_of_a_subscription_may_have_no_answer(account: Account) -> None:
    """204, which a client in the field takes for a yes."""
    account.switch(delete_status=204)
    assert (204, None) == account.request("DELETE", f"/api/v1/audience/delete/{PHONE}/")
    assert 500 == answered(account)


# ── whether ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_new_conversations_are_few_and_far_between(account: Account) -> None:
    """Fifteen minutes apart, two on the first days, five from the third; whoever wrote does not count."""
    account.switch(init_rules=True)
    people = [f"+1202555{number:04d}" for number in range(110, 120)]
    assert [0, 540] == [answered(account, contact=person) for person in people[:2]]
    await account.hooks(15 * 60)
    assert 0 == answered(account, contact=people[1])
    await account.hooks(15 * 60)
    assert 540 == answered(account, contact=people[2])
    # a second message to the same contact begins nothing
    assert 0 == answered(account, contact=people[0])
    account.scene.contact(people[2]).write("hello", vendor="loopmessage")
    assert 0 == answered(account, contact=people[2], text="see https://shop.example")
    await account.hooks(2 * 86_400)
    allowed = []
    for person in people[3:9]:
        allowed.append(answered(account, contact=person))
        await account.hooks(15 * 60)
    assert [0, 0, 0, 0, 0, 540] == allowed


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "see https://shop.example"},
        {"text": "see www.shop.example"},
        {"text": "write to jo@shop.example"},
        {"text": "call +1 202 555 0100"},
        {"text": "only $5"},
        {"text": "only 5 EUR"},
        {"attachments": ["https://files.example/a.png"]},
    ],
)
def test_a_first_message_is_plain(account: Account, fields: dict[str, object]) -> None:
    """No links, addresses, numbers, currencies and attachments; a second one may have them."""
    account.switch(init_rules=True)
    assert [530, 0, 0] == [answered(account, **fields), answered(account), answered(account, **fields)]


def test_a_sender_without_that_feature_starts_nothing(account: Account) -> None:
    """The contact has to begin."""
    account.switch(init_rules=True)
    account.twin.account.directory.senders[LINE].init = False
    assert 520 == answered(account)


def test_the_sandbox_has_five_contacts(account: Account) -> None:
    """The first who wrote; and it may filter codes and currencies."""
    account.switch(sandbox=True)
    people = [f"+1202555{number:04d}" for number in range(110, 116)]
    for person in people:
        account.scene.contact(person).write("hello", vendor="loopmessage")
    assert [0, 0, 0, 0, 0, 200] == [answered(account, contact=person) for person in people]
    assert 0 == answered(account, contact=people[0], text="your code is 123456")
    account.switch(sandbox_filter=1130)
    texts = ("your code is 123456", "only $5", "hi")
    assert [1130, 1130, 0] == [answered(account, contact=people[0], text=text) for text in texts]


# ── what is told ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_footer_is_on_the_phone_and_nowhere_else(account: Account) -> None:
    """For a number of the United States; answer, history, status and webhook have the text as it was asked for."""
    account.switch(opt_out_footer=True)
    texts = []
    for person in (PHONE, "+911234567890"):
        _, answer = account.request("POST", SEND, {"contact": person, "text": "hi"})
        bubble = account.scene.world.find("loopmessage", answer["message_id"])
        assert bubble is not None
        _, status = account.request("GET", f"/v1/message/status/{bubble.vendor_id}/")
        assert ("hi", "hi") == (answer["text"], status["text"])
        texts.append(bubble.text)
    assert ["hi\nTo opt-out reply: stop", "hi"] == texts
    assert {"hi"} == {hook["text"] for hook in await account.hooks()}
    assert ["hi"] == [item.text for item in account.run(api.audience.messages(PHONE)).items]


async def test_the_history_may_come_late(account: Account) -> None:
    """Nobody knows when the vendor shows what it queued."""
    account.switch(history_delay=60)
    account.run(api.message.send(wire.SendRequest(contact=PHONE, text="hi")))
    assert [] == account.run(api.audience.messages(PHONE)).items
    await account.hooks(61)
    assert ["hi"] == [item.text for item in account.run(api.audience.messages(PHONE)).items]


async def test_a_reaction_may_have_an_id_of_its_own(account: Account) -> None:
    """Then `reply_to_id` names the message; either way the event does."""
    message = account.run(api.message.send(wire.SendRequest(contact=PHONE, text="hi")))
    for names in ("message", "reaction"):
        account.switch(reaction_names=names)
        account.contact.react("love", vendor="loopmessage")
    reactions = [event for event in await account.events() if isinstance(event, ReactionAdded)]
    assert [MessageRef(vendor_id=str(message.message_id))] * 2 == [event.target for event in reactions]


async def test_a_reaction_may_come_as_a_message(account: Account) -> None:
    """By the vendor's own table of fields that is possible; it is a reaction all the same."""
    account.switch(reaction_event="message_inbound")
    account.run(api.message.send(wire.SendRequest(contact=PHONE, text="hi")))
    account.contact.react("love", vendor="loopmessage")
    (hook,) = [hook for hook in await account.hooks() if hook["event"] == "message_inbound"]
    assert "reaction" == hook["message_type"]
    assert 1 == sum(isinstance(event, ReactionAdded) for event in await account.events())


async def test_a_reaction_that_is_taken_back_may_be_told(account: Account) -> None:
    """With a dash in front, as requests spell it; by default nothing comes."""
    account.run(api.message.send(wire.SendRequest(contact=PHONE, text="hi")))
    for removed in ("never", "dash"):
        account.switch(reaction_removed=removed)
        account.contact.react("love", vendor="loopmessage")
        account.contact.unreact("love", vendor="loopmessage")
    events = await account.events()
    assert (2, 1) == (
        sum(isinstance(event, ReactionAdded) for event in events),
        sum(isinstance(event, ReactionRemoved) for event in events),
    )


async def test_a_failure_may_come_without_our_string(account: Account) -> None:
    """Then nothing but the id joins it."""
    account.switch(passthrough_on_failed=False)
    account.contact.switch(blocked=True)
    account.run(api.message.send(wire.SendRequest(contact=PHONE, text="hi", passthrough="order-7")))
    (hook,) = await account.hooks()
    assert ("message_failed", False) == (hook["event"], "passthrough" in hook)


@pytest.mark.parametrize(
    ("on", "status", "body", "expected"),
    [
        (True, 200, b'{"typing": 5, "read": true}', (True, DeliveryState.READ)),
        (True, 200, b'{"typing": 99}', (False, DeliveryState.DELIVERED)),
        (True, 500, b'{"typing": 5}', (False, DeliveryState.DELIVERED)),
        (True, 200, b"no", (False, DeliveryState.DELIVERED)),
        (False, 200, b'{"typing": 5, "read": true}', (False, DeliveryState.DELIVERED)),
    ],
)
def test_the_answer_to_a_webhook_may_type_and_read(
    account: Account,
    on: bool,  # noqa: FBT001 - a column of the table above
    status: int,
    body: bytes,
    expected: tuple[bool, DeliveryState],
) -> None:
    """As in the older generation; whether it still does so nobody knows."""
    account.switch(hook_answers=on)
    bubble = account.contact.write("hello", vendor="loopmessage")
    webhook = Webhook("message_inbound", {}, message_id=bubble.vendor_id)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    account.twin.tried(Tried(webhook, "https://app.example/hook", now, 0.1, status, body))
    assert expected == (bubble.thread.typing, bubble.state)


@pytest.mark.parametrize("form", ["current", "legacy", "n8n"])
async def test_a_message_is_the_same_in_every_form(account: Account, form: str) -> None:
    """Who wrote what, by which network; the line by its id, or its name in the two that have no ids."""
    account.switch(webhook_form=form)
    bubble = account.contact.write("hello", vendor="loopmessage")
    (event,) = await account.events()
    assert isinstance(event, MessageReceived)
    line = LINE if form == "current" else "ahoy@imsg.tel"
    told = (event.vendor_id, event.text, event.chat, event.channel)
    assert (bubble.vendor_id, "hello", Chat.direct(PHONE, line=line), bubble.channel) == told


async def test_a_form_tells_only_what_it_has_words_for(account: Account) -> None:
    """The front for n8n knows received messages, and the older generation no senders."""
    account.run(api.message.send(wire.SendRequest(contact=PHONE, text="hi")))
    account.switch(webhook_form="n8n")
    await account.hooks()
    account.contact.react("love", vendor="loopmessage")
    account.contact.call(vendor="loopmessage")
    assert [] == await account.hooks()
    account.switch(webhook_form="legacy")
    account.contact.call(vendor="loopmessage")
    account.run(api.sender.cancel(LINE))
    (hook,) = await account.hooks()
    assert ("inbound_call", PHONE) == (hook["alert_type"], hook["recipient"])
