"""`idempotencyKey`: the same mutation again gives the first result, by the same records as the header of REST."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from gateway.errors import InvalidMessage
from gateway.server.graphql.context import Context
from gateway.server.problems import Fault
from gateway.server.repeating import LEASE
from gateway.store.records.idempotency import Begun, Kept, Turn

__all__ = ["Once", "once"]

_KEY = re.compile(r"[!-~]{1,255}")


@dataclass(frozen=True, slots=True)
class Once:
    """One turn of a mutation."""

    engine_key: str | None
    """Under which key it keeps what it promises: a process that dies in between leaves nothing to be done twice."""


async def once(
    context: Context,
    name: str,
    key: str | None,
    asked: Mapping[str, Any],
    carry_out: Callable[[Once], Awaitable[str]],
) -> str:
    """Carry out a mutation that gives an id, once for a key; gives the same id again for the same request.

    Raises `Fault`: 422 for a key that was used with another request, 409 while the first one is under way.
    """
    if key is None:
        return await carry_out(Once(None))
    if not _KEY.fullmatch(key):
        raise InvalidMessage("idempotencyKey is 1 to 255 visible ASCII characters", hint="a UUID is a good one")
    place = (context.caller.tenant, f"GRAPHQL {name}", key)
    service, now = context.service, context.service.now()
    begun = await service.idempotency.begin(*place, fingerprint=_digest(asked), now=now, until=now + LEASE)
    if begun.turn is Turn.DONE and begun.answer is not None:
        return service.open_answer(place, begun.answer.body).decode()
    if begun.turn is not Turn.MINE:
        raise _refusal(begun)
    try:
        made = await carry_out(Once(f"graphql:{_digest(place)}"))
    except BaseException:
        await service.idempotency.forget(*place)
        raise
    await service.idempotency.finish(*place, Kept(200, {}, await service.seal_answer(place, made.encode())))
    return made


def _digest(value: Any) -> str:
    return hashlib.sha256(to_json(value)).hexdigest()


def _refusal(begun: Begun) -> Fault:
    if begun.turn is Turn.OTHER:
        detail = "this idempotencyKey was used before with another request"
        return Fault(422, "idempotency_mismatch", detail, hint="use a new key, or repeat the very same mutation")
    return Fault(409, "in_progress", "the first mutation with this key is still under way", retry_after=1)
