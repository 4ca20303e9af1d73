"""Polls: ours and those of contacts, and the votes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.provider import Address, DeliveryState, Opaque
from gateway.simulator import Bubble, Impossible, TwinReply, TwinRequest, Webhook
from gateway_blooio.simulator.account import Account
from gateway_blooio.simulator.answers import Json, Refusal, body_of, milliseconds, reply
from gateway_blooio.simulator.payloads import poll_webhook
from gateway_blooio.simulator.places import chat_id_of, known_place, opened_thread
from gateway_blooio.simulator.webhooks import Webhooks

__all__ = ["Polls"]

_FEWEST, _MOST = 2, 10


@dataclass(slots=True)
class _Poll:
    """A poll, and who voted for what; on phones one may vote for several options."""

    id: str
    title: str | None
    options: Sequence[str]
    votes: dict[str, set[str]] = field(default_factory=dict)
    """Voters by option."""

    def fields(self) -> Json:
        """What its webhooks say of it."""
        return {"poll_id": self.id, "title": self.title, "options": list(self.options)}


class Polls:
    """`/chats/{chatId}/polls`; iMessage only."""

    def __init__(self, account: Account, webhooks: Webhooks) -> None:
        self._account = account
        self._webhooks = webhooks
        self._polls: dict[str, _Poll] = {}
        """By the id of the message that shows it."""

    def send(self, request: TwinRequest) -> TwinReply:
        """Send a poll; a chat may begin with one, for no 404 and no cap is documented here."""
        thread, now = opened_thread(request, self._account), self._account.now()
        title, options = _read(body_of(request))
        self._account.need_number()
        if not self._account.imessage(thread):
            raise Refusal(400, "Polls need iMessage.")
        poll = _Poll(f"poll_{self._account.letters(12)}", title, options)
        bubble = Bubble(
            vendor_id=self._account.message_id(),
            thread=thread,
            ours=True,
            sender=thread.line,
            parts=(Opaque(kind="poll", data=poll.fields()),),
            created_at=now,
            state=DeliveryState.QUEUED,
        )
        self._polls[bubble.vendor_id] = poll
        self._account.world.submit(bubble)
        for hook in self._webhooks.addressed(poll_webhook("poll.created", bubble, poll.fields(), self._account)):
            self._account.context.emit(hook)
        shown = {"title": title, "options": options}
        sent = {"poll_id": poll.id, "chat_id": chat_id_of(thread), "poll": shown}
        return reply({**sent, "sent_at": milliseconds(now)})

    def results(self, request: TwinRequest) -> TwinReply:
        """Count the votes; a poll of a contact has results too."""
        chat, poll_id = known_place(request, self._account), request.params["poll"]
        here = (self._polls.get(bubble.vendor_id) for bubble in chat.bubbles)
        poll = next((poll for poll in here if poll is not None and poll.id == poll_id), None)
        if poll is None:
            raise Refusal(404, "Poll not found")
        options = [{"text": option, "votes": len(poll.votes.get(option, ()))} for option in poll.options]
        total = sum(len(voters) for voters in poll.votes.values())
        shown: Json = {"poll_id": poll_id, "chat_id": chat.id, "title": poll.title}
        return reply({**shown, "options": options, "total_votes": total})

    # ── what contacts do ──────────────────────────────────────────────────────────────────────────────────────────

    def received(self, bubble: Bubble) -> Sequence[Webhook] | None:
        """Take a poll that a contact sent; None for a message that is none."""
        (first, *rest) = bubble.parts
        if rest or not isinstance(first, Opaque) or first.kind != "poll" or not isinstance(first.data, dict):
            return None
        options = first.data.get("options")
        title = first.data.get("title")
        named = [str(option) for option in options] if isinstance(options, list) else []
        poll = _Poll(f"poll_{self._account.letters(12)}", None if title is None else str(title), named)
        self._polls[bubble.vendor_id] = poll
        return self._webhooks.addressed(poll_webhook("poll.received", bubble, poll.fields(), self._account))

    def voted(self, bubble: Bubble, sender: Address, option: str, *, removed: bool) -> Sequence[Webhook]:
        """Count a vote; nobody is told of one that is taken back, which no page mentions."""
        poll = self._polls.get(bubble.vendor_id)
        if poll is None or option not in poll.options:
            hint = "name a message that shows a poll, and one of its options"
            raise Impossible("there is no such option to vote for", hint=hint, status=422)
        voters = poll.votes.setdefault(option, set())
        if removed:
            voters.discard(sender.text)
            return ()
        voters.add(sender.text)
        vote = {**poll.fields(), "option": option, "voter": sender.value}
        return self._webhooks.addressed(poll_webhook("poll.voted", bubble, vote, self._account, sender.value))


def _read(body: Json) -> tuple[str | None, list[str]]:
    title, options = body.get("title"), body.get("options")
    if title is not None and not isinstance(title, str):
        raise Refusal(400, "'title' must be a string.")
    if not isinstance(options, list) or not all(isinstance(option, str) and option for option in options):
        raise Refusal(400, "'options' must be an array of non-empty strings.")
    if not _FEWEST <= len(options) <= _MOST:
        raise Refusal(400, "'options' must have 2 to 10 entries.")
    return title, options
