"""Messages that are there: look-ups and lists, reactions, typing dots, read marks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pydantic import ValidationError

from gateway.provider import Address, Channel, Reaction
from gateway.simulator import Bubble, Thread, TwinReply, TwinRequest
from gateway_sendblue.simulator.account import EMAIL, VENDOR, Account
from gateway_sendblue.simulator.answers import Json, Refusal, body_of, cut, moment, phone_of, reply, string
from gateway_sendblue.simulator.payloads import SERVICES, answer_json, row, updated_at

__all__ = ["Messages"]

_ORDERS = {
    "createdAt": "date_sent",
    "created_at": "date_sent",
    "sentAt": "date_sent",
    "sent_at": "date_sent",
    "updatedAt": "date_updated",
    "updated_at": "date_updated",
}
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
        for name in ("created_at", "sent_at", "updated_at"):
            _ = moment(request, f"{name}_gte"), moment(request, f"{name}_lte")
        rows = [self._row(bubble) for bubble in self._account.bubbles() if self._fits(bubble, request)]
        by = _ORDERS[request.query.get("order_by", "createdAt")]
        rows.sort(key=lambda each: str(each[by]), reverse=request.query.get("order_direction", "desc") == "desc")
        found, pagination = cut(request, rows, lambda each: each)
        return reply({"status": "OK", "data": found, "pagination": pagination})

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
        query, shown = request.query, self._row(bubble)
        if not self._account.may_use(bubble.thread.line):
            return False
        exact = all(shown[name] == query[name] for name in _EXACT if name in query)
        account = query.get("account_email") in (None, EMAIL)
        party = query.get("number") in (None, shown["number"], shown["sendblue_number"])
        way = query.get("is_outbound") in (None, "true" if bubble.ours else "false")
        changed = datetime.fromisoformat(updated_at(bubble))
        # the vendor keeps milliseconds
        made = datetime.fromisoformat(shown["date_sent"])
        times = (("created_at", made), ("sent_at", made), ("updated_at", changed))
        return exact and account and party and way and all(_within(request, name, at) for name, at in times)

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


def _within(request: TwinRequest, name: str, at: datetime) -> bool:
    least, most = moment(request, f"{name}_gte"), moment(request, f"{name}_lte")
    return (least is None or at >= least) and (most is None or at <= most)
