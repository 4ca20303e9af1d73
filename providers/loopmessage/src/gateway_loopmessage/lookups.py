"""What the vendor keeps, in our words: contacts as chats, their history, whether they agree, and the end of that.

The vendor files everything under a contact, by phone or email; it lists no groups, and no networks of a contact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC
from functools import partial
from types import MappingProxyType
from typing import TypeVar

from pydantic import ValidationError

from gateway.provider import (
    Address,
    AddressKind,
    Chat,
    ChatKind,
    ChatSummary,
    CheckReachability,
    Exchange,
    Feature,
    GetHistory,
    HistoryItem,
    ListChats,
    Message,
    NotFound,
    Page,
    Reachability,
    Text,
    Unsubscribe,
    Unsupported,
)
from gateway_loopmessage import wire
from gateway_loopmessage.api import audience
from gateway_loopmessage.history import moment
from gateway_loopmessage.inbound import channel

__all__ = ["chats", "messages", "reachability", "unsubscribe"]

_AGREED = MappingProxyType({"active": True, "unsubscribed": False})

ItemT = TypeVar("ItemT")
OursT = TypeVar("OursT")


def chats(action: ListChats) -> Exchange[Page[ChatSummary]]:
    """List the contacts; the vendor says nothing of their lines and last messages, and has no groups here."""
    page = yield from audience.contacts(per_page=action.limit, search=action.search)
    return _as_ours(page, _summary)


def messages(action: GetHistory) -> Exchange[Page[HistoryItem]]:
    """List the messages with a contact; the vendor counts in days, so some at either end are too many."""
    if action.chat.kind is not ChatKind.DIRECT:
        raise _unsupported(Feature.HISTORY, "the history of one of its members")
    page = yield from audience.messages(
        _name(action.chat.address, Feature.HISTORY),
        per_page=action.limit,
        from_date=action.since.astimezone(UTC).date() if action.since else None,
        to_date=action.until.astimezone(UTC).date() if action.until else None,
    )
    return _as_ours(page, partial(_item, action.chat))


def reachability(action: CheckReachability) -> Exchange[Reachability]:
    """Look up whether a contact agrees; which networks reach it the vendor does not say, and may not know."""
    status = yield from audience.contact_status(_name(action.address, Feature.REACHABILITY))
    return Reachability(address=action.address, agreed=_AGREED.get(status.status or ""), raw=status.raw())


def unsubscribe(action: Unsubscribe) -> Exchange[None]:
    """Take a contact off the audience; one who is not in it is no error."""
    try:
        yield from audience.unsubscribe(_name(action.address, Feature.UNSUBSCRIBE))
    except NotFound:
        return


def _name(address: Address, feature: Feature) -> str:
    """Name a contact in a path, where the vendor takes an email or the international form, and no id of its own."""
    if address.kind is AddressKind.CONTACT:
        raise _unsupported(feature, "the contact's phone or email: its id is for texts only")
    return address.value


def _as_ours(page: Page[ItemT], make: Callable[[ItemT], OursT | None]) -> Page[OursT]:
    """Put a page into our words, and those after it; what names nobody is left out."""
    items: Sequence[OursT] = [ours for item in page.items if (ours := make(item)) is not None]
    more = None if page.more is None else partial(_following, page.more, make)
    return Page(items, more, page.total)


def _following(
    fetch: Callable[[], Exchange[Page[ItemT]]], make: Callable[[ItemT], OursT | None]
) -> Exchange[Page[OursT]]:
    return _as_ours((yield from fetch()), make)


def _summary(contact: wire.Contact) -> ChatSummary | None:
    try:
        chat = Chat.direct(Address.parse(contact.value or ""))
    except ValidationError:
        return None
    return ChatSummary(chat=chat, raw=contact.raw())


def _item(chat: Chat, item: wire.HistoryItem) -> HistoryItem | None:
    """Read a message: its text is all that is kept of what it held."""
    if not item.id:
        return None
    ours = item.direction == "outbound"
    return HistoryItem(
        vendor_id=item.id,
        chat=chat,
        ours=ours,
        message=Message(Text(text=item.text)) if item.text else None,
        sender=None if ours else chat.address,
        channel=channel(item.channel),
        occurred_at=moment(item.create_date),
        raw=item.raw(),
    )


def _unsupported(feature: Feature, alternative: str) -> Unsupported:
    return Unsupported(f"LoopMessage cannot: {feature.value}", features=(feature.value,), alternatives=(alternative,))
