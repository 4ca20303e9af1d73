"""Lines: which there are, how they are, and how many conversations they may still begin."""

from __future__ import annotations

from datetime import timedelta

from gateway.simulator import TwinReply, TwinRequest
from gateway_sendblue.simulator.account import LOOKBACK_DAYS, Account
from gateway_sendblue.simulator.answers import Json, Refusal, body_of, iso, phone_of, reply, string

__all__ = ["Lines"]

_LONGEST_NUMBER = 64


class Lines:
    """`/api/lines…` and `/api/v2/lines/…`."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._forwarding: dict[str, str] = {}

    def numbers(self, _: TwinRequest) -> TwinReply:
        """`GET /api/lines`."""
        return reply({"numbers": [line for line in self._account.lines if self._account.may_use(line)]})

    def states(self, _: TwinRequest) -> TwinReply:
        """`GET /api/v2/lines/state`."""
        lines = [self._account.state(line) for line in self._account.lines if self._account.may_use(line)]
        return reply({"status": "OK", "snapshot_at": iso(self._account.now()), "data": lines})

    # ── windows ───────────────────────────────────────────────────────────────────────────────────────────────────

    def usage(self, _: TwinRequest) -> TwinReply:
        """`GET /api/v2/lines/usage`; not for a token of some lines."""
        if self._account.grant is not None and self._account.grant.lines:
            raise Refusal(403, "Line usage needs a token for the whole account")
        capped = any(self._account.number(name) is not None for name in ("hourly_new_contacts", "daily_new_contacts"))
        lines = [self._usage(line) for line in self._account.lines]
        return reply({"status": "OK", "enabled": capped, "lines": lines, "pacing": self._pacing()})

    def _usage(self, line: str) -> Json:
        hourly, daily = self._window(line, daily=False), self._window(line, daily=True)
        full = self._account.full(line)
        capped = hourly["limit"] is not None or daily["limit"] is not None
        later = daily["resetsAt"] if full == "LINE_DAILY_LIMIT_REACHED" else hourly["nextSlotAt"]
        return {
            "phone": line,
            "state": ("limited" if full else "available") if capped else "not_applicable",
            "sampledAt": iso(self._account.now()),
            "newContactLookbackDays": LOOKBACK_DAYS,
            "hourly": hourly,
            "daily": daily,
            "availableAt": later if full else None,
        }

    def _window(self, line: str, *, daily: bool) -> Json:
        limit = self._account.number("daily_new_contacts" if daily else "hourly_new_contacts")
        used, now = self._account.used(line, daily=daily), self._account.now()
        window: Json = {
            "used": used,
            "limit": limit,
            "remaining": None if limit is None else max(limit - used, 0),
            "nextSlotAt": None,
        }
        begun = [when for when, by, _ in self._account.begun if by == line and when > now - timedelta(hours=1)]
        if not daily and limit is not None and used >= limit and begun:
            window["nextSlotAt"] = iso(min(begun) + timedelta(hours=1))
        if daily:
            begins = (now - timedelta(hours=8)).replace(hour=8, minute=0, second=0, microsecond=0)
            window["resetsAt"] = iso(begins + timedelta(days=1))
        return window

    def _pacing(self) -> Json:
        now = self._account.now()
        lines = [
            {
                "phone": line,
                "state": "ready",
                **dict.fromkeys(("warm", "cold", "total", "burst", "newContacts")),
                "sampledAt": iso(now),
                "expiresAt": iso(now + timedelta(minutes=1)),
            }
            for line in self._account.lines
        ]
        return {"version": 1, "enabled": True, "unavailable": False, "lines": lines}

    def contact_status(self, request: TwinRequest) -> TwinReply:
        """`GET /api/v2/lines/contact-status`: these two parameters and no other."""
        query = request.query
        if set(query) != {"number", "sendblue_number"}:
            raise Refusal(400, "number and sendblue_number are required, and nothing else is known")
        if any(len(value) > _LONGEST_NUMBER for value in query.values()):
            raise Refusal(400, "A number has at most 64 characters")
        address, line = phone_of(query["number"], "number"), self._own(query["sendblue_number"])
        known = self._account.knows(line, address)
        activity = "active" if known else "cold"
        return reply(
            {
                "status": "OK",
                "number": address.value,
                "sendblue_number": line,
                "sampled_at": iso(self._account.now()),
                "classification": "known" if known else "new",
                "known_contact": known,
                "new_contact_lookback_days": LOOKBACK_DAYS,
                "pacing": {"version": 1, "service": "iMessage", "activity": activity},
            }
        )

    # ── calls ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def forwarding(self, request: TwinRequest) -> TwinReply:
        """`GET /api/lines/{sendblue_number}/call-forwarding`."""
        return self._shown(self._own(request.params["line"]))

    def forward(self, request: TwinRequest) -> TwinReply:
        """`PUT /api/lines/{sendblue_number}/call-forwarding`."""
        line, body = self._own(request.params["line"]), body_of(request)
        to = phone_of(string(body, "forwarding_number", required=True), "forwarding_number")
        self._forwarding[line] = to.value
        return self._shown(line)

    def stop_forwarding(self, request: TwinRequest) -> TwinReply:
        """`DELETE /api/lines/{sendblue_number}/call-forwarding`; a second time changes nothing."""
        line = self._own(request.params["line"])
        self._forwarding.pop(line, None)
        return self._shown(line)

    def _shown(self, line: str) -> TwinReply:
        return reply({"sendblue_number": line, "forwarding_number": self._forwarding.get(line)})

    def _own(self, line: str) -> str:
        if line not in self._account.lines or not self._account.may_use(line):
            raise Refusal(404, "There is no such line")
        return line
