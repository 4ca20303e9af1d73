"""Finding all that names somebody, and taking it away.

What could come again is left as a mark without content: an event's id and a webhook's hash, so that a vendor who
delivers once more brings nothing back, and a message's key, so that whoever repeats the call sends nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gateway.errors import Cancelled
from gateway.events import UnknownEvent
from gateway.ids import ChatId, EventId
from gateway.store.columns import consent_row, event_body, message_row
from gateway.store.instants import micros, moment
from gateway.store.ledger.plan import Plan, ask, tell
from gateway.store.records.audit import Deed, noted
from gateway.store.records.durable import Records
from gateway.store.records.redacting import Redaction
from gateway.store.rows import ConsentRow
from gateway.store.rules import waits

__all__ = ["ERASED", "Found", "Mention", "Pieces", "Somebody", "SuppressionRow", "holding_lanes"]

ERASED = "erased"
"""The lane of what was erased, and the reason of an event that stands for one."""
CANCELLED = Cancelled("erased before it left")


@dataclass(frozen=True, slots=True)
class Somebody:
    """Whom to look for, and where."""

    connections: tuple[str, ...]
    lanes: tuple[str, ...] = field(repr=False)
    """Chats with them alone."""
    needle: str = field(repr=False)
    """Text that names them, lower case: the digits of a phone number, an email, a vendor's contact id."""


@dataclass(frozen=True, slots=True)
class Mention:
    """Something that may be about somebody."""

    id: str
    connection: str
    lane: str
    text: str = field(repr=False)
    """An event's body; what a message says: its request first."""
    sequence: int = 0
    key: str = field(default="", repr=False)
    """A message's key, as its caller gave it."""
    request: str = field(default="", repr=False)
    """What was asked, as JSON."""


@dataclass(frozen=True, slots=True)
class Found:
    """What of a webhook may be about somebody."""

    sequence: int
    text: str = field(repr=False)
    events: str
    """JSON: the ids of what was made of it."""


@dataclass(frozen=True, slots=True)
class SuppressionRow:
    """Somebody who had opted out and was erased."""

    connection: str
    address: str
    """A keyed hash."""
    created_at: datetime


class Pieces(Records):
    """Finds and erases; each call that writes is one short transaction, so that nobody else waits for long."""

    # ── finding ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def around(self, chats: Collection[ChatId]) -> list[ChatId]:
        """Name the chats that are one with some chats, those included."""
        found = set(chats)
        for chat, kept in await self._rows("aliases_around", sorted(chats)):
            found |= {ChatId(chat), ChatId(kept)}
        return sorted(found)

    async def events(self, who: Somebody, after: int, limit: int) -> list[Mention]:
        """List events in the lanes of somebody, or with text that may name them."""
        rows = await self._rows("events_about", *_asked(who, who.lanes), after, limit)
        return [Mention(id_, where, lane, body, sequence) for sequence, id_, where, lane, body in rows]

    async def messages(self, who: Somebody, after: str, limit: int) -> list[Mention]:
        """List messages in the lanes of somebody, or with text that may name them."""
        rows = await self._rows("messages_about", *_asked(who, who.lanes), after, limit)
        return [
            Mention(id_, where, lane, text, key=key, request=request) for id_, where, lane, key, request, text in rows
        ]

    async def webhooks(self, who: Somebody, events: Collection[str], after: int, limit: int) -> list[Found]:
        """List webhooks that events were made of, or with text that may name somebody."""
        rows = await self._rows("webhooks_about", *_asked(who, events), after, limit)
        return [Found(*row) for row in rows]

    async def steps(self, messages: Collection[str]) -> list[tuple[str, int, str, str | None, str]]:
        """Read message, place, action, receipt and token of each step of some messages."""
        return [tuple(row) for row in await self._rows("steps_of_messages", sorted(messages))]

    # ── redacting ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def redact_event(self, event: Mention, body: str) -> bool:
        """Put another body in the place of an event's; False when it was written anew in the meantime."""

        def plan() -> Plan[bool]:
            return bool((yield from ask("redact_event", event.id, event.text, body)))

        return await self._transact(plan)

    async def redact_message(self, message: str, redaction: Redaction) -> bool:
        """Take somebody out of a message to others that has ended; False when it has not, or is not there."""

        def plan() -> Plan[bool]:
            rows = [message_row(row) for row in (yield from ask("messages", [message]))]
            if not rows or waits(rows[0]):
                return False
            row = rows[0]
            key = None if redaction.names(row.key) else row.key
            error = row.error and redaction.json(row.error)
            said = (redaction.json(row.request), redaction.json(row.adaptations))
            yield from ask("redact_message", message, *said, error, key)
            for _, place, action, receipt, _ in (yield from ask("steps_of_messages", [message])):
                kept = receipt and redaction.json(receipt)
                yield from ask("redact_step", message, place, redaction.json(action), kept)
            yield from ask("redact_attempts", message)
            return True

        return await self._transact(plan)

    # ── erasing ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def erase_events(self, events: Sequence[Mention]) -> None:
        """Leave marks of events, and nothing of what was made of them."""
        marks = {event.id: _mark(event) for event in events}
        ids, lanes = sorted(marks), sorted({event.lane for event in events})

        def plan() -> Plan[None]:
            yield from holding_lanes(lanes, alone=getattr(self._store, "alone", False))
            yield from ask("erase_delivery_attempts", ids)
            yield from ask("erase_deliveries", ids)
            yield from ask("erase_runs", ids)
            yield from ask("erase_events", ids, [marks[id_] for id_ in ids])
            yield from tell("write_event_lanes", [(lane,) for lane in lanes])

        await self._transact(plan)

    async def erase_webhooks(self, sequences: Collection[int]) -> None:
        """Leave of webhooks what tells that they came."""

        def plan() -> Plan[None]:
            yield from ask("erase_webhooks", sorted(sequences))

        await self._transact(plan)

    async def erase_messages(self, messages: Sequence[Mention], naming: Collection[str], now: datetime) -> list[str]:
        """Leave marks of messages; gives the ids of those that are leaving at this moment, which are left alone.

        `naming` are those whose keys name somebody themselves.
        """

        def plan() -> Plan[list[str]]:
            lanes = yield from ask("lock_lanes", sorted({message.lane for message in messages}))
            busy = {head for _, _, held, head, _ in lanes if held is not None and held > micros(now)}
            rows = [message_row(row) for row in (yield from ask("messages", sorted(m.id for m in messages)))]
            gone = [row for row in rows if row.id not in busy]
            ids = [row.id for row in gone]
            yield from ask("erase_messages", ids)
            yield from ask("forget_keys", sorted(set(naming) & set(ids)))
            yield from ask("erase_steps", ids)
            yield from ask("erase_attempts", ids)
            counts = {
                row.connection: sum(waits(each) for each in gone if each.connection == row.connection) for row in gone
            }
            yield from tell("add_depth", sorted((name, 0, -count) for name, count in counts.items() if count))
            yield from tell("write_lanes", sorted(tuple(lane) for lane in lanes))
            return sorted(set(busy) & {message.id for message in messages})

        return await self._transact(plan)

    async def erase_ids(self, connection: str, vendor_ids: Collection[str], tokens: Collection[str]) -> None:
        """Forget what is kept by the vendor's ids and by our tokens."""

        def plan() -> Plan[None]:
            yield from ask("erase_owners", connection, sorted(vendor_ids))
            yield from ask("erase_facts", connection, sorted(vendor_ids))
            yield from ask("erase_tokens", sorted(tokens))
            yield from ask("erase_proofs", sorted(tokens))

        await self._transact(plan)

    async def erase_chats(self, chats: Sequence[ChatId]) -> None:
        """Forget chats, once nothing is left in them."""
        begun = [f"begun:{chat}" for chat in chats]

        def plan() -> Plan[None]:
            yield from ask("erase_lanes", list(chats))
            yield from ask("erase_event_lanes", list(chats))
            yield from ask("erase_inbound", list(chats))
            yield from ask("erase_aliases", list(chats))
            yield from ask("erase_cursors", begun)
            yield from ask("erase_buckets", list(chats))

        await self._transact(plan)

    async def erase_files(self, tenant: str, events: Collection[str], named: Collection[str]) -> list[str]:
        """Forget files that events brought, or that only what was erased named; gives the digests nobody has now."""

        def plan() -> Plan[list[str]]:
            alone = []
            for digest in sorted(named):
                if not (yield from ask("steps_with", digest)):
                    alone.append(digest)  # noqa: PERF401 - a comprehension cannot yield
            gone = {digest for (digest,) in (yield from ask("erase_uploads", tenant, sorted(events), alone))}
            gone |= set(alone)
            needed = {digest for (digest,) in (yield from ask("digests_needed", sorted(gone)))}
            yield from ask("erase_files", sorted(gone - needed))
            return sorted(gone - needed)

        return await self._transact(plan)

    async def words(self, chats: Collection[ChatId]) -> list[ConsentRow]:
        """List what was said about consent by the names of chats."""
        return [consent_row(row) for row in await self._rows("words_of_chats", sorted(chats))]

    async def erase_consent(
        self, who: Somebody, chats: Collection[ChatId], hidden: Mapping[str, Collection[str]], deed: Deed, now: datetime
    ) -> list[str]:
        """Turn the words of a contact into keyed hashes, where they opted out; gives those connections.

        `hidden` are the hashes of all their names on each connection: what holds for one goes on holding for all.
        """

        def plan() -> Plan[list[str]]:
            yield from noted(deed, now)
            rows = yield from ask("erase_consents", sorted(chats))
            said = [(row.changed_at, not row.agreed, row.connection) for row in map(consent_row, rows)]
            # who was erased before, by fewer names, goes on having opted out unless they said otherwise since
            before = yield from ask("suppressions", list(who.connections))
            said += [(moment(at), True, connection) for connection, name, at in before if name in hidden[connection]]
            latest = {connection: refused for _, refused, connection in sorted(said)}
            out = sorted(connection for connection, refused in latest.items() if refused)
            for connection in out:
                for name in hidden[connection]:
                    yield from ask("add_suppression", connection, name, micros(now))
            if out:
                yield from ask("order_connections")
                [(last,)] = yield from ask("last_connection_version")
                yield from ask("renumber_connections", out, last + 1)
            yield from ask("erase_idempotency", deed.tenant, who.needle, who.needle)
            return out

        return await self._transact(plan)

    async def suppressions(self, connections: Collection[str]) -> list[SuppressionRow]:
        """List who opted out of some connections and was erased."""
        rows = await self._rows("suppressions", sorted(connections))
        return [SuppressionRow(connection, address, moment(at)) for connection, address, at in rows]


def _asked(who: Somebody, among: Collection[str]) -> tuple[list[str], list[str], str, str]:
    """Give what every query that looks for somebody is asked with."""
    return [*who.connections], [*among], who.needle, who.needle


def holding_lanes(lanes: list[str], *, alone: bool) -> Plan[None]:
    """Lock lanes of events, as every batch does where several processes write."""
    if lanes and not alone:
        yield from tell("add_event_lanes", [(lane,) for lane in lanes])
        yield from ask("lock_event_lanes", lanes)


def _mark(event: Mention) -> str:
    mark = UnknownEvent(id=EventId(event.id), key=ERASED, connection=event.connection, reason=ERASED)
    return event_body(mark)
