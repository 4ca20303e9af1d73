"""Contacts: the address book of the organization, tags, and what a contact's phone can do."""

from __future__ import annotations

from pydantic import Field

from gateway_blooio.wire.answers import Listed, Moment, Wire

__all__ = [
    "Able",
    "ContactBody",
    "ContactCapabilities",
    "ContactItem",
    "ContactList",
    "NewName",
    "TagItem",
    "TagList",
    "TagsAdded",
    "TagsBody",
]


class ContactBody(Wire):
    """A contact to make."""

    identifier: str
    """E.164 or email."""
    name: str | None = None


class NewName(Wire):
    """Another name for a contact, null for none."""

    name: str | None


class ContactItem(Wire):
    """A contact; `id` and `identifier` are the phone or the email, `contact_id` is the vendor's own."""

    id: str | None = None
    contact_id: str | None = None
    identifier: str | None = None
    name: str | None = None
    type: str | None = None
    """`phone email`."""
    created_at: Moment = None
    last_message_time: Moment = None
    tags: list[str] | None = None


class ContactList(Listed):
    """A page of contacts."""

    contacts: list[ContactItem] = Field(default_factory=list)


class Able(Wire):
    """What a contact can be reached by; `sms` for phones only, `facetime` is younger than the rest."""

    imessage: bool | None = None
    sms: bool | None = None
    facetime: bool | None = None


class ContactCapabilities(Wire):
    """The answer is cached at the vendor; `last_checked` says how old it is."""

    contact: str | None = None
    type: str | None = None
    capabilities: Able | None = None
    last_checked: Moment = None


class TagItem(Wire):
    """A word on a contact."""

    tag: str | None = None
    created_at: Moment = None


class TagList(Wire):
    """All tags of a contact; there is no paging."""

    tags: list[TagItem] = Field(default_factory=list)


class TagsBody(Wire):
    """Tags to add."""

    tags: list[str]


class TagsAdded(Wire):
    """The tags are there now, whether or not they were before."""

    success: bool | None = None
    tags_added: list[str] | None = None
