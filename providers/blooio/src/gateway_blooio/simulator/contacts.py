"""Contacts: the address book of the organization, and what a contact's phone can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gateway.provider import Address, AddressKind
from gateway.simulator import TwinReply, TwinRequest
from gateway_blooio.simulator.account import Account
from gateway_blooio.simulator.answers import Json, Refusal, body_of, milliseconds, page, reply
from gateway_blooio.simulator.places import party_of

__all__ = ["Contacts"]


@dataclass(slots=True)
class _Entry:
    """One contact."""

    address: Address
    name: str | None
    created_at: datetime
    tags: dict[str, datetime] = field(default_factory=dict)


_ORDERS: Mapping[str, tuple[Callable[[_Entry], Any], bool]] = {
    "recent": (lambda entry: entry.created_at, True),
    "oldest": (lambda entry: entry.created_at, False),
    "name_asc": (lambda entry: entry.name or "", False),
    "name_desc": (lambda entry: entry.name or "", True),
}


class Contacts:
    """`/contacts`; everybody in a thread is a contact too."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._entries: dict[Address, _Entry] = {}
        self._deleted: set[Address] = set()

    def listed(self, request: TwinRequest) -> TwinReply:
        """`GET /contacts`."""
        self._meet()
        order = request.query.get("sort", "recent")
        if order not in _ORDERS:
            raise Refusal(400, "'sort' is invalid.")
        sought = request.query.get("q", "").lower()
        found = [e for e in self._entries.values() if sought in f"{e.address.value} {e.name or ''}".lower()]
        by, reverse = _ORDERS[order]
        contacts, pagination = page(request, sorted(found, key=by, reverse=reverse), self._shown)
        return reply({"contacts": contacts, "pagination": pagination})

    def create(self, request: TwinRequest) -> TwinReply:
        """`POST /contacts`."""
        body = body_of(request)
        identifier = body.get("identifier")
        if not isinstance(identifier, str):
            raise Refusal(400, "'identifier' is required.")
        address = party_of(identifier)
        self._meet()
        if address in self._entries:
            shown = self._shown(self._entries[address])
            extras: Json = {"contact": shown} if self._account.on("contact_in_conflict") else {}
            raise Refusal(409, "Contact already exists", **extras)
        entry = self._entries[address] = _Entry(address, None, self._account.now())
        self._call(entry, _name(body))
        self._deleted.discard(address)
        return reply(self._shown(entry), 201)

    def one(self, request: TwinRequest) -> TwinReply:
        """`GET /contacts/{contactId}`."""
        return reply(self._shown(self._entry(request)))

    def rename(self, request: TwinRequest) -> TwinReply:
        """`PATCH /contacts/{contactId}`; null clears the name."""
        entry = self._entry(request)
        self._call(entry, _name(body_of(request)))
        return reply(self._shown(entry))

    def delete(self, request: TwinRequest) -> TwinReply:
        """`DELETE /contacts/{contactId}`."""
        entry = self._entry(request)
        del self._entries[entry.address]
        self._account.names.pop(entry.address, None)
        self._deleted.add(entry.address)
        return reply({"success": True, "deleted_at": milliseconds(self._account.now())})

    def capabilities(self, request: TwinRequest) -> TwinReply:
        """`GET /contacts/{contactId}/capabilities`; `sms` is for phones only."""
        address = party_of(request.params["contact"])
        self._account.need_number()
        imessage = self._account.world.phone(address).imessage and not self._account.on("twilio")
        can = {"imessage": imessage, "facetime": imessage}
        if address.kind is AddressKind.PHONE:
            can["sms"] = True
        return reply(
            {
                "contact": address.value,
                "type": address.kind.value,
                "capabilities": can,
                "last_checked": milliseconds(self._account.now()),
            }
        )

    # ── tags ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def tags(self, request: TwinRequest) -> TwinReply:
        """`GET /contacts/{contactId}/tags`."""
        tags = self._entry(request).tags
        return reply({"tags": [{"tag": tag, "created_at": milliseconds(at)} for tag, at in tags.items()]})

    def add_tags(self, request: TwinRequest) -> TwinReply:
        """`POST /contacts/{contactId}/tags`; adding one again changes nothing."""
        entry, tags = self._entry(request), body_of(request).get("tags")
        if not isinstance(tags, list) or not tags or not all(isinstance(tag, str) and tag for tag in tags):
            raise Refusal(400, "'tags' must be a non-empty array of strings.")
        for tag in tags:
            entry.tags.setdefault(tag, self._account.now())
        return reply({"success": True, "tags_added": tags}, 201)

    def remove_tag(self, request: TwinRequest) -> TwinReply:
        """`DELETE /contacts/{contactId}/tags/{tag}`."""
        if self._entry(request).tags.pop(request.params["tag"], None) is None:
            raise Refusal(404, "Tag not found")
        return reply({"success": True, "deleted_at": milliseconds(self._account.now())})

    # ── entries ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _meet(self) -> None:
        """Enter everybody whom a message was exchanged with."""
        for thread in self._account.threads():
            for address in thread.members:
                if address not in self._entries and address not in self._deleted:
                    self._entries[address] = _Entry(address, None, self._account.now())

    def _call(self, entry: _Entry, name: str | None) -> None:
        """Name a contact; chats, groups and webhooks show it too."""
        entry.name = name
        self._account.names.pop(entry.address, None)
        if name is not None:
            self._account.names[entry.address] = name

    def _entry(self, request: TwinRequest) -> _Entry:
        address = party_of(request.params["contact"])
        self._meet()
        entry = self._entries.get(address)
        if entry is None:
            raise Refusal(404, "Contact not found")
        return entry

    def _shown(self, entry: _Entry) -> Json:
        bubbles = [bubble for thread in self._account.with_contact(entry.address) for bubble in thread.bubbles]
        last = max((bubble.created_at for bubble in bubbles), default=None)
        return {
            "id": entry.address.value,
            "contact_id": f"ct_{entry.address.value}",
            "identifier": entry.address.value,
            "name": entry.name,
            "type": entry.address.kind.value,
            "created_at": milliseconds(entry.created_at),
            "last_message_time": milliseconds(last) if last else None,
            "tags": list(entry.tags),
        }


def _name(body: Json) -> str | None:
    name = body.get("name")
    if name is not None and not isinstance(name, str):
        raise Refusal(400, "'name' must be a string.")
    return name
