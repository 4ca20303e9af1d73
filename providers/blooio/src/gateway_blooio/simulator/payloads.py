"""Messages as Blooio shows them: in its lists and look-ups, and in the flat bodies of its webhooks.

The payloads of polls, typing, groups and shared contacts are not documented for v2; those here are made up after the
others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from gateway.provider import Address, DeliveryState, Media, Part, Reaction
from gateway.simulator import Bubble, Thread, Webhook
from gateway_blooio.simulator.account import Account
from gateway_blooio.simulator.answers import Json, milliseconds
from gateway_blooio.simulator.places import chat_id_of

__all__ = [
    "contact_webhook",
    "group_webhook",
    "guid_of",
    "message_json",
    "poll_webhook",
    "progress_webhook",
    "reaction_webhook",
    "received_webhook",
    "status_json",
    "text_of",
    "typing_webhook",
    "wanted",
]

_FAMILIES = {
    "message": {"received", "sent", "delivered", "failed", "read", "reaction"},
    "status": {"sent", "delivered", "failed", "read"},
}


def wanted(event: str, webhook_type: str) -> bool:
    """Tell whether a subscription of this type gets the event."""
    family, _, word = event.partition(".")
    if webhook_type == "all":
        return True
    if webhook_type == "poll":
        return family == "poll"
    return family == "message" and word in _FAMILIES.get(webhook_type, set())


# ── in answers ────────────────────────────────────────────────────────────────────────────────────────────────────


def status_json(bubble: Bubble) -> Json:
    """Show how far a message has come; `read` is not among the words of the API, so it stays `delivered`."""
    shown = DeliveryState.DELIVERED if bubble.state is DeliveryState.READ else bubble.state
    delivered = bubble.times.get(DeliveryState.DELIVERED)
    return {
        "message_id": bubble.vendor_id,
        "chat_id": chat_id_of(bubble.thread),
        "direction": "outbound" if bubble.ours else "inbound",
        "status": shown.value,
        "protocol": _protocol(bubble),
        "time_sent": milliseconds(bubble.created_at),
        "time_delivered": milliseconds(delivered) if delivered else None,
        "error": bubble.reason,
    }


def message_json(bubble: Bubble) -> Json:
    """Show a message of the history; the sender is named for inbound group messages only."""
    thread = bubble.thread
    return {
        **status_json(bubble),
        "internal_id": thread.line,
        "text": text_of(bubble),
        "attachments": [_named(part) for part in _media(bubble)],
        "sender": bubble.sender if thread.group and not bubble.ours else None,
        "reactions": bubble.notes.get("reactions", []),
    }


def text_of(bubble: Bubble) -> str | None:
    """Give the text of a message as the vendor keeps it: links are text too."""
    texts = [part.text if part.type == "text" else part.url for part in bubble.parts if part.type in {"text", "link"}]
    return "\n".join(texts) or None


def guid_of(bubble: Bubble) -> str:
    """Make the iMessage GUID of a message; the same message has the same one."""
    digits = hashlib.sha256(bubble.vendor_id.encode()).hexdigest()[:32].upper()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _protocol(bubble: Bubble) -> str | None:
    """Which network it is, known once it was sent."""
    unsent = bubble.ours and bubble.state is DeliveryState.QUEUED
    return None if unsent else bubble.channel.value


def _media(bubble: Bubble) -> Sequence[Media]:
    return [part for part in bubble.parts if isinstance(part, Media)]


def _url(part: Media) -> str:
    """Where the file is: bytes from a phone get a place in the vendor's bucket."""
    return part.url or f"https://bucket.blooio.com/{part.name or 'file'}"


def _named(part: Media) -> Json:
    return {"url": _url(part), "name": part.name}


# ── in webhooks ───────────────────────────────────────────────────────────────────────────────────────────────────


def received_webhook(bubble: Bubble, account: Account) -> Webhook:
    """A contact wrote."""
    payload = {
        **_message(bubble, "message.received", account),
        "status": "received",
        "attachments": [_attachment(part, account.word("attachments")) for part in _media(bubble)],
        "sender": bubble.sender,
        "received_at": milliseconds(bubble.created_at),
    }
    if bubble.thread.group is None and not account.on("senders"):
        payload["sender"] = None
    if bubble.reply_to is not None:
        payload["reply_to"] = _reply(bubble, account)
    if account.on("sparse_webhooks"):
        del payload["status"]
        payload = {name: value for name, value in payload.items() if value not in (None, [])}
    return _hook(payload)


def progress_webhook(bubble: Bubble, account: Account) -> Webhook:
    """A message of ours came to `bubble.state`."""
    word = bubble.state.value
    payload = {**_message(bubble, f"message.{word}", account), "status": word}
    if media := _media(bubble):
        payload["attachments"] = [_attachment(part, account.word("attachments")) for part in media]
    reached = bubble.times.get(bubble.state, account.now())
    if bubble.state is DeliveryState.FAILED:
        payload |= {"error_code": bubble.code, "error_message": bubble.reason}
    elif bubble.state is not DeliveryState.QUEUED:
        payload[f"{word}_at"] = milliseconds(reached)
    return _hook(payload)


def reaction_webhook(
    bubble: Bubble, sender: str, reaction: Reaction, account: Account, *, removed: bool, ours: bool, part: int = 0
) -> Webhook:
    """Someone reacted; `outbound` is a reaction of ours. That a later part is named was seen in one client only."""
    aimed = {"part_index": part} if part else {}
    return _hook(
        {
            **_common(bubble.thread, "message.reaction", account),
            "direction": "outbound" if ours else "inbound",
            "message_id": bubble.vendor_id,
            "reaction": reaction.text,
            "action": "remove" if removed else "add",
            "sender": sender,
            "original_text": text_of(bubble),
            **aimed,
        }
    )


def typing_webhook(thread: Thread, sender: Address, account: Account, *, started: bool) -> Webhook:
    """A contact began or stopped typing."""
    event = "typing.started" if started else "typing.stopped"
    return _hook({**_common(thread, event, account), "sender": sender.value})


def contact_webhook(thread: Thread, sender: Address, account: Account) -> Webhook:
    """A contact shared name and picture."""
    shown = _common(thread, "contact.shared", account)
    return _hook({**shown, "sender": sender.value, "name": account.world.phone(sender).name})


def group_webhook(thread: Thread, sender: str, account: Account, *, icon: bool = False) -> Webhook:
    """A group has another name or picture, by a contact or by us."""
    event = "group.icon_changed" if icon else "group.name_changed"
    changed = {"icon_url": thread.notes.get("icon_url")} if icon else {"name": thread.name}
    return _hook({**_common(thread, event, account), "sender": sender, **changed})


def poll_webhook(event: str, bubble: Bubble, fields: Json, account: Account, sender: str | None = None) -> Webhook:
    """A poll was sent, by us or a contact, or a contact voted in one."""
    shown = {**_common(bubble.thread, event, account), "message_id": bubble.vendor_id}
    return _hook({**shown, "sender": sender or bubble.sender, **fields})


def _hook(payload: Json) -> Webhook:
    message_id = payload.get("message_id")
    headers = {"X-Blooio-Event": payload["event"]}
    if message_id:
        headers["X-Blooio-Message-Id"] = message_id
    return Webhook(payload["event"], payload, headers, message_id)


def _message(bubble: Bubble, event: str, account: Account) -> Json:
    return {
        **_common(bubble.thread, event, account),
        "message_id": bubble.vendor_id,
        "protocol": _protocol(bubble),
        "text": text_of(bubble),
    }


def _common(thread: Thread, event: str, account: Account) -> Json:
    shown: Json = {
        "event": event,
        "external_id": chat_id_of(thread),
        "internal_id": thread.line,
        "timestamp": milliseconds(account.now()),
        "is_group": thread.group is not None,
    }
    if thread.group is not None:
        shown |= {
            "group_id": thread.group,
            "group_name": thread.name,
            "participants": [
                {"contact_id": f"ct_{member.value}", "identifier": member.value, "name": account.names.get(member)}
                for member in thread.members
            ],
        }
        if account.on("group_guids"):
            shown["chat_guid"] = account.chat_guid(thread)
    return shown


def _attachment(part: Part | Media, shape: str) -> Any:
    """Show a file in one of the three shapes that were reported."""
    media = part if isinstance(part, Media) else None
    url = _url(media) if media else ""
    name = (media.name if media else None) or url.rpartition("/")[2]
    if shape == "url":
        return url
    if shape == "named":
        return {"url": url, "name": name}
    return {
        "url": url,
        "file_name": name,
        "mime_type": media.media_type if media else None,
        "size": media.size if media else None,
    }


def _reply(bubble: Bubble, account: Account) -> Json:
    parent = account.find(bubble.reply_to or "")
    return {
        "message_id": bubble.reply_to,
        "guid": guid_of(parent) if parent else None,
        "part_index": bubble.reply_part,
    }
