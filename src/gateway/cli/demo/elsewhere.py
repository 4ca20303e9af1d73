"""A bot that is somewhere else, in any language: each message goes to its URL, and what it answers is sent.

It is asked with POST, and gets the event as the service forwards it: `{"type", "timestamp", "data"}`, signed. It
answers with status 200 and `{"text": "…"}`, beside which `subject`, `effect` and `react` may stand; or with 204, and
nothing is sent. The answer is the demo's own shortcut: a bot of a service calls its API.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from pydantic import Field, ValidationError
from pydantic_core import to_json

from gateway.addresses import Word
from gateway.errors import GatewayError
from gateway.events import MessageReceived
from gateway.interface import Interface
from gateway.model import Effect, Message, Reaction
from gateway.transport import ClientError, plain_client

__all__ = ["Answer", "Unusable", "add_bot_at", "asked"]

_PATIENCE = 12.0
"""Seconds: less than a service waits for whoever it forwards to."""
_MOST_BYTES = 64 * 1024
_OURS = {"type", "key", "token", "raw"}
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Answer(Word):
    """What a bot answers."""

    text: str | None = Field(default=None, min_length=1, repr=False)
    subject: str | None = Field(default=None, repr=False)
    effect: Effect | None = None
    react: Reaction | None = None


class Unusable(Exception):
    """Nothing can be done with what the bot said; `status` is what it answered, if it did."""

    def __init__(self, why: str, status: int | None = None) -> None:
        super().__init__(why)
        self.status = status


async def asked(url: str, body: bytes, headers: Mapping[str, str] = _NO_HEADERS) -> Answer:
    """Hand a bot an event, and read what it answers; raises `Unusable`."""
    async with plain_client(_PATIENCE) as client:
        try:
            answer = await client.post(url, content=body, headers={**headers, "content-type": "application/json"})
        except ClientError as error:
            raise Unusable(f"it cannot be reached ({type(error).__name__})") from error
    if answer.status_code >= 300:
        raise Unusable(f"it answered {answer.status_code}", answer.status_code)
    if not answer.content.strip():
        return Answer()
    try:
        return Answer.model_validate_json(answer.content[:_MOST_BYTES])
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, wrong["loc"])) or "the whole"
        raise Unusable(f"its answer is wrong: {where}: {wrong['msg']}", answer.status_code) from None


def add_bot_at(gateway: Interface, url: str, trouble: Callable[[str], None]) -> None:
    """Let a bot at a URL answer whatever a contact writes; `trouble` hears why it could not."""

    @gateway.on(MessageReceived)
    async def answer(event: MessageReceived) -> None:
        if event.ours:
            return
        try:
            said = await asked(url, _body(event))
            if said.react is not None:
                await gateway.react(event, said.react)
            if said.text is not None:
                await gateway.send(event, Message(said.text, subject=said.subject, effect=said.effect))
        except (GatewayError, Unusable) as error:
            trouble(f"the bot at {url}: {error}")


def _body(event: MessageReceived) -> bytes:
    """Write an event as a service would; here nobody signs it."""
    when = event.occurred_at or event.received_at
    data = event.model_dump(mode="json", exclude=_OURS, exclude_none=True)
    return to_json({"type": event.type, "timestamp": when, "data": data})
