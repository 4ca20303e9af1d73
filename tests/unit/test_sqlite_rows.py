"""Rows are written many at a time, and it is as if each had been written by itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from gateway.store.ledger.plan import Plan, tell, told
from gateway.store.sql import migrations, queries
from gateway.store.sqlite.connection import run

AMOUNTS = [0, 1, 3, 4, 5, 15, 16, 21, 63, 64, 65, 85, 200]
"""Around the sizes of statements, and sums of them."""


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """Make the tables in memory."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        for migration in migrations("sqlite"):
            made.executescript(migration.sql)
        yield made


@pytest.mark.parametrize("amount", AMOUNTS)
def test_every_row_is_written_once_and_in_order(connection: sqlite3.Connection, amount: int) -> None:
    """However many there are; of two for one place the later one stays."""
    rows = [(f"cursor{number % 50}", str(number)) for number in range(amount)]
    run(connection, tell("write_cursors", rows))
    assert dict(rows) == dict(connection.execute("select name, value from cursor").fetchall())


@pytest.mark.parametrize("amount", AMOUNTS)
def test_each_row_changes_its_own_place(connection: sqlite3.Connection, amount: int) -> None:
    """And no other one."""
    run(connection, tell("add_buckets", [(f"key{number}",) for number in range(amount + 1)]))
    run(connection, tell("write_buckets", [(f"key{number}", number + 7) for number in range(amount)]))
    expected = {f"key{number}": number + 7 for number in range(amount)} | {f"key{amount}": 0}
    assert expected == dict(connection.execute("select key, arrival from bucket").fetchall())


def test_what_comes_back_is_that_of_all_rows(connection: sqlite3.Connection) -> None:
    """A statement that tells what it did tells it of each row that it was given."""

    def row(number: int) -> tuple[object, ...]:
        texts = (f"msg_{number}", "main", "chat", "send_message", "{}", "f", None, "[]")
        return (*texts, 1, 0, 0, None, 1, "queued", 0, None, False, True)

    def twice() -> Plan[tuple[int, int]]:
        first = yield from told("add_messages", [row(number) for number in range(70)])
        second = yield from told("add_messages", [row(number) for number in range(100)])
        return len(first), len(second)

    assert (70, 30) == run(connection, twice())


@pytest.mark.parametrize(
    ("query", "values", "index"),
    [
        ("write_event_lanes", 1, "event_chat (lane=? AND rowid>?)"),
        ("write_lanes", 5, "message_waiting (lane=?)"),
        ("update_events", 7, "event USING INTEGER PRIMARY KEY"),
        ("update_messages", 9, "sqlite_autoindex_message_1 (id=?)"),
        ("update_steps", 12, "sqlite_autoindex_step_1 (message=? AND position=?)"),
    ],
)
def test_what_is_written_is_found_by_an_index(
    connection: sqlite3.Connection, query: str, values: int, index: str
) -> None:
    """By one that leads to it alone: a chat of many events that are done costs no more than a new one."""
    plan = connection.execute(f"explain query plan {queries('sqlite')[query].sql}", [None] * values).fetchall()
    assert any(index in step for *_, step in plan), plan
