"""A key that was used before gives what it gave then, also while the queue is full: nothing new is to be kept."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway import Conflict, NotSettled, Overloaded
from tests.flow.conftest import Reopen
from tests.flow.paced import Paced, paced
from tests.flow.stage import OTHER, PHONE, VENDORS

THIRD = "+12025550125"

#: The bound is the core's, whatever the vendor: one is enough for each kind of store.
VENDOR = VENDORS[0]


@pytest.fixture
async def it(reopen: Reopen) -> AsyncIterator[Paced]:
    """A connection that carries one message a minute: one has left, and two wait, which is all that may."""
    async with paced(VENDOR, store=reopen(), queue=2, pace={"connection": "1/min"}) as made:
        await made.gateway.send(THIRD, "gone", key="gone")
        await made.gateway.enqueue(PHONE, "once", key="once")
        await made.gateway.enqueue(OTHER, ["one", "two"], key="both")
        yield made


async def test_a_repeated_call_gives_the_first_result_while_the_queue_is_full(it: Paced) -> None:
    """Of what has left and of what waits, of one message and of a sequence; what is new is refused all the same."""
    kept = {row.key: row.id for row in await it.gateway.store.messages()}
    gone = await it.gateway.send(THIRD, "gone", key="gone")
    once = await it.gateway.enqueue(PHONE, "once", key="once")
    both = await it.gateway.enqueue(OTHER, ["one", "two"], key="both")
    with pytest.raises(NotSettled) as caught:
        await it.gateway.send(OTHER, ["one", "two"], key="both", wait=0)
    assert kept == {"gone": gone.message_id, "once": once.message_id, "both": both.message_id}
    assert both.message_id == caught.value.ticket

    for key in (None, "new"):
        with pytest.raises(Overloaded, match="2 messages wait"):
            await it.gateway.enqueue(PHONE, "too much", key=key)
    while len(it.texts()) < 4:
        await it.go_on(60)
    await it.go_on(200)
    assert ["gone", "once", "one", "two"] == sorted(it.texts(), key=["gone", "once", "one", "two"].index)


async def test_other_content_under_the_key_is_a_conflict_while_the_queue_is_full(it: Paced) -> None:
    """Not a queue that is full: coming back later would not help."""
    for key, other in (("gone", "went"), ("once", ["once", "more"]), ("both", "one"), ("both", ["one", "three"])):
        with pytest.raises(Conflict):
            await it.gateway.enqueue(PHONE, other, key=key)
    assert 3 == len(await it.gateway.store.messages())
