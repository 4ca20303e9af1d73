"""`gateway send`: one message through a connection of a service or of a configuration, and what became of it."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from pydantic import JsonValue

from gateway import outbox
from gateway.actions import Adaptation, Receipt
from gateway.cli.agreeing import Agreed, At, Expires, PriorityName, agreed
from gateway.cli.api import Api, KeyFile, ServiceUrl, service_if
from gateway.cli.composing import (
    Attach,
    ChannelName,
    Composed,
    EffectName,
    PolicyName,
    ReplyTo,
    Subject,
    To,
    Via,
    VoiceFlag,
    Words,
    compose,
)
from gateway.cli.configured import DEFAULT, ConfigFile, JsonFlag, gateway_for, lasting_gateway, opened
from gateway.cli.deciding import DryRun
from gateway.cli.plan import show_plan
from gateway.cli.remote_sending import keep_there, send_there
from gateway.cli.screen import Screen
from gateway.client import Gateway, Ticket
from gateway.errors import GatewayError, NotSettled, OutcomeUnknown, Retriable, SendError
from gateway.store import MemoryStore, MessageState, StepState

__all__ = ["send"]

Key: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        help="Idempotency key: the same key with the same content is one message, in a durable store also across runs."
        " Made up and printed where none is given.",
        show_default=False,
    ),
]
Wait: TypeAlias = Annotated[float, typer.Option(min=0, metavar="SECONDS", help="How long to wait for the answer.")]


def send(
    ctx: typer.Context,
    to: To,
    text: Words = None,
    *,
    config: ConfigFile = DEFAULT,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    via: Via = None,
    effect: EffectName = None,
    subject: Subject = None,
    attach: Attach = None,
    voice: VoiceFlag = False,
    reply_to: ReplyTo = None,
    channel: ChannelName = None,
    key: Key = None,
    policy: PolicyName = None,
    at: At = None,
    expires: Expires = None,
    priority: PriorityName = None,
    wait: Wait = 30.0,
    dry_run: DryRun = False,
    json: JsonFlag = False,
) -> None:
    """Send one message, and wait until the vendor accepted it. Acceptance is not delivery.

    By a service, or else by the configuration; --dry-run is `gateway plan`. With --at it is kept until then, and can be
    taken back: `gateway messages cancel`. Exit code 5: refused for good. 6: try again later. 9: nobody knows, it may
    have been sent.
    """
    screen: Screen = ctx.obj
    composed = compose(
        text,
        attach=attach,
        voice=voice,
        effect=effect,
        subject=subject,
        reply_to=reply_to,
        channel=channel,
        policy=policy,
    )
    terms = agreed(at, expires, priority)
    service = service_if(ctx, url, key_file)
    chosen = key or str(uuid.uuid4())
    if dry_run:
        show_plan(ctx, to, composed, config=config, service=service, via=via, json=json)
    elif terms.at is not None:
        _keep_by(service, config, screen, to, composed, terms, via=via, key=chosen, json=json)
    else:
        _send_by(service, config, screen, to, composed, terms, via=via, key=chosen, wait=wait, json=json)


def _send_by(
    service: Api | None,
    config: Path,
    screen: Screen,
    to: str,
    composed: Composed,
    terms: Agreed,
    *,
    via: str | None,
    key: str,
    wait: float,
    json: bool,
) -> None:
    """Have it sent by a service, or else by the configuration's gateway, and say what became of it."""
    with _repeatable(screen, key):
        if service is None:
            sending = _send(screen, gateway_for(config), to, composed, terms, via=via, key=key, wait=wait)
            connection, receipt = asyncio.run(sending)
        else:
            there = _by_service(screen, to, composed, terms, via=via, key=key, wait=wait, named=not json)
            connection, receipt = service.run(there)
    _tell(screen, connection, receipt, key, json=json)


def _tell(screen: Screen, connection: str, receipt: Receipt, key: str, *, json: bool) -> None:
    if json:
        screen.data(_document(connection, receipt, key))
    else:
        screen.facts(_facts(connection, receipt, key))


@contextlib.contextmanager
def _repeatable(screen: Screen, key: str) -> Iterator[None]:
    """Say the key of a send that did not end well: a repetition with the same key is the same message."""
    try:
        yield
    except (SendError, NotSettled, KeyboardInterrupt):
        screen.note(f"key: {key}", matters=True)
        raise


async def _send(
    screen: Screen,
    gateway: Gateway,
    to: str,
    composed: Composed,
    terms: Agreed,
    *,
    via: str | None,
    key: str,
    wait: float,
) -> tuple[str, Receipt]:
    """Promise it, then wait: the same key gives the same message, and the ticket says which connection took it."""
    message, policy = composed.message, composed.policy
    async with opened(screen, gateway):
        ticket = await gateway.enqueue(to, message, via=via, key=key, policy=policy, **terms.options)
        took = ticket.connection
        try:
            receipt = await gateway.send(to, message, via=took, key=key, policy=policy, wait=wait, **terms.options)
        except NotSettled:
            await _give_up(gateway, ticket)
            raise
        except OutcomeUnknown as error:
            if not isinstance(gateway.store, MemoryStore):
                decide = f"gateway messages resolve {ticket.message_id} resend|mark_sent|drop"
                error.hint = f"look at the phone or at the vendor's dashboard, then: {decide}"
            raise
        return took, receipt


def _by_service(
    screen: Screen, to: str, composed: Composed, terms: Agreed, *, via: str | None, key: str, wait: float, named: bool
) -> Callable[[Api], Awaitable[tuple[str, Receipt]]]:
    """Have a service send it; `named` asks for the name of the connection that took it, in place of its id."""

    async def sent(api: Api) -> tuple[str, Receipt]:
        took, receipt = await send_there(api, screen, to, composed, terms, via=via, key=key, wait=wait)
        return (via or await _name(api, took)) if named else took, receipt

    return sent


async def _name(api: Api, connection: str) -> str:
    """Give the name of a connection for its id, where the service knows one."""
    return (await api.names()).get(connection, connection)


async def _give_up(gateway: Gateway, ticket: Ticket) -> None:
    """Take back what only the memory of this process holds; raises why it did not leave, where that is certain."""
    store = gateway.store
    found = await store.message(ticket.message_id)
    if found is None or not isinstance(store, MemoryStore):
        return
    row, steps = found
    connection = next(each for each in gateway.connections if each.name == ticket.connection)
    if any(step.state is not StepState.WAITING or step.doubt for step in steps):
        return
    # the store leaves it alone while it may be leaving at this moment
    taken_back = outbox.expired(row, steps[0], connection, datetime.now(UTC))
    if not await store.amend(taken_back, expect=MessageState.QUEUED):
        return
    attempts = await store.attempts(ticket.message_id)
    if not attempts or attempts[-1].outcome is None:
        raise Retriable("it was not sent: its turn did not come", hint="try again, with a longer --wait")
    why = attempts[-1].detail or "the vendor did not take it"
    again = GatewayError.revive({"error": attempts[-1].outcome, "message": f"it was not sent: {why}"})
    again.hint = "try again later; nothing has left"
    raise again


# ── for later ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _keep_by(
    service: Api | None,
    config: Path,
    screen: Screen,
    to: str,
    composed: Composed,
    terms: Agreed,
    *,
    via: str | None,
    key: str,
    json: bool,
) -> None:
    """Have it kept until it may leave, by a service or in the configuration's store, and say under which id."""

    async def kept_there(api: Api) -> Ticket:
        ticket = await keep_there(api, screen, to, composed, terms, via=via, key=key)
        return ticket if json else ticket.model_copy(update={"connection": await _name(api, ticket.connection)})

    async def kept_here(gateway: Gateway) -> Ticket:
        message, policy = composed.message, composed.policy
        async with opened(screen, gateway):
            return await gateway.enqueue(to, message, via=via, key=key, policy=policy, **terms.options)

    ticket = asyncio.run(kept_here(lasting_gateway(config))) if service is None else service.run(kept_there)
    leaves = str(terms.body["at"])
    if json:
        screen.data({**ticket.model_dump(mode="json"), "key": key, "at": leaves})
        return
    kept = [("kept by", ticket.connection), ("message", ticket.message_id), ("leaves", leaves)]
    screen.facts([*kept, *_adapted(ticket.adaptations), ("key", key)])
    if service is None:
        screen.note("a worker sends it when its time comes: gateway worker")


# ── what is printed ───────────────────────────────────────────────────────────────────────────────────────────────


def _document(connection: str, receipt: Receipt, key: str) -> dict[str, JsonValue]:
    return {"connection": connection, "key": key, "receipt": receipt.model_dump(mode="json")}


def _facts(connection: str, receipt: Receipt, key: str) -> list[tuple[str, str | None]]:
    return [
        ("accepted by", connection),
        ("message", receipt.message_id),
        *(("vendor's id", f"{entry.vendor_id} ({entry.state.value})") for entry in receipt.sent),
        *_adapted(receipt.adaptations),
        ("key", key),
    ]


def _adapted(adaptations: Sequence[Adaptation]) -> list[tuple[str, str]]:
    return [("adapted", f"{each.feature.value}: {each.happened}, because {each.why}") for each in adaptations]
