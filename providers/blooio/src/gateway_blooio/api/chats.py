"""Chats: look up, mark as read, typing dots, background, contact card. A chat begins with its first message.

A `chat` is the vendor's chat id as it is (phone, email, `grp_…`, addresses with commas between); it is encoded here.
"""

from __future__ import annotations

from typing import Literal

from gateway.provider import Blob, Call, Exchange, Page, Repeat, path
from gateway_blooio import wire
from gateway_blooio.api.answers import ask, change, get, listing

__all__ = [
    "get_chat",
    "get_chat_background",
    "list_chats",
    "mark_chat_read",
    "remove_chat_background",
    "set_chat_background",
    "share_contact_card",
    "start_typing",
    "stop_typing",
]


def list_chats(
    *, limit: int = 50, offset: int = 0, q: str | None = None, sort: Literal["recent", "oldest"] = "recent"
) -> Exchange[Page[wire.ChatItem]]:
    """GET `/chats`: chats by page; `q` is looked for in phone, email and name of the contact."""
    return listing(path("/chats"), wire.ChatList, lambda page: page.chats, limit=limit, offset=offset, q=q, sort=sort)


def get_chat(chat: str) -> Exchange[wire.ChatItem]:
    """GET `/chats/{chatId}`: one chat, with the time of its first message; `NotFound` before that."""
    return get(path("/chats/{chat}", chat=chat), wire.ChatItem)


def mark_chat_read(chat: str) -> Exchange[wire.ReadAnswer]:
    """POST `/chats/{chatId}/read`: mark all messages as read, with a read receipt. Repeat SAFE: read stays read."""
    return change("POST", path("/chats/{chat}/read", chat=chat), wire.ReadAnswer)


def start_typing(chat: str) -> Exchange[wire.TypingAnswer]:
    """POST `/chats/{chatId}/typing`: show the dots; on RCS nothing is shown and the answer has a `warning`.

    Repeat SAFE: the dots are there or they are not.
    """
    return change("POST", path("/chats/{chat}/typing", chat=chat), wire.TypingAnswer)


def stop_typing(chat: str) -> Exchange[wire.TypingAnswer]:
    """DELETE `/chats/{chatId}/typing`: take the dots away. Repeat SAFE, as for showing them."""
    return change("DELETE", path("/chats/{chat}/typing", chat=chat), wire.TypingAnswer)


def get_chat_background(chat: str) -> Exchange[wire.BackgroundAnswer]:
    """GET `/chats/{chatId}/background`: whether there is a picture behind the chat, and which version of it."""
    return get(path("/chats/{chat}/background", chat=chat), wire.BackgroundAnswer)


def set_chat_background(chat: str, image: Blob) -> Exchange[wire.BackgroundAnswer]:
    """PUT `/chats/{chatId}/background`: JPEG, PNG, GIF, WebP or HEIC of at most 10 MB.

    Repeat SAFE: the same picture again is the same picture.
    """
    where = path("/chats/{chat}/background", chat=chat)
    return ask(Call("PUT", where, files={"background": image}, repeat=Repeat.SAFE), wire.BackgroundAnswer)


def remove_chat_background(chat: str) -> Exchange[wire.BackgroundAnswer]:
    """DELETE `/chats/{chatId}/background`. Repeat SAFE: what is gone stays gone."""
    return change("DELETE", path("/chats/{chat}/background", chat=chat), wire.BackgroundAnswer)


def share_contact_card(chat: str) -> Exchange[wire.CardStaged]:
    """POST `/chats/{chatId}/contact-card`: our Name & Photo goes with the next message of ours in this chat.

    Dedicated Commercial and Enterprise plans only; `Refused` (403) otherwise. Repeat SAFE: it is staged once.
    """
    return change("POST", path("/chats/{chat}/contact-card", chat=chat), wire.CardStaged)
