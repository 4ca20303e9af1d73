"""What the parsers of all generations share: a webhook on its way, and how its words become ours."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import JsonValue, ValidationError

from gateway.provider import Address, Channel, Chat, Reaction, unwrap_token
from gateway_loopmessage.wire import Hook

__all__ = ["NotUnderstood", "Read", "address", "channel", "read", "tapback"]


class Read(NamedTuple):
    """A webhook on its way: the vendor's object, and the fields that all its events share."""

    hook: Hook
    common: dict[str, Any]


class NotUnderstood(Exception):
    """The webhook lacks what its event needs."""


def read(payload: JsonValue, key: str) -> Read:
    """Read an object as a webhook; raises `pydantic.ValidationError` where a fact is not what it has to be."""
    hook = Hook.model_validate(payload)
    token, reference = unwrap_token(hook.passthrough)
    common = {"key": key, "chat": _chat(hook), "token": token, "reference": reference, "raw": payload}
    return Read(hook, common)


def channel(word: str | None) -> Channel | None:
    """Read the vendor's word for a network; None for one that we do not know."""
    try:
        return Channel(word) if word else None
    except ValueError:
        return None


def _chat(hook: Hook) -> Chat | None:
    """Name the conversation: the group where there is one, for `contact` is then the member who wrote."""
    if hook.group is not None and hook.group.ref:
        members = tuple(found for found in map(address, hook.group.participants) if found is not None)
        return Chat.of_group(hook.group.ref, members=members, name=hook.group.name, line=hook.line)
    who = address(hook.who)
    return Chat.direct(who, line=hook.line) if who else None


def address(text: str | None) -> Address | None:
    """Read a contact; what is neither phone nor email (a short code, say) is the vendor's own id of one."""
    for make in (Address.parse, Address.contact):
        try:
            return make(text or "")
        except ValidationError:
            continue
    return None


def tapback(word: str) -> Reaction | None:
    """Read the word, `exclaim` for `emphasize` included; `unknown` and the like say nothing."""
    try:
        return Reaction.parse(word)
    except ValidationError:
        return None
