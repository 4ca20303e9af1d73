"""Versions of one message that arrive in the same moment: each of them is kept, on every store."""

from __future__ import annotations

import asyncio

from gateway.connections import Connections
from gateway.events import MessageReceived
from gateway.exchange import Reply
from gateway.inbox import Inbox
from gateway.model import Attachment
from gateway.plugins import load
from gateway.simulator import SimClock
from gateway.store import open_store
from tests.flow.conftest import Reopen
from tests.unit.plain_vendor import NOW, connection, hook, written

MANY = 24
"""More than a batch of the store has rounds to give each of them a turn in the first few."""


async def test_what_was_answered_is_kept_however_many_came_at_once(reopen: Reopen) -> None:
    """Two ways in, as of two processes: each picture is in a version of its own, and none took another's place."""
    given = reopen()
    store = open_store(given, {}) if isinstance(given, str) else given
    await store.open()
    try:
        where, clock = connection(), SimClock("virtual", start=NOW)
        ways = [Inbox(store, Connections(load()), clock) for _ in range(2)]
        pictures = [Attachment(url=f"https://files.example/{number}.jpg") for number in range(MANY)]
        hooks = [hook(written("m1", picture)) for picture in pictures]
        answers = await asyncio.gather(
            *(ways[number % 2].accept(each, where) for number, each in enumerate(hooks)),
        )
        events = [row.event for row in await store.events(limit=2 * MANY)]
        kept = [event for event in events if isinstance(event, MessageReceived)]

        assert [Reply(200)] * MANY == answers
        assert {*pictures} == {part for event in kept for part in event.message.parts}
        assert MANY == len(kept)
        assert [kept[0].id] * (MANY - 1) == [event.revises for event in kept[1:]]
    finally:
        await store.close()
