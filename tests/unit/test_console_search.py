"""One line says which events somebody wants to see."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest

from gateway.errors import InvalidRequest
from gateway.server.console.searching import STATUSES, Search, searched
from gateway.server.schemas import event_types
from gateway.store.rows import EventOutcome

LINE = Mock(id="pc_line")
LINE.name = "my line"


def search(line: str, **fields: str) -> Search:
    """Read a line."""
    return searched({"q": line, **fields}, [LINE])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", {}),
        ("type:message.received", {"types": ("message.received",)}),
        ("message.received", {"types": ("message.received",)}),
        ("chat_a msg_b pc_c", {"chat": "chat_a", "message": "msg_b", "connection": "pc_c"}),
        ('connection:"my line"', {"connection": "pc_line"}),
        (
            "connection:pc_other chat:chat_a message:msg_b",
            {"connection": "pc_other", "chat": "chat_a", "message": "msg_b"},
        ),
        ("type:opted.in type:opted.out status:parked", {"types": ("opted.in", "opted.out"), "status": "parked"}),
        ("opted.*", {"types": ("opted.in", "opted.out")}),
        ("opted.* -opted.in", {"types": ("opted.out",)}),
    ],
)
def test_a_line_is_read(line: str, expected: dict[str, Any]) -> None:
    """In any order; an id or a type may stand alone, and a name may have spaces."""
    found = search(line)
    assert Search(**{**expected, "types": found.types}) == found
    assert set(expected.get("types", ())) == set(found.types)


def test_what_is_left_out_leaves_the_rest() -> None:
    """A minus before a family."""
    assert {name for name in event_types() if not name.startswith("typing.")} == set(search("-type:typing.*").types)


def test_the_line_goes_before_the_fields() -> None:
    """What it does not speak of, they say."""
    found = search("chat:chat_a", chat="chat_b", status="done", type="opted.in")
    assert Search(chat="chat_a", status="done", types=("opted.in",)) == found


@pytest.mark.parametrize("status", STATUSES)
def test_a_status_is_how_far_it_was_handed_over_or_how_far_the_message_came(status: str) -> None:
    """One word for both."""
    wanted = search(f"status:{status}").wanted
    outcomes = set(EventOutcome)
    assert (status if status in outcomes else None, None if status in outcomes else status) == (
        wanted["outcome"],
        wanted["state"],
    )


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("typo:x", "nothing is called typo here"),
        ("type:", "type: says nothing"),
        ("type:mesage.received", "there is no type of event 'mesage.received'"),
        ("status:lost", "there is no status lost"),
        ("-chat:chat_a", "only types are left out, not a chat"),
        ('connection:"my line', "a quote is not closed"),
        ("opted.in -opted.*", "no type of event is left"),
        (":", "nothing is called  here"),
    ],
)
def test_what_cannot_be_read_is_said(line: str, why: str) -> None:
    """With what to write instead."""
    with pytest.raises(InvalidRequest, match=why) as caught:
        search(line)
    assert caught.value.hint
