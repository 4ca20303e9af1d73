"""Deciding about messages over HTTP whose connection is not in use any more: only what is to be sent needs one."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest

from gateway import Unreachable, outbox
from gateway.store import MessageState
from tests.server.desk import ON_BOTH_STORES, PHONE, Desk


async def waiting(at: Desk, connection: str) -> str:
    """Keep a message that leaves tomorrow."""
    tomorrow: datetime = at.service.now() + timedelta(days=1)
    body = {"to": PHONE, "message": "hi", "connection": connection, "at": tomorrow.isoformat()}
    answer = await at.client.post("/v1/messages", json=body)
    assert 202 == answer.status_code, answer.text
    return str(answer.json()["id"])


async def unknown(at: Desk, connection: str) -> str:
    """Keep a message of which nobody knows whether the vendor has it."""
    id_ = await waiting(at, connection)
    engine = at.service.engine
    row, steps = await engine.look_up(id_)
    error, used = Unreachable("the answer was not read"), engine.connections.get(connection)
    lost = outbox.unknown(row, steps[0], error, None, used, at.service.now(), until=None)
    assert await engine.store.amend(lost, expect=MessageState.QUEUED)
    return id_


async def gone(at: Desk, connection: str, how: str) -> None:
    """Have a connection not in use any more."""
    place = f"/v1/connections/{connection}"
    answer = await (at.client.delete(place) if how == "removed" else at.client.post(f"{place}/disable"))
    assert answer.is_success, answer.text


async def decided(at: Desk, message: str, verdict: str) -> str:
    """Decide about a message, and say what became of it."""
    answer = await at.client.post(f"/v1/messages/{message}/resolve", json={"verdict": verdict})
    assert 202 == answer.status_code, answer.text
    return str(answer.json()["outcome"])


@ON_BOTH_STORES
async def test_what_needs_no_vendor_is_decided_without_its_connection(at: Desk) -> None:
    """Dropped, taken for sent, taken back: of a connection that is disabled, or removed."""
    for how in ("disabled", "removed"):
        connection = await at.connection(name=how)
        lost, sent, late = [await make(at, connection) for make in (unknown, unknown, waiting)]
        await gone(at, connection, how)
        cancelled = await at.client.post(f"/v1/messages/{late}/cancel")

        assert ["refused", "accepted"] == [await decided(at, lost, "drop"), await decided(at, sent, "mark_sent")]
        assert (200, "cancelled") == (cancelled.status_code, cancelled.json()["outcome"])


@pytest.mark.parametrize("how", ["disabled", "removed"])
async def test_what_would_be_sent_again_says_what_is_in_its_way(at: Desk, how: str) -> None:
    """It stays as it is; once the connection works again, it goes."""
    connection = await at.connection()
    message = await unknown(at, connection)
    await gone(at, connection, how)
    answer = await at.client.post(f"/v1/messages/{message}/resolve", json={"verdict": "resend"})

    assert (404, "no_route") == (answer.status_code, answer.json()["code"])
    assert f"the connection {connection}, by which {message} goes, is {how}" == answer.json()["detail"]
    hint = r'enable it: POST /v1/connections/\S+/enable, or settle it without: the verdict "mark_sent" or "drop"'
    assert re.fullmatch(hint, answer.json()["hint"])
    assert "unknown" == (await at.client.get(f"/v1/messages/{message}")).json()["outcome"]
    if how == "disabled":
        await at.client.post(f"/v1/connections/{connection}/enable")
        assert "queued" == await decided(at, message, "resend")


async def test_a_key_of_another_connection_decides_nothing(at: Desk) -> None:
    """That the connection does not work opens nothing to who may not use it."""
    connection, other = await at.connection(name="one"), await at.connection(name="other")
    message = await unknown(at, connection)
    await gone(at, connection, "removed")
    keys = (await at.key("read", "send", f"connections:{other}"), await at.key("read"))
    for key, status in zip(keys, (404, 403), strict=True):
        async with at.as_(key) as client:
            answer = await client.post(f"/v1/messages/{message}/resolve", json={"verdict": "drop"})
        assert status == answer.status_code
    assert "unknown" == (await at.client.get(f"/v1/messages/{message}")).json()["outcome"]
