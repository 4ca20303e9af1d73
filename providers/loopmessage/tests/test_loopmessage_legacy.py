"""The twin's older generation, by hand: its keys, its codes, its callbacks."""

from collections.abc import Mapping
from typing import Any, Protocol

import pytest
from pydantic import JsonValue

from gateway.provider import DeliveryState, DeliveryUpdated, Event
from gateway.simulator import Scene
from gateway.simulator.contact import Contact
from gateway_loopmessage.simulator import LoopMessageTwin

PHONE = "+12025550123"
NAME = "ahoy@imsg.tel"
SEND = "/legacy/api/v1/message/send/"


class Account(Protocol):
    """See conftest."""

    scene: Scene
    contact: Contact
    twin: LoopMessageTwin

    def switch(self, **switches: JsonValue) -> None: ...
    def request(
        self, method: str, path: str, body: object = None, *, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]: ...
    async def hooks(self, seconds: float = 10) -> list[dict[str, JsonValue]]: ...
    async def events(self, seconds: float = 10) -> list[Event]: ...


def ask(
    account: Account, method: str, path: str, body: object = None, *, keys: Mapping[str, str] | None = None
) -> tuple[int, Any]:
    """Ask with both keys, or with others."""
    context = account.twin.context
    both = {"authorization": context.api_key, "loop-secret-key": context.secret}
    return account.request(method, path, body, headers=both if keys is None else keys)


def code(account: Account, **fields: object) -> int:
    """What a text with these fields gets: 0, or the code of the refusal; None leaves a field out."""
    body = {"recipient": PHONE, "text": "hi", "sender_name": NAME, **fields}
    status, answer = ask(account, "POST", SEND, {name: value for name, value in body.items() if value is not None})
    return 0 if status == 200 else int(answer["code"])


@pytest.mark.parametrize(
    ("keys", "expected"),
    [({}, 110), ({"authorization": "x"}, 110), ({"authorization": "x", "loop-secret-key": "y"}, 125)],
)
def test_both_keys_are_needed(account: Account, keys: dict[str, str], expected: int) -> None:
    """Missing, or the first one wrong; the second has a code of its own."""
    status, answer = ask(account, "POST", SEND, {}, keys=keys)
    assert (400, False, expected) == (status, answer["success"], answer["code"])
    status, answer = ask(account, "GET", "/legacy/api/v1/message/status/M/", keys=keys)
    assert (400, expected) == (status, answer["code"])
    half = {"authorization": account.twin.context.api_key, "loop-secret-key": "y"}
    assert 130 == ask(account, "POST", SEND, {}, keys=half)[1]["code"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"recipient": None}, 150),
        ({"recipient": "nobody"}, 160),
        ({"recipient": None, "group": "G-unknown"}, 160),
        ({"sender_name": None}, 210),
        ({"sender_name": "+12025550100"}, 220),
        ({"sender_name": "unknown"}, 220),
        ({"text": None}, 140),
        ({"audio_message": True}, 640),
        ({"timeout": 4}, 100),
        ({"timeout": True}, 100),
        ({"status_callback": "nowhere"}, 100),
        ({"status_callback_header": "a\nb"}, 100),
        ({"status_callback": "https://a.example/" + "x" * 256}, 100),
        ({"service": "pigeon"}, 125),
        ({"service": "sms", "recipient": "jo@example.com"}, 1110),
        ({"effect": "Slam"}, 580),
        ({"timeout": 10**400}, 0),
        ({}, 0),
    ],
)
def test_its_words_are_checked(account: Account, fields: dict[str, object], expected: int) -> None:
    """With its own numbers, where they differ from today's."""
    assert expected == code(account, **fields)


def test_trouble_has_other_numbers(account: Account) -> None:
    """The trap of this vendor: 500 is a suspended account here, and an opt-out today."""
    today = (300, 310, 330, 550, 540, 250)
    told = []
    for trouble in today:
        account.switch(account_code=trouble)
        told.append(code(account))
    assert [500, 510, 530, 400, 330, 545] == told
    account.switch(account_code=None)
    account.contact.write("STOP", vendor="loopmessage")
    assert 560 == code(account)


async def test_a_message_has_its_own_callback(account: Account) -> None:
    """Its report goes there, with the header that was given; ours reads it."""
    body = {
        "recipient": PHONE,
        "text": "hi",
        "sender_name": NAME,
        "status_callback": "https://app.example/status",
        "status_callback_header": "Bearer status",
    }
    _, answer = ask(account, "POST", SEND, body)
    (event,) = await account.events()
    assert isinstance(event, DeliveryUpdated)
    assert (answer["message_id"], DeliveryState.SENT) == (event.vendor_id, event.state)
    (entry,) = account.scene.journal.entries("webhook")
    assert "https://app.example/status" == entry.data["sent_to"]
    assert ["Bearer status"] == [kept.webhook.secret for kept in account.twin.account.hooks.values()]


@pytest.mark.parametrize(
    ("phone", "reason", "told"),
    [
        ({"blocked": True}, "not delivered: the contact cannot be reached", ("message_failed", None, 110)),
        ({"imessage": False}, "sent, and not delivered", ("message_sent", False, None)),
    ],
)
async def test_failures_come_in_its_words(
    account: Account, phone: dict[str, bool], reason: str, told: tuple[str, bool | None, int | None]
) -> None:
    """`message_failed` with its own list of codes, or `message_sent` without success."""
    account.switch(sms=False)
    account.contact.switch(**phone)
    assert 0 == code(account)
    (event,) = await account.events()
    assert isinstance(event, DeliveryUpdated)
    assert (DeliveryState.FAILED, reason) == (event.state, event.reason)
    (hook,) = await account.hooks()
    assert told == (hook["alert_type"], hook.get("success"), hook.get("error_code"))


def test_an_unknown_message_is_not_found(account: Account) -> None:
    """As in the current generation."""
    assert (404, None) == ask(account, "GET", "/legacy/api/v1/message/status/M/")
