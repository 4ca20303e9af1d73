"""What to do after an attempt that was not accepted: again, park or fail; pure.

The rule behind every line: repeat only what cannot happen twice. An error that is *certain* says that nothing was
carried out, so the same call may go again, whatever it is. After an uncertain one only a call that does no harm (SAFE)
or that the vendor recognises (KEYED) may go again; everything else is parked until there is proof.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from gateway.codes import CodeTable
from gateway.drive import BrokenExchange, Send
from gateway.errors import (
    ConfigurationError,
    GatewayError,
    OutcomeUnknown,
    Retriable,
    SendError,
    StoreError,
    Unauthorized,
)
from gateway.exchange import Call, Repeat, Reply
from gateway.provider import Proof

__all__ = ["INLINE", "Again", "Decision", "Fail", "Park", "RetryPolicy", "decide", "persistent"]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, and how patiently; the defaults go on for about ten minutes, for a row that a store keeps."""

    attempts: int = 12
    """The most attempts, the first one included."""
    first: float = 1.0
    """Seconds: the most that is waited after the first attempt; doubled after each further one."""
    most: float = 300.0
    """Seconds: where the doubling ends."""
    patience: float = 3600.0
    """Seconds: the most that a vendor's `Retry-After` is followed; one that asks for longer is asked again then."""
    key_margin: float = 60.0
    """Seconds at the end of a vendor's key window in which nothing is repeated: its clock may run ahead of ours."""

    def ceiling(self, attempt: int) -> float:
        """Give the longest wait after attempt number `attempt`, counted from 1, in seconds."""
        doubled = min(attempt - 1, 60)  # 2 ** 60 seconds is past any `most`
        return min(self.most, self.first * 2.0**doubled)


INLINE = RetryPolicy(attempts=4, first=0.5, most=8.0, patience=30.0)
"""For a caller who waits: at most some seconds between attempts."""


@dataclass(frozen=True, slots=True)
class Again:
    """Send the same call again."""

    after: float
    """Seconds from now."""


@dataclass(frozen=True, slots=True)
class Park:
    """The outcome is unknown: wait for proof, then for a person."""

    stop: bool = False
    """True where the whole connection must stop besides."""


@dataclass(frozen=True, slots=True)
class Fail:
    """The outcome is known: it was not carried out, and will not be."""

    stop: bool = False
    """True where the whole connection must stop besides."""


Decision: TypeAlias = Again | Park | Fail


def decide(
    error: Exception,
    *,
    repeat: Repeat,
    attempt: int,
    elapsed: float,
    proof: Proof,
    chance: float,
    limits: RetryPolicy,
    doubt: bool = False,
) -> Decision:
    """Decide what follows from an attempt that ended in `error`.

    `attempt` counts from 1 and includes the one that failed; `elapsed` is seconds since the first attempt began
    that may be with the vendor; `chance` is in [0, 1) and spreads the waits. `doubt` is True where an earlier attempt
    of the same call ended uncertain: then only an acceptance, or proof, tells what became of it, and a refusal of the
    copy does not. The vendor may refuse the copy for the very message that the first one sent (a quota now used up,
    say).
    """
    if repeat is Repeat.SAFE:
        return _harmless(error, attempt, chance, limits)
    stop = _stops(error)
    if doubt or not _certain(error):
        keyed = repeat is Repeat.KEYED and isinstance(error, Retriable) and attempt < limits.attempts
        wait = _wait(error, attempt, chance, limits)
        return Again(wait) if keyed and _recognised(elapsed + wait, proof, limits) else Park(stop)
    return _harmless(error, attempt, chance, limits)


def _harmless(error: Exception, attempt: int, chance: float, limits: RetryPolicy) -> Decision:
    """Decide where another copy does no harm."""
    if isinstance(error, Retriable) and attempt < limits.attempts:
        return Again(_wait(error, attempt, chance, limits))
    return Fail(_stops(error))


def _certain(error: Exception) -> bool:
    """Tell whether nothing was carried out."""
    if isinstance(error, SendError):
        return error.certain
    if isinstance(error, BrokenExchange):
        return error.calls == 0
    if isinstance(error, StoreError):
        return False
    # the rest of the tree and wrong settings are found before anything leaves; a stranger may come after the answer
    return isinstance(error, GatewayError | ConfigurationError)


def _stops(error: Exception) -> bool:
    return isinstance(error, Unauthorized | ConfigurationError)


def _wait(error: Exception, attempt: int, chance: float, limits: RetryPolicy) -> float:
    """Choose a wait in seconds: full jitter below the ceiling, or what the vendor asked for and that on top.

    Full jitter spreads the copies best; a vendor's own word is a lower bound, so there jitter only adds. It grows there
    too: a vendor that says "in a second" each time, until its minute is over, must not use up all attempts in seconds.
    """
    ceiling = limits.ceiling(attempt)
    asked = error.retry_after if isinstance(error, Retriable) else None
    if asked is None:
        return chance * ceiling
    followed = min(max(asked, 0.0), limits.patience)
    return followed + chance * ceiling


def _recognised(elapsed: float, proof: Proof, limits: RetryPolicy) -> bool:
    """Tell whether the vendor still knows the key at that time."""
    window = proof.key_window
    return window is not None and elapsed < window.total_seconds() - limits.key_margin


# ── for a caller who waits ────────────────────────────────────────────────────────────────────────────────────────

_PLAIN_CODES = CodeTable({})
_GAVE_UP_WAITING = 408
_TOO_MANY = 429
_FAULTS = 500


def persistent(
    send: Send,
    *,
    policy: RetryPolicy,
    proof: Proof,
    sleep: Callable[[float], Awaitable[object]],
    chance: Callable[[], float],
    clock: Callable[[], float] = time.monotonic,
) -> Send:
    """Wrap a sender so that each SAFE or KEYED call is repeated inline; TRACED and NEVER go through once.

    For ad-hoc exchanges (`Gateway.run`), which no store stands behind. Answers that ask for another try (408, 429,
    5xx) are repeated too; the last one is handed to the exchange, which knows its vendor's codes. A vendor that asks
    for more than `policy.patience` is not waited for. Raises `OutcomeUnknown` where a KEYED call may have been carried
    out and no answer says so.
    """

    async def send_again(call: Call) -> Reply:
        if call.repeat not in (Repeat.SAFE, Repeat.KEYED):
            return await send(call)
        began, attempt, doubt = clock(), 0, False
        while True:
            attempt += 1
            outcome = await _try(send, call)
            error = outcome if isinstance(outcome, SendError) else _complaint(outcome)
            if error is None or _asks_too_long(error, policy):
                break
            decision = decide(
                error,
                repeat=call.repeat,
                attempt=attempt,
                elapsed=clock() - began,
                proof=proof,
                chance=chance(),
                limits=policy,
                doubt=doubt,
            )
            if not isinstance(decision, Again):
                break
            doubt = doubt or (call.repeat is Repeat.KEYED and not error.certain)
            await sleep(decision.after)
        return _last(outcome, doubt=doubt)

    return send_again


async def _try(send: Send, call: Call) -> Reply | SendError:
    try:
        return await send(call)
    except SendError as error:
        return error


def _complaint(reply: Reply) -> SendError | None:
    """Give the error of an answer that may be another one the next time; None for all others."""
    again = reply.status in (_GAVE_UP_WAITING, _TOO_MANY) or reply.status >= _FAULTS
    return _PLAIN_CODES.error(reply) if again else None


def _asks_too_long(error: SendError, policy: RetryPolicy) -> bool:
    asked = error.retry_after if isinstance(error, Retriable) else None
    return asked is not None and asked > policy.patience


def _last(outcome: Reply | SendError, *, doubt: bool) -> Reply:
    """Give the last outcome as it is, unless an earlier unread answer makes it say too much."""
    if doubt and not (isinstance(outcome, Reply) and outcome.ok):
        raise OutcomeUnknown(
            "an earlier copy of this call was not answered, and no later one was accepted",
            status=outcome.status,
            hint="look at the vendor whether it was carried out before you send it again",
        )
    if isinstance(outcome, SendError):
        raise outcome
    return outcome
