"""`gateway messages resolve`, `resend`, `cancel`: what only a person can decide. Nothing is sent by these commands."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from gateway.cli.configured import DEFAULT, ConfigFile, JsonFlag, chosen, lasting_gateway
from gateway.cli.messages.looking import found
from gateway.cli.screen import Screen
from gateway.client import Gateway
from gateway.errors import Cancelled, NotSettled, PartlySent
from gateway.store import MessageRow, MessageState

__all__ = ["cancel", "resend", "resolve"]


class _Verdict(StrEnum):
    RESEND = "resend"
    MARK_SENT = "mark_sent"
    DROP = "drop"


def _verdicts(incomplete: str) -> list[str]:
    return [verdict.value for verdict in _Verdict if verdict.value.startswith(incomplete)]


MessageArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="ID", help="The message_id of a receipt or a ticket.")
]


def resolve(
    ctx: typer.Context,
    message: MessageArgument,
    verdict: Annotated[
        str, typer.Argument(metavar="resend|mark_sent|drop", help="What to do with it.", autocompletion=_verdicts)
    ],
    *,
    config: ConfigFile = DEFAULT,
    json: JsonFlag = False,
) -> None:
    """Settle a message whose outcome nobody knows: send it again, take it for sent, or drop it.

    Look at the phone or the vendor's dashboard first: `resend` may bring it twice. What is to be sent is sent by a
    running gateway or `gateway worker`.
    """
    word = chosen(_Verdict, verdict.replace("-", "_"), "the verdict")
    assert word is not None  # noqa: S101 - it was given

    async def decide(gateway: Gateway) -> object:
        return await gateway.resolve(message, word.value, wait=0)

    _decide(ctx.obj, config, message, decide, json=json)


def resend(
    ctx: typer.Context, message: MessageArgument, *, config: ConfigFile = DEFAULT, json: JsonFlag = False
) -> None:
    """Go on with a message that was partly sent, from the step that was refused.

    It is sent by a running gateway or `gateway worker`.
    """

    async def decide(gateway: Gateway) -> object:
        return await gateway.resend(message, wait=0)

    _decide(ctx.obj, config, message, decide, json=json)


def cancel(
    ctx: typer.Context,
    message: MessageArgument,
    *,
    wait: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long to wait while it is leaving at this moment.")
    ] = 5.0,
    config: ConfigFile = DEFAULT,
    json: JsonFlag = False,
) -> None:
    """Take back what has not left; when this ends well, it is certain that it will not.

    Of a sequence that has begun the rest is taken back. Exit code 2: it has left, or may have.
    """

    async def decide(gateway: Gateway) -> None:
        await gateway.cancel(message, wait=wait)

    _decide(ctx.obj, config, message, decide, json=json)


def _decide(
    screen: Screen, config: Path, message: str, decide: Callable[[Gateway], Awaitable[object]], *, json: bool
) -> None:
    row = asyncio.run(_decided(lasting_gateway(config), message, decide))
    if json:
        screen.data({"message_id": row.id, "state": row.state.value})
        return
    screen.facts([("message", row.id), ("state", row.state.value)])
    if row.state is MessageState.QUEUED:
        screen.note("a running gateway or `gateway worker` sends it")


async def _decided(gateway: Gateway, message: str, decide: Callable[[Gateway], Awaitable[object]]) -> MessageRow:
    async with gateway:
        # these are what was decided: it waits to be sent, it was dropped, or the rest of it was
        with contextlib.suppress(NotSettled, Cancelled, PartlySent):
            await decide(gateway)
        row, _ = await found(gateway.store, message)
        return row
