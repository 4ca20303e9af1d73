"""A message that goes to a running service: its files first, then itself, then what became of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from gateway.actions import Receipt
from gateway.cli.agreeing import Agreed
from gateway.cli.api import Api, path
from gateway.cli.composing import Composed
from gateway.cli.progress import progress
from gateway.cli.screen import Screen
from gateway.errors import Forbidden, OutcomeUnknown
from gateway.fitting import Plan
from gateway.ids import MessageId
from gateway.interface import Ticket
from gateway.model import Media, Message
from gateway.remote.spelling import message_json, open_outcome, receipt_of

__all__ = ["keep_there", "plan_there", "send_there"]

_MOST_WAIT = 30.0
"""Seconds that a service waits in one request."""
_LOOK = 0.5
"""Seconds between two looks at a message that takes longer than that."""


async def send_there(
    api: Api, screen: Screen, to: str, composed: Composed, terms: Agreed, *, via: str | None, key: str, wait: float
) -> tuple[str, Receipt]:
    """Have a service send a message; gives the connection's id and the receipt, once the vendor accepted it.

    Raises what it ended with, and `NotSettled` when `wait` seconds are over.
    """
    until = asyncio.get_running_loop().time() + wait
    body = await _body(api, screen, to, composed, terms, via)
    told = await api.post(path("messages"), body, key=key, wait=min(wait, _MOST_WAIT))
    # a key that may send and not read has to be content with what the first answer says
    with contextlib.suppress(Forbidden):
        while open_outcome(told) and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(_LOOK)
            told = await api.get(path("messages", told["id"]))
    try:
        return told["connection"], receipt_of(told, wait)
    except OutcomeUnknown as error:
        decide = f"gateway messages resolve {told['id']} resend|mark_sent|drop"
        error.hint = f"look at the phone or at the vendor's dashboard, then: {decide}"
        raise


async def keep_there(
    api: Api, screen: Screen, to: str, composed: Composed, terms: Agreed, *, via: str | None, key: str
) -> Ticket:
    """Have a service keep a message until it may leave; its ticket names the connection by its id."""
    told = await api.post(path("messages"), await _body(api, screen, to, composed, terms, via), key=key)
    return Ticket(message_id=MessageId(told["id"]), connection=told["connection"], adaptations=told["adaptations"])


async def plan_there(api: Api, screen: Screen, to: str, composed: Composed, *, via: str | None) -> Plan:
    """Have a service say what it would send; what had to be brought for that goes again."""
    async with _brought(api, screen, composed.message, keep=False) as message:
        body = await _asked(api, to, message, composed, via)
        return Plan.model_validate((await api.look(path("messages", "plan"), body))["plan"])


async def _body(
    api: Api, screen: Screen, to: str, composed: Composed, terms: Agreed, via: str | None
) -> dict[str, Any]:
    async with _brought(api, screen, composed.message, keep=True) as message:
        asked = await _asked(api, to, message, composed, via)
    return asked | {name: value for name, value in terms.body.items() if value is not None}


async def _asked(api: Api, to: str, message: Message, composed: Composed, via: str | None) -> dict[str, Any]:
    body = {
        "to": to,
        "message": message_json(message),
        "connection": await api.via(via),
        "policy": composed.policy.value if composed.policy else None,
    }
    return {name: value for name, value in body.items() if value is not None}


@contextlib.asynccontextmanager
async def _brought(api: Api, screen: Screen, message: Message, *, keep: bool) -> AsyncIterator[Message]:
    """Bring the files of a message, and name them by their ids."""
    files = [part.file for part in message.parts if isinstance(part, Media) and part.file is not None]
    ids = await _bring(api, screen, files)
    parts = tuple(
        part.model_copy(update={"file": None, "file_id": ids[part.file]})
        if isinstance(part, Media) and part.file is not None
        else part
        for part in message.parts
    )
    try:
        yield message.model_copy(update={"parts": parts})
    finally:
        for file_id in () if keep else ids.values():
            await api.delete(path("files", file_id))


async def _bring(api: Api, screen: Screen, files: list[Path]) -> dict[Path, str]:
    ids: dict[Path, str] = {}
    if files:
        with progress(screen, "bringing files", sum(file.stat().st_size for file in files), unit="bytes") as counter:
            for file in files:
                ids[file] = str((await api.upload(file, on_bytes=counter.advance))["id"])
    return ids
