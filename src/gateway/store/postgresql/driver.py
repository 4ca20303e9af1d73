"""The only file that imports the driver: connections, and what their errors mean."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from functools import partial
from typing import Any, Protocol, TypeVar

from gateway.errors import ConfigurationError, StoreError
from gateway.store.ledger.plan import Ask, MovedError, Plan, Rows
from gateway.store.postgresql.place import Place
from gateway.store.sql import queries

try:
    import asyncpg  # type: ignore[import-untyped]  # it has no types; what is used of it is in the protocols below
except ImportError:
    raise ConfigurationError(
        "postgresql:// needs the library asyncpg", hint='pip install "messaging-gateway[postgres]"'
    ) from None

__all__ = [
    "Connection",
    "Line",
    "Pool",
    "connect",
    "failing",
    "failure",
    "find",
    "make_pool",
    "run",
    "transient",
    "whole_store",
]

T = TypeVar("T")

CONNECT = 10.0
"""Seconds until a connection must stand."""
ANSWER = 60.0
"""Seconds until a statement must be answered."""
ENOUGH = 8
"""Connections of which some may be kept by those who use them again and again."""


class Connection(Protocol):
    """What is used of a connection."""

    async def fetch(self, query: str, *args: Any) -> Rows:
        """Run a statement."""

    async def execute(self, query: str, *args: Any) -> str:
        """Run a script."""

    def transaction(self, *, isolation: str | None = None) -> contextlib.AbstractAsyncContextManager[Any]:
        """Begin a transaction."""

    async def add_listener(self, channel: str, callback: Callable[..., None]) -> None:
        """Listen."""

    def is_closed(self) -> bool:
        """Tell whether it is gone."""

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the driver's own parameter
        """End it."""

    def terminate(self) -> None:
        """End it without a word."""


class Lent(Protocol):
    """A connection of a pool, for a block or until it is given back."""

    async def __aenter__(self) -> Connection:
        """Lend it."""

    async def __aexit__(self, *_: object) -> None:
        """Take it back."""

    def __await__(self) -> Generator[Any, None, Connection]:
        """Lend it until it is given back."""


class Pool(Protocol):
    """What is used of a pool."""

    def acquire(self) -> Lent:
        """Lend a connection."""

    async def release(self, connection: Connection) -> None:
        """Take a connection back."""

    async def close(self) -> None:
        """End all connections."""

    def terminate(self) -> None:
        """End them without a word."""


class _Kept(asyncpg.Connection):  # type: ignore[misc]  # untyped, see above
    """A connection on which nothing outlives a transaction, so that giving it back needs no round to the server."""

    def get_reset_query(self) -> str:
        return ""


def _options(place: Place) -> dict[str, Any]:
    return {
        "dsn": place.url,
        "timeout": CONNECT,
        "command_timeout": ANSWER,
        # behind a pooler the next transaction may be on another connection, where nothing was prepared
        "statement_cache_size": 0 if place.pooled else 200,
    }


async def connect(place: Place) -> Connection:
    """Make one connection."""
    with failing():
        connection: Connection = await asyncpg.connect(**_options(place))
        return connection


async def make_pool(place: Place) -> Pool:
    """Make a pool; it connects when a connection is asked for."""
    with failing():
        pool: Pool = await asyncpg.create_pool(
            **_options(place),
            min_size=0,
            max_size=place.connections,
            connection_class=_Kept,
            init=None if place.pooled else _begin,
        )
        return pool


async def _begin(connection: Connection) -> None:
    """Have a statement that is a transaction by itself see what was committed, whatever the server's own choice is."""
    await find(connection, "read_committed")


class Line:
    """Where one after the other writes or reads: it keeps its connection, for to take one costs as much as a statement.

    Who comes while somebody is on it gets another connection of the pool; of few connections none is kept.
    """

    def __init__(self, pool: Pool, place: Place) -> None:
        self._pool = pool
        self._pooled = place.pooled
        self._keeps = place.connections >= ENOUGH
        self._kept: Connection | None = None
        self._taken = False
        self._closed = False

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a connection for one transaction."""
        async with self._lend() as connection, connection.transaction(isolation="read_committed"):
            yield connection

    def statement(self) -> contextlib.AbstractAsyncContextManager[Connection]:
        """Lend a connection for one statement, which is a transaction by itself.

        Behind a pooler it is put into one: outside of it the two halves of a query may be answered on two connections.
        """
        return self.transaction() if self._pooled else self._lend()

    async def close(self) -> None:
        """Give the connection back, or have who is on it do so."""
        self._closed = True
        if not self._taken:
            await self._give_back()

    @contextlib.asynccontextmanager
    async def _lend(self) -> AsyncIterator[Connection]:
        if self._taken or not self._keeps:
            async with self._pool.acquire() as connection:
                yield connection
            return
        self._taken = True
        try:
            if self._kept is not None and _gone(self._kept):
                await self._give_back()
            if self._kept is None:
                self._kept = await self._pool.acquire()
            yield self._kept
        finally:
            self._taken = False
            if self._closed:
                await self._give_back()

    async def _give_back(self) -> None:
        if self._kept is not None:
            kept, self._kept = self._kept, None
            await self._pool.release(kept)


def _gone(connection: Connection) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:  # the pool has taken it back when it broke
        return True


async def find(connection: Connection, query: str, *arguments: Any) -> Rows:
    """Run a query once; a list is a set of values."""
    return await connection.fetch(queries("postgresql")[query].sql, *arguments)


async def run(connection: Connection, plan: Plan[T]) -> T:
    """Run a plan; rows are sent as one array for each column."""
    step = partial(next, plan)
    while True:
        try:
            query = step()
        except StopIteration as end:
            result: T = end.value
            return result
        arguments = query.arguments if isinstance(query, Ask) else tuple(map(list, zip(*query.rows, strict=True)))
        rows = await find(connection, query.query, *arguments)
        step = partial(plan.send, rows)


# ── errors ────────────────────────────────────────────────────────────────────────────────────────────────────────


def transient(error: BaseException) -> bool:
    """Tell whether the same transaction may go through when it is tried again at once."""
    return isinstance(error, MovedError | asyncpg.DeadlockDetectedError | asyncpg.SerializationError)


def whole_store(error: BaseException) -> bool:
    """Tell whether an error concerns the whole store, not only the rows that met it."""
    if isinstance(error, ValueError):  # the driver's word for a value that it cannot write down
        return False
    # the driver's own confusion is what a server that goes away in the middle of a statement may leave it in
    if isinstance(error, OSError | TimeoutError | asyncpg.InterfaceError | asyncpg.InternalClientError):
        return True
    state = getattr(error, "sqlstate", None) or ""
    return state[:2] in {"08", "28", "3D", "3F", "42", "53", "57", "58"} or state == "25006"


def failure(error: BaseException) -> StoreError:
    """Say what an error means, and what to do; what was being written is never in it, nor where to."""
    if isinstance(error, StoreError):
        return error
    state = getattr(error, "sqlstate", None) or ""
    for start, code, text, hint in _MEANINGS:
        if state.startswith(start):
            return StoreError(text, code=code, hint=hint)
    if whole_store(error):
        return StoreError(
            "PostgreSQL cannot be reached",
            code="unavailable",
            hint="the store connects again by itself once it is back",
        )
    if transient(error):
        return StoreError("too many wrote the same at once", code="busy", hint="try again")
    kind = f"PostgreSQL's {state}" if state else type(error).__name__
    if state.startswith("22") or isinstance(error, ValueError):
        return StoreError(f"this cannot be kept: {kind}", code="unkept", hint="its text or a number is broken")
    return StoreError(f"PostgreSQL failed: {kind}", code="failed", hint="look at the server's log")


_MEANINGS = (
    ("28", "login", "PostgreSQL does not let us in", "look at user and password in the store's URL"),
    ("3D", "no_database", "there is no such database", "make it: createdb NAME"),
    ("42501", "rights", "the user may not do this", "gateway migrate needs the rights of the tables' owner"),
    ("42P01", "no_schema", "the tables are not there", "run: gateway migrate"),
    ("42", "no_schema", "the tables are not those of this version", "run: gateway migrate"),
    ("25006", "read_only", "this PostgreSQL is a standby: nothing can be written", "name the primary in the URL"),
    ("53100", "full", "PostgreSQL's disk is full: nothing more is kept", "make room; the store then goes on by itself"),
    ("53300", "overloaded", "PostgreSQL has no connection left", "raise max_connections, or use a pooler"),
)


@contextlib.contextmanager
def failing() -> Iterator[None]:
    """Turn an error of the driver into a `StoreError`, and one of the URL into a `ConfigurationError`."""
    try:
        yield
    except asyncpg.exceptions.ClientConfigurationError:
        raise ConfigurationError("the store's URL is wrong", hint="see how PostgreSQL's URLs are written") from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError) as error:
        raise failure(error) from None
