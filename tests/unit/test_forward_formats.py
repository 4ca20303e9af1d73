"""The bodies that endpoints get: three shapes of the same event."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from gateway.addresses import Address
from gateway.events import MessageReceived
from gateway.forward import EVENT_TYPES
from gateway.forward.formats import Format, Telling, shaped
from gateway.forward.notices import read_event
from gateway.forward.plain import MOST_BYTES
from gateway.forward.samples import sample
from gateway.model import Attachment, Chat, Link, Message, MessageRef, Text

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
WHO = "+14155559999"


def message(*parts: Any, **fields: Any) -> MessageReceived:
    """Make a message that came."""
    event = MessageReceived(
        key="k",
        vendor_id="v1",
        sender=Address.parse(WHO),
        chat=Chat.model_validate(WHO),
        message=Message(*parts),
        raw={"secret": "of the vendor"},
        **fields,
    )
    return event.stamped(connection="pc_1", provider="test", received_at=NOW)


def body(form: Format, event: Any, **place: Any) -> Any:
    """Give a body as a receiver reads it."""
    return json.loads(shaped(form, Telling(event, "tn_default", 7, **place)).body)


def test_standard_is_type_timestamp_data() -> None:
    """Minified; without the vendor's payload and our own marks."""
    event = message("Hello!")
    made = shaped(Format.STANDARD, Telling(event, "tn_default", 7))

    expected = {
        "type": "message.received",
        "timestamp": "2026-11-21T12:00:00Z",
        "data": {
            "id": event.id,
            "connection": "pc_1",
            "provider": "test",
            "received_at": "2026-11-21T12:00:00Z",
            "chat": {"kind": "direct", "addresses": [WHO]},
            "chat_id": event.chat_id,
            "ours": False,
            "stale": False,
            "vendor_id": "v1",
            "sender": WHO,
            "message": {
                "parts": [{"type": "text", "text": "Hello!"}],
                "typing": False,
                "share_contact": False,
            },
            "late": False,
            "faded": False,
        },
    }
    assert ("application/json", expected) == (made.media_type, json.loads(made.body))
    assert b": " not in made.body.replace(b"Hello!", b"")


def test_graph_is_the_published_envelope() -> None:
    """A message that came, with everything that the published example has, at its places."""
    event = message("Hello!")
    got = body(Format.GRAPH, event)

    assert (event.id, "message.inbound") == (got["event_id"], got["event_type"])
    assert ("Hello!", "user") == (got["payload"]["message"]["text"], got["payload"]["message"]["role"])
    assert ("imessage", {"external_id": WHO}) == (got["payload"]["platform"], got["edges"]["sent_by"])


@pytest.mark.parametrize(
    ("kind", "name"),
    {
        "call.received": "call.inbound",
        "contact.shared": "contact.shared",
        "delivery.updated": "message.status",
        "endpoint.disabled": "endpoint.disabled",
        "group.updated": "group.updated",
        "line.updated": "line.updated",
        "message.received": "message.inbound",
        "opted.in": "contact.opted_in",
        "opted.out": "contact.opted_out",
        "poll.updated": "poll.updated",
        "reaction.added": "reaction.added",
        "reaction.removed": "reaction.removed",
        "typing.started": "typing.started",
        "typing.stopped": "typing.stopped",
        "unknown": "event.unknown",
    }.items(),
)
def test_every_event_has_a_name_in_graph(kind: str, name: str) -> None:
    """And the same frame."""
    got = body(Format.GRAPH, sample(kind, NOW))
    assert (name, {"event_id", "event_type", "occurred_at", "payload", "edges"}) == (got["event_type"], set(got))


def test_graph_says_who_did_what_to_which_message() -> None:
    """A reaction and a report name their message; an echo of ours is the assistant's."""
    reaction, report = (
        body(Format.GRAPH, sample("reaction.added", NOW)),
        body(Format.GRAPH, sample("delivery.updated", NOW)),
    )
    echo = body(Format.GRAPH, message("Hi", ours=True))

    assert {"message": {"external_id": "example-message", "part": 0}, "reaction": "love", "platform": "imessage"} == (
        reaction["payload"]
    )
    assert {"external_id": "+12025550123"} == reaction["edges"]["sent_by"]
    assert ({"external_id": "example-message"}, {"state": "delivered"}) == (
        report["payload"]["message"],
        report["payload"]["status"],
    )
    assert [{"external_id": "+12025550123"}] == report["edges"]["sent_to"]
    assert ("message.outbound", "assistant") == (echo["event_type"], echo["payload"]["message"]["role"])


@pytest.mark.parametrize("kind", sorted(EVENT_TYPES))
@pytest.mark.parametrize("public_url", [None, "https://gateway.example/"])
def test_a_third_party_reads_our_cloudevents(kind: str, public_url: str | None) -> None:
    """The library of the project that wrote the standard takes every one, with the attributes that we gave."""
    event = sample(kind, NOW)
    made = shaped(Format.CLOUDEVENTS, Telling(event, "tn_default", 7, public_url))
    read = JSONFormat().read(CloudEvent, made.body)

    schema = public_url and f"https://gateway.example/schemas/{kind}.json"
    assert "application/cloudevents+json" == made.media_type
    assert (event.id, f"dev.messaging-gateway.{kind}.v1", NOW) == (read.get_id(), read.get_type(), read.get_time())
    place = f"/connections/{event.connection}" if event.connection else "/tenants/tn_default"
    assert (place, event.chat_id, schema) == (read.get_source(), read.get_subject(), read.get_dataschema())
    assert ("7", "tn_default", event.chat_id) == tuple(
        read.get_extension(name) for name in ("sequence", "tenantid", "partitionkey")
    )
    assert isinstance(read.get_data(), dict)


def test_a_trace_is_an_extension() -> None:
    """By the name that the extension for distributed tracing has; without one there is none."""
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    event = sample("delivery.updated", NOW)
    told = [shaped(Format.CLOUDEVENTS, Telling(event, "tn_default", 7, None, each)).body for each in (trace, None)]
    assert [trace, None] == [JSONFormat().read(CloudEvent, body).get_extension("traceparent") for body in told]


@pytest.mark.parametrize("form", list(Format))
def test_files_are_links(form: Format) -> None:
    """Bytes and paths of this machine never leave with an event."""
    event = message(Attachment(url="https://example.com/a.png", name="a.png"), Attachment(data=b"\x00" * 100))
    told = json.dumps(body(form, event))
    assert ("https://example.com/a.png" in told, "AAAA" in told, '"data": "' in told) == (True, False, False)


@pytest.mark.parametrize("form", list(Format))
@given(texts=st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=3), times=st.integers(1, 3000))
def test_no_body_is_too_long(form: Format, texts: list[str], times: int) -> None:
    """What is cut says so; what need not be cut is whole."""
    parts = [Text(text=text * times) for text in texts]
    made = shaped(form, Telling(message(*parts), "tn_default", 7)).body

    read = json.loads(made)
    cut = bool(next(read[name] for name in ("data", "payload") if name in read).get("cut"))
    assert MOST_BYTES > len(made)
    assert cut or "".join(part.text for part in parts) in told(form, read)


def told(form: Format, read: Any) -> str:
    """Give the text of a message in a body."""
    if form is Format.GRAPH:
        return str(read["payload"]["message"]["text"])
    return "".join(part["text"] for part in read["data"]["message"]["parts"])


def test_a_link_is_cut_by_nobody() -> None:
    """Half of it leads nowhere."""
    url = "https://example.com/" + "a" * 3000
    got = body(Format.STANDARD, message(Text(text="x" * 30_000), Link(url=url)))
    assert (True, url) == (got["data"]["cut"], got["data"]["message"]["parts"][1]["url"])


def test_more_parts_than_fit_leave_the_head() -> None:
    """Whoever wants all of it asks for the event by its id."""
    event = message(*(Link(url=f"https://example.com/{n}/{'a' * 900}") for n in range(50)))
    got = body(Format.STANDARD, event)
    assert (True, event.id, "message" in got["data"]) == (got["data"]["cut"], got["data"]["id"], False)


@pytest.mark.parametrize("kind", sorted(EVENT_TYPES))
def test_an_event_is_read_as_it_was_kept(kind: str) -> None:
    """Of every type; one of a later version becomes an unknown one."""
    event = sample(kind, NOW)
    assert event == read_event(event.model_dump_json())
    assert "unknown" == read_event('{"type":"later.thing","key":"k"}').type


def test_a_reply_names_what_it_answers() -> None:
    """In graph, too."""
    event = message("Yes").model_copy(update={"message": Message("Yes", reply_to=MessageRef(vendor_id="v0"))})
    assert {"external_id": "v0"} == body(Format.GRAPH, event)["payload"]["message"]["reply_to"]
