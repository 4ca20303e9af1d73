"""The account behind the API: its numbers and plan, its caps, and what it remembers."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway.provider import Address
from gateway.simulator import Bubble, Context, Thread, TwinRequest, World
from gateway_blooio.simulator.answers import Json, Refusal

__all__ = ["LINES", "SWITCHES", "VENDOR", "Account", "allocation_of"]

VENDOR = "blooio"
LINES = ("+15105550141", "+15105550142")
"""The pool; numbers that North America keeps for fiction."""

SWITCHES: dict[str, bool | int | str | None] = {
    "strict_paths": False,  # a literal + in a path is a space, as the vendor's guide says and its own client disproves
    "idempotency_hours": 24,  # how long a key is remembered; not documented
    "idempotency_scope": "account",  # account: a key names one send of all; chat: one of its chat
    "idempotency_body_check": False,  # the same key with another body is 409, as in v4
    "plan": "dedicated",  # plan_kind of the numbers: shared, dedicated, inbound, trial, 2fa
    "contact_card": True,  # the plan has the Name & Photo card; otherwise 403
    "lookups": True,  # the plan has look-ups of phone numbers; otherwise 403
    "twilio": False,  # the numbers are Twilio's: SMS only, no feature of iMessage
    "integration_line": None,  # a number that belongs to an integration: nothing is sent from it by hand (403)
    "active": True,  # a number of the pool is online; otherwise 503
    "new_conversation_cap": None,  # new conversations a day of a shared plan
    "outbound_cap": None,  # the organization's own cap on new contacts
    "outbound_mode": "organization",  # what that cap counts: organization, or number; the words are made up
    "trial_limit": None,  # messages of a trial, then 402
    "requests_per_minute": None,  # a plain 429 beyond it; the vendor publishes no number
    "message_ids": "msg",  # msg: msg_…; nanoid: 21 characters; minus: the same, beginning with a minus
    "attachments": "full",  # in webhooks: full {url, file_name, mime_type, size}, named {url, name}, or url
    "webhook_type": "all",  # of the configured subscription: message, status, poll, all
    "sparse_webhooks": False,  # no status and no empty fields, as in a delivery that was seen
    "senders": True,  # webhooks of direct chats name the sender; null was seen too
    "group_guids": False,  # webhooks of groups carry chat_guid
    "group_webhooks": False,  # group.* also for what we ourselves change
    "queued_webhook": False,  # message.queued, which v2 subscribers may not get
    "first_timestamp": False,  # a repeated delivery keeps the time of the first signature
    "failed_at_once": False,  # what cannot arrive is answered 202 with status failed
    "queued_parents": True,  # what is still queued can be answered in its thread; else reply_target_invalid
    "count_texts": False,  # a list of texts answers `count` too, as one source says
    "cancel": False,  # DELETE of a message, which one source names
    "contact_in_conflict": False,  # the 409 of a contact that is there holds it, as one source says
    "group_members": False,  # members can be added and removed; else 501
    "facetime": False,  # FaceTime calls work; else 501
    "locations": True,  # contacts with iMessage whom we talk to share where they are
}
"""What the vendor does not document, or what depends on its plan."""

_ALPHANUMERIC = string.ascii_letters + string.digits
_NANOID = _ALPHANUMERIC + "_-"


@dataclass(slots=True)
class Answered:
    """The first answer to an idempotency key."""

    at: datetime
    body: bytes
    answer: Json


@dataclass(slots=True)
class Account:
    """One API key with its numbers; what all desks of the twin share."""

    context: Context
    answered: dict[str, Answered] = field(default_factory=dict)
    new_conversations: list[tuple[datetime, str]] = field(default_factory=list)
    """When, and by which line."""
    names: dict[Address, str] = field(default_factory=dict)
    """How the organization calls its contacts."""
    deleted_groups: set[str] = field(default_factory=set)
    requests: list[datetime] = field(default_factory=list)

    @property
    def world(self) -> World:
        """The world that all twins share."""
        return self.context.world

    def now(self) -> datetime:
        """Tell the time."""
        return self.context.now()

    # ── switches ──────────────────────────────────────────────────────────────────────────────────────────────────

    def on(self, switch: str) -> bool:
        """Tell whether a switch is on."""
        return bool(self._switch(switch))

    def word(self, switch: str) -> str:
        """Give the word that a switch is set to."""
        return str(self._switch(switch))

    def number(self, switch: str) -> int | None:
        """Give the number that a switch is set to, None for no limit."""
        value = self._switch(switch)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def _switch(self, name: str) -> object:
        return self.context.switches.get(name, SWITCHES[name])

    # ── who may ask, and how often ────────────────────────────────────────────────────────────────────────────────

    def admit(self, request: TwinRequest) -> None:
        """Let a request in; raises `Refusal` (401, 429)."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or key.strip() != self.context.api_key:
            raise Refusal(401, "Invalid or missing API key.")
        most = self.number("requests_per_minute")
        if most is None:
            return
        now = self.now()
        self.requests = [moment for moment in self.requests if now - moment < timedelta(minutes=1)]
        if len(self.requests) >= most:
            raise Refusal(429, "Too many requests")
        self.requests.append(now)

    def need_number(self) -> None:
        """Raise `Refusal` (503) when no number is online."""
        if not self.on("active"):
            raise Refusal(503, "No active number available")

    def imessage(self, thread: Thread) -> bool:
        """Tell whether a thread goes over iMessage; no one is reached in a group without members."""
        return bool(thread.members) and not self.on("twilio") and self.world.recipient(thread).imessage

    # ── ids ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def letters(self, length: int, alphabet: str = _ALPHANUMERIC) -> str:
        """Make up a text, by the seed."""
        return "".join(self.context.random.choice(alphabet) for _ in range(length))

    def message_id(self) -> str:
        """Make a message id; the documents show `msg_…`, and examples other forms, some with a leading minus."""
        match self.word("message_ids"):
            case "nanoid":
                return self.letters(21, _NANOID)
            case "minus":
                return f"-{self.letters(20, _NANOID)}"
        return f"msg_{self.letters(12)}"

    # ── threads ───────────────────────────────────────────────────────────────────────────────────────────────────

    def threads(self) -> list[Thread]:
        """Give all threads of this account."""
        return self.world.threads(VENDOR)

    def with_contact(self, address: Address) -> list[Thread]:
        """Give the direct threads with a contact, one for each line that was used."""
        return [thread for thread in self.threads() if thread.group is None and thread.members == (address,)]

    def last_line(self, address: Address) -> str:
        """Choose the line for a contact: the one of the running conversation, else the first of the pool."""
        used = [thread for thread in self.with_contact(address) if thread.bubbles]
        return max(used, key=lambda thread: thread.bubbles[-1].created_at).line if used else LINES[0]

    def group(self, group_id: str) -> Thread | None:
        """Look up a group that was not deleted."""
        return None if group_id in self.deleted_groups else self.world.group(VENDOR, group_id)

    def chat_guid(self, thread: Thread) -> str | None:
        """Name the iMessage chat of a group; there is none before the first message."""
        guid = thread.notes.get("chat_guid")
        if guid is None and thread.bubbles:
            guid = thread.notes["chat_guid"] = f"iMessage;+;chat{self.letters(18, '0123456789')}"
        return str(guid) if guid else None

    def find(self, message_id: str) -> Bubble | None:
        """Look up a message of the organization."""
        return self.world.find(VENDOR, message_id)

    # ── caps on new conversations ─────────────────────────────────────────────────────────────────────────────────

    def begin_conversation(self, line: str) -> None:
        """Count a new conversation of today; raises `Refusal` (429) when a cap is reached."""
        today = self.now().date()
        self.new_conversations = [(at, by) for at, by in self.new_conversations if at.date() == today]
        current = len(self.new_conversations)
        cap = self.number("new_conversation_cap")
        if cap is not None and current >= cap:
            message = "Daily new conversation limit reached for your plan."
            raise Refusal(429, message, "new_conversation_limit_reached", plan_id="shared", cap=cap, current=current)
        self._keep_outbound_cap(line)
        self.new_conversations.append((self.now(), line))

    def _keep_outbound_cap(self, line: str) -> None:
        limit, mode = self.number("outbound_cap"), self.word("outbound_mode")
        counted = [by for _, by in self.new_conversations if mode != "number" or by == line]
        if limit is None or len(counted) < limit:
            return
        extras: Json = {"limit": limit, "current": len(counted), "mode": mode}
        if mode == "number":
            extras |= {"allocation_id": allocation_of(line), "sender_number": line}
        raise Refusal(429, "Outbound limit reached.", "outbound_limit_reached", **extras)

    def spend_trial(self) -> None:
        """Raise `Refusal` (402) when a trial's messages are used up."""
        limit = self.number("trial_limit")
        if limit is None:
            return
        sent = sum(bubble.ours for thread in self.threads() for bubble in thread.bubbles)
        if sent >= limit:
            raise Refusal(402, "Trial message limit reached.")

    def numbers(self) -> Sequence[Json]:
        """Show the pool as `GET /me/numbers` does."""
        active = self.on("active")
        seen = self.now().isoformat(timespec="seconds").replace("+00:00", "Z")
        plan = self.word("plan")
        return [{"phone_number": line, "is_active": active, "last_active": seen, "plan_kind": plan} for line in LINES]


def allocation_of(line: str) -> str:
    """Name the assignment of a number to the organization."""
    return f"alloc_{line.removeprefix('+')}"
