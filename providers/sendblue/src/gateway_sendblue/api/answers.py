"""How every answer is read: success or failure first, then what it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from gateway.provider import Call, Exchange, Path, Repeat, Reply
from gateway_sendblue import wire
from gateway_sendblue.errors import failure, refusal

__all__ = ["FAILED", "acknowledged", "ask", "events", "fetch", "get", "look_up"]

ModelT = TypeVar("ModelT", bound=BaseModel)
AnswerT = TypeVar("AnswerT", bound=wire.Answer)

FAILED = frozenset({"ERROR", "DECLINED"})
"""What an answer of 2xx says when nothing came of the request."""


def acknowledged(reply: Reply) -> None:
    """Make sure that the call succeeded, whatever the body is; raises the vendor's refusal."""
    if not reply.ok:
        raise refusal(reply)
    try:
        body = wire.ErrorBody.model_validate_json(reply.body)
    except ValidationError:
        return
    if body.status in FAILED:
        raise failure(reply, body)


def ask(call: Call, answer: type[AnswerT]) -> Exchange[AnswerT]:
    """Make one call whose answer may say that it failed, and read it."""
    reply = yield call
    acknowledged(reply)
    return reply.read(answer)


def fetch(call: Call, answer: type[ModelT]) -> Exchange[ModelT]:
    """Make one call that tells of something; that a message failed is no failure of the look-up."""
    reply = yield call
    if not reply.ok:
        raise refusal(reply)
    return reply.read(answer)


def get(where: Path, **params: str | float | None) -> Call:
    """Make a look-up; parameters that are None are left out."""
    given = {name: _spelled(value) for name, value in params.items() if value is not None}
    return Call("GET", where, params=given, repeat=Repeat.SAFE)


def look_up(where: Path, answer: type[ModelT], **params: str | float | None) -> Exchange[ModelT]:
    """Look something up."""
    return fetch(get(where, **params), answer)


def events(reply: Reply) -> Sequence[Mapping[str, JsonValue]]:
    """Read a stream of server-sent events: the JSON of each, in order; raises the vendor's refusal.

    Comments keep the stream open and say nothing; an event that is no JSON object is left out.
    """
    if not reply.ok:
        raise refusal(reply)
    found = []
    for block in reply.text.replace("\r\n", "\n").split("\n\n"):
        lines = block.split("\n")
        data = "\n".join(line.removeprefix("data:").strip() for line in lines if line.startswith("data:"))
        value = Reply(200, body=data.encode()).json() if data else None
        if isinstance(value, dict):
            found.append(value)
    return found


def _spelled(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
