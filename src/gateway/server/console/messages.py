"""Messages: as a list, and one by one with its whole life; where a person has to decide, it is decided here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from starlette.responses import Response

from gateway.client import Verdict
from gateway.errors import InvalidRequest, NoRoute, SendError
from gateway.server.console.overview import accounts_of
from gateway.server.console.page import Page, View
from gateway.store.rows import MessageState
from gateway.story import Story
from gateway.tenancy import READ, SEND

__all__ = ["VIEWS", "Moment", "timeline"]

_VERDICTS = ("resend", "mark_sent", "drop")


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened to a message."""

    at: datetime
    source: str
    """Where it is known from: `call`, `answer`, `webhook`, `look-up`, `handler`."""
    what: str
    detail: Any = None
    bad: bool = False


async def listed(page: Page) -> Response:
    """List messages, the newest first."""
    page.demand(READ)
    query = page.query
    state = page.one_of(MessageState, query["state"]).value if "state" in query else None
    found = await page.service.tenancy.listing.messages(
        page.tenant,
        connection=query.get("connection"),
        within=page.caller.connections,
        chat=query.get("chat"),
        state=state,
        after=query.get("after"),
    )
    return page.show(
        "messages.html",
        title="Messages",
        messages=found.items,
        next=found.next,
        accounts=await accounts_of(page),
        states=[state.value for state in MessageState],
        asked=query,
    )


async def look(page: Page) -> Response:
    """Show one message from the call to the last report."""
    row, _ = await _mine(page)
    story = await page.service.gateway.story(row.id)
    return page.show(
        "message.html",
        title="Message",
        row=row,
        story=story,
        moments=sorted(timeline(story), key=lambda moment: moment.at),
        unknown=row.state is MessageState.UNKNOWN and row.parked,
        waits=row.state is MessageState.QUEUED,
        partly=row.state is MessageState.PARTLY,
    )


async def decide(page: Page) -> Response:
    """Settle what nobody knows, ask the vendor, take back, or go on where it stopped."""
    row, _ = await _mine(page)
    page.demand(SEND, row.connection)
    gateway, verdict = page.service.gateway, page.filled("verdict")
    try:
        if verdict in _VERDICTS:
            await gateway.resolve(row.id, cast("Verdict", verdict), wait=5)
        elif verdict == "cancel":
            await gateway.cancel(row.id)
        elif verdict == "again":
            await gateway.resend(row.id, wait=5)
        elif verdict == "look":
            await gateway.status(row.id, refresh=True)
        else:
            raise InvalidRequest("there is no such button", hint="go back and look")
    except (SendError, NoRoute) as error:
        return page.go(f"/messages/{row.id}", error.message)
    return page.go(f"/messages/{row.id}", "Done.")


def timeline(story: Story) -> Iterator[Moment]:
    """Put everything that is known of a message on one line of time."""
    yield Moment(story.created_at, "call", f"asked for: {story.kind}", story.asked)
    for step in story.steps:
        for attempt in step.attempts:
            name = f"step {step.index + 1}, attempt {attempt.number}"
            yield Moment(attempt.started_at, "call", f"{name} leaves", attempt.call)
            if attempt.ended_at is not None:
                status = f" (HTTP {attempt.status})" if attempt.status else ""
                ended = f"{name}: {attempt.outcome}{status}"
                yield Moment(attempt.ended_at, "answer", ended, attempt.detail, attempt.outcome != "accepted")
    for fact in story.facts:
        reason = f": {fact.reason}" if fact.reason else ""
        code = f" (code {fact.code})" if fact.code else ""
        bad = fact.state.value == "failed"
        source = "webhook" if fact.source.startswith("evt_") else fact.source
        yield Moment(fact.received_at, source, f"{fact.state.value}{code}{reason}", None, bad)
    for webhook in story.webhooks:
        again = f", came {webhook.repeats + 1} times" if webhook.repeats else ""
        yield Moment(webhook.received_at, "webhook", f"webhook {webhook.digest[:12]}{again}", webhook.body)
    for event in story.events:
        for run in event.runs:
            failed = f" failed: {run.error}" if run.error else " did its work"
            yield Moment(run.started_at, "handler", f"{run.handler}{failed}", None, run.error is not None)


async def _mine(page: Page) -> Any:
    within = page.caller.connections
    return await page.service.tenancy.listing.message(page.tenant, page.part("message"), within=within)


VIEWS: tuple[tuple[str, str, View], ...] = (
    ("GET", "/messages", listed),
    ("GET", "/messages/{message}", look),
    ("POST", "/messages/{message}/decide", decide),
)
