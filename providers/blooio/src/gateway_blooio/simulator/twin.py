"""The twin itself: its routes, its signatures, and what becomes of messages."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from pydantic import JsonValue

from gateway.provider import Address, Reaction
from gateway.simulator import (
    Bubble,
    Context,
    Deliver,
    Fate,
    Phone,
    Route,
    Thread,
    Tried,
    Twin,
    TwinReply,
    TwinRequest,
    Webhook,
)
from gateway_blooio.simulator.account import LINES, SWITCHES, VENDOR, Account
from gateway_blooio.simulator.answers import Refusal, error_reply
from gateway_blooio.simulator.backgrounds import Backgrounds
from gateway_blooio.simulator.cards import Cards
from gateway_blooio.simulator.contacts import Contacts
from gateway_blooio.simulator.fates import fate_of
from gateway_blooio.simulator.groups import Groups
from gateway_blooio.simulator.messages import Messages, note_reaction
from gateway_blooio.simulator.numbering import Numbering
from gateway_blooio.simulator.own import Own
from gateway_blooio.simulator.payloads import (
    contact_webhook,
    group_webhook,
    progress_webhook,
    reaction_webhook,
    received_webhook,
    typing_webhook,
)
from gateway_blooio.simulator.polls import Polls
from gateway_blooio.simulator.presence import Presence
from gateway_blooio.simulator.sending import Sending
from gateway_blooio.simulator.webhooks import Webhooks

__all__ = ["BlooioTwin"]

Handler = Callable[[TwinRequest], TwinReply | Deliver]


class BlooioTwin(Twin):
    """Blooio, API v2: validates as the vendor does, with state, and answers its errors."""

    name: ClassVar[str] = VENDOR
    api_path: ClassVar[str] = "/v2/api"
    switches: ClassVar[Mapping[str, JsonValue]] = SWITCHES
    # Neither is documented; that failed deliveries are repeated with growing pauses is.
    retry_delays: ClassVar[Sequence[float]] = (5, 30, 120, 600)
    timeout: ClassVar[float] = 10.0
    lines: ClassVar[Sequence[str]] = LINES
    # a sticker was seen to come as a message with nothing in it; a place a contact sends has no form at all
    cards: ClassVar[frozenset[str]] = frozenset({"poll", "sticker"})

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.account = Account(context)
        self._webhooks = Webhooks(self.account)
        self._sending = Sending(self.account)
        self._messages = Messages(self.account, self._webhooks)
        self._own = Own(self.account)
        self._cards = Cards(self.account)
        self._groups = Groups(self.account, self._webhooks)
        self._backgrounds = Backgrounds(self.account)
        self._presence = Presence(self.account)
        self._numbering = Numbering(self.account)
        self._contacts = Contacts(self.account)
        self._polls = Polls(self.account, self._webhooks)

    # ── the API ───────────────────────────────────────────────────────────────────────────────────────────────────

    def routes(self) -> Sequence[Route]:
        handlers = {
            **self._message_handlers(),
            **self._account_handlers(),
            **self._group_handlers(),
            **self._contact_handlers(),
            **self._webhook_handlers(),
        }
        return [
            Route(method, self.api_path + pattern, self._guarded(handler))
            for (method, pattern), handler in handlers.items()
        ]

    def _message_handlers(self) -> Mapping[tuple[str, str], Handler]:
        messages, polls, backgrounds = self._messages, self._polls, self._backgrounds
        return {
            ("GET", "/chats"): messages.chats,
            ("GET", "/chats/{chat}"): messages.chat,
            ("GET", "/chats/{chat}/messages"): messages.listed,
            ("POST", "/chats/{chat}/messages"): self._sending.send,
            ("GET", "/chats/{chat}/messages/{message}"): messages.one,
            ("DELETE", "/chats/{chat}/messages/{message}"): messages.cancel,
            ("GET", "/chats/{chat}/messages/{message}/status"): messages.status,
            ("POST", "/chats/{chat}/messages/{message}/reactions"): messages.react,
            ("POST", "/chats/{chat}/typing"): messages.start_typing,
            ("DELETE", "/chats/{chat}/typing"): messages.stop_typing,
            ("POST", "/chats/{chat}/read"): messages.read,
            ("POST", "/chats/{chat}/contact-card"): messages.stage_card,
            ("POST", "/chats/{chat}/polls"): polls.send,
            ("GET", "/chats/{chat}/polls/{poll}"): polls.results,
            ("GET", "/chats/{chat}/background"): backgrounds.shown,
            ("PUT", "/chats/{chat}/background"): backgrounds.put,
            ("DELETE", "/chats/{chat}/background"): backgrounds.remove,
        }

    def _account_handlers(self) -> Mapping[tuple[str, str], Handler]:
        own, cards, presence, numbering = self._own, self._cards, self._presence, self._numbering
        return {
            ("GET", "/me"): own.me,
            ("GET", "/me/numbers"): own.numbers,
            ("GET", "/me/numbers/{number}/contact-card"): cards.one,
            ("PUT", "/me/numbers/{number}/contact-card"): cards.change,
            ("POST", "/me/numbers/{number}/call-forwarding"): cards.forward_calls,
            ("GET", "/location/contacts"): presence.listed,
            ("POST", "/location/contacts/refresh"): presence.refresh,
            ("GET", "/location/contacts/{handle}"): presence.one,
            ("POST", "/facetime/calls"): presence.call,
            ("GET", "/phone-numbers/lookup"): numbering.by_query,
            ("POST", "/phone-numbers/lookup"): numbering.by_body,
            ("POST", "/phone-numbers/batch"): numbering.many,
        }

    def _group_handlers(self) -> Mapping[tuple[str, str], Handler]:
        groups = self._groups
        return {
            ("GET", "/groups"): groups.listed,
            ("POST", "/groups"): groups.create,
            ("GET", "/groups/{group}"): groups.one,
            ("PATCH", "/groups/{group}"): groups.rename,
            ("DELETE", "/groups/{group}"): groups.delete,
            ("POST", "/groups/{group}/icon"): groups.set_icon,
            ("DELETE", "/groups/{group}/icon"): groups.remove_icon,
            ("GET", "/groups/{group}/members"): groups.members,
            ("POST", "/groups/{group}/members"): groups.add_member,
            ("DELETE", "/groups/{group}/members/{contact}"): groups.remove_member,
        }

    def _contact_handlers(self) -> Mapping[tuple[str, str], Handler]:
        contacts = self._contacts
        return {
            ("GET", "/contacts"): contacts.listed,
            ("POST", "/contacts"): contacts.create,
            ("GET", "/contacts/{contact}"): contacts.one,
            ("PATCH", "/contacts/{contact}"): contacts.rename,
            ("DELETE", "/contacts/{contact}"): contacts.delete,
            ("GET", "/contacts/{contact}/capabilities"): contacts.capabilities,
            ("GET", "/contacts/{contact}/tags"): contacts.tags,
            ("POST", "/contacts/{contact}/tags"): contacts.add_tags,
            ("DELETE", "/contacts/{contact}/tags/{tag}"): contacts.remove_tag,
        }

    def _webhook_handlers(self) -> Mapping[tuple[str, str], Handler]:
        webhooks = self._webhooks
        return {
            ("GET", "/webhooks"): webhooks.listed,
            ("POST", "/webhooks"): webhooks.create,
            ("GET", "/webhooks/{webhook}"): webhooks.one,
            ("PATCH", "/webhooks/{webhook}"): webhooks.change,
            ("DELETE", "/webhooks/{webhook}"): webhooks.delete,
            ("POST", "/webhooks/{webhook}/secret/rotate"): webhooks.rotate,
            ("GET", "/webhooks/{webhook}/logs"): webhooks.logs,
            ("POST", "/webhooks/{webhook}/logs/{event}/replay"): webhooks.replay,
        }

    def _guarded(self, handler: Handler) -> Handler:
        """Ask for the key first, and turn a refusal into its answer."""

        def answer(request: TwinRequest) -> TwinReply | Deliver:
            try:
                self.account.admit(request)
                return handler(request)
            except Refusal as refusal:
                return refusal.reply()

        return answer

    def fault(self, status: int, code: str | None, message: str) -> TwinReply:
        return error_reply(status, message, code)

    def settings(self, base_url: str) -> dict[str, Any]:
        return {"api_key": self.context.api_key, "base_url": base_url, "webhook_secret": self.context.secret}

    # ── webhooks ──────────────────────────────────────────────────────────────────────────────────────────────────

    def sign(self, webhook: Webhook, body: bytes, now: datetime, secret: str) -> Mapping[str, str]:
        """Sign `t.body` with the whole secret; every attempt has its own time, unless the switch keeps the first."""
        moment = int(now.timestamp())
        if self.account.on("first_timestamp") and isinstance(made := webhook.payload.get("timestamp"), int):
            moment = made // 1000
        digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        return {"X-Blooio-Signature": f"t={moment},v1={digest}"}

    def tried(self, tried: Tried) -> None:
        self._webhooks.tried(tried)

    # ── what happens in the world ─────────────────────────────────────────────────────────────────────────────────

    def fate(self, bubble: Bubble, phone: Phone) -> Fate:
        return fate_of(bubble, phone, self.account)

    def voted(self, bubble: Bubble, sender: Address, option: str, *, removed: bool) -> Sequence[Webhook]:
        return self._polls.voted(bubble, sender, option, removed=removed)

    def shared(self, thread: Thread, sender: Address) -> Sequence[Webhook]:
        return self._webhooks.addressed(contact_webhook(thread, sender, self.account))

    def renamed(self, thread: Thread, sender: Address) -> Sequence[Webhook]:
        return self._webhooks.addressed(group_webhook(thread, sender.value, self.account))

    def pictured(self, thread: Thread, sender: Address) -> Sequence[Webhook]:
        self._groups.pictured(thread)
        return self._webhooks.addressed(group_webhook(thread, sender.value, self.account, icon=True))

    def wrote(self, bubble: Bubble) -> Sequence[Webhook]:
        poll = self._polls.received(bubble)
        return self._webhooks.addressed(received_webhook(bubble, self.account)) if poll is None else poll

    def progressed(self, bubble: Bubble) -> Sequence[Webhook]:
        return self._webhooks.addressed(progress_webhook(bubble, self.account))

    def reacted(self, bubble: Bubble, sender: Address, reaction: Reaction, *, removed: bool) -> Sequence[Webhook]:
        note_reaction(bubble, sender.value, reaction, self.account, removed=removed)
        hook = reaction_webhook(bubble, sender.value, reaction, self.account, removed=removed, ours=False)
        return self._webhooks.addressed(hook)

    def reacted_to_part(
        self, bubble: Bubble, sender: Address, reaction: Reaction, part: int, *, removed: bool
    ) -> Sequence[Webhook]:
        note_reaction(bubble, sender.value, reaction, self.account, removed=removed)
        hook = reaction_webhook(bubble, sender.value, reaction, self.account, removed=removed, ours=False, part=part)
        return self._webhooks.addressed(hook)

    def typed(self, thread: Thread, sender: Address, *, started: bool) -> Sequence[Webhook]:
        return self._webhooks.addressed(typing_webhook(thread, sender, self.account, started=started))

    def new_message_id(self) -> str:
        return self.account.message_id()

    def new_group_id(self) -> str:
        return f"grp_{self.account.letters(12)}"
