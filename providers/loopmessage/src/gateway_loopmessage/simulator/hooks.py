"""Webhooks: their payloads, in the form that is wanted, and where they go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from gateway.provider import Address, Attachment, Opaque, Reaction, Voice
from gateway.simulator import Bubble, Thread, Webhook
from gateway_loopmessage.simulator.account import Account, OptInLink
from gateway_loopmessage.simulator.directory import SenderName
from gateway_loopmessage.simulator.forms import told_as

__all__ = ["Hooks", "message_type", "said"]

_ENGLISH: JsonValue = {"code": "en", "name": "English"}


class Hooks:
    """Makes webhooks, each with an id of its own, and keeps them for the history.

    Each method gives what there is to send: nothing where the form that is wanted has no word for the fact.
    """

    def __init__(self, account: Account) -> None:
        self._account = account

    def inbound(self, bubble: Bubble) -> Sequence[Webhook]:
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

    def report(self, event: str, bubble: Bubble, error_code: int | None = None) -> Sequence[Webhook]:
        """Something became of a message of ours; told in the form in which it was asked for."""
        payload: dict[str, JsonValue] = {
            **_outbound(bubble),
            "text": said(bubble),
            "channel": bubble.channel.value,
        }
        if error_code is not None:
            payload["error_code"] = error_code
            if not self._account.is_on("passthrough_on_failed"):
                payload.pop("passthrough", None)
        return self._made(event, payload, bubble.vendor_id, asked_by=bubble)

    def reaction(self, bubble: Bubble, sender: Address, reaction: Reaction, *, removed: bool) -> Sequence[Webhook]:
        """A contact reacted to a message; for an emoji the vendor has the word `unknown`."""
        word = reaction.tapback.value if reaction.tapback else "unknown"
        return self._responded(bubble, sender, f"-{word}" if removed else word)

    def sticker(self, bubble: Bubble, sender: Address) -> Sequence[Webhook]:
        """A contact put a sticker on a message, which is none of the vendor's six words."""
        return self._responded(bubble, sender, "unknown")

    def _responded(self, bubble: Bubble, sender: Address, word: str) -> Sequence[Webhook]:
        payload: dict[str, JsonValue] = {
            **_outbound(bubble),
            "contact": sender.value,
            "text": said(bubble),
            "message_type": "reaction",
            "reaction": word,
            "channel": bubble.channel.value,
        }
        message_id = bubble.vendor_id
        if self._account.switch("reaction_names") == "reaction":
            payload["reply_to_id"], message_id = message_id, self._account.new_uuid()
        return self._made(str(self._account.switch("reaction_event")), payload, message_id, asked_by=bubble)

    def call(self, thread: Thread, sender: Address) -> Sequence[Webhook]:
        """A contact tried to call."""
        return self._made("inbound_call", {"contact": sender.value, "sender": thread.line}, None)

    def opt_in(
        self, thread: Thread, sender: Address, link: OptInLink | None, text: str, message_id: str
    ) -> Sequence[Webhook]:
        """A contact opted in: as the one sample of the vendor has it, or by the name in its table of events."""
        event = str(self._account.switch("opt_in_event"))
        payload: dict[str, JsonValue] = {
            "contact": sender.value,
            "language": _ENGLISH,
            "organization_id": self._account.directory.senders[thread.line].organization,
            "parameters": dict(link.parameters) if link else {},
            "sender": thread.line,
            "text": text,
        }
        if event == "message_inbound":
            payload["type"] = "opt_in"
        return self._made(event, payload, message_id, versioned=event != "message_inbound")

    def sender(self, sender: SenderName) -> Sequence[Webhook]:
        """A sender came to another status; as in the vendor's sample, without contact, message and version."""
        payload: dict[str, JsonValue] = {
            "organization_id": sender.organization,
            "sender": sender.id,
            "status": sender.status,
        }
        if sender.phone_number:
            payload["phone_number"] = sender.phone_number
        return self._made("sender_name_updated", payload, None, versioned=False)

    def _made(
        self,
        event: str,
        payload: Mapping[str, JsonValue],
        message_id: str | None,
        *,
        versioned: bool = True,
        asked_by: Bubble | None = None,
    ) -> Sequence[Webhook]:
        whole: dict[str, JsonValue] = {"event": event, **payload}
        if message_id is not None:
            whole["message_id"] = message_id
        webhook_id = self._account.new_uuid()
        whole["webhook_id"] = webhook_id
        # the sample of the opt-in is the one without a version
        if versioned:
            whole["api_version"] = "1.0"
        notes = asked_by.notes if asked_by is not None else {}
        told = told_as(str(notes.get("form") or self._account.switch("webhook_form")), self._account, whole)
        if told is None:
            return ()
        url, secret = self._target(str(payload.get("sender")), notes)
        webhook = Webhook(told[0], told[1], message_id=message_id, url=url, secret=secret)
        return (self._account.keep(webhook_id, webhook),)

    def _target(self, line: str, notes: Mapping[str, JsonValue]) -> tuple[str | None, str | None]:
        """Say where it goes: the callback of the message, else the organization's URL, else the configured one."""
        if isinstance(callback := notes.get("callback"), str):
            header = notes.get("callback_header")
            return callback, header if isinstance(header, str) else None
        sender = self._account.directory.senders.get(line)
        organization = self._account.directory.organizations.get(sender.organization) if sender else None
        if organization is None or organization.webhook_url is None:
            return None, None
        return organization.webhook_url, organization.webhook_header

    def _thread_id(self, bubble: Bubble) -> str:
        """Follow replies back to the message that began them."""
        first = bubble
        while first.reply_to and (before := self._account.context.world.find(bubble.thread.vendor, first.reply_to)):
            first = before
        return first.vendor_id


def said(bubble: Bubble) -> str:
    """Give the text as it was asked for: a footer that the vendor put under it is on the phone only."""
    asked = bubble.notes.get("text")
    return asked if isinstance(asked, str) else bubble.text


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
    words = next((part.transcript for part in bubble.parts if isinstance(part, Voice) and part.transcript), None)
    return {"text": words, "language": _ENGLISH} if words else None
