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
from gateway_loopmessage.simulator.directory import Directory, Organization, Pool, SenderName

__all__ = ["NAME", "Account", "Opening", "OptInLink", "Rejected", "iso"]

NAME = "loopmessage"

_NOT_FOUND = b"<html><head><title>404</title></head><body><h1>Not Found</h1></body></html>"


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
    sender: str = ""
    """Whom the person writes to."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Somebody opened an opt-in link."""

    id: str
    link: OptInLink
    opened_at: datetime


@dataclass(slots=True)
class _KeptHook:
    webhook: Webhook
    made_at: datetime
    attempt: int = 0


@dataclass(slots=True)
class Account:
    """State beside the world: what belongs to the organization and not to a phone."""

    context: Context
    directory: Directory = field(init=False)
    caller: Organization = field(init=False)
    """Whose key the request that is being answered has."""
    unsubscribed: set[Address] = field(default_factory=set)
    opted_in: set[Address] = field(default_factory=set)
    links: list[OptInLink] = field(default_factory=list)
    openings: list[Opening] = field(default_factory=list)
    reactions: set[str] = field(default_factory=set)
    """Message ids that were given to reactions."""
    last_cold_send: datetime | None = None
    starts: dict[str, list[datetime]] = field(default_factory=dict)
    """When each line wrote to somebody who had never written."""
    last_order: datetime | None = None
    hooks: dict[str, _KeptHook] = field(default_factory=dict)
    """Webhooks by their id, oldest first."""
    _kept: dict[int, _KeptHook] = field(default_factory=dict)
    """The same by the webhook itself: not every form has an id on the wire."""
    _contact_ids: dict[Address, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the first organization."""
        first = Organization(self.new_uuid(), "Example", self.context.api_key, self.context.now())
        self.directory = Directory.of(first)
        self.caller = first

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
        """Let an organization's key in, raw; `Bearer KEY` is another key, hence unknown."""
        self.enter(request.headers.get("authorization", ""))

    def enter(self, key: str) -> None:
        """Let an organization in by its key; raises `Rejected`."""
        if not key:
            raise Rejected(110)
        caller = self.directory.with_key(key)
        if caller is None:
            raise Rejected(130)
        self.caller = caller

    def administer(self) -> None:
        """Let the default organization's key alone in; which code another one gets is not documented."""
        if self.caller is not self.directory.default:
            raise Rejected(100, "this needs the key of the default organization")

    def leave_the_sandbox(self) -> None:
        """Refuse what the sandbox does not have; which code that gets is not documented."""
        if self.is_on("sandbox"):
            raise Rejected(270)

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

    def not_found(self) -> TwinReply:
        """Answer for an unknown id: nothing is documented but the status, and a page of HTML was seen."""
        if self.switch("not_found") == "html":
            return TwinReply(404, headers={"content-type": "text/html"}, body=_NOT_FOUND)
        return TwinReply(404)

    # ── lines and contacts ────────────────────────────────────────────────────────────────────────────────────────

    def senders(self, *, status: str | None = None) -> list[SenderName]:
        """Give the caller's senders, oldest first."""
        mine = self.directory.senders_of(self.caller.id)
        return [sender for sender in mine if status in (None, sender.status)]

    def sender(self, asked: str) -> SenderName | None:
        """Find a sender of the caller: by its id, as the vendor's page says, or its name, as some have to."""
        by = self.switch("sender_value")
        keys = {"id": ("id",), "name": ("name",)}.get(str(by), ("id", "name"))
        return next((one for one in self.senders() if asked in [getattr(one, key) for key in keys]), None)

    def organization_of(self, line: str) -> Organization:
        """Tell to which organization a sender belongs; a cancelled one may have outlived its own."""
        organization = self.directory.senders[line].organization
        return self.directory.organizations.get(organization, self.directory.default)

    def pool(self, pool_id: str) -> Pool | None:
        """Look up a pool of the caller."""
        pool = self.directory.pools.get(pool_id)
        return pool if pool is not None and pool.organization == self.caller.id else None

    def line_for(self, address: Address) -> str:
        """Choose the line as the vendor does by itself: the one last used with the contact, else the first.

        Raises `Rejected` (260) for an organization without an active sender.
        """
        active = [sender.id for sender in self.senders(status="active")]
        if not active:
            raise Rejected(260)
        used = [thread for thread in self.direct_threads(address) if thread.bubbles and thread.line in active]
        return max(used, key=lambda thread: thread.bubbles[-1].created_at).line if used else active[0]

    def least_used(self, lines: list[str]) -> str:
        """Choose the line with the fewest conversations, the first of equals."""
        threads = [thread.line for thread in self.context.world.threads(NAME)]
        return min(lines, key=threads.count)

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

    def keep(self, webhook_id: str, webhook: Webhook) -> Webhook:
        """Remember a webhook for the history."""
        self.hooks[webhook_id] = self._kept[id(webhook)] = _KeptHook(webhook, self.context.now())
        return webhook

    def attempted(self, webhook: Webhook) -> None:
        """Count an attempt to deliver a webhook."""
        kept = self._kept.get(id(webhook))
        if kept is not None:
            kept.attempt += 1


def iso(time: datetime, *, milliseconds: bool = False) -> str:
    """Write a time as the vendor does: `2025-01-27T22:23:51Z`, in the status with milliseconds."""
    return time.isoformat(timespec="milliseconds" if milliseconds else "seconds").replace("+00:00", "Z")


def _words(code: int) -> str:
    row = CODES.find(Phase.CALL, code)
    return row.meaning if row else ""
