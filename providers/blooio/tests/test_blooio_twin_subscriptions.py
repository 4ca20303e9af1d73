"""Subscriptions of the twin, its log of deliveries, and what the provider makes of the log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.provider import BadSignature
from gateway_blooio import Blooio, BlooioSettings
from gateway_blooio.simulator import BlooioTwin

if TYPE_CHECKING:
    from providers.blooio.tests.conftest import Stand

VENDOR = BlooioTwin.name
ADA = "+12025550150"


async def subscribed(stand: Stand, **body: Any) -> dict[str, Any]:
    """A subscription made by the API, to the same application by another path."""
    response = await stand.ask("POST", "/webhooks", {"webhook_url": f"{stand.app.url}/own", **body})
    assert response.status_code == 201
    made: dict[str, Any] = response.json()
    return made


def keyed(secret: str) -> Blooio:
    """A connection with this secret."""
    return Blooio(BlooioSettings.model_validate({"api_key": "k", "webhook_secret": secret}))


async def test_a_subscription_has_its_own_secret_and_type(stand: Stand) -> None:
    """The secret is shown once; deliveries are signed with it and are those of the type."""
    made = await subscribed(stand, webhook_type="status")
    again = await stand.ask("POST", "/webhooks", {"webhook_url": made["webhook_url"]})
    assert (200, False) == (again.status_code, "signing_secret" in again.json())
    stand.switch("webhook_type", "poll")
    await stand.send("hi")
    stand.ada.write("hi", vendor=VENDOR)
    await stand.sim.clock.advance(60)
    for hook in stand.app.hooks:
        keyed(made["signing_secret"]).verify(hook)
    assert ["message.sent", "message.delivered", "message.read"] == [
        hook.header("x-blooio-event") for hook in stand.app.hooks
    ]


async def test_a_rotated_secret_is_dead_at_once(stand: Stand) -> None:
    """There is no overlap, for the configured subscription neither."""
    stand.ada.write("hi", vendor=VENDOR)
    await stand.events()
    (configured,) = (await stand.ask("GET", "/webhooks")).json()["webhooks"]
    rotated = (await stand.ask("POST", f"/webhooks/{configured['webhook_id']}/secret/rotate")).json()
    stand.ada.write("hi", vendor=VENDOR)
    await stand.sim.clock.advance(1)
    (hook,) = stand.app.hooks
    keyed(rotated["signing_secret"]).verify(hook)
    with pytest.raises(BadSignature):
        stand.provider.verify(hook)


async def test_missed_webhooks_are_the_events_that_were_pushed(stand: Stand) -> None:
    """What the log gives back has the same keys, attempt for attempt, oldest first."""
    stand.app.answers = [500]
    stand.ada.write("hi", vendor=VENDOR)
    await stand.send("hello")
    pushed = await stand.events()
    missed = await stand.run(stand.provider.missed(None))
    fetched = [event for hook in missed.hooks for event in stand.provider.parse(hook)]
    assert sorted(event.key for event in pushed) == sorted(event.key for event in fetched)
    assert missed.cursor is None
    assert sorted(hook.received_at for hook in missed.hooks) == [hook.received_at for hook in missed.hooks]


async def test_a_long_log_is_fetched_page_by_page(stand: Stand) -> None:
    """The cursor goes on until there is no more, and nothing comes twice."""
    for number in range(210):
        stand.ada.write(str(number), vendor=VENDOR)
    pushed = await stand.events()
    first = await stand.run(stand.provider.missed(None))
    second = await stand.run(stand.provider.missed(first.cursor))
    fetched = [event.key for page in (first, second) for hook in page.hooks for event in stand.provider.parse(hook)]
    assert (200, 10, None) == (len(first.hooks), len(second.hooks), second.cursor)
    assert sorted(event.key for event in pushed) == sorted(fetched)


@pytest.mark.parametrize("skipped", [0, 1, 4, 9, 10])
async def test_a_log_is_read_from_a_time_on(stand: Stand, skipped: int) -> None:
    """What is older is not fetched, wherever the time falls."""
    moments = []
    for number in range(10):
        moments.append(stand.sim.clock.now())
        stand.ada.write(str(number), vendor=VENDOR)
        await stand.sim.clock.advance(60)
    since = [*moments, stand.sim.clock.now()][skipped]
    missed = await stand.run(stand.provider.missed(None, since=since))
    texts = [json.loads(hook.body)["text"] for hook in missed.hooks]
    assert [str(number) for number in range(skipped, 10)] == texts


async def test_a_replay_is_the_same_event(stand: Stand) -> None:
    """It says what it repeats, is signed anew, and has the key of the first delivery."""
    stand.ada.write("hi", vendor=VENDOR)
    (first,) = await stand.events()
    (subscription,) = (await stand.ask("GET", "/webhooks")).json()["webhooks"]
    path = f"/webhooks/{subscription['webhook_id']}/logs"
    (entry,) = (await stand.ask("GET", path)).json()["logs"]
    replayed = (await stand.ask("POST", f"{path}/{entry['event_id']}/replay")).json()
    await stand.sim.clock.advance(1)
    (hook,) = stand.app.hooks
    stand.provider.verify(hook)
    assert ("true", entry["event_id"]) == (hook.header("x-blooio-replay"), hook.header("x-original-event-id"))
    assert [first.key] == [event.key for event in stand.provider.parse(hook)]
    newest = (await stand.ask("GET", path)).json()["logs"][0]
    assert (replayed["replay_event_id"], True) == (newest["event_id"], newest["metadata"]["is_replay"])


async def test_the_log_can_be_filtered_by_status(stand: Stand) -> None:
    """Failures are counted and found."""
    stand.app.answers = [500]
    stand.ada.write("hi", vendor=VENDOR)
    await stand.events()
    (subscription,) = (await stand.ask("GET", "/webhooks")).json()["webhooks"]
    assert subscription["failure_count"] == 1
    path = f"/webhooks/{subscription['webhook_id']}/logs"
    for query, statuses in (
        ({}, [200, 500]),
        ({"status": "500"}, [500]),
        ({"min_status": "400"}, [500]),
        ({"max_status": "299"}, [200]),
    ):
        logs = (await stand.ask("GET", path, params=query)).json()["logs"]
        assert statuses == [entry["response_status"] for entry in logs]


async def test_a_subscription_pauses_and_goes(stand: Stand) -> None:
    """A deprecated one gets nothing and keeps its log; a deleted one is unknown."""
    made = await subscribed(stand, webhook_type="all")
    stand.sim.set_webhook(VENDOR, None)
    path = f"/webhooks/{made['webhook_id']}"
    paused = (await stand.ask("PATCH", path, {"deprecate": True})).json()
    stand.ada.write("hi", vendor=VENDOR)
    await stand.sim.clock.advance(1)
    assert (False, []) == (paused["is_active"], stand.app.hooks)
    await stand.ask("PATCH", path, {"deprecate": False, "webhook_type": "message"})
    stand.ada.write("hi", vendor=VENDOR)
    await stand.sim.clock.advance(1)
    assert 1 == len(stand.app.hooks)
    assert 200 == (await stand.ask("DELETE", path)).status_code
    assert 404 == (await stand.ask("GET", path)).status_code


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"webhook_url": "nowhere"},
        {"webhook_url": "http://example.com/hook"},
        {"webhook_url": "https://example.com/hook", "webhook_type": "everything"},
        {"webhook_url": "https://example.com/hook", "valid_until": "never"},
    ],
)
async def test_a_subscription_that_is_wrong_is_refused(stand: Stand, body: dict[str, Any]) -> None:
    """HTTPS, but for this machine; one of four types."""
    assert 400 == (await stand.ask("POST", "/webhooks", body)).status_code


async def test_an_organization_has_64_of_them(stand: Stand) -> None:
    """The next one is a conflict."""
    statuses = [
        (await stand.ask("POST", "/webhooks", {"webhook_url": f"https://example.com/{number}"})).status_code
        for number in range(65)
    ]
    assert [201] * 64 + [409] == statuses
