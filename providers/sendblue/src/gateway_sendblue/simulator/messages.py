"""Messages that are there: look-ups and lists, reactions, typing dots, read marks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TypeAlias

from pydantic import ValidationError

from gateway.provider import Address, Channel, Reaction
from gateway.simulator import Bubble, Thread, TwinReply, TwinRequest
from gateway_sendblue.simulator.account import EMAIL, VENDOR, Account, takes_part
from gateway_sendblue.simulator.answers import Json, Refusal, body_of, cut, moment, phone_of, reply, string
from gateway_sendblue.simulator.payloads import SERVICES, answer_json, changed_at, row

__all__ = ["Messages"]

_Time: TypeAlias = Callable[[Bubble], datetime]


def _made_at(bubble: Bubble) -> datetime:
    return bubble.created_at


_TIMES: Mapping[str, _Time] = {"created_at": _made_at, "sent_at": _made_at, "updated_at": changed_at}
_ORDERS: Mapping[str, _Time] = {**_TIMES, "createdAt": _made_at, "sentAt": _made_at, "updatedAt": changed_at}
_ALMOST = timedelta(microseconds=999)
"""What is left of a millisecond after its first microsecond."""
_EXACT = ("from_number", "to_number", "sendblue_number", "group_id", "message_type", "service", "status")
_STATUSES = frozenset(
    {
        *("REGISTERED", "PENDING", "SENT", "DELIVERED", "RECEIVED"),
        *("QUEUED", "ERROR", "DECLINED", "ACCEPTED", "SUCCESS"),
    }
)
_CHOICES: Mapping[str, frozenset[str]] = {
    "is_outbound": frozenset({"true", "false"}),
    "message_type": frozenset({"message", "group", "location"}),
    "service": frozenset(SERVICES.values()),
    "status": _STATUSES,
    "order_by": frozenset(_ORDERS),
    "order_direction": frozenset({"asc", "desc"}),
}


class Messages:
    """Everything about messages but sending them."""

    def __init__(self, account: Account) -> None:
        self._account = account

    # ── looking up ────────────────────────────────────────────────────────────────────────────────────────────────

    def status(self, request: TwinRequest) -> TwinReply:
        """`GET /api/status?handle=`."""
        handle = request.query.get("handle")
        if not handle:
            raise Refusal(400, "handle is required")
        return reply(answer_json(self._find(handle), self._account))

    def one(self, request: TwinRequest) -> TwinReply:
        """`GET /api/v2/messages/{message_id}`."""
        return reply({"status": "OK", "data": self._row(self._find(request.params["handle"]))})

    def listed(self, request: TwinRequest) -> TwinReply:
        """`GET /api/v2/messages`; at most 100 requests in ten seconds."""
        self._account.count_look_up()
        for name, words in _CHOICES.items():
            if name in request.query and request.query[name] not in words:
                raise Refusal(400, f"{name} is not valid")
        number = request.query.get("number")
        fitting = [
            bubble
            for bubble in self._in_time(self._account.bubbles(number), request)
            if (number is None or _concerns(bubble, number))
            and self._account.may_use(bubble.thread.line)
            and self._fits(bubble, request)
        ]
        by = _ORDERS[request.query.get("order_by", "createdAt")]
        fitting.sort(key=by, reverse=request.query.get("order_direction", "desc") == "desc")
        found, pagination = cut(request, fitting, self._row)
        return reply({"status": "OK", "data": found, "pagination": pagination})

    def _in_time(self, bubbles: list[Bubble], request: TwinRequest) -> list[Bubble]:
        """Give those within the bounds of time, to the millisecond, which is all that the vendor keeps.

        The bounds are made to fit the times, and not the other way about: there may be many of these.
        """
        for name, time in _TIMES.items():
            least, most = moment(request, f"{name}_gte"), moment(request, f"{name}_lte")
            if least is not None:
                begin = _to_millisecond(least + _ALMOST)
                bubbles = [bubble for bubble in bubbles if time(bubble) >= begin]
            if most is not None:
                end = _to_millisecond(most) + _ALMOST
                bubbles = [bubble for bubble in bubbles if time(bubble) <= end]
        return bubbles

    def delete(self, request: TwinRequest) -> TwinReply:
        """`DELETE /api/message/{handle}`: it leaves the lists, and stays on the phone."""
        self._find(request.params["handle"]).notes["hidden"] = True
        return reply({"status": "OK", "message": "Message deleted"})

    def _find(self, handle: str) -> Bubble:
        found = self._account.find(handle)
        if found is None or found.notes.get("hidden") or not self._account.may_use(found.thread.line):
            raise Refusal(404, "There is no such message")
        return found

    def _row(self, bubble: Bubble) -> Json:
        """Show a row; the vendor's models have null where its webhooks have an empty text."""
        shown = row(bubble, self._account)
        return shown | {name: shown[name] or None for name in ("media_url", "group_id", "send_style")}

    def _fits(self, bubble: Bubble, request: TwinRequest) -> bool:
        query = request.query
        way = query.get("is_outbound") in (None, "true" if bubble.ours else "false")
        if not way or query.get("account_email") not in (None, EMAIL):
            return False
        asked = [name for name in _EXACT if name in query]
        if not asked and "number" not in query:
            return True  # a row takes its time, and there may be many
        shown = self._row(bubble)
        party = query.get("number") in (None, shown["number"], shown["sendblue_number"])
        return party and all(shown[name] == query[name] for name in asked)

    # ── reactions ─────────────────────────────────────────────────────────────────────────────────────────────────

    def react(self, request: TwinRequest) -> TwinReply:
        """`POST /api/send-reaction`: 422 for SMS, and for messages of ours."""
        body = body_of(request)
        handle, word = string(body, "message_handle", required=True), string(body, "reaction", required=True)
        self._own(string(body, "from_number", required=True))
        part = body.get("part_index")
        if part is not None and (not isinstance(part, int) or isinstance(part, bool) or part < 0):
            raise Refusal(400, "part_index must be a non-negative integer")
        bubble = self._account.world.find(VENDOR, str(handle))
        if bubble is None:
            raise Refusal(404, "There is no such message")
        removed, reaction = self._reaction(str(word))
        if bubble.channel is not Channel.IMESSAGE:
            raise Refusal(422, "Reactions are only possible to iMessage messages")
        if bubble.ours and not self._account.on("react_to_own"):
            raise Refusal(422, "Reactions to outbound messages are not possible")
        self._account.world.react(bubble, reaction, removed=removed, part=part or 0)
        return reply({"status": "OK", "message": "Reaction sent", "message_handle": handle, "reaction": word})

    def _reaction(self, word: str) -> tuple[bool, Reaction]:
        extended = self._account.on("extended_reactions")
        removed = extended and word.startswith("-")
        try:
            reaction = Reaction.parse(word[1:] if removed else word)
        except ValidationError:
            reaction = None
        if reaction is None or (reaction.emoji is not None and not extended):
            raise Refusal(400, "reaction must be love, like, dislike, laugh, emphasize or question")
        return removed, reaction

    # ── typing and reading ────────────────────────────────────────────────────────────────────────────────────────

    def typing(self, request: TwinRequest) -> TwinReply:
        """`POST /api/send-typing-indicator`: in a direct iMessage chat that there is."""
        body = body_of(request)
        state, length = string(body, "state") or "start", body.get("max_duration_ms")
        if state not in {"start", "stop"}:
            raise Refusal(400, "state must be start or stop")
        if length is not None and (not isinstance(length, int) or isinstance(length, bool) or length <= 0):
            raise Refusal(400, "max_duration_ms must be a positive integer")
        address, thread = self._chat(body)
        if self._account.on("old_firmware") and (length is not None or body.get("state") is not None):
            raise Refusal(503, "The line's firmware does not know state and max_duration_ms")
        if thread is None or not self._account.world.phone(address).imessage:
            error = "No route mapping for this conversation"
            return reply({"number": address.value, "status": "ERROR", "error_message": error})
        self._account.world.set_typing(thread, on=state == "start", seconds=length / 1000 if length else None)
        return reply({"number": address.value, "status": "SENT", "error_message": None})

    def read(self, request: TwinRequest) -> TwinReply:
        """`POST /api/mark-read`: best effort, and only where it was activated."""
        address, thread = self._chat(body_of(request))
        if not self._account.on("read_marks"):
            raise Refusal(403, "Read receipts are not activated for this account")
        if thread is not None and self._account.world.phone(address).imessage:
            self._account.world.mark_read(thread)
        return reply({"status": "OK", "message": "Mark read request sent", "number": address.value})

    def _chat(self, body: Json) -> tuple[Address, Thread | None]:
        address = phone_of(string(body, "number", required=True), "number")
        line = self._own(string(body, "from_number", required=True))
        threads = (thread for thread in self._account.with_contact(address) if thread.line == line)
        return address, next(threads, None)

    def _own(self, line: str | None) -> str:
        if line is None or line not in self._account.lines or not self._account.may_use(line):
            raise Refusal(400, "from_number is not a line of this account")
        return line


def _concerns(bubble: Bubble, number: str) -> bool:
    """Tell whether somebody about a message has this number: seen at once, where a row takes its time."""
    return number == bubble.sender or takes_part(bubble.thread, number)


def _to_millisecond(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
