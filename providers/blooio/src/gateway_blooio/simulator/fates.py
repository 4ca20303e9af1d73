"""What becomes of messages: the network that carries them, how far they come, why they fail."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.provider import AddressKind, Channel, DeliveryState, Media, Part
from gateway.simulator import Bubble, Fate, Phone
from gateway_blooio.simulator.account import Account
from gateway_blooio.simulator.answers import split_url

__all__ = ["failure_of", "fate_of"]


def fate_of(bubble: Bubble, phone: Phone, account: Account) -> Fate:
    """Send over the best network that the phone has, and come as far as that network reports."""
    channel = Channel.IMESSAGE if phone.imessage else Channel.RCS if phone.rcs else Channel.SMS
    if account.on("twilio"):
        channel = Channel.SMS
    if channel is not Channel.IMESSAGE:
        bubble.effect = None  # delivered plainly, and nobody is told
    first = (DeliveryState.QUEUED,) if account.on("queued_webhook") else ()
    if failure := failure_of(bubble, channel):
        return Fate(channel, (*first, DeliveryState.FAILED), *failure)
    return Fate(channel, (*first, *_progress(channel, phone)))


def _progress(channel: Channel, phone: Phone) -> Sequence[DeliveryState]:
    """Tell which states are reported: SMS and a contact who blocks us stop at sent, read receipts are iMessage's."""
    if phone.blocked or channel is Channel.SMS:
        return (DeliveryState.SENT,)
    if channel is Channel.RCS or not phone.receipts:
        return (DeliveryState.SENT, DeliveryState.DELIVERED)
    return (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.READ)


def failure_of(bubble: Bubble, channel: Channel) -> tuple[str, str] | None:
    """Tell why a message fails, code and words; the vendor lists neither, so both are made up."""
    emails = all(member.kind is AddressKind.EMAIL for member in bubble.thread.members)
    if emails and channel is not Channel.IMESSAGE:
        return "unreachable", "The recipient is not reachable over iMessage."
    if any(_is_lost(part) for part in bubble.parts):
        return "attachment_download_failed", "An attachment could not be downloaded."
    return None


def _is_lost(part: Part) -> bool:
    """Tell what the vendor cannot fetch: no web address, or a host that can have none (RFC 2606)."""
    if part.type == "opaque":
        return part.kind == "attachment"
    if not isinstance(part, Media) or part.url is None:
        return False
    pieces = split_url(part.url)
    return pieces is None or (pieces.hostname or "").endswith(".invalid")
