"""A store that was restored: what it would send may have been sent since the copy was made.

A copy says of itself that it is one, until it is worked with for the first time.
"""

from __future__ import annotations

from datetime import datetime

from gateway.log import logger
from gateway.store.instants import micros
from gateway.store.ledger import LedgerStore, Plan
from gateway.store.ledger.plan import ask
from gateway.store.port import Store

__all__ = ["COPIED", "copied_at", "put_in_doubt"]

_log = logger(__name__)

COPIED = "copied"
"""Name of the cursor that says up to when a copy knows what was done."""


async def copied_at(store: Store) -> datetime | None:
    """Tell when a copy was made that nobody has worked with yet; None for any other store."""
    stamp = await store.cursor(COPIED)
    return None if stamp is None else datetime.fromisoformat(stamp)


async def put_in_doubt(store: LedgerStore, now: datetime, *, copied: datetime | None) -> int:
    """Doubt, in one transaction, what may have left since a copy was made; gives the number of messages.

    Their open steps look as if an attempt had begun when the copy was made, or when they were due if that came later;
    where nobody knows when it was `copied`, when they were due. What falls due after `now` has not left.
    """
    known = 0 if copied is None else micros(min(copied, now))

    def plan() -> Plan[int]:
        rows = yield from ask("doubt_steps", micros(now), known)
        yield from ask("erase_cursors", [COPIED])
        return len({message for (message,) in rows})

    messages = await store.transact(plan)
    _log.warning("store_restored", in_doubt=messages, copied_at=None if copied is None else copied.isoformat())
    return messages
