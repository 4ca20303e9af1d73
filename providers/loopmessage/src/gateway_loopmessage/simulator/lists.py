"""The lists: senders, the audience, and the webhooks that were sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime

from pydantic import JsonValue

from gateway.provider import Address
from gateway.simulator import Bubble, TwinReply, TwinRequest
from gateway_loopmessage.simulator.account import SENDERS, Account, Rejected, iso
from gateway_loopmessage.simulator.hooks import message_type
from gateway_loopmessage.simulator.rules import normalised

__all__ = ["Lists"]

_PER_PAGE = 20
_MOST_PER_PAGE = 1000


class Lists:
    """The endpoints that look things up, page by page."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._since = account.context.now()

    def senders(self, request: TwinRequest) -> TwinReply:
        """GET `/sender/list/`."""
        items: list[JsonValue] = [
            {
                "id": sender.id,
                "name": sender.name,
                "status": "active",
                "create_date": iso(self._since),
                "imessage_link": f"imessage://{sender.name}",
            }
            for sender in SENDERS
        ]
        return TwinReply(200, _page(request, items))

    def contacts(self, request: TwinRequest) -> TwinReply:
        """GET `/audience/list/`, the newest first."""
        search = request.query.get("search", "").strip().lower()
        known = [address for address in self._account.contacts() if search in address.value]
        items: list[JsonValue] = [{"id": self._account.contact_id(a), "value": a.value} for a in known]
        return TwinReply(200, _page(request, items))

    def contact_status(self, request: TwinRequest) -> TwinReply:
        """GET `/audience/check-status/{contact}/`."""
        return TwinReply(200, {"status": self._account.contact_status(self._contact(request))})

    def unsubscribe(self, request: TwinRequest) -> TwinReply:
        """DELETE `/audience/delete/{contact}/`: the contact gets nothing more until a new opt-in."""
        address = self._contact(request)
        self._account.unsubscribed.add(address)
        self._account.opted_in.discard(address)
        return TwinReply(200, {"success": True})

    def messages(self, request: TwinRequest) -> TwinReply:
        """GET `/audience/messages/{contact}/`: both directions, all lines."""
        address = self._contact(request)
        bubbles = [bubble for thread in self._account.direct_threads(address) for bubble in thread.bubbles]
        wanted = [bubble for bubble in sorted(bubbles, key=_age) if _is_wanted(request, bubble)]
        page = _page(request, [_history_item(bubble) for bubble in wanted])
        return TwinReply(200, {**page, "status": self._account.contact_status(address)})

    def hooks(self, request: TwinRequest) -> TwinReply:
        """GET `/webhooks/history/`: every webhook with its payload, and how often it was tried."""
        items: list[JsonValue] = [
            {
                "attempt": max(kept.attempt, 1),
                "create_date": iso(kept.made_at),
                "event_type": kept.webhook.event,
                "json": dict(kept.webhook.payload),
            }
            for kept in self._account.hooks.values()
        ]
        return TwinReply(200, _page(request, items))

    def _contact(self, request: TwinRequest) -> Address:
        """Read the contact in the path: an email, or the international form with `+`."""
        text = request.params["contact"]
        if "@" not in text and not text.startswith("+"):
            raise Rejected(160)
        return normalised(text)


def _page(request: TwinRequest, oldest_first: list[JsonValue]) -> dict[str, JsonValue]:
    """Cut a page out of a list, the newest first unless `sort_by` is `asc`."""
    page = _number(request, "page", 1)
    per_page = min(_number(request, "per_page", _PER_PAGE), _MOST_PER_PAGE)
    items = oldest_first if request.query.get("sort_by") == "asc" else oldest_first[::-1]
    return {
        "page": page,
        "num_pages": max(-(-len(items) // per_page), 1),
        "per_page": per_page,
        "count": len(items),
        "items": items[(page - 1) * per_page : page * per_page],
    }


def _number(request: TwinRequest, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdecimal()) or len(text) > 9 or int(text) < 1:
        raise Rejected(125, f"{name} has to be a number from 1 on")
    return int(text)


def _age(bubble: Bubble) -> datetime:
    return bubble.created_at


def _is_wanted(request: TwinRequest, bubble: Bubble) -> bool:
    query = request.query
    checks: Iterable[tuple[str, Callable[[str], bool]]] = (
        ("direction", lambda word: word == _direction(bubble)),
        ("type", lambda word: word == message_type(bubble)),
        ("from_date", lambda day: bubble.created_at.date() >= _day(day)),
        ("to_date", lambda day: bubble.created_at.date() <= _day(day)),
    )
    return all(fits(query[name]) for name, fits in checks if query.get(name))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Rejected(125, "a date is YYYY-MM-DD") from None


def _direction(bubble: Bubble) -> str:
    return "outbound" if bubble.ours else "inbound"


def _history_item(bubble: Bubble) -> JsonValue:
    return {
        "id": bubble.vendor_id,
        "create_date": iso(bubble.created_at),
        "channel": bubble.channel.value,
        "direction": _direction(bubble),
        "language": "EN",
        "type": message_type(bubble),
        "text": bubble.text,
    }
