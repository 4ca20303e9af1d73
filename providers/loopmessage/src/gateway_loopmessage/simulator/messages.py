"""Sending, typing and status, as the vendor answers them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from pydantic import JsonValue

from gateway.provider import Attachment, Channel, DeliveryState, Opaque, Part, Text, Voice
from gateway.simulator import Bubble, Thread, TwinReply, TwinRequest
from gateway_loopmessage.simulator.account import NAME, Account, Rejected, iso
from gateway_loopmessage.simulator.rules import Request, check, flag, normalised, text_field

__all__ = ["Messages", "body_of"]

_TYPING_SECONDS = 60
_TALKING = timedelta(minutes=5)

_STATUS = {
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
            body = body_of(request)
            wanted = check(self._account, body)
        except Rejected as rejected:
            return self._refused(request, rejected)
        if wanted.reaction is not None and wanted.target is not None:
            return self._react(wanted)
        message_id = self._account.new_uuid().upper()
        self._account.context.world.submit(self._bubble(message_id, wanted))
        return TwinReply(200, {**self._accepted(message_id), **self._echo(wanted), "text": wanted.text})

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
            return TwinReply(404)
        answer: dict[str, JsonValue] = {
            "message_id": message_id,
            "status": _STATUS.get(bubble.state, "unknown"),
            "text": bubble.text,
            "last_update": iso(max(bubble.times.values(), default=bubble.created_at), milliseconds=True),
        }
        if bubble.thread.group is None:
            answer["contact"] = bubble.thread.members[0].value
        if bubble.state is DeliveryState.FAILED and bubble.code:
            answer["error_code"] = int(bubble.code) if bubble.code.isdecimal() else bubble.code
        return TwinReply(200, answer)

    # ── a send ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _react(self, wanted: Request) -> TwinReply:
        """Put a reaction on a message at once; the vendor documents no answer of its own, so it is the generic one."""
        if wanted.target is None or wanted.reaction is None:
            raise TypeError("a reaction has a target")
        self._account.context.world.react(wanted.target, wanted.reaction, removed=wanted.removed)
        message_id = self._account.new_uuid().upper()
        self._account.reactions.add(message_id)
        return TwinReply(200, {**self._accepted(message_id), **self._echo(wanted)})

    def _bubble(self, message_id: str, wanted: Request) -> Bubble:
        notes: dict[str, JsonValue] = {}
        if wanted.passthrough is not None:
            notes["passthrough"] = wanted.passthrough
        if wanted.channel is not None:
            notes["channel"] = wanted.channel.value
        return Bubble(
            vendor_id=message_id,
            thread=wanted.thread,
            ours=True,
            sender=wanted.thread.line,
            parts=tuple(_parts(wanted)),
            created_at=self._account.context.now(),
            channel=wanted.channel or Channel.IMESSAGE,
            subject=wanted.subject,
            effect=wanted.effect,
            reply_to=wanted.reply_to,
            notes=notes,
        )

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
        line = self._account.line(sender)
        if line is None:
            raise Rejected(220)
        return self._account.context.world.direct(NAME, line, normalised(contact))

    def _show(self, thread: Thread, seconds: int) -> None:
        """Show the dots while the talk goes on; after five idle minutes the page says that it fails, not how."""
        last = thread.last()
        if last is not None and self._account.context.now() - last.created_at <= _TALKING:
            self._account.context.world.set_typing(thread, on=True, seconds=seconds)
        elif self._account.switch("typing_idle") == "refuse":
            raise Rejected(510)


def body_of(request: TwinRequest) -> dict[str, JsonValue]:
    """Read a request's JSON object; raises `Rejected`."""
    body = request.json()
    if not request.body:
        raise Rejected(120, "the body is empty")
    if not isinstance(body, dict):
        raise Rejected(100, "the body is not a JSON object")
    # the vendor ignores what it does not know, and takes null for absent
    return {name: value for name, value in body.items() if value is not None}


def _seconds(body: Mapping[str, JsonValue]) -> int | None:
    seconds = body.get("typing")
    if seconds is None:
        return None
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 1 <= seconds <= _TYPING_SECONDS:
        raise Rejected(125, f"typing is a whole number of seconds, at most {_TYPING_SECONDS}")
    return seconds


def _parts(wanted: Request) -> list[Part]:
    if wanted.media_url:
        return [Voice(url=wanted.media_url)]
    parts: list[Part] = [Text(text=wanted.text), *(Attachment(url=url) for url in wanted.attachments)]
    return [*parts, Opaque(kind="contact_file")] if wanted.contact_file else parts
