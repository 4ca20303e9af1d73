"""Settling what nobody knows: a token that came back, the vendor's own records, or else a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gateway import outbox
from gateway.actions import Attempt, Receipt, SendMessage, Sent
from gateway.connections import Connection, Connections
from gateway.drive import drive
from gateway.errors import GatewayError
from gateway.ids import Token
from gateway.log import logger
from gateway.standing import begin
from gateway.store.port import Store
from gateway.store.rows import MessageState, Settlement, StepRow, StepState, Work

__all__ = ["look_for_proof", "proven", "prove"]

_log = logger(__name__)


def proven(vendor_ids: tuple[str, ...]) -> Receipt:
    """Make the receipt of a send that is proven by ids alone: its answer was never read."""
    return Receipt(sent=tuple(Sent(vendor_id=vendor_id, index=index) for index, vendor_id in enumerate(vendor_ids)))


async def prove(store: Store, connections: Connections, token: Token, now: datetime) -> None:
    """Settle an unknown step whose token came back in a webhook: the vendor has it."""
    step = await store.by_token(token)
    found = await store.message(step.message) if step else None
    if step is None or found is None:
        return
    message, steps = found
    connection = connections.find(message.connection)
    vendor_ids = await store.proofs(token)
    if message.state is MessageState.UNKNOWN and step.state is StepState.UNKNOWN and connection and vendor_ids:
        settled = outbox.accepted(message, steps, step, proven(vendor_ids), None, connection, now)
        if await store.amend(settled, expect=MessageState.UNKNOWN):
            await begin(store, connection, message.lane, now)
            _log.info("outcome_proven", message_id=message.id, step=step.index, by="webhook")


async def look_for_proof(store: Store, work: Work, step: StepRow, connection: Connection, now: datetime) -> Settlement:
    """Say what became of a step whose settle time is over.

    By the vendor's webhooks, else by its records; with neither it is parked for `resolve`, and its chat goes on: a dead
    chat is worse than a gap.
    """
    vendor_ids, absent = await store.proofs(step.token), False
    if not vendor_ids:
        vendor_ids, absent = await _in_records(work, step, connection)
    if vendor_ids:
        _log.info("outcome_proven", message_id=work.message.id, step=step.index, by="records")
        await begin(store, connection, work.lane, now)
        return outbox.accepted(work.message, work.steps, step, proven(vendor_ids), None, connection, now)
    if absent:
        _log.info("outcome_absent", message_id=work.message.id, step=step.index)
        again = replace(step, state=StepState.WAITING, call=None, doubt=False, first_at=None)
        row = replace(work.message, state=MessageState.QUEUED, error=None)
        return Settlement(message=row, step=again, attempt=None, next_at=now)
    _log.warning("outcome_parked", message_id=work.message.id, step=step.index, connection=connection.name)
    return Settlement(message=replace(work.message, parked=True), step=step, attempt=None, next_at=now)


async def _in_records(work: Work, step: StepRow, connection: Connection) -> tuple[tuple[str, ...], bool]:
    action = outbox.action_of(step)
    if not isinstance(action, SendMessage):
        return (), False
    attempt = Attempt(action=action, started_at=step.first_at or work.message.created_at)
    try:
        found = await drive(connection.provider.find(attempt), connection.transport.send)
    except GatewayError as error:
        _log.info("no_records", message_id=work.message.id, error=error.slug)
        return (), False
    return found.vendor_ids, found.absent
