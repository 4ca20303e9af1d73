"""A made-up vendor's twin: small, and it uses everything that the shell offers."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from pydantic import JsonValue

from gateway.actions import DeliveryState
from gateway.addresses import Address
from gateway.model import Channel, Reaction, Text
from gateway.simulator import Bubble, Deliver, Fate, Phone, Route, Thread, Twin, TwinReply, TwinRequest, Webhook

LINE = "+12025550100"


class EchoTwin(Twin):
    """Takes texts for a phone or a group, and tells of everything."""

    name = "echo"
    api_path = "/v1"
    switches: ClassVar[Mapping[str, JsonValue]] = {"shout": False, "limit": 100, "code": None}
    retry_delays = (5.0, 60.0, 600.0)
    timeout = 10.0
    lines = (LINE, "+12025550101")
    cards = frozenset({"location", "poll", "sticker"})

    def routes(self) -> Sequence[Route]:
        return (
            Route("POST", "/v1/chats/{chat}/messages", self._send),
            Route("GET", "/v1/messages/{id}/", self._status),
            Route("POST", "/v1/messages/{id}/reaction", self._react),
            Route("PUT", "/v1/chats/{chat}/typing", self._typing),
            Route("PUT", "/v1/chats/{chat}/read", self._read),
            Route("POST", "/v1/messages/{id}/tell", self._tell),
            Route("GET", "/v1/broken", self._broken),
        )

    def fault(self, status: int, code: str | None, message: str) -> TwinReply:
        return TwinReply(status, {"code": code, "message": message})

    def settings(self, base_url: str) -> dict[str, Any]:
        return {"base_url": base_url, "api_key": self.context.api_key, "secret": self.context.secret}

    def sign(self, webhook: Webhook, body: bytes, now: datetime, secret: str) -> Mapping[str, str]:
        stamp = str(int(now.timestamp()))
        proof = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        return {"X-Echo-Time": stamp, "X-Echo-Proof": proof, "User-Agent": "Echo"}

    def fate(self, bubble: Bubble, phone: Phone) -> Fate:
        if phone.blocked:
            return Fate(Channel.IMESSAGE, (DeliveryState.FAILED,), code="E7", reason="blocked")
        if not phone.imessage:
            return Fate(Channel.SMS, (DeliveryState.SENT, DeliveryState.DELIVERED))
        return Fate(Channel.IMESSAGE, (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.READ))

    def wrote(self, bubble: Bubble) -> Sequence[Webhook]:
        return (self._hook("message", bubble.vendor_id, sender=bubble.sender, text=bubble.text),)

    def progressed(self, bubble: Bubble) -> Sequence[Webhook]:
        return (self._hook(bubble.state.value, bubble.vendor_id, code=bubble.code),)

    def reacted(self, bubble: Bubble, sender: Address, reaction: Reaction, *, removed: bool) -> Sequence[Webhook]:
        return (self._hook("reaction", bubble.vendor_id, word=reaction.text, removed=removed),)

    def typed(self, thread: Thread, sender: Address, *, started: bool) -> Sequence[Webhook]:
        return (self._hook("typing", None, on=started),)

    def voted(self, bubble: Bubble, sender: Address, option: str, *, removed: bool) -> Sequence[Webhook]:
        return (self._hook("vote", bubble.vendor_id, option=option, removed=removed),)

    def shared(self, thread: Thread, sender: Address) -> Sequence[Webhook]:
        return (self._hook("share", None, name=self.world.phone(sender).name),)

    def renamed(self, thread: Thread, sender: Address) -> Sequence[Webhook]:
        return (self._hook("rename", None, name=thread.name),)

    def edited(self, bubble: Bubble) -> Sequence[Webhook]:
        return (self._hook("edit", bubble.vendor_id, text=bubble.text),)

    def unsent(self, bubble: Bubble) -> Sequence[Webhook]:
        return (self._hook("unsend", bubble.vendor_id),)

    def stuck(self, bubble: Bubble, sender: Address) -> Sequence[Webhook]:
        return (self._hook("sticker", bubble.vendor_id),)

    def pictured(self, thread: Thread, sender: Address) -> Sequence[Webhook]:
        return (self._hook("icon", None, there=thread.icon is not None),)

    def joined(self, thread: Thread, sender: Address, member: Address) -> Sequence[Webhook]:
        return (self._hook("join", None, member=member.text),)

    def left(self, thread: Thread, sender: Address, member: Address) -> Sequence[Webhook]:
        return (self._hook("leave", None, member=member.text),)

    def called(self, thread: Thread, sender: Address) -> Sequence[Webhook]:
        return (self._hook("call", None, sender=sender.text),)

    def opted_in(self, thread: Thread, sender: Address, link: str | None, text: str) -> Sequence[Webhook]:
        return (self._hook("opt-in", None, link=link, text=text),)

    def new_message_id(self) -> str:
        return f"m-{self.context.random.getrandbits(32):08x}"

    def new_group_id(self) -> str:
        return f"g-{self.context.random.getrandbits(32):08x}"

    # ── routes ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _send(self, request: TwinRequest) -> TwinReply:
        if request.headers.get("authorization") != f"Bearer {self.context.api_key}":
            return self.fault(401, "E1", "wrong key")
        body = request.json()
        if not isinstance(body, dict) or not isinstance(body.get("text"), str):
            return self.fault(400, "E2", "text is missing")
        text = str(body["text"])
        bubble = Bubble(
            vendor_id=self.new_message_id(),
            thread=self._thread(request.params["chat"]),
            ours=True,
            sender=LINE,
            parts=(Text(text=text.upper() if self.context.switches["shout"] else text),),
            created_at=self.context.now(),
        )
        self.world.submit(bubble)
        return TwinReply(202, {"id": bubble.vendor_id}, {"X-Echo": "yes"})

    def _status(self, request: TwinRequest) -> TwinReply:
        bubble = self.world.find(self.name, request.params["id"])
        return TwinReply(404) if bubble is None else TwinReply(200, {"state": bubble.state.value})

    def _react(self, request: TwinRequest) -> TwinReply:
        bubble = self.world.find(self.name, request.params["id"])
        body = request.json()
        assert bubble is not None
        assert isinstance(body, dict)
        self.world.react(bubble, Reaction.parse(str(body["word"])), removed=bool(body.get("removed")))
        return TwinReply(204)

    def _typing(self, request: TwinRequest) -> TwinReply:
        self.world.set_typing(self._thread(request.params["chat"]), on=True, seconds=5)
        return TwinReply(204)

    def _read(self, request: TwinRequest) -> TwinReply:
        self.world.mark_read(self._thread(request.params["chat"]))
        return TwinReply(204)

    def _tell(self, request: TwinRequest) -> Deliver:
        hook = self._hook("told", request.params["id"])
        return Deliver(
            hook,
            lambda tried: TwinReply(
                200, {"status": tried.status, "body": tried.body.decode(), "error": tried.error, "url": tried.url}
            ),
        )

    def _broken(self, request: TwinRequest) -> TwinReply:
        raise RuntimeError("the twin is broken")

    def fail(self) -> None:
        """Raise, as a twin should not."""
        raise RuntimeError("the twin is broken")

    def _thread(self, chat: str) -> Thread:
        group = self.world.group(self.name, chat)
        return group or self.world.direct(self.name, LINE, Address.parse(chat))

    def _hook(self, event: str, message: str | None, **data: JsonValue) -> Webhook:
        payload = {"event": event, "message": message, **data}
        return Webhook(event, payload, {"X-Echo-Event": event}, message_id=message)


class SecondTwin(EchoTwin):
    """Another vendor on the same port, with the same world."""

    name = "second"
    api_path = ""
