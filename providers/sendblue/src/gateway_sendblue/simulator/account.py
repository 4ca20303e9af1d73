"""The account behind the API: its keys and lines, its plan and caps, and what it remembers of contacts."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway.provider import Address, AddressKind
from gateway.simulator import Bubble, Context, Thread, TwinRequest, World
from gateway_sendblue.simulator.answers import Json, Refusal, iso

__all__ = ["EMAIL", "LINES", "LOOKBACK_DAYS", "SWITCHES", "VENDOR", "Account", "TokenGrant", "takes_part"]

VENDOR = "sendblue"
LINES = ("+15125550141", "+15125550142")
"""The account's lines; numbers that North America keeps for fiction."""

EMAIL = "team@example.com"
"""Whom the account belongs to."""

LOOKBACK_DAYS = 30
"""How long a contact is known to a line."""

SWITCHES: dict[str, bool | int | str | None] = {
    "plan": "dedicated",  # free: one shared line, contacts have to be verified first, no app cards
    "auto_line_selection": False,  # without from_number a line with room is chosen, else the first one
    "answer": "accepted",  # of a send: accepted, error (200 with ERROR), declined (200 with DECLINED)
    "failure_code": 10001,  # error_code of such an ERROR
    "failure_key": "PRE_REPLY_LIMIT_REACHED",  # error_key of such a DECLINED
    "accept_then_503": False,  # accepts a send and answers 503: whoever repeats it sends twice
    "text_error_codes": False,  # error_code is text, as on one account
    "empty": "text",  # how webhooks say nothing: "" (text) or null
    "email_key": "account_email",  # of the account in the answer to a send: account_email or accountEmail
    "extended_reactions": False,  # any emoji, and a minus takes a reaction back
    "react_to_own": False,  # reactions to our own messages, which are 422 otherwise
    "inbound_tapbacks": True,  # a contact's tapback comes as a text; False is no webhook at all
    "typing_webhooks": True,  # typing_indicator webhooks exist
    "read_marks": True,  # activated for the account; otherwise 403
    "old_firmware": False,  # the line answers 503 to the state or length of typing dots
    "signature": "echo",  # of webhooks: echo, hmac, both, none
    "retry_any": False,  # any answer but 2xx is tried again, not only 5xx
    "queued_report": False,  # a report QUEUED comes before SENT
    "messages_per_second": None,  # of one line; beyond it 429
    "list_requests": 100,  # look-ups of messages in ten seconds; beyond it 429
    "hourly_new_contacts": None,  # of a line in rolling 60 minutes
    "daily_new_contacts": None,  # of a line since 3 in the morning in New York, here 8:00 UTC
    "pre_reply_limit": None,  # messages to a contact before the first reply; the vendor's number is not known
    "line_state": "ONLINE",  # of the first line: ONLINE, OFFLINE, DEGRADED, UNKNOWN
}
"""What the vendor does not document, what depends on its plan, and what was reported in two ways."""

_STOP = frozenset({"stop", "unsubscribe", "cancel", "end", "quit"})
_START = frozenset({"start", "unstop"})
_DAY_BEGINS = timedelta(hours=8)


@dataclass(slots=True)
class TokenGrant:
    """A temporary bearer token."""

    id: str
    token: str
    expires_at: datetime
    lines: tuple[str, ...] = ()
    """Only these; empty is the whole account."""


@dataclass(slots=True)
class Account:
    """One account with its lines; what all desks of the twin share."""

    context: Context
    opted_out: set[Address] = field(default_factory=set)
    verified: dict[Address, datetime | None] = field(default_factory=dict)
    """Contacts of the shared line, and since when they are verified."""
    tokens: list[TokenGrant] = field(default_factory=list)
    declined: list[Bubble] = field(default_factory=list)
    """Messages that never left: they are in lists, and on no phone."""
    tapbacks: list[Bubble] = field(default_factory=list)
    """The texts as which tapbacks arrive: in lists too, and on the phone they are no messages."""
    begun: list[tuple[datetime, str, Address]] = field(default_factory=list)
    """When which line began a conversation."""
    overrides: set[tuple[str, Address, str]] = field(default_factory=set)
    sent_at: dict[str, list[datetime]] = field(default_factory=dict)
    looked_at: list[datetime] = field(default_factory=list)
    grant: TokenGrant | None = None
    """By which token the request under way came."""

    @property
    def world(self) -> World:
        """The world that all twins share."""
        return self.context.world

    @property
    def key_id(self) -> str:
        """The id of the account's key: equal to the key here, since a simulator shows one."""
        return self.context.api_key

    def now(self) -> datetime:
        """Tell the time."""
        return self.context.now()

    # ── switches ──────────────────────────────────────────────────────────────────────────────────────────────────

    def on(self, switch: str) -> bool:
        """Tell whether a switch is on."""
        return bool(self.switch(switch))

    def word(self, switch: str) -> str:
        """Give the word that a switch is set to."""
        return str(self.switch(switch))

    def number(self, switch: str) -> int | None:
        """Give the number that a switch is set to, None for no limit."""
        value = self.switch(switch)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def switch(self, name: str) -> object:
        """Give what a switch is set to."""
        return self.context.switches.get(name, SWITCHES[name])

    @property
    def lines(self) -> Sequence[str]:
        """The lines of the plan: the free one has a single, shared line."""
        return LINES[:1] if self.word("plan") == "free" else LINES

    def nothing(self) -> str | None:
        """Spell an empty value of a webhook."""
        return "" if self.word("empty") == "text" else None

    # ── who may ask, and how often ────────────────────────────────────────────────────────────────────────────────

    def admit(self, request: TwinRequest) -> None:
        """Let a request in by two headers, by a bearer token, or on Verify by Basic; raises `Refusal` (401, 403)."""
        self.grant = None
        headers = request.headers
        if "origin" in headers:
            raise Refusal(403, "Requests from browsers are not allowed")
        scheme, _, value = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            self.grant = self._granted(value.strip())
            return
        basic = request.path.startswith("/api/v2/verify/") and scheme.lower() == "basic"
        given = _basic(value) if basic else (_key(headers, "key-id"), _key(headers, "secret-key"))
        if given != (self.key_id, self.context.api_key):
            raise Refusal(401, "Unauthorized: missing or invalid API keys")

    def _granted(self, token: str) -> TokenGrant:
        found = next((grant for grant in self.tokens if grant.token == token), None)
        if found is None or found.expires_at <= self.now():
            raise Refusal(401, "Unauthorized: the token is unknown or expired")
        return found

    def may_use(self, line: str) -> bool:
        """Tell whether the request's token holds for a line."""
        return self.grant is None or not self.grant.lines or line in self.grant.lines

    def count_look_up(self) -> None:
        """Count a look-up of messages; raises `Refusal` (429) beyond the limit of ten seconds."""
        self.looked_at = self._recent(self.looked_at, "list_requests", 10)

    def count_send(self, line: str) -> None:
        """Count a message of a line; raises `Refusal` (429) when they come too fast."""
        self.sent_at[line] = self._recent(self.sent_at.get(line, []), "messages_per_second", 1)

    def _recent(self, times: list[datetime], switch: str, seconds: float) -> list[datetime]:
        most, now = self.number(switch), self.now()
        recent = [moment for moment in times if now - moment < timedelta(seconds=seconds)]
        if most is not None and len(recent) >= most:
            raise Refusal(429, "Too many requests", headers={"retry-after": str(max(round(seconds), 1))})
        return [*recent, now]

    # ── contacts ──────────────────────────────────────────────────────────────────────────────────────────────────

    def heard(self, address: Address, text: str) -> None:
        """Take note of what a contact wrote: the words that opt out and in, and that a contact is verified."""
        word = text.strip().lower()
        if word in _STOP:
            self.opted_out.add(address)
        elif word in _START:
            self.opted_out.discard(address)
        if address in self.verified and self.verified[address] is None:
            self.verified[address] = self.now()

    def knows(self, line: str, address: Address) -> bool:
        """Tell whether a contact is known to a line: wrote, or was written to, within the last 30 days."""
        since = self.now() - timedelta(days=LOOKBACK_DAYS)
        thread = next((t for t in self.with_contact(address) if t.line == line), None)
        return thread is not None and any(bubble.created_at >= since for bubble in thread.bubbles)

    def used(self, line: str, *, daily: bool) -> int:
        """Count the conversations that a line began within the window."""
        now = self.now()
        since = now - timedelta(hours=1)
        if daily:
            since = (now - _DAY_BEGINS).replace(hour=0, minute=0, second=0, microsecond=0) + _DAY_BEGINS
        return sum(when > since and by == line for when, by, _ in self.begun)

    def full(self, line: str) -> str | None:
        """Name the cap that a line has reached, as `error_key` does."""
        for switch, daily, key in (
            ("hourly_new_contacts", False, "LINE_HOURLY_LIMIT_REACHED"),
            ("daily_new_contacts", True, "LINE_DAILY_LIMIT_REACHED"),
        ):
            most = self.number(switch)
            if most is not None and self.used(line, daily=daily) >= most:
                return key
        return None

    # ── threads ───────────────────────────────────────────────────────────────────────────────────────────────────

    def threads(self) -> list[Thread]:
        """Give all threads of this account."""
        return self.world.threads(VENDOR)

    def with_contact(self, address: Address) -> list[Thread]:
        """Give the direct threads with a contact, one for each line that was used."""
        return [thread for thread in self.threads() if thread.group is None and thread.members == (address,)]

    def find(self, handle: str) -> Bubble | None:
        """Look up a message, one that was declined included."""
        found = self.world.find(VENDOR, handle)
        beside = (bubble for bubble in (*self.declined, *self.tapbacks) if bubble.vendor_id == handle)
        return found or next(beside, None)

    def bubbles(self, number: str | None = None) -> list[Bubble]:
        """Give all messages that lists show; with a number, those that may concern it, and perhaps some more.

        Of groups all: who has left wrote there too.
        """
        threads = [thread for thread in self.threads() if number is None or thread.group or takes_part(thread, number)]
        every = [bubble for thread in threads for bubble in thread.bubbles]
        return [bubble for bubble in (*every, *self.declined, *self.tapbacks) if not bubble.notes.get("hidden")]

    # ── ids ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def uuid(self) -> str:
        """Make a UUID."""
        digits = f"{self.context.random.getrandbits(128):032x}"
        return "-".join((digits[:8], digits[8:12], f"4{digits[13:16]}", f"a{digits[17:20]}", digits[20:]))

    def handle(self) -> str:
        """Make a message handle: a UUID in capitals."""
        return self.uuid().upper()

    def state(self, line: str) -> Json:
        """Show how a line is."""
        return {
            "worker_id": f"worker_{LINES.index(line) + 1}",
            "sendblue_number": line,
            "status": self.word("line_state") if line == LINES[0] else "ONLINE",
            "assignment": "shared" if self.word("plan") == "free" else "assigned",
            "degraded_since": iso(self.now()) if self.word("line_state") == "DEGRADED" and line == LINES[0] else None,
            "effective_until": None,
            "status_changed_at": None,
        }


def kind_of(address: Address) -> str:
    """Name the kind of an address as groups do."""
    return "email" if address.kind is AddressKind.EMAIL else "phone"


def _key(headers: object, name: str) -> str | None:
    given = dict(headers) if isinstance(headers, dict) else {}
    return given.get(f"sb-api-{name}") or given.get(f"x-sb-api-{name}")


def _basic(value: str) -> tuple[str | None, str | None]:
    try:
        name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:
        return None, None
    return name, secret


def takes_part(thread: Thread, number: str) -> bool:
    """Tell whether a thread is on a line of that number, or with a contact who has it now."""
    return number == thread.line or any(member.value == number for member in thread.members)
