"""The twin: the vendor's routes, webhooks and habits on the simulator's world.

What the vendor documents is done so; what it does not document has a switch, whose default is the plainest reading
of the vendor's oldest page. The switches:

* `success_flag`: answers to sends carry `success: true`, as the older pages show.
* `group_key`: what the answer to a send calls a group's id, `group_id` or `id`.
* `failure_body`: `generic` (with a code) or `shape` (without), both documented.
* `auth_status`, `billing_status`: HTTP status of the codes for credentials and for payment.
* `attachments_limit`: three editions of the page say 3, 5 and 10.
* `cold_contacts`: `allow`, or the code that a contact who never wrote is refused with (510, 520, 530).
* `two_minutes`: refuse (540) sends less than two minutes apart to contacts who have not written for a day.
* `sandbox`: only contacts who wrote within a day (else 200), no groups, the sender is ignored.
* `account_code`: refuse every send with this code, such as 300 or 550; null for none.
* `vcard`: the sender has a contact card, for `contact_file`.
* `sms`: the sender can send SMS where a phone has no iMessage.
* `blocked_code`: what a recipient who blocks us makes of a message, 340 or 1020.
* `message_scheduled`: that webhook is sent too.
* `opt_in_event`: `message_inbound` with `type: opt_in`, or `opt-in`.
* `typing_idle`: after five idle minutes the dots are not shown: `silent`, or `refuse` (510).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from pydantic import JsonValue

from gateway.provider import Address, AddressKind, Channel, DeliveryState, Reaction, Voice
from gateway.simulator import Bubble, Context, Fate, Phone, Route, Thread, Twin, TwinReply, TwinRequest, Webhook
from gateway_loopmessage.settings import API_PATH
from gateway_loopmessage.simulator.account import NAME, SENDERS, Account, Rejected
from gateway_loopmessage.simulator.hooks import Hooks
from gateway_loopmessage.simulator.lists import Lists
from gateway_loopmessage.simulator.messages import Messages
from gateway_loopmessage.simulator.opt_ins import OptIns

__all__ = ["LoopMessageTwin"]

_STOP_WORDS = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"})
_GOES_WELL = (DeliveryState.SENT, DeliveryState.DELIVERED)

Handler = Callable[[TwinRequest], TwinReply]


class LoopMessageTwin(Twin):
    """LoopMessage's conversation API, current generation."""

    name: ClassVar[str] = NAME
    api_path: ClassVar[str] = API_PATH
    lines: ClassVar[Sequence[str]] = tuple(sender.id for sender in SENDERS)
    # 30 more attempts: ten every 30 s, ten every 3 min, ten every 15 min
    retry_delays: ClassVar[Sequence[float]] = (30.0,) * 10 + (180.0,) * 10 + (900.0,) * 10
    timeout: ClassVar[float] = 15.0
    switches: ClassVar[Mapping[str, JsonValue]] = {
        "success_flag": True,
        "group_key": "group_id",
        "failure_body": "generic",
        "auth_status": 400,
        "billing_status": 400,
        "attachments_limit": 3,
        "cold_contacts": "allow",
        "two_minutes": False,
        "sandbox": False,
        "account_code": None,
        "vcard": True,
        "sms": True,
        "blocked_code": 340,
        "message_scheduled": False,
        "opt_in_event": "message_inbound",
        "typing_idle": "silent",
    }

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.account = Account(context)
        self._hooks = Hooks(self.account)
        self._messages = Messages(self.account)
        self._lists = Lists(self.account)
        self._opt_ins = OptIns(self.account)

    # ── the API ───────────────────────────────────────────────────────────────────────────────────────────────────

    def routes(self) -> Sequence[Route]:
        api, lists = API_PATH, self._lists
        return (
            self._route("POST", f"{api}/message/send/", self._messages.send),
            self._route("POST", f"{api}/message/show-typing/", self._messages.show_typing),
            # the one path beside /api/v1, and the one whose errors say `error_code`
            self._route("GET", "/v1/message/status/{id}/", self._messages.status, key="error_code"),
            self._route("GET", f"{api}/audience/list/", lists.contacts),
            self._route("GET", f"{api}/audience/check-status/{{contact}}/", lists.contact_status),
            self._route("DELETE", f"{api}/audience/delete/{{contact}}/", lists.unsubscribe),
            self._route("GET", f"{api}/audience/messages/{{contact}}/", lists.messages),
            self._route("GET", f"{api}/webhooks/history/", lists.hooks),
            self._route("POST", f"{api}/opt-in/generate-url/", self._opt_ins.generate_url),
            self._route("POST", f"{api}/opt-in/geenrate-url/", self._opt_ins.generate_url),
            self._route("GET", f"{api}/sender/list/", lists.senders),
        )

    def fault(self, status: int, code: str | None, message: str) -> TwinReply:
        number = int(code) if code and code.isdecimal() else 100
        return TwinReply(status, {"success": False, "code": number, "message": message})

    def settings(self, base_url: str) -> dict[str, Any]:
        return {
            "api_key": self.context.api_key,
            "sender": self.lines[0],
            "base_url": base_url,
            "webhook_secret": self.context.secret,
            # an account that asks for no space between messages gets none
            "silent_spacing": 120 if self.account.is_on("two_minutes") else 0,
        }

    def _route(self, method: str, pattern: str, handler: Handler, *, key: str = "code") -> Route:
        """Put the check of credentials before a handler, and the vendor's form of a no behind it."""

        def guarded(request: TwinRequest) -> TwinReply:
            try:
                self.account.authenticate(request)
                return handler(request)
            except Rejected as rejected:
                return self.account.refusal(rejected, key=key)

        return Route(method, pattern, guarded)

    # ── webhooks ──────────────────────────────────────────────────────────────────────────────────────────────────

    def sign(self, webhook: Webhook, body: bytes, now: datetime, secret: str) -> Mapping[str, str]:
        self.account.attempted(webhook)
        return {
            "Content-Type": "application/json",
            "User-Agent": "LoopMessage",
            "Connection": "close",
            # the configured value as it is: no signature, no time
            "Authorization": secret,
        }

    def accepted(self, status: int) -> bool:
        return status == 200

    # ── what happens in the world ─────────────────────────────────────────────────────────────────────────────────

    def fate(self, bubble: Bubble, phone: Phone) -> Fate:
        asked = bubble.notes.get("channel")
        states = (DeliveryState.QUEUED, *_GOES_WELL) if self.account.is_on("message_scheduled") else _GOES_WELL
        if phone.blocked:
            return _failed(Channel.IMESSAGE, self.account.number("blocked_code"), "the recipient blocks the sender")
        channel = self._channel(bubble, phone, Channel(asked) if isinstance(asked, str) else None)
        if channel is None:
            return _failed(Channel.IMESSAGE, 1020, "not delivered")
        if channel is Channel.SMS and any(isinstance(part, Voice) for part in bubble.parts):
            return _failed(channel, 1140, "a voice note over SMS")
        return Fate(channel, states)

    def wrote(self, bubble: Bubble) -> Sequence[Webhook]:
        sender = Address.parse(bubble.sender)
        link = self._opt_ins.find(None, bubble.text)
        if link is not None:
            return self._opted_in(bubble.thread, sender, link.id, bubble.text, bubble.vendor_id)
        if bubble.text.strip().upper() in _STOP_WORDS:
            self._opt_out(sender)
        return (self._hooks.inbound(bubble),)

    def progressed(self, bubble: Bubble) -> Sequence[Webhook]:
        if bubble.state is DeliveryState.QUEUED:
            return (self._hooks.report("message_scheduled", bubble),)
        if bubble.state is DeliveryState.DELIVERED:
            return (self._hooks.report("message_delivered", bubble),)
        if bubble.state is DeliveryState.FAILED:
            code = int(bubble.code) if bubble.code and bubble.code.isdecimal() else 1000
            return (self._hooks.report("message_failed", bubble, code),)
        # the vendor tells nothing of sent and read
        return ()

    def reacted(self, bubble: Bubble, sender: Address, reaction: Reaction, *, removed: bool) -> Sequence[Webhook]:
        # the vendor documents no form for a reaction that is taken back
        return () if removed else (self._hooks.reaction(bubble, sender, reaction),)

    def called(self, thread: Thread, sender: Address) -> Sequence[Webhook]:
        return (self._hooks.call(thread, sender),)

    def opted_in(self, thread: Thread, sender: Address, link: str | None, text: str) -> Sequence[Webhook]:
        written = thread.last(ours=False)
        message_id = written.vendor_id if written else self.new_message_id()
        return self._opted_in(thread, sender, link, text, message_id)

    def opted_out(self, bubble: Bubble) -> Sequence[Webhook]:
        self._opt_out(Address.parse(bubble.sender))
        # an ordinary message: the vendor has no event for it, only code 500 on later sends
        return (self._hooks.inbound(bubble),)

    def new_message_id(self) -> str:
        return self.account.new_uuid().upper()

    def new_group_id(self) -> str:
        return self.account.new_uuid().upper()

    # ── how ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _channel(self, bubble: Bubble, phone: Phone, asked: Channel | None) -> Channel | None:
        """Choose the network: the one that was asked for, else iMessage, else RCS, else SMS; None when none fits."""
        plain = bubble.thread.group is None and phone.address.kind is AddressKind.PHONE
        possible = {
            Channel.IMESSAGE: phone.imessage,
            Channel.RCS: plain and phone.rcs,
            Channel.SMS: plain and self.account.is_on("sms"),
            Channel.WHATSAPP: plain and asked is Channel.WHATSAPP,
        }
        candidates = (asked,) if asked else tuple(possible)
        return next((channel for channel in candidates if possible[channel]), None)

    def _opted_in(
        self, thread: Thread, sender: Address, link: str | None, text: str, message_id: str
    ) -> Sequence[Webhook]:
        self.account.unsubscribed.discard(sender)
        self.account.opted_in.add(sender)
        followed = self._opt_ins.find(link, text)
        spoken = self._opt_ins.spoken(followed) if followed else text
        return (self._hooks.opt_in(thread, sender, followed, spoken, message_id),)

    def _opt_out(self, sender: Address) -> None:
        self.account.unsubscribed.add(sender)
        self.account.opted_in.discard(sender)


def _failed(channel: Channel, code: int, reason: str) -> Fate:
    return Fate(channel, (DeliveryState.FAILED,), str(code), reason)
