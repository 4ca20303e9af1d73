"""The vendor's fronts for n8n and Pipedream, on the twin."""

from collections.abc import Mapping
from typing import Any, Protocol

import pytest
from pydantic import JsonValue

from gateway.provider import MessageReceived
from gateway.simulator import Scene
from gateway.simulator.contact import Contact
from gateway_loopmessage.inbound import generation
from gateway_loopmessage.simulator import LoopMessageTwin

PHONE = "+12025550123"
LINE, NAME = LoopMessageTwin.lines[0], "ahoy@imsg.tel"
N8N = "/n8n/api/v1/integrations/n8n"
PIPEDREAM = "/pipedream/api/v1/integrations/pipedream"


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
    async def events(self, seconds: float = 10) -> list[Any]: ...


def ask(
    account: Account, method: str, path: str, body: object = None, *, headers: Mapping[str, str] | None = None
) -> tuple[int, Any]:
    """Ask with the key where the front wants it."""
    key = account.twin.context.api_key
    own = {"x-api-key": key} if path.startswith("/n8n") else {"authorization": key}
    return account.request(method, path, body, headers=own if headers is None else headers)


def test_n8n_takes_the_key_in_its_own_header(account: Account) -> None:
    """And says no at HTTP 200, as was seen."""
    told = [
        ask(account, "POST", f"{N8N}/message/send/", {}, headers=headers)
        for headers in ({}, {"x-api-key": "wrong"}, {"authorization": account.twin.context.api_key})
    ]
    assert [(200, False, 110), (200, False, 130), (200, False, 110)] == [
        (status, answer["success"], answer["code"]) for status, answer in told
    ]


def test_n8n_knows_senders_by_name(account: Account) -> None:
    """The id from its own list is refused; empty texts and `None` stand for what nobody filled in."""
    status, options = ask(account, "GET", f"{N8N}/sender-name-list/")
    assert (200, {"label": NAME, "value": LINE}) == (status, options[0])
    body = {"contact": PHONE, "text": "hi", "passthrough": "", "channel": ""}
    for sender in (NAME, "None", ""):
        status, answer = ask(account, "POST", f"{N8N}/message/send/", {**body, "sender": sender})
        assert (200, PHONE) == (status, answer["contact"])
        status, answer = ask(account, "GET", f"{N8N}/message-status/{answer['message_id']}/")
        assert (200, "processing") == (status, answer["status"])
    status, answer = ask(account, "POST", f"{N8N}/message/send/", {**body, "sender": LINE})
    assert (400, 220) == (status, answer["code"])


async def test_n8n_tells_of_messages_without_a_name(account: Account) -> None:
    """What its node hands on is recognised by what it holds."""
    account.switch(webhook_form="n8n")
    account.contact.write("hello", vendor="loopmessage")
    (hook,) = await account.hooks()
    form = generation(hook)
    assert form is not None
    assert ("n8n", {"message_id", "contact", "text", "channel", "sender"}) == (form.name, set(hook))
    (event,) = await account.events()
    assert isinstance(event, MessageReceived)
    assert "hello" == event.text


def test_pipedream_sends_reacts_and_types(account: Account) -> None:
    """By the paths of its actions, with the key as in the API."""
    bubble = account.contact.write("hello", vendor="loopmessage")
    status, answer = ask(account, "POST", f"{PIPEDREAM}/message/send/", {"contact": PHONE, "text": "hi"})
    assert 200 == status
    assert 200 == ask(account, "GET", f"{PIPEDREAM}/message/status/{answer['message_id']}/")[0]
    react = {"contact": PHONE, "message_id": bubble.vendor_id, "reaction": "emphasize"}
    assert 200 == ask(account, "POST", f"{PIPEDREAM}/reaction/", react)[0]
    assert ["emphasize"] == [reaction.text for reaction in bubble.reactions.values()]
    typing = {"message_id": bubble.vendor_id, "typing": 5, "read": True}
    assert 200 == ask(account, "POST", f"{PIPEDREAM}/typing/", typing)[0]
    assert bubble.thread.typing
    assert [LINE] == [one["value"] for one in ask(account, "GET", f"{PIPEDREAM}/sender-name-list/")[1]][:1]


def test_pipedream_subscribes_with_a_url(account: Account) -> None:
    """Webhooks go there until it takes the URL away."""
    path, url = f"{PIPEDREAM}/update-pipedream-webhook/", "https://pipedream.example/hook"
    assert 200 == ask(account, "POST", path, {"webhook_url": url})[0]
    account.contact.write("hello", vendor="loopmessage")
    assert 200 == ask(account, "DELETE", path)[0]
    account.contact.write("again", vendor="loopmessage")
    first, second = account.scene.journal.entries("webhook")
    assert (url, None) == (first.data["sent_to"], second.data["sent_to"])


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/message/send/", {"contact": PHONE}, 140),
        ("/typing/", {"message_id": "M-unknown", "typing": 5}, 595),
        ("/update-pipedream-webhook/", {"webhook_url": "nowhere"}, 115),
    ],
)
def test_pipedream_says_no_as_the_api_does(account: Account, path: str, body: dict[str, str], code: int) -> None:
    """By code, at 400; a wrong key too."""
    status, answer = ask(account, "POST", f"{PIPEDREAM}{path}", body)
    assert (400, code) == (status, answer["code"])
    status, answer = ask(account, "POST", f"{PIPEDREAM}{path}", body, headers={})
    assert (400, 110) == (status, answer["code"])
