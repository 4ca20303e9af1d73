"""One message's whole life as data, for people who ask what happened to it."""

from __future__ import annotations

import asyncio
import json

import pytest

from gateway import DeliveryState, DeliveryUpdated, GatewayError, Message, MessageReceived, NotFound, Refused, Story
from gateway.simulator import Fault, FaultKind
from gateway.sync import Gateway as BlockingGateway
from tests.flow.stage import VENDORS, stage

pytestmark = pytest.mark.parametrize("vendor", VENDORS)


async def test_the_story_of_a_message_that_arrived(vendor: str) -> None:
    """What was asked, one step, one attempt with its answer, the reports, their webhooks, and who was called."""
    async with stage(vendor) as it:
        it.phone.write("hello", vendor=vendor)
        event = await it.event(MessageReceived)
        receipt = await it.gateway.send(event, Message("hello yourself", reference="order-7"), key="k-1")
        await it.event(DeliveryUpdated, lambda e: e.raw is not None and e.state is DeliveryState.DELIVERED)
        story = await it.gateway.story(receipt)
        async with asyncio.timeout(60):
            while any(told.outcome == "pending" for told in story.events):
                await asyncio.sleep(0.01)
                story = await it.gateway.story(receipt.message_id)

        [step] = story.steps
        [attempt] = step.attempts
        assert ("send_message", "accepted", "k-1", None) == (story.kind, story.state, story.key, story.error)
        assert "hello yourself" in json.dumps(story.asked)
        assert ("accepted", (0,)) == (step.state, step.carries)
        assert (1, "accepted", True) == (attempt.number, attempt.outcome, attempt.status in {200, 201, 202})
        assert attempt.ended_at is not None
        assert story.created_at <= attempt.started_at <= attempt.ended_at
        assert await it.gateway.status(receipt) == story.status
        assert {receipt.vendor_id} == {fact.vendor_id for fact in story.facts}
        assert {"answer"} < {fact.source for fact in story.facts}
        reports = [told for told in story.events if told.event.raw is not None]
        assert {run.handler.rpartition(".")[2] for told in reports for run in told.runs} == {"note"}
        assert {told.event.id for told in reports} <= {id_ for hook in story.webhooks for id_ in hook.events}
        assert Story.model_validate_json(story.model_dump_json()) == story


async def test_the_story_of_a_message_that_was_refused(vendor: str) -> None:
    """The error that it ended with, and what each attempt came to; no repr of it holds text or numbers."""
    async with stage(vendor) as it:
        it.phone.write("hello", vendor=vendor)
        event = await it.event(MessageReceived)
        for _ in range(2):
            it.sim.faults.add(Fault(vendor=vendor, kind=FaultKind.ANSWER, method="POST", status=429, retry_after=0))
        it.sim.faults.add(Fault(vendor=vendor, kind=FaultKind.ANSWER, method="POST", status=422))
        with pytest.raises(GatewayError) as caught:
            await it.gateway.send(event, "secret words", key="k-2")
        ids = {row.id for row in await it.gateway.store.messages()}
        story = await it.gateway.story(ids.pop())

        outcomes = [attempt.outcome for step in story.steps for attempt in step.attempts]
        assert isinstance(caught.value, Refused)
        assert ["rate_limited", "rate_limited", caught.value.slug] == outcomes
        assert [429, 429, 422] == [attempt.status for step in story.steps for attempt in step.attempts]
        assert ("refused", DeliveryState.FAILED) == (story.state, story.status.state)
        assert isinstance(story.error, dict)
        assert "secret words" in story.model_dump_json()
        assert "secret" not in repr(story)
        assert "2025550123" not in repr(story)


async def test_a_story_of_nothing_is_not_told(vendor: str) -> None:
    """An id that is none of ours."""
    async with stage(vendor) as it:
        with pytest.raises(NotFound):
            await it.gateway.story("msg_none")


def test_the_blocking_library_tells_stories_too(vendor: str) -> None:
    """The same name, the same error."""
    with BlockingGateway() as gateway, pytest.raises(NotFound):
        gateway.story("msg_none")
