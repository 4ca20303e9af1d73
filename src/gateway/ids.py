"""Identifiers: who makes them, and that nobody else takes them apart.

Every identifier is opaque text. Only this file makes ours; only a provider makes sense of its vendor's. Formats are
stored, hence they stay as they are.
"""

from __future__ import annotations

import hashlib
import secrets
import struct
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, NewType

from pydantic_core import to_json

if TYPE_CHECKING:
    from datetime import datetime

    from pydantic import JsonValue

__all__ = [
    "ChatId",
    "EventId",
    "MessageId",
    "Token",
    "chat_id",
    "content_key",
    "direct_chat",
    "event_id",
    "event_key",
    "new_id",
    "new_message_id",
    "new_timed_id",
    "new_token",
    "unwrap_token",
    "wrap_token",
]

MessageId = NewType("MessageId", str)
"""Ours, for one message that was asked for: `msg_` and 26 characters that sort by time, and by which was made first."""

ChatId = NewType("ChatId", str)
"""Ours, for a conversation on a connection: `chat_` and 26 characters; the same chat gives the same id."""

EventId = NewType("EventId", str)
"""Ours, for one thing that happened: `evt_` and 26 characters; the same webhook parsed again gives the same id."""

Token = NewType("Token", str)
"""Ours, for one step on the vendor's wire; random, never equal for two steps."""


def _pairs(alphabet: str) -> list[str]:
    """Give all numbers of ten bits as two digits of base 32: half the steps, in what is done for every message."""
    return [high + low for high in alphabet for low in alphabet]


_CROCKFORD = _pairs("0123456789abcdefghjkmnpqrstvwxyz")
_RFC_4648 = _pairs("abcdefghijklmnopqrstuvwxyz234567")
_PLACES = range(120, -1, -10)
"""Where each ten bits of 130 begin."""


def _base32(number: int, pairs: list[str]) -> str:
    """Write 130 bits as 26 digits."""
    return "".join([pairs[number >> place & 1023] for place in _PLACES])


def new_message_id(now: datetime) -> MessageId:
    """Make the id of a new message: 48 bits of milliseconds, then 80 random ones, in Crockford's base 32 (ULID).

    Of two with one time, to the millisecond, that are made in this process the later one is greater.
    """
    return MessageId("msg_" + _timed(now))


def new_id(prefix: str) -> str:
    """Make an id that nobody can guess: the prefix, an underscore, and 130 random bits as 26 characters."""
    return f"{prefix}_{_base32(secrets.randbits(130), _CROCKFORD)}"


def new_timed_id(prefix: str, now: datetime) -> str:
    """Make an id that sorts as a message's does: by time, then by which was made first."""
    return f"{prefix}_{_timed(now)}"


def new_token() -> Token:
    """Make the token of a step: 22 random characters of URL-safe base 64 (132 bits), no dot in them."""
    return Token(secrets.token_urlsafe(16))


_FIRST = 79
"""Random bits of the first id of a millisecond: half of the 80 that it has room for is above them."""
_STEP = 56
"""Random bits of the step from one id to the next: as good as unguessable, and the room is enough for eight million."""
_MILLISECONDS = 64
"""How many milliseconds are remembered: callers were told the time some moments ago, and a clock may stand still."""
_latest: dict[int, int] = {}
"""The random part of the last id of each of those, the one that was asked for last at the end."""
_lock = threading.Lock()


def _timed(now: datetime) -> str:
    millisecond, chance = int(now.timestamp() * 1000), secrets.randbits(_FIRST)
    with _lock:
        before = _latest.pop(millisecond, None)
        part = chance if before is None else before + 1 + (chance >> _FIRST - _STEP)
        _latest[millisecond] = part
        if len(_latest) > _MILLISECONDS:
            del _latest[next(iter(_latest))]
    return _base32((millisecond << 80) + part, _CROCKFORD)


_WRAPPED = "gw1."
_WRAPPED_TOKEN_LENGTH = len(_WRAPPED) + 22 + 1


def wrap_token(token: Token, reference: str | None) -> str:
    """Put a token in front of the caller's reference, for a vendor that returns one string of ours.

    `gw1.<token>.<reference>`; 27 characters longer than the reference.
    """
    return f"{_WRAPPED}{token}.{reference or ''}"


def unwrap_token(text: str | None) -> tuple[Token | None, str | None]:
    """Take apart what `wrap_token` made; text that it did not make is all reference."""
    if not text:
        return None, None
    if not text.startswith(_WRAPPED) or text[_WRAPPED_TOKEN_LENGTH - 1 : _WRAPPED_TOKEN_LENGTH] != ".":
        return None, text
    token = Token(text[len(_WRAPPED) : _WRAPPED_TOKEN_LENGTH - 1])
    return token, text[_WRAPPED_TOKEN_LENGTH:] or None


def event_id(connection: str, key: str) -> EventId:
    """Derive the id of an event from its connection and the key that the provider's parser gave it."""
    return EventId("evt_" + _digest(_begun("event", connection), key))


def event_key(*parts: str | float | None) -> str:
    """Join what makes an event itself into its key, so that no two different lists give the same text."""
    return to_json(parts).decode()


def content_key(payload: JsonValue) -> str:
    """Hash what a payload says, not its bytes: a vendor's log may give it back with other spaces and order."""
    return f"sha256:{hashlib.sha256(to_json(_sorted(payload))).hexdigest()}"


def _sorted(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value


@lru_cache(4096)  # a send asks for the id of its chat at every stage
def chat_id(connection: str, identity: str) -> ChatId:
    """Derive the id of a chat from its connection and `Chat.identity`."""
    return ChatId("chat_" + _digest(_begun("chat", connection), identity))


def direct_chat(connection: str, address: str) -> ChatId:
    """Derive the id of the chat with one address, in its canonical spelling, as `chat_id` does of its identity."""
    return chat_id(connection, f"direct:{address}")


_HALVES = struct.Struct(">QQ")
"""The first 128 bits of a hash, as two numbers that the processor takes whole: shifting a longer one takes twice as
long, and each event has its id made."""


def _digest(begun: bytes, last: str) -> str:
    """Hash parts so that no two different lists give the same text: each is preceded by its length.

    Gives 26 digits: 128 bits, and two that are zero.
    """
    a, b = _HALVES.unpack_from(hashlib.sha256(begun + _measured(last)).digest())
    p = _RFC_4648
    return (
        f"{p[a >> 54]}{p[a >> 44 & 1023]}{p[a >> 34 & 1023]}{p[a >> 24 & 1023]}{p[a >> 14 & 1023]}{p[a >> 4 & 1023]}"
        f"{p[(a & 15) << 6 | b >> 58]}"
        f"{p[b >> 48 & 1023]}{p[b >> 38 & 1023]}{p[b >> 28 & 1023]}{p[b >> 18 & 1023]}{p[b >> 8 & 1023]}"
        f"{p[(b & 255) << 2]}"
    )


@lru_cache(1024)  # all ids of a connection begin with the same
def _begun(*parts: str) -> bytes:
    return b"".join([_measured(part) for part in parts])


def _measured(part: str) -> bytes:
    data = part.encode("utf-8", "surrogatepass")
    return len(data).to_bytes(8) + data
