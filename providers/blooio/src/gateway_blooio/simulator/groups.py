"""Groups: made by the API, by a send to several addresses, or by a contact."""

from __future__ import annotations

from datetime import datetime

from gateway.provider import Address
from gateway.simulator import Thread, TwinReply, TwinRequest
from gateway_blooio.simulator.account import LINES, VENDOR, Account
from gateway_blooio.simulator.answers import Json, Refusal, body_of, milliseconds, page, reply
from gateway_blooio.simulator.payloads import text_of
from gateway_blooio.simulator.places import party_of

__all__ = ["Groups"]

_MAX_NAME = 255


class Groups:
    """`/groups`. A group made here gets its iMessage chat at once; the vendor does that with the first send."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._made: dict[str, datetime] = {}
        self._deleted: set[str] = set()

    def listed(self, request: TwinRequest) -> TwinReply:
        """`GET /groups`."""
        sought = request.query.get("q", "").lower()
        found = [thread for thread in self._account.threads() if thread.group and thread.group not in self._deleted]
        found = [thread for thread in found if sought in (thread.name or "").lower()]
        groups, pagination = page(request, found[::-1], self._shown)
        return reply({"groups": groups, "pagination": pagination})

    def create(self, request: TwinRequest) -> TwinReply:
        """`POST /groups`; the same participants, or the same `chat_guid`, form one group only (409)."""
        body = body_of(request)
        name, members = _name(body), _members(body)
        if self._account.world.find_group(VENDOR, LINES[0], members):
            raise Refusal(409, "A group with these participants already exists.")
        guid = body.get("chat_guid")
        if guid is not None and any(thread.notes.get("chat_guid") == guid for thread in self._account.threads()):
            raise Refusal(409, "This chat_guid is already linked to a group.")
        met = {address for thread in self._account.threads() for address in thread.members}
        group_id = f"grp_{self._account.letters(12)}"
        thread = self._account.world.make_group(VENDOR, LINES[0], members, group_id, name)
        thread.notes["chat_guid"] = guid or f"iMessage;+;chat{self._account.letters(18, '0123456789')}"
        self._made[group_id] = self._account.now()
        added = [member.value for member in members]
        created = [member.value for member in members if member not in met]
        return reply({**self._shown(thread), "added_members": added, "created_contacts": created}, 201)

    def one(self, request: TwinRequest) -> TwinReply:
        """`GET /groups/{groupId}`."""
        return reply(self._shown(self._group(request)))

    def rename(self, request: TwinRequest) -> TwinReply:
        """`PATCH /groups/{groupId}`."""
        thread = self._group(request)
        thread.name = _name(body_of(request))
        sync = {"chat_guid": thread.notes.get("chat_guid"), "synced": True, "error": None}
        return reply({**self._shown(thread), "device_sync": sync})

    def delete(self, request: TwinRequest) -> TwinReply:
        """`DELETE /groups/{groupId}`: the number leaves the chat."""
        self._deleted.add(str(self._group(request).group))
        return reply({"success": True, "deleted_at": milliseconds(self._account.now())})

    # ── members ───────────────────────────────────────────────────────────────────────────────────────────────────

    def members(self, request: TwinRequest) -> TwinReply:
        """`GET /groups/{groupId}/members`."""
        thread = self._group(request)
        since = milliseconds(self._since(thread))
        members, pagination = page(request, thread.members, lambda address: _member(address, since))
        shown = {"group_id": thread.group, "group_name": thread.name, "icon_url": None}
        return reply({**shown, "members": members, "pagination": pagination})

    def add_member(self, request: TwinRequest) -> TwinReply:
        """`POST /groups/{groupId}/members`: disabled, with an error of another shape than all others."""
        self._group(request)
        return reply({"error": "Coming soon", "message": "Adding group members is coming soon"}, 501)

    def remove_member(self, request: TwinRequest) -> TwinReply:
        """`DELETE /groups/{groupId}/members/{contactId}`: as `add_member`."""
        self._group(request)
        return reply({"error": "Coming soon", "message": "Removing group members is coming soon"}, 501)

    # ── groups ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _group(self, request: TwinRequest) -> Thread:
        group_id = request.params["group"]
        thread = self._account.world.group(VENDOR, group_id)
        if thread is None or group_id in self._deleted:
            raise Refusal(404, "Group not found")
        return thread

    def _since(self, thread: Thread) -> datetime:
        made = self._made.get(str(thread.group))
        return made or (thread.bubbles[0].created_at if thread.bubbles else self._account.now())

    def _shown(self, thread: Thread) -> Json:
        last = thread.last()
        return {
            "group_id": thread.group,
            "name": thread.name,
            "chat_guid": thread.notes.get("chat_guid"),
            "icon_url": None,
            "member_count": len(thread.members),
            "message_count": len(thread.bubbles),
            "last_message_text": text_of(last) if last else None,
            "last_message_time": milliseconds(last.created_at) if last else None,
            "last_message_direction": ("outbound" if last.ours else "inbound") if last else None,
            "created_at": milliseconds(self._since(thread)),
        }


def _member(address: Address, since: int) -> Json:
    contact = f"ct_{address.value}"
    return {"id": contact, "contact_id": contact, "identifier": address.value, "name": None, "added_at": since}


def _name(body: Json) -> str:
    name = body.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= _MAX_NAME:
        raise Refusal(400, "'name' is required and has at most 255 characters.")
    return name


def _members(body: Json) -> list[Address]:
    """Read the participants; without any there is no chat to send to, and the vendor does not say what comes then."""
    members = body.get("members")
    if not isinstance(members, list) or not members or not all(isinstance(member, str) for member in members):
        raise Refusal(400, "'members' must be a non-empty array of phones or emails.")
    return sorted({party_of(member) for member in members}, key=lambda address: address.text)
