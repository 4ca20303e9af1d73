"""What a message's story is put together from, however much else there is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.actions import DeliveryState
from gateway.ids import MessageId
from gateway.store import FactRow, Store, open_store
from gateway.story import Story, tell
from gateway.testing.stores.samples import LEASE, NOW, after, finished, message_row, received, report, steps_of
from gateway.testing.stores.samples import webhook_row as hook

_ACTION = (
    '{"type":"send_message","chat":"+12025550123","messages":[{"parts":[{"type":"text","text":"hi"}]}],"key":"k",'
    '"token":"tttttttttttttttttttttt"}'
)
_RECEIPT = '{"sent":[{"vendor_id":"out-1","state":"queued"}],"chat":"+12025550123"}'


@pytest.fixture(params=["memory:", "sqlite:///{}/story.db"], ids=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """A store with one message that was accepted."""
    made = open_store(request.param.format(tmp_path), {})
    await made.open()
    row = message_row("1", due_at=NOW)
    await made.enqueue(row, [replace(step, action=_ACTION) for step in steps_of(row)])
    [work] = await made.claim(NOW, LEASE, 1)
    end = finished(work, sent=("out-1",))
    await made.settle(work, replace(end, step=replace(end.step, receipt=_RECEIPT)))
    yield made
    await made.close()


async def told(store: Store) -> Story:
    """Tell the message's story."""
    kept = await store.message(MessageId("msg_1"))
    assert kept is not None
    return await tell(store, *kept)


async def test_the_webhooks_of_a_message_are_found_among_any_number_of_others(store: Store) -> None:
    """Those of its own connection and of others, before it and after it."""
    about = report("1", received_at=after(1), message_id=MessageId("msg_1"), raw={})
    await store.ingest(hook("mine", received_at=after(1)), [about])
    for number in range(1001):
        name = ("main", "other")[number % 2]
        await store.ingest(hook(f"x{number}", name, received_at=after(2)), [received(f"x{number}", connection=name)])
    await store.ingest(hook("again", received_at=after(3)), [about])

    story = await told(store)
    assert [after(1), after(3)] == [each.received_at for each in story.webhooks]
    assert {(about.id,)} == {each.events for each in story.webhooks}


async def test_what_overtook_the_answer_is_told_before_any_handler_had_it(store: Store) -> None:
    """A process without handlers joins no event with its message; the report is told all the same, with its webhook."""
    early = report("1", received_at=after(1), vendor_id="out-1", raw={})
    fact = FactRow(
        connection="main", vendor_id="out-1", state=DeliveryState.SENT, source=early.id, received_at=after(1)
    )
    answer = replace(fact, source="answer", state=DeliveryState.QUEUED)
    await store.ingest(hook("early", received_at=after(1)), [early], [fact])
    await store.keep_facts([answer])
    later = report("2", received_at=after(2), message_id=MessageId("msg_1"), raw={})
    await store.ingest(hook("later", received_at=after(2)), [later])

    story = await told(store)
    assert [(early.id, "pending"), (later.id, "pending")] == [(each.event.id, each.outcome) for each in story.events]
    assert [(early.id,), (later.id,)] == [each.events for each in story.webhooks]
    assert {"answer", early.id} == {each.source for each in story.facts}
