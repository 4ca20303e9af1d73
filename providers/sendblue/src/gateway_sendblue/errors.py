"""What Sendblue's refusals mean.

A refusal is a word (`error_key`, or `error` where it is about a group) or a number (`error_code`, in text on some
accounts), and it may stand in an answer of 2xx. Without either the status decides. The vendor calls its own list
incomplete. Sources: docs.sendblue.com ("Error codes"), the published client `sendblue` 1.33.0, captured deliveries.
"""

from __future__ import annotations

from pydantic import ValidationError

from gateway.provider import (
    Actor,
    CodeRow,
    CodeTable,
    InvalidRecipient,
    InvalidRequest,
    LimitReached,
    NotFound,
    NotOptedIn,
    Pause,
    Phase,
    RateLimited,
    Refused,
    Reply,
    Scope,
    SendError,
    SenderUnavailable,
    Unauthorized,
    VendorFault,
    Whom,
)
from gateway_sendblue import wire

__all__ = ["AMBIGUOUS", "CODES", "code_of", "failure", "refusal", "words_of"]

_KEYS = {
    "OPTED_OUT": CodeRow(
        NotOptedIn,
        "the contact has opted out",
        Actor.RECIPIENT,
        "wait until the contact writes START, or take the mark back if it is wrong (api.contacts.opt_out)",
        opts_out=True,
    ),
    "PRE_REPLY_LIMIT_REACHED": CodeRow(
        NotOptedIn,
        "too many messages before the contact has replied",
        Actor.RECIPIENT,
        "wait for a reply, or let one through: extra = {'sendblue': {'pre_reply_override': true}}",
        retriable=True,
    ),
    "LINE_HOURLY_LIMIT_REACHED": CodeRow(
        LimitReached,
        "the line began as many conversations as it may in an hour",
        Actor.OPERATOR,
        "wait, or send from another line; api.lines.usage() says when there is room",
        retriable=True,
        # the window of 60 minutes rolls, so an hour later there is room for sure
        pause=Pause(3600, Whom.NEW, Scope.LINE),
    ),
    "LINE_DAILY_LIMIT_REACHED": CodeRow(
        LimitReached,
        "the line began as many conversations as it may in a day",
        Actor.OPERATOR,
        "wait until 3 in the morning in New York, or send from another line",
        retriable=True,
        # the vendor's day ends at an hour of another time zone: one tries again every hour
        pause=Pause(3600, Whom.NEW, Scope.LINE),
    ),
    "SMS_LIMIT_REACHED": CodeRow(
        LimitReached,
        "the line sent as many SMS as it may for now",
        Actor.OPERATOR,
        "wait some hours; contacts with iMessage are still reached",
        retriable=True,
    ),
}

_GROUP = {
    "line_not_registered": CodeRow(
        SenderUnavailable,
        "no line of the account is in this group",
        Actor.OPERATOR,
        "name a line that is in the group (from_number, or the chat's line)",
    ),
    "ambiguous_sending_line": CodeRow(
        InvalidRequest,
        "several lines of the account are in this group",
        Actor.CALLER,
        "name the line that acts (from_number, or the chat's line)",
    ),
    "unsupported_line": CodeRow(
        SenderUnavailable,
        "this line cannot do that to a group",
        Actor.OPERATOR,
        "use a line of the current hardware generation",
    ),
}

_NUMBERS = {
    "4000": CodeRow(
        InvalidRequest,
        "the vendor refuses the request",
        Actor.CALLER,
        "check the recipient and the content: a phone is E.164, a file a public URL with an ending",
    ),
    "4001": CodeRow(RateLimited, "too many requests", Actor.VENDOR, "send more slowly", retriable=True),
    "4002": CodeRow(InvalidRecipient, "messages to this number are forbidden", Actor.CALLER, "use another number"),
    "5000": CodeRow(
        VendorFault, "the vendor failed", Actor.VENDOR, "try again in a moment", certain=False, retriable=True
    ),
    "5003": CodeRow(RateLimited, "the vendor's server is too busy", Actor.VENDOR, "send more slowly", retriable=True),
    "5509": CodeRow(RateLimited, "too many messages in the window", Actor.VENDOR, "send more slowly", retriable=True),
    "10001": CodeRow(
        Refused,
        "the line could not send the message",
        Actor.VENDOR,
        "look at the conversation before you send it again",
        certain=False,
    ),
    "10002": CodeRow(
        VendorFault,
        "the vendor does not know what became of the message",
        Actor.VENDOR,
        "it may have arrived: look at the conversation before you send it again",
        certain=False,
    ),
    "429": CodeRow(
        LimitReached,
        "every line that could send began as many conversations as it may",
        Actor.OPERATOR,
        "wait until `availableAt` of api.lines.usage(); running conversations go on",
        retriable=True,
        pause=Pause(3600, Whom.NEW, Scope.LINE),
    ),
}

AMBIGUOUS = frozenset({"10002"})
"""Codes of a failure that may be none: the message may have been delivered."""

_STATUSES = {
    400: CodeRow(
        InvalidRequest,
        "the vendor refuses the request",
        Actor.CALLER,
        "check the recipient, the line and the content: phones are E.164, a file a public URL with an ending",
    ),
    401: CodeRow(
        Unauthorized, "the keys are missing or wrong", Actor.OPERATOR, "check api_key_id and api_secret_key, both"
    ),
    403: CodeRow(
        Refused, "the plan or the token may not do this", Actor.OPERATOR, "look at the account's plan and lines"
    ),
    404: CodeRow(NotFound, "the vendor does not know it", Actor.CALLER, "check the message handle or the group id"),
    422: CodeRow(
        InvalidRequest,
        "that cannot be done to this message or on this line",
        Actor.CALLER,
        "reactions are for iMessage messages that the contact wrote",
    ),
    # Measured: a client that repeated a send after a 503 sent it three times. Without Retry-After nobody knows.
    503: CodeRow(
        VendorFault,
        "the line cannot do this now",
        Actor.VENDOR,
        "the vendor's words may name an old firmware of the line; otherwise try again in a moment",
        certain=False,
        retriable=True,
    ),
}

_EVERY = {**_KEYS, **_GROUP, **_NUMBERS}

CODES = CodeTable(
    {(phase, code): row for phase in Phase for code, row in _EVERY.items()},
    statuses=_STATUSES,
)
"""Every code that is known: an answer of 2xx and a later report give the same ones."""

# An answer that is not the vendor's own JSON comes from a proxy before it, and says nothing of lines or firmware.
_PROXY = CodeTable({})

_DECLINED = CodeRow(
    Refused,
    "a rule of the vendor's declined the message",
    Actor.OPERATOR,
    "look at error_key and error_message of the raw answer",
)
_FAILED = CodeRow(
    Refused,
    "the vendor answers that it failed",
    Actor.VENDOR,
    "look at the raw answer, and at the conversation before you send it again",
    certain=False,
)


def code_of(body: wire.Answer) -> str | None:
    """Choose the code that says most: the rule, then the number, then the word about a group; 0 is no error."""
    number = None if body.error_code in (None, 0, "0", "") else str(body.error_code)
    given = [code for code in (body.error_key, number, body.error) if code]
    known = [code for code in given if CODES.find(Phase.CALL, code)]
    return next(iter(known or ([body.error_key] if body.error_key else [number] if number else [])), None)


def words_of(body: wire.Answer) -> str | None:
    """Give the vendor's words; which field has them differs by endpoint."""
    return body.error_message or body.message or body.error_reason or body.error_detail or body.error


def refusal(reply: Reply) -> SendError:
    """Make the error of an answer that is not 2xx, whatever its body is: JSON, HTML, nothing."""
    body = _body(reply)
    if body is None:
        return (_PROXY if reply.status >= 500 else CODES).error(reply)
    return CODES.error(reply, code_of(body), words_of(body))


def failure(reply: Reply, body: wire.Answer) -> SendError:
    """Make the error of an answer of 2xx that says `ERROR` or `DECLINED`."""
    code = code_of(body)
    if CODES.find(Phase.CALL, code) is not None:
        return CODES.error(reply, code, words_of(body))
    row = _DECLINED if body.status == "DECLINED" else _FAILED
    return CodeTable({}, statuses={reply.status: row}).error(reply, code, words_of(body))


def _body(reply: Reply) -> wire.ErrorBody | None:
    try:
        return wire.ErrorBody.model_validate_json(reply.body)
    except ValidationError:
        return None
