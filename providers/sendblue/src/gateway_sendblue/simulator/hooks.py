"""Webhooks: the URL that the simulator was started with, and those that were configured by the API, type by type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.simulator import Tried, TwinReply, TwinRequest, Webhook
from gateway_sendblue.simulator.account import Account
from gateway_sendblue.simulator.answers import Json, Refusal, body_of, is_url, reply, string, strings

__all__ = ["CALLBACK", "TYPES", "Hooks"]

CALLBACK = "status_callback"
"""The name of a report that a message asked for: it carries no proof of the vendor's."""

TYPES = (
    *("receive", "outbound", "typing_indicator", "call_log", "call_completed", "inbound_call"),
    *("line_blocked", "line_assigned", "contact_created", "contact_profile"),
)
_ENTRY = {"url", "secret", "sendblue_numbers"}


class Hooks:
    """`/api/account/webhooks`. The URL of the start gets every type, until a PUT replaces everything."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._entries: dict[str, list[Any]] = {}
        self._secret: str | None = None
        self._first: str | None = None
        self._replaced = False

    # ── deliveries ────────────────────────────────────────────────────────────────────────────────────────────────

    def addressed(self, kind: str, payload: Mapping[str, Any], message: str | None = None) -> Sequence[Webhook]:
        """Give one copy for each URL of a type; nothing in it says which type it is."""
        hook = Webhook(kind, payload, message_id=message)
        default = [] if self._replaced else [hook]
        return [*default, *self._others(kind, payload, message)]

    def _others(self, kind: str, payload: Mapping[str, Any], message: str | None) -> list[Webhook]:
        line = payload.get("sendblue_number")
        found = [_as_entry(entry) for entry in self._entries.get(kind, [])]
        wanted = [entry for entry in found if line in (None, *(entry.get("sendblue_numbers") or [line]))]
        secret = self._secret or self._account.context.secret
        return [
            Webhook(kind, payload, message_id=message, url=entry["url"], secret=entry.get("secret") or secret)
            for entry in wanted
        ]

    def tried(self, tried: Tried) -> None:
        """Learn which URL the simulator was started with: it is listed once something was sent there."""
        if tried.webhook.url is None:
            self._first = tried.url

    # ── the configuration ─────────────────────────────────────────────────────────────────────────────────────────

    def listed(self, _: TwinRequest) -> TwinReply:
        """`GET /api/account/webhooks`; whether the vendor shows secrets is not known, the twin does."""
        return reply({"status": "OK", "webhooks": self._shown()})

    def append(self, request: TwinRequest) -> TwinReply:
        """`POST /api/account/webhooks`: adds to one type, `receive` where none is named."""
        body = body_of(request)
        kind = self._type(string(body, "type") or "receive")
        entries = self._read(body.get("webhooks"), kind)
        self._allowed(kind)
        have = self._entries.setdefault(kind, [])
        known = {_as_entry(entry)["url"] for entry in have}
        have.extend(entry for entry in entries if _as_entry(entry)["url"] not in known)
        self._secret = string(body, "globalSecret") or self._secret
        return reply({"status": "OK", "message": "Webhooks added successfully", "webhooks": self._shown()})

    def replace(self, request: TwinRequest) -> TwinReply:
        """`PUT /api/account/webhooks`: everything that is not named is gone."""
        webhooks = body_of(request).get("webhooks")
        if not isinstance(webhooks, dict):
            raise Refusal(400, "webhooks must be an object")
        self._allowed("outbound")
        given = {name: listed for name, listed in webhooks.items() if name != "globalSecret"}
        entries = {self._type(kind): self._read(listed, kind) for kind, listed in given.items()}
        # an account without it drops the type in silence, where POST refuses it (both were seen in 2026)
        dropped = set() if self._account.on("typing_webhooks") else {"typing_indicator"}
        self._entries = {kind: listed for kind, listed in entries.items() if kind not in dropped}
        self._secret = string(webhooks, "globalSecret")
        self._replaced = True
        return reply({"status": "OK", "message": "Webhooks updated successfully", "webhooks": self._shown()})

    def delete(self, request: TwinRequest) -> TwinReply:
        """`DELETE /api/account/webhooks`, with a body."""
        body = body_of(request)
        kind = self._type(string(body, "type") or "receive")
        self._allowed(kind)
        gone = set(strings(body, "webhooks"))
        self._entries[kind] = [entry for entry in self._entries.get(kind, []) if _as_entry(entry)["url"] not in gone]
        return reply({"status": "OK", "message": "Webhooks deleted successfully"})

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _type(self, kind: str) -> str:
        if kind not in TYPES:
            raise Refusal(400, f"Invalid webhook type. Must be one of: {', '.join(TYPES)}")
        return kind

    def _allowed(self, kind: str) -> None:
        """A token of some lines changes `receive` only; an account without typing webhooks has no such type."""
        if self._account.grant is not None and self._account.grant.lines and kind != "receive":
            raise Refusal(403, "This token may only change receive webhooks")
        if kind == "typing_indicator" and not self._account.on("typing_webhooks"):
            known = [name for name in TYPES if name != kind]
            raise Refusal(400, f"Invalid webhook type. Must be one of: {', '.join(known)}")

    def _read(self, listed: object, kind: str) -> list[Any]:
        if not isinstance(listed, list):
            raise Refusal(400, "webhooks must be an array")
        for entry in listed:
            whole = _as_entry(entry)
            if not is_url(whole.get("url")) or set(whole) - _ENTRY:
                raise Refusal(400, "A webhook is a URL, or an object with url, secret and sendblue_numbers")
            if whole.get("sendblue_numbers") and kind != "receive":
                raise Refusal(400, "sendblue_numbers is for receive webhooks only")
        return list(listed)

    def _shown(self) -> Json:
        first = [self._first] if self._first and not self._replaced else []
        kinds = ("receive",) if self._account.grant is not None and self._account.grant.lines else TYPES
        shown: Json = {kind: [*first, *self._entries.get(kind, [])] for kind in kinds}
        return {**shown, "globalSecret": self._secret}


def _as_entry(entry: object) -> Json:
    return entry if isinstance(entry, dict) else {"url": entry}
