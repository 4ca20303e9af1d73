"""The audience: contacts of the organization, whether they may be written to, and what was said."""

from __future__ import annotations

from datetime import date

from gateway.provider import Call, Exchange, Page, Repeat, path
from gateway_loopmessage import wire
from gateway_loopmessage.api.answers import acknowledged, fetch, listing
from gateway_loopmessage.api.paging import MOST_PER_PAGE, collected

__all__ = ["all_contacts", "contact_status", "contacts", "messages", "tracker", "unsubscribe"]


def contacts(
    *,
    page: int = 1,
    per_page: int = 20,
    sort_by: str = "desc",
    from_date: date | None = None,
    to_date: date | None = None,
    search: str | None = None,
) -> Exchange[Page[wire.Contact]]:
    """GET `/audience/list/`: contacts by page, at most 1000 on one; `search` is a phone or an email."""
    params = {
        "per_page": str(per_page),
        "sort_by": sort_by,
        "from_date": from_date.isoformat() if from_date else None,
        "to_date": to_date.isoformat() if to_date else None,
        "search": search,
    }
    return listing(path("/audience/list/"), wire.Contact, params, page)


def all_contacts(
    *, from_date: date | None = None, to_date: date | None = None, search: str | None = None
) -> Exchange[list[wire.Contact]]:
    """Fetch every contact, oldest first, so that one who comes meanwhile moves no page; as few calls as can be."""
    first = contacts(per_page=MOST_PER_PAGE, sort_by="asc", from_date=from_date, to_date=to_date, search=search)
    return collected(first)


def contact_status(contact: str) -> Exchange[wire.ContactStatus]:
    """GET `/audience/check-status/{contact}/`: active, unsubscribed or unknown; an email or `+` and the number."""
    url = path("/audience/check-status/{contact}/", contact=contact)
    return fetch(Call("GET", url, repeat=Repeat.SAFE), wire.ContactStatus)


def unsubscribe(contact: str) -> Exchange[wire.Answer]:
    """DELETE `/audience/delete/{contact}/`: write to this contact no more; the vendor documents no answer."""
    reply = yield Call("DELETE", path("/audience/delete/{contact}/", contact=contact), repeat=Repeat.SAFE)
    return acknowledged(reply)


def messages(
    contact: str,
    *,
    page: int = 1,
    per_page: int = 20,
    sort_by: str = "desc",
    from_date: date | None = None,
    to_date: date | None = None,
    direction: str | None = None,
    type: str | None = None,  # noqa: A002 - the vendor's word
) -> Exchange[Page[wire.HistoryItem]]:
    """GET `/audience/messages/{contact}/`: the history with a contact; `direction` is `inbound` or `outbound`."""
    params = {
        "per_page": str(per_page),
        "sort_by": sort_by,
        "from_date": from_date.isoformat() if from_date else None,
        "to_date": to_date.isoformat() if to_date else None,
        "direction": direction,
        "type": type,
    }
    return listing(path("/audience/messages/{contact}/", contact=contact), wire.HistoryItem, params, page)


def tracker(
    *,
    page: int = 1,
    per_page: int = 20,
    sort_by: str = "desc",
    from_date: date | None = None,
    to_date: date | None = None,
) -> Exchange[Page[wire.Tracked]]:
    """GET `/audience/tracker/`: who opened an opt-in link, from where and with what; at most 1000 on one page."""
    params = {
        "per_page": str(per_page),
        "sort_by": sort_by,
        "from_date": from_date.isoformat() if from_date else None,
        "to_date": to_date.isoformat() if to_date else None,
    }
    return listing(path("/audience/tracker/"), wire.Tracked, params, page)
