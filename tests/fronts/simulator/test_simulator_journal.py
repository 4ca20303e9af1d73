from __future__ import annotations

import asyncio

from gateway.simulator import Journal, SimClock


def test_entries_are_numbered_and_chosen() -> None:
    """By kind, vendor and number; the numbers go on after the journal was cleared."""
    journal = Journal(SimClock("virtual"))
    for kind, vendor in (("request", "a"), ("answer", "a"), ("request", "b")):
        journal.record(kind, vendor)
    assert [1, 2, 3] == [entry.seq for entry in journal.entries()]
    assert [1, 3] == [entry.seq for entry in journal.entries("request")]
    assert [2] == [entry.seq for entry in journal.entries(vendor="a", since=1)]
    assert [1, 2] == [entry.seq for entry in journal.entries(limit=2)]
    journal.clear()
    assert (4, 4) == (journal.record("request").seq, journal.last)


def test_secrets_are_masked_wherever_they_are() -> None:
    """In texts, lists and objects, the longer secret first; a secret too short to be one is left."""
    journal = Journal(SimClock("virtual"), secrets=["secret", "secret-and-more", "abc"])
    entry = journal.record("request", None, body={"a": ["x secret-and-more y", {"b": "secret"}], "c": "abc", "d": 1})
    assert {"body": {"a": ["x ••• y", {"b": "•••"}], "c": "abc", "d": 1}} == entry.data


def test_headers_that_hold_secrets_are_masked_whoever_sent_them() -> None:
    """The scheme of a key may be seen; where and when it was asked is not kept."""
    headers = Journal(SimClock("virtual")).headers(
        {
            "Authorization": "Bearer sk-1",
            "X-API-Key": "sk-2",
            "Cookie": "c",
            "X-Webhook-Secret": "s",
            "Host": "127.0.0.1:1",
            "Date": "now",
            "Idempotency-Key": "k-1",
        }
    )
    assert {
        "authorization": "Bearer •••",
        "x-api-key": "•••",
        "cookie": "•••",
        "x-webhook-secret": "•••",
        "idempotency-key": "k-1",
    } == headers
    assert {"authorization": "•••"} == Journal(SimClock("virtual")).headers({"authorization": "raw key"})


def test_a_long_text_is_cut() -> None:
    """A file in base64 does not fill the memory, wherever it is."""
    journal = Journal(SimClock("virtual"))
    entry = journal.record("request", None, body=journal.body(b'{"data": "' + b"x" * 50_000 + b'"}'))
    assert {"body": {"data": "x" * 20_000 + "… (50000 characters)"}} == entry.data
    assert "y" * 20_000 + "… (30000 characters)" == journal.body(b"y" * 30_000)


async def test_several_wait_for_one_entry() -> None:
    """Each gets it, and who waits for more goes on waiting until the time is up or the journal is closed."""
    journal = Journal(SimClock("virtual"))
    waiting = [asyncio.create_task(journal.wait("request", count=count, seconds=30)) for count in (1, 1, 2)]
    await asyncio.sleep(0)
    journal.record("request")
    assert [1, 1] == [len(await task) for task in waiting[:2]]
    journal.close()
    assert 1 == len(await waiting[2])
    assert [] == await Journal(SimClock("virtual")).wait("request", seconds=0)
