"""The vendor's codes: each has its row, for the answer and for the later report."""

import pytest

from gateway.provider import (
    Blocked,
    InvalidRecipient,
    InvalidRequest,
    LimitReached,
    NotOptedIn,
    Phase,
    Refused,
    Reply,
    Retriable,
    SenderUnavailable,
    Unauthorized,
    VendorFault,
)
from gateway_loopmessage import LoopMessage
from gateway_loopmessage.errors import CODES

#: docs.loopmessage.com, "Error codes", 2026.
DOCUMENTED = (
    *(100, 110, 115, 120, 125, 130, 140, 150, 160, 165, 170, 180, 190),
    *(200, 210, 220, 230, 240, 250, 260, 270, 290, 300, 310, 320, 330, 340),
    *(500, 510, 520, 530, 540, 550, 580, 590, 595, 600, 610, 620, 630, 640),
    *(1000, 1010, 1020, 1030, 1110, 1120, 1130, 1140),
)


@pytest.mark.parametrize("phase", Phase)
def test_every_documented_code_has_a_row_in_both_phases(phase: Phase) -> None:
    """And there is no row for a code that is not documented."""
    assert CODES.missing(phase, DOCUMENTED) == []
    assert {str(code) for code in DOCUMENTED} == {code for (when, code), _ in CODES if when is phase}


def test_every_row_says_what_it_means_and_what_to_do() -> None:
    """One line each, in words, and the error can be made."""
    for (phase, code), row in CODES:
        assert row.meaning, (phase, code)
        assert row.hint, (phase, code)
        assert row.error("x", certain=row.certain).certain is row.certain


@pytest.mark.parametrize(
    ("codes", "error"),
    [
        ((110, 130, 300, 310, 320, 330), Unauthorized),
        ((100, 115, 120, 125, 140, 150, 290, 580, 600, 620, 630, 640), InvalidRequest),
        ((160, 165, 170, 180, 190, 1110, 1120), InvalidRecipient),
        ((200, 500, 510, 520, 530), NotOptedIn),
        ((210, 220, 230, 240, 250, 260, 270), SenderUnavailable),
        ((540, 550), LimitReached),
        ((340,), Blocked),
        ((1000, 1010, 1030), VendorFault),
    ],
)
def test_codes_are_of_the_class_that_says_what_to_do_next(codes: tuple[int, ...], error: type[Exception]) -> None:
    """The current generation's meaning, not the older one's of the same number."""
    assert [CODES.error(Reply(400), code).__class__ for code in codes] == [error] * len(codes)


def test_what_may_have_been_sent_is_not_certain() -> None:
    """Two codes leave it open; only what certainly failed is called retriable, and 1020 is not repeated by itself."""
    rows = {code: row for (phase, code), row in CODES if phase is Phase.CALL}
    assert {"1000", "1030"} == {code for code, row in rows.items() if not row.certain}
    assert {"230", "540", "1010", "1020"} == {code for code, row in rows.items() if row.retriable}
    assert rows["1020"].error is Refused
    assert not issubclass(rows["1020"].error, Retriable)


def test_a_failed_delivery_without_a_reason_is_not_a_malformed_request() -> None:
    """The generic code means another thing later than in the answer."""
    assert CODES.find(Phase.CALL, 100) != CODES.find(Phase.DELIVERY, 100)
    assert LoopMessage.codes is CODES
