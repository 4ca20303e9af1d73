"""The address book, opt-outs, and the contacts of a shared line."""

from __future__ import annotations

from typing import Any

from pydantic import Field, RootModel

from gateway_sendblue.wire.shape import Answer, Wire

__all__ = [
    "BulkContacts",
    "Contact",
    "ContactAnswer",
    "ContactBody",
    "Contacts",
    "Count",
    "Deleted",
    "OptOut",
    "SharedLine",
    "VerifiedContact",
    "VerifiedContacts",
    "VerifiedEntry",
    "VerifiedMany",
    "VerifiedOne",
]


class Contact(Wire):
    """An entry of the address book."""

    contact_id: str | None = None
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company_name: str | None = None
    sendblue_number: str | None = None
    tags: list[str] | None = None
    custom_variables: dict[str, Any] | None = None
    opt_out: bool | None = None
    verified: bool | None = None
    assigned_to_email: str | None = None
    created_at: str | None = None


class ContactBody(Wire):
    """What a contact is made or changed with; custom variables are merged."""

    number: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company_name: str | None = None
    assigned_to_email: str | None = None
    sendblue_number: str | None = None
    tags: list[str] | None = None
    custom_variables: dict[str, str] | None = None
    opt_out: bool | None = None
    update_if_exists: bool | None = None


class Contacts(RootModel[list[Contact]]):
    """GET `/api/v2/contacts`: a bare array."""


class ContactAnswer(Answer):
    """One contact."""

    contact: Contact | None = None


class BulkContacts(Answer):
    """POST `/api/v2/contacts/bulk`."""

    contacts: list[Contact] = Field(default_factory=list)


class Deleted(Answer):
    """How many were deleted."""

    amount: int | None = None


class Count(Answer):
    """How many there are."""

    count: int | None = None


class OptOut(Answer):
    """POST `/api/v2/contacts/opt-out`."""

    number: str | None = None
    opted_out: bool | None = None


class VerifiedEntry(Wire):
    """Whether a contact may be written to by a shared line: `pending` or `verified`."""

    phone_number: str | None = None
    verification_status: str | None = None
    verified: bool | None = None
    created_at: str | None = None
    updated_at: str | None = None


class SharedLine(Wire):
    """The line that several accounts share."""

    type: str | None = None
    phone_number: str | None = None


class VerifiedOne(Wire):
    """One contact, and how it becomes verified: it texts the line first."""

    contact: VerifiedEntry | None = None
    line: SharedLine | None = None
    verification_instructions: str | None = None


class VerifiedMany(Wire):
    """All contacts of a shared line."""

    contacts: list[VerifiedEntry] = Field(default_factory=list)
    line: SharedLine | None = None


class VerifiedContact(Answer):
    """POST `/v3/verified-contacts` and GET of one."""

    data: VerifiedOne | None = None


class VerifiedContacts(Answer):
    """GET `/v3/verified-contacts`."""

    data: VerifiedMany | None = None
