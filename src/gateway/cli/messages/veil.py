"""What of a message may be on a screen: addresses masked, contents and payloads hidden."""

from __future__ import annotations

from typing import Any

from gateway.addresses import Address, redact
from gateway.model import Chat

__all__ = ["HIDDEN", "masked_address", "recipient", "veiled"]

HIDDEN = "•••"

_CONTENT = frozenset(
    "text subject title name raw body json_ params headers files data url file preview_image extra parameters option"
    " options".split()
)
"""Keys of what was said, and of what a vendor makes of it."""

_PLAIN = frozenset(
    "message_id id vendor_id chat_id connection provider handler digest token events source template method".split()
)
"""Keys of what names no person; the masking of numbers would only spoil them. Times are the same."""


def veiled(value: Any, key: str = "") -> Any:
    """Copy a JSON document so that it can be shown to anybody: what is not known to be harmless is masked."""
    if key in _CONTENT:
        return HIDDEN if value else value
    if isinstance(value, dict):
        return {name: veiled(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [veiled(item, key) for item in value]
    if key in _PLAIN or key.endswith("_at"):
        return value
    return redact(value, limit=10_000) if isinstance(value, str) else value


def masked_address(text: str) -> str:
    """Mask an address, so that whoever knows it knows it again; what is none is masked as a text is."""
    found = Address.read(text)
    return redact(text) if found is None else found.masked


def recipient(identity: str, *, reveal: bool = False) -> str:
    """Say where a message goes by the identity of its chat: `direct:+1…`, `several:+1…,+1…`, `group:ID`."""
    kind, _, rest = identity.partition(":")
    chat = Chat.of_group(rest) if kind == "group" else Chat.several(*rest.split(","))
    return chat.text if reveal else chat.masked
