"""The twin itself: its routes, its two proofs, and what becomes of messages."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from pydantic import JsonValue

from gateway.provider import Address, Attachment, Channel, DeliveryState, Reaction, Text
from gateway.simulator import Bubble, Context, Fate, Phone, Route, Thread, Tried, Twin, TwinReply, TwinRequest, Webhook
from gateway_sendblue.simulator.account import LINES, SWITCHES, VENDOR, Account
from gateway_sendblue.simulator.answers import Refusal, error_reply, iso
from gateway_sendblue.simulator.contacts import Contacts
from gateway_sendblue.simulator.groups import Groups
from gateway_sendblue.simulator.hooks import CALLBACK, Hooks
from gateway_sendblue.simulator.lines import Lines
from gateway_sendblue.simulator.locations import Locations
from gateway_sendblue.simulator.media import Media
from gateway_sendblue.simulator.messages import Messages
from gateway_sendblue.simulator.own import Own
from gateway_sendblue.simulator.payloads import call_json, media_of, row, tapback_text, typing_json
from gateway_sendblue.simulator.seats import Seats
from gateway_sendblue.simulator.sending import Sending
from gateway_sendblue.simulator.verify import Verifications

__all__ = ["SendblueTwin"]

Handler = Callable[[TwinRequest], TwinReply]
Handlers = Mapping[tuple[str, str], Handler]

_FAULTS = 500


class SendblueTwin(Twin):
    """Sendblue: validates as the vendor does, with state, and answers its errors."""

    name: ClassVar[str] = VENDOR
    api_path: ClassVar[str] = ""
    switches: ClassVar[Mapping[str, JsonValue]] = SWITCHES
    # Three retries are documented, their pauses are not.
    retry_delays: ClassVar[Sequence[float]] = (5, 30, 120)
    timeout: ClassVar[float] = 45.0
    lines: ClassVar[Sequence[str]] = LINES
    cards: ClassVar[frozenset[str]] = frozenset({"location"})

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.account = Account(context)
        self._hooks = Hooks(self.account)
        self._seats = Seats(self.account)
        self._sending = Sending(self.account, self._seats)
        self._messages = Messages(self.account)
        self._groups = Groups(self.account)
        self._media = Media(self.account)
        self._contacts = Contacts(self.account)
        self._lines = Lines(self.account)
        self._locations = Locations(self.account)
        self._verify = Verifications(self.account)
        self._own = Own(self.account)

    # ── the API ───────────────────────────────────────────────────────────────────────────────────────────────────

    def routes(self) -> Sequence[Route]:
        tables = (self._message_handlers(), self._people_handlers(), self._line_handlers(), self._account_handlers())
        return [
            Route(method, pattern, self._guarded(handler))
            for table in tables
            for (method, pattern), handler in table.items()
        ]

    def _message_handlers(self) -> Handlers:
        sending, messages, media = self._sending, self._messages, self._media
        return {
            ("POST", "/api/send-message"): sending.send,
            ("POST", "/api/send-group-message"): sending.send_group,
            ("POST", "/api/send-carousel"): sending.send_carousel,
            ("POST", "/api/messages/{handle}/update-app-card"): sending.update_app_card,
            ("GET", "/api/status"): messages.status,
            ("GET", "/api/v2/messages"): messages.listed,
            ("GET", "/api/v2/messages/{handle}"): messages.one,
            ("DELETE", "/api/message/{handle}"): messages.delete,
            ("POST", "/api/send-reaction"): messages.react,
            ("POST", "/api/send-typing-indicator"): messages.typing,
            ("POST", "/api/mark-read"): messages.read,
            ("GET", "/api/evaluate-service"): media.evaluate_service,
            ("POST", "/api/upload-media-object"): media.upload_object,
            ("POST", "/api/upload-file"): media.upload_file,
        }

    def _people_handlers(self) -> Handlers:
        groups, contacts = self._groups, self._contacts
        return {
            ("POST", "/api/modify-group"): groups.modify,
            ("POST", "/api/create-group"): groups.create,
            ("GET", "/api/v2/groups/{group}"): groups.one,
            ("POST", "/api/v2/groups/{group}/name"): groups.rename,
            ("POST", "/api/v2/groups/{group}/photo"): groups.photo,
            ("GET", "/api/v2/contacts"): contacts.listed,
            ("POST", "/api/v2/contacts"): contacts.create,
            ("DELETE", "/api/v2/contacts"): contacts.delete_many,
            ("GET", "/api/v2/contacts/count"): contacts.count,
            ("POST", "/api/v2/contacts/bulk"): contacts.create_many,
            ("POST", "/api/v2/contacts/opt-out"): contacts.opt_out,
            ("POST", "/api/v2/contacts/verify"): contacts.verify,
            ("GET", "/api/v2/contacts/{number}"): contacts.one,
            ("PUT", "/api/v2/contacts/{number}"): contacts.update,
            ("DELETE", "/api/v2/contacts/{number}"): contacts.delete,
            ("POST", "/v3/verified-contacts"): contacts.request_verification,
            ("GET", "/v3/verified-contacts"): contacts.list_verified,
            ("GET", "/v3/verified-contacts/{number}"): contacts.one_verified,
        }

    def _line_handlers(self) -> Handlers:
        lines, hooks, places = self._lines, self._hooks, self._locations
        return {
            ("GET", "/api/lines"): lines.numbers,
            ("GET", "/api/v2/lines/state"): lines.states,
            ("GET", "/api/v2/lines/usage"): lines.usage,
            ("GET", "/api/v2/lines/contact-status"): lines.contact_status,
            ("GET", "/api/lines/{line}/call-forwarding"): lines.forwarding,
            ("PUT", "/api/lines/{line}/call-forwarding"): lines.forward,
            ("DELETE", "/api/lines/{line}/call-forwarding"): lines.stop_forwarding,
            ("GET", "/api/account/webhooks"): hooks.listed,
            ("POST", "/api/account/webhooks"): hooks.append,
            ("PUT", "/api/account/webhooks"): hooks.replace,
            ("DELETE", "/api/account/webhooks"): hooks.delete,
            ("GET", "/api/location"): places.listed,
            ("GET", "/api/location/{number}"): places.one,
            ("GET", "/api/location/{number}/watch"): places.watch,
            ("POST", "/api/request-location"): places.request,
        }

    def _account_handlers(self) -> Handlers:
        own, seats, verify = self._own, self._seats, self._verify
        return {
            ("GET", "/api/v2/events"): own.events,
            ("POST", "/v3/auth/tokens"): own.create_token,
            ("DELETE", "/v3/auth/tokens/{token}"): own.revoke_token,
            ("GET", "/api/v2/seats"): seats.listed,
            ("GET", "/api/v2/seats/count"): seats.count,
            ("GET", "/api/v2/seats/{seat}"): seats.one,
            ("POST", "/api/v2/totp/secrets"): own.create_secret,
            ("GET", "/api/v2/totp/secrets"): own.secrets,
            ("DELETE", "/api/v2/totp/secrets/{secret}"): own.delete_secret,
            ("GET", "/api/v2/totp/code/{secret}"): own.code,
            ("POST", "/api/v2/verify/services/{service}/verifications"): verify.create,
            ("GET", "/api/v2/verify/services/{service}/verifications/{verification}"): verify.one,
            ("GET", "/api/v2/verify/verifications"): verify.listed,
            ("GET", "/account"): own.me,
            ("GET", "/accounts/limits"): own.limits,
            ("GET", "/accounts/shared-contacts"): own.shared_contacts,
            ("POST", "/accounts/verify-contact-on-shared-account"): own.verify_shared,
        }

    def _guarded(self, handler: Handler) -> Handler:
        """Ask for the keys first, and turn a refusal into its answer."""

        def answer(request: TwinRequest) -> TwinReply:
            try:
                self.account.admit(request)
                return handler(request)
            except Refusal as refusal:
                return refusal.reply()

        return answer

    def fault(self, status: int, code: str | None, message: str) -> TwinReply:
        """Put a code where the vendor has it: a rule in `error_key`, a number in `error_code`, a word in `error`."""
        if code is None:
            return error_reply(status, message, error_code=None)
        if code.isdigit():
            return error_reply(status, message, error_code=int(code))
        rule, word = (code, None) if code.isupper() else (None, code)
        return error_reply(status, message, error_code=None, error_key=rule, error=word)

    def settings(self, base_url: str) -> dict[str, Any]:
        return {
            "api_key_id": self.account.key_id,
            "api_secret_key": self.context.api_key,
            "base_url": base_url,
            "from_number": self.account.lines[0],
            "webhook_secret": self.context.secret,
            # an account that is asked for no pace keeps none
            "messages_per_second": self.account.number("messages_per_second") or 0,
            "extended_reactions": self.account.on("extended_reactions"),
            "read_marks": self.account.on("read_marks"),
        }

    # ── webhooks ──────────────────────────────────────────────────────────────────────────────────────────────────

    def sign(self, webhook: Webhook, body: bytes, now: datetime, secret: str) -> Mapping[str, str]:
        """Give the secret itself, a signature over the time and the body, both or nothing; a callback has nothing."""
        scheme = self.account.word("signature")
        headers: dict[str, str] = {}
        if webhook.event == CALLBACK or scheme == "none":
            return headers
        if scheme in {"echo", "both"}:
            headers["sb-signing-secret"] = secret
        if scheme in {"hmac", "both"}:
            moment = int(now.timestamp())
            digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
            headers["X-Sendblue-Signature"] = f"t={moment},v1={digest}"
        return headers

    def accepted(self, status: int) -> bool:
        """Tell whether the vendor is content: only a 5xx is tried again, by the switch anything but a 2xx."""
        return 200 <= status < 300 if self.account.on("retry_any") else status < _FAULTS

    def tried(self, tried: Tried) -> None:
        self._hooks.tried(tried)

    # ── what happens in the world ─────────────────────────────────────────────────────────────────────────────────

    def fate(self, bubble: Bubble, phone: Phone) -> Fate:
        """Send over the best network that the phone has, and come as far as that network reports."""
        channel = Channel.IMESSAGE if phone.imessage else Channel.RCS if phone.rcs else Channel.SMS
        if channel is not Channel.IMESSAGE:
            bubble.effect = None  # a silent loss, and nobody is told
        first = (DeliveryState.QUEUED,) if self.account.on("queued_report") else ()
        if not _fetched(bubble):
            return Fate(channel, (*first, DeliveryState.FAILED), "10001", "The message failed to send")
        last = () if channel is Channel.SMS or phone.blocked else (DeliveryState.DELIVERED,)
        return Fate(channel, (*first, DeliveryState.SENT, *last))

    def wrote(self, bubble: Bubble) -> Sequence[Webhook]:
        sender = Address.parse(bubble.sender)
        known = self.account.verified.get(sender) is not None
        self.account.heard(sender, bubble.text)
        self._verify.heard(sender, bubble.text)
        if sender in self.account.opted_out:
            bubble.notes["opted_out"] = True
        if self.account.word("plan") == "free" and not known and self.account.verified.get(sender) is None:
            return ()  # not routed to the account: the line is shared, and the contact not verified
        hooks = [*self._hooks.addressed("receive", row(bubble, self.account), bubble.vendor_id)]
        for number, url in enumerate(media_of(bubble)[1:], 1):
            hooks += self._further(bubble, number, url)
        return hooks

    def _further(self, bubble: Bubble, number: int, url: str) -> Sequence[Webhook]:
        """Tell of one more file of the same message: it has a webhook and a handle of its own."""
        handles = bubble.notes.setdefault("handles", {})
        known = handles if isinstance(handles, dict) else {}
        handle = str(known.setdefault(str(number), self.account.handle()))
        return self._hooks.addressed("receive", {**row(bubble, self.account, url), "message_handle": handle}, handle)

    def progressed(self, bubble: Bubble) -> Sequence[Webhook]:
        """Tell the `outbound` webhooks, and the URL that the message itself named; nobody is told of reading."""
        if bubble.state is DeliveryState.READ:
            return ()
        payload = row(bubble, self.account)
        hooks = [*self._hooks.addressed("outbound", payload, bubble.vendor_id)]
        if isinstance(url := bubble.notes.get("status_callback"), str):
            hooks.append(Webhook(CALLBACK, payload, message_id=bubble.vendor_id, url=url))
        return hooks

    def reacted(self, bubble: Bubble, sender: Address, reaction: Reaction, *, removed: bool) -> Sequence[Webhook]:
        """Tell of a tapback as of a text that quotes the message: no handle says which. Taking back is silent."""
        if removed or not self.account.on("inbound_tapbacks"):
            return ()
        told = Bubble(
            vendor_id=self.account.handle(),
            thread=bubble.thread,
            ours=False,
            sender=sender.text,
            parts=(Text(text=tapback_text(bubble, reaction)),),
            created_at=self.context.now(),
            channel=bubble.channel,
            state=DeliveryState.DELIVERED,
        )
        self.account.tapbacks.append(told)
        return self._hooks.addressed("receive", row(told, self.account), told.vendor_id)

    def typed(self, thread: Thread, sender: Address, *, started: bool) -> Sequence[Webhook]:
        if thread.group is not None or not self.account.on("typing_webhooks"):
            return ()
        told = typing_json(thread, sender.value, iso(self.context.now()), on=started)
        return self._hooks.addressed("typing_indicator", told)

    def called(self, thread: Thread, sender: Address) -> Sequence[Webhook]:
        told = call_json(thread, sender.value, self.account.uuid(), iso(self.context.now()))
        return [*self._hooks.addressed("inbound_call", told), *self._hooks.addressed("call_log", told)]

    def opted_in(self, thread: Thread, sender: Address, link: str | None, text: str) -> Sequence[Webhook]:
        """There are no links: who writes START may be written to again."""
        wrote = thread.last(ours=False)
        return self.wrote(wrote) if wrote else ()

    def new_message_id(self) -> str:
        return self.account.handle()

    def new_group_id(self) -> str:
        return self.account.uuid()


def _fetched(bubble: Bubble) -> bool:
    """Let a file go that cannot be fetched (a host that ends in `.invalid`, RFC 2606): the text goes without it."""
    kept = tuple(part for part in bubble.parts if not (isinstance(part, Attachment) and _is_lost(part)))
    if kept:
        bubble.parts = kept
    return bool(kept)


def _is_lost(file: Attachment) -> bool:
    host = (file.url or "").partition("://")[2].partition("/")[0].partition(":")[0]
    return host.endswith(".invalid")
