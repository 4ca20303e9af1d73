"""Groups: made by the API, by a send to several addresses, or by a contact."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from gateway.provider import Address, Attachment
from gateway.simulator import Thread, TwinReply, TwinRequest, Webhook
from gateway_blooio.simulator.account import LINES, VENDOR, Account
from gateway_blooio.simulator.answers import Json, Refusal, body_of, milliseconds, page, reply
from gateway_blooio.simulator.images import uploaded
from gateway_blooio.simulator.payloads import group_webhook, text_of
from gateway_blooio.simulator.places import party_of
from gateway_blooio.simulator.webhooks import Webhooks

__all__ = ["Groups"]

_MAX_NAME = 255

_ORDERS: Mapping[str, tuple[Callable[[Thread], Any], bool]] = {
    "recent": (lambda thread: thread.bubbles[-1].created_at.timestamp() if thread.bubbles else 0, True),
    "oldest": (lambda thread: thread.bubbles[-1].created_at.timestamp() if thread.bubbles else 0, False),
    "name_asc": (lambda thread: thread.name or "", False),
    "name_desc": (lambda thread: thread.name or "", True),
}


class Groups:
    """`/groups`. A group that was made here gets its iMessage chat with the first message."""

    def __init__(self, account: Account, webhooks: Webhooks) -> None:
        self._account = account
        self._webhooks = webhooks
        self._made: dict[str, datetime] = {}

    def listed(self, request: TwinRequest) -> TwinReply:
        """`GET /groups`."""
        order = request.query.get("sort", "recent")
        if order not in _ORDERS:
            raise Refusal(400, "'sort' is invalid.")
        sought = request.query.get("q", "").lower()
        there = [thread for thread in self._account.threads() if thread.group and self._account.group(thread.group)]
        found = [thread for thread in there if sought in (thread.name or "").lower()]
        by, reverse = _ORDERS[order]
        groups, pagination = page(request, sorted(found, key=by, reverse=reverse), self._shown)
        return reply({"groups": groups, "pagination": pagination})

    def create(self, request: TwinRequest) -> TwinReply:
        """`POST /groups`; the same participants, or the same `chat_guid`, form one group only (409)."""
        body = body_of(request)
        name, members, guid = _name(body), _members(body), _guid(body)
        there = [thread for thread in self._account.threads() if thread.group and self._account.group(thread.group)]
        if members and guid is None and any(thread.members == tuple(members) for thread in there):
            raise Refusal(409, "A group with these participants already exists.")
        if guid is not None and any(self._account.chat_guid(thread) == guid for thread in there):
            raise Refusal(409, "This chat_guid is already linked to a group.")
        met = {address for thread in self._account.threads() for address in thread.members}
        group_id = f"grp_{self._account.letters(12)}"
        thread = self._account.world.make_group(VENDOR, LINES[0], members, group_id, name)
        if guid is not None:
            thread.notes["chat_guid"] = guid
        self._made[group_id] = self._account.now()
        added = [member.value for member in members]
        created = [member.value for member in members if member not in met]
        return reply({**self._shown(thread), "added_members": added, "created_contacts": created}, 201)

    def one(self, request: TwinRequest) -> TwinReply:
        """`GET /groups/{groupId}`."""
        return reply(self._shown(self._group(request)))

    def rename(self, request: TwinRequest) -> TwinReply:
        """`PATCH /groups/{groupId}`; `device_sync` where there is a chat on the phones."""
        thread = self._group(request)
        self._account.world.rename(thread, _name(body_of(request)))
        self._tell(group_webhook(thread, thread.line, self._account))
        guid = self._account.chat_guid(thread)
        # none of the documented actions is a change of name
        sync = {"device_sync": {"chat_guid": guid, "synced": True, "error": None}} if guid else {}
        return reply({**self._shown(thread), **sync})

    def delete(self, request: TwinRequest) -> TwinReply:
        """`DELETE /groups/{groupId}`: the number leaves the chat, which needs a number that is online."""
        thread = self._group(request)
        if self._account.chat_guid(thread):
            self._account.need_number()
        self._account.deleted_groups.add(str(thread.group))
        return reply({"success": True, "deleted_at": milliseconds(self._account.now())})

    # ── icon ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def set_icon(self, request: TwinRequest) -> TwinReply:
        """`POST /groups/{groupId}/icon`: only on a group that has its iMessage chat."""
        thread, guid = self._linked(request)
        image = uploaded(request, "icon")
        thread.notes["icon_url"] = f"https://bucket.blooio.com/icons/{image.digest[:24]}"
        self._account.world.set_icon(thread, Attachment(data=image.content, name=image.name))
        return self._icon(thread, guid, "Group icon updated")

    def remove_icon(self, request: TwinRequest) -> TwinReply:
        """`DELETE /groups/{groupId}/icon`."""
        thread, guid = self._linked(request)
        thread.notes.pop("icon_url", None)
        self._account.world.set_icon(thread, None)
        return self._icon(thread, guid, "Group icon removed")

    def pictured(self, thread: Thread) -> None:
        """Keep a picture that a contact gave the group in the vendor's bucket."""
        thread.notes.pop("icon_url", None)
        if thread.icon is not None:
            name = hashlib.sha256((thread.icon.url or "").encode() + (thread.icon.data or b"")).hexdigest()
            thread.notes["icon_url"] = f"https://bucket.blooio.com/icons/{name[:24]}"

    def _linked(self, request: TwinRequest) -> tuple[Thread, str]:
        thread = self._group(request)
        guid = self._account.chat_guid(thread)
        if guid is None:
            raise Refusal(400, "The group is not linked to an iMessage chat yet.")
        self._account.need_number()
        return thread, guid

    def _icon(self, thread: Thread, guid: str, message: str) -> TwinReply:
        self._tell(group_webhook(thread, thread.line, self._account, icon=True))
        url = thread.notes.get("icon_url")
        shown: Json = {"success": True, "group_id": thread.group, "chat_guid": guid}
        sync = {"chat_guid": guid, "synced": True, "message": message}
        return reply({**shown, **({"icon_url": url} if url else {}), "device_sync": sync, "message": message})

    # ── members ───────────────────────────────────────────────────────────────────────────────────────────────────

    def members(self, request: TwinRequest) -> TwinReply:
        """`GET /groups/{groupId}/members`."""
        thread = self._group(request)
        members, pagination = page(request, thread.members, lambda address: self._member(address, thread))
        shown = {"group_id": thread.group, "group_name": thread.name, "icon_url": thread.notes.get("icon_url")}
        return reply({**shown, "members": members, "pagination": pagination})

    def add_member(self, request: TwinRequest) -> TwinReply:
        """`POST /groups/{groupId}/members`: disabled, with an error of another shape than all others."""
        thread = self._group(request)
        if not self._account.on("group_members"):
            return reply({"error": "Coming soon", "message": "Adding group members is coming soon"}, 501)
        contact = body_of(request).get("contact_id")
        if not isinstance(contact, str):
            raise Refusal(400, "'contact_id' is required.")
        address = party_of(contact)
        if address in thread.members:
            return reply({"message": "Already a member", "member": self._member(address, thread)})
        known = any(address in each.members for each in self._account.threads())
        self._account.world.add_member(thread, address)
        return reply({"member": self._member(address, thread), "contact_created": not known}, 201)

    def remove_member(self, request: TwinRequest) -> TwinReply:
        """`DELETE /groups/{groupId}/members/{contactId}`: as `add_member`."""
        thread = self._group(request)
        if not self._account.on("group_members"):
            return reply({"error": "Coming soon", "message": "Removing group members is coming soon"}, 501)
        address = party_of(request.params["contact"])
        if address not in thread.members:
            raise Refusal(404, "Member not found")
        self._account.world.remove_member(thread, address)
        return reply({"success": True, "removed_at": milliseconds(self._account.now())})

    # ── groups ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _group(self, request: TwinRequest) -> Thread:
        thread = self._account.group(request.params["group"])
        if thread is None:
            raise Refusal(404, "Group not found")
        return thread

    def _since(self, thread: Thread) -> datetime:
        made = self._made.get(str(thread.group))
        return made or (thread.bubbles[0].created_at if thread.bubbles else self._account.now())

    def _tell(self, hook: Webhook) -> None:
        """Send a webhook about our own change, which no page says that there is."""
        if self._account.on("group_webhooks"):
            for each in self._webhooks.addressed(hook):
                self._account.context.emit(each)

    def _shown(self, thread: Thread) -> Json:
        last = thread.last()
        return {
            "group_id": thread.group,
            "name": thread.name,
            "chat_guid": self._account.chat_guid(thread),
            "icon_url": thread.notes.get("icon_url"),
            "member_count": len(thread.members),
            "message_count": len(thread.bubbles),
            "last_message_text": text_of(last) if last else None,
            "last_message_time": milliseconds(last.created_at) if last else None,
            "last_message_direction": ("outbound" if last.ours else "inbound") if last else None,
            "created_at": milliseconds(self._since(thread)),
        }

    def _member(self, address: Address, thread: Thread) -> Json:
        return {
            "id": address.value,
            "contact_id": f"ct_{address.value}",
            "identifier": address.value,
            "name": self._account.names.get(address),
            "added_at": milliseconds(self._since(thread)),
        }


def _name(body: Json) -> str:
    name = body.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= _MAX_NAME:
        raise Refusal(400, "'name' is required and has at most 255 characters.")
    return name


def _guid(body: Json) -> str | None:
    guid = body.get("chat_guid")
    if guid is not None and (not isinstance(guid, str) or not guid):
        raise Refusal(400, "'chat_guid' must be a non-empty string.")
    return guid


def _members(body: Json) -> list[Address]:
    """Read the participants; a group may have none, but then nothing can be sent to it."""
    members = body.get("members")
    if members is None:
        return []
    if not isinstance(members, list) or not all(isinstance(member, str) for member in members):
        raise Refusal(400, "'members' must be an array of phones or emails.")
    return sorted({party_of(member) for member in members}, key=lambda address: address.text)
