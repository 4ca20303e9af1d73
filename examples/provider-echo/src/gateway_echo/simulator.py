"""Echo's twin: its API, its errors, its signature and its webhooks, on the gateway's simulated world.

Plain synchronous code without a clock or dice of its own: time, chance, sockets and retries are the shell's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import JsonValue, ValidationError

from gateway.provider import (
    Address,
    AddressKind,
    Attachment,
    Channel,
    DeliveryState,
    Effect,
    Media,
    Part,
    Reaction,
    Text,
)
from gateway.simulator import Bubble, Fate, Phone, Route, Twin, TwinReply, TwinRequest, Webhook
from gateway_echo import wire
from gateway_echo.inbound import SIGNATURE, TIMESTAMP, sign

__all__ = ["EchoTwin"]

_MOST_TEXT = 2000
_HAPPY = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.READ)


class _Refused(Exception):
    """An answer in Echo's form; ends a handler."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.reply = _error(status, code, message)


class EchoTwin(Twin):
    """One account at Echo, with one line."""

    name = "echo"
    api_path = "/v1"
    lines = ("+447700900123",)
    retry_delays = (1.0, 5.0, 30.0)
    timeout = 5.0

    # ── the API ───────────────────────────────────────────────────────────────────────────────────────────────────

    def routes(self) -> Sequence[Route]:
        reaction = "/v1/messages/{id}/reactions/{reaction}"
        return (
            Route("POST", "/v1/messages", self._guarded(self._send)),
            Route("GET", "/v1/messages", self._guarded(self._by_tag)),
            Route("GET", "/v1/messages/{id}", self._guarded(self._show)),
            Route("PUT", reaction, self._guarded(lambda request: self._react(request, removed=False))),
            Route("DELETE", reaction, self._guarded(lambda request: self._react(request, removed=True))),
            Route("GET", "/v1/account", self._guarded(self._account)),
        )

    def fault(self, status: int, code: str | None, message: str) -> TwinReply:
        return _error(status, code or "fault", message)

    def settings(self, base_url: str) -> dict[str, Any]:
        return {"api_key": self.context.api_key, "webhook_secret": self.context.secret, "base_url": base_url}

    def _guarded(self, handler: Callable[[TwinRequest], TwinReply]) -> Callable[[TwinRequest], TwinReply]:
        """Ask for the key first, and turn a refusal into its answer."""

        def answer(request: TwinRequest) -> TwinReply:
            if request.headers.get("authorization") != f"Bearer {self.context.api_key}":
                return _error(401, "bad_key", "unknown API key")
            try:
                return handler(request)
            except _Refused as refused:
                return refused.reply

        return answer

    def _send(self, request: TwinRequest) -> TwinReply:
        body = _valid(request)
        thread = self.world.direct(self.name, self._line(body), _phone(body.to))
        if thread.notes.get("opted_out"):
            raise _Refused(403, "opted_out", "the contact said STOP")
        bubble = Bubble(
            vendor_id=self.new_message_id(),
            thread=thread,
            ours=True,
            sender=thread.line,
            parts=_parts(body),
            created_at=self.context.now(),
            effect=Effect(body.effect) if body.effect else None,
            reply_to=self._known(body.in_reply_to).vendor_id if body.in_reply_to else None,
            notes={"tag": body.tag},
        )
        self.world.submit(bubble)
        return TwinReply(201, _shown(bubble))

    def _by_tag(self, request: TwinRequest) -> TwinReply:
        tag = request.query.get("tag")
        bubbles = [bubble for thread in self.world.threads(self.name) for bubble in thread.bubbles if bubble.ours]
        return TwinReply(200, {"items": [_shown(bubble) for bubble in bubbles if bubble.notes.get("tag") == tag]})

    def _show(self, request: TwinRequest) -> TwinReply:
        return TwinReply(200, _shown(self._known(request.params["id"])))

    def _react(self, request: TwinRequest, *, removed: bool) -> TwinReply:
        bubble = self._known(request.params["id"])
        try:
            reaction = Reaction.parse(request.params["reaction"])
        except ValidationError:
            raise _Refused(400, "bad_request", "unknown reaction") from None
        if reaction.tapback is None:
            raise _Refused(400, "bad_request", "unknown reaction")
        self.world.react(bubble, reaction, removed=removed)
        return TwinReply(204)

    def _account(self, request: TwinRequest) -> TwinReply:
        return TwinReply(200, {"name": "Echo twin", "lines": list(self.lines)})

    def _line(self, body: wire.SendBody) -> str:
        if body.sender is None:
            return self.lines[0]
        if body.sender not in self.lines:
            raise _Refused(400, "bad_request", "the account has no such line")
        return body.sender

    def _known(self, message_id: str) -> Bubble:
        bubble = self.world.find(self.name, message_id)
        if bubble is None:
            raise _Refused(404, "unknown_message", "there is no such message")
        return bubble

    # ── webhooks ──────────────────────────────────────────────────────────────────────────────────────────────────

    def sign(self, webhook: Webhook, body: bytes, now: datetime, secret: str) -> Mapping[str, str]:
        timestamp = str(int(now.timestamp()))
        return {TIMESTAMP: timestamp, SIGNATURE: sign(secret, timestamp, body)}

    def _webhook(self, event: str, data: dict[str, JsonValue], message: str) -> Sequence[Webhook]:
        payload: dict[str, JsonValue] = {
            "id": f"ev_{self.context.random.getrandbits(64):016x}",
            "type": event,
            "at": int(self.context.now().timestamp()),
            "data": data,
        }
        return (Webhook(event, payload, message_id=message),)

    # ── what happens in the world ─────────────────────────────────────────────────────────────────────────────────

    def fate(self, bubble: Bubble, phone: Phone) -> Fate:
        if not phone.imessage:
            return Fate(Channel.IMESSAGE, (DeliveryState.FAILED,), "no_imessage", "the contact has no iMessage")
        if phone.blocked:
            return Fate(Channel.IMESSAGE, (DeliveryState.FAILED,), "blocked", "the contact blocks the line")
        return Fate(Channel.IMESSAGE, _HAPPY)

    def wrote(self, bubble: Bubble) -> Sequence[Webhook]:
        # whoever said STOP and writes again wants to be answered
        bubble.thread.notes["opted_out"] = False
        return self._received(bubble)

    def opted_out(self, bubble: Bubble) -> Sequence[Webhook]:
        bubble.thread.notes["opted_out"] = True
        return self._received(bubble)

    def _received(self, bubble: Bubble) -> Sequence[Webhook]:
        files: list[JsonValue] = [part.url for part in bubble.parts if isinstance(part, Media)]
        data: dict[str, JsonValue] = {
            "id": bubble.vendor_id,
            "from": bubble.sender,
            "to": bubble.thread.line,
            "text": bubble.text or None,
            "media_urls": files,
            "in_reply_to": bubble.reply_to,
        }
        return self._webhook("message.received", data, bubble.vendor_id)

    def progressed(self, bubble: Bubble) -> Sequence[Webhook]:
        return self._webhook("message.status", _shown(bubble), bubble.vendor_id)

    def reacted(self, bubble: Bubble, sender: Address, reaction: Reaction, *, removed: bool) -> Sequence[Webhook]:
        data: dict[str, JsonValue] = {
            "message": bubble.vendor_id,
            "from": sender.value,
            "to": bubble.thread.line,
            "reaction": reaction.text,
            "removed": removed,
        }
        return self._webhook("reaction", data, bubble.vendor_id)

    def new_message_id(self) -> str:
        return f"em_{self.context.random.getrandbits(64):016x}"

    def new_group_id(self) -> str:
        # Echo has no groups; a group that a contact begins is carried by nobody, and its id is never shown
        return f"eg_{self.context.random.getrandbits(64):016x}"


# ── bodies ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _valid(request: TwinRequest) -> wire.SendBody:
    """Read the body of a send as strictly as Echo does."""
    try:
        body = wire.SendBody.model_validate_json(request.body)
    except ValidationError:
        raise _Refused(400, "bad_request", "the body does not fit") from None
    if body.model_extra:
        raise _Refused(400, "bad_request", "unknown fields")
    if (body.text is None) == (body.media_url is None):
        raise _Refused(400, "bad_request", "give a text or a file")
    if len(body.text or "") > _MOST_TEXT:
        raise _Refused(400, "text_too_long", "a text has at most 2000 characters")
    return body


def _phone(number: str) -> Address:
    """Read the number that is written to."""
    try:
        address = Address.parse(number)
    except ValidationError:
        raise _Refused(400, "bad_number", "not a phone number") from None
    if address.kind is not AddressKind.PHONE or address.value != number:
        raise _Refused(400, "bad_number", "not a phone number in E.164")
    return address


def _parts(body: wire.SendBody) -> tuple[Part, ...]:
    try:
        return (Text(text=body.text),) if body.text is not None else (Attachment(url=body.media_url),)
    except ValidationError:
        raise _Refused(400, "bad_request", "the text or the file's URL does not fit") from None


def _shown(bubble: Bubble) -> dict[str, JsonValue]:
    """Show a message of ours as Echo does, in answers and reports alike."""
    return {
        "id": bubble.vendor_id,
        "to": bubble.thread.members[0].value,
        "from": bubble.thread.line,
        "status": bubble.state.value,
        "code": bubble.code,
        "tag": bubble.notes.get("tag"),
    }


def _error(status: int, code: str, message: str) -> TwinReply:
    return TwinReply(status, {"error": {"code": code, "message": message}})
