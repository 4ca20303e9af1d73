"""The thread that writes: what gathers for it, and what it leaves beside the file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.store.ledger.calls import KeepCursor
from gateway.store.sql import migrations
from gateway.store.sqlite.connection import connect
from gateway.store.sqlite.schema import upgrade
from gateway.store.sqlite.writer import MOST, ROUNDS, Outcome, Writer


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Make a database's file, and connect to it as its writer does."""
    with closing(connect(tmp_path / "gateway.db", writing=True)) as made:
        upgrade(made, migrations("sqlite"), late=True)
        yield made


class Watched(Writer):
    """Notes how many calls it hands over at once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.handed: list[int] = []
        self.written: list[Outcome] = []
        super().__init__(connection, self.written.append, linked=False)

    def _hand_over(self) -> None:
        if self._gathered:
            self.handed.append(len(self._gathered))
        super()._hand_over()


async def handed_over(connection: sqlite3.Connection, rounds: Iterable[int]) -> list[int]:
    """Make calls, each in its round of the loop from now on; gives how many were handed over at once."""
    writer = Watched(connection)

    async def call(name: str, after: int) -> None:
        for _ in range(after):
            await asyncio.sleep(0)
        await writer.call(KeepCursor(name, "1"))

    await asyncio.gather(*(call(str(number), after) for number, after in enumerate(rounds)))
    await writer.close()
    assert sum(writer.handed) == sum(len(outcome.calls) for outcome in writer.written)
    assert sum(writer.handed) == connection.execute("select count(*) from cursor").fetchone()[0]
    return writer.handed


async def test_calls_of_rounds_that_follow_each_other_go_together(connection: sqlite3.Connection) -> None:
    """As those of many connections come, whose requests were not all read at once."""
    assert [6] == await handed_over(connection, range(6))


async def test_a_round_without_a_call_is_the_end(connection: sqlite3.Connection) -> None:
    """A call that is alone does not wait for what may come."""
    assert [1, 2, 1] == await handed_over(connection, [0, 10, 11, 20])


async def test_the_first_one_does_not_wait_for_ever(connection: sqlite3.Connection) -> None:
    """Where every round brings more, so many rounds are enough."""
    handed = await handed_over(connection, range(3 * ROUNDS))
    assert max(handed) <= ROUNDS + 1
    assert len(handed) >= 3


async def test_not_more_than_a_transaction_takes_gathers(connection: sqlite3.Connection) -> None:
    """What is there at once is handed over as soon as it is enough, and makes a transaction for each so many."""
    writer = Watched(connection)
    await asyncio.gather(*(writer.call(KeepCursor(str(number), "1")) for number in range(MOST + 44)))
    await writer.close()
    assert [MOST + 44] == writer.handed
    assert [MOST, 44] == [len(outcome.calls) for outcome in writer.written]


@pytest.mark.parametrize("writing", [True, False])
def test_nothing_is_put_into_files_elsewhere(connection: sqlite3.Connection, tmp_path: Path, *, writing: bool) -> None:
    """Messages are in the database's own folder and nowhere else, not for a moment."""
    with closing(connect(tmp_path / "gateway.db", writing=writing)) as made:
        assert (2,) == made.execute("pragma temp_store").fetchone()
    assert {"gateway.db", "gateway.db-wal", "gateway.db-shm"} >= {path.name for path in tmp_path.iterdir()}
