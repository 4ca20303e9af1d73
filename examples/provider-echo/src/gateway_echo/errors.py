"""What Echo's codes mean: the vendor's word is the key."""

from __future__ import annotations

from pydantic import ValidationError

from gateway.provider import (
    Actor,
    CodeRow,
    CodeTable,
    ContentRefused,
    InvalidRecipient,
    InvalidRequest,
    NotFound,
    NotOptedIn,
    Phase,
    RateLimited,
    Reply,
    SendError,
    Unauthorized,
)
from gateway_echo import wire

__all__ = ["CODES", "refusal"]

CODES = CodeTable(
    {
        (Phase.CALL, "bad_request"): CodeRow(
            InvalidRequest, "the request is malformed", Actor.CALLER, "look at the vendor's words"
        ),
        (Phase.CALL, "bad_key"): CodeRow(
            Unauthorized, "the API key is wrong", Actor.OPERATOR, "check api_key of the connection"
        ),
        (Phase.CALL, "bad_number"): CodeRow(
            InvalidRecipient, "not a number that Echo can write to", Actor.CALLER, "give a phone number in E.164"
        ),
        (Phase.CALL, "text_too_long"): CodeRow(
            ContentRefused, "more than 2000 characters", Actor.CALLER, "send several messages"
        ),
        (Phase.CALL, "opted_out"): CodeRow(
            NotOptedIn, "the contact said STOP", Actor.RECIPIENT, "wait until the contact writes again"
        ),
        (Phase.CALL, "unknown_message"): CodeRow(
            NotFound, "Echo does not know the message", Actor.CALLER, "check the vendor's message id"
        ),
        (Phase.CALL, "slow_down"): CodeRow(
            RateLimited, "more than 10 calls in a second", Actor.VENDOR, "send more slowly", retriable=True
        ),
        (Phase.DELIVERY, "no_imessage"): CodeRow(
            InvalidRecipient, "the contact has no iMessage", Actor.CALLER, "use a connection that falls back to SMS"
        ),
        (Phase.DELIVERY, "blocked"): CodeRow(
            NotOptedIn, "the contact blocks the line", Actor.RECIPIENT, "the contact has to unblock the line"
        ),
    }
)


def refusal(reply: Reply) -> SendError:
    """Make the error for an answer that is not 2xx."""
    try:
        error = wire.ErrorAnswer.model_validate_json(reply.body).error
    except ValidationError:  # a proxy's page; then the status decides
        return CODES.error(reply)
    return CODES.error(reply, error.code, error.message)
