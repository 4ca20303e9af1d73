"""Hearing: what a vendor told of a send and nobody took in proves it too, where the vendor keeps its webhooks.

Asked when the settle time of an unknown send is over, before anything that may be ambiguous: our token is in what the
vendor kept, whatever was sent, and wherever to. What proves a send is taken in by catching up, as if it had been
pushed; the rest is left to catching up, where somebody wants that.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.catchup import CatchUp
from gateway.clock import Clock, wait_for_change
from gateway.connections import Connection
from gateway.drive import Send, drive
from gateway.errors import GatewayError, Refused, Retriable, StoreError
from gateway.exchange import Call, Reply
from gateway.ids import Token
from gateway.inbox import Reading
from gateway.log import logger
from gateway.provider import Provider
from gateway.store.port import Store
from gateway.store.rows import StepState

__all__ = ["Hearing"]

_log = logger(__name__)

EARLY = timedelta(seconds=5)
"""How far the vendor's clock may be behind ours."""
PAGES = 10
"""Pages of one look: a report comes soon after its attempt, and the oldest are read first."""
FRESH = timedelta(seconds=10)
"""How long a look serves others too, at most: sends that became unknown together are looked for together."""
_END = datetime.max.replace(tzinfo=UTC)


class _TooLongError(Exception):
    """A look came to its bound in time."""


@dataclass(frozen=True, slots=True)
class _Look:
    """A look into what the vendor of a connection kept."""

    since: datetime
    until: datetime
    """All from `since` to here was read."""
    fresh_until: datetime
    error: GatewayError | None = None
    """What stood in the way."""

    def serves(self, since: datetime, enough: timedelta, now: datetime) -> bool:
        """Tell whether another look would show no more, for a send that began then and has this time to be told of."""
        covers = self.since <= since and self.until - since >= enough
        return now < self.fresh_until and (covers or self.error is not None)


class Hearing:
    """Looks for tokens in the webhooks that vendors kept."""

    def __init__(self, store: Store, catch_up: CatchUp, clock: Clock) -> None:
        self._store = store
        self._catch_up = catch_up
        self._clock = clock
        self._looks: dict[str, _Look] = {}
        """The last one of each connection."""
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def hear(self, connection: Connection, token: Token, began: datetime) -> GatewayError | None:
        """Take in what the vendor told of a send since it began, if it keeps that; gives what stood in the way.

        Lasts for half of the settle time at most. Raises `StoreError`.
        """
        provider = connection.provider
        if not provider.proof.token_returns or type(provider).missed is Provider.missed:
            return None
        since, settle = began - EARLY, provider.proof.settle
        end = self._clock.now() + settle / 2
        # whoever is before us has an end that is not after ours
        async with self._turns[connection.name]:
            if await self._store.proofs(token):
                return None
            look = self._looks.get(connection.name)
            if look is None or not look.serves(since, settle, self._clock.now()):
                look = self._looks[connection.name] = await self._look(connection, token, since, end)
            return look.error

    async def _look(self, connection: Connection, token: Token, since: datetime, end: datetime) -> _Look:
        fresh_until = self._clock.now() + min(FRESH, connection.provider.proof.settle / 2)
        try:
            return _Look(since, await self._read(connection, token, since, end), fresh_until)
        except StoreError:
            raise
        except GatewayError as error:
            _log.info("webhooks_not_read", connection=connection.name, error=error.slug)
            if isinstance(error, Retriable) and error.retry_after is not None:
                fresh_until = max(fresh_until, self._clock.now() + timedelta(seconds=error.retry_after))
            return _Look(since, since, fresh_until, error)
        except Exception as error:  # noqa: BLE001 - a border: a provider may raise anything, and there is other proof
            name = type(error).__name__
            _log.error("missed_failed", provider=connection.provider.name, error=name)
            failed = Refused(f"the provider failed: {name}", hint="report it to its author")
            return _Look(since, since, fresh_until, failed)

    async def _read(self, connection: Connection, token: Token, since: datetime, end: datetime) -> datetime:
        """Read what was kept until the token was among it, or to the bounds; tells up to when."""
        send, cursor, until = _within(connection.transport.send, self._clock, end), None, since
        for _ in range(PAGES):
            try:
                missed = await drive(connection.provider.missed(cursor, since=since), send)
            except _TooLongError:
                return until
            await self._catch_up.take(missed.hooks, connection, wanted=self._proves)
            until, cursor = max((until, *(hook.received_at for hook in missed.hooks))), missed.cursor
            if cursor is None:
                return _END
            if await self._store.proofs(token):
                return until
        return until

    async def _proves(self, reading: Reading) -> bool:
        """Tell whether a webhook is about a send of its connection whose outcome is unknown.

        The vendor keeps those of a whole account, which may be several connections, or be read by other programs.
        """
        for token in {event.token for event in reading.events if event.token}:
            step = await self._store.by_token(token)
            found = await self._store.message(step.message) if step and step.state is StepState.UNKNOWN else None
            if found is not None and found[0].connection == reading.connection.name:
                return True
        return False


def _within(send: Send, clock: Clock, end: datetime) -> Send:
    """Carry calls until a time; one that is under way then is given up, for it only reads."""

    async def carry(call: Call) -> Reply:
        replies: list[Reply] = []

        async def ask() -> None:
            replies.append(await send(call))

        await wait_for_change(clock, (end - clock.now()).total_seconds(), ask())
        if not replies:
            raise _TooLongError
        return replies[0]

    return carry
