from __future__ import annotations

import json

import pytest

from gateway.provider import (
    ContentRefused,
    GatewayError,
    InvalidRequest,
    LimitReached,
    NotFound,
    NotOptedIn,
    Phase,
    RateLimited,
    Refused,
    Reply,
    SendError,
    SenderUnavailable,
    Unauthorized,
    VendorFault,
)
from gateway_blooio.errors import CODES, refusal

# docs.blooio.com/reference/v2/messages/sendMessage and docs.blooio.com/api-reference/errors, with their statuses
DOCUMENTED = {
    "reply_target_invalid": (400, InvalidRequest),
    "reply_target_chat_mismatch": (400, InvalidRequest),
    "reply_target_device_mismatch": (400, InvalidRequest),
    "reply_target_expired": (400, InvalidRequest),
    "reply_target_not_supported": (400, InvalidRequest),
    "reply_target_not_found": (404, NotFound),
    "attachment_first_message_not_allowed": (400, ContentRefused),
    "inbound_only_no_prior_inbound": (403, NotOptedIn),
    "outbound_limit_reached": (429, LimitReached),
    "new_conversation_limit_reached": (429, LimitReached),
    # of v4, which runs on the same numbers
    "conversation_awaiting_reply": (403, NotOptedIn),
    "conversation_streak_limit": (403, NotOptedIn),
    "conversation_inactive_paused": (403, NotOptedIn),
    "conversation_content_restricted": (403, ContentRefused),
    "safety_new_conversations_paused": (403, SenderUnavailable),
    "safety_reply_only": (403, SenderUnavailable),
    "safety_account_review": (403, Unauthorized),
    # the field `error` of older answers
    "bad_request": (400, InvalidRequest),
    "unauthorized": (401, Unauthorized),
    "forbidden": (403, Refused),
    "not_found": (404, NotFound),
    "conflict": (409, Refused),
    "service_unavailable": (503, SenderUnavailable),
}

STATUSES = {
    400: InvalidRequest,
    401: Unauthorized,
    402: LimitReached,
    403: Refused,
    404: NotFound,
    409: Refused,
    429: RateLimited,
    501: Refused,
    502: VendorFault,
    503: SenderUnavailable,
    500: VendorFault,
    418: Refused,
}


def answer(status: int, /, **fields: object) -> Reply:
    """An error as the vendor writes it."""
    body = {"error": "ApiError", "message": "Something.", "status": status, **fields}
    return Reply(status, {}, json.dumps(body).encode())


def test_every_documented_code_has_a_row() -> None:
    """Nothing that the vendor documents is guessed from its status."""
    assert [] == CODES.missing(Phase.CALL, DOCUMENTED)
    assert set(DOCUMENTED) == {code for (phase, code), _ in CODES if phase is Phase.CALL}


@pytest.mark.parametrize(("code", "expected"), DOCUMENTED.items(), ids=str)
def test_a_code_makes_its_error(code: str, expected: tuple[int, type[SendError]]) -> None:
    """A code decides the class, says what to do, and is certain that nothing was sent."""
    status, kind = expected
    error = refusal(answer(status, code=code))
    assert (kind, code, status, True) == (type(error), error.code, error.status, error.certain)
    assert error.hint


@pytest.mark.parametrize(("status", "kind"), STATUSES.items())
def test_without_a_code_the_status_decides(status: int, kind: type[SendError]) -> None:
    """An answer without `code`, or with one of tomorrow, is told by its status."""
    assert type(refusal(answer(status))) is kind
    assert type(refusal(answer(status, code="of_tomorrow"))) is kind


@pytest.mark.parametrize("body", [b"", b"<html>502</html>", b"[]", b'"x"', b"{}", b'{"error": 7}', b"\xff\xfe"])
@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 502, 503])
def test_a_body_that_is_no_error_is_survived(status: int, body: bytes) -> None:
    """HTML, nothing and garbage give an error by the status; a 5xx of a proxy is never certain."""
    error = refusal(Reply(status, {}, body))
    assert status == error.status
    assert error.certain is (status < 500)


def test_the_first_generation_names_its_slug() -> None:
    """Before there were codes the field `error` held the reason: it is shown as the code."""
    error = refusal(Reply(404, {}, b'{"error": "not_found", "status": 404}'))
    assert (NotFound, "not_found") == (type(error), error.code)


def test_an_error_of_v4_is_read_too() -> None:
    """The nested form has the same words inside."""
    body = b'{"error": {"code": "safety_account_review", "message": "Wait."}}'
    error = refusal(Reply(403, {}, body))
    assert (Unauthorized, "safety_account_review") == (type(error), error.code)


def test_only_a_plain_429_is_worth_waiting_for() -> None:
    """Without a code it is the pace, with `Retry-After` where it is given; with a quota's code waiting is useless."""
    pace = refusal(Reply(429, {"retry-after": "7"}, b'{"error": "ApiError", "message": "x", "status": 429}'))
    assert isinstance(pace, RateLimited)
    assert pace.retry_after == 7
    assert isinstance(refusal(answer(429, code="outbound_limit_reached", limit=5, current=5)), LimitReached)


def test_an_error_shows_no_number() -> None:
    """The vendor's words and extras are masked."""
    error: GatewayError = refusal(answer(403, message="No +15555550199 here", external_id="+15555550199"))
    assert "15555550199" not in f"{error} {error.raw} {error.hint}"
