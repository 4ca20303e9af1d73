"""Blooio's operations as functions that return an exchange.

For use beyond the neutral words: `await gateway.run("blooio-main", api.list_messages("+13231112233", limit=20))`.
A `chat` is the vendor's chat id as it is (phone, email, `grp_…`, addresses with commas between); it is encoded here.
Each raises what `gateway_blooio.errors.refusal` makes of an answer that is not 2xx.
Source: https://docs.blooio.com/reference/v2 (2026).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, TypeVar

from gateway.provider import Call, Exchange, Path, Repeat, path
from gateway_blooio import wire
from gateway_blooio.errors import refusal

__all__ = [
    "Direction",
    "get_message",
    "list_messages",
    "list_numbers",
    "list_webhook_logs",
    "list_webhooks",
    "mark_read",
    "message_status",
    "react",
    "send",
    "start_typing",
    "stop_typing",
]

Direction: TypeAlias = Literal["inbound", "outbound"]
Model = TypeVar("Model", bound=wire.Wire)

PAGE = 200
"""Most items of a page."""


def send(chat: str, body: Mapping[str, Any], *, key: str | None = None) -> Exchange[tuple[wire.SendAnswer, bool]]:
    """Send what `wire.SendBody` describes; returns the answer, and whether the vendor had seen `key` before (200).

    Without a key a repetition sends twice.
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


def react(
    chat: str, message: str, reaction: str, *, direction: Direction | None = None
) -> Exchange[wire.ReactionAnswer]:
    """React with `+love`, or take it back with `-love`; any emoji stands for the word.

    `message` is an id, or a relative index: `-1` the last message, `-2` the one before; `direction` says which
    messages the index counts.
    """
    body = wire.ReactionBody(reaction=reaction, direction=direction)
    return _ask(
        Call(
            "POST",
            path("/chats/{chat}/messages/{message}/reactions", chat=chat, message=message),
            json=body.model_dump(mode="json", exclude_none=True),
            repeat=Repeat.SAFE,
        ),
        wire.ReactionAnswer,
    )


def start_typing(chat: str) -> Exchange[wire.TypingAnswer]:
    """Show the typing dots; on RCS nothing is shown and the answer has a `warning`."""
    return _ask(Call("POST", path("/chats/{chat}/typing", chat=chat), repeat=Repeat.SAFE), wire.TypingAnswer)


def stop_typing(chat: str) -> Exchange[wire.TypingAnswer]:
    """Take the typing dots away."""
    return _ask(Call("DELETE", path("/chats/{chat}/typing", chat=chat), repeat=Repeat.SAFE), wire.TypingAnswer)


def mark_read(chat: str) -> Exchange[wire.ReadAnswer]:
    """Mark all messages of a chat as read, and send the read receipt."""
    return _ask(Call("POST", path("/chats/{chat}/read", chat=chat), repeat=Repeat.SAFE), wire.ReadAnswer)


def message_status(chat: str, message: str) -> Exchange[wire.StatusAnswer]:
    """Look up how far a message has come."""
    where = path("/chats/{chat}/messages/{message}/status", chat=chat, message=message)
    return _ask(_get(where), wire.StatusAnswer)


def get_message(chat: str, message: str) -> Exchange[wire.MessageItem]:
    """Look up one message; one that has just arrived may be unknown (404) for a moment."""
    where = path("/chats/{chat}/messages/{message}", chat=chat, message=message)
    return _ask(_get(where), wire.MessageItem)


def list_messages(
    chat: str,
    *,
    limit: int = 50,
    offset: int = 0,
    sort: Literal["asc", "desc"] = "desc",
    direction: Direction | None = None,
    since: int | None = None,
    until: int | None = None,
) -> Exchange[wire.MessageList]:
    """Look up a page of a chat's messages; `limit` is 1 to 200, `since` and `until` are Unix milliseconds."""
    where = path("/chats/{chat}/messages", chat=chat)
    page = {"limit": limit, "offset": offset, "sort": sort}
    return _ask(_get(where, **page, direction=direction, since=since, until=until), wire.MessageList)


def list_numbers() -> Exchange[wire.Numbers]:
    """Look up the numbers of the key's pool: what `from_number` may be."""
    return _ask(_get(path("/me/numbers")), wire.Numbers)


def list_webhooks() -> Exchange[wire.Subscriptions]:
    """Look up the webhook subscriptions; their secrets are not shown again."""
    return _ask(_get(path("/webhooks")), wire.Subscriptions)


def list_webhook_logs(
    webhook: str, *, limit: int = 50, offset: int = 0, sort: Literal["asc", "desc"] = "desc"
) -> Exchange[wire.WebhookLogs]:
    """Look up a page of the attempts to deliver, by the time of the attempt; `limit` is 1 to 200."""
    where = path("/webhooks/{webhook}/logs", webhook=webhook)
    return _ask(_get(where, limit=limit, offset=offset, sort=sort), wire.WebhookLogs)


def _ask(call: Call, answer: type[Model]) -> Exchange[Model]:
    reply = yield call
    if not reply.ok:
        raise refusal(reply)
    return reply.read(answer)


def _get(where: Path, **params: str | int | None) -> Call:
    given = {name: str(value) for name, value in params.items() if value is not None}
    return Call("GET", where, params=given, repeat=Repeat.SAFE)
