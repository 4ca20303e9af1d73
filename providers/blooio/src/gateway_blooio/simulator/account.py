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
    "idempotency_body_check": False,  # the same key with another body is 409, as in v4
    "plan": "dedicated",  # plan_kind of the numbers: shared, dedicated, inbound, trial, 2fa
    "contact_card": True,  # the plan has the Name & Photo card; otherwise 403
    "active": True,  # a number of the pool is online; otherwise 503
    "new_conversation_cap": None,  # new conversations a day of a shared plan
    "outbound_cap": None,  # the organization's own cap on new contacts
    "requests_per_minute": None,  # a plain 429 beyond it; the vendor publishes no number
    "message_ids": "msg",  # msg: msg_…; nanoid: 21 characters; minus: the same, beginning with a minus
    "attachments": "full",  # in webhooks: full {url, file_name, mime_type, size}, named {url, name}, or url
    "webhook_type": "all",  # of the configured subscription: message, status, poll, all
    "queued_webhook": False,  # message.queued, which v2 subscribers may not get
    "first_timestamp": False,  # a repeated delivery keeps the time of the first signature
    "count_texts": False,  # a list of texts answers `count` too, as one source says
    "cancel": False,  # DELETE of a message, which one source names
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
    new_conversations: list[datetime] = field(default_factory=list)
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

    def find(self, message_id: str) -> Bubble | None:
        """Look up a message of the organization."""
        return self.world.find(VENDOR, message_id)

    # ── caps on new conversations ─────────────────────────────────────────────────────────────────────────────────

    def begin_conversation(self) -> None:
        """Count a new conversation of today; raises `Refusal` (429) when a cap is reached."""
        today = self.now().date()
        self.new_conversations = [moment for moment in self.new_conversations if moment.date() == today]
        current = len(self.new_conversations)
        cap = self.number("new_conversation_cap")
        if cap is not None and current >= cap:
            message = "Daily new conversation limit reached for your plan."
            raise Refusal(429, message, "new_conversation_limit_reached", plan_id="shared", cap=cap, current=current)
        limit = self.number("outbound_cap")
        if limit is not None and current >= limit:
            message = "Outbound limit reached."
            raise Refusal(429, message, "outbound_limit_reached", limit=limit, current=current, mode="organization")
        self.new_conversations.append(self.now())

    def numbers(self) -> Sequence[Json]:
        """Show the pool as `GET /me/numbers` does."""
        active = self.on("active")
        seen = self.now().isoformat(timespec="seconds").replace("+00:00", "Z")
        plan = self.word("plan")
        return [{"phone_number": line, "is_active": active, "last_active": seen, "plan_kind": plan} for line in LINES]


def allocation_of(line: str) -> str:
    """Name the assignment of a number to the organization."""
    return f"alloc_{line.removeprefix('+')}"
