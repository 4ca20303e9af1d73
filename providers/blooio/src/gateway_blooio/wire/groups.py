"""Groups, their members and their icon."""

from __future__ import annotations

from pydantic import Field

from gateway_blooio.wire.answers import Listed, Moment, Wire

__all__ = [
    "DeviceSync",
    "GroupBody",
    "GroupCreated",
    "GroupIcon",
    "GroupItem",
    "GroupList",
    "GroupName",
    "GroupUpdated",
    "MemberAdded",
    "MemberBody",
    "MemberItem",
    "MemberList",
    "MemberRemoved",
]


class GroupBody(Wire):
    """A group to make."""

    name: str
    """At most 255 characters."""
    chat_guid: str | None = None
    """Links it to an iMessage chat that there is; then `members` is for the record only."""
    members: list[str] | None = None
    """Phones and emails; contacts are made of those that are none yet."""


class GroupName(Wire):
    """Another name for a group."""

    name: str


class GroupItem(Wire):
    """A group; one without `chat_guid` has no iMessage chat yet, its first message makes that."""

    group_id: str | None = None
    name: str | None = None
    """Null for one that was made by a send to several addresses."""
    chat_guid: str | None = None
    icon_url: str | None = None
    member_count: int | None = None
    message_count: int | None = None
    last_message_text: str | None = None
    last_message_time: Moment = None
    last_message_direction: str | None = None
    created_at: Moment = None


class GroupList(Listed):
    """A page of groups."""

    groups: list[GroupItem] = Field(default_factory=list)


class GroupCreated(GroupItem):
    """A new group."""

    added_members: list[str] | None = None
    created_contacts: list[str] | None = None


class DeviceSync(Wire):
    """Whether the linked iMessage chat was changed too."""

    chat_guid: str | None = None
    action: str | None = None
    """`add_participant remove_participant leave`."""
    synced: bool | None = None
    error: str | None = None
    message: str | None = None
    """With icons, in place of `error`."""


class GroupUpdated(GroupItem):
    """A group after a change."""

    device_sync: DeviceSync | None = None


class GroupIcon(Wire):
    """The picture of a group was set or removed; `icon_url` only when it was set."""

    success: bool | None = None
    group_id: str | None = None
    chat_guid: str | None = None
    icon_url: str | None = None
    device_sync: DeviceSync | None = None
    message: str | None = None


class MemberItem(Wire):
    """A member of a group; `id` and `identifier` are the phone or the email."""

    id: str | None = None
    contact_id: str | None = None
    identifier: str | None = None
    name: str | None = None
    added_at: Moment = None


class MemberList(Listed):
    """A page of a group's members."""

    group_id: str | None = None
    group_name: str | None = None
    icon_url: str | None = None
    members: list[MemberItem] = Field(default_factory=list)


class MemberBody(Wire):
    """A member to add: a phone or an email, whatever the field is called."""

    contact_id: str


class MemberAdded(Wire):
    """A member is in the group: new (201), or there already (200, with `message`)."""

    member: MemberItem | None = None
    contact_created: bool | None = None
    message: str | None = None


class MemberRemoved(Wire):
    """A member is out of the group."""

    success: bool | None = None
    removed_at: Moment = None
