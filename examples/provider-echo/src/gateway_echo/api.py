"""Echo's endpoints as functions that return an exchange.

Whoever needs more than the neutral words calls them by name: `await gateway.run("main", api.account())`.
"""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel

from gateway.provider import Call, Exchange, Path, Repeat, path
from gateway_echo import wire
from gateway_echo.errors import refusal

__all__ = ["account", "message", "messages_by_tag", "react", "send", "unreact"]

Answer = TypeVar("Answer", bound=BaseModel)


def send(body: wire.SendBody) -> Exchange[wire.MessageAnswer]:
    """Send a message. Echo knows no idempotency key: with a tag a second copy can be found, without one it cannot."""
    repeat = Repeat.TRACED if body.tag else Repeat.NEVER
    fields = body.model_dump(mode="json", by_alias=True, exclude_none=True)
    return _ask(Call("POST", path("/messages"), json=fields, repeat=repeat), wire.MessageAnswer)


def message(message_id: str) -> Exchange[wire.MessageAnswer]:
    """Look up a message."""
    return _ask(Call("GET", path("/messages/{id}", id=message_id), repeat=Repeat.SAFE), wire.MessageAnswer)


def messages_by_tag(tag: str) -> Exchange[wire.MessageList]:
    """Look up the messages with a tag. Echo files a message before it answers, so the list is complete."""
    return _ask(Call("GET", path("/messages"), params={"tag": tag}, repeat=Repeat.SAFE), wire.MessageList)


def react(message_id: str, reaction: str) -> Exchange[None]:
    """React to a message; a second reaction takes the place of the first."""
    return _do("PUT", path("/messages/{id}/reactions/{reaction}", id=message_id, reaction=reaction))


def unreact(message_id: str, reaction: str) -> Exchange[None]:
    """Take a reaction back."""
    return _do("DELETE", path("/messages/{id}/reactions/{reaction}", id=message_id, reaction=reaction))


def account() -> Exchange[wire.AccountAnswer]:
    """Look up the account of the key."""
    return _ask(Call("GET", path("/account"), repeat=Repeat.SAFE), wire.AccountAnswer)


def _ask(call: Call, answer: type[Answer]) -> Exchange[Answer]:
    reply = yield call
    if not reply.ok:
        raise refusal(reply)
    return reply.read(answer)


def _do(method: str, where: Path) -> Exchange[None]:
    """Call what answers 204 without a body; PUT and DELETE are safe to repeat."""
    reply = yield Call(method, where, repeat=Repeat.SAFE)
    if not reply.ok:
        raise refusal(reply)
