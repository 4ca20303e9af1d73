"""Checks of answers: every code and status becomes the right error, and nothing unreadable is taken for a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from pydantic_core import from_json, to_json

from gateway.actions import Receipt, SendMessage
from gateway.codes import CodeRow, Phase
from gateway.drive import BrokenExchange
from gateway.errors import (
    GatewayError,
    LimitReached,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Retriable,
    SendError,
    Unauthorized,
    VendorFault,
)
from gateway.exchange import Exchange, Reply
from gateway.testing.providers.bench import Bench
from gateway.testing.providers.mutations import changed, cut
from gateway.testing.providers.subject import Subject

__all__ = ["AnswerChecks"]

_HTML = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
_UNREADABLE: Mapping[str, bytes] = {
    "empty": b"",
    "HTML": _HTML,
    "half a JSON object": b'{"id": "',
    "a list": b"[]",
    "a word": b'"ok"',
    "a number": b"1",
    "null": b"null",
    "bytes that are no text": b"\xff\xfe\x00{}",
    "an empty object": b"{}",
    "deep nesting": b"[" * 1000,
}
#: Bodies in which no code can be found.
_PAGES = (("nothing", b""), ("HTML", _HTML), ("JSON of another", b'{"detail": [1, 2]}'), ("half", b'{"error": {"co'))
_REFUSALS = (400, 401, 402, 403, 404, 405, 406, 409, 410, 411, 412, 413, 414, 415, 422, 423, 424, 426, 428, 431, 451)
_FAULTS = (500, 501, 502, 503, 504, 507, 520, 524, 529, 599)


class AnswerChecks(Subject):
    """Answers of the vendor, and of whatever stands in between."""

    # ── codes ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def test_every_documented_code_has_a_row(self) -> None:
        """The table has a row for each code of the contract's `documented`, in its phase, and names who can act."""
        missing = {phase.value: self.provider.codes.missing(phase, codes) for phase, codes in self.documented.items()}
        assert not any(missing.values()), f"without a row: {missing}"
        for (phase, code), row in self.provider.codes:
            assert row.meaning.strip(), f"{phase.value} {code}: no meaning"
            assert row.hint.strip(), f"{phase.value} {code}: no hint"

    def test_every_code_is_the_error_of_its_row(self) -> None:
        """A refusal with a code, in the vendor's form, raises the row's class, as certain as the row says."""
        for (phase, code), row in self.provider.codes:
            if phase is not Phase.CALL:
                continue
            bench = self.bench()
            reply = bench.twin.fault(_status_of(row), code, "the vendor's words")
            error = self._error(Reply(reply.status, _lower(reply.headers), reply.content()))
            assert isinstance(error, SendError), f"code {code}: {type(error).__name__}"
            assert type(error) is row.error, f"code {code}: {type(error).__name__}, and not {row.error.__name__}"
            assert row.certain == error.certain, f"code {code}: certain is {error.certain}"
            assert code == error.code, f"code {code}: the error says code {error.code}"
            assert error.hint, f"code {code}: no hint"

    # ── statuses ──────────────────────────────────────────────────────────────────────────────────────────────────

    def test_a_refusal_without_a_code_goes_by_its_status(self) -> None:
        """A 4xx is certain, and refused or unauthorized; 408 is not certain; a 429 asks for a slower pace."""
        for status in _REFUSALS:
            for name, body in _PAGES:
                about = f"status {status} with {name}"
                error = self._error(Reply(status, body=body))
                assert isinstance(error, Refused | Unauthorized | Retriable), f"{about}: {type(error).__name__}"
                assert error.certain, f"{about}: a refusal is certain"
        assert isinstance(self._error(Reply(401)), Unauthorized), "status 401 is Unauthorized"
        late = self._error(Reply(408))
        assert isinstance(late, VendorFault), "status 408: the vendor gave up waiting"
        assert not late.certain, "status 408: it may have been carried out"

    def test_a_fault_of_the_vendor_is_never_certain(self) -> None:
        """A 5xx may hide a message that was sent, whatever its body says; only a 503 with Retry-After is certain."""
        for status in _FAULTS:
            for name, body in _PAGES:
                error = self._error(Reply(status, body=body))
                about = f"status {status} with {name}: {type(error).__name__}"
                assert isinstance(error, VendorFault | OutcomeUnknown), about
                assert not error.certain, f"{about}, certain"
        busy = self._error(Reply(503, {"retry-after": "7"}))
        assert isinstance(busy, Retriable)
        assert (True, 7.0) == (busy.certain, busy.retry_after), "a 503 with Retry-After says when to come"

    def test_too_many_requests_say_when_to_come(self) -> None:
        """A 429 is certain, and its Retry-After is on the error."""
        for headers, wait in (({}, None), ({"retry-after": "12"}, 12.0)):
            error = self._error(Reply(429, headers))
            assert isinstance(error, RateLimited | LimitReached), type(error).__name__
            assert (True, wait) == (error.certain, error.retry_after), f"429 with {headers}"

    # ── what cannot be read ───────────────────────────────────────────────────────────────────────────────────────

    def test_an_unreadable_acceptance_is_unknown(self) -> None:
        """A 2xx that is empty, HTML, no JSON or not the vendor's JSON is VendorFault or OutcomeUnknown, not certain."""
        for status in (200, 201, 202):
            for name, body in _UNREADABLE.items():
                self._is_unknown(self._outcome(Reply(status, body=body)), f"{status} with {name}")

    def test_an_acceptance_that_breaks_off_is_unknown(self) -> None:
        """The vendor's own answer, cut off anywhere, is VendorFault or OutcomeUnknown, and never certain."""
        reply = self._accepted()
        for body in cut(reply.body):
            outcome = self._outcome(Reply(reply.status, reply.headers, body))
            self._is_unknown(outcome, f"an acceptance cut after {len(body)} bytes")

    def test_an_odd_acceptance_raises_nothing_else(self) -> None:
        """The vendor's own answer with any field gone, new or of another type gives a receipt or a `SendError`."""
        reply = self._accepted()
        for what, value in changed(from_json(reply.body)):
            outcome = self._outcome(Reply(reply.status, reply.headers, to_json(value)))
            assert isinstance(outcome, Receipt | SendError), f"{what}: {type(outcome).__name__}: {outcome}"

    def test_a_new_field_in_an_answer_changes_nothing(self) -> None:
        """What the vendor adds to its answer leaves the receipt as it is, but for the raw answer."""
        reply = self._accepted()
        plain = self._outcome(reply)
        grown = {**from_json(reply.body), "kit_new_field": {"any": ["thing"]}}
        other = self._outcome(Reply(reply.status, reply.headers, to_json(grown)))
        assert isinstance(plain, Receipt), plain
        assert isinstance(other, Receipt), f"a new field: {other!r}"
        assert plain.model_copy(update={"raw": ()}) == other.model_copy(update={"raw": ()})

    def test_other_exchanges_hold_unreadable_answers(self) -> None:
        """Reactions, dots, marks and look-ups raise VendorFault for what they cannot read, and never an odd error."""
        for name, start in self.exchanges(self.bench()):
            if name == "send_message":
                continue
            for status in (200, 301, 400, 503):
                for what, body in _UNREADABLE.items():
                    error = _ending(start(), Reply(status, body=body))
                    about = f"{name}, status {status} with {what}"
                    # an object without any field may be an answer, such as a list that is left out where it is empty
                    unread = status < 300 and what != "an empty object"
                    told = VendorFault | OutcomeUnknown if unread else SendError
                    assert error is None or isinstance(error, told), f"{about}: {type(error).__name__}: {error}"
                    assert status < 300 or error is not None, f"{about}: taken for an acceptance"

    # ── pieces ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _accepted(self) -> Reply:
        """Give the answer of the twin to a send that it accepts."""
        bench = self.bench()
        bench.carry(self.plain_send(bench))
        return bench.replies[-1]

    @cached_property
    def _asking(self) -> tuple[Bench, SendMessage]:
        bench = self.bench()
        return bench, self.plain_send(bench)

    def _outcome(self, reply: Reply) -> Receipt | BaseException:
        """Give what a send makes of an answer: a receipt, or what it raises."""
        bench, action = self._asking
        exchange = bench.provider.send_message(action)
        next(exchange)
        try:
            exchange.send(reply)
        except StopIteration as end:
            receipt: Receipt = end.value
            return receipt
        except Exception as error:  # noqa: BLE001 - what it raises is what the check is about
            return error
        exchange.close()
        return BrokenExchange("the exchange asks again")

    def _error(self, reply: Reply) -> Any:
        """Give the error of an answer that is no acceptance."""
        outcome = self._outcome(reply)
        about = f"status {reply.status} with {reply.body[:60]!r}"
        assert isinstance(outcome, GatewayError), f"{about}: {type(outcome).__name__}: {outcome}"
        return outcome

    def _is_unknown(self, outcome: object, about: str) -> None:
        assert isinstance(outcome, VendorFault | OutcomeUnknown), f"{about}: {type(outcome).__name__}: {outcome}"
        assert not outcome.certain, f"{about}: called certain"


def _ending(exchange: Exchange[Any], reply: Reply) -> Exception | None:
    """Feed an exchange the same answer until it ends; gives what it raises."""
    try:
        next(exchange)
        for _ in range(20):
            exchange.send(reply)
    except StopIteration:
        return None
    except Exception as error:  # noqa: BLE001 - what it raises is what the check is about
        return error
    return BrokenExchange("the exchange asks without end")


def _status_of(row: CodeRow) -> int:
    """Choose the status with which a vendor would say it."""
    if issubclass(row.error, Unauthorized):
        return 401
    if not row.certain:
        return 500
    return 429 if issubclass(row.error, RateLimited) else 400


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
