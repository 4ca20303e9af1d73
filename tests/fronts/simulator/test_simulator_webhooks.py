from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from typing import Any

import pytest

from gateway.simulator import Entry, Fault, FaultKind, Stage
from gateway.simulator.webhooks import another_secret, check_url
from tests.fronts.simulator.conftest import THEIRS, Stand
from tests.fronts.simulator.receiver import Received


def proves(hook: Received, secret: str) -> bool:
    """Whether the made-up vendor's signature holds."""
    signed = f"{hook.headers['x-echo-time']}.".encode() + hook.body
    return hook.headers["x-echo-proof"] == hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def attempts(stand: Stand) -> list[Entry]:
    """All attempts so far."""
    return stand.sim.journal.entries("attempt")


def seconds(entries: list[Entry]) -> list[float]:
    """How long after the first entry each one was."""
    return [(entry.at - entries[0].at).total_seconds() for entry in entries]


def strike(stand: Stand, kind: FaultKind, **more: Any) -> None:
    """Let a fault strike the next webhook."""
    stand.sim.faults.add(Fault(stage=Stage.WEBHOOK, kind=kind, **more))


async def test_a_webhook_has_the_vendors_headers_and_proof(stand: Stand) -> None:
    """The twin's headers are sent once, the proof holds over the raw body."""
    stand.sim.contact(THEIRS).write("hi", vendor="echo")
    await stand.sim.clock.advance(1)
    (hook,) = stand.app.hooks
    assert proves(hook, stand.sim.secrets["echo"])
    assert ("Echo", "application/json", "message") == tuple(
        hook.headers[name] for name in ("user-agent", "content-type", "x-echo-event")
    )


async def test_a_refused_webhook_is_repeated_by_the_vendors_schedule(stand: Stand) -> None:
    """Each attempt is made at its time and signed anew, until one is accepted."""
    stand.app.answers = [500, 302, 404]
    stand.sim.contact(THEIRS).write("hi", vendor="echo")
    await stand.sim.clock.advance(3600)
    assert [0, 5, 65, 665] == seconds(attempts(stand))
    assert [(500, 5.0), (302, 60.0), (404, 600.0), (200, None)] == [
        (entry.data["status"], entry.data["again_in"]) for entry in attempts(stand)
    ]
    assert 1 == len({hook.body for hook in stand.app.hooks})
    assert 4 == len({hook.headers["x-echo-time"] for hook in stand.app.hooks})
    assert all(proves(hook, stand.sim.secrets["echo"]) for hook in stand.app.hooks)


async def test_the_vendor_gives_up_at_the_end_of_its_schedule(stand: Stand) -> None:
    """There is one attempt more than there are delays."""
    stand.app.answers = [500] * 9
    stand.sim.contact(THEIRS).write("hi", vendor="echo")
    await stand.sim.clock.advance(86_400)
    assert [5.0, 60.0, 600.0, None] == [entry.data["again_in"] for entry in attempts(stand)]


async def test_silence_is_a_timeout_and_counts_from_when_the_vendor_gave_up(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In virtual time the vendor's patience is added, though nobody waited for it."""
    patience = "gateway.simulator.webhooks._VIRTUAL_PATIENCE"
    monkeypatch.setattr(patience, 0.05)
    stand.app.answers = [0]
    stand.sim.contact(THEIRS).write("hi", vendor="echo")
    await stand.sim.clock.advance(1)
    monkeypatch.setattr(patience, 60)  # the next one answers, however busy the machine is
    await stand.sim.clock.advance(59)
    assert [("timeout", None), (None, 200)] == [
        (entry.data["error"], entry.data["status"]) for entry in attempts(stand)
    ]
    assert [0, 15] == seconds(attempts(stand))


async def test_an_application_that_is_not_there_is_tried_again(stand: Stand) -> None:
    """A refused connection is an attempt like any other, and the URL is looked up each time."""
    stand.sim.set_webhook("echo", "http://127.0.0.1:1/hook")
    stand.sim.contact(THEIRS).write("hi", vendor="echo")
    await stand.sim.clock.advance(1)
    stand.sim.set_webhook("echo", stand.app.url)
    await stand.sim.clock.advance(10)
    assert ["ConnectError", None] == [entry.data["error"] for entry in attempts(stand)]
    assert ["message"] == stand.app.events


async def test_without_a_url_nothing_is_sent_and_the_journal_says_so(stand: Stand) -> None:
    """A vendor that was not told where to send keeps no webhooks."""
    stand.sim.set_webhook("echo", None)
    stand.sim.contact(THEIRS).write("hi", vendor="echo")
    await stand.sim.clock.advance(60)
    assert [None] == [entry.data["sent_to"] for entry in stand.sim.journal.entries("webhook")]
    assert ([], []) == (attempts(stand), stand.app.hooks)


# ── faults ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_duplicate_comes_as_often_as_was_asked(stand: Stand) -> None:
    """All copies have one body; only the next webhook is struck."""
    strike(stand, FaultKind.DUPLICATE, copies=2)
    contact = stand.sim.contact(THEIRS)
    contact.write("one", vendor="echo")
    contact.write("two", vendor="echo")
    await stand.sim.clock.advance(1)
    assert ["one", "one", "one", "two"] == [hook.json()["text"] for hook in stand.app.hooks]
    assert all(proves(hook, stand.sim.secrets["echo"]) for hook in stand.app.hooks)


async def test_a_webhook_out_of_order_comes_after_the_next_one(stand: Stand) -> None:
    """Two change places, the third stays."""
    strike(stand, FaultKind.REORDER)
    contact = stand.sim.contact(THEIRS)
    for text in ("one", "two", "three"):
        contact.write(text, vendor="echo")
        await stand.sim.clock.advance(1)
    assert ["two", "one", "three"] == [hook.json()["text"] for hook in stand.app.hooks]


async def test_a_webhook_out_of_order_does_not_wait_for_ever(stand: Stand) -> None:
    """Without a next one it comes late."""
    strike(stand, FaultKind.REORDER, seconds=30)
    stand.sim.contact(THEIRS).write("one", vendor="echo")
    await stand.sim.clock.advance(29)
    assert [] == stand.app.hooks
    await stand.sim.clock.advance(2)
    assert ["message"] == stand.app.events


async def test_a_dropped_webhook_never_comes(stand: Stand) -> None:
    """It is in the journal as a webhook without attempts."""
    strike(stand, FaultKind.DROP)
    stand.sim.contact(THEIRS).write("one", vendor="echo")
    await stand.sim.clock.advance(86_400)
    assert (1, []) == (len(stand.sim.journal.entries("webhook")), attempts(stand))


async def test_a_wrong_signature_is_made_with_another_secret(stand: Stand) -> None:
    """It does not hold for our secret, and holds for the other one."""
    strike(stand, FaultKind.SIGNATURE)
    stand.sim.contact(THEIRS).write("one", vendor="echo")
    await stand.sim.clock.advance(1)
    secret = stand.sim.secrets["echo"]
    assert [False, True] == [proves(stand.app.hooks[0], each) for each in (secret, another_secret(secret))]


async def test_a_stale_webhook_is_signed_for_a_time_gone_by(stand: Stand) -> None:
    """The proof is right, its time is not."""
    strike(stand, FaultKind.STALE, seconds=400)
    stand.sim.contact(THEIRS).write("one", vendor="echo")
    await stand.sim.clock.advance(1)
    (hook,) = stand.app.hooks
    assert proves(hook, stand.sim.secrets["echo"])
    signed_at = attempts(stand)[0].at - timedelta(seconds=400)
    assert int(signed_at.timestamp()) == int(hook.headers["x-echo-time"])


async def test_a_delayed_webhook_comes_late(stand: Stand) -> None:
    """The delay is by the world's clock, and others overtake."""
    strike(stand, FaultKind.DELAY, seconds=100, event="mess*")
    contact = stand.sim.contact(THEIRS)
    contact.type(vendor="echo")
    contact.write("one", vendor="echo")
    contact.call(vendor="echo")
    await stand.sim.clock.advance(99)
    assert ["typing", "call"] == stand.app.events
    await stand.sim.clock.advance(2)
    assert ["typing", "call", "message"] == stand.app.events


@pytest.mark.parametrize("url", ["", "ftp://example.com/", "http://", "example.com/hook", "http://me:pw@example.com/"])
def test_a_webhook_url_is_http_and_holds_no_password(url: str) -> None:
    """Anything else is refused before it is kept."""
    with pytest.raises(ValueError, match="webhook URL"):
        check_url(url)


def test_another_secret_has_the_form_of_the_first() -> None:
    """A vendor whose secrets begin with a word gets such a one."""
    assert another_secret("whsec_abc").startswith("whsec_")
    assert "whsec_abc" != another_secret("whsec_abc")
