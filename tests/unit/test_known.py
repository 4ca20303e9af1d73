"""A text of a row says what it always said, whether it was just written or is read."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway.actions import Receipt, Sent
from gateway.known import MOST, Known

RECEIPT = Receipt(sent=(Sent(vendor_id="one"),), raw=({"id": "one"},))


def test_what_was_written_is_known() -> None:
    """It is the very value, and equal to what the text says to somebody else."""
    here: Known[Receipt] = Known(Receipt)
    elsewhere: Known[Receipt] = Known(Receipt)

    text = here.write(RECEIPT)

    assert here.read(text) is RECEIPT
    assert RECEIPT == elsewhere.read(text)
    assert elsewhere.read(text) is elsewhere.read(text)


def test_what_is_known_has_a_bound() -> None:
    """The oldest text is forgotten, and read again."""
    known: Known[Receipt] = Known(Receipt)
    text = known.write(RECEIPT)

    for number in range(MOST):
        known.write(Receipt(sent=(Sent(vendor_id=str(number)),)))

    assert known.read(text) is not RECEIPT
    assert RECEIPT == known.read(text)


def test_a_text_of_another_kind_is_refused() -> None:
    """And not remembered."""
    known: Known[Receipt] = Known(Receipt)
    for _ in range(2):
        with pytest.raises(ValidationError):
            known.read('{"sent": 1}')
