"""How we stand with a contact when something is to go: who wrote last, what was agreed, what is paused.

Reads the store, and only what some limit or rule of the connection asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from pydantic_core import from_json, to_json

from gateway.codes import Phase
from gateway.connections import Connection
from gateway.consent import OPERATOR, ConsentMode, Objection, addresses_of, objection, opt_in_mode
from gateway.errors import GatewayError, NotOptedIn
from gateway.ids import ChatId, direct_chat
from gateway.log import logger
from gateway.pacing import Known, Sending, is_answer, may_be_answer, pause_name, pause_names, tolls, wait_of
from gateway.store.port import Store
from gateway.store.rows import ConsentRow

__all__ = ["Pausing", "Standing", "begin", "free_from", "pause", "paused", "standing"]

_log = logger(__name__)

_LOOKS = 50
"""Times that is looked at what a limit lets go next: behind each, another one may stand in the way."""


class Standing(NamedTuple):
    """What is known of the contact of a chat."""

    known: Known
    words: tuple[ConsentRow, ...] = ()
    """What the contacts of the chat said about consent, each by whichever of their names."""

    def objection(self, sending: Sending, connection: Connection) -> Objection | None:
        """Say what speaks against sending, and whether it is refused for it."""
        terms = connection.terms
        found = objection(
            sending.action,
            self.words,
            wrote=self.known.last_wrote is not None,
            opt_out=terms.consent,
            opt_in=opt_in_mode(terms.consent, required=terms.require_opt_in, declared=connection.rules.opt_in_first),
        )
        if found is not None:
            found.error.locate(connection=connection.name, provider=connection.provider.name)
        return found

    def refusal(self, sending: Sending, connection: Connection) -> NotOptedIn | None:
        """Say why nothing may be sent; None also where that is only warned of."""
        found = self.objection(sending, connection)
        return found.error if found and found.mode is ConsentMode.ENFORCE else None


async def standing(store: Store, sending: Sending, connection: Connection, *, goes: bool = True) -> Standing:
    """Look up how we stand with a contact; what only limits ask for is left out of what is kept and does not go yet."""
    terms, rules = connection.terms, connection.rules
    asks_opt_in = (
        opt_in_mode(terms.consent, required=terms.require_opt_in, declared=rules.opt_in_first) is not ConsentMode.OFF
    )
    looks_back = connection.looks_back or asks_opt_in
    words: list[ConsentRow] = []
    if looks_back or terms.consent is not ConsentMode.OFF:
        for address in addresses_of(sending.action.chat):
            word = await _word(store, connection, address.text)
            words += [word] if word else []
    known = await _known(store, sending, words) if looks_back else Known()
    if goes and may_be_answer(sending, terms):
        known = await _heard(store, sending, known, looks_back=looks_back)
    if goes and connection.by_recipient:
        direct = [direct_chat(connection.name, address.text) for address in addresses_of(sending.action.chat)]
        known = known._replace(recipients=tuple(dict.fromkeys([await store.canonical(chat) for chat in direct])))
    return Standing(known, tuple(words))


async def _word(store: Store, connection: Connection, address: str) -> ConsentRow | None:
    """Read the latest word of a contact: what they said, or that they had opted out when they were erased."""
    word = await store.consent(connection.name, address)
    if connection.suppressed is None or (word is not None and not word.agreed):
        return word
    names = (address, *await store.names(direct_chat(connection.name, address)))
    since = max(filter(None, map(connection.suppressed, names)), default=None)
    if since is None or (word is not None and word.changed_at > since):
        return word
    return ConsentRow(connection=connection.name, address=address, agreed=False, source="suppression", changed_at=since)


async def _known(store: Store, sending: Sending, words: Sequence[ConsentRow]) -> Known:
    inbound = await store.last_inbound(sending.connection, sending.lane)
    # who opted in did so by writing, though no message of theirs may have come in
    times = [word.changed_at for word in words if word.agreed and word.source != OPERATOR]
    times += [inbound.received_at] if inbound else []
    if times:
        return Known(begun=True, last_wrote=max(times))
    begun = sending.action.chat.group is not None or await store.cursor(_begun(sending.lane)) is not None
    return Known(begun=begun)


async def _heard(store: Store, sending: Sending, known: Known, *, looks_back: bool) -> Known:
    """Note whether the contact wrote so lately that what goes there is an answer."""
    last_wrote = known.last_wrote
    if not looks_back:
        inbound = await store.last_inbound(sending.connection, sending.lane)
        last_wrote = inbound.received_at if inbound else None
    return known._replace(talking=last_wrote is not None and is_answer(sending, last_wrote))


async def begin(store: Store, connection: Connection, lane: ChatId, now: datetime) -> None:
    """Note that a conversation has begun, as its first message was accepted."""
    if connection.looks_back and await store.cursor(_begun(lane)) is None:
        await store.keep_cursor(_begun(lane), now.isoformat())


def _begun(lane: ChatId) -> str:
    return f"begun:{lane}"


# ── what a vendor's code has stopped ──────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Pausing:
    """Something is stopped for a while, and why."""

    until: datetime
    error: GatewayError


async def paused(store: Store, sending: Sending, connection: Connection, known: Known) -> Pausing | None:
    """Tell what stops an action now; of several the one that lasts longest."""
    found = []
    for name in pause_names(sending, connection.pauses, connection.rules, known):
        if text := await store.cursor(name):
            kept = from_json(text)
            until = datetime.fromisoformat(kept["until"])
            found += [Pausing(until, GatewayError.revive(kept["error"]))] if until > sending.now else []
    return max(found, key=lambda pausing: pausing.until, default=None)


async def free_from(store: Store, sending: Sending, connection: Connection, known: Known) -> datetime:
    """Tell from when on neither the lane's rest nor a limit or a pause stands in the way of an action; takes nothing.

    Goes from one to the next, as the worker does: what is waited for at midnight may be another limit than today's.
    """
    slot = await store.rests(sending.lane, sending.now) or sending.now
    for _ in range(_LOOKS):
        later = sending._replace(now=slot)
        taken = tolls(later, connection.rules, connection.terms, known)
        wait = wait_of(await store.room([toll.bucket for toll in taken], slot), taken, slot)
        pausing = await paused(store, later, connection, known)
        if wait is None and pausing is None:
            break
        slot = max(item.until for item in (wait, pausing) if item is not None)
    return slot


async def pause(store: Store, sending: Sending, connection: Connection, error: GatewayError) -> Pausing | None:
    """Stop what the vendor's answer asks to stop; None where it asks for nothing."""
    row = connection.provider.codes.find(Phase.CALL, error.code)
    if row is None or row.pause is None:
        return None
    until = sending.now + timedelta(seconds=row.pause.seconds)
    kept = to_json({"until": until.isoformat(), "error": error.describe()}).decode()
    await store.keep_cursor(pause_name(sending, row.pause), kept)
    _log.warning(
        "sending_paused",
        connection=connection.name,
        whom=row.pause.whom.value,
        scope=row.pause.scope.value,
        code=error.code,
        until=until.isoformat(),
    )
    return Pausing(until, error)
