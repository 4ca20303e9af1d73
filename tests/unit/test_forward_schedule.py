"""What an answer means for a delivery and its endpoint, and when it is tried again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.egress import Answer, EgressFailed
from gateway.errors import GatewayError
from gateway.forward.schedule import SCHEDULE, ForwardRules, judged, retry_after
from gateway.store.records.deliveries import DeliveryRow, Standing
from gateway.store.records.endpoints import EndpointRow, EndpointState, Wanted
from gateway.store.records.forwarding import Effect, Held, Settled

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
RULES = ForwardRules()
ROW = DeliveryRow(
    id="dlv_1",
    tenant="tn_default",
    endpoint="ep_1",
    event="evt_1",
    sequence=1,
    lane="ep_1:chat_1",
    state=Standing.PENDING,
    next_at=NOW,
    created_at=NOW,
)
ENDPOINT = EndpointRow(
    id="ep_1",
    tenant="tn_default",
    url="https://example.com/",
    description="",
    wanted=Wanted(),
    format="standard",
    secrets="",
    data_key="",
    state=EndpointState.ACTIVE,
    created_at=NOW,
    updated_at=NOW,
)


def after(
    outcome: Answer | GatewayError | int,
    *,
    tries: int = 0,
    chance: float = 0.0,
    headers: Mapping[str, str] | None = None,
) -> Settled:
    """Give what becomes of a delivery after an attempt."""
    outcome = Answer(outcome, headers or {}, b"") if isinstance(outcome, int) else outcome
    held = Held(replace(ROW, attempts=tries, tries=tries), ENDPOINT, "{}", "me")
    return judged(held, outcome, NOW, NOW, RULES, chance)


def test_the_schedule_is_that_of_the_specification() -> None:
    """Ten attempts over 75 hours, 35 minutes and 5 seconds; then it is dead."""
    waits = [(after(500, tries=tries).delivery.next_at - NOW).total_seconds() for tries in range(9)]
    assert list(SCHEDULE[1:]) == waits
    assert timedelta(hours=75, minutes=35, seconds=5) == timedelta(seconds=sum(SCHEDULE))
    assert Standing.DEAD is after(500, tries=9).delivery.state


@given(chance=st.floats(0, 1), tries=st.integers(0, 8))
def test_waits_are_drawn_out_by_chance(chance: float, tries: int) -> None:
    """By a tenth at most, and never shortened."""
    wait = (after(500, tries=tries, chance=chance).delivery.next_at - NOW).total_seconds()
    assert SCHEDULE[tries + 1] <= wait <= 1.1 * SCHEDULE[tries + 1] + 1e-6


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_ends_it(status: int) -> None:
    """The endpoint works."""
    settled = after(status)
    assert (Standing.DELIVERED, Effect.WORKS, NOW) == (
        settled.delivery.state,
        settled.effect,
        settled.delivery.ended_at,
    )


@pytest.mark.parametrize("status", [100, 199, 300, 301, 307, 400, 401, 404, 408, 422, 500, 501, 505])
def test_everything_else_is_a_failure(status: int) -> None:
    """A redirect, too."""
    settled = after(status)
    assert (Standing.PENDING, Effect.FAILS, None) == (settled.delivery.state, settled.effect, settled.closed_until)


def test_no_answer_is_a_failure_with_a_reason() -> None:
    """Without a status."""
    settled = after(EgressFailed("no answer in 15 seconds", code="timeout"))
    assert settled.attempt is not None
    assert (None, "egress_failed (timeout): no answer in 15 seconds", Effect.FAILS) == (
        settled.attempt.status,
        settled.attempt.error,
        settled.effect,
    )


@pytest.mark.parametrize(
    ("status", "headers", "effect", "seconds"),
    [
        (429, {}, Effect.BUSY, 30),
        (429, {"retry-after": "120"}, Effect.BUSY, 120),
        (503, {"retry-after": "120"}, Effect.BUSY, 120),
        (503, {}, Effect.FAILS, 30),
        (502, {}, Effect.FAILS, 30),
        (504, {}, Effect.FAILS, 30),
        (500, {"retry-after": "7"}, Effect.BUSY, 7),
        (429, {"retry-after": "999999999999"}, Effect.BUSY, 86_400),
    ],
)
def test_a_receiver_that_asks_for_less_closes_the_endpoint(
    status: int, headers: dict[str, str], effect: Effect, seconds: float
) -> None:
    """For as long as it says, at most a day; the delivery waits as long as its schedule says or longer."""
    settled = after(status, headers=headers)
    assert (effect, NOW + timedelta(seconds=seconds)) == (settled.effect, settled.closed_until)
    assert max(5, seconds) == (settled.delivery.next_at - NOW).total_seconds()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5", 5),
        ("Sat, 21 Nov 2026 12:01:00 GMT", 60),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0),
        ("Sat, 21 Nov 2026 12:01:00", 60),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("٥", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float | None) -> None:
    """Anything else says nothing."""
    assert seconds == retry_after({"retry-after": text}, NOW)


@given(st.text())
def test_no_retry_after_is_an_exception(text: str) -> None:
    """Whatever a receiver writes there."""
    seconds = retry_after({"retry-after": text}, NOW)
    assert seconds is None or 0 <= seconds <= 86_400


def test_gone_and_the_receivers_own_wishes() -> None:
    """410 and `disable` end the endpoint, `abort-message` only the delivery."""
    assert (Standing.DEAD, "its receiver answered 410 Gone") == (after(410).delivery.state, after(410).disable)
    wish = {"webhook-delivery": "Disable, abort-message"}
    aborted = after(400, headers=wish)
    assert (Standing.ABORTED, "its receiver asked for it (webhook-delivery: disable)") == (
        aborted.delivery.state,
        aborted.disable,
    )
    assert (Standing.DELIVERED, None) == (
        after(200, headers={"webhook-delivery": "abort-message"}).delivery.state,
        after(200).disable,
    )


def test_what_a_receiver_said_is_kept_up_to_4_kilobytes() -> None:
    """As text that every database takes."""
    settled = after(Answer(500, {}, b"\x00\xff" + b"x" * 10_000))
    assert settled.attempt is not None
    assert "\ufffd\ufffd" + "x" * 4094 == settled.attempt.answer
