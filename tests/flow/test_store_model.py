"""The durable stores do what the store in memory does, whatever two workers and a dispatcher do to them."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings

from gateway.store import MemoryStore, open_store
from tests.flow.store_moves import Move, Player, moves
from tests.postgres import Server

Fresh: TypeAlias = Callable[[], str]
"""Gives the URL of a store that is empty."""

EXAMPLES = int(os.environ.get("EXAMPLES", "30"))
"""How many scripts are played on each store: a few with every `make test`, many by `make campaign`."""

EMPTY = """
    do $$ declare one record; begin
        for one in
            select tablename as name from pg_tables where schemaname = current_schema() and tablename <> 'migration'
        loop execute format('delete from %I', one.name); end loop;
        for one in select sequencename as name from pg_sequences where schemaname = current_schema()
        loop perform setval(quote_ident(one.name), 1, false); end loop;
    end $$
"""
"""Takes everything out of a schema but its tables: a few rows are sooner deleted than all files are made anew."""


def _memory(_: pytest.FixtureRequest) -> Fresh:
    return lambda: "memory:"


def _sqlite(request: pytest.FixtureRequest) -> Fresh:
    folder: Path = request.getfixturevalue("tmp_path")
    numbers = itertools.count()
    return lambda: f"sqlite:///{folder / f'{next(numbers)}.db'}"


def _postgresql(request: pytest.FixtureRequest) -> Fresh:
    server: Server = request.getfixturevalue("postgres")
    url: str = request.getfixturevalue("postgres_url")
    schema = url.rpartition("=")[2]

    def fresh() -> str:
        server.sql(EMPTY, schema=schema)
        return url

    return fresh


@pytest.fixture(params=[_memory, _sqlite, _postgresql], ids=["memory", "sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest) -> Fresh:
    """Makes empty stores of one kind."""
    made: Fresh = request.param(request)
    return made


async def played(url: str, script: list[Move]) -> None:
    """Play a script on a store and on the model, then let both run dry."""
    model, store = MemoryStore(), open_store(url, {})
    await store.open()
    try:
        player = Player(model, store)
        await player.play(script)
        await player.compare()
        await player.drain()
        await player.compare()
    finally:
        await store.close()


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=moves)
def test_every_store_does_what_the_model_does(fresh: Fresh, script: list[Move]) -> None:
    """Each answer is the same, and so is all that is kept afterwards."""
    asyncio.run(played(fresh(), script))
