"""Webhooks of the vendor's front for n8n: a received message and nothing that names it.

Source: a live integration on that front (October 2026), whose inbound body has message id, contact, text, channel and
sender, and neither an event nor an id of the webhook. The sender is a name there, not an id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from gateway.provider import Event
from gateway_loopmessage.inbound.current import received
from gateway_loopmessage.inbound.reading import Read

__all__ = ["events", "recognises"]

_NAMES = frozenset({"event", "alert_type", "type", "status", "error_code"})
"""What stands in webhooks of the other generations, and here never."""


def recognises(payload: Mapping[str, JsonValue]) -> bool:
    """Tell whether a webhook is of this form: who, an id, and something that was written."""
    written = "text" in payload or "attachments" in payload
    return written and {"message_id", "contact"} <= payload.keys() and not _NAMES & payload.keys()


def events(read: Read) -> Sequence[Event]:
    """Read the one thing that this front tells."""
    return (received(read),)
