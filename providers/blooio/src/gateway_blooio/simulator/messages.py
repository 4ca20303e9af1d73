"""Chats and their messages: lists, look-ups, reactions, typing, read, the contact card, cancelling."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import ValidationError

from gateway.provider import Address, Channel, DeliveryState, Reaction, Tapback
from gateway.simulator import Bubble, TwinReply, TwinRequest
from gateway_blooio.simulator.account import Account
from gateway_blooio.simulator.answers import Json, Refusal, body_of, milliseconds, page, reply, whole_number
from gateway_blooio.simulator.payloads import message_json, reaction_webhook, status_json, text_of
from gateway_blooio.simulator.places import Known, chat_id_of, known_place, opened_thread
from gateway_blooio.simulator.webhooks import Webhooks

__all__ = ["Messages", "note_reaction"]

_RELATIVE = re.compile(r"-[1-9][0-9]*")


class Messages:
    """Everything about messages that were already sent or received."""

    def __init__(self, account: Account, webhooks: Webhooks) -> None:
        self._account = account
        self._webhooks = webhooks

    # ── looking up ────────────────────────────────────────────────────────────────────────────────────────────────

    def listed(self, request: TwinRequest) -> TwinReply:
        """`GET /chats/{chatId}/messages`."""
        chat = known_place(request, self._account)
        found = _directed(chat.bubbles, request.query.get("direction"))
        since, until = whole_number(request, "since", -1), whole_number(request, "until", 1 << 62)
        found = [bubble for bubble in found if since < milliseconds(bubble.created_at) < until]
        if _sort(request, ("asc", "desc"), "desc") == "desc":
            found.reverse()
        messages, pagination = page(request, found, _listed_message)
        return reply({"chat_id": chat.id, "messages": messages, "pagination": pagination})

    def one(self, request: TwinRequest) -> TwinReply:
        """`GET /chats/{chatId}/messages/{messageId}`."""
        bubble = self._message(request)
        contact = None if bubble.thread.group else contact_json(bubble.thread.members[0], self._account)
        return reply({**message_json(bubble), "contact": contact})

    def status(self, request: TwinRequest) -> TwinReply:
        """`GET /chats/{chatId}/messages/{messageId}/status`."""
        return reply(status_json(self._message(request)))

    def cancel(self, request: TwinRequest) -> TwinReply:
        """`DELETE /chats/{chatId}/messages/{messageId}`: one source names it, so it is behind a switch."""
        if not self._account.on("cancel"):
            raise Refusal(404, "Not found")
        bubble = self._message(request)
        if bubble.state is not DeliveryState.QUEUED:
            raise Refusal(409, "The message can no longer be cancelled.")
        bubble.reach(DeliveryState.CANCELLED, self._account.now())
        return reply({"message_id": bubble.vendor_id, "cancelled": True, "status": "cancelled"})

    def _message(self, request: TwinRequest) -> Bubble:
        found = known_place(request, self._account).find(request.params["message"])
        if found is None:
            raise Refusal(404, "Message not found")
        return found

    # ── reactions ─────────────────────────────────────────────────────────────────────────────────────────────────

    def react(self, request: TwinRequest) -> TwinReply:
        """`POST /chats/{chatId}/messages/{messageId}/reactions`."""
        chat = known_place(request, self._account)
        body = body_of(request)
        removed, reaction = _read_reaction(body.get("reaction"))
        bubble = _named_message(chat, request.params["message"], body.get("direction"))
        self._account.need_number()
        if bubble.channel is Channel.SMS or self._account.on("twilio"):
            raise Refusal(400, "Reactions need iMessage.")
        self._account.world.react(bubble, reaction, removed=removed)
        note_reaction(bubble, None, reaction, self._account, removed=removed)
        line = bubble.thread.line
        echo = reaction_webhook(bubble, line, reaction, self._account, removed=removed, ours=True)
        for hook in self._webhooks.addressed(echo):
            self._account.context.emit(hook)
        action = "remove" if removed else "add"
        return reply({"success": True, "message_id": bubble.vendor_id, "reaction": reaction.text, "action": action})

    # ── typing, read, card ────────────────────────────────────────────────────────────────────────────────────────

    def start_typing(self, request: TwinRequest) -> TwinReply:
        """`POST /chats/{chatId}/typing`."""
        return self._type(request, on=True)

    def stop_typing(self, request: TwinRequest) -> TwinReply:
        """`DELETE /chats/{chatId}/typing`."""
        return self._type(request, on=False)

    def _type(self, request: TwinRequest, *, on: bool) -> TwinReply:
        """Show or hide the dots; where they cannot be shown the answer is 200 all the same, with a warning."""
        thread = opened_thread(request, self._account)
        self._account.need_number()
        answer: Json = {"chat_id": chat_id_of(thread), "typing": on}
        answer["started_at" if on else "stopped_at"] = milliseconds(self._account.now())
        if self._account.imessage(thread):
            self._account.world.set_typing(thread, on=on)
        else:
            kind = "RCS" if thread.members and self._account.world.recipient(thread).rcs else "SMS"
            answer["warning"] = f"{kind} chats do not support composing indicators"
        return reply(answer)

    def read(self, request: TwinRequest) -> TwinReply:
        """`POST /chats/{chatId}/read`."""
        chat = known_place(request, self._account)
        for thread in chat.threads:
            self._account.world.mark_read(thread)
        return reply({"chat_id": chat.id, "status": "read", "marked_at": milliseconds(self._account.now())})

    def stage_card(self, request: TwinRequest) -> TwinReply:
        """`POST /chats/{chatId}/contact-card`: staged once, goes with the next message, be it the first one."""
        thread = opened_thread(request, self._account)
        if not self._account.on("contact_card"):
            raise Refusal(403, "Contact card sharing requires a Dedicated Commercial or Dedicated Enterprise plan.")
        self._account.need_number()
        thread.notes["contact_card"] = True
        message = "Contact card staged. It will be sent with the next outgoing message in this chat."
        return reply({"success": True, "chat_id": chat_id_of(thread), "message": message})

    # ── chats ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def chats(self, request: TwinRequest) -> TwinReply:
        """`GET /chats`."""
        sought = request.query.get("q", "").lower()
        found = [chat for chat in self._every_chat() if sought in self._searched(chat)]
        found.sort(key=lambda chat: chat.bubbles[-1].created_at, reverse=_sort(request, _BY_AGE, "recent") == "recent")
        chats, pagination = page(request, found, self._shown)
        return reply({"chats": chats, "pagination": pagination})

    def chat(self, request: TwinRequest) -> TwinReply:
        """`GET /chats/{chatId}`."""
        chat = known_place(request, self._account)
        first = milliseconds(chat.bubbles[0].created_at) if chat.bubbles else None
        return reply({**self._shown(chat), "first_message_time": first})

    def _every_chat(self) -> list[Known]:
        """Give the chats in which something was written."""
        by_id: dict[str, list[str]] = {}
        gone = self._account.deleted_groups
        threads = {
            thread.id: thread for thread in self._account.threads() if thread.bubbles and thread.group not in gone
        }
        for thread in threads.values():
            by_id.setdefault(chat_id_of(thread), []).append(thread.id)
        return [Known(name, tuple(threads[id_] for id_ in ids)) for name, ids in by_id.items()]

    def _searched(self, chat: Known) -> str:
        names = (self._account.names.get(member, "") for member in chat.thread.members)
        return " ".join((chat.id, chat.thread.name or "", *names)).lower()

    def _shown(self, chat: Known) -> Json:
        bubbles, thread = chat.bubbles, chat.thread
        inbound, outbound = _directed(bubbles, "inbound"), _directed(bubbles, "outbound")
        alone = None if thread.group else thread.members[0]
        return {
            "id": chat.id,
            "type": "group" if alone is None else alone.kind.value,
            "is_group": alone is None,
            "group_id": thread.group,
            "group_name": thread.name if thread.group else None,
            "member_count": len(thread.members),
            "contact": contact_json(alone, self._account) if alone else None,
            "message_count": len(bubbles),
            "inbound_count": len(inbound),
            "outbound_count": len(outbound),
            "last_message_time": _time(bubbles),
            "last_inbound_time": _time(inbound),
            "last_outbound_time": _time(outbound),
            "last_message": _last_json(bubbles[-1]) if bubbles else None,
        }


_BY_AGE = ("recent", "oldest")


def _sort(request: TwinRequest, words: Sequence[str], default: str) -> str:
    word = request.query.get("sort", default)
    if word not in words:
        raise Refusal(400, "'sort' is invalid.")
    return word


def _listed_message(bubble: Bubble) -> Json:
    """Show a message as lists do: they name the other party, where the look-up of one names the chat."""
    shown = message_json(bubble)
    return {**{name: value for name, value in shown.items() if name != "chat_id"}, "external_id": shown["chat_id"]}


def _directed(bubbles: Sequence[Bubble], direction: object) -> list[Bubble]:
    if direction not in (None, "inbound", "outbound"):
        raise Refusal(400, "'direction' is invalid.")
    return [bubble for bubble in bubbles if direction is None or bubble.ours is (direction == "outbound")]


def _named_message(chat: Known, name: str, direction: object) -> Bubble:
    """Find a message by id, or by its place from the end; an id is tried first, for some begin with a minus."""
    found = chat.find(name)
    if found is None and _RELATIVE.fullmatch(name):
        counted = _directed(chat.bubbles, direction)
        found = counted[int(name)] if int(name) >= -len(counted) else None
    if found is None:
        raise Refusal(404, "Message not found")
    return found


def _read_reaction(text: object) -> tuple[bool, Reaction]:
    """Read `+love`, `-🔥`: a sign, then one of six words or an emoji."""
    if not isinstance(text, str) or text[:1] not in {"+", "-"}:
        raise Refusal(400, "'reaction' must start with + or -.")
    word = text[1:]
    if not word.isascii() or word in set(Tapback):
        try:
            return text[0] == "-", Reaction.parse(word)
        except ValidationError:
            pass
    raise Refusal(400, "'reaction' must be love, like, dislike, laugh, emphasize, question or an emoji.")


def note_reaction(bubble: Bubble, sender: str | None, reaction: Reaction, account: Account, *, removed: bool) -> None:
    """Keep a reaction for the history: it stays listed once it was taken back, as such; no sender is us."""
    noted = bubble.notes.setdefault("reactions", [])
    if isinstance(noted, list):
        same: Json = {"reaction": reaction.text, "sender": sender}
        noted[:] = [each for each in noted if not (isinstance(each, dict) and same.items() <= each.items())]
        moment = milliseconds(account.now())
        entry: Json = {"reaction": reaction.text, "is_added": not removed, "time_sent": moment, "sender": sender}
        noted.append(entry)


def _time(bubbles: Sequence[Bubble]) -> int | None:
    return milliseconds(bubbles[-1].created_at) if bubbles else None


def _last_json(bubble: Bubble) -> Json:
    return {
        "message_id": bubble.vendor_id,
        "text": text_of(bubble),
        "direction": "outbound" if bubble.ours else "inbound",
        "time_sent": milliseconds(bubble.created_at),
    }


def contact_json(address: Address, account: Account) -> Json:
    """Show the other party of a direct chat."""
    return {
        "contact_id": f"ct_{address.value}",
        "identifier": address.value,
        "name": account.names.get(address),
    }
