"""The twin: the vendor's routes, webhooks and habits on the simulator's world.

What the vendor documents is done so; what it does not document has a switch, whose default is the plainest reading
of the vendor's oldest page. The switches:

* `success_flag`: answers to sends carry `success: true`, as the older pages show.
* `group_key`: what the answer to a send calls a group's id, `group_id` or `id`.
* `failure_body`: `generic` (with a code) or `shape` (without), both documented.
* `auth_status`, `billing_status`: HTTP status of the codes for credentials and for payment.
* `status_below_api`: the status is found below `/api/v1` too, as in the older generation.
* `not_found`: what a 404 for an unknown id holds: `empty`, or `html`.
* `delete_status`: what the end of a subscription is answered with, 200 or 204.
* `text_limit`: "less than 10000" characters are kept, or 10000.
* `attachments_limit`: three editions of the page say 3, 5 and 10.
* `attachments_code`: what wrong attachments are refused with, 100, 115 or 125.
* `sender_value`: `sender` is an id by the page, and a name for some: `id`, `name`, or `either`.
* `pool_sender`: `sender` may be the id of a pool too.
* `pool_path`: where a pool is changed and deleted: `pool`, or `sender` as the page prints it.
* `cold_contacts`: `allow`, or the code that a contact who never wrote is refused with (510, 520, 530).
* `init_rules`: new conversations are 15 minutes apart, few a day, and begin with plain text (520, 530, 540).
* `two_minutes`: refuse (540) sends less than two minutes apart to contacts who have not written for a day.
* `sandbox`: only the first five contacts, who wrote within a day (else 200), no groups, the sender is ignored.
* `sandbox_filter`: the code that the sandbox refuses codes of one use and currencies with; null lets them pass.
* `account_code`: refuse every send with this code, such as 300 or 550; null for none.
* `vcard`: the sender has a contact card, for `contact_file`.
* `sms`: the sender can send SMS where a phone has no iMessage.
* `sms_extras`: subject, effect, reply and files but pictures over SMS: `ignore`, or `refuse` (125).
* `opt_out_footer`: messages to numbers of the United States end with a line on the phone that says how to opt out.
* `blocked_code`: what a recipient who blocks us makes of a message, 340 or 1020.
* `history_delay`: seconds after which a message is in the contact's history.
* `campaign_spacing`: seconds between two messages of a campaign.
* `campaign_cold`: contacts of a campaign who never wrote: `skip`, or `refuse` (510).
* `webhook_form`: `current`, `legacy` as `alert_type`, or `n8n`, which knows received messages only.
* `message_scheduled`: that webhook is sent too.
* `passthrough_on_failed`: reports of a failure carry `passthrough` too.
* `opt_in_event`: `message_inbound` with `type: opt_in`, or `opt-in`.
* `reaction_event`: a reaction comes as `message_reaction`, or as `message_inbound` with that type.
* `reaction_names`: `message_id` of a reaction is that of the `message`, or the `reaction` with `reply_to_id` beside it.
* `reaction_removed`: a reaction that is taken back is told: `never`, or with a `dash` in front.
* `hook_answers`: the answer to a webhook may carry `typing` and `read`, as in the older generation.
* `typing_idle`: after five idle minutes the dots are not shown: `silent`, or `refuse` (510).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from pydantic import JsonValue

from gateway.provider import Address, AddressKind, Channel, DeliveryState, Reaction, Voice
from gateway.simulator import (
    Bubble,
    Context,
    Fate,
    OptIn,
    Phone,
    Route,
    Thread,
    Tried,
    Twin,
    TwinReply,
    TwinRequest,
    Webhook,
)
from gateway_loopmessage.settings import API_PATH, TRACKER_PATH
from gateway_loopmessage.simulator.account import NAME, Account, Rejected
from gateway_loopmessage.simulator.audience import Audience
from gateway_loopmessage.simulator.campaigns import Campaigns
from gateway_loopmessage.simulator.directory import SENDERS
from gateway_loopmessage.simulator.fronts import Fronts
from gateway_loopmessage.simulator.hooks import Hooks
from gateway_loopmessage.simulator.legacy import Legacy
from gateway_loopmessage.simulator.messages import TYPING_SECONDS, Messages
from gateway_loopmessage.simulator.opt_ins import OptIns
from gateway_loopmessage.simulator.organizations import Organizations
from gateway_loopmessage.simulator.pools import Pools
from gateway_loopmessage.simulator.senders import Senders

__all__ = ["LoopMessageTwin"]

_STOP_WORDS = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"})
_GOES_WELL = (DeliveryState.SENT, DeliveryState.DELIVERED)

Handler = Callable[[TwinRequest], TwinReply]


class LoopMessageTwin(Twin):
    """LoopMessage's conversation API, current generation."""

    name: ClassVar[str] = NAME
    api_path: ClassVar[str] = API_PATH
    lines: ClassVar[Sequence[str]] = tuple(sender.id for sender in SENDERS)
    cards: ClassVar[frozenset[str]] = frozenset({"location", "sticker"})
    # 30 more attempts: ten every 30 s, ten every 3 min, ten every 15 min
    retry_delays: ClassVar[Sequence[float]] = (30.0,) * 10 + (180.0,) * 10 + (900.0,) * 10
    timeout: ClassVar[float] = 15.0
    switches: ClassVar[Mapping[str, JsonValue]] = {
        "success_flag": True,
        "group_key": "group_id",
        "failure_body": "generic",
        "auth_status": 400,
        "billing_status": 400,
        "status_below_api": False,
        "not_found": "empty",
        "delete_status": 200,
        "text_limit": 9999,
        "attachments_limit": 3,
        "attachments_code": 125,
        "sender_value": "either",
        "pool_sender": False,
        "pool_path": "pool",
        "cold_contacts": "allow",
        "init_rules": False,
        "two_minutes": False,
        "sandbox": False,
        "sandbox_filter": None,
        "account_code": None,
        "vcard": True,
        "sms": True,
        "sms_extras": "ignore",
        "opt_out_footer": False,
        "blocked_code": 340,
        "history_delay": 0,
        "campaign_spacing": 2,
        "campaign_cold": "skip",
        "webhook_form": "current",
        "message_scheduled": False,
        "passthrough_on_failed": True,
        "opt_in_event": "message_inbound",
        "reaction_event": "message_reaction",
        "reaction_names": "message",
        "reaction_removed": "never",
        "hook_answers": False,
        "typing_idle": "silent",
    }

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.account = Account(context)
        self._hooks = Hooks(self.account)
        self._messages = Messages(self.account)
        self._audience = Audience(self.account)
        self._opt_ins = OptIns(self.account)
        self._campaigns = Campaigns(self.account, self._messages)
        self._senders = Senders(self.account, self._hooks)
        self._pools = Pools(self.account)
        self._organizations = Organizations(self.account)
        self._legacy = Legacy(self.account, self._messages, self._hooks)
        self._fronts = Fronts(self.account, self._messages)

    @property
    def open_lines(self) -> Sequence[str]:
        return [sender.id for sender in self.account.directory.senders.values() if sender.status == "active"]

    # ── the API ───────────────────────────────────────────────────────────────────────────────────────────────────

    def routes(self) -> Sequence[Route]:
        return (*self._talk(), *self._people(), *self._property(), *self._beside())

    def _talk(self) -> Iterator[Route]:
        api = API_PATH
        yield self._route("POST", f"{api}/message/send/", self._messages.send)
        yield self._route("POST", f"{api}/message/show-typing/", self._messages.show_typing)
        # the one path beside /api/v1, and the one whose errors say `error_code`
        yield self._route("GET", "/v1/message/status/{id}/", self._messages.status, key="error_code")
        yield self._route("GET", f"{api}/message/status/{{id}}/", self._status_below_api, key="error_code")
        yield self._route("POST", f"{api}/campaigns/new/", self._campaigns.create)

    def _people(self) -> Iterator[Route]:
        api, audience = API_PATH, self._audience
        yield self._route("GET", f"{api}/audience/list/", audience.contacts)
        yield self._route("GET", f"{api}/audience/check-status/{{contact}}/", audience.contact_status)
        yield self._route("DELETE", f"{api}/audience/delete/{{contact}}/", audience.unsubscribe)
        yield self._route("GET", f"{api}/audience/messages/{{contact}}/", audience.messages)
        yield self._route("GET", f"{api}/audience/tracker/", audience.tracker)
        yield self._route("GET", f"{api}/webhooks/history/", audience.hooks)
        yield self._route("POST", f"{api}/opt-in/generate-url/", self._opt_ins.generate_url)
        yield self._route("POST", f"{api}/opt-in/geenrate-url/", self._opt_ins.generate_url)

    def _property(self) -> Iterator[Route]:
        api, senders, pools, organizations = API_PATH, self._senders, self._pools, self._organizations
        # before the details, whose pattern they fit
        yield self._route("GET", f"{api}/sender/list/", senders.listed)
        yield self._route("GET", f"{api}/sender/plans/", senders.plans)
        yield self._route("POST", f"{api}/sender/new/", senders.order)
        yield self._route("GET", f"{api}/sender/{{id}}/", senders.details)
        yield self._route("PATCH", f"{api}/sender/{{id}}/", self._change_sender)
        yield self._route("DELETE", f"{api}/sender/{{id}}/", self._at("sender", pools.delete))
        yield self._route("DELETE", f"{api}/sender/{{id}}/cancel/", senders.cancel)
        yield self._route("DELETE", f"{api}/sender/{{alias_id}}/alias/cancel/", senders.cancel_alias)
        yield self._route("GET", f"{api}/pool/list/", pools.listed)
        yield self._route("POST", f"{api}/pool/new/", pools.create)
        yield self._route("GET", f"{api}/pool/{{id}}/", pools.details)
        yield self._route("PATCH", f"{api}/pool/{{id}}/", self._at("pool", pools.change))
        yield self._route("DELETE", f"{api}/pool/{{id}}/", self._at("pool", pools.delete))
        yield self._route("GET", f"{api}/organizations/list/", organizations.listed)
        yield self._route("POST", f"{api}/organizations/new/", organizations.create)
        yield self._route("GET", f"{api}/organizations/details/{{id}}/", organizations.details)
        yield self._route("PATCH", f"{api}/organizations/details/{{id}}/", organizations.change)
        yield self._route("DELETE", f"{api}/organizations/details/{{id}}/", organizations.delete)

    def _beside(self) -> Iterator[Route]:
        """Give what asks for no key, or for other keys."""
        pattern = f"{TRACKER_PATH}/generate-url/{{organization_id}}/"
        yield Route("GET", pattern, self._answered(self._opt_ins.generate_url_in_browser))
        yield Route("POST", f"/legacy{API_PATH}/message/send/", self._legacy.send)
        yield Route("GET", f"/legacy{API_PATH}/message/status/{{id}}/", self._legacy.status)
        yield from self._fronts.routes()

    def fault(self, status: int, code: str | None, message: str) -> TwinReply:
        number = int(code) if code and code.isdecimal() else 100
        return TwinReply(status, {"success": False, "code": number, "message": message})

    def settings(self, base_url: str) -> dict[str, Any]:
        return {
            "api_key": self.context.api_key,
            "sender": self.lines[0],
            "base_url": base_url,
            "tracker_url": base_url.removesuffix(API_PATH) + TRACKER_PATH,
            "webhook_secret": self.context.secret,
            # an account that asks for no space between messages gets none
            "silent_spacing": 120 if self.account.is_on("two_minutes") else 0,
        }

    def _route(self, method: str, pattern: str, handler: Handler, *, key: str = "code") -> Route:
        """Put the check of credentials before a handler, and the vendor's form of a no behind it."""

        def guarded(request: TwinRequest) -> TwinReply:
            self.account.authenticate(request)
            return handler(request)

        return Route(method, pattern, self._answered(guarded, key=key))

    def _answered(self, handler: Handler, *, key: str = "code") -> Handler:
        def answer(request: TwinRequest) -> TwinReply:
            try:
                return handler(request)
            except Rejected as rejected:
                return self.account.refusal(rejected, key=key)

        return answer

    def _at(self, place: str, handler: Handler) -> Handler:
        """Let a pool be changed where the switch says, and be unknown elsewhere."""
        return lambda request: handler(request) if self.account.switch("pool_path") == place else TwinReply(404)

    def _status_below_api(self, request: TwinRequest) -> TwinReply:
        return self._messages.status(request) if self.account.is_on("status_below_api") else self.account.not_found()

    def _change_sender(self, request: TwinRequest) -> TwinReply:
        """PATCH `/sender/{id}/`: moves a sender; as the page prints it, it changes a pool too."""
        is_pool = self.account.pool(request.params["id"]) is not None
        return self._at("sender", self._pools.change)(request) if is_pool else self._senders.move(request)

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

    def tried(self, tried: Tried) -> None:
        """Follow what the application asks for in its answer, where the vendor still does: dots, and a read mark."""
        if not self.account.is_on("hook_answers") or tried.status != 200:
            return
        asked = TwinRequest("POST", "", "", {}, {}, {}, tried.body).json()
        bubble = self.world.find(NAME, tried.webhook.message_id or "")
        if not isinstance(asked, dict) or bubble is None:
            return
        seconds = asked.get("typing")
        if isinstance(seconds, int) and not isinstance(seconds, bool) and 1 <= seconds <= TYPING_SECONDS:
            self.world.set_typing(bubble.thread, on=True, seconds=seconds)
        if asked.get("read") is True:
            self.world.mark_read(bubble.thread)

    def accepted(self, status: int) -> bool:
        return status == 200

    # ── what happens in the world ─────────────────────────────────────────────────────────────────────────────────

    def fate(self, bubble: Bubble, phone: Phone) -> Fate:
        refused = bubble.notes.get("fails")
        if isinstance(refused, int):
            return _failed(Channel.IMESSAGE, refused, "refused when its turn came")
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
        return self._hooks.inbound(bubble)

    def progressed(self, bubble: Bubble) -> Sequence[Webhook]:
        if bubble.state is DeliveryState.QUEUED:
            return self._hooks.report("message_scheduled", bubble)
        if bubble.state is DeliveryState.DELIVERED:
            return self._hooks.report("message_delivered", bubble)
        if bubble.state is DeliveryState.FAILED:
            code = int(bubble.code) if bubble.code and bubble.code.isdecimal() else 1000
            return self._hooks.report("message_failed", bubble, code)
        # the vendor tells nothing of sent and read
        return ()

    def reacted(self, bubble: Bubble, sender: Address, reaction: Reaction, *, removed: bool) -> Sequence[Webhook]:
        # the vendor documents no form for a reaction that is taken back
        if removed and self.account.switch("reaction_removed") != "dash":
            return ()
        return self._hooks.reaction(bubble, sender, reaction, removed=removed)

    def stuck(self, bubble: Bubble, sender: Address) -> Sequence[Webhook]:
        return self._hooks.sticker(bubble, sender)

    def links(self) -> Sequence[OptIn]:
        return self._opt_ins.composed()

    def called(self, thread: Thread, sender: Address) -> Sequence[Webhook]:
        return self._hooks.call(thread, sender)

    def opted_in(self, thread: Thread, sender: Address, link: str | None, text: str) -> Sequence[Webhook]:
        written = thread.last(ours=False)
        message_id = written.vendor_id if written else self.new_message_id()
        return self._opted_in(thread, sender, link, text, message_id)

    def opted_out(self, bubble: Bubble) -> Sequence[Webhook]:
        self._opt_out(Address.parse(bubble.sender))
        # an ordinary message: the vendor has no event for it, only code 500 on later sends
        return self._hooks.inbound(bubble)

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
        if followed is not None:
            self._opt_ins.opened(followed)
        spoken = self._opt_ins.spoken(followed) if followed else text
        return self._hooks.opt_in(thread, sender, followed, spoken, message_id)

    def _opt_out(self, sender: Address) -> None:
        self.account.unsubscribed.add(sender)
        self.account.opted_in.discard(sender)


def _failed(channel: Channel, code: int, reason: str) -> Fate:
    return Fate(channel, (DeliveryState.FAILED,), str(code), reason)
