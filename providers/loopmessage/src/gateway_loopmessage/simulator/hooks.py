"""The payloads of webhooks, in the current generation's form."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from gateway.provider import Address, Attachment, Opaque, Reaction, Voice
from gateway.simulator import Bubble, Thread, Webhook
from gateway_loopmessage.simulator.account import Account, OptInLink

__all__ = ["Hooks", "message_type"]

_ENGLISH: JsonValue = {"code": "en", "name": "English"}


class Hooks:
    """Makes webhooks, each with an id of its own, and keeps them for the history."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def inbound(self, bubble: Bubble) -> Webhook:
        """A contact wrote."""
        payload: dict[str, JsonValue] = {
            "contact": bubble.sender,
            "text": bubble.text,
            "message_type": message_type(bubble),
            **_where(bubble.thread),
            "channel": bubble.channel.value,
        }
        if bubble.subject:
            payload["subject"] = bubble.subject
        if urls := _urls(bubble):
            payload["attachments"] = urls
        if bubble.reply_to:
            payload["thread_id"] = self._thread_id(bubble)
        if bubble.text:
            payload["language"] = _ENGLISH
        if speech := _speech(bubble):
            payload["speech"] = speech
        return self._made("message_inbound", payload, bubble.vendor_id)

    def report(self, event: str, bubble: Bubble, error_code: int | None = None) -> Webhook:
        """Something became of a message of ours."""
        payload: dict[str, JsonValue] = {
            **_outbound(bubble),
            "text": bubble.text,
            "channel": bubble.channel.value,
        }
        if error_code is not None:
            payload["error_code"] = error_code
        return self._made(event, payload, bubble.vendor_id)

    def reaction(self, bubble: Bubble, sender: Address, reaction: Reaction) -> Webhook:
        """A contact reacted to a message of ours; for an emoji the vendor has the word `unknown`."""
        payload: dict[str, JsonValue] = {
            **_outbound(bubble),
            "contact": sender.value,
            "text": bubble.text,
            "message_type": "reaction",
            "reaction": reaction.tapback.value if reaction.tapback else "unknown",
            "channel": bubble.channel.value,
        }
        return self._made("message_reaction", payload, bubble.vendor_id)

    def call(self, thread: Thread, sender: Address) -> Webhook:
        """A contact tried to call."""
        return self._made("inbound_call", {"contact": sender.value, "sender": thread.line}, None)

    def opt_in(self, thread: Thread, sender: Address, link: OptInLink | None, text: str, message_id: str) -> Webhook:
        """A contact opted in: as the one sample of the vendor has it, or by the name in its table of events."""
        event = str(self._account.switch("opt_in_event"))
        payload: dict[str, JsonValue] = {
            "contact": sender.value,
            "language": _ENGLISH,
            "organization_id": self._account.organization_id,
            "parameters": dict(link.parameters) if link else {},
            "sender": thread.line,
            "text": text,
        }
        if event == "message_inbound":
            payload["type"] = "opt_in"
        return self._made(event, payload, message_id, versioned=event != "message_inbound")

    def _made(
        self, event: str, payload: Mapping[str, JsonValue], message_id: str | None, *, versioned: bool = True
    ) -> Webhook:
        whole: dict[str, JsonValue] = {"event": event, **payload}
        if message_id is not None:
            whole["message_id"] = message_id
        whole["webhook_id"] = self._account.new_uuid()
        # the sample of the opt-in is the one without a version
        if versioned:
            whole["api_version"] = "1.0"
        return self._account.keep(Webhook(event, whole, message_id=message_id))

    def _thread_id(self, bubble: Bubble) -> str:
        """Follow replies back to the message that began them."""
        first = bubble
        while first.reply_to and (before := self._account.context.world.find(bubble.thread.vendor, first.reply_to)):
            first = before
        return first.vendor_id


def message_type(bubble: Bubble) -> str:
    """Give the vendor's word for what a message holds."""
    for part in bubble.parts:
        match part:
            case Voice():
                return "audio"
            case Opaque(kind="sticker" | "location" as kind):
                return kind
            case Attachment() | Opaque():
                return "attachments"
    return "text"


def _where(thread: Thread) -> dict[str, JsonValue]:
    """Name the conversation: the line, and the group where it is one."""
    where: dict[str, JsonValue] = {"sender": thread.line}
    if thread.group is not None:
        group: dict[str, JsonValue] = {"id": thread.group, "participants": [m.value for m in thread.members]}
        where["group"] = {**group, "name": thread.name} if thread.name else group
    return where


def _outbound(bubble: Bubble) -> dict[str, JsonValue]:
    """Name the conversation of a message of ours, with the string that was given to return."""
    where = _where(bubble.thread)
    if bubble.thread.group is None:
        where["contact"] = bubble.thread.members[0].value
    if "passthrough" in bubble.notes:
        where["passthrough"] = bubble.notes["passthrough"]
    return where


def _urls(bubble: Bubble) -> list[JsonValue]:
    urls: list[JsonValue] = [part.url for part in bubble.parts if isinstance(part, Attachment | Voice) and part.url]
    kept = [part.data.get("attachments") for part in bubble.parts if isinstance(part, Opaque)]
    return [*urls, *(url for urls_of_one in kept if isinstance(urls_of_one, list) for url in urls_of_one)]


def _speech(bubble: Bubble) -> JsonValue:
    """Give the transcription of a voice note, where there is one."""
    said = next((part.transcript for part in bubble.parts if isinstance(part, Voice) and part.transcript), None)
    return {"text": said, "language": _ENGLISH} if said else None
