"""Messages: send, show the typing dots or mark as read, look up the status."""

from __future__ import annotations

from pydantic import ValidationError

from gateway.provider import Call, Exchange, Repeat, Reply, VendorFault, path, unwrap_token
from gateway_loopmessage import wire
from gateway_loopmessage.api.answers import accepted, acknowledged, fetch
from gateway_loopmessage.errors import failure

__all__ = ["send", "show_typing", "status"]


def send(request: wire.SendRequest) -> Exchange[wire.SendResponse]:
    """POST `/message/send/`: a text, a voice note or a reaction, to a contact or a group.

    HTTP 200 means queued, nothing more. Raises `VendorFault`, not certain, where the answer to a text or a voice note
    names no message; the answer to a reaction is not documented, so nothing is asked of it but success.
    """
    reply = yield Call("POST", path("/message/send/"), json=request.body(), repeat=_repeat(request))
    if request.reaction is not None:
        return _reacted(reply)
    response = accepted(reply, wire.SendResponse)
    if not response.message_id:
        raise VendorFault(
            "the answer names no message",
            status=reply.status,
            hint="look into the contact's history at the vendor: it may have been sent",
        )
    return response


def _reacted(reply: Reply) -> wire.SendResponse:
    """Read the answer to a reaction, of which nothing is required; a code beside no word of success is a failure."""
    answer = acknowledged(reply)
    if answer.code is not None and answer.success is None:
        raise failure(reply, answer)
    try:
        return wire.SendResponse.model_validate(answer.raw())
    except ValidationError:
        return wire.SendResponse()


def show_typing(request: wire.ShowTypingRequest) -> Exchange[wire.Answer]:
    """POST `/message/show-typing/`: show the dots for a while, mark as read, or both.

    By `message_id` of an inbound message, or by `contact` and `sender`. The vendor does not document the answer.
    """
    reply = yield Call("POST", path("/message/show-typing/"), json=request.body(), repeat=Repeat.SAFE)
    return acknowledged(reply)


def status(message_id: str) -> Exchange[wire.StatusResponse]:
    """GET `/v1/message/status/{id}/`, the one path beside `/api/v1`; raises `NotFound` for an unknown id."""
    url = path("/message/status/{id}/", id=message_id)
    return (yield from fetch(Call("GET", url, base="status", repeat=Repeat.SAFE), wire.StatusResponse))


def _repeat(request: wire.SendRequest) -> Repeat:
    """Say what a second copy would do: the vendor knows no idempotency key, but returns `passthrough` on webhooks."""
    if request.reaction is not None:
        return Repeat.SAFE
    token, _ = unwrap_token(request.passthrough)
    return Repeat.TRACED if token else Repeat.NEVER
