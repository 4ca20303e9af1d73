"""Groups, their icon, their members. A `group` is the vendor's id, `grp_…`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from gateway.provider import Blob, Call, Exchange, Page, Repeat, path
from gateway_blooio import wire
from gateway_blooio.api.answers import ask, change, get, listing

__all__ = [
    "add_group_member",
    "create_group",
    "delete_group",
    "get_group",
    "list_group_members",
    "list_groups",
    "remove_group_icon",
    "remove_group_member",
    "set_group_icon",
    "update_group",
]


def list_groups(
    *,
    limit: int = 50,
    offset: int = 0,
    q: str | None = None,
    sort: Literal["recent", "oldest", "name_asc", "name_desc"] = "recent",
) -> Exchange[Page[wire.GroupItem]]:
    """GET `/groups`: groups by page; `q` is looked for in the name."""
    where = path("/groups")
    return listing(where, wire.GroupList, lambda page: page.groups, limit=limit, offset=offset, q=q, sort=sort)


def create_group(
    name: str, *, members: Sequence[str] | None = None, chat_guid: str | None = None
) -> Exchange[wire.GroupCreated]:
    """POST `/groups`: with `chat_guid` the link to an iMessage chat that there is, else one that the first send makes.

    `Refused` (409) where the same participants, or that chat, are a group already; so Repeat is SAFE, but NEVER where
    neither is given, for then nothing tells a second one from the first.
    """
    given = {"members": None if members is None else list(members), "chat_guid": chat_guid}
    body = wire.GroupBody.model_validate({"name": name, **{k: v for k, v in given.items() if v is not None}})
    repeat = Repeat.SAFE if members or chat_guid else Repeat.NEVER
    return change("POST", path("/groups"), wire.GroupCreated, body, repeat=repeat)


def get_group(group: str) -> Exchange[wire.GroupItem]:
    """GET `/groups/{groupId}`."""
    return get(path("/groups/{group}", group=group), wire.GroupItem)


def update_group(group: str, *, name: str) -> Exchange[wire.GroupUpdated]:
    """PATCH `/groups/{groupId}`: another name, on the phones too. Repeat SAFE: the same name is the same name."""
    return change("PATCH", path("/groups/{group}", group=group), wire.GroupUpdated, wire.GroupName(name=name))


def delete_group(group: str) -> Exchange[wire.Deleted]:
    """DELETE `/groups/{groupId}`: our number leaves the chat. Repeat SAFE: what is gone stays gone."""
    return change("DELETE", path("/groups/{group}", group=group), wire.Deleted)


# ── icon ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def set_group_icon(group: str, image: Blob) -> Exchange[wire.GroupIcon]:
    """POST `/groups/{groupId}/icon`: JPEG, PNG, GIF, WebP or HEIC of at most 10 MB; the group is linked to a chat.

    Multipart, as the vendor's own client has it (one client of others sends JSON). Repeat SAFE: the same icon again.
    """
    where = path("/groups/{group}/icon", group=group)
    return ask(Call("POST", where, files={"icon": image}, repeat=Repeat.SAFE), wire.GroupIcon)


def remove_group_icon(group: str) -> Exchange[wire.GroupIcon]:
    """DELETE `/groups/{groupId}/icon`. Repeat SAFE: what is gone stays gone."""
    return change("DELETE", path("/groups/{group}/icon", group=group), wire.GroupIcon)


# ── members ───────────────────────────────────────────────────────────────────────────────────────────────────────


def list_group_members(group: str, *, limit: int = 50, offset: int = 0) -> Exchange[Page[wire.MemberItem]]:
    """GET `/groups/{groupId}/members`: members by page."""
    where = path("/groups/{group}/members", group=group)
    return listing(where, wire.MemberList, lambda page: page.members, limit=limit, offset=offset)


def add_group_member(group: str, contact: str) -> Exchange[wire.MemberAdded]:
    """POST `/groups/{groupId}/members`: the vendor has it disabled, so expect `Refused` (501).

    Repeat SAFE: one who is in the group already is answered with 200.
    """
    where = path("/groups/{group}/members", group=group)
    return change("POST", where, wire.MemberAdded, wire.MemberBody(contact_id=contact))


def remove_group_member(group: str, contact: str) -> Exchange[wire.MemberRemoved]:
    """DELETE `/groups/{groupId}/members/{contactId}`: disabled as well (501). Repeat SAFE: who is out stays out."""
    where = path("/groups/{group}/members/{contact}", group=group, contact=contact)
    return change("DELETE", where, wire.MemberRemoved)
