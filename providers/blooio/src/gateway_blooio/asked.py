"""What is asked directly, and what the vendor says, in our words: chats, history, reachability, groups, members."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from math import ceil, floor
from typing import TypeVar

from pydantic import JsonValue, ValidationError

from gateway.provider import (
    Address,
    Channel,
    Chat,
    ChatSummary,
    CheckReachability,
    CreateGroup,
    DeliveryState,
    Exchange,
    Feature,
    GetHistory,
    Group,
    HistoryItem,
    HistoryReaction,
    ListChats,
    ListMembers,
    Member,
    Page,
    Reachability,
    Reaction,
    RenameGroup,
    Unsupported,
    VendorFault,
    redact,
)
from gateway_blooio import api, wire
from gateway_blooio.content import kept_message
from gateway_blooio.inbound import STATES, channel_of, moment_of
from gateway_blooio.outbound import chat_id, party

__all__ = ["check_reachability", "create_group", "get_history", "list_chats", "list_members", "rename_group"]

ItemT = TypeVar("ItemT", bound=wire.Wire)
OurT = TypeVar("OurT")


def list_chats(action: ListChats) -> Exchange[Page[ChatSummary]]:
    """List chats, those with news first."""
    listed = api.list_chats(limit=min(action.limit, api.PAGE), q=action.search)
    return _pages(listed, _summary)


def get_history(action: GetHistory, chat: str) -> Exchange[Page[HistoryItem]]:
    """List the messages of a chat, newest first. The vendor's times leave out both ends, ours only the later one."""
    listed = api.list_chat_messages(
        chat,
        limit=min(action.limit, api.PAGE),
        since=None if action.since is None else floor(action.since.timestamp() * 1000) - 1,
        until=None if action.until is None else ceil(action.until.timestamp() * 1000),
    )
    return _pages(listed, lambda item: _history_item(item, action.chat))


def list_members(action: ListMembers) -> Exchange[Page[Member]]:
    """List who is in a group; our own number is not among them."""
    listed = api.list_group_members(chat_id(action.chat), limit=min(action.limit, api.PAGE))
    return _pages(listed, _member)


def check_reachability(action: CheckReachability) -> Exchange[Reachability]:
    """Look up the networks of an address; RCS is not told, and the vendor's cache may be old."""
    answer = yield from api.get_contact_capabilities(party(action.address))
    able = answer.capabilities or wire.Able()
    told = {Channel.IMESSAGE: able.imessage, Channel.SMS: able.sms}
    return Reachability(
        address=action.address,
        channels={channel: known for channel, known in told.items() if known is not None},
        checked_at=moment_of(answer.last_checked),
        raw=answer.dump(),
    )


def create_group(action: CreateGroup) -> Exchange[Group]:
    """Make a group; its iMessage chat begins with the first message, by the line that was asked for."""
    if action.name is None:
        raise Unsupported(
            "Blooio cannot: a group without a name, made by itself",
            features=(Feature.CREATE_GROUP.value,),
            alternatives=("a name, or a message to several addresses, which makes a group without one",),
        )
    members = [party(member) for member in action.members]
    answer = yield from api.create_group(action.name, members=members)
    if not answer.group_id:
        raise VendorFault("the answer names no group", hint="look for it among the groups before making it again")
    chat = Chat.of_group(answer.group_id, members=action.members, name=answer.name or action.name, line=action.line)
    return Group(chat=chat, raw=answer.dump())


def rename_group(action: RenameGroup) -> Exchange[Group]:
    """Give a group another name; it has to have one."""
    if action.name is None:
        raise Unsupported(
            "Blooio cannot: take a group's name away", features=(Feature.RENAME_GROUP.value,), alternatives=("a name",)
        )
    answer = yield from api.update_group(chat_id(action.chat), name=action.name)
    return Group(chat=action.chat.model_copy(update={"name": answer.name or action.name}), raw=answer.dump())


# ── from the vendor's items to ours ───────────────────────────────────────────────────────────────────────────────


def _pages(exchange: Exchange[Page[ItemT]], made: Callable[[ItemT], OurT | None]) -> Exchange[Page[OurT]]:
    """Turn a page, and all that follow it; an item that names nothing we know is left out."""
    page = yield from exchange
    items = [ours for item in page.items if (ours := _made(made, item)) is not None]
    more = page.more
    return Page(items, (lambda: _pages(more(), made)) if more else None, page.total)


def _made(made: Callable[[ItemT], OurT | None], item: ItemT) -> OurT | None:
    try:
        return made(item)
    except ValidationError:
        return None


def _summary(item: wire.ChatItem) -> ChatSummary | None:
    chat = _chat_of(item)
    if chat is None:
        return None
    last = item.last_message
    return ChatSummary(
        chat=chat,
        name=item.contact.name if item.contact else item.group_name,
        messages=item.message_count,
        last_at=moment_of(item.last_message_time),
        last_inbound_at=moment_of(item.last_inbound_time),
        last_outbound_at=moment_of(item.last_outbound_time),
        last_text=last.text if last else None,
        raw=item.dump(),
    )


def _chat_of(item: wire.ChatItem) -> Chat | None:
    group = item.group_id or (item.id if item.is_group or item.type == "group" else None)
    if group:
        return Chat.of_group(group, name=item.group_name)
    address = Address.read(item.id)
    return Chat.direct(address) if address else None


def _history_item(item: wire.MessageItem, chat: Chat) -> HistoryItem | None:
    if not item.message_id:
        return None
    ours = item.direction == "outbound"
    return HistoryItem(
        vendor_id=item.message_id,
        chat=chat.model_copy(update={"line": item.internal_id or chat.line}),
        ours=ours,
        message=kept_message(item),
        sender=None if ours else _sender(item, chat),
        state=STATES.get(item.status or "", DeliveryState.UNKNOWN) if ours else None,
        channel=channel_of(item.protocol),
        reason=redact(item.error) if item.error else None,
        reactions=tuple(_reactions(item.reactions or ())),
        occurred_at=moment_of(item.time_sent),
        raw=item.dump(),
    )


def _sender(item: wire.MessageItem, chat: Chat) -> Address | None:
    """Name who wrote: the vendor does it in groups only, and in a direct chat there is one who can have."""
    return Address.read(item.sender) or (chat.addresses[0] if len(chat.addresses) == 1 and not chat.group else None)


def _reactions(items: Sequence[wire.ReactionItem]) -> list[HistoryReaction]:
    """Give the reactions that stand; one that was taken back stays listed at the vendor."""
    made = []
    for item in items:
        word = _reaction(item.reaction)
        if word is not None and item.is_added is not False:
            at: datetime | None = moment_of(item.time_sent)
            made.append(
                HistoryReaction(
                    reaction=word, ours=item.sender is None, sender=Address.read(item.sender), occurred_at=at
                )
            )
    return made


def _reaction(word: str | None) -> Reaction | None:
    try:
        return Reaction.parse(word) if word else None
    except ValidationError:
        return None


def _member(item: wire.MemberItem) -> Member | None:
    address = Address.read(item.identifier or item.id)
    if address is None:
        return None
    raw: JsonValue = item.dump()
    return Member(address=address, name=item.name, added_at=moment_of(item.added_at), raw=raw)
