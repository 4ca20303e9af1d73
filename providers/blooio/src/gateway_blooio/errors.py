"""What Blooio's refusals mean.

An error is `{"error", "message", "status", "code"?}`; `code` is there on the known cases only, and without it the
status decides. Sources: docs.blooio.com/reference/v2/messages/sendMessage, docs.blooio.com/api-reference/errors.
"""

from __future__ import annotations

from pydantic import ValidationError

from gateway.provider import (
    Actor,
    CodeRow,
    CodeTable,
    ContentRefused,
    InvalidRequest,
    LimitReached,
    NotFound,
    NotOptedIn,
    Pause,
    Phase,
    Refused,
    Reply,
    Scope,
    SendError,
    SenderUnavailable,
    Unauthorized,
    VendorFault,
    Whom,
)
from gateway_blooio import wire

__all__ = ["CODES", "refusal"]

_REPLY = {
    "reply_target_invalid": CodeRow(
        InvalidRequest,
        "the message to answer is not named, or has no iMessage GUID",
        Actor.CALLER,
        "name it by the vendor's message id or by its GUID, or send without reply_to",
    ),
    "reply_target_chat_mismatch": CodeRow(
        InvalidRequest,
        "the message to answer is in another chat",
        Actor.CALLER,
        "answer in the chat that the message is in",
    ),
    "reply_target_device_mismatch": CodeRow(
        InvalidRequest,
        "the message to answer went over another line",
        Actor.CALLER,
        "send from the line that the message came to (the chat's line, or from_number)",
    ),
    "reply_target_expired": CodeRow(
        InvalidRequest,
        "the message to answer is older than 30 days",
        Actor.CALLER,
        "send without reply_to",
    ),
    "reply_target_not_supported": CodeRow(
        InvalidRequest,
        "an answer in thread is not possible on this path (Twilio, hybrid, several messages at once)",
        Actor.CALLER,
        "send one message at a time over iMessage, or without reply_to",
    ),
    "reply_target_not_found": CodeRow(
        NotFound,
        "the message to answer is not known to the vendor",
        Actor.CALLER,
        "check the vendor's message id",
    ),
}

_RULES = {
    "attachment_first_message_not_allowed": CodeRow(
        ContentRefused,
        "a new conversation cannot begin with an attachment alone",
        Actor.CALLER,
        "send a text first, or with the attachment",
    ),
    "inbound_only_no_prior_inbound": CodeRow(
        NotOptedIn,
        "the line only answers, and this contact has not written to it yet",
        Actor.RECIPIENT,
        "wait until the contact writes first, or send from a line of another plan",
    ),
    "outbound_limit_reached": CodeRow(
        LimitReached,
        "the organization's cap on new contacts is reached",
        Actor.OPERATOR,
        "raise the cap in the vendor's settings, or wait; existing conversations go on",
        retriable=True,
        # Counted for the organization or for one number; the answer's `mode` says which, in words that are not
        # published. By line the one is stopped line by line, with one refusal each, and the other no further.
        pause=Pause(3600, Whom.NEW, Scope.LINE),
    ),
    "new_conversation_limit_reached": CodeRow(
        LimitReached,
        "the shared plan's cap on new conversations a day is reached",
        Actor.OPERATOR,
        "wait until tomorrow or take a dedicated number; existing conversations go on",
        retriable=True,
        # when the vendor's day begins is not documented: one tries again every hour
        pause=Pause(3600, Whom.NEW),
    ),
}

# The vendor's page "messaging safety" belongs to v4 (late 2026); v2 runs on the same numbers and may answer them.
_SAFETY = {
    "conversation_awaiting_reply": CodeRow(
        NotOptedIn,
        "the conversation waits for the contact's reply",
        Actor.RECIPIENT,
        "wait until the contact writes",
        retriable=True,
    ),
    "conversation_streak_limit": CodeRow(
        NotOptedIn,
        "too many messages in a row without a reply",
        Actor.RECIPIENT,
        "wait until the contact writes",
        retriable=True,
    ),
    "conversation_inactive_paused": CodeRow(
        NotOptedIn,
        "the conversation was silent for too long and is paused",
        Actor.RECIPIENT,
        "wait until the contact writes",
        retriable=True,
    ),
    "conversation_content_restricted": CodeRow(
        ContentRefused,
        "this content may not be sent before the contact has replied",
        Actor.RECIPIENT,
        "send plain text, or wait until the contact writes",
        retriable=True,
    ),
    "safety_new_conversations_paused": CodeRow(
        SenderUnavailable,
        "the number may not begin conversations for now",
        Actor.OPERATOR,
        "look at the number's standing on the vendor's page; existing conversations go on",
        retriable=True,
        pause=Pause(3600, Whom.NEW, Scope.LINE),
    ),
    "safety_reply_only": CodeRow(
        SenderUnavailable,
        "the number may only answer for now",
        Actor.OPERATOR,
        "look at the number's standing on the vendor's page, or wait until the contact writes",
        retriable=True,
        # whom it still lets us write to is not said; a chat in which nobody has written is surely not an answer
        pause=Pause(3600, Whom.NEW, Scope.LINE),
    ),
    "safety_account_review": CodeRow(
        Unauthorized,
        "the account is under review and may not send",
        Actor.OPERATOR,
        "write to the vendor's support",
    ),
}

_STATUSES = {
    400: CodeRow(
        InvalidRequest,
        "the vendor refuses the request",
        Actor.CALLER,
        "check the recipient and the content: a phone is E.164, an attachment a public URL",
    ),
    401: CodeRow(Unauthorized, "the API key is missing or wrong", Actor.OPERATOR, "check api_key (bl_live_…)"),
    402: CodeRow(LimitReached, "the trial's limit is reached", Actor.OPERATOR, "look at the vendor's billing page"),
    403: CodeRow(
        Refused,
        "the plan or the line may not do this",
        Actor.OPERATOR,
        "check from_number, the plan's features, and that the recipient is no emergency number",
    ),
    404: CodeRow(NotFound, "the vendor does not know what was named", Actor.CALLER, "check the ids"),
    409: CodeRow(
        Refused,
        "it exists already, or the key was used with other content",
        Actor.CALLER,
        "look up what is there; a message needs a new key",
    ),
    501: CodeRow(Refused, "the vendor has disabled this operation", Actor.VENDOR, "do it on the vendor's page"),
    502: CodeRow(
        VendorFault,
        "the vendor could not reach the line's device",
        Actor.VENDOR,
        "try again in a moment",
        certain=False,
        retriable=True,
    ),
    503: CodeRow(
        SenderUnavailable,
        "no number of the account is active",
        Actor.OPERATOR,
        "bring a number online on the vendor's page",
        retriable=True,
    ),
}

# Before there were codes, the field `error` was one of these words.
_SLUGS = {
    "bad_request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "service_unavailable": 503,
}

CODES = CodeTable(
    {
        **{(Phase.CALL, code): row for code, row in {**_REPLY, **_RULES, **_SAFETY}.items()},
        **{(Phase.CALL, slug): _STATUSES[status] for slug, status in _SLUGS.items()},
    },
    statuses=_STATUSES,
)
"""Every code that the vendor documents. It documents none of the delivery phase: `error_code` is free text there."""

# An answer that is not the vendor's own JSON comes from a proxy before it, and says nothing of numbers or devices.
_PROXY = CodeTable({})


def refusal(reply: Reply) -> SendError:
    """Make the error of an answer that is not 2xx, whatever its body is: JSON of any generation, HTML, nothing."""
    body = _body(reply)
    if body is None:
        return (_PROXY if reply.status >= 500 else CODES).error(reply)
    nested = body.error if isinstance(body.error, dict) else {}
    code = body.code or _text(nested.get("code"))
    if code is None and isinstance(body.error, str) and body.error in _SLUGS:
        code = body.error
    return CODES.error(reply, code, body.message or _text(nested.get("message")))


def _body(reply: Reply) -> wire.ErrorBody | None:
    try:
        body = wire.ErrorBody.model_validate_json(reply.body)
    except ValidationError:
        return None
    return body if body.error is not None or body.message is not None or body.code is not None else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
