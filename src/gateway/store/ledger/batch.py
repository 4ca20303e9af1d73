"""A batch: calls that wait at the same time, written in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from gateway.ids import ChatId
from gateway.store.columns import file_columns
from gateway.store.ledger.calls import Amend, Call, KeepCursor, KeepFile, OutCall, Settle
from gateway.store.ledger.incoming import InCall, Incoming
from gateway.store.ledger.outgoing import Outgoing
from gateway.store.ledger.plan import Plan, tell
from gateway.store.rows import Settled

__all__ = ["Written", "write"]


_OUT, _IN = frozenset(get_args(OutCall)), frozenset(get_args(InCall))
"""Kinds of calls, by which those of a batch are sorted."""


@dataclass(slots=True)
class Written:
    """What a batch came to."""

    answers: list[Any]
    """One for each call, in their order."""
    lanes_due: int | None = None
    """When the first of the lanes that were written may be due, in microseconds; never later than it is."""
    events_due: int | None = None
    """The same of the lanes of events."""
    queues: set[tuple[str, int]] = field(default_factory=set)
    """Connections and priorities that were not known before."""
    aliases: dict[ChatId, ChatId] = field(default_factory=dict)
    """Chats that are now kept under another id."""
    private: bool = False
    """True where it gives other processes nothing to do, and nothing that they wait for."""


def write(
    calls: Sequence[Call[Any]],
    *,
    shard: int = 0,
    queues: set[tuple[str, int]] | None = None,
    alone: bool = False,
    linked: bool = True,
) -> Plan[Written]:
    """Write all calls of a batch, claims left out, and answer each of them.

    `queues` are the connections and priorities that are known to be written down, `shard` the row of the depth that
    this process counts in. `alone` says that nobody else writes; where no chat has two ids, and `linked` says so,
    none is asked about then.
    """
    written = Written([None] * len(calls))
    out = Outgoing(shard, queues or set())
    incoming = Incoming(alone=alone, linked=linked)
    numbered: list[tuple[int, Any]] = list(enumerate(calls))
    outgoing: list[tuple[int, OutCall]] = [(place, call) for place, call in numbered if type(call) in _OUT]
    written.lanes_due = yield from out.run(outgoing, written.answers)
    settled = [
        (call.settlement, call.events)
        for place, call in outgoing
        if isinstance(call, Settle | Amend) and _is_written(written.answers[place])
    ]
    arriving: list[tuple[int, InCall]] = [(place, call) for place, call in numbered if type(call) in _IN]
    written.events_due = yield from incoming.run(arriving, settled, written.answers)
    cursors = {call.name: call.value for call in calls if isinstance(call, KeepCursor)}
    yield from tell("write_cursors", sorted(cursors.items()))
    files = {call.file.digest: call.file for call in reversed(calls) if isinstance(call, KeepFile)}
    yield from tell("add_files", [file_columns(file) for _, file in sorted(files.items())])
    written.queues = out.fresh_queues
    written.aliases = incoming.aliases
    return written


def _is_written(answer: Settled | bool) -> bool:  # noqa: FBT001 - what an amendment is answered
    return answer.written if isinstance(answer, Settled) else answer
