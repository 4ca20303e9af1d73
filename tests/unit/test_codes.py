"""The vendor's code table: by code, else by status; certain only where it is."""

from __future__ import annotations

import pytest

from gateway.codes import Actor, CodeRow, CodeTable, Phase
from gateway.errors import (
    ContentRefused,
    InvalidRequest,
    NotFound,
    NotOptedIn,
    RateLimited,
    Refused,
    SendError,
    SenderUnavailable,
    Unauthorized,
    VendorFault,
)
from gateway.exchange import Reply

TABLE = CodeTable(
    {(Phase.CALL, "500"): CodeRow(NotOptedIn, "opted out", Actor.RECIPIENT, "wait")},
    statuses={503: CodeRow(SenderUnavailable, "no line", Actor.OPERATOR, "look at the lines")},
)


@pytest.mark.parametrize(
    ("reply", "code", "error", "certain"),
    [
        (Reply(400), 500, NotOptedIn, True),
        (Reply(400), "unheard", InvalidRequest, True),
        (Reply(401), None, Unauthorized, True),
        (Reply(402), None, Unauthorized, True),
        (Reply(403), None, Refused, True),
        (Reply(404), None, NotFound, True),
        (Reply(408), None, VendorFault, False),
        (Reply(413), None, ContentRefused, True),
        (Reply(418), None, Refused, True),
        (Reply(429), None, RateLimited, True),
        (Reply(500), None, VendorFault, False),
        (Reply(502), None, VendorFault, False),
        (Reply(503), None, SenderUnavailable, True),
        (Reply(302), None, VendorFault, False),
    ],
)
def test_an_answer_becomes_the_error_of_its_code_or_status(
    reply: Reply, code: str | int | None, error: type[SendError], *, certain: bool
) -> None:
    """A code wins over the status; a status without a row is refused when it is 4xx, else the vendor's fault."""
    made = TABLE.error(reply, code)

    assert (error, certain, reply.status) == (type(made), made.certain, made.status)
    assert (None if code is None else str(code)) == made.code
    assert made.hint


def test_a_503_with_retry_after_is_certain() -> None:
    """The vendor says when to come back, so it did not take the message."""
    made = CodeTable({}).error(Reply(503, {"retry-after": "7"}))

    assert isinstance(made, VendorFault)
    assert (True, 7.0) == (made.certain, made.retry_after)


def test_the_vendors_words_are_redacted() -> None:
    """Neither message nor raw answer keep an address."""
    made = CodeTable({}).error(Reply(400, body=b'{"to":"+13231112233"}'), message="no +13231112233")

    assert "13231112233" not in f"{made} {made.raw}"


def test_a_missing_row_is_named() -> None:
    """What a provider's test asks for its documented codes."""
    assert ["501"] == TABLE.missing(Phase.CALL, [500, 501])
    assert ["500"] == TABLE.missing(Phase.DELIVERY, ["500"])
    assert [(Phase.CALL, "500")] == [place for place, _ in TABLE]
