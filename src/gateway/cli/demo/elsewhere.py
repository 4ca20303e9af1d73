"""A bot that is somewhere else, in any language: each message goes to its URL, and what it answers is sent.

It is asked with POST, and gets the event as JSON. It answers with status 200 and `{"text": "…"}`, beside which
`subject`, `effect` and `react` may stand; or with 204, and nothing is sent.
"""

from __future__ import annotations

from collections.abc import Callable

from pydantic import Field, ValidationError
from pydantic_core import to_json

from gateway.addresses import Word
from gateway.client import Gateway
from gateway.errors import GatewayError
from gateway.events import MessageReceived
from gateway.model import Effect, Message, Reaction
from gateway.transport import ClientError, plain_client

__all__ = ["add_bot_at"]

_PATIENCE = 30.0
_MOST_BYTES = 64 * 1024


class _Answer(Word):
    """What a bot answers."""

    text: str | None = Field(default=None, min_length=1, repr=False)
    subject: str | None = Field(default=None, repr=False)
    effect: Effect | None = None
    react: Reaction | None = None


def add_bot_at(gateway: Gateway, url: str, trouble: Callable[[str], None]) -> None:
    """Let a bot at a URL answer whatever a contact writes; `trouble` hears why it could not."""

    @gateway.on(MessageReceived)
    async def answer(event: MessageReceived) -> None:
        if event.ours:
            return
        try:
            said = await _asked(url, event)
            if said.react is not None:
                await gateway.react(event, said.react)
            if said.text is not None:
                await gateway.send(event, Message(said.text, subject=said.subject, effect=said.effect))
        except (GatewayError, _Unusable) as error:
            trouble(f"the bot at {url}: {error}")


class _Unusable(Exception):
    """Nothing can be done with what the bot said."""


async def _asked(url: str, event: MessageReceived) -> _Answer:
    body = to_json(event.model_dump(mode="json", exclude={"raw"}, exclude_none=True))
    async with plain_client(_PATIENCE) as client:
        try:
            answer = await client.post(url, content=body, headers={"content-type": "application/json"})
        except ClientError as error:
            raise _Unusable(f"it cannot be reached ({type(error).__name__})") from error
    if answer.status_code >= 300:
        raise _Unusable(f"it answered {answer.status_code}")
    if not answer.content.strip():
        return _Answer()
    try:
        return _Answer.model_validate_json(answer.content[:_MOST_BYTES])
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, wrong["loc"])) or "the whole"
        raise _Unusable(f"its answer is wrong: {where}: {wrong['msg']}") from None
