"""Sending: which thread and line carry a message, and the rules of plan, consent and caps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gateway.provider import Address, Attachment, Channel, DeliveryState, Opaque, Part, Text
from gateway.simulator import Bubble, Thread, TwinReply, TwinRequest
from gateway_sendblue.content import effect_of
from gateway_sendblue.simulator.account import EMAIL, VENDOR, Account
from gateway_sendblue.simulator.answers import (
    Json,
    Refusal,
    address_of,
    body_of,
    is_url,
    phone_of,
    reply,
    string,
    strings,
)
from gateway_sendblue.simulator.payloads import answer_json
from gateway_sendblue.simulator.seats import Seats

__all__ = ["Sending"]

_LONGEST = 18_996
_MOST_MEMBERS = 25
_CAROUSEL = (
    *("from_number", "is_outbound", "media_url", "message_handle", "message_type"),
    *("number", "reply_to", "status", "thread_originator"),
)
"""What the answer to a carousel has; of files only the first."""
_CARD_NEEDS = ("appName", "extensionBundleId", "teamId", "url", "layout")


@dataclass(slots=True)
class _Draft:
    """A checked request, before the rules."""

    thread: Thread
    """The thread that there is, or one that is made only once all rules are kept."""
    new: bool
    parts: tuple[Part, ...]
    chosen: bool = False
    """The vendor chose the line."""
    notes: dict[str, Any] = field(default_factory=dict)
    reply_to: str | None = None
    reply_part: int = 0
    style: str | None = None
    override: bool = False


class Sending:
    """`/api/send-message`, `/api/send-group-message`, `/api/send-carousel`, `…/update-app-card`."""

    def __init__(self, account: Account, seats: Seats) -> None:
        self._account = account
        self._seats = seats
        self._updates: dict[tuple[str, str], tuple[Json, Json]] = {}

    def send(self, request: TwinRequest) -> TwinReply:
        """`POST /api/send-message`."""
        body = body_of(request)
        address = phone_of(string(body, "number", required=True), "number")
        if body.get("pre_reply_override") not in (None, True):
            raise Refusal(400, "pre_reply_override must be true")
        needs_line = body.get("app_card") is not None or body.get("reply_to") is not None
        line, chosen = self._line(body, address, needs_line=needs_line)
        thread, new = self._direct(line, address)
        draft = self._draft(body, thread, self._content(body, thread))
        draft.new, draft.chosen, draft.override = new, chosen, body.get("pre_reply_override") is True
        return self._carried(draft)

    def send_group(self, request: TwinRequest) -> TwinReply:
        """`POST /api/send-group-message`: to a group that there is, or to a set of numbers, which becomes one."""
        body = body_of(request)
        string(body, "content", required=True)
        line = self._own(string(body, "from_number", required=True))
        group, numbers = string(body, "group_id"), strings(body, "numbers")
        if (group is None) == (not numbers):
            raise Refusal(400, "Either group_id or numbers is required")
        thread, new = self._group(group, line) if group else self._several(numbers, line)
        draft = self._draft(body, thread, self._content(body, thread))
        draft.new = new
        return self._carried(draft)

    def send_carousel(self, request: TwinRequest) -> TwinReply:
        """`POST /api/send-carousel`: 2 to 20 pictures by https URL."""
        body = body_of(request)
        address = phone_of(string(body, "number", required=True), "number")
        line = self._own(string(body, "from_number", required=True))
        urls = strings(body, "media_urls")
        if not 2 <= len(urls) <= 20 or not all(is_url(url, "https") for url in urls):
            raise Refusal(400, "media_urls must hold 2 to 20 https URLs")
        thread, new = self._direct(line, address)
        draft = self._draft(body, thread, tuple(Attachment(url=url) for url in urls))
        draft.new = new
        answer = self._carried(draft)
        whole = answer.json if isinstance(answer.json, dict) else {}
        shown = {name: whole.get(name) for name in _CAROUSEL} | {"accountEmail": EMAIL}
        reasons = {name: whole[name] for name in ("error_key", "error_code", "error_message") if whole.get(name)}
        return reply({**shown, **reasons})

    def update_app_card(self, request: TwinRequest) -> TwinReply:
        """`POST /api/messages/{handle}/update-app-card`: a new message in the session of the first one."""
        body = body_of(request)
        first = self._account.world.find(VENDOR, request.params["handle"])
        card = next((part for part in first.parts if isinstance(part, Opaque)), None) if first else None
        if first is None or card is None:
            raise Refusal(404, "There is no App Card with this message handle")
        key = string(body, "idempotency_key")
        content = {name: value for name, value in body.items() if name != "idempotency_key"}
        if key is not None and (known := self._updates.get((first.vendor_id, key))) is not None:
            if known[0] != content:
                raise Refusal(409, "idempotency_key was used with another card")
            return reply(known[1])
        changed = {name: body[name] for name in ("layout", "url", "interactive") if body.get(name) is not None}
        if body.get("fallback_text") is not None:
            changed["fallbackText"] = body["fallback_text"]
        whole = {**card.data, **changed, "updateMessageHandle": first.vendor_id}
        draft = self._draft({}, first.thread, (Opaque(kind="app card", data=whole),))
        answer = self._carried(draft)
        if key is not None and isinstance(answer.json, dict):
            self._updates[first.vendor_id, key] = content, answer.json
        return answer

    # ── what it holds ─────────────────────────────────────────────────────────────────────────────────────────────

    def _content(self, body: Json, thread: Thread) -> tuple[Part, ...]:
        content, media = string(body, "content"), string(body, "media_url")
        if content is not None and len(content) >= _LONGEST:
            raise Refusal(400, f"content must have fewer than {_LONGEST} characters")
        parts: list[Part] = [Text(text=content)] if content else []
        if media is not None:
            if not is_url(media):
                raise Refusal(400, "media_url must be a URL")
            parts.append(Attachment(url=media))
        if body.get("app_card") is not None:
            parts.append(self._card(body["app_card"], thread))
        if not parts:
            raise Refusal(400, "One of content, media_url and app_card is required")
        return tuple(parts)

    def _card(self, card: object, thread: Thread) -> Opaque:
        if not isinstance(card, dict) or not all(card.get(name) for name in _CARD_NEEDS):
            raise Refusal(400, f"app_card needs {', '.join(_CARD_NEEDS)}")
        if self._account.word("plan") == "free":
            raise Refusal(403, "App Cards are not available on the free plan")
        if not self._account.world.recipient(thread).imessage:
            raise Refusal(422, "App Cards need a recipient with iMessage")
        session = card.get("sessionIdentifier") or self._account.uuid()
        return Opaque(kind="app card", data={**card, "sessionIdentifier": session})

    def _draft(self, body: Json, thread: Thread, parts: tuple[Part, ...]) -> _Draft:
        callback = string(body, "status_callback")
        if callback is not None and not is_url(callback):
            raise Refusal(400, "status_callback must be a URL")
        notes: dict[str, Any] = {"status_callback": callback} if callback else {}
        if seat := string(body, "seat_id"):
            notes |= {"seat_id": seat, "sender_email": self._seats.email_of(seat)}
        draft = _Draft(thread, new=False, parts=parts, notes=notes, style=string(body, "send_style"))
        target = body.get("reply_to")
        if target is not None:
            draft.reply_to, draft.reply_part = self._target(target, thread)
        return draft

    def _target(self, target: object, thread: Thread) -> tuple[str, int]:
        """Read the message that is answered; one that cannot be is refused, and not sent as an ordinary message."""
        handle = target.get("message_handle") if isinstance(target, dict) else None
        part = target.get("part_index") if isinstance(target, dict) else None
        if not isinstance(handle, str) or not handle:
            raise Refusal(400, "reply_to.message_handle is required")
        if part is not None and (not isinstance(part, int) or isinstance(part, bool) or part < 0):
            raise Refusal(400, "reply_to.part_index must be a non-negative integer")
        parent = self._account.world.find(VENDOR, handle)
        if parent is None or parent.thread is not thread:
            raise Refusal(400, "reply_to names no message of this conversation and line")
        return handle, part or 0

    # ── where it goes ─────────────────────────────────────────────────────────────────────────────────────────────

    def _own(self, line: str | None) -> str:
        if line is None or line not in self._account.lines or not self._account.may_use(line):
            raise Refusal(400, "This phone number is not defined")
        return line

    def _line(self, body: Json, address: Address, *, needs_line: bool) -> tuple[str, bool]:
        """Choose the line; tells whether the vendor chose it by its capacity."""
        named = string(body, "from_number")
        if named is not None:
            return self._own(named), False
        if needs_line or self._account.word("plan") == "free":
            raise Refusal(400, "from_number is required")
        if not self._account.on("auto_line_selection"):
            return self._account.lines[0], False
        caps = {line: self._account.full(line) for line in self._account.lines}
        known = [line for line in caps if self._account.knows(line, address)]
        free = known or [line for line, full in caps.items() if full is None]
        if not free:
            key = next(full for full in caps.values() if full)
            raise Refusal(400, "Every eligible line has reached its limit", error_code=429, error_key=key)
        return free[0], True

    def _direct(self, line: str, address: Address) -> tuple[Thread, bool]:
        known = next((thread for thread in self._account.with_contact(address) if thread.line == line), None)
        return (known, False) if known else (Thread("draft", VENDOR, line, (address,)), True)

    def _group(self, group: str, line: str) -> tuple[Thread, bool]:
        thread = self._account.world.group(VENDOR, group)
        if thread is None:
            raise Refusal(404, "There is no such group")
        if thread.line != line:
            raise Refusal(400, "This line is not in the group", error="line_not_registered")
        return thread, False

    def _several(self, numbers: list[str], line: str) -> tuple[Thread, bool]:
        members = tuple({address_of(number, "numbers") for number in numbers})
        if not 2 <= len(members) <= _MOST_MEMBERS:
            raise Refusal(400, f"A group has 2 to {_MOST_MEMBERS} members")
        known = self._account.world.find_group(VENDOR, line, members)
        ordered = tuple(sorted(members, key=lambda member: member.text))
        return (known, False) if known else (Thread("draft", VENDOR, line, ordered), True)

    def _made(self, draft: _Draft) -> Thread:
        thread, world = draft.thread, self._account.world
        if not draft.new:
            return thread
        if len(thread.members) == 1:
            return world.direct(VENDOR, thread.line, thread.members[0])
        return world.make_group(VENDOR, thread.line, thread.members, self._account.uuid())

    # ── rules, and what comes of it ───────────────────────────────────────────────────────────────────────────────

    def _carried(self, draft: _Draft) -> TwinReply:
        """Accept (200 `QUEUED`), decline or fail (200 too), or refuse."""
        account, line = self._account, draft.thread.line
        account.count_send(line)
        key, code = self._objection(draft), None
        if key is None and account.word("answer") == "declined":
            key = account.word("failure_key")
        if key is None and account.word("answer") == "error":
            code = str(account.switch("failure_code"))
        if key or code:
            return self._not_carried(draft, key, code)
        if len(draft.thread.members) == 1 and not account.knows(line, draft.thread.members[0]):
            account.begun.append((account.now(), line, draft.thread.members[0]))
        bubble = self._bubble(draft, self._made(draft))
        account.world.submit(bubble)
        if account.on("accept_then_503"):
            raise Refusal(503, "Service unavailable")
        shown = answer_json(bubble, account)
        return reply({**shown, "sendblue_number": line} if draft.chosen else shown)

    def _objection(self, draft: _Draft) -> str | None:
        """Name the rule that declines the message, by `error_key`."""
        thread, account = draft.thread, self._account
        if len(thread.members) > 1:
            return None
        address = thread.members[0]
        if account.word("plan") == "free" and account.verified.get(address) is None:
            raise Refusal(403, "This contact has to be verified first")
        if address in account.opted_out:
            return "OPTED_OUT"
        limit = account.number("pre_reply_limit")
        unanswered = sum(bubble.ours for bubble in thread.bubbles) if thread.last(ours=False) is None else 0
        if limit is not None and unanswered >= limit and not self._let_through(draft, address):
            return "PRE_REPLY_LIMIT_REACHED"
        return None if account.knows(thread.line, address) else account.full(thread.line)

    def _let_through(self, draft: _Draft, address: Address) -> bool:
        """Use the override: once per contact, line and day."""
        used = (draft.thread.line, address, self._account.now().date().isoformat())
        if not draft.override or used in self._account.overrides:
            return False
        self._account.overrides.add(used)
        return True

    def _not_carried(self, draft: _Draft, key: str | None, code: str | None) -> TwinReply:
        bubble = self._bubble(draft, draft.thread)
        bubble.state, bubble.code = DeliveryState.FAILED, code
        bubble.reason = "The message was declined" if key else "The message failed to send"
        bubble.notes |= {"status": "DECLINED" if key else "ERROR", "error_key": key}
        self._account.declined.append(bubble)
        return reply(answer_json(bubble, self._account))

    def _bubble(self, draft: _Draft, thread: Thread) -> Bubble:
        return Bubble(
            vendor_id=self._account.handle(),
            thread=thread,
            ours=True,
            sender=thread.line,
            parts=draft.parts,
            created_at=self._account.now(),
            channel=Channel.IMESSAGE,
            state=DeliveryState.QUEUED,
            effect=effect_of(draft.style),
            reply_to=draft.reply_to,
            reply_part=draft.reply_part,
            notes=dict(draft.notes),
        )
