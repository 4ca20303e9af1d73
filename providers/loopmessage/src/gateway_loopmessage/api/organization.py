"""Organizations of the account: each has a key, senders and webhooks of its own.

All of this needs the key of the default organization, which is the first one, and paid services.
"""

from __future__ import annotations

from gateway.provider import Call, Exchange, Page, Path, Repeat, path
from gateway_loopmessage import wire
from gateway_loopmessage.api.answers import accepted, acknowledged, fetch, listing

__all__ = ["change", "create", "delete", "details", "organizations"]


def organizations(
    *, page: int = 1, per_page: int = 20, sort_by: str = "desc", search: str | None = None
) -> Exchange[Page[wire.Organization]]:
    """GET `/organizations/list/`: organizations by page, at most 1000 on one."""
    params = {"per_page": str(per_page), "sort_by": sort_by, "search": search}
    return listing(path("/organizations/list/"), wire.Organization, params, page)


def details(organization_id: str) -> Exchange[wire.Organization]:
    """GET `/organizations/details/{id}/`: one organization, perhaps with its key; raises `NotFound`."""
    return fetch(Call("GET", _one(organization_id), repeat=Repeat.SAFE), wire.Organization)


def create(
    name: str,
    *,
    website: str,
    support_url: str,
    country: str,
    webhook_url: str | None = None,
    webhook_header: str | None = None,
) -> Exchange[wire.Organization]:
    """POST `/organizations/new/`: make one; its key comes back only where a `webhook_url` is given.

    `country` is two letters (ISO 3166). Never repeated: a second copy is a second organization.
    """
    request = wire.OrganizationRequest.model_validate(
        {
            "name": name,
            "website": website,
            "support_url": support_url,
            "country": country,
            "webhook_url": webhook_url,
            "webhook_header": webhook_header,
        }
    )
    reply = yield Call("POST", path("/organizations/new/"), json=request.body(), repeat=Repeat.NEVER)
    return accepted(reply, wire.Organization)


def change(organization_id: str, request: wire.OrganizationRequest) -> Exchange[wire.Organization]:
    """PATCH `/organizations/details/{id}/`: change what the request sets. Safe to repeat: it is as it was asked for."""
    return fetch(
        Call("PATCH", _one(organization_id), json=request.body(), repeat=Repeat.SAFE),
        wire.Organization,
    )


def delete(organization_id: str) -> Exchange[wire.Answer]:
    """DELETE `/organizations/details/{id}/`: refused while it has active senders. Safe to repeat: it is gone."""
    reply = yield Call("DELETE", _one(organization_id), repeat=Repeat.SAFE)
    return acknowledged(reply)


def _one(organization_id: str) -> Path:
    return path("/organizations/details/{id}/", id=organization_id)
