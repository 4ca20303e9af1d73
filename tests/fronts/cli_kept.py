"""Messages in a durable store, as processes that are gone have left them."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from gateway import Connection, Gateway, Message, Receipt, Refused, Sent, Unreachable
from gateway.actions import DeliveryState
from gateway.model import Attachment, Text
from gateway.outbox import accepted, refused, unknown
from gateway.store import MessageRow, MessageState, Settlement, StepRow
from gateway.store.records import records_of
from gateway.store.records.erasing import Mention, Pieces
from tests.fronts.cli_runs import CONTACT

End = Callable[[MessageRow, Sequence[StepRow], Connection], list[Settlement]]


def keep(config: Path, *ends: End, text: str = "secret words", key: str | None = None) -> str:
    """Keep a message of one step, or of two where it ends in the middle, and say what became of it."""
    return asyncio.run(_keep(config, ends, text, key))


async def _keep(config: Path, ends: Sequence[End], text: str, key: str | None) -> str:
    async with Gateway.from_config(config, works=False) as gateway:
        picture = [Attachment(url="https://example.com/a.png")] if half_sent in ends else []
        ticket = await gateway.enqueue(CONTACT, Message(Text(text=text), *picture), key=key, policy="graceful")
        for end in ends:
            row, steps = await look_up(gateway, ticket.message_id)
            for settlement in end(row, steps, gateway.connections[0]):
                assert await gateway.store.amend(settlement, expect=MessageState.QUEUED)
        return ticket.message_id


def erase(config: Path, message: str) -> None:
    """Erase a message, as the service does for somebody who asks to be forgotten."""
    asyncio.run(_erase(config, message))


async def _erase(config: Path, message: str) -> None:
    async with Gateway.from_config(config, works=False) as gateway:
        row, _ = await look_up(gateway, message)
        mention = Mention(row.id, row.connection, row.lane, row.request, key="", request=row.request)
        await Pieces(records_of(gateway.store)).erase_messages([mention], [], datetime.now(UTC))


async def look_up(gateway: Gateway, message: str) -> tuple[MessageRow, tuple[StepRow, ...]]:
    """Give a row that has to be there."""
    found = next(row for row in await gateway.store.messages() if row.id == message)
    kept = await gateway.store.message(found.id)
    assert kept is not None
    return kept


def not_known(row: MessageRow, steps: Sequence[StepRow], connection: Connection) -> list[Settlement]:
    """Nobody read the vendor's answer, and no proof came."""
    error = Unreachable("the answer was not read")
    return [unknown(row, steps[0], error, None, connection, datetime.now(UTC), until=None)]


def half_sent(row: MessageRow, steps: Sequence[StepRow], connection: Connection) -> list[Settlement]:
    """The vendor took the first step and refused the second."""
    now = datetime.now(UTC)
    receipt = Receipt(sent=(Sent(vendor_id="em_1", index=0, state=DeliveryState.QUEUED),))
    first = accepted(row, steps, steps[0], receipt, None, connection, now)
    return [first, refused(first.message, steps[1], Refused("no pictures today"), None, connection, now)]
