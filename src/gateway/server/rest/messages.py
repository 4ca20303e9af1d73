"""Messages: asked for, planned, looked at, taken back, settled."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import AwareDatetime, Field

from gateway.actions import Adaptation, Policy
from gateway.errors import NoRoute, NotSettled, SendError
from gateway.fitting import Plan
from gateway.fitting.plan import explain
from gateway.ids import MessageId
from gateway.server.access import Needs, service_of
from gateway.server.problems import Fault
from gateway.server.repeating import IdempotencyKey, Repeatable, engine_key, was_kept
from gateway.server.rest.content import Content, Input, To, messages_of, recipient_of
from gateway.server.rest.shown import MessageOut, Output, PageOut, message_out
from gateway.server.service import Service
from gateway.store.rows import MessageState
from gateway.story import Story
from gateway.tenancy import READ, SEND, Caller

__all__ = ["MessageIdPath", "Wait", "kept_out", "router", "settled"]

router: APIRouter = APIRouter(prefix="/v1/messages", tags=["messages"], route_class=Repeatable)

MessageIdPath = Annotated[str, Path(alias="message", min_length=1, max_length=128, description="`msg_…`")]
Wait = Annotated[
    float,
    Query(ge=0, le=30, description="Seconds to wait for the outcome; the answer tells how far it has come by then."),
]


class SendIn(Input):
    """A message to be sent."""

    to: To
    message: Content
    connection: str | None = Field(default=None, max_length=128)
    """By which connection: `pc_…`; may be left out where the key has only one, or `to` says it."""
    policy: Policy | None = None
    """What may happen to what the vendor cannot carry; the connection's own without it."""
    at: AwareDatetime | None = None
    """Not before."""
    expires: AwareDatetime | None = None
    """Not after."""
    priority: Literal["reply", "normal", "bulk"] | None = None
    """Who goes first among the chats that are due."""


class PlanIn(Input):
    """A message that might be sent."""

    to: To
    message: Content
    connection: str | None = Field(default=None, max_length=128)
    policy: Policy | None = None


class PlanOut(Output):
    """What would be sent."""

    connection: str
    steps: tuple[str, ...]
    """Each call to the vendor, in words: shapes and counts, no content."""
    adaptations: tuple[Adaptation, ...]
    """What would be changed to fit the vendor."""
    plan: Plan = Field(repr=False)
    """The same for programs."""


class VerdictIn(Input):
    """What a person says about a send whose outcome nobody knows."""

    verdict: Literal["resend", "mark_sent", "drop"]


@router.post("", status_code=202, summary="Send a message")
async def send(
    request: Request,
    body: SendIn,
    caller: Annotated[Caller, Needs(SEND)],
    wait: Wait = 0,
    idempotency_key: IdempotencyKey = None,
) -> MessageOut:
    """Keep a message to be sent, and answer when it is kept; from then on it is sent, whatever happens here.

    What becomes of it comes as events, and with `wait` in this answer.
    """
    service = service_of(request)
    to, named = await recipient_of(service, caller, body.to)
    connection = service.running(caller, body.connection or named, SEND)
    ticket = await service.gateway.enqueue(
        to,
        await messages_of(service, caller, body.message),
        via=connection.name,
        key=engine_key(request),
        policy=body.policy,
        at=body.at,
        expires=body.expires,
        priority=body.priority,
    )
    return await kept_out(request, ticket.message_id, wait)


@router.post("/plan", summary="See what would be sent")
async def plan(request: Request, body: PlanIn, caller: Annotated[Caller, Needs(SEND)]) -> PlanOut:
    """Say what would be sent, with which adaptations, and send nothing."""
    service = service_of(request)
    to, named = await recipient_of(service, caller, body.to)
    connection = service.running(caller, body.connection or named, SEND)
    asked = await messages_of(service, caller, body.message)
    made = await service.gateway.plan(to, asked, via=connection.name, policy=body.policy)
    return PlanOut(connection=connection.name, steps=tuple(explain(made)), adaptations=made.adaptations, plan=made)


@router.get("", summary="List messages")
async def list_(
    request: Request,
    caller: Annotated[Caller, Needs(READ)],
    connection: Annotated[str | None, Query(max_length=128)] = None,
    chat: Annotated[str | None, Query(max_length=128, description="`chat_…`")] = None,
    outcome: MessageState | None = None,
    kind: Annotated[str | None, Query(max_length=64)] = None,
    after: Annotated[str | None, Query(max_length=512)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> PageOut[MessageOut]:
    """List messages, newest first."""
    service = service_of(request)
    page = await service.tenancy.listing.messages(
        caller.tenant,
        connection=connection,
        within=caller.connections,
        chat=chat,
        state=outcome.value if outcome else None,
        kind=kind,
        after=after,
        limit=limit,
    )
    shown = [await _shown(service, caller, row.id) for row in page.items]
    return PageOut(items=tuple(shown), next=page.next)


@router.get("/{message}", summary="Look at a message")
async def get(
    request: Request,
    message: MessageIdPath,
    caller: Annotated[Caller, Needs(READ)],
    refresh: Annotated[bool, Query(description="Ask the vendor too.")] = False,
) -> MessageOut:
    """Say how far a message has come."""
    service = service_of(request)
    row, _ = await service.message(caller, message)
    if refresh:
        service.running(caller, row.connection, READ)
        await service.gateway.status(message, refresh=True)
    return await _shown(service, caller, message)


@router.get("/{message}/timeline", summary="See a message's whole life")
async def timeline(request: Request, message: MessageIdPath, caller: Annotated[Caller, Needs(READ)]) -> Story:
    """Tell what was asked, made of it, tried, answered, reported and handed over."""
    service = service_of(request)
    await service.message(caller, message)
    return await service.gateway.story(message)


@router.post("/{message}/cancel", summary="Take a message back")
async def cancel(
    request: Request,
    message: MessageIdPath,
    caller: Annotated[Caller, Needs(SEND)],
    wait: Annotated[float, Query(ge=0, le=30, description="Seconds to wait while it is leaving at this moment.")] = 5,
    idempotency_key: IdempotencyKey = None,
) -> MessageOut:
    """Take back what has not left; when this answers, it is certain that it will not."""
    service = service_of(request)
    row, _ = await service.message(caller, message)
    # not that the connection works: what waits for one that is disabled or removed can be taken back as well
    caller.demand(SEND, row.connection)
    await service.gateway.cancel(message, wait=wait)
    return await _shown(service, caller, message)


@router.post("/{message}/resend", status_code=202, summary="Go on with a message that was partly sent")
async def resend(
    request: Request,
    message: MessageIdPath,
    caller: Annotated[Caller, Needs(SEND)],
    wait: Wait = 0,
    idempotency_key: IdempotencyKey = None,
) -> MessageOut:
    """Go on from the step that was refused."""
    service = service_of(request)
    row, _ = await service.message(caller, message)
    caller.demand(SEND, row.connection)
    with settled(), enabled("or send the rest anew by another connection: POST /v1/messages"):
        await service.gateway.resend(message, wait=wait)
    was_kept(request)
    return await _shown(service, caller, message)


@router.post("/{message}/resolve", status_code=202, summary="Settle a send whose outcome nobody knows")
async def resolve(
    request: Request,
    message: MessageIdPath,
    body: VerdictIn,
    caller: Annotated[Caller, Needs(SEND)],
    wait: Wait = 0,
    idempotency_key: IdempotencyKey = None,
) -> MessageOut:
    """Say that it was sent, send it again, or forget it; only the second needs a connection that works."""
    service = service_of(request)
    row, _ = await service.message(caller, message)
    caller.demand(SEND, row.connection)
    with settled(), enabled('or settle it without: the verdict "mark_sent" or "drop"'):
        await service.gateway.resolve(message, body.verdict, wait=wait)
    was_kept(request)
    return await _shown(service, caller, message)


async def _shown(service: Service, caller: Caller, message: str) -> MessageOut:
    return await message_out(service, *await service.message(caller, message))


async def kept_out(request: Request, message: MessageId, wait: float) -> MessageOut:
    """Answer for a message that is kept, once its outcome is there or `wait` seconds are over."""
    was_kept(request)
    service = service_of(request)
    if wait:
        with settled():
            await service.engine.outcome(message, wait)
    return await message_out(service, *await service.engine.look_up(message))


@contextlib.contextmanager
def enabled(instead: str) -> Iterator[None]:
    """Where a message's connection is not in use, say in words of the API what can be done."""
    try:
        yield
    except NoRoute as error:
        hint = f"enable it: POST /v1/connections/{{connection}}/enable, {instead}"
        raise Fault(404, error.slug, error.message, hint=hint) from None


@contextlib.contextmanager
def settled() -> Iterator[None]:
    """Let an outcome be what the message shows, not a failure of the request that waited for it."""
    with contextlib.suppress(NotSettled, SendError):
        yield
