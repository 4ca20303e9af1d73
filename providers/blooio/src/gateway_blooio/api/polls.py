"""Polls, which are iMessage only."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.provider import Exchange, Repeat, path
from gateway_blooio import wire
from gateway_blooio.api.answers import change, get

__all__ = ["get_poll_results", "send_poll"]


def send_poll(chat: str, options: Sequence[str], *, title: str | None = None) -> Exchange[wire.PollAnswer]:
    """POST `/chats/{chatId}/polls`: 2 to 10 options. Repeat NEVER: there is no key, a second copy is a second poll."""
    body = wire.PollBody.model_validate({"options": list(options), **({"title": title} if title is not None else {})})
    return change("POST", path("/chats/{chat}/polls", chat=chat), wire.PollAnswer, body, repeat=Repeat.NEVER)


def get_poll_results(chat: str, poll: str) -> Exchange[wire.PollResults]:
    """GET `/chats/{chatId}/polls/{pollId}`: the votes; the id is that of the answer, or of the events on polls."""
    return get(path("/chats/{chat}/polls/{poll}", chat=chat, poll=poll), wire.PollResults)
