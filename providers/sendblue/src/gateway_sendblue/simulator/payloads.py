"""Messages as Sendblue shows them: in the answer to a send, and as the row that lists, webhooks and callbacks share."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gateway.provider import Channel, DeliveryState, Link, Media, Opaque, Reaction, Tapback, Text
from gateway.simulator import Bubble, Thread
from gateway_sendblue.content import STYLES
from gateway_sendblue.simulator.account import EMAIL, Account
from gateway_sendblue.simulator.answers import Json, iso

__all__ = [
    "changed_at",
    "SERVICES",
    "answer_json",
    "call_json",
    "media_of",
    "row",
    "status_of",
    "tapback_text",
    "text_of",
    "typing_json",
]

SERVICES = {Channel.IMESSAGE: "iMessage", Channel.SMS: "SMS", Channel.RCS: "RCS"}

_WORDS = {
    DeliveryState.QUEUED: "QUEUED",
    DeliveryState.SENT: "SENT",
    DeliveryState.DELIVERED: "DELIVERED",
    DeliveryState.READ: "DELIVERED",  # the vendor reports no reading
    DeliveryState.FAILED: "ERROR",
}

_TAPBACKS = {
    Tapback.LOVE: "Loved",
    Tapback.LIKE: "Liked",
    Tapback.DISLIKE: "Disliked",
    Tapback.LAUGH: "Laughed at",
    Tapback.EMPHASIZE: "Emphasized",
    Tapback.QUESTION: "Questioned",
}


def status_of(bubble: Bubble) -> str:
    """Name how far a message has come."""
    if not bubble.ours:
        return "RECEIVED"
    return str(bubble.notes.get("status") or _WORDS.get(bubble.state, "ERROR"))


def text_of(bubble: Bubble) -> str:
    """Give the text of a message; a link is text too."""
    texts = [
        part.text if isinstance(part, Text) else part.url for part in bubble.parts if isinstance(part, Text | Link)
    ]
    return "\n".join(texts)


def media_of(bubble: Bubble) -> list[str]:
    """Give the URLs of a message's files: bytes from a phone get a place in the vendor's storage."""
    files = [part for part in bubble.parts if isinstance(part, Media)]
    return [file.url or f"https://storage.googleapis.com/inbound-file-store/{file.name or 'file'}" for file in files]


def tapback_text(bubble: Bubble, reaction: Reaction) -> str:
    """Spell a contact's tapback as it arrives: an ordinary text that quotes the message."""
    word = _TAPBACKS[reaction.tapback] if reaction.tapback else f"Reacted {reaction.emoji} to"
    return f"{word} “{text_of(bubble)}”"


def changed_at(bubble: Bubble) -> datetime:
    """Tell when the state that is shown was reached; what a contact wrote never changes."""
    if not bubble.ours:
        return bubble.created_at
    shown = DeliveryState.DELIVERED if bubble.state is DeliveryState.READ else bubble.state
    return bubble.times.get(shown, bubble.created_at)


def row(bubble: Bubble, account: Account, media: str | None = None) -> Json:
    """Show a message in full; `media` is the file that stands in this row, for messages that have several."""
    thread, nothing = bubble.thread, account.nothing()
    alone = None if thread.group else thread.members[0].value
    contact = alone if bubble.ours else bubble.sender
    files = media_of(bubble)
    return {
        "accountEmail": EMAIL,
        "content": text_of(bubble) if media is None else "",
        "is_outbound": bubble.ours,
        "status": status_of(bubble),
        **_failure(bubble, account),
        "message_handle": bubble.vendor_id,
        "date_sent": iso(bubble.created_at),
        "date_updated": iso(changed_at(bubble)),
        "from_number": thread.line if bubble.ours else contact,
        "number": contact,
        "to_number": contact if bubble.ours else thread.line,
        "sendblue_number": thread.line,
        "was_downgraded": True if bubble.ours and bubble.channel is Channel.SMS and _left(bubble) else None,
        "plan": account.word("plan"),
        "media_url": media or (files[0] if files else nothing),
        "message_type": _type(bubble),
        "group_id": thread.group or nothing,
        "group_display_name": thread.name,
        "participants": [member.value for member in thread.members] + [thread.line],
        "send_style": STYLES[bubble.effect] if bubble.effect and bubble.ours else nothing,
        # as it was when this was written: a later START does not change what STOP said
        "opted_out": bool(bubble.notes.get("opted_out")),
        "service": SERVICES.get(bubble.channel, "iMessage"),
        "sender_email": bubble.notes.get("sender_email"),
        "seat_id": bubble.notes.get("seat_id"),
        **_extras(bubble, account),
    }


def _left(bubble: Bubble) -> bool:
    return bubble.state not in {DeliveryState.QUEUED, DeliveryState.FAILED}


def _failure(bubble: Bubble, account: Account) -> Json:
    code: Any = bubble.code
    key = bubble.notes.get("error_key")
    if code and code.isdigit() and not account.on("text_error_codes"):
        code = int(code)
    return {
        "error_code": code or None,
        "error_key": key,
        "error_message": bubble.reason,
        "error_reason": None,
        "error_detail": None,
    }


def _type(bubble: Bubble) -> str:
    if any(isinstance(part, Opaque) and part.kind == "location" for part in bubble.parts):
        return "location"
    return "group" if bubble.thread.group else "message"


def _extras(bubble: Bubble, account: Account) -> Json:
    """Add what is there only when it applies."""
    extras: Json = {}
    if bubble.reply_to:
        extras["reply_to"] = {"message_handle": bubble.reply_to, "part_index": bubble.reply_part}
        extras["thread_originator"] = {"message_handle": _root(bubble, account), "part": "0:0:0"}
    for part in bubble.parts:
        if isinstance(part, Opaque) and part.kind in {"location", "app card"}:
            extras[part.kind.replace(" ", "_")] = dict(part.data)
    return extras


def _root(bubble: Bubble, account: Account) -> str:
    """Follow the replies to the message that began the thread."""
    seen = {bubble.vendor_id}
    root = bubble
    while root.reply_to and root.reply_to not in seen:
        seen.add(root.reply_to)
        parent = account.find(root.reply_to)
        if parent is None:
            return root.reply_to
        root = parent
    return root.vendor_id


def answer_json(bubble: Bubble, account: Account) -> Json:
    """Show a message as the answer to a send and the look-up of a status do."""
    shown = row(bubble, account)
    names = (
        *("content", "is_outbound", "status", "error_code", "error_key", "error_message", "message_handle"),
        *("from_number", "number", "media_url", "message_type", "send_style", "sender_email", "seat_id"),
    )
    body: Json = {account.word("email_key"): EMAIL, **{name: shown[name] for name in names}}
    body["date_created"] = iso(bubble.created_at)
    body["date_updated"] = shown["date_updated"]
    # the vendor's own models have null here, where its webhooks have an empty text
    body |= {name: body[name] or None for name in ("media_url", "send_style")}
    body |= {name: shown.get(name) for name in ("reply_to", "thread_originator", "location", "app_card")}
    if bubble.thread.group:
        body |= {"group_id": bubble.thread.group, "participants": shown["participants"]}
    return body


def typing_json(thread: Thread, contact: str, moment: str, *, on: bool) -> Json:
    """A contact began or stopped typing; `from_number` is our line here."""
    return {"number": contact, "is_typing": on, "from_number": thread.line, "timestamp": moment}


def call_json(thread: Thread, contact: str, call: str, moment: str) -> Json:
    """A contact called. The form of these webhooks is not established: this one is made up."""
    return {
        "accountEmail": EMAIL,
        "call_id": call,
        "from_number": contact,
        "to_number": thread.line,
        "direction": "inbound",
        "status": "no-answer",
        "duration": 0,
        "timestamp": moment,
    }
