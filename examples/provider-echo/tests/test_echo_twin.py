"""The twin without a socket: provider and twin run against each other, call by call, on a clock that stands still."""

from collections.abc import Mapping
from typing import TypeVar

import pytest
from pydantic import JsonValue
from pydantic_core import to_json

from gateway.provider import (
    Address,
    Attachment,
    Attempt,
    Call,
    Chat,
    ContentRefused,
    DeliveryState,
    DeliveryUpdated,
    Event,
    Exchange,
    Found,
    GetStatus,
    InvalidRecipient,
    InvalidRequest,
    Message,
    MessageReceived,
    MessageRef,
    NotFound,
    NotOptedIn,
    Reaction,
    ReactionAdded,
    Receipt,
    Reply,
    SendMessage,
    SendReaction,
    Text,
    Token,
    Unauthorized,
    WebhookRequest,
)
from gateway.simulator import Scene, TwinReply, TwinRequest, Webhook
from gateway.simulator.router import Router
from gateway_echo import Echo, EchoSettings, api, wire
from gateway_echo.simulator import EchoTwin

T = TypeVar("T")

PHONE = "+447700900555"
TOKEN = Token("0123456789abcdefghijkl")


class Account:
    """A provider with its twin at the other end of every call."""

    def __init__(self) -> None:
        self.scene = Scene([EchoTwin], seed=7)
        self.contact = self.scene.contact(PHONE)
        self.echo = Echo(EchoSettings.model_validate(self.scene.settings("echo")))
        twin = self.scene.twins["echo"]
        self._router = Router((route.method, route.pattern, route.handler) for route in twin.routes())

    def run(self, exchange: Exchange[T]) -> T:
        """Run an exchange against the twin."""
        call = next(exchange)
        while True:
            try:
                call = exchange.send(self.answer(self.echo.authorize(call)))
            except StopIteration as end:
                result: T = end.value
                return result

    def answer(self, call: Call) -> Reply:
        """Answer one call, as the shell would."""
        path = f"/v1{call.path}"
        found = self._router.find(call.method, path)
        assert found is not None
        assert found.target is not None
        body = b"" if call.json is None else to_json(call.json)
        headers = {name.lower(): value for name, value in call.headers.items()}
        reply = found.target(TwinRequest(call.method, path, path, found.params, call.params, headers, body))
        assert isinstance(reply, TwinReply)
        return Reply(reply.status, reply.headers, reply.content())

    def send(self, message: Message, to: str = PHONE) -> Receipt:
        """Send a message."""
        return self.run(self.echo.send_message(action(message, to)))

    async def events(self, seconds: float = 10) -> list[Event]:
        """Let time pass, then verify and parse every webhook that was to be sent since the start."""
        await self.scene.clock.advance(seconds)
        return [event for entry in self.scene.journal.entries("webhook") for event in self.heard(entry.data["payload"])]

    def heard(self, payload: JsonValue) -> list[Event]:
        """Sign a webhook like the twin, and take it in like the gateway."""
        body, now = to_json(payload), self.scene.clock.now()
        headers = self.scene.twins["echo"].sign(Webhook("", {}), body, now, self.scene.secrets["echo"])
        hook = WebhookRequest(headers=tuple(headers.items()), body=body, received_at=now)
        self.echo.verify(hook)
        return list(self.echo.parse(hook))


def action(message: Message, to: str = PHONE) -> SendMessage:
    """The action that fitting makes of a message."""
    return SendMessage(chat=Chat.direct(to), messages=(message,), key="msg_1.0.0", token=TOKEN)


@pytest.fixture
def account() -> Account:
    """An account that nothing has happened on."""
    return Account()


def states(events: list[Event]) -> list[tuple[DeliveryState, str | None]]:
    """The reports among the events, with their codes."""
    return [(event.state, event.code) for event in events if isinstance(event, DeliveryUpdated)]


async def test_a_message_is_accepted_delivered_and_read(account: Account) -> None:
    """Each report brings our token and reference back."""
    receipt = account.send(Message("hi", effect="confetti", reference="order-7"))
    events = await account.events()
    told = [DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.READ]
    assert [(state, None) for state in told] == states(events)
    assert {(TOKEN, "order-7", receipt.vendor_id)} == {
        (event.token, event.reference, event.vendor_id) for event in events if isinstance(event, DeliveryUpdated)
    }
    report = account.run(account.echo.get_status(GetStatus(vendor_id=receipt.vendor_id)))
    assert report.state is DeliveryState.READ


@pytest.mark.parametrize(("switch", "code"), [({"imessage": False}, "no_imessage"), ({"blocked": True}, "blocked")])
async def test_a_phone_that_cannot_be_reached_fails_with_its_code(
    account: Account, switch: Mapping[str, bool], code: str
) -> None:
    """Acceptance is not delivery."""
    account.contact.switch(**switch)
    account.send(Message("hi"))
    assert [(DeliveryState.FAILED, code)] == states(await account.events())


async def test_a_contact_writes_replies_and_reacts(account: Account) -> None:
    """What a contact does arrives as events of ours, on the line that was written to."""
    receipt = account.send(Message("question"))
    account.contact.reply("answer", vendor="echo")
    account.contact.react("love", vendor="echo")
    account.contact.write("look", vendor="echo", attachments=["https://files.example/a.png"])
    events = [event for event in await account.events() if not isinstance(event, DeliveryUpdated)]
    reply, reaction, picture = events
    assert isinstance(reply, MessageReceived)
    assert Message("answer", reply_to=MessageRef(vendor_id=receipt.vendor_id)) == reply.message
    assert Chat.direct(PHONE, line=EchoTwin.lines[0]) == reply.chat
    assert isinstance(reaction, ReactionAdded)
    assert (Reaction.parse("love"), MessageRef(vendor_id=receipt.vendor_id)) == (reaction.reaction, reaction.target)
    assert isinstance(picture, MessageReceived)
    assert (Text(text="look"), Attachment(url="https://files.example/a.png")) == picture.message.parts
    assert {Address.parse(PHONE)} == {event.sender for event in (reply, reaction, picture)}


def test_a_reaction_of_ours_is_on_the_message_until_it_is_taken_back(account: Account) -> None:
    """PUT adds, DELETE removes."""
    bubble = account.contact.write("hi", vendor="echo")
    love = SendReaction(
        chat=Chat.direct(PHONE),
        target=MessageRef(vendor_id=bubble.vendor_id),
        reaction=Reaction.parse("love"),
        key="k",
        token=TOKEN,
    )
    account.run(account.echo.send_reaction(love))
    assert {EchoTwin.lines[0]: love.reaction} == bubble.reactions
    account.run(account.echo.send_reaction(love.model_copy(update={"remove": True})))
    assert {} == bubble.reactions


def test_a_message_is_found_by_its_tag(account: Account) -> None:
    """The proof of a send whose answer got lost."""
    hi = action(Message("hi", reference="order-7"))
    attempt = Attempt(action=hi, started_at=account.scene.clock.now())
    assert Found(absent=True) == account.run(account.echo.find(attempt))
    receipt = account.run(account.echo.send_message(hi))
    assert Found(vendor_ids=(receipt.vendor_id,)) == account.run(account.echo.find(attempt))


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"to": PHONE}, InvalidRequest),
        ({"to": PHONE, "text": "a", "media_url": "https://files.example/a.png"}, InvalidRequest),
        ({"to": PHONE, "text": "a", "shout": True}, InvalidRequest),
        ({"to": PHONE, "text": ""}, InvalidRequest),
        ({"to": PHONE, "text": "a", "from": "+447700900999"}, InvalidRequest),
        ({"to": "ada@example.com", "text": "a"}, InvalidRecipient),
        ({"to": "+44 7700 900555", "text": "a"}, InvalidRecipient),
        ({"to": "nobody", "text": "a"}, InvalidRecipient),
        ({"to": PHONE, "text": "a" * 2001}, ContentRefused),
        ({"to": PHONE, "text": "a", "in_reply_to": "em_0"}, NotFound),
    ],
)
def test_the_twin_refuses_what_echo_refuses(account: Account, body: dict[str, object], error: type[Exception]) -> None:
    """Each refusal comes back as the error that says what to do."""
    with pytest.raises(error):
        account.run(api.send(wire.SendBody.model_validate(body)))


@pytest.mark.parametrize("word", ["🎉", "shrug"])
def test_the_twin_knows_six_reactions(account: Account, word: str) -> None:
    """An emoji and an unknown word are refused."""
    bubble = account.contact.write("hi", vendor="echo")
    with pytest.raises(InvalidRequest):
        account.run(api.react(bubble.vendor_id, word))
    with pytest.raises(NotFound):
        account.run(api.unreact("em_0", "love"))


def test_who_said_stop_is_not_written_to(account: Account) -> None:
    """Until they write again."""
    account.contact.stop(vendor="echo")
    with pytest.raises(NotOptedIn):
        account.send(Message("hi"))
    account.contact.write("me again", vendor="echo")
    assert account.send(Message("hi")).vendor_id


def test_the_account_is_shown_to_its_key_only(account: Account) -> None:
    """`check` passes with the right key and raises `Unauthorized` with another one."""
    assert account.run(account.echo.check()) == "Echo twin, lines: 1"
    account.echo = Echo(EchoSettings.model_validate({"api_key": "another", "webhook_secret": "s"}))
    with pytest.raises(Unauthorized):
        account.run(account.echo.check())


def test_faults_on_demand_have_echos_form(account: Account) -> None:
    """What the shell breaks on purpose is understood like what the twin refuses."""
    reply = account.scene.twins["echo"].fault(403, "opted_out", "on demand")
    exchange = api.account()
    next(exchange)
    with pytest.raises(NotOptedIn):
        exchange.send(Reply(reply.status, body=reply.content()))


async def test_a_group_is_nothing_that_echo_carries(account: Account) -> None:
    """A contact may begin one in the simulated world; what it says arrives as an ordinary message."""
    account.contact.start_group([Address.parse("+447700900556")], "hello all", vendor="echo")
    (event,) = await account.events()
    assert isinstance(event, MessageReceived)
    assert event.text == "hello all"
