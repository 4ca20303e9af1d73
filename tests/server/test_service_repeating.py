"""`Idempotency-Key` over HTTP: once, whatever happens in between."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from gateway.server.repeating import LEASE
from gateway.store.records.idempotency import Turn
from tests.server.desk import ON_BOTH_STORES, PHONE, Desk

BODY = {"to": PHONE, "message": "hi"}


async def sent(at: Desk, key: str, body: Any = BODY, **params: Any) -> httpx.Response:
    """Send with a key."""
    return await at.client.post("/v1/messages", json=body, params=params, headers={"idempotency-key": key})


async def count(at: Desk) -> int:
    """Count the messages that were kept."""
    return len((await at.client.get("/v1/messages")).json()["items"])


async def test_the_same_request_again_gives_the_first_answer(at: Desk) -> None:
    """Whatever the spelling of key and body; the header says that it is one."""
    await at.connection()
    first = await sent(at, "a-key")
    again = await sent(at, '"a-key"', {"message": "hi", "to": PHONE})
    assert (202, 202, 1) == (first.status_code, again.status_code, await count(at))
    assert first.content == again.content
    assert (None, "true") == tuple(answer.headers.get("idempotency-replayed") for answer in (first, again))


async def test_another_request_with_the_key_is_refused(at: Desk) -> None:
    """422, and nothing is sent; a body or a place that differs is another request."""
    await at.connection()
    await sent(at, "a-key")
    other = await sent(at, "a-key", {**BODY, "message": "ho"})
    elsewhere = await sent(at, "a-key", wait=1)
    assert [(422, "idempotency_mismatch")] * 2 == [(r.status_code, r.json()["code"]) for r in (other, elsewhere)]
    assert 1 == await count(at)


async def test_a_request_that_was_refused_gives_its_key_back(at: Desk) -> None:
    """What is wrong with a request is mended under the same key: nothing was kept under it."""
    await at.connection()
    wrong = await sent(at, "a-key", {**BODY, "to": "nobody"})
    right = await sent(at, "a-key")
    assert [422, 202] == [wrong.status_code, right.status_code]


@ON_BOTH_STORES
async def test_many_at_once_are_one(at: Desk) -> None:
    """One of them is carried out; the others get its answer, or are told to come again."""
    await at.connection()
    answers = await asyncio.gather(*(sent(at, "a-key") for _ in range(10)))
    told = {(answer.status_code, answer.headers.get("retry-after")) for answer in answers}
    assert told <= {(202, None), (409, "1")}
    assert (202, 1) == ((await sent(at, "a-key")).status_code, await count(at))


@ON_BOTH_STORES
async def test_a_process_that_died_in_between_sends_nothing_twice(at: Desk) -> None:
    """The message was kept and the answer was not: the next request finds the one and writes the other."""
    await at.connection()
    first = (await sent(at, "a-key")).json()
    row = ("tn_default", "POST /v1/messages", "a-key")
    records = at.service.idempotency
    # as it is left behind: the outbox has its row, the record is held by nobody any more
    await records.sweep(at.service.now() + LEASE)
    now = at.service.now()
    begun = await records.begin(*row, fingerprint="x", now=now, until=now)
    assert Turn.MINE is begun.turn
    assert 422 == (await sent(at, "a-key")).status_code
    await records.forget(*row)
    again = (await sent(at, "a-key")).json()
    assert (first["id"], 1) == (again["id"], await count(at))


async def test_a_key_that_is_none_is_told(at: Desk) -> None:
    """Empty, too long, or with a space in it."""
    await at.connection()
    answers = [await sent(at, key) for key in ("", "a b", "x" * 256)]
    assert [400] * 3 == [answer.status_code for answer in answers]


async def test_secrets_that_are_shown_once_are_not_kept_in_the_clear(at: Desk) -> None:
    """A key that was made is given again, and the table does not hold it."""
    ask: dict[str, Any] = {"json": {"name": "one", "scopes": ["read"]}, "headers": {"idempotency-key": "k"}}
    first, again = [(await at.client.post("/v1/keys", **ask)).json() for _ in range(2)]
    assert first == again
    rows = await at.service.store.rows("idempotency", "tn_default", "POST /v1/keys", "k")
    assert first["secret"] not in str(rows)
