"""The first pending event of a chat is found whatever became of those before it."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.store.ledger.plan import tell
from gateway.store.sql import migrations
from gateway.store.sqlite.connection import run

LANES = ("a", "b")

STEPS = st.one_of(
    st.tuples(st.just("come"), st.sampled_from(LANES), st.sampled_from(("pending", "done"))),
    st.tuples(st.just("end"), st.integers(0, 20), st.sampled_from(("pending", "done", "parked"))),
    st.tuples(st.just("move"), st.sampled_from((LANES, LANES[::-1])), st.none()),
    st.tuples(st.just("erase"), st.integers(0, 20), st.none()),
    st.tuples(st.just("forget"), st.sampled_from(LANES), st.none()),
)
"""New events, handlers that end and events that are handed over again, chats that turn out to be one, and erasure."""


def take(connection: sqlite3.Connection, step: tuple[str, object, object], number: int) -> None:
    """Do one of them as the store does."""
    match step:
        case "come", lane, outcome:
            run(connection, tell("add_events", [(f"evt_{number}", "main", lane, None, 7, outcome, "{}")]))
        case "end", sequence, outcome:
            run(connection, tell("update_events", [(sequence, None, outcome, 1, None, None, "{}")]))
        case "move", (old, kept), _:
            run(connection, tell("move_events", [(old, kept)]))
        case "erase", sequence, _:
            connection.execute("update event set lane = 'erased', outcome = 'done' where sequence = ?", (sequence,))
        case "forget", lane, _:
            connection.execute("delete from event_lane where lane = ?", (lane,))


@given(st.lists(STEPS, max_size=30))
@settings(max_examples=300, deadline=None)
@example([("come", "a", "pending"), ("end", 1, "done"), ("come", "a", "pending"), ("end", 1, "pending")])
@example([("come", "a", "pending"), ("come", "b", "pending"), ("end", 2, "done"), ("move", LANES, None)])
def test_the_head_is_the_first_that_is_pending(steps: list[tuple[str, object, object]]) -> None:
    """After every change of a lane, as a look through all of its events would have found it."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for migration in migrations("sqlite"):
            connection.executescript(migration.sql)
        for number, step in enumerate(steps):
            take(connection, step, number)
            run(connection, tell("write_event_lanes", [(lane,) for lane in LANES]))
            heads = dict(connection.execute("select lane, head from event_lane").fetchall())
            first = "select min(sequence) from event where lane = ? and outcome = 'pending'"
            assert {lane: connection.execute(first, (lane,)).fetchone()[0] for lane in LANES} == heads


@given(st.lists(STEPS, max_size=30))
@settings(max_examples=300, deadline=None)
@example([("come", "a", "pending"), ("end", 1, "done"), ("come", "a", "pending"), ("come", "a", "pending")])
@example([("come", "a", "pending"), ("end", 1, "done"), ("come", "a", "pending"), ("end", 1, "pending")])
@example([("come", "a", "pending"), ("come", "b", "pending"), ("move", LANES, None), ("come", "a", "pending")])
def test_a_new_event_wakes_its_lane_as_a_look_at_the_whole_lane_would(steps: list[tuple[str, object, object]]) -> None:
    """Where nothing was pending it is the head, behind another one it changes nothing."""
    looked = "select lane, head, next_at from event_lane where head is not null order by lane"
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for migration in migrations("sqlite"):
            connection.executescript(migration.sql)
        for number, step in enumerate(steps):
            take(connection, step, number)
            match step:
                case "come", lane, "pending":
                    run(connection, tell("wake_event_lanes", [(lane, f"evt_{number}")]))
                    woken = connection.execute(looked).fetchall()
                    run(connection, tell("write_event_lanes", [(lane,) for lane in LANES]))
                    assert woken == connection.execute(looked).fetchall()
                case _:
                    run(connection, tell("write_event_lanes", [(lane,) for lane in LANES]))
