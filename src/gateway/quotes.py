"""What a message said that is at the vendor already: for the line that stands in place of a thread."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.actions import Receipt, SendMessage
from gateway.events import MessageReceived, message_event
from gateway.model import MessageRef
from gateway.outbox import action_of
from gateway.store.port import Store
from gateway.store.rows import StepRow

__all__ = ["texts_at"]


async def texts_at(store: Store, connection: str, refs: Sequence[MessageRef]) -> dict[MessageRef, str]:
    """Give the texts of messages at the vendor, a contact's or ours; empty where one is not known here."""
    return {ref: await _text_at(store, connection, ref) for ref in refs}


async def _text_at(store: Store, connection: str, ref: MessageRef) -> str:
    if ref.vendor_id is None:
        return ""
    found = await store.event(message_event(connection, ref.vendor_id))
    if found is not None and isinstance(found.event, MessageReceived):
        return found.event.text
    step = await store.owner(connection, ref.vendor_id)
    return _carried(step, ref.vendor_id) if step else ""


def _carried(step: StepRow, vendor_id: str) -> str:
    """Give the text of the message that a step carried under a vendor's id."""
    action = action_of(step)
    if not isinstance(action, SendMessage) or not step.receipt:
        return ""
    pairs = zip(action.messages, Receipt.model_validate_json(step.receipt).sent, strict=False)
    return next((message.text for message, entry in pairs if entry.vendor_id == vendor_id), "")
