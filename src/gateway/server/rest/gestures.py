"""What is done in a chat beside messages: reactions, typing, read marks, polls, our contact card."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field

from gateway.actions import Policy, Receipt
from gateway.errors import InvalidMessage, NotSettled, SendError
from gateway.events import Event
from gateway.ids import EventId, MessageId
from gateway.model import Chat, MessageRef
from gateway.server.access import Needs, service_of
from gateway.server.repeating import IdempotencyKey, Repeatable, engine_key, was_kept
from gateway.server.rest.content import Input, RefIn, To, recipient_of
from gateway.server.rest.messages import Wait
from gateway.server.rest.shown import MessageOut, Output, message_out
from gateway.server.service import Service
from gateway.tenancy import SEND, Caller

__all__ = ["router"]

router: APIRouter = APIRouter(prefix="/v1", tags=["gestures"], route_class=Repeatable)

Target = Annotated[str, Field(min_length=1, max_length=128)]


class ReactionIn(Input):
    """A reaction to a message."""

    message: Target | RefIn
    """The message: its event (`evt_…`), our id of it (`msg_…`), or the vendor's name of it with its `chat`."""
    reaction: str = Field(min_length=1, max_length=32)
    """`love`, `like`, `dislike`, `laugh`, `emphasize`, `question`, or one emoji."""
    part: int = Field(default=0, ge=0)
    """Which part of the message, from 0."""
    remove: bool = False
    """Take it back."""
    chat: To | None = None
    """The chat, where the message is named by the vendor's id."""
    connection: str | None = Field(default=None, max_length=128)
    policy: Policy | None = None


class TypingIn(Input):
    """The typing dots."""

    chat: To
    seconds: float = Field(default=5, ge=0, le=600)
    """How long; 0 takes them away."""
    connection: str | None = Field(default=None, max_length=128)


class ReadIn(Input):
    """A chat that was read."""

    chat: To
    connection: str | None = Field(default=None, max_length=128)


class PollIn(Input):
    """A choice for a chat."""

    chat: To
    options: tuple[Annotated[str, Field(min_length=1, max_length=1000)], ...] = Field(min_length=2, max_length=50)
    title: str | None = Field(default=None, min_length=1, max_length=1000)
    connection: str | None = Field(default=None, max_length=128)
    policy: Policy | None = None


class CardIn(Input):
    """Our contact card for a chat."""

    chat: To
    connection: str | None = Field(default=None, max_length=128)


class DoneOut(Output):
    """It is kept and will be done, or was done."""

    done: bool
    """Whether the vendor took it before this answer."""
    waits_for: str | None = None
    """Why it has not left yet."""


@router.post("/reactions", status_code=202, summary="React to a message")
async def react(
    request: Request,
    body: ReactionIn,
    caller: Annotated[Caller, Needs(SEND)],
    wait: Wait = 0,
    idempotency_key: IdempotencyKey = None,
) -> MessageOut:
    """Add a tapback or an emoji to a message, or take it back."""
    service = service_of(request)
    subject, chat, named = await _subject(service, caller, body)
    connection = service.running(caller, body.connection or named, SEND)
    do = service.gateway.unreact if body.remove else service.gateway.react
    asked = do(
        subject, body.reaction, part=body.part, chat=chat, via=connection.name, policy=body.policy, wait=wait or 0.001
    )
    return await _kept(request, asked)


@router.post("/typing", status_code=202, summary="Show the typing dots")
async def typing(request: Request, body: TypingIn, caller: Annotated[Caller, Needs(SEND)], wait: Wait = 5) -> DoneOut:
    """Show the typing dots in a chat for a while; they go when a message is sent."""
    service = service_of(request)
    to, named = await recipient_of(service, caller, body.chat)
    connection = service.running(caller, body.connection or named, SEND)
    return await _done(service.gateway.typing(to, body.seconds, via=connection.name, wait=wait or 0.001))


@router.post("/read", status_code=202, summary="Mark a chat as read")
async def read(request: Request, body: ReadIn, caller: Annotated[Caller, Needs(SEND)], wait: Wait = 5) -> DoneOut:
    """Mark a chat as read, and show that to the contact."""
    service = service_of(request)
    to, named = await recipient_of(service, caller, body.chat)
    connection = service.running(caller, body.connection or named, SEND)
    return await _done(service.gateway.mark_read(to, via=connection.name, wait=wait or 0.001))


@router.post("/polls", status_code=202, summary="Send a poll")
async def poll(
    request: Request,
    body: PollIn,
    caller: Annotated[Caller, Needs(SEND)],
    wait: Wait = 0,
    idempotency_key: IdempotencyKey = None,
) -> MessageOut:
    """Let a chat choose among options; votes come as `poll.updated`."""
    service = service_of(request)
    to, named = await recipient_of(service, caller, body.chat)
    connection = service.running(caller, body.connection or named, SEND)
    asked = service.gateway.poll(
        to,
        body.options,
        title=body.title,
        via=connection.name,
        key=engine_key(request),
        policy=body.policy,
        wait=wait or 0.001,
    )
    return await _kept(request, asked)


@router.post("/contact-cards", status_code=202, summary="Share our contact card")
async def share(
    request: Request,
    body: CardIn,
    caller: Annotated[Caller, Needs(SEND)],
    wait: Wait = 0,
    idempotency_key: IdempotencyKey = None,
) -> MessageOut:
    """Give a chat our name, picture or contact card."""
    service = service_of(request)
    to, named = await recipient_of(service, caller, body.chat)
    connection = service.running(caller, body.connection or named, SEND)
    asked = service.gateway.share_contact(to, via=connection.name, key=engine_key(request), wait=wait or 0.001)
    return await _kept(request, asked)


async def _subject(
    service: Service, caller: Caller, body: ReactionIn
) -> tuple[Event | MessageRef | str, Chat | Event | None, str | None]:
    """Find the message that is meant, the chat where that has to be said, and the connection."""
    if isinstance(body.message, str):
        if body.message.startswith("evt_"):
            event = await service.event(caller, EventId(body.message))
            return event, None, event.connection
        row, _ = await service.message(caller, body.message)
        return body.message, None, row.connection
    ref = body.message.word()
    if ref.message is not None:
        row, _ = await service.message(caller, ref.message)
        return ref, None, row.connection
    if body.chat is None:
        raise InvalidMessage("in which chat is this message?", hint='give it: "chat": "+1…"')
    chat, named = await recipient_of(service, caller, body.chat)
    return ref, chat, named


async def _kept(request: Request, asked: Awaitable[Receipt]) -> MessageOut:
    """Answer for what is kept, as far as it has come in the time that it has."""
    try:
        message = (await asked).message_id
    except NotSettled as error:
        message = MessageId(error.ticket)
    except SendError as error:
        kept = getattr(error, "message_id", None)
        if kept is None:
            raise
        message = MessageId(kept)
    was_kept(request)
    service = service_of(request)
    return await message_out(service, *await service.engine.look_up(message))


async def _done(asked: Awaitable[None]) -> DoneOut:
    with contextlib.suppress(NotSettled):
        await asked
        return DoneOut(done=True)
    return DoneOut(done=False, waits_for="it is kept, and goes when its turn comes")
