"""`gateway messages resolve`, `resend`, `cancel`: what only a person can decide.

In a store of this machine they send nothing: that is for a running gateway or `gateway worker`. A service does it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from gateway.cli.api import Api, KeyFile, ServiceUrl, new_key, path, service_if
from gateway.cli.completing import complete_message
from gateway.cli.configured import DEFAULT, ConfigFile, JsonFlag, chosen, lasting_gateway, opened
from gateway.cli.deciding import DryRun, would
from gateway.cli.messages.looking import found, looking
from gateway.cli.screen import Screen
from gateway.client import Gateway
from gateway.errors import Cancelled, NotSettled, PartlySent
from gateway.store import MessageState

__all__ = ["cancel", "resend", "resolve"]

_MOST_WAIT = 30.0
"""Seconds that a service waits in one request."""


class _Verdict(StrEnum):
    RESEND = "resend"
    MARK_SENT = "mark_sent"
    DROP = "drop"


def _verdicts(incomplete: str) -> list[str]:
    return [verdict.value for verdict in _Verdict if verdict.value.startswith(incomplete)]


MessageArgument: TypeAlias = Annotated[
    str,
    typer.Argument(metavar="ID", help="The message_id of a receipt or a ticket.", autocompletion=complete_message),
]


def resolve(
    ctx: typer.Context,
    message: MessageArgument,
    verdict: Annotated[
        str, typer.Argument(metavar="resend|mark_sent|drop", help="What to do with it.", autocompletion=_verdicts)
    ],
    *,
    dry_run: DryRun = False,
    config: ConfigFile = DEFAULT,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Settle a message whose outcome nobody knows: send it again, take it for sent, or drop it.

    Look at the phone or the vendor's dashboard first: `resend` may bring it twice. What is to be sent is sent by the
    service, or by a running gateway or `gateway worker` from a store.
    """
    word = chosen(_Verdict, verdict.replace("-", "_"), "the verdict")
    assert word is not None  # noqa: S101 - it was given

    async def here(gateway: Gateway) -> object:
        return await gateway.resolve(message, word.value, wait=0)

    async def there(api: Api) -> Any:
        return await api.post(path("messages", message, "resolve"), {"verdict": word.value}, key=new_key())

    decision = _Decision(message, f"settle it as {word.value}", here, there)
    _decide(ctx, decision, config, service_if(ctx, url, key_file), dry_run=dry_run, json=json)


def resend(
    ctx: typer.Context,
    message: MessageArgument,
    *,
    dry_run: DryRun = False,
    config: ConfigFile = DEFAULT,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Go on with a message that was partly sent, from the step that was refused.

    It is sent by the service, or by a running gateway or `gateway worker` from a store.
    """

    async def here(gateway: Gateway) -> object:
        return await gateway.resend(message, wait=0)

    async def there(api: Api) -> Any:
        return await api.post(path("messages", message, "resend"), key=new_key())

    decision = _Decision(message, "go on with it", here, there)
    _decide(ctx, decision, config, service_if(ctx, url, key_file), dry_run=dry_run, json=json)


def cancel(
    ctx: typer.Context,
    message: MessageArgument,
    *,
    wait: Annotated[
        float,
        typer.Option(min=0, metavar="SECONDS", help="How long to wait while it is leaving; a service: 30 at most."),
    ] = 5.0,
    dry_run: DryRun = False,
    config: ConfigFile = DEFAULT,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Take back what has not left; when this ends well, it is certain that it will not.

    Of a sequence that has begun the rest is taken back. Exit code 2: it has left, or may have.
    """

    async def here(gateway: Gateway) -> None:
        await gateway.cancel(message, wait=wait)

    async def there(api: Api) -> Any:
        return await api.post(path("messages", message, "cancel"), key=new_key(), wait=min(wait, _MOST_WAIT))

    decision = _Decision(message, "take it back", here, there)
    _decide(ctx, decision, config, service_if(ctx, url, key_file), dry_run=dry_run, json=json)


@dataclass(frozen=True, slots=True)
class _Decision:
    """What was decided about a message, and how that is carried out where it is kept."""

    message: str
    words: str
    here: Callable[[Gateway], Awaitable[object]]
    there: Callable[[Api], Awaitable[Any]]


def _decide(
    ctx: typer.Context, decision: _Decision, config: Path, service: Api | None, *, dry_run: bool, json: bool
) -> None:
    screen: Screen = ctx.obj
    if dry_run:
        state = _state(screen, decision.message, config, service)
        facts = [("message", decision.message), ("state", state)]
        would(screen, decision.words, facts, json=json, message_id=decision.message, state=state)
        return
    if service is None:
        id_, state = asyncio.run(_decided(screen, lasting_gateway(config), decision))
    else:
        told = service.run(decision.there)
        id_, state = told["id"], told["outcome"]
    if json:
        screen.data({"message_id": id_, "state": state})
        return
    screen.facts([("message", id_), ("state", state)])
    if state == MessageState.QUEUED:
        screen.note(f"{'a running gateway or `gateway worker`' if service is None else 'the service'} sends it")


def _state(screen: Screen, message: str, config: Path, service: Api | None) -> str:
    async def here() -> str:
        async with looking(screen, config) as store:
            return (await found(store, message))[0].state.value

    async def there(api: Api) -> str:
        return str((await api.get(path("messages", message)))["outcome"])

    return asyncio.run(here()) if service is None else service.run(there)


async def _decided(screen: Screen, gateway: Gateway, decision: _Decision) -> tuple[str, str]:
    async with opened(screen, gateway):
        # these are what was decided: it waits to be sent, it was dropped, or the rest of it was
        with contextlib.suppress(NotSettled, Cancelled, PartlySent):
            await decision.here(gateway)
        row, _ = await found(gateway.store, decision.message)
        return row.id, row.state.value
