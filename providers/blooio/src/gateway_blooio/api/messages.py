"""Messages: send, look up, react, take back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from gateway.provider import Call, Exchange, Page, Repeat, path
from gateway_blooio import wire
from gateway_blooio.api.answers import change, get, listing
from gateway_blooio.errors import refusal

__all__ = [
    "Direction",
    "add_reaction",
    "cancel_message",
    "get_message",
    "get_message_status",
    "list_chat_messages",
    "send_message",
]

Direction: TypeAlias = Literal["inbound", "outbound"]

_RELATIVE = re.compile(r"-[0-9]+")


def send_message(
    chat: str, body: Mapping[str, Any], *, key: str | None = None
) -> Exchange[tuple[wire.SendAnswer, bool]]:
    """POST `/chats/{chatId}/messages`: send what `wire.SendBody` describes.

    Gives the answer, and whether the vendor had seen `key` before (200 in place of 202). Repeat KEYED: a key is
    answered with its first result; without one NEVER, for a second copy is a second message.
    """
    reply = yield Call(
        "POST",
        path("/chats/{chat}/messages", chat=chat),
        json=dict(body),
        headers={"Idempotency-Key": key} if key else {},
        repeat=Repeat.KEYED if key else Repeat.NEVER,
    )
    if not reply.ok:
        raise refusal(reply)
    return reply.read(wire.SendAnswer), reply.status == 200


def list_chat_messages(
    chat: str,
    *,
    limit: int = 50,
    offset: int = 0,
    sort: Literal["asc", "desc"] = "desc",
    direction: Direction | None = None,
    since: int | None = None,
    until: int | None = None,
) -> Exchange[Page[wire.MessageItem]]:
    """GET `/chats/{chatId}/messages`: messages by page; `since` and `until` are Unix milliseconds, both left out."""
    return listing(
        path("/chats/{chat}/messages", chat=chat),
        wire.MessageList,
        lambda page: page.messages,
        limit=limit,
        offset=offset,
        sort=sort,
        direction=direction,
        since=since,
        until=until,
    )


def get_message(chat: str, message: str) -> Exchange[wire.MessageItem]:
    """GET `/chats/{chatId}/messages/{messageId}`; one that has just arrived may be `NotFound` for a moment."""
    return get(path("/chats/{chat}/messages/{message}", chat=chat, message=message), wire.MessageItem)


def get_message_status(chat: str, message: str) -> Exchange[wire.StatusAnswer]:
    """GET `/chats/{chatId}/messages/{messageId}/status`: how far it has come; `read` is not among the words."""
    return get(path("/chats/{chat}/messages/{message}/status", chat=chat, message=message), wire.StatusAnswer)


def add_reaction(
    chat: str, message: str, reaction: str, *, direction: Direction | None = None
) -> Exchange[wire.ReactionAnswer]:
    """POST `…/messages/{messageId}/reactions`: `+love` reacts, `-love` takes it back; any emoji stands for the word.

    `message` is an id, or counts from the end: `-1` the last message, `-2` the one before; `direction` says which
    messages are counted. Repeat SAFE, for a reaction is there or not; with a count NEVER, for by then another message
    may be the last.
    """
    body = wire.ReactionBody.model_validate({"reaction": reaction, **({"direction": direction} if direction else {})})
    where = path("/chats/{chat}/messages/{message}/reactions", chat=chat, message=message)
    repeat = Repeat.NEVER if _RELATIVE.fullmatch(message) else Repeat.SAFE
    return change("POST", where, wire.ReactionAnswer, body, repeat=repeat)


def cancel_message(chat: str, message: str) -> Exchange[wire.Cancelled]:
    """DELETE `/chats/{chatId}/messages/{messageId}`: take back what is still queued.

    Not in the vendor's index: one page for editors' assistants names it, and API v1 had it. Expect `NotFound`. Repeat
    SAFE: what was cancelled stays cancelled.
    """
    return change("DELETE", path("/chats/{chat}/messages/{message}", chat=chat, message=message), wire.Cancelled)
