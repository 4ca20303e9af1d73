"""The twin answers whatever it is asked: a 500 of the twin would be taken for one of the vendor."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from gateway.simulator import Deliver, Scene, Tried, TwinReply, TwinRequest
from gateway.simulator.router import Router
from gateway_blooio.simulator import BlooioTwin

FIELDS = ["text", "attachments", "parts", "link_preview", "effect", "reply_to", "from_number", "share_contact",
          "use_typing_indicator", "url", "name", "mention", "title", "image_url", "message_id", "guid", "part_index",
          "reaction", "direction", "options", "members", "identifier", "tags", "webhook_url", "webhook_type",
          "valid_until", "deprecate", "chat_guid", "contact_id", "forward_to", "first_name", "avatar", "sharing",
          "enabled", "audience", "handle", "number", "numbers"]  # fmt: skip
TEXTS = st.text(max_size=12) | st.sampled_from(
    [
        "hi",
        "+love",
        "-🔥",
        "slam",
        "https://a.example/1.png",
        "https://[::1",
        "x://y",
        "+12025550150",
        "a@b.cc",
        "inbound",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=10,
)
SEGMENTS = st.sampled_from(
    ["%2B12025550150", "+12025550150,a@b.cc", "grp_x", "-1", "a%40b.cc", "", "%00", "911", "x" * 300 + "@y.zz", ","]
) | st.text(st.characters(codec="ascii", exclude_characters="/?#%"), max_size=8)


def asked(twin: BlooioTwin, method: str, path: str, body: bytes, query: dict[str, str]) -> TwinReply | None:
    """The twin's answer; None where it has no such path."""
    found = Router((route.method, route.pattern, route.handler) for route in twin.routes()).find(method, path)
    if found is None or found.target is None:
        return None
    kind = "multipart/form-data; boundary=x" if body == FORM else "application/json"
    headers = {"authorization": f"Bearer {twin.context.api_key}", "content-type": kind}
    reply = found.target(TwinRequest(method, path, path, dict(found.params), query, headers, body))
    return reply.answer(Tried(reply.webhook, "", twin.context.now(), 0.0)) if isinstance(reply, Deliver) else reply


HANDLERS = [(route.method, route.pattern) for route in Scene([BlooioTwin]).twins[BlooioTwin.name].routes()]
FORM = b'--x\r\ncontent-disposition: form-data; name="icon"; filename="a"\r\n\r\n\x89PNG\r\n\x1a\n\r\n--x--\r\n'


@pytest.mark.parametrize(("method", "pattern"), HANDLERS, ids=lambda part: part.removeprefix("/v2/api/"))
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_no_request_is_too_much(method: str, pattern: str, data: st.DataObject) -> None:
    """Any body on any route, with any ids and any query, is answered in the vendor's form."""
    scene = Scene([BlooioTwin], seed=1)
    twin = scene.twins[BlooioTwin.name]
    assert isinstance(twin, BlooioTwin)
    for switch in data.draw(st.sets(st.sampled_from(["group_members", "facetime", "twilio", "cancel"]))):
        twin.context.switches[switch] = True
    asked(twin, "POST", "/v2/api/chats/%2B12025550150/messages", to_json({"text": "hi"}), {})
    path = "/".join(data.draw(SEGMENTS) if segment.startswith("{") else segment for segment in pattern.split("/"))
    fields: dict[str, Any] = data.draw(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=5))
    body = data.draw(st.just(to_json(fields)) | st.binary(max_size=20) | st.just(FORM))
    query = data.draw(st.dictionaries(st.sampled_from(["limit", "offset", "sort", "q", "since", "status"]), TEXTS))
    reply = asked(twin, method, path, body, query)
    assert reply is None or reply.status < 500 or reply.status == 501
    # the 404 of a location has no body, by the documents
    assert reply is None or isinstance(reply.json, dict) or (reply.status == 404 and "/location/" in pattern)
    assert [] == scene.failures
    assert scene.clock.now() > datetime(2020, 1, 1, tzinfo=UTC)
