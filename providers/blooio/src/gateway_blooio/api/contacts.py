"""Contacts: the organization's address book, tags, and what a contact's phone can do.

A `contact` is the phone (E.164) or the email itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from gateway.provider import Exchange, Page, path
from gateway_blooio import wire
from gateway_blooio.api.answers import change, get, listing

__all__ = [
    "add_contact_tags",
    "create_contact",
    "delete_contact",
    "get_contact",
    "get_contact_capabilities",
    "list_contact_tags",
    "list_contacts",
    "remove_contact_tag",
    "update_contact",
]


def list_contacts(
    *,
    limit: int = 50,
    offset: int = 0,
    q: str | None = None,
    sort: Literal["recent", "oldest", "name_asc", "name_desc"] = "recent",
) -> Exchange[Page[wire.ContactItem]]:
    """GET `/contacts`: contacts by page; `q` is looked for in identifier and name. There is no filter by tag."""
    where = path("/contacts")
    return listing(where, wire.ContactList, lambda page: page.contacts, limit=limit, offset=offset, q=q, sort=sort)


def create_contact(identifier: str, *, name: str | None = None) -> Exchange[wire.ContactItem]:
    """POST `/contacts`; `Refused` (409) where there is one.

    Repeat SAFE: a second copy makes nothing. It is refused, so a 409 after a lost answer means that it is there.
    """
    body = wire.ContactBody.model_validate({"identifier": identifier, **({"name": name} if name is not None else {})})
    return change("POST", path("/contacts"), wire.ContactItem, body)


def get_contact(contact: str) -> Exchange[wire.ContactItem]:
    """GET `/contacts/{contactId}`."""
    return get(path("/contacts/{contact}", contact=contact), wire.ContactItem)


def update_contact(contact: str, *, name: str | None) -> Exchange[wire.ContactItem]:
    """PATCH `/contacts/{contactId}`: another name, None for none. Repeat SAFE: the same name is the same name."""
    return change("PATCH", path("/contacts/{contact}", contact=contact), wire.ContactItem, wire.NewName(name=name))


def delete_contact(contact: str) -> Exchange[wire.Deleted]:
    """DELETE `/contacts/{contactId}`. Repeat SAFE: what is gone stays gone, though a second copy is `NotFound`."""
    return change("DELETE", path("/contacts/{contact}", contact=contact), wire.Deleted)


def get_contact_capabilities(contact: str) -> Exchange[wire.ContactCapabilities]:
    """GET `/contacts/{contactId}/capabilities`: iMessage, SMS, FaceTime, as the vendor's cache knows it.

    `SenderUnavailable` (503) where no number of ours is online to find out.
    """
    return get(path("/contacts/{contact}/capabilities", contact=contact), wire.ContactCapabilities)


def list_contact_tags(contact: str) -> Exchange[wire.TagList]:
    """GET `/contacts/{contactId}/tags`: all of them, without pages."""
    return get(path("/contacts/{contact}/tags", contact=contact), wire.TagList)


def add_contact_tags(contact: str, tags: Sequence[str]) -> Exchange[wire.TagsAdded]:
    """POST `/contacts/{contactId}/tags`: any words. Repeat SAFE: one that is there stays there, once."""
    return change(
        "POST", path("/contacts/{contact}/tags", contact=contact), wire.TagsAdded, wire.TagsBody(tags=list(tags))
    )


def remove_contact_tag(contact: str, tag: str) -> Exchange[wire.Deleted]:
    """DELETE `/contacts/{contactId}/tags/{tag}`. Repeat SAFE: what is gone stays gone."""
    return change("DELETE", path("/contacts/{contact}/tags/{tag}", contact=contact, tag=tag), wire.Deleted)
