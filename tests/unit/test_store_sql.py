"""The SQL of the durable stores: it is in files, by name, all of it is used, and none of it is put together."""

from __future__ import annotations

import ast
import contextlib
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import store
from gateway.store.sql import Query, _read, migrations, queries
from gateway.store.sqlite.schema import statements

DIALECTS = ("postgresql", "sqlite")
HOME = Path(store.__file__).parent

ASKING = {"Ask", "Tell", "Told", "ask", "find", "tell", "told", "_find", "_list", "_rows"}
"""Whoever calls one of these names a query."""
RUNNING = {"execute", "executemany", "executescript", "fetch", "fetchrow", "fetchval", "prepare"}
"""What drivers run SQL with."""
PLAIN = re.compile(r"(begin immediate|commit|rollback|pragma \w+ = \w+)")
"""What is no question to the tables, and stands in the code."""
LIKE_SQL = re.compile(r"\s*(select|insert|update|delete|create|alter|drop|truncate|with|merge)\s+[\w*(]", re.IGNORECASE)


ELSEWHERE = {
    "sqlite": {"add_event_lanes", "lock_event_lanes", "order_events"},
    "postgresql": {
        "add_lanes",
        "add_messages",
        "add_steps",
        "due_lanes",
        "lock_due_lanes",
        "next_lane_due",
        "queues",
        "wake_event_lanes",
    },
}
"""What the ledger asks only of the other dialect: where several processes write, and where there are no functions."""


def calls(*folders: str) -> Iterator[tuple[str, ast.Call]]:
    """Give every call in some folders of the store, with the name of what is called."""
    for folder in folders:
        for file in sorted((HOME / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Call):
                    yield str(getattr(node.func, "attr", getattr(node.func, "id", ""))), node


def named(*folders: str) -> set[str]:
    """Name the queries that are asked for in some folders."""
    first_two = (word for name, call in calls(*folders) if name in ASKING for word in call.args[:2])
    words = (node.value for argument in first_two for node in ast.walk(argument) if isinstance(node, ast.Constant))
    return {word for word in words if isinstance(word, str)}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_query_is_used_and_every_used_one_exists(dialect: str) -> None:
    """What the ledger asks for is there in each dialect; what nobody asks for is not."""
    assert set(queries(dialect)) == named("ledger", "records", dialect) - ELSEWHERE[dialect]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_query_is_one_statement_that_says_what_it_is_for(dialect: str) -> None:
    """A sentence before it, and one semicolon at its end."""
    found = queries(dialect).values()
    assert [] == [query.name for query in found if not re.fullmatch(r"[A-Z].+\.", query.purpose)]
    assert [] == [query.name for query in found if query.sql.count(";") != 1 or query.sql[-1] != ";"]


def test_every_query_fits_the_tables() -> None:
    """SQLite takes each of them on the schema that the migrations make; PostgreSQL's are tried on a server."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        for migration in migrations("sqlite"):
            for statement in statements(migration.sql):
                connection.execute(statement)
        connection.execute(queries("sqlite")["make_migrations"].sql)
        for query in queries("sqlite").values():
            numbers = [int(number) for number in re.findall(r"\?(\d+)", query.sql)]
            values = [None] * max(numbers, default=query.sql.count("?"))
            connection.execute(f"explain {query.sql}", values)


def test_no_statement_is_put_together() -> None:
    """Drivers are given a query of a file, a piece of a migration, or one of a few words that take no value."""
    given = [call.args[0] for name, call in calls(".") if name in RUNNING and call.args]
    plain = [node.value for node in given if isinstance(node, ast.Constant)]
    other = {ast.unparse(node).rpartition(".")[2] for node in given if not isinstance(node, ast.Constant)}
    assert [] == [words for words in plain if not (isinstance(words, str) and PLAIN.fullmatch(words))]
    assert {"sql", "statement"} == other
    assert set() == {name for name, _ in calls(".")} & {"executescript"}


def test_no_sql_stands_in_the_code() -> None:
    """Not even one that is run by nobody."""
    found = []
    for file in sorted(HOME.rglob("*.py")):
        tree = ast.parse(file.read_text("utf-8"))
        told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        words = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in told]
        found += [node.value for node in words if isinstance(node.value, str) and LIKE_SQL.match(node.value)]
    assert [] == found


@pytest.mark.parametrize("dialect", DIALECTS)
def test_migrations_are_numbered_one_by_one(dialect: str) -> None:
    """A number is used once, and what must wait comes with a number of its own or after its first half."""
    names = [migration.name for migration in migrations(dialect)]
    assert names == sorted(set(names))
    assert [f"{number:04}" for number in range(1, len(names) + 1)] == [name[:4] for name in names]


def test_both_dialects_have_come_equally_far() -> None:
    """A change of the schema is made in both, under one name."""
    one, other = ([migration.name for migration in migrations(dialect)] for dialect in DIALECTS)
    assert one == other


def test_a_query_is_read_with_its_purpose() -> None:
    """Name, sentence and statement; the sentence may take several lines."""
    text = "-- name: one\n-- Do one\n-- thing.\nselect 1\nfrom t;\n\n-- name: two\n-- Do another.\nselect 2;\n"
    expected = [Query("one", "Do one thing.", "select 1\nfrom t;"), Query("two", "Do another.", "select 2;")]
    assert expected == _read(text)
    with pytest.raises(ValueError, match="says what it is for"):
        _read("-- name: three\nselect 3;\n")
