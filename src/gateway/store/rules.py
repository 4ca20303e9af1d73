"""The rules that every store keeps, apart from how it keeps them; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, MutableMapping, Sequence
from datetime import datetime
from typing import NamedTuple

from gateway.ids import ChatId
from gateway.store.instants import micros, moment, span
from gateway.store.rows import Bucket, Marked, MessageRow, StepRow, StepState, Taken

__all__ = ["ENDED", "Candidate", "give_back", "has_begun", "held_again", "in_turns", "spend", "waits"]

ENDED = "the process ended, or stood still, while a handler had it"
"""What is wrong with an event that was taken and not settled."""


class Candidate(NamedTuple):
    """A lane that is due; sorts by priority, then by how long it is due."""

    priority: int
    next_at: int
    lane: ChatId
    connection: str


def in_turns(candidates: Iterable[Candidate], limit: int) -> list[Candidate]:
    """Choose lanes so that connections take turns: the first of each, then the second of each, and so on."""
    candidates = sorted(candidates)
    if len(candidates) < 2:
        return candidates[:limit]
    queues: defaultdict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        queues[candidate.connection].append(candidate)
    turns = sorted((turn, candidate) for queue in queues.values() for turn, candidate in enumerate(queue))
    return [candidate for _, candidate in turns[:limit]]


def spend(buckets: Sequence[Bucket], arrivals: MutableMapping[str, int], at: datetime) -> Marked:
    """Take one from each bucket, or, when one is empty, none.

    `arrivals` has the theoretical arrival time (GCRA) of each bucket that is known, in microseconds, and gets the new
    ones.
    """
    now = micros(at)
    free = [
        (arrivals.get(bucket.key, now) - span(bucket.interval) * (bucket.burst - 1), bucket.key) for bucket in buckets
    ]
    if free and (latest := max(free))[0] > now:
        return Marked(until=moment(latest[0]), limit=latest[1])
    taken = []
    for bucket in buckets:
        before = arrivals.get(bucket.key, now)
        arrivals[bucket.key] = max(before, now) + span(bucket.interval)
        taken.append(Taken(bucket.key, before, arrivals[bucket.key]))
    return Marked(taken=tuple(taken))


def held_again(until: int | None, now: int, lease: int) -> int:
    """Say until when a lane is held on that was held until then: no longer than it was, where half a lease is left.

    Who holds lanes renews them long before; and what stays as it was need not be written into any index.
    """
    return until if until is not None and until - now >= lease // 2 else now + lease


def give_back(unused: Iterable[Taken], arrivals: MutableMapping[str, int]) -> None:
    """Free places that were taken for nothing, where nobody has taken one since.

    Behind one that was taken since, a gap would let two pass that are closer to each other than the limit says.
    """
    for place in reversed([*unused]):
        if arrivals.get(place.key) == place.after:
            arrivals[place.key] = place.before


def has_begun(steps: Iterable[StepRow]) -> bool:
    """Tell whether a message has a step that may be with the vendor, and of which nobody knows what became of it."""
    return any(step.doubt or step.state in {StepState.STARTED, StepState.UNKNOWN} for step in steps)


def waits(message: MessageRow) -> bool:
    """Tell whether a row has a place in its lane: the worker has something to do with it, and nobody has to decide."""
    return message.state.open and not message.parked
