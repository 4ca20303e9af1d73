"""A story in the order of time, a line for each thing that happened."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from gateway.actions import Adaptation
from gateway.cli.events import summary
from gateway.cli.messages.veil import veiled
from gateway.delivery import merge
from gateway.fitting import Plan, Step, explain, shape
from gateway.model import Message
from gateway.store import FactRow
from gateway.story import Story, StoryAttempt, StoryEvent, StoryFact, StoryRun, StoryStep, StoryWebhook

__all__ = ["Moment", "moments"]


class Moment(NamedTuple):
    """One thing that happened."""

    at: datetime
    rank: int
    """Among things of the same time: what brings about before what follows."""
    what: str
    words: str
    bad: bool = False


def moments(story: Story, *, reveal: bool) -> list[Moment]:
    """Put a story in order; with `reveal` addresses, texts and payloads are in it."""
    told = [*_asked(story, reveal=reveal), *_merges(story)]
    for step in story.steps:
        for attempt in step.attempts:
            told += _attempt(step, attempt, last=attempt is step.attempts[-1], reveal=reveal)
    for webhook in story.webhooks:
        told.append(_webhook(webhook, reveal=reveal))
    for event in story.events:
        told += _event(event, story)
    return sorted(told, key=lambda each: (each.at, each.rank))


# ── the way out ───────────────────────────────────────────────────────────────────────────────────────────────────


def _asked(story: Story, *, reveal: bool) -> Iterator[Moment]:
    at = story.created_at
    asked: dict[str, Any] = story.asked if isinstance(story.asked, dict) else {}
    yield Moment(at, 0, "asked", f"{_wish(story, asked, reveal=reveal)}; policy {asked.get('policy')}")
    for words in explain(_plan(story)):
        kind, _, rest = words.partition(": ")
        yield Moment(at, 1, "fitted", rest) if kind == "adapted" else Moment(at, 2, "step", words)
    if story.due_at > at:
        yield Moment(story.due_at, 0, "due", "may leave from now on")
    if story.expires_at:
        yield Moment(story.expires_at, 0, "expires", "what has not left by now stays")


def _wish(story: Story, asked: dict[str, Any], *, reveal: bool) -> str:
    if reveal:
        return f"{story.kind.replace('_', ' ')} {json.dumps(asked, ensure_ascii=False)}"
    match asked:
        case {"messages": list(messages)}:
            return f"send {'; '.join(shape(Message.model_validate(each)) for each in messages)}"
        case {"reaction": str(reaction), "remove": bool(remove)}:
            return f"{'take back' if remove else 'react with'} {reaction}"
    return story.kind.replace("_", " ")


def _plan(story: Story) -> Plan:
    """Make the plan again that was carried out, for it is told in the same words."""
    steps = [Step.model_validate({"action": each.action, "pause": each.pause}) for each in story.steps]
    indexed = [step.model_copy(update={"indexes": each.carries}) for step, each in zip(steps, story.steps, strict=True)]
    known: tuple[Adaptation, ...] = story.adaptations
    return Plan(steps=tuple(indexed), adaptations=known)


def _attempt(step: StoryStep, attempt: StoryAttempt, *, last: bool, reveal: bool) -> Iterator[Moment]:
    again = f", round {attempt.generation}" if attempt.generation > 1 else ""
    name = f"step {step.index + 1}, try {attempt.number}{again}"
    call: dict[str, Any] = attempt.call if isinstance(attempt.call, dict) else {}
    where = f"{call.get('method', '')} {call.get('path' if reveal else 'template', '')}".strip()
    payload = f" {json.dumps(call.get('json_'), ensure_ascii=False)}" if reveal and call.get("json_") else ""
    yield Moment(attempt.started_at, 3, "attempt", f"{name}: {where or 'before any call'}{payload}")
    if attempt.ended_at is None:
        yield Moment(attempt.started_at, 4, "answer", f"{name}: nobody read one", bad=True)
        return
    took = (attempt.ended_at - attempt.started_at).total_seconds()
    status = f", HTTP {attempt.status}" if attempt.status else ""
    detail = f": {veiled(attempt.detail)}" if attempt.detail else ""
    receipt: dict[str, Any] = step.receipt if isinstance(step.receipt, dict) else {}
    answer = f" {json.dumps(receipt.get('raw'), ensure_ascii=False)}" if reveal and last and receipt else ""
    words = f"{name}: {attempt.outcome}{status} after {took:.3f} s{detail}{answer}"
    yield Moment(attempt.ended_at, 4, "answer", words, bad=attempt.outcome != "accepted")


# ── the way in ────────────────────────────────────────────────────────────────────────────────────────────────────


def _webhook(webhook: StoryWebhook, *, reveal: bool) -> Moment:
    again = f", came {webhook.repeats + 1} times" if webhook.repeats else ""
    body = f" {webhook.body}" if reveal else ""
    words = f"{webhook.digest[:12]}… made {', '.join(webhook.events)}{again}{body}"
    return Moment(webhook.received_at, 5, "webhook", words)


def _event(told: StoryEvent, story: Story) -> Iterator[Moment]:
    event = told.event
    # the line is about this message, which needs no naming
    words = summary(event).removesuffix(f"  {story.message_id}").removesuffix("  ")
    left = {"pending": "; not handed over yet", "parked": f"; parked after {told.tries} tries: {told.error}"}
    state = left.get(told.outcome, "")
    line = f"{event.id} {event.type} {veiled(words)}{state}"
    yield Moment(event.received_at, 6, "event", line, bad=told.outcome == "parked")
    yield from (_run(run, told) for run in told.runs)


def _run(run: StoryRun, told: StoryEvent) -> Moment:
    took = (run.ended_at - run.started_at).total_seconds()
    came = f"failed: {run.error}" if run.error else "done"
    words = f"{run.handler} got {told.event.id}: {came} after {took:.3f} s"
    return Moment(run.started_at, 8, "handler", words, bad=run.error is not None)


def _merges(story: Story) -> Iterator[Moment]:
    """Say of each report what the message was taken for from then on: a merge of all facts, whatever their order."""
    for vendor_id in dict.fromkeys(fact.vendor_id for fact in story.facts):
        facts = [fact for fact in story.facts if fact.vendor_id == vendor_id]
        before = None
        for count, fact in enumerate(facts, 1):
            state = merge(vendor_id, [_row(each, story) for each in facts[:count]]).state.value
            stays = "stays" if state == before else "is"
            unsure = "" if fact.certain else ", not certain"
            words = f"{vendor_id} {stays} {state}: {fact.state.value} by {fact.source}{unsure}"
            yield Moment(fact.received_at, 7, "merged", words)
            before = state


def _row(fact: StoryFact, story: Story) -> FactRow:
    return FactRow(connection=story.connection, **{name: getattr(fact, name) for name in type(fact).model_fields})
