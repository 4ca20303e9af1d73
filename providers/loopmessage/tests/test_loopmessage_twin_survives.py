"""The twin answers whatever it is asked: a twin that raises would hide a fault of the provider behind its own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import JsonValue
from pydantic_core import to_json

from gateway.provider import Chat
from gateway.simulator import Route, Scene, TwinReply, TwinRequest
from gateway.simulator.contact import Contact
from gateway_loopmessage.simulator import LoopMessageTwin
from gateway_loopmessage.simulator.directory import ALIAS, SENDERS
from gateway_loopmessage.simulator.senders import PLANS

PHONE = "+12025550123"
ROUTES = LoopMessageTwin(Scene([LoopMessageTwin]).twins["loopmessage"].context).routes()


@dataclass(frozen=True)
class Account:
    """A world in which something happened."""

    scene: Scene
    contact: Contact
    twin: LoopMessageTwin


_words = st.text(max_size=12) | st.sampled_from(
    [
        *(PHONE, "jo@example.com", "love", "-like", "slam", "sms", "whatsapp", "https://files.example/a.mp3", "US"),
        *("GB", "[opt-in-code]", "2026-01-01", "9999-12-31", "0001-01-01", "09:00", "UTC", "Europe/Berlin", "../x"),
        *(SENDERS[0].id, str(PLANS[0]["id"]), ""),
    ]
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=3),
    max_leaves=5,
)
_names = st.sampled_from(
    "contact group text subject sender attachments effect reply_to_id passthrough channel contact_file media_url"
    " message_id reaction typing read name contacts messages from_date from_time to_time timezone body pool_id"
    " organization_id plan_id phone_region zip_code sms_and_call forwarding_to_phone_number port senders test ids"
    " website support_url country webhook_url webhook_header recipient sender_name service timeout audio_message"
    " status_callback domain".split()
)
_fields = st.dictionaries(_names, _words | _json | st.just(10**400), max_size=9)
_bodies = _fields.map(to_json) | _json.map(to_json) | st.binary(max_size=40)

#: What the endpoints take, by the end of their paths, so that what is odd in one field is reached behind the others.
GOOD: dict[str, dict[str, Any]] = {
    "/message/send/": {
        "contact": PHONE,
        "recipient": PHONE,
        "text": "hi",
        "passthrough": "order-7",
        "subject": "Title",
        "effect": "slam",
        "attachments": ["https://files.example/a.png"],
        "sender_name": "ahoy@imsg.tel",
        "timeout": 30,
        "contact_file": True,
    },
    "/reaction/": {"contact": PHONE, "reaction": "love", "message_id": "M"},
    "/typing/": {"contact": PHONE, "sender": SENDERS[0].id, "typing": 5},
    "/message/show-typing/": {"contact": PHONE, "sender": SENDERS[0].id, "typing": 5},
    "/campaigns/new/": {
        "name": "drop",
        "contacts": [PHONE],
        "text": "hi",
        "from_date": "2026-01-02",
        "from_time": "09:00",
        "to_time": "18:00",
        "timezone": "UTC",
    },
    "-url/": {"body": "Ready? [opt-in-code]", "click_id": "x"},
    "/sender/new/": {"plan_id": str(PLANS[0]["id"]), "phone_region": "US", "zip_code": "20001", "test": True},
    "/pool/new/": {"name": "both", "ids": [SENDERS[0].id]},
    "/organizations/new/": {
        "name": "Shop",
        "website": "https://a.example",
        "support_url": "https://b.example",
        "country": "US",
        "webhook_url": "https://c.example/hook",
        "webhook_header": "x",
    },
}
_queries = st.dictionaries(
    st.sampled_from("page per_page sort_by from_date to_date search direction type body pool_id".split()),
    _words | st.sampled_from(["1", "0", "-1", "99999999", "asc", "inbound"]),
    max_size=4,
)


def ids(account: Account) -> list[str]:
    """Values for paths, known ones among them."""
    bubble = account.contact.write("hello", vendor="loopmessage")
    organization = account.twin.account.directory.default.id
    return [PHONE, "jo@example.com", bubble.vendor_id, SENDERS[0].id, SENDERS[1].id, ALIAS, organization, "unknown"]


def whole(scene: Scene) -> Account:
    """A world in which something happened, so that there is something to hit."""
    twin = scene.twins["loopmessage"]
    assert isinstance(twin, LoopMessageTwin)
    contact = scene.contact(PHONE)
    contact.start_group([Chat.direct("+12025550124").address], "hi all", vendor="loopmessage")

    return Account(scene, contact, twin)


@pytest.mark.parametrize("number", range(len(ROUTES)), ids=lambda n: f"{ROUTES[n].method} {ROUTES[n].pattern}")
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), body=_bodies, query=_queries)
def test_every_route_answers_anything(number: int, data: st.DataObject, body: bytes, query: dict[str, str]) -> None:
    """With a status that the vendor has, and JSON or nothing; nothing is raised."""
    account = whole(Scene([LoopMessageTwin], seed=7))
    route: Route = account.twin.routes()[number]
    known = ids(account)
    names = [part[1:-1] for part in route.pattern.split("/") if part.startswith("{")]
    params = {name: data.draw(st.sampled_from(known) | st.text(min_size=1, max_size=8)) for name in names}
    context = account.twin.context
    headers = {
        "authorization": context.api_key,
        "loop-secret-key": context.secret,
        "x-api-key": context.api_key,
    }
    good = next((body for end, body in GOOD.items() if route.pattern.endswith(end)), {})
    odd = data.draw(st.sampled_from([to_json({**good, **data.draw(_fields)}), body, to_json(good)]))
    handler: Callable[[TwinRequest], Any] = route.handler
    reply = handler(TwinRequest(route.method, route.pattern, route.pattern, params, query, headers, odd))
    assert isinstance(reply, TwinReply)
    assert reply.status in {200, 204, 400, 402, 404}
    assert isinstance(reply.content(), bytes)
    _settled(account.twin)


def test_what_is_taken_for_good_is() -> None:
    """So that the test above starts from what works: each of them is accepted, but a reaction to nothing."""
    account = whole(Scene([LoopMessageTwin], seed=7))
    account.contact.write("hello", vendor="loopmessage")
    context = account.twin.context
    headers = {"authorization": context.api_key, "loop-secret-key": context.secret, "x-api-key": context.api_key}
    told: dict[str, int] = {}
    for end, body in GOOD.items():
        route = next(route for route in account.twin.routes() if route.pattern.endswith(end))
        reply = route.handler(TwinRequest("POST", "", "", {}, {}, headers, to_json(body)))
        assert isinstance(reply, TwinReply)
        told[end] = reply.status
    assert {end: 400 if end == "/reaction/" else 200 for end in GOOD} == told


def _settled(twin: LoopMessageTwin) -> None:
    """What was kept for the history is JSON that the provider can be sent."""
    payloads: list[JsonValue] = [dict(kept.webhook.payload) for kept in twin.account.hooks.values()]
    assert to_json(payloads)
