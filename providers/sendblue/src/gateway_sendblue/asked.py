"""What is asked directly: history, reachability, consent, and what is done to groups."""

from __future__ import annotations

from pydantic import JsonValue

from gateway.provider import (
    AddMember,
    Address,
    AddressKind,
    Channel,
    Chat,
    ChatKind,
    CheckReachability,
    DeliveryState,
    Exchange,
    Feature,
    GetHistory,
    Group,
    HistoryItem,
    ListMembers,
    Member,
    NotFound,
    Page,
    Reachability,
    RemoveMember,
    RenameGroup,
    Unsubscribe,
    Unsupported,
    redact,
)
from gateway_sendblue import wire
from gateway_sendblue.api import contacts, groups, media, messages
from gateway_sendblue.content import message_of
from gateway_sendblue.errors import code_of, words_of
from gateway_sendblue.history import iso
from gateway_sendblue.inbound import channel_of, chat_of, moment_of, state_of

__all__ = [
    "add_member",
    "check_reachability",
    "get_history",
    "list_members",
    "remove_member",
    "rename_group",
    "unsubscribe",
]

_MOST = 1000


# ── history ───────────────────────────────────────────────────────────────────────────────────────────────────────


def get_history(action: GetHistory) -> Exchange[Page[HistoryItem]]:
    """List the messages of a chat, newest first; a set of numbers has none, only the group that it became."""
    chat = action.chat
    if chat.kind is ChatKind.SEVERAL:
        raise Unsupported(
            "Sendblue cannot: history of a chat that is named by several addresses",
            features=(Feature.HISTORY.value,),
            alternatives=("name the group that the receipt's alias gives",),
        )
    page = messages.listed(
        limit=min(action.limit, _MOST),
        number=chat.address.value if chat.kind is ChatKind.DIRECT else None,
        group_id=chat.group,
        sendblue_number=chat.line,
        created_at_gte=iso(action.since) if action.since else None,
        created_at_lte=iso(action.until) if action.until else None,
        order_by="createdAt",
        order_direction="desc",
    )
    return _pages(page, chat)


def _pages(exchange: Exchange[Page[wire.MessageItem]], chat: Chat) -> Exchange[Page[HistoryItem]]:
    page = yield from exchange
    more = page.more
    found = [item for item in (_item(row, chat) for row in page.items) if item is not None]
    return Page(found, (lambda: _pages(more(), chat)) if more else None)


def _item(row: wire.MessageItem, chat: Chat) -> HistoryItem | None:
    """Read a row; what a contact wrote in a group is found by the contact's number too, and belongs to the group."""
    handle = row.message_handle
    if not handle or bool(row.group_id) != (chat.kind is ChatKind.GROUP):
        return None
    ours, code = bool(row.is_outbound), code_of(row)
    state = state_of(row.status, code) if ours else None
    words = words_of(row) if state in (DeliveryState.FAILED, DeliveryState.UNKNOWN) else None
    return HistoryItem(
        vendor_id=handle,
        chat=chat_of(row) or chat,
        ours=ours,
        message=message_of(row),
        sender=None if ours else Address.read(row.from_number),
        state=state,
        channel=channel_of(row),
        code=code,
        reason=redact(words) if words else None,
        occurred_at=moment_of(row.date_sent, row.date_updated),
        raw=row.dump(),
    )


# ── contacts ──────────────────────────────────────────────────────────────────────────────────────────────────────


def check_reachability(action: CheckReachability) -> Exchange[Reachability]:
    """Ask which network an address has, and whether the address book says that it opted out.

    Of an email `SMS` means only that there is no iMessage. Nobody says that a contact agrees, only that one does not.
    """
    address = action.address
    looked = yield from media.evaluate_service(address.value)
    channels = {Channel.IMESSAGE: looked.service == "iMessage"} if looked.service else {}
    if looked.service == "SMS" and address.kind is AddressKind.PHONE:
        channels[Channel.SMS] = True
    entry = (yield from _entry(address)) if address.kind is AddressKind.PHONE else None
    raw: list[JsonValue] = [looked.dump(), *([entry.dump()] if entry else [])]
    opted_out = entry.contact.opt_out if entry and entry.contact else None
    return Reachability(address=address, channels=channels, agreed=False if opted_out else None, raw=raw)


def _entry(address: Address) -> Exchange[wire.ContactAnswer | None]:
    try:
        return (yield from contacts.get(address.value))
    except NotFound:
        return None


def unsubscribe(action: Unsubscribe) -> Exchange[None]:
    """Mark a number as opted out, one that is no contact too: the vendor then sends nothing more to it."""
    if action.address.kind is not AddressKind.PHONE:
        raise Unsupported("Sendblue cannot: unsubscribe what is no phone number", features=(Feature.UNSUBSCRIBE.value,))
    yield from contacts.opt_out(action.address.value)


# ── groups ────────────────────────────────────────────────────────────────────────────────────────────────────────


def rename_group(action: RenameGroup) -> Exchange[Group]:
    """Give a group another name, or none; every member sees it."""
    answer = yield from groups.rename(_id(action.chat), action.name, from_number=action.chat.line)
    return Group(chat=action.chat.model_copy(update={"name": action.name}), raw=answer.dump())


def list_members(action: ListMembers, lines: frozenset[str]) -> Exchange[Page[Member]]:
    """List who is in a group, all at once; those known by an email only are among them."""
    answer = yield from groups.get(_id(action.chat))
    people = (answer.data.participants if answer.data else None) or []
    members = [_member(person, lines) for person in people]
    return Page([member for member in members if member], total=len(people))


def _member(person: wire.Participant, lines: frozenset[str]) -> Member | None:
    address = Address.read(person.phone or person.handle)
    if address is None:
        return None
    ours = person.type == "seat" or address.value in lines
    return Member(address=address, name=person.name, ours=ours, raw=person.dump())


def add_member(action: AddMember) -> Exchange[Group]:
    """Take someone into an iMessage group."""
    answer = yield from groups.modify(
        _id(action.chat), "add_recipient", action.address.value, from_number=action.chat.line
    )
    members = {*action.chat.addresses, action.address}
    return Group(chat=action.chat.model_copy(update={"addresses": _sorted(members)}), raw=answer.dump())


def remove_member(action: RemoveMember) -> Exchange[Group]:
    """Take someone out of an iMessage group; four have to be in it before."""
    answer = yield from groups.modify(
        _id(action.chat), "remove_recipient", action.address.value, from_number=action.chat.line
    )
    members = {*action.chat.addresses} - {action.address}
    return Group(chat=action.chat.model_copy(update={"addresses": _sorted(members)}), raw=answer.dump())


def _id(chat: Chat) -> str:
    return str(chat.group)


def _sorted(members: set[Address]) -> tuple[Address, ...]:
    return tuple(sorted(members, key=lambda member: member.text))
