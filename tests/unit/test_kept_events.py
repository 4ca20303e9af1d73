"""An event is kept as JSON, and read as it was: whatever it says, and whatever it does not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from hypothesis import given
from pydantic import JsonValue

from gateway.actions import DeliveryState
from gateway.addresses import Address
from gateway.events import AnyEvent, Event, LineState, LineUpdated, MessageReceived, ReactionAdded
from gateway.ids import EventId
from gateway.model import Message, MessageRef, Opaque
from gateway.store.columns import event_body, event_row
from tests.unit.strategies import messages

NEEDED: dict[str, Any] = {
    "key": "k",
    "vendor_id": "v1",
    "message": Message("hello"),
    "target": MessageRef(vendor_id="v1"),
    "reaction": None,
    "address": Address.parse("+13231112233"),
    "change": "voted",
    "state": DeliveryState.SENT,
    "reason": "no word for it",
    "raw": None,
}
"""What the events need that need anything, and nothing else."""

KINDS: tuple[type[Event], ...] = get_args(get_args(AnyEvent)[0])


def read_again(event: Event) -> Event:
    """Keep an event, and read it."""
    return event_row((1, event.chat_id, "pending", 0, None, None, event_body(event))).event


def bare(kind: type[Event]) -> Event:
    """Make an event that says as little as it may."""
    needed = {name: NEEDED.get(name) for name, field in kind.model_fields.items() if field.is_required()}
    if kind is LineUpdated:
        needed |= {"state": next(iter(LineState)), "line": "+13231112233"}
    return kind.model_validate(needed)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_said_is_still_not_said(kind: type[Event]) -> None:
    """A field that has to be given and may be None is no reason to call an event unknown."""
    event = bare(kind)
    assert event == read_again(event)


@given(messages())
def test_a_message_is_read_as_it_was(message: Message) -> None:
    """With None in what vendors sent, which is not ours to leave out."""
    raw: dict[str, JsonValue] = {"a": None, "b": [None, {"c": None}], "d": ""}
    parts = (*message.parts, Opaque(kind="x", data=raw)) if message.text else message.parts
    event = MessageReceived(
        key="k", vendor_id="v1", message=message.model_copy(update={"parts": parts}), raw=raw
    ).stamped(connection="main", provider="blooio", received_at=datetime(2026, 11, 22, tzinfo=UTC))
    assert event == read_again(event)


def test_only_what_must_be_is_written() -> None:
    """None takes no room, but where it is an answer."""
    assert b"null" not in event_body(MessageReceived(key="k", vendor_id="v1", message=Message("hello"))).encode()
    reacted = ReactionAdded(key="k", id=EventId("e"), target=MessageRef(vendor_id="v1"), reaction=None)
    assert '"reaction":null' in event_body(reacted)
