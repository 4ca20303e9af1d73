"""Organizations: made, changed and deleted by the key of the default one."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from gateway.simulator import TwinReply, TwinRequest
from gateway_loopmessage.simulator.account import Account, Rejected, iso
from gateway_loopmessage.simulator.directory import Organization
from gateway_loopmessage.simulator.fields import body_of, is_header, is_url, required, text_field
from gateway_loopmessage.simulator.pages import page_of

__all__ = ["Organizations"]

_FIELDS = ("name", "website", "support_url", "country", "webhook_url", "webhook_header")
_URLS = frozenset({"website", "support_url", "webhook_url"})
_KEY_BITS = 128


class Organizations:
    """The endpoints for organizations; all of them need the admin's key and no sandbox."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def listed(self, request: TwinRequest) -> TwinReply:
        """GET `/organizations/list/`; `search` is part of a name."""
        self._enter()
        search = request.query.get("search", "").strip().lower()
        every = self._account.directory.organizations.values()
        return TwinReply(200, page_of(request, [_summary(one) for one in every if search in one.name.lower()]))

    def details(self, request: TwinRequest) -> TwinReply:
        """GET `/organizations/details/{id}/`."""
        self._enter()
        one = self._find(request)
        return self._account.not_found() if one is None else TwinReply(200, _details(one))

    def create(self, request: TwinRequest) -> TwinReply:
        """POST `/organizations/new/`: without a URL for webhooks it gets no key."""
        self._enter()
        body = body_of(request)
        for name in ("name", "website", "support_url", "country"):
            required(body, name)
        fields = _checked(body)
        account = self._account
        key = f"sim_{account.context.random.getrandbits(_KEY_BITS):032x}" if fields.get("webhook_url") else None
        one = Organization(account.new_uuid(), str(body["name"]), key, account.context.now())
        _apply(one, fields)
        account.directory.organizations[one.id] = one
        answer: dict[str, JsonValue] = {"id": one.id, "name": one.name, "create_date": iso(one.created_at)}
        return TwinReply(200, {**answer, "api_key": key} if key else answer)

    def change(self, request: TwinRequest) -> TwinReply:
        """PATCH `/organizations/details/{id}/`: any of the fields."""
        self._enter()
        one = self._find(request)
        if one is None:
            return self._account.not_found()
        _apply(one, _checked(body_of(request)))
        return TwinReply(200, _details(one))

    def delete(self, request: TwinRequest) -> TwinReply:
        """DELETE `/organizations/details/{id}/`: not with active senders, and never the default one."""
        self._enter()
        one = self._find(request)
        if one is None:
            return self._account.not_found()
        if one is self._account.directory.default:
            raise Rejected(100, "the default organization stays")
        if any(sender.status == "active" for sender in self._account.directory.senders_of(one.id)):
            raise Rejected(100, "the organization has active senders")
        del self._account.directory.organizations[one.id]
        return TwinReply(200, {"success": True})

    def _enter(self) -> None:
        self._account.administer()
        self._account.leave_the_sandbox()

    def _find(self, request: TwinRequest) -> Organization | None:
        return self._account.directory.organizations.get(request.params["id"])


def _checked(body: Mapping[str, JsonValue]) -> dict[str, str]:
    """Read the fields that are there; raises `Rejected`."""
    fields = {name: text for name in _FIELDS if (text := text_field(body, name)) is not None}
    for name in _URLS & fields.keys():
        if not is_url(fields[name]):
            raise Rejected(125, f"{name} has to be a URL")
    if not is_header(fields.get("webhook_header", "")):
        raise Rejected(125, "webhook_header has to fit in a header")
    country = fields.get("country")
    if country is not None and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise Rejected(125, "country is two letters")
    return fields


def _apply(one: Organization, fields: Mapping[str, str]) -> None:
    for name, value in fields.items():
        setattr(one, name, value)


def _summary(one: Organization) -> JsonValue:
    return {"id": one.id, "name": one.name, "status": "active", "create_date": iso(one.created_at)}


def _details(one: Organization) -> JsonValue:
    shown: dict[str, JsonValue] = {
        "id": one.id,
        "name": one.name,
        "status": "active",
        "create_date": iso(one.created_at),
    }
    return {**shown, "api_key": one.api_key} if one.api_key else shown
