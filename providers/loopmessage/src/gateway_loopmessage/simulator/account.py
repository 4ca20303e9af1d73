"""The account behind the twin: its key, its lines, its audience, and what it remembers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from pydantic import JsonValue

from gateway.provider import Address, Phase
from gateway.simulator import Bubble, Context, Thread, TwinReply, TwinRequest, Webhook
from gateway_loopmessage.errors import CODES

__all__ = ["NAME", "SENDERS", "Account", "OptInLink", "Rejected", "SenderName", "iso"]

NAME = "loopmessage"


@dataclass(frozen=True, slots=True)
class SenderName:
    """A line of the account."""

    id: str
    name: str


SENDERS = (
    SenderName("5d1a61d4-3b3a-4bd5-9a64-4b6c3a3c7f10", "ahoy@imsg.tel"),
    SenderName("b0c9e1f2-7a58-4f0e-8a39-0f2d9d1f6e24", "hello@imsg.tel"),
)
"""The sender names of the made-up organization; the first one is used where none is asked for."""


class Rejected(Exception):
    """The vendor says no, with one of its codes."""

    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message or _words(code)


@dataclass(frozen=True, slots=True)
class OptInLink:
    """An opt-in link that was made, with the fields that come back when somebody follows it."""

    id: str
    code: str
    body: str
    urls: Mapping[str, str]
    parameters: Mapping[str, JsonValue]


@dataclass(slots=True)
class _KeptHook:
    webhook: Webhook
    made_at: datetime
    attempt: int = 0


@dataclass(slots=True)
class Account:
    """State beside the world: what belongs to the organization and not to a phone."""

    context: Context
    organization_id: str = ""
    unsubscribed: set[Address] = field(default_factory=set)
    opted_in: set[Address] = field(default_factory=set)
    links: list[OptInLink] = field(default_factory=list)
    reactions: set[str] = field(default_factory=set)
    """Message ids that were given to reactions."""
    last_cold_send: datetime | None = None
    hooks: dict[str, _KeptHook] = field(default_factory=dict)
    """Webhooks by their id, oldest first."""
    _contact_ids: dict[Address, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Give the organization its id."""
        self.organization_id = self.new_uuid()

    # ── ids and switches ──────────────────────────────────────────────────────────────────────────────────────────

    def new_uuid(self) -> str:
        """Make an id by the seed, in lower case."""
        return str(UUID(int=self.context.random.getrandbits(128), version=4))

    def switch(self, name: str) -> JsonValue:
        """Tell how a switch is set."""
        return self.context.switches[name]

    def is_on(self, name: str) -> bool:
        """Tell whether a switch is on."""
        return self.switch(name) is True

    def number(self, name: str) -> int:
        """Give a switch that holds a number."""
        value = self.switch(name)
        if not isinstance(value, int):
            raise TypeError(f"the switch {name} has to be a whole number")
        return value

    # ── who asks, and how a no is said ────────────────────────────────────────────────────────────────────────────

    def authenticate(self, request: TwinRequest) -> None:
        """Let the organization's key in, raw; `Bearer KEY` is another key, hence unknown."""
        given = request.headers.get("authorization", "")
        if not given:
            raise Rejected(110)
        if given != self.context.api_key:
            raise Rejected(130)

    def refusal(self, rejected: Rejected, *, key: str = "code") -> TwinReply:
        """Answer with a code; the vendor does not document which HTTP status goes with which, hence the switches."""
        status = 400
        if rejected.code in {110, 130}:
            status = self.number("auth_status")
        elif rejected.code in {240, 260, 330, 550}:
            status = self.number("billing_status")
        body: dict[str, JsonValue] = {key: rejected.code, "message": rejected.message}
        # the status look-up alone has no `success` beside its `error_code`
        return TwinReply(status, body if key == "error_code" else {"success": False, **body})

    # ── lines and contacts ────────────────────────────────────────────────────────────────────────────────────────

    def line(self, asked: str) -> str | None:
        """Find a line by its id or its name, since callers in the field use either; None for an unknown one."""
        return next((sender.id for sender in SENDERS if asked in (sender.id, sender.name)), None)

    def line_for(self, address: Address) -> str:
        """Choose the line as the vendor does by itself: the one last used with the contact, else the first."""
        used = [thread for thread in self.direct_threads(address) if thread.bubbles]
        return max(used, key=lambda thread: thread.bubbles[-1].created_at).line if used else SENDERS[0].id

    def contact_id(self, address: Address) -> str:
        """Give the vendor's own id of a contact."""
        if address not in self._contact_ids:
            self._contact_ids[address] = self.new_uuid()
        return self._contact_ids[address]

    def contact_by_id(self, contact_id: str) -> Address | None:
        """Look up a contact by the vendor's id."""
        return next((address for address, known in self._contact_ids.items() if known == contact_id), None)

    def contacts(self) -> list[Address]:
        """Give everybody who ever wrote or opted in, in order of appearance."""
        wrote = [Address.parse(bubble.sender) for bubble in self._inbound()]
        return list(dict.fromkeys([*wrote, *sorted(self.opted_in | self.unsubscribed, key=lambda a: a.text)]))

    def contact_status(self, address: Address) -> str:
        """Tell whether a contact may be written to: active, unsubscribed or unknown."""
        if address in self.unsubscribed:
            return "unsubscribed"
        known = address in self.opted_in or self.last_inbound(address) is not None
        return "active" if known else "unknown"

    def direct_threads(self, address: Address) -> list[Thread]:
        """Give the threads with this contact alone."""
        threads = self.context.world.threads(NAME)
        return [thread for thread in threads if thread.group is None and thread.members == (address,)]

    def last_inbound(self, address: Address) -> datetime | None:
        """Tell when a contact last wrote to one of our lines."""
        times = [b.created_at for thread in self.direct_threads(address) for b in thread.bubbles if not b.ours]
        return max(times, default=None)

    def _inbound(self) -> list[Bubble]:
        bubbles = [b for thread in self.context.world.threads(NAME) for b in thread.bubbles if not b.ours]
        return sorted(bubbles, key=lambda bubble: bubble.created_at)

    # ── webhooks that were made ───────────────────────────────────────────────────────────────────────────────────

    def keep(self, webhook: Webhook) -> Webhook:
        """Remember a webhook for the history."""
        self.hooks[str(webhook.payload["webhook_id"])] = _KeptHook(webhook, self.context.now())
        return webhook

    def attempted(self, webhook: Webhook) -> None:
        """Count an attempt to deliver a webhook."""
        kept = self.hooks.get(str(webhook.payload.get("webhook_id")))
        if kept is not None:
            kept.attempt += 1


def iso(time: datetime, *, milliseconds: bool = False) -> str:
    """Write a time as the vendor does: `2025-01-27T22:23:51Z`, in the status with milliseconds."""
    return time.isoformat(timespec="milliseconds" if milliseconds else "seconds").replace("+00:00", "Z")


def _words(code: int) -> str:
    row = CODES.find(Phase.CALL, code)
    return row.meaning if row else ""
