"""Lines: how they are, and how many conversations they may still begin."""

from __future__ import annotations

from pydantic import Field

from gateway_sendblue.wire.shape import Answer, Wire

__all__ = [
    "Allowance",
    "CallForwarding",
    "ContactPacing",
    "ContactWarning",
    "PacingLine",
    "ContactStatus",
    "LineNumbers",
    "LineState",
    "LineStates",
    "LineUsage",
    "LineUsageItem",
    "Pacing",
    "UsageWindow",
]


class LineNumbers(Answer):
    """GET `/api/lines`."""

    numbers: list[str] = Field(default_factory=list)


class LineState(Wire):
    """One line: `ONLINE`, `OFFLINE`, `DEGRADED`, `UNKNOWN`; `assigned`, `shared` or in its `grace_period`."""

    worker_id: str | None = None
    sendblue_number: str | None = None
    status: str | None = None
    assignment: str | None = None
    degraded_since: str | None = None
    effective_until: str | None = None
    status_changed_at: str | None = None


class LineStates(Answer):
    """GET `/api/v2/lines/state`."""

    snapshot_at: str | None = None
    data: list[LineState] = Field(default_factory=list)


class UsageWindow(Wire):
    """How much of a window is used; the hourly one rolls, the daily one begins at 3 in the morning in New York."""

    used: int | None = None
    limit: float | None = None
    remaining: int | None = None
    next_slot_at: str | None = Field(default=None, alias="nextSlotAt")
    resets_at: str | None = Field(default=None, alias="resetsAt")


class LineUsageItem(Wire):
    """How many new contacts a line may still begin."""

    phone: str | None = None
    state: str | None = None
    """`available`, `limited`, `paused`, `not_applicable` or `unavailable`."""
    sampled_at: str | None = Field(default=None, alias="sampledAt")
    new_contact_lookback_days: float | None = Field(default=None, alias="newContactLookbackDays")
    hourly: UsageWindow | None = None
    daily: UsageWindow | None = None
    available_at: str | None = Field(default=None, alias="availableAt")


class Allowance(Wire):
    """How much of a kind of traffic is left, and how long to wait meanwhile."""

    limit: float | None = None
    remaining: int | None = None
    suggested_delay_ms: int | None = Field(default=None, alias="suggestedDelayMs")
    resets_at: str | None = Field(default=None, alias="resetsAt")


class PacingLine(Wire):
    """Advice for one line: `ready`, `unknown`, `stale` or `unavailable`."""

    phone: str | None = None
    state: str | None = None
    warm: Allowance | None = None
    cold: Allowance | None = None
    total: Allowance | None = None
    burst: Allowance | None = None
    new_contacts: Allowance | None = Field(default=None, alias="newContacts")
    sampled_at: str | None = Field(default=None, alias="sampledAt")
    expires_at: str | None = Field(default=None, alias="expiresAt")


class Pacing(Wire):
    """Advice on the pace, version 1."""

    version: int | None = None
    enabled: bool | None = None
    unavailable: bool | None = None
    lines: list[PacingLine] = Field(default_factory=list)


class ContactWarning(Wire):
    """Why a message to a contact had better wait."""

    version: int | None = None
    reasons: list[str] = Field(default_factory=list)
    """`warm_hourly`, `cold_hourly`, `line_hourly`, `line_burst`, `new_contacts_daily`."""
    expires_at: str | None = None
    suggested_delay_ms: int | None = None
    new_contacts_remaining: int | None = None
    new_contacts_reset_at: str | None = None


class ContactPacing(Wire):
    """Advice on one contact: `active`, `warm`, `cold` or `unknown`."""

    version: int | None = None
    service: str | None = None
    activity: str | None = None
    warning: ContactWarning | None = None


class LineUsage(Answer):
    """GET `/api/v2/lines/usage`."""

    enabled: bool | None = None
    lines: list[LineUsageItem] = Field(default_factory=list)
    pacing: Pacing | None = None


class ContactStatus(Answer):
    """GET `/api/v2/lines/contact-status`: whether a message to this contact would begin a new one on the line."""

    number: str | None = None
    sendblue_number: str | None = None
    sampled_at: str | None = None
    classification: str | None = None
    """`known`, `new`, `not_applicable` or `unavailable`."""
    known_contact: bool | None = None
    new_contact_lookback_days: float | None = None
    pacing: ContactPacing | None = None


class CallForwarding(Answer):
    """Where calls to a line go."""

    sendblue_number: str | None = None
    forwarding_number: str | None = None
