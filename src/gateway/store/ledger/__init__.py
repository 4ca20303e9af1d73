"""What every durable store does, apart from its database: calls gathered into batches, and batches turned into queries.

A batch is a generator that yields named queries and is sent their rows, so that one database may run it on a thread
and another one in the event loop. In all of them a batch locks and writes in the same order: lanes, messages, buckets,
lanes of events, events, and the rest by their keys; so two batches never wait for each other in a circle.

PostgreSQL does most of it with functions of its own, for there each query is a round to the server; see
`gateway.store.postgresql.batches`.
"""

from __future__ import annotations

from gateway.store.ledger.batch import Written, write
from gateway.store.ledger.calls import Call, Claim, ClaimEvents, Scrub, Transact
from gateway.store.ledger.claims import Claimed, claim, claim_events
from gateway.store.ledger.lookups import Lookups
from gateway.store.ledger.plan import Ask, MovedError, Plan, Rows, Tell, Told
from gateway.store.ledger.store import LedgerStore

__all__ = [
    "Ask",
    "Call",
    "Claim",
    "ClaimEvents",
    "Claimed",
    "LedgerStore",
    "Lookups",
    "MovedError",
    "Plan",
    "Rows",
    "Scrub",
    "Tell",
    "Told",
    "Transact",
    "Written",
    "claim",
    "claim_events",
    "write",
]
