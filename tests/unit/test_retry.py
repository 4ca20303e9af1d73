from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import errors
from gateway.drive import BrokenExchange, drive
from gateway.errors import (
    ConfigurationError,
    InvalidMessage,
    LimitReached,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Retriable,
    SendError,
    StoreError,
    Unauthorized,
    Unreachable,
    Unsupported,
    VendorFault,
)
from gateway.exchange import Call, Exchange, Repeat, Reply
from gateway.provider import Proof
from gateway.retry import INLINE, Again, Decision, Fail, Park, RetryPolicy, decide, persistent

HOUR = Proof(key_window=timedelta(hours=1))
NO_KEYS = Proof()
LIMITS = RetryPolicy(attempts=5, first=1.0, most=60.0, patience=600.0, key_margin=60.0)
ONCE = (Repeat.TRACED, Repeat.NEVER)


def settle(
    error: Exception,
    repeat: Repeat,
    *,
    attempt: int = 1,
    elapsed: float = 0.0,
    proof: Proof = HOUR,
    chance: float = 0.5,
    doubt: bool = False,
) -> Decision:
    """Decide, with the values that a test is not about."""
    return decide(
        error,
        repeat=repeat,
        attempt=attempt,
        elapsed=elapsed,
        proof=proof,
        chance=chance,
        limits=LIMITS,
        doubt=doubt,
    )


# ── one outcome at a time ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("repeat", Repeat)
@pytest.mark.parametrize("error", [Unreachable(), RateLimited(), VendorFault(certain=True)], ids=repr)
def test_what_certainly_did_not_happen_goes_again(error: Exception, repeat: Repeat) -> None:
    """Nothing was carried out, so any call may go again."""
    assert Again(0.5) == settle(error, repeat)


@pytest.mark.parametrize("repeat", [Repeat.SAFE, Repeat.KEYED])
def test_an_unknown_outcome_goes_again_where_a_copy_does_no_harm(repeat: Repeat) -> None:
    """A read, and a send whose key the vendor recognises, are repeated."""
    assert Again(0.5) == settle(VendorFault(), repeat)


@pytest.mark.parametrize("repeat", ONCE)
def test_an_unknown_outcome_is_parked_where_a_copy_might_show(repeat: Repeat) -> None:
    """A send without a key waits for proof."""
    assert Park() == settle(VendorFault(), repeat)


def test_a_keyed_call_goes_again_only_within_the_window() -> None:
    """The copy must arrive while the vendor surely knows the key: window less margin."""
    assert Again(0.5) == settle(VendorFault(), Repeat.KEYED, elapsed=3539.0)
    assert Park() == settle(VendorFault(), Repeat.KEYED, elapsed=3539.5)
    assert Park() == settle(VendorFault(retry_after=600), Repeat.KEYED, elapsed=3000.0)


def test_a_key_that_the_vendor_does_not_know_is_no_key() -> None:
    """Without a declared window nothing is repeated after an unknown outcome."""
    assert Park() == settle(VendorFault(), Repeat.KEYED, proof=NO_KEYS)


def test_a_keyed_call_that_never_left_needs_no_window() -> None:
    """What certainly did not happen is sent as if it were the first time."""
    assert Again(0.5) == settle(Unreachable(), Repeat.KEYED, elapsed=9999.0, proof=NO_KEYS)


@pytest.mark.parametrize("repeat", Repeat)
@pytest.mark.parametrize("error", [Refused(), NotFound(), LimitReached(retry_after=60)], ids=repr)
def test_a_refusal_fails(error: Exception, repeat: Repeat) -> None:
    """Repeating it changes nothing."""
    assert Fail() == settle(error, repeat)


@pytest.mark.parametrize("repeat", Repeat)
def test_a_wrong_key_fails_and_stops_the_connection(repeat: Repeat) -> None:
    """All other calls would fail the same way."""
    assert Fail(stop=True) == settle(Unauthorized(), repeat)
    assert Fail(stop=True) == settle(ConfigurationError("no base"), repeat)


@pytest.mark.parametrize(
    ("repeat", "certain", "uncertain"),
    [
        (Repeat.SAFE, Fail(), Fail()),
        (Repeat.KEYED, Fail(), Park()),
        (Repeat.TRACED, Fail(), Park()),
        (Repeat.NEVER, Fail(), Park()),
    ],
)
def test_attempts_run_out(repeat: Repeat, certain: Decision, uncertain: Decision) -> None:
    """The last attempt fails where nothing was carried out, and is parked where a send may have been."""
    assert certain == settle(Unreachable(), repeat, attempt=5)
    assert uncertain == settle(VendorFault(), repeat, attempt=5)


@pytest.mark.parametrize("error", [InvalidMessage(), Unsupported(), BrokenExchange("yielded a str")], ids=repr)
def test_what_fails_before_the_first_call_fails(error: Exception) -> None:
    """Nothing had left, and it would fail again."""
    assert {repeat: Fail() for repeat in Repeat} == {repeat: settle(error, repeat) for repeat in Repeat}


@pytest.mark.parametrize(
    "error",
    [KeyError("id"), StoreError(), OutcomeUnknown(), BrokenExchange("", calls=1), Refused(certain=False)],
    ids=repr,
)
def test_what_fails_after_a_call_may_have_been_sent(error: Exception) -> None:
    """A provider that stumbles over an answer proves nothing: no send is repeated, none is called failed."""
    expected = {Repeat.SAFE: Fail(), Repeat.KEYED: Park(), Repeat.TRACED: Park(), Repeat.NEVER: Park()}

    assert expected == {repeat: settle(error, repeat) for repeat in Repeat}


# ── after an unread answer ────────────────────────────────────────────────────────────────────────────────────────


def test_a_copy_that_did_not_leave_says_nothing_of_the_first() -> None:
    """The doubt of an earlier attempt stays: a keyed call goes again within its window, and is parked after it."""
    assert Again(0.5) == settle(Unreachable(), Repeat.KEYED, doubt=True)
    assert Park() == settle(Unreachable(), Repeat.KEYED, elapsed=3540.0, doubt=True)
    assert Park() == settle(RateLimited(), Repeat.KEYED, attempt=5, doubt=True)


def test_a_copy_that_is_refused_says_nothing_of_the_first() -> None:
    """The vendor may refuse it for the very message that the first one sent."""
    assert Park() == settle(LimitReached(), Repeat.KEYED, doubt=True)
    assert Park(stop=True) == settle(Unauthorized(), Repeat.KEYED, doubt=True)


def test_doubt_does_not_matter_to_what_does_no_harm() -> None:
    """A read is a read."""
    assert Again(0.5) == settle(Unreachable(), Repeat.SAFE, doubt=True)
    assert Fail() == settle(Refused(), Repeat.SAFE, doubt=True)


# ── waits ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_wait_doubles_up_to_its_end() -> None:
    """The ceiling is 1, 2, 4, … seconds, and then stays."""
    assert [1, 2, 4, 8, 16, 32, 60, 60] == [LIMITS.ceiling(attempt) for attempt in range(1, 9)]
    assert 60 == LIMITS.ceiling(10**6)


def test_the_vendors_own_word_is_a_lower_bound() -> None:
    """Jitter only adds to `Retry-After`."""
    assert Again(30.0) == settle(RateLimited(retry_after=30), Repeat.NEVER, chance=0.0)
    assert Again(30.5) == settle(RateLimited(retry_after=30), Repeat.NEVER, chance=0.5)


def test_the_vendors_own_word_is_followed_up_to_our_patience() -> None:
    """A vendor that says a year is asked again after ten minutes, by these limits."""
    assert Again(600.0) == settle(RateLimited(retry_after=3.2e7), Repeat.NEVER, chance=0.0)


# ── whatever happens ──────────────────────────────────────────────────────────────────────────────────────────────

ERRORS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, Exception) and kind is not ConfigurationError
]


def made(kind: type[Exception], certain: bool, retry_after: float | None) -> Exception:  # noqa: FBT001 drawn
    """Make an error with what its class can hold."""
    error = kind()
    if isinstance(error, SendError):
        error.certain = certain
    if isinstance(error, Retriable):
        error.retry_after = retry_after
    return error


seconds = st.floats(0, 1e9)
failures = st.builds(
    made, st.sampled_from([*ERRORS, KeyError, ValueError]), st.booleans(), st.none() | st.floats(0, 1e9)
)
situations = st.fixed_dictionaries(
    {
        "attempt": st.integers(1, 100),
        "elapsed": seconds,
        "proof": st.builds(Proof, key_window=st.none() | st.timedeltas(timedelta(), timedelta(days=9))),
        "chance": st.floats(0, 1, exclude_max=True),
        "limits": st.builds(
            RetryPolicy,
            attempts=st.integers(1, 50),
            first=st.floats(0.001, 100),
            most=st.floats(1, 1e5),
            patience=seconds,
            key_margin=seconds,
        ),
        "doubt": st.booleans(),
    }
)


@given(failures, st.sampled_from(ONCE), situations)
def test_an_unknown_outcome_without_a_key_is_never_repeated(
    error: Exception, repeat: Repeat, situation: dict[str, Any]
) -> None:
    """Whatever the error, the attempt, the wait and the limits: in doubt, a send without a key is parked."""
    decision = decide(error, repeat=repeat, **situation)
    certain = error.certain if isinstance(error, SendError) else isinstance(error, errors.GatewayError)

    if situation["doubt"] or not certain:
        assert isinstance(decision, Park)


@given(failures, situations)
def test_a_keyed_doubt_is_never_repeated_outside_its_window(error: Exception, situation: dict[str, Any]) -> None:
    """A copy after the window would be a second message."""
    decision = decide(error, repeat=Repeat.KEYED, **situation | {"doubt": True})

    assert not isinstance(decision, Fail)
    if isinstance(decision, Again):
        window = situation["proof"].key_window
        assert window is not None
        assert situation["elapsed"] + decision.after < window.total_seconds()


@given(failures, st.sampled_from(Repeat), situations)
def test_waits_keep_their_bounds(error: Exception, repeat: Repeat, situation: dict[str, Any]) -> None:
    """Never before the vendor's word up to our patience, never longer than word and ceiling together."""
    decision = decide(error, repeat=repeat, **situation)
    if not isinstance(decision, Again):
        return
    limits = situation["limits"]
    asked = min((error.retry_after if isinstance(error, Retriable) else None) or 0.0, limits.patience)

    assert asked <= decision.after <= asked + limits.ceiling(situation["attempt"])
    assert situation["attempt"] < limits.attempts


@given(failures, st.sampled_from(Repeat), situations)
def test_attempts_always_come_to_an_end(error: Exception, repeat: Repeat, situation: dict[str, Any]) -> None:
    """At the last attempt nothing goes again, and only what may be retried ever does."""
    last = decide(error, repeat=repeat, **situation | {"attempt": situation["limits"].attempts})

    assert not isinstance(last, Again)
    if not isinstance(error, Retriable):
        assert not isinstance(decide(error, repeat=repeat, **situation), Again)


# ── for a caller who waits ────────────────────────────────────────────────────────────────────────────────────────

Outcome = Reply | SendError


class Vendor:
    """A sender that plays a list of outcomes, and a clock that its pauses move."""

    def __init__(self, *outcomes: Outcome, takes: float = 0.0) -> None:
        self._outcomes = list(outcomes)
        self._takes = takes
        self.calls = 0
        self.pauses: list[float] = []
        self.now = 1000.0

    async def send(self, _call: Call) -> Reply:
        """Play the next outcome."""
        self.calls += 1
        self.now += self._takes
        outcome = self._outcomes.pop(0)
        if isinstance(outcome, SendError):
            raise outcome
        return outcome

    async def sleep(self, wait: float) -> None:
        """Wait without waiting."""
        self.pauses.append(wait)
        self.now += wait

    def persistent(self, proof: Proof = HOUR) -> Callable[[Call], Awaitable[Reply]]:
        """Wrap the sender as `Gateway.run` does."""
        return persistent(
            self.send, policy=INLINE, proof=proof, sleep=self.sleep, chance=lambda: 0.5, clock=lambda: self.now
        )


def call(repeat: Repeat) -> Call:
    """Make a call of that kind."""
    return Call("POST", "/x", repeat=repeat)


FINE, BUSY, BROKEN = Reply(200), Reply(429, {"retry-after": "7"}), Reply(502)


async def test_a_harmless_call_is_repeated_until_it_is_answered() -> None:
    """Unread answers, slow-downs and faults are waited out, by the vendor's word where there is one."""
    vendor = Vendor(VendorFault(), BUSY, BROKEN, FINE)

    assert FINE == await vendor.persistent()(call(Repeat.SAFE))
    assert [0.25, 7.5, 1.0] == vendor.pauses


@pytest.mark.parametrize("repeat", ONCE)
async def test_a_call_that_might_do_it_twice_goes_through_once(repeat: Repeat) -> None:
    """Nothing stands behind an ad-hoc call that could prove what became of it."""
    vendor = Vendor(Unreachable())

    with pytest.raises(Unreachable):
        await vendor.persistent()(call(repeat))
    assert 1 == vendor.calls


async def test_the_last_answer_is_the_exchanges_to_judge() -> None:
    """When attempts run out, the exchange makes its own error of the vendor's words."""

    def strict() -> Exchange[None]:
        reply = yield call(Repeat.SAFE)
        raise Refused("as the vendor says", status=reply.status)

    vendor = Vendor(BROKEN, BROKEN, BROKEN, BUSY)
    with pytest.raises(Refused) as caught:
        await drive(strict(), vendor.persistent())
    assert (429, 4) == (caught.value.status, vendor.calls)


async def test_the_last_error_is_raised_when_attempts_run_out() -> None:
    """A road that stays closed is told as it is."""
    vendor = Vendor(*[Unreachable()] * 4)

    with pytest.raises(Unreachable):
        await vendor.persistent()(call(Repeat.SAFE))
    assert 4 == vendor.calls


async def test_a_refusal_is_an_answer() -> None:
    """Only answers that may differ the next time are asked for again."""
    vendor = Vendor(Reply(404))

    assert Reply(404) == await vendor.persistent()(call(Repeat.SAFE))
    assert [] == vendor.pauses


async def test_a_vendor_that_asks_for_too_long_is_not_waited_for() -> None:
    """A caller who waits gets the answer now, instead of a copy before its time."""
    slow = Reply(429, {"retry-after": "31"})
    vendor = Vendor(slow)

    assert slow == await vendor.persistent()(call(Repeat.SAFE))
    assert [] == vendor.pauses


async def test_a_keyed_call_is_repeated_within_its_window() -> None:
    """The vendor recognises the copy."""
    vendor = Vendor(VendorFault(), FINE)

    assert FINE == await vendor.persistent()(call(Repeat.KEYED))


async def test_a_keyed_call_is_not_repeated_after_its_window() -> None:
    """The time that the attempts themselves took counts."""
    vendor = Vendor(VendorFault(), FINE, takes=3540.0)

    with pytest.raises(VendorFault):
        await vendor.persistent()(call(Repeat.KEYED))
    assert 1 == vendor.calls


@pytest.mark.parametrize("last", [Reply(403), BUSY, BROKEN, Unauthorized(), Unreachable()], ids=repr)
async def test_a_keyed_call_in_doubt_is_never_called_refused(last: Outcome) -> None:
    """After an unread answer only an accepted copy proves anything."""
    vendor = Vendor(VendorFault(), last, last, last)

    with pytest.raises(OutcomeUnknown) as caught:
        await vendor.persistent()(call(Repeat.KEYED))
    assert last.status == caught.value.status


async def test_a_harmless_call_in_doubt_may_be_refused() -> None:
    """A read that was not answered leaves nothing open."""
    vendor = Vendor(VendorFault(), Reply(403))

    assert Reply(403) == await vendor.persistent()(call(Repeat.SAFE))
