"""Contacts: the address book, opt-outs, and the contacts of a shared line."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gateway.provider import Address, AddressKind
from gateway.simulator import TwinReply, TwinRequest
from gateway_sendblue.simulator.account import Account
from gateway_sendblue.simulator.answers import (
    Json,
    Refusal,
    body_of,
    cut,
    iso,
    moment,
    phone_of,
    reply,
    string,
    strings,
)

__all__ = ["Contacts"]

_CAMELS = {
    "first_name": "firstName",
    "last_name": "lastName",
    "company_name": "companyName",
    "assigned_to_email": "assignedToEmail",
    "sendblue_number": "sendblueNumber",
}
"""The deprecated spellings, which are still read."""


@dataclass(slots=True)
class _Entry:
    """One contact."""

    address: Address
    id: str
    created_at: datetime
    fields: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)


class Contacts:
    """`/api/v2/contacts` and `/v3/verified-contacts`; everybody in a direct thread is a contact too."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._entries: dict[Address, _Entry] = {}
        self._deleted: set[Address] = set()

    # ── one ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def create(self, request: TwinRequest) -> TwinReply:
        """`POST /api/v2/contacts`."""
        body = body_of(request)
        address = phone_of(string(body, "number", "phone_number", "phoneNumber", required=True), "number")
        self._meet()
        if address in self._entries and body.get("update_if_exists") is False:
            raise Refusal(409, "There is a contact with this number already")
        return reply({"status": "OK", "contact": self._shown(self._put(address, body))})

    def one(self, request: TwinRequest) -> TwinReply:
        """`GET /api/v2/contacts/{phone_number}`."""
        return reply({"status": "OK", "contact": self._shown(self._entry(request))})

    def update(self, request: TwinRequest) -> TwinReply:
        """`PUT /api/v2/contacts/{phone_number}`; custom variables are merged."""
        entry, body = self._entry(request), body_of(request)
        opt_out = body.get("opt_out", body.get("optOut"))
        if isinstance(opt_out, bool):
            self._mark(entry.address, opted_out=opt_out)
        return reply({"status": "OK", "contact": self._shown(self._put(entry.address, body))})

    def delete(self, request: TwinRequest) -> TwinReply:
        """`DELETE /api/v2/contacts/{phone_number}`."""
        self._drop(self._entry(request).address)
        return reply({"status": "OK"})

    # ── many ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def listed(self, request: TwinRequest) -> TwinReply:
        """`GET /api/v2/contacts`: a bare array."""
        self._meet()
        query, since = request.query, moment(request, "created_at_gte")
        found = [
            entry
            for entry in self._entries.values()
            if query.get("phone_number") in (None, entry.address.value)
            and query.get("cid") in (None, entry.id)
            and (since is None or entry.created_at >= since)
        ]
        found.sort(key=lambda entry: entry.created_at, reverse=query.get("order_direction", "desc") == "desc")
        return reply(cut(request, found, self._shown)[0])

    def count(self, _: TwinRequest) -> TwinReply:
        """`GET /api/v2/contacts/count`."""
        self._meet()
        return reply({"count": len(self._entries)})

    def create_many(self, request: TwinRequest) -> TwinReply:
        """`POST /api/v2/contacts/bulk`."""
        listed = body_of(request).get("contacts")
        if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
            raise Refusal(400, "contacts must be an array of objects")
        read = [(phone_of(string(item, "phone", required=True), "phone"), item) for item in listed]
        return reply({"status": "OK", "contacts": [self._shown(self._put(address, item)) for address, item in read]})

    def delete_many(self, request: TwinRequest) -> TwinReply:
        """`DELETE /api/v2/contacts`, with a body; ids are phones."""
        self._meet()
        asked = [phone_of(number, "contact_ids") for number in strings(body_of(request), "contact_ids")]
        found = [address for address in asked if address in self._entries]
        for address in found:
            self._drop(address)
        return reply({"status": "OK", "amount": len(found)})

    # ── consent ───────────────────────────────────────────────────────────────────────────────────────────────────

    def opt_out(self, request: TwinRequest) -> TwinReply:
        """`POST /api/v2/contacts/opt-out`: nothing more goes to this number, or again."""
        body = body_of(request)
        address = phone_of(string(body, "number", required=True), "number")
        opted_out = body.get("opted_out", True)
        if not isinstance(opted_out, bool):
            raise Refusal(400, "opted_out must be a boolean")
        self._mark(address, opted_out=opted_out)
        return reply({"status": "OK", "number": address.value, "opted_out": opted_out})

    def verify(self, request: TwinRequest) -> TwinReply:
        """`POST /api/v2/contacts/verify`."""
        address = phone_of(string(body_of(request), "number", required=True), "number")
        self._account.verified.setdefault(address, None)
        return reply({"status": "OK"})

    def _mark(self, address: Address, *, opted_out: bool) -> None:
        (self._account.opted_out.add if opted_out else self._account.opted_out.discard)(address)

    # ── shared lines ──────────────────────────────────────────────────────────────────────────────────────────────

    def request_verification(self, request: TwinRequest) -> TwinReply:
        """`POST /v3/verified-contacts`: pending until the contact texts the shared line."""
        address = phone_of(string(body_of(request), "phone_number", required=True), "phone_number")
        self._account.verified.setdefault(address, None)
        return reply(self._verified(address, told=True))

    def list_verified(self, _: TwinRequest) -> TwinReply:
        """`GET /v3/verified-contacts`."""
        contacts = [self._verification(address) for address in self._account.verified]
        return reply({"data": {"contacts": contacts, "line": self._shared_line()}})

    def one_verified(self, request: TwinRequest) -> TwinReply:
        """`GET /v3/verified-contacts/{phone_number}`."""
        address = phone_of(request.params["number"], "phone_number")
        if address not in self._account.verified:
            raise Refusal(404, "There is no such contact")
        return reply(self._verified(address))

    def _verified(self, address: Address, *, told: bool = False) -> Json:
        data: Json = {"contact": self._verification(address), "line": self._shared_line()}
        if told:
            data["verification_instructions"] = "Ask the contact to send a message to the shared line first."
        return {"data": data}

    def _verification(self, address: Address) -> Json:
        since = self._account.verified[address]
        return {
            "phone_number": address.value,
            "verification_status": "verified" if since else "pending",
            "verified": since is not None,
            "created_at": iso(since or self._account.now()),
            "updated_at": iso(since or self._account.now()),
        }

    def _shared_line(self) -> Json:
        return {"type": "shared", "phone_number": self._account.lines[0]}

    # ── entries ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _meet(self) -> None:
        """Enter everybody whom a message was exchanged with."""
        for thread in self._account.threads():
            for address in thread.members:
                fresh = address not in self._entries and address not in self._deleted
                if fresh and thread.group is None and address.kind is AddressKind.PHONE:
                    self._put(address, {"sendblue_number": thread.line})

    def _put(self, address: Address, body: Json) -> _Entry:
        """Make or change an entry; nothing of it is kept unless all of it can be read."""
        fields = {name: string(body, name, camel) for name, camel in _CAMELS.items()}
        tags, variables = strings(body, "tags"), body.get("custom_variables")
        if not isinstance(variables, dict | None):
            raise Refusal(400, "custom_variables must be an object")
        entry = self._entries.get(address)
        if entry is None:
            entry = self._entries[address] = _Entry(address, self._account.uuid(), self._account.now())
            self._deleted.discard(address)
        entry.fields |= {name: value for name, value in fields.items() if value is not None}
        entry.tags = tags if body.get("tags") is not None else entry.tags
        entry.variables |= {name: str(value) for name, value in (variables or {}).items()}
        return entry

    def _entry(self, request: TwinRequest) -> _Entry:
        address = phone_of(request.params["number"], "phone_number")
        self._meet()
        entry = self._entries.get(address)
        if entry is None:
            raise Refusal(404, "There is no such contact")
        return entry

    def _drop(self, address: Address) -> None:
        del self._entries[address]
        self._deleted.add(address)

    def _shown(self, entry: _Entry) -> Json:
        return {
            "contact_id": entry.id,
            "phone": entry.address.value,
            **{name: entry.fields.get(name) for name in _CAMELS},
            "tags": list(entry.tags),
            "custom_variables": dict(entry.variables),
            "opt_out": entry.address in self._account.opted_out,
            "verified": self._account.verified.get(entry.address) is not None,
            "created_at": iso(entry.created_at),
        }
