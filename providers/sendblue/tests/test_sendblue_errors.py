"""The vendor's codes and statuses, in answers of every kind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from providers.sendblue.tests.vendor_codes import DOCUMENTED

from gateway.provider import (
    ContentRefused,
    InvalidRecipient,
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
from gateway_sendblue import Sendblue, wire
from gateway_sendblue.errors import AMBIGUOUS, CODES, failure, refusal

SAMPLES = Path(__file__).parent / "samples"


def reply(status: int, /, **body: object) -> Reply:
    """An answer with a JSON object."""
    return Reply(status, body=json.dumps(body).encode())


@pytest.mark.parametrize("phase", Phase)
def test_every_known_code_has_a_row_in_both_phases(phase: Phase) -> None:
    """And there is no row for a code that nobody documents."""
    assert [] == CODES.missing(phase, DOCUMENTED)
    assert {str(code) for code in DOCUMENTED} == {code for (when, code), _ in CODES if when is phase}
    assert CODES is Sendblue.codes


@pytest.mark.parametrize(
    ("codes", "error"),
    [
        ((4000, "ambiguous_sending_line"), InvalidRequest),
        ((4001, 5003, 5509), RateLimited),
        ((4002,), InvalidRecipient),
        ((5000, 10002), VendorFault),
        ((10001,), Refused),
        ((429, "LINE_HOURLY_LIMIT_REACHED", "LINE_DAILY_LIMIT_REACHED", "SMS_LIMIT_REACHED"), LimitReached),
        (("OPTED_OUT", "PRE_REPLY_LIMIT_REACHED"), NotOptedIn),
        (("line_not_registered", "unsupported_line"), SenderUnavailable),
    ],
)
def test_codes_are_of_the_class_that_says_what_to_do_next(codes: tuple[object, ...], error: type[SendError]) -> None:
    """By what the catcher does, whatever the status is."""
    assert [error] * len(codes) == [type(CODES.error(Reply(400), str(code))) for code in codes]


def test_what_may_have_been_sent_is_not_certain() -> None:
    """Three codes leave it open, of which one may even have arrived; whoever opted out is known to have."""
    rows = {code: row for (phase, code), row in CODES if phase is Phase.CALL}
    assert {"5000", "10001", "10002"} == {code for code, row in rows.items() if not row.certain}
    assert {"10002"} == AMBIGUOUS
    assert {"OPTED_OUT"} == {code for code, row in rows.items() if row.opts_out}


@pytest.mark.parametrize(
    ("status", "error", "certain"),
    [
        (400, InvalidRequest, True),
        (401, Unauthorized, True),
        (403, Refused, True),
        (404, NotFound, True),
        (413, ContentRefused, True),
        (422, InvalidRequest, True),
        (429, RateLimited, True),
        (500, VendorFault, False),
        (503, VendorFault, False),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b"[1]", b'{"status": "ERROR", "message": "no"}'])
def test_a_status_without_a_code_decides(status: int, error: type[SendError], certain: bool, body: bytes) -> None:  # noqa: FBT001 - a table
    """Whatever the body is, it is an error of its class, and says whether something may have been sent."""
    found = refusal(Reply(status, body=body))
    assert (error, certain, status) == (type(found), found.certain, found.status)


def test_the_code_that_says_most_is_chosen() -> None:
    """The rule before the number, the number before the word; a number in text is one; zero is no error."""
    capped = refusal(Reply(400, body=(SAMPLES / "error_capped.json").read_bytes()))
    answers = [
        reply(400, error_code="5509"),
        reply(400, error_code=0, error="unsupported_line"),
        reply(400, error_key="NEW_RULE", error_code=4000),
        reply(400, error_key="NEW_RULE"),
    ]
    assert ("LINE_HOURLY_LIMIT_REACHED", LimitReached) == (capped.code, type(capped))
    assert ["5509", "unsupported_line", "4000", "NEW_RULE"] == [refusal(answer).code for answer in answers]


@pytest.mark.parametrize(
    ("body", "error", "code", "certain"),
    [
        ({"status": "DECLINED", "error_key": "OPTED_OUT"}, NotOptedIn, "OPTED_OUT", True),
        ({"status": "DECLINED", "error_key": "NEW_RULE"}, Refused, "NEW_RULE", True),
        ({"status": "DECLINED"}, Refused, None, True),
        ({"status": "ERROR", "error_code": "5509"}, RateLimited, "5509", True),
        ({"status": "ERROR", "error_code": 10002}, VendorFault, "10002", False),
        ({"status": "ERROR", "error_code": 7}, Refused, "7", False),
        ({"status": "ERROR"}, Refused, None, False),
    ],
)
def test_a_failure_inside_a_2xx_is_one(
    body: dict[str, object],
    error: type[SendError],
    code: str | None,
    certain: bool,  # noqa: FBT001 - a table
) -> None:
    """What is declined certainly did not leave; a failure that nobody explains is not certain."""
    found = failure(reply(200, **body), wire.ErrorBody.model_validate(body))
    assert (error, code, certain, 200) == (type(found), found.code, found.certain, found.status)


def test_an_error_tells_no_number_of_a_contact() -> None:
    """The vendor's words are passed on without addresses."""
    found = refusal(reply(400, status="ERROR", error_message="+12025550150 is not valid", error_code=4000))
    assert "2025550150" not in f"{found} {vars(found)}"
    assert "is not valid" in str(found)
