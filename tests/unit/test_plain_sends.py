"""The short ways that most sends take: they lead to the same place as the long ones."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from gateway import fitting
from gateway.actions import Policy
from gateway.asking import messages_of
from gateway.capabilities import CapabilityTable
from gateway.clock import SYSTEM
from gateway.connections import Connections
from gateway.engine import request_of
from gateway.errors import StoreError, Unsupported
from gateway.fitting import Plan, fit
from gateway.model import Chat, Message, Text
from gateway.outcomes import Outcomes
from gateway.plugins import load
from gateway.store import MemoryStore, Work
from gateway.testing.stores.samples import NOW, enqueued
from gateway.worker import Worker
from tests.unit import strategies as some

CHAT = Chat.direct("+13231112233")
ANY_TABLE = some.tables(generous=True) | some.tables()


def outcome(message: Message, table: CapabilityTable, policy: Policy) -> Plan | str:
    """The plan, or the refusal."""
    try:
        return fit(CHAT, [message], table, policy)
    except Unsupported as error:
        return str(error)


@given(st.builds(Message, some.writings().filter(bool)) | some.messages(), ANY_TABLE, some.policies)
def test_a_plain_text_is_fitted_as_by_all_rules(message: Message, table: CapabilityTable, policy: Policy) -> None:
    """A message that no rule is asked about is one that no rule has a word to say of."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting.messages, "is_plain", lambda *_: False)
        expected = outcome(message, table, policy)

    assert expected == outcome(message, table, policy)


@given(some.writings().filter(bool))
def test_a_string_is_the_message_of_that_text(text: str) -> None:
    """In every respect."""
    [message] = messages_of(text)

    assert (Message(text), Message(text).model_fields_set) == (message, message.model_fields_set)
    assert (Text(text=text),) == message.parts


@given(st.lists(some.messages(), max_size=3), some.policies)
def test_what_was_asked_reads_the_same_as_ever(messages: list[Message], policy: Policy) -> None:
    """The fingerprint of a key that is in a store is the one of the same call now."""
    dumped = [message.model_dump(mode="json") for message in messages]

    expected = to_json(request_of(CHAT, policy, messages=dumped))

    assert expected == to_json(request_of(CHAT, policy, messages=tuple(messages)))


class Broken(MemoryStore):
    """A store that answers at once, and badly."""

    async def claim(self, now: datetime, lease: float, limit: int, skip: Collection[str] = ()) -> list[Work]:
        """Fail."""
        raise StoreError("no")


@pytest.mark.parametrize("store", [MemoryStore(), Broken()], ids=["no loop", "broken"])
async def test_what_cannot_be_taken_up_is_left_to_the_loop(store: MemoryStore) -> None:
    """Whoever has kept a message is not told what is wrong with sending it."""
    worker = Worker(store, Connections(load()), SYSTEM, Outcomes(store))
    worker._takes = isinstance(store, Broken)
    await store.open()
    await enqueued(store, "1")

    await worker.take_up()

    assert (True, {}) == (worker._news.is_set(), worker._works)
    assert NOW == store.next_due(NOW, events=False)
    await store.close()
