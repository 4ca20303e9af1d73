"""A vendor's codes as a table: what each means, what it makes certain, and who has to act.

A provider writes one `CodeTable`; a test of the contract fails for a documented code without a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from gateway.addresses import redact
from gateway.errors import (
    ContentRefused,
    InvalidRequest,
    NotFound,
    RateLimited,
    Refused,
    Retriable,
    SendError,
    Unauthorized,
    VendorFault,
)
from gateway.exchange import Reply
from gateway.rules import Pause

__all__ = ["Actor", "CodeRow", "CodeTable", "Phase"]


class Phase(StrEnum):
    """When a code was given; the same number may mean different things."""

    CALL = "call"
    """In the answer to a call."""
    DELIVERY = "delivery"
    """Later, in a webhook or a status look-up."""


class Actor(StrEnum):
    """Who can do something about it."""

    CALLER = "caller"
    """The program that sends: mend the message."""
    RECIPIENT = "recipient"
    """The contact: write first, opt in, unblock."""
    OPERATOR = "operator"
    """Whoever has the vendor account: key, plan, line."""
    VENDOR = "vendor"
    """The vendor, or time."""


@dataclass(frozen=True, slots=True)
class CodeRow:
    """What one code means."""

    error: type[SendError]
    meaning: str
    """In our own words, one line."""
    actor: Actor
    hint: str
    """The next thing to do."""
    certain: bool = True
    """True when it is certain that nothing was sent; in the delivery phase, that nothing arrived."""
    retriable: bool = False
    """Whether sending the same again, later, may help."""
    opts_out: bool = False
    """True where it says that the contact no longer agrees to be written to; the core then writes no more."""
    pause: Pause | None = None
    """What waits after this answer: the message that got it, and others like it. In the call phase only."""


#: What a status means where the vendor's code says nothing (RFC 9110).
STATUSES: Mapping[int, CodeRow] = MappingProxyType(
    {
        400: CodeRow(InvalidRequest, "the request is malformed", Actor.CALLER, "look at the vendor's words"),
        401: CodeRow(Unauthorized, "the API key is wrong", Actor.OPERATOR, "check the connection's API key"),
        402: CodeRow(Unauthorized, "the account is not paid", Actor.OPERATOR, "look at the vendor's billing page"),
        403: CodeRow(Refused, "the account may not do this", Actor.OPERATOR, "look at the vendor's plan and lines"),
        404: CodeRow(NotFound, "the vendor does not know it", Actor.CALLER, "check the id"),
        408: CodeRow(VendorFault, "the vendor gave up waiting", Actor.VENDOR, "try again later", certain=False),
        413: CodeRow(ContentRefused, "too large for the vendor", Actor.CALLER, "send less"),
        429: CodeRow(RateLimited, "too many requests", Actor.VENDOR, "send more slowly", retriable=True),
    }
)


class CodeTable:
    """All codes of one vendor, by phase and code; codes are text here, numbers or words on the wire."""

    def __init__(
        self,
        rows: Mapping[tuple[Phase, str], CodeRow],
        *,
        statuses: Mapping[int, CodeRow] | None = None,
    ) -> None:
        self._rows = MappingProxyType(dict(rows))
        self._statuses = MappingProxyType({**STATUSES, **(statuses or {})})

    def __iter__(self) -> Iterator[tuple[tuple[Phase, str], CodeRow]]:
        """Go through all rows, for the docs and the tests."""
        return iter(self._rows.items())

    def find(self, phase: Phase, code: str | int | None) -> CodeRow | None:
        """Look up a code; None when there is no row for it."""
        return self._rows.get((phase, str(code))) if code is not None else None

    def missing(self, phase: Phase, codes: Iterable[str | int]) -> list[str]:
        """Name the codes that have no row."""
        return [str(code) for code in codes if (phase, str(code)) not in self._rows]

    def error(self, reply: Reply, code: str | int | None = None, message: str | None = None) -> SendError:
        """Make the error for an answer that is not an acceptance.

        By the code where it has a row, else by the status; a status without a row is refused when it is 4xx and the
        vendor's fault otherwise. A 503 with `Retry-After` is certain: the vendor says when to come. The vendor's words
        are redacted.
        """
        retry_after = reply.retry_after
        row = self.find(Phase.CALL, code) or self._by_status(reply.status, retry_after)
        fields: dict[str, Any] = {"certain": row.certain}
        if retry_after is not None and issubclass(row.error, Retriable):
            fields["retry_after"] = retry_after
        words = f": {redact(message)}" if message else ""
        return row.error(
            f"{row.meaning}{words}",
            code=None if code is None else str(code),
            status=reply.status,
            hint=row.hint,
            raw=redact(reply.text),
            **fields,
        )

    def _by_status(self, status: int, retry_after: float | None) -> CodeRow:
        if status == 503 and retry_after is not None:
            return CodeRow(VendorFault, "the vendor is busy", Actor.VENDOR, "wait", certain=True, retriable=True)
        if (row := self._statuses.get(status)) is not None:
            return row
        if 400 <= status < 500:
            return CodeRow(Refused, f"the vendor answered {status}", Actor.CALLER, "look at the vendor's words")
        hint = "look at the vendor's status page"
        return CodeRow(VendorFault, f"the vendor answered {status}", Actor.VENDOR, hint, certain=False)
