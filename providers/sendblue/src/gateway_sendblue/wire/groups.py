"""Groups and who is in them."""

from __future__ import annotations

from gateway_sendblue.wire.shape import Answer, Wire

__all__ = ["Group", "GroupAnswer", "GroupChange", "GroupPhoto", "Participant"]


class Participant(Wire):
    """Somebody in a group; one with an email only is here, and not among `participant_numbers`."""

    participant_id: str | None = None
    type: str | None = None
    handle: str | None = None
    phone: str | None = None
    name: str | None = None
    contact_id: str | None = None
    seat_id: str | None = None


class GroupPhoto(Wire):
    """A group's picture."""

    photo_guid: str | None = None
    url: str | None = None


class Group(Wire):
    """A group."""

    group_id: str | None = None
    group_name: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    latest_comm_at: str | None = None
    latest_message_id: str | None = None
    worker_group_id: str | None = None
    participant_numbers: list[str] | None = None
    participants: list[Participant] | None = None
    group_photo: GroupPhoto | None = None
    from_number: str | None = None
    """The line that renamed it or set its picture."""


class GroupAnswer(Answer):
    """A group, or what was changed of it."""

    data: Group | None = None


class GroupChange(Answer):
    """POST `/api/modify-group`."""

    group_id: str | None = None
    modify_type: str | None = None
    number: str | None = None
