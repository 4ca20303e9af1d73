"""Sending, typing and status, as the vendor answers them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from pydantic import JsonValue

from gateway.provider import Attachment, Channel, DeliveryState, Opaque, Part, Text, Voice
from gateway.simulator import Bubble, Thread, TwinReply, TwinRequest
from gateway_loopmessage.simulator.account import NAME, Account, Rejected, iso
from gateway_loopmessage.simulator.fields import body_of, flag, text_field
from gateway_loopmessage.simulator.hooks import said
from gateway_loopmessage.simulator.rules import Request, check, normalised

__all__ = ["STATES", "TYPING_SECONDS", "Messages"]

TYPING_SECONDS = 60
_TALKING = timedelta(minutes=5)
_FOOTER = "To opt-out reply: stop"

STATES = {
    DeliveryState.QUEUED: "processing",
    DeliveryState.SENT: "processing",
    DeliveryState.DELIVERED: "delivered",
    # the vendor has no word for it
    DeliveryState.READ: "delivered",
    DeliveryState.FAILED: "failed",
}


class Messages:
    """The endpoints for messages."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def send(self, request: TwinRequest) -> TwinReply:
        """POST `/message/send/`: accept into the queue; what becomes of it is told by webhooks."""
        try:
            return self.take(body_of(request))
        except Rejected as rejected:
            return self._refused(request, rejected)

    def take(self, body: Mapping[str, JsonValue]) -> TwinReply:
        """Check a request and take it; raises `Rejected`."""
        wanted = check(self._account, body)
        if wanted.reaction is not None and wanted.target is not None:
            return self._react(wanted)
        bubble = self.submit(wanted)
        return TwinReply(200, {**self._accepted(bubble.vendor_id), **self._echo(wanted), "text": wanted.text})

    def show_typing(self, request: TwinRequest) -> TwinReply:
        """POST `/message/show-typing/`: by a message of the chat, or by contact and sender."""
        body = body_of(request)
        thread = self._whereabouts(body)
        seconds = _seconds(body)
        read = flag(body, "read")
        if seconds is None and not read:
            raise Rejected(120, "typing or read is missing")
        if seconds is not None:
            self._show(thread, seconds)
        # documented default: showing the dots marks the chat as read
        if seconds is not None if read is None else read:
            self._account.context.world.mark_read(thread)
        return TwinReply(200, {"success": True})

    def status(self, request: TwinRequest) -> TwinReply:
        """GET `/v1/message/status/{id}/`: 404 without a body for an unknown id."""
        message_id = request.params["id"]
        bubble = self._account.context.world.find(NAME, message_id)
        if message_id in self._account.reactions:
            return TwinReply(200, {"message_id": message_id, "status": "delivered"})
        if bubble is None or not bubble.ours:
            return self._account.not_found()
        answer: dict[str, JsonValue] = {
            "message_id": message_id,
            "status": STATES.get(bubble.state, "unknown"),
            "text": said(bubble),
            "last_update": iso(max(bubble.times.values(), default=bubble.created_at), milliseconds=True),
        }
        if bubble.thread.group is None:
            answer["contact"] = bubble.thread.members[0].value
        if bubble.state is DeliveryState.FAILED and bubble.code:
            answer["error_code"] = int(bubble.code) if bubble.code.isdecimal() else bubble.code
        return TwinReply(200, answer)

    # ── a send ────────────────────────────────────────────────────────────────────────────────────────────────────

    def submit(self, wanted: Request, **notes: JsonValue) -> Bubble:
        """Take a message into the queue; the notes are for its webhooks."""
        bubble = self._bubble(self._account.new_uuid().upper(), wanted, notes)
        self._account.context.world.submit(bubble)
        return bubble

    def react(self, wanted: Request) -> str:
        """Put a reaction on a message at once; gives its id."""
        if wanted.target is None or wanted.reaction is None:
            raise TypeError("a reaction has a target")
        self._account.context.world.react(wanted.target, wanted.reaction, removed=wanted.removed)
        message_id = self._account.new_uuid().upper()
        self._account.reactions.add(message_id)
        return message_id

    def _react(self, wanted: Request) -> TwinReply:
        """Answer a reaction; the vendor documents no answer of its own, so it is the generic one."""
        return TwinReply(200, {**self._accepted(self.react(wanted)), **self._echo(wanted)})

    def _bubble(self, message_id: str, wanted: Request, notes: Mapping[str, JsonValue]) -> Bubble:
        noted: dict[str, JsonValue] = {**notes, "text": wanted.text}
        if wanted.passthrough is not None:
            noted["passthrough"] = wanted.passthrough
        if wanted.channel is not None:
            noted["channel"] = wanted.channel.value
        return Bubble(
            vendor_id=message_id,
            thread=wanted.thread,
            ours=True,
            sender=wanted.thread.line,
            parts=tuple(_parts(wanted, footer=self._footer(wanted.thread))),
            created_at=self._account.context.now(),
            channel=wanted.channel or Channel.IMESSAGE,
            subject=wanted.subject,
            effect=wanted.effect,
            reply_to=wanted.reply_to,
            cut=wanted.cut,
            notes=noted,
        )

    def _footer(self, thread: Thread) -> str:
        """Give what the vendor puts under a message to a number of the United States, and under no other."""
        american = thread.group is None and thread.members[0].value.startswith("+1")
        return _FOOTER if american and self._account.is_on("opt_out_footer") else ""

    def _accepted(self, message_id: str) -> dict[str, JsonValue]:
        answer: dict[str, JsonValue] = {"message_id": message_id}
        if self._account.is_on("success_flag"):
            answer["success"] = True
        return answer

    def _echo(self, wanted: Request) -> dict[str, JsonValue]:
        """Say who it goes to: the older pages' `recipient` for voice notes and reactions."""
        thread = wanted.thread
        if thread.group is not None:
            return {"group": self._group(thread)}
        key = "recipient" if wanted.media_url or wanted.reaction else "contact"
        return {key: thread.members[0].value}

    def _group(self, thread: Thread) -> dict[str, JsonValue]:
        group: dict[str, JsonValue] = {str(self._account.switch("group_key")): thread.group}
        if thread.name:
            group["name"] = thread.name
        return {**group, "participants": [member.value for member in thread.members]}

    def _refused(self, request: TwinRequest, rejected: Rejected) -> TwinReply:
        """Refuse in one of the two documented forms: with the code, or as the shape of a success without one."""
        reply = self._account.refusal(rejected)
        if self._account.switch("failure_body") != "shape":
            return reply
        asked = request.json()
        answer: dict[str, JsonValue] = {
            "message_id": self._account.new_uuid().upper(),
            "success": False,
            "message": rejected.message,
        }
        if isinstance(asked, dict):
            answer |= {name: asked[name] for name in ("contact", "text") if name in asked}
        return TwinReply(reply.status, answer)

    # ── typing ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _whereabouts(self, body: Mapping[str, JsonValue]) -> Thread:
        message_id = text_field(body, "message_id")
        if message_id:
            bubble = self._account.context.world.find(NAME, message_id)
            if bubble is None:
                raise Rejected(595)
            return bubble.thread
        contact, sender = text_field(body, "contact"), text_field(body, "sender")
        if not contact:
            raise Rejected(150)
        if not sender:
            raise Rejected(120, "sender is missing")
        known = self._account.sender(sender)
        if known is None:
            raise Rejected(220)
        return self._account.context.world.direct(NAME, known.id, normalised(contact))

    def _show(self, thread: Thread, seconds: int) -> None:
        """Show the dots while the talk goes on; after five idle minutes the page says that it fails, not how."""
        last = thread.last()
        if last is not None and self._account.context.now() - last.created_at <= _TALKING:
            self._account.context.world.set_typing(thread, on=True, seconds=seconds)
        elif self._account.switch("typing_idle") == "refuse":
            raise Rejected(510)


def _seconds(body: Mapping[str, JsonValue]) -> int | None:
    seconds = body.get("typing")
    if seconds is None:
        return None
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 1 <= seconds <= TYPING_SECONDS:
        raise Rejected(125, f"typing is a whole number of seconds, at most {TYPING_SECONDS}")
    return seconds


def _parts(wanted: Request, *, footer: str) -> list[Part]:
    if wanted.media_url:
        return [Voice(url=wanted.media_url)]
    text = f"{wanted.text}\n{footer}" if footer else wanted.text
    parts: list[Part] = [Text(text=text), *(Attachment(url=url) for url in wanted.attachments)]
    return [*parts, Opaque(kind="contact_file")] if wanted.contact_file else parts
