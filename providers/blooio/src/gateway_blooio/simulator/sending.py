"""Sending: which thread and line carry a message, the rules of plan and reply, and idempotency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from gateway.provider import Address, Channel, DeliveryState, Opaque, Part
from gateway.simulator import Bubble, Thread, TwinReply, TwinRequest
from gateway_blooio.simulator.account import LINES, VENDOR, Account, Answered, allocation_of
from gateway_blooio.simulator.answers import Json, Refusal, body_of, reply
from gateway_blooio.simulator.content import Content, ReplyTarget, read_content
from gateway_blooio.simulator.fates import failure_of
from gateway_blooio.simulator.payloads import guid_of
from gateway_blooio.simulator.places import Place, chat_id_of, parse_place

__all__ = ["Sending"]

_RETENTION = timedelta(days=30)
"""How long a phone is sure to keep a message that can be answered."""


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a send goes: a thread that there is, or the draft of one, which is made only once all rules are kept."""

    thread: Thread
    draft: bool = False


class Sending:
    """`POST /chats/{chatId}/messages`."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def send(self, request: TwinRequest) -> TwinReply:
        """Accept a message (202), repeat the answer to a known key (200), or refuse."""
        place = parse_place(request, self._account)
        body = body_of(request)
        key = request.headers.get("idempotency-key") or None
        if key is not None and self._account.word("idempotency_scope") == "chat":
            key = f"{place.id} {key}"
        if key is not None and (known := self._known(key)) is not None:
            if self._account.on("idempotency_body_check") and known.body != request.body:
                raise Refusal(409, "Idempotency key was used with a different request body.")
            return reply(known.answer, 200)
        content = read_content(body)
        self._may_send(content)
        target = self._target(place, content)
        unresolved = self._may_go(target.thread, content)
        thread = self._made(target)
        answer = self._answer(content, self._submit(thread, content))
        if place.several:
            answer |= _group_fields(thread, created=target.draft)
        if unresolved:
            answer["parent_unresolved"] = True
        if key is not None:
            self._account.answered[key] = Answered(self._account.now(), request.body, answer)
        return reply(answer, 202)

    def _known(self, key: str) -> Answered | None:
        known = self._account.answered.get(key)
        hours = self._account.number("idempotency_hours") or 0
        if known is not None and self._account.now() - known.at >= timedelta(hours=hours):
            del self._account.answered[key]
            return None
        return known

    # ── rules ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _may_send(self, content: Content) -> None:
        """Check the plan and the pool."""
        if content.from_number is not None and content.from_number not in LINES:
            raise Refusal(403, "from_number is not assigned to this API key.")
        if content.share_contact and not self._account.on("contact_card"):
            raise Refusal(403, "share_contact requires a Dedicated Commercial or Dedicated Enterprise plan.")
        self._account.need_number()
        self._account.spend_trial()

    def _may_go(self, thread: Thread, content: Content) -> bool:
        """Check reply, plan and caps against the thread; tells whether the parent of a reply is unresolved."""
        if thread.line == self._account.word("integration_line"):
            raise Refusal(403, "This number is assigned to an integration and cannot be sent from manually.")
        unresolved = content.reply_to is not None and not self._has_parent(content.reply_to, thread)
        if self._account.word("plan") == "inbound" and thread.last(ours=False) is None:
            raise Refusal(
                403,
                "Inbound-only plan: outbound is restricted to contacts who messaged this number first.",
                "inbound_only_no_prior_inbound",
                allocation_id=allocation_of(thread.line),
                external_id=chat_id_of(thread),
            )
        if not thread.bubbles:
            if content.attachments_only:
                raise Refusal(
                    400,
                    "Cannot send an attachment as the first message to a new conversation. Send a text first.",
                    "attachment_first_message_not_allowed",
                )
            self._account.begin_conversation(thread.line)
        return unresolved

    def _has_parent(self, reply_to: ReplyTarget, thread: Thread) -> bool:
        """Look up the message that is answered; false when only a GUID was given and nobody knows it."""
        if not self._account.imessage(thread):
            raise Refusal(400, "Inline replies are iMessage only.", "reply_target_not_supported")
        if reply_to.message_id is not None:
            parent = self._account.find(reply_to.message_id)
            if parent is None:
                raise Refusal(404, "reply_to message not found.", "reply_target_not_found")
        else:
            every = (bubble for known in self._account.threads() for bubble in known.bubbles)
            parent = next((bubble for bubble in every if guid_of(bubble) == reply_to.guid), None)
            if parent is None:
                return False
        if chat_id_of(parent.thread) != chat_id_of(thread):
            raise Refusal(400, "reply_to message is in a different chat.", "reply_target_chat_mismatch")
        if parent.thread.line != thread.line:
            raise Refusal(400, "reply_to message is on a different number.", "reply_target_device_mismatch")
        if not self._has_guid(parent):
            raise Refusal(400, "reply_to message has no iMessage GUID.", "reply_target_invalid")
        if self._account.now() - parent.created_at > _RETENTION:
            raise Refusal(400, "reply_to message is older than 30 days.", "reply_target_expired")
        return True

    def _has_guid(self, parent: Bubble) -> bool:
        """Tell whether a phone knows the message: not over SMS, and not before it was sent."""
        if parent.ours and parent.state is DeliveryState.QUEUED:
            return self._account.on("queued_parents")
        unsent = parent.ours and DeliveryState.SENT not in parent.times
        return not unsent and parent.channel is Channel.IMESSAGE

    # ── where it goes ─────────────────────────────────────────────────────────────────────────────────────────────

    def _target(self, place: Place, content: Content) -> _Target:
        if place.group is not None:
            return _Target(self._group(place.group, content.from_number))
        if place.several:
            return self._several(place, content.from_number)
        address = place.members[0]
        line = content.from_number or self._account.last_line(address)
        known = [thread for thread in self._account.with_contact(address) if thread.line == line]
        return _Target(known[0]) if known else _draft(line, place.members)

    def _group(self, group_id: str, from_number: str | None) -> Thread:
        thread = self._account.group(group_id)
        if thread is None:
            raise Refusal(404, "Chat not found")
        if not thread.members:
            raise Refusal(400, "The group has no members.")
        if from_number not in (None, thread.line):
            raise Refusal(400, "The group is not available on from_number.")
        return thread

    def _several(self, place: Place, from_number: str | None) -> _Target:
        """Find the group with exactly these participants, whatever their order, or make an unnamed one."""
        lines = (from_number,) if from_number else LINES
        for line in lines:
            found = self._account.world.find_group(VENDOR, line, place.members)
            if found is not None and found.group not in self._account.deleted_groups:
                return _Target(found)
        return _draft(lines[0], place.members)

    def _made(self, target: _Target) -> Thread:
        thread, world = target.thread, self._account.world
        if not target.draft:
            return thread
        if len(thread.members) == 1:
            return world.direct(VENDOR, thread.line, thread.members[0])
        return world.make_group(VENDOR, thread.line, thread.members, f"grp_{self._account.letters(12)}")

    # ── what comes of it ──────────────────────────────────────────────────────────────────────────────────────────

    def _submit(self, thread: Thread, content: Content) -> list[Bubble]:
        card = content.share_contact or bool(thread.notes.pop("contact_card", False))
        bubbles = [self._bubble(thread, content, parts) for parts in content.messages]
        if card:
            bubbles[0].notes["contact_card"] = True
            bubbles[0].parts += (Opaque(kind="contact card"),)
        for bubble in bubbles:
            self._account.world.submit(bubble)
        if thread.group:
            self._account.chat_guid(thread)
        return bubbles

    def _bubble(self, thread: Thread, content: Content, parts: tuple[Part, ...]) -> Bubble:
        parent = content.reply_to
        return Bubble(
            vendor_id=self._account.message_id(),
            thread=thread,
            ours=True,
            sender=thread.line,
            parts=parts,
            created_at=self._account.now(),
            state=DeliveryState.QUEUED,
            effect=content.effect,
            reply_to=(parent.message_id or parent.guid) if parent else None,
            reply_part=parent.part_index if parent else 0,
            notes={"typing": True} if content.typing else {},
        )

    def _answer(self, content: Content, bubbles: Sequence[Bubble]) -> Json:
        ids = [bubble.vendor_id for bubble in bubbles]
        answer: Json = {"message_ids": ids} if content.listed else {"message_id": ids[0]}
        if content.counted or (content.listed and self._account.on("count_texts")):
            answer["count"] = len(ids)
        lost = self._account.on("failed_at_once") and any(failure_of(bubble, bubble.channel) for bubble in bubbles)
        return {**answer, "status": "failed" if lost else "queued"}


def _draft(line: str, members: Sequence[Address]) -> _Target:
    return _Target(Thread("draft", VENDOR, line, tuple(members)), draft=True)


def _group_fields(thread: Thread, *, created: bool) -> Json:
    members = [member.value for member in thread.members]
    return {"group_id": thread.group, "group_created": created, "participants": members}
