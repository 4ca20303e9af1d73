"""Polls: sending one and counting its votes. Contacts of the simulated world cannot vote yet."""

from __future__ import annotations

from gateway.provider import DeliveryState, Opaque
from gateway.simulator import Bubble, TwinReply, TwinRequest, Webhook
from gateway_blooio.simulator.account import Account
from gateway_blooio.simulator.answers import Json, Refusal, body_of, milliseconds, reply
from gateway_blooio.simulator.places import known_place
from gateway_blooio.simulator.webhooks import Webhooks

__all__ = ["Polls"]

_FEWEST, _MOST = 2, 10


class Polls:
    """`/chats/{chatId}/polls`; iMessage only."""

    def __init__(self, account: Account, webhooks: Webhooks) -> None:
        self._account = account
        self._webhooks = webhooks
        self._polls: dict[tuple[str, str], Json] = {}

    def send(self, request: TwinRequest) -> TwinReply:
        """Send a poll, in a chat that there is."""
        chat = known_place(request, self._account)
        title, options = _read(body_of(request))
        self._account.need_number()
        thread, now = chat.thread, self._account.now()
        if not self._account.world.recipient(thread).imessage:
            raise Refusal(400, "Polls need iMessage.")
        poll_id = f"poll_{self._account.letters(12)}"
        poll: Json = {"title": title, "options": options}
        self._polls[chat.id, poll_id] = poll
        self._account.world.submit(
            Bubble(
                vendor_id=self._account.message_id(),
                thread=thread,
                ours=True,
                sender=thread.line,
                parts=(Opaque(kind="poll", data={"poll_id": poll_id, **poll}),),
                created_at=now,
                state=DeliveryState.QUEUED,
            )
        )
        self._tell(poll_id, poll, chat.id, thread.line)
        return reply({"poll_id": poll_id, "chat_id": chat.id, "poll": poll, "sent_at": milliseconds(now)})

    def results(self, request: TwinRequest) -> TwinReply:
        """Count the votes."""
        chat, poll_id = known_place(request, self._account), request.params["poll"]
        poll = self._polls.get((chat.id, poll_id))
        if poll is None:
            raise Refusal(404, "Poll not found")
        options = [{"text": option, "votes": 0} for option in poll["options"]]
        return reply(
            {"poll_id": poll_id, "chat_id": chat.id, "title": poll["title"], "options": options, "total_votes": 0}
        )

    def _tell(self, poll_id: str, poll: Json, chat_id: str, line: str) -> None:
        """Send `poll.created`; that it comes is documented, its fields are not."""
        event = "poll.created"
        payload = {
            "event": event,
            "poll_id": poll_id,
            "external_id": chat_id,
            "internal_id": line,
            "sender": line,
            **poll,
            "timestamp": milliseconds(self._account.now()),
        }
        for hook in self._webhooks.addressed(Webhook(event, payload, {"X-Blooio-Event": event})):
            self._account.context.emit(hook)


def _read(body: Json) -> tuple[str | None, list[str]]:
    title, options = body.get("title"), body.get("options")
    if title is not None and not isinstance(title, str):
        raise Refusal(400, "'title' must be a string.")
    if not isinstance(options, list) or not all(isinstance(option, str) and option for option in options):
        raise Refusal(400, "'options' must be an array of non-empty strings.")
    if not _FEWEST <= len(options) <= _MOST:
        raise Refusal(400, "'options' must have 2 to 10 entries.")
    return title, options
