"""`gateway endpoints`, `deliveries` and `replay`: where events go, whether they arrived, and which go again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.forward import Verdict, read_key, verify
from tests.fronts.cli_runs import problem
from tests.fronts.cli_watched import Ear, Watched


@pytest.fixture
def endpoint(watched: Watched, ear: Ear) -> Iterator[dict[str, Any]]:
    """An endpoint to the receiver, with its secrets; removed at the end."""
    made: dict[str, Any] = watched.data("endpoints", "add", ear.url, "--type", "message.*")
    yield made
    watched.run("endpoints", "remove", made["endpoint"]["id"], "--yes")


def settled(watched: Watched, endpoint: str, count: int) -> list[dict[str, Any]]:
    """Wait until deliveries to an endpoint have ended; gives them, the latest first."""

    async def ended() -> Any:
        answer = await watched.desk.client.get(f"/v1/endpoints/{endpoint}/deliveries")
        items = answer.json()["items"]
        return items if len(items) == count and all(each["ended_at"] for each in items) else None

    found: list[dict[str, Any]] = watched.do(watched.desk.until(ended))
    return found


# ── endpoints ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_endpoint_is_added_and_its_secret_shown_once(watched: Watched, ear: Ear) -> None:
    """On stdout, and never again; whoever pipes it gets facts and secret."""
    result = watched.run("endpoints", "add", ear.url, "--description", "mine", "--connection", "main")
    secret = result.stdout.splitlines()[-1]
    name = result.stdout.splitlines()[0].split()[-1]
    shown = watched.run("endpoints", "show", name)
    listed = watched.run("endpoints", "list")
    assert (0, "v1") == (result.exit_code, read_key(secret).kind.value)
    assert (0, True, False) == (shown.exit_code, watched.connection in shown.stdout, secret in shown.output)
    assert (True, False) == (name in listed.stdout, secret in listed.output)
    assert 0 == watched.run("endpoints", "remove", name, "--yes").exit_code


def test_an_endpoint_is_changed_paused_and_resumed(watched: Watched, endpoint: dict[str, Any]) -> None:
    """Each command gives what it is from then on."""
    name = endpoint["endpoint"]["id"]
    changed = watched.data("endpoints", "update", name, "--format", "graph", "--type", "opted.in")
    assert ("graph", ["opted.in"]) == (changed["format"], changed["types"])
    assert [] == watched.data("endpoints", "update", name, "--all")["types"]
    paused = watched.data("endpoints", "pause", name, "--reason", "we move")
    assert ("paused", "we move") == (paused["state"], paused["reason"])
    assert "active" == watched.data("endpoints", "resume", name)["state"]


def test_new_secrets_sign_beside_those_before(watched: Watched, ear: Ear, endpoint: dict[str, Any]) -> None:
    """Whoever has either of them verifies what comes."""
    name = endpoint["endpoint"]["id"]
    rotated = watched.data("endpoints", "rotate", name, "--overlap", "1")
    assert 0 == watched.run("endpoints", "test", name).exit_code
    [(headers, body)] = ear.wait(1)
    for secret in (*endpoint["secrets"], *rotated["secrets"]):
        assert Verdict.GENUINE is verify(headers, body, [read_key(secret)], now=int(time.time()))


def test_a_test_event_says_what_the_receiver_answered(watched: Watched, ear: Ear, endpoint: dict[str, Any]) -> None:
    """Exit code 8 where it did not take it."""
    name = endpoint["endpoint"]["id"]
    taken = watched.data("endpoints", "test", name, "--type", "reaction.added")
    assert ("delivered", 200) == (taken["delivery"]["state"], taken["attempts"][0]["status"])
    ear.answers.append(500)
    refused = watched.run("endpoints", "test", name)
    assert (8, True) == (refused.exit_code, "answer    500" in refused.stdout)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("add", "https://example.com/x", "--format", "grph"), 2, "--format has no 'grph'"),
        (("add", "https://example.com/x", "--connection", "mian"), 7, "the service has no connection 'mian'"),
        (("show", "ep_nothing"), 7, "there is no endpoint ep_nothing"),
        (("update", "ep_nothing"), 2, "nothing is to change"),
        (("rotate", "ep_nothing", "--sign", "v2"), 2, "--sign has no 'v2'"),
    ],
)
def test_what_is_wrong_is_said(watched: Watched, arguments: tuple[str, ...], code: int, words: str) -> None:
    """In one line, with the exit code that scripts know."""
    found = problem(watched.run("endpoints", *arguments, "--json"))
    assert (code, words) == (found["exit_code"], found["detail"])


def test_a_dry_run_changes_nothing(watched: Watched, ear: Ear, endpoint: dict[str, Any]) -> None:
    """Of every command that changes something."""
    name, before = endpoint["endpoint"]["id"], watched.data("endpoints", "list")
    for arguments in (
        ("add", ear.url),
        ("update", name, "--all"),
        ("rotate", name),
        ("pause", name),
        ("resume", name),
        ("remove", name),
    ):
        assert watched.data("endpoints", *arguments, "--dry-run")["dry_run"] is True
    assert before == watched.data("endpoints", "list")


def test_nothing_is_removed_without_a_yes(watched: Watched, endpoint: dict[str, Any]) -> None:
    """Where there is nobody to ask."""
    result = watched.run("endpoints", "remove", endpoint["endpoint"]["id"])
    assert (2, True) == (result.exit_code, "--yes" in result.stderr)


# ── deliveries and replay ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_delivery_is_listed_shown_and_sent_again(watched: Watched, ear: Ear, endpoint: dict[str, Any]) -> None:
    """With every attempt, and with the same webhook-id."""
    name = endpoint["endpoint"]["id"]
    event = watched.written("to the endpoint")
    ear.wait(1)
    settled(watched, name, 1)
    [listed] = watched.data("deliveries", "list", "--endpoint", name, "--state", "delivered")
    assert [listed] == watched.data("deliveries", "list", "--event", event["id"], "--endpoint", name)
    shown = watched.run("deliveries", "show", listed["id"])
    assert (0, True, True) == (shown.exit_code, "[200]" in shown.stdout, event["id"] in shown.stdout)
    assert 0 == watched.run("deliveries", "resend", listed["id"]).exit_code
    (first, _), (second, _) = ear.wait(2)
    assert (event["id"], event["id"]) == (first["webhook-id"], second["webhook-id"])


def test_what_came_to_nothing_is_recovered(watched: Watched, ear: Ear, endpoint: dict[str, Any]) -> None:
    """All that failed since a time, counted first."""
    name = endpoint["endpoint"]["id"]
    ear.answers += [410]
    event = watched.written("nobody takes this")
    settled(watched, name, 1)
    assert 0 == watched.run("endpoints", "resume", name).exit_code
    arguments = ("deliveries", "recover", "--since", event["received_at"], "--endpoint", name)
    assert 1 == watched.data(*arguments, "--dry-run")["count"]
    assert {"count": 1, "endpoints": {name: 1}} == watched.data(*arguments, "--yes")
    assert event["id"] == ear.wait(2)[1][0]["webhook-id"]


def test_events_of_a_time_are_replayed(watched: Watched, ear: Ear, endpoint: dict[str, Any]) -> None:
    """Counted first; within the endpoint's filter and what is asked for; in order."""
    name = endpoint["endpoint"]["id"]
    first, second = watched.written("first again"), watched.written("second again")
    ear.wait(2)
    settled(watched, name, 2)
    arguments = ("replay", "--since", first["received_at"], "--endpoint", name)
    counts = [
        watched.data(*arguments, *more, "--dry-run")["count"]
        for more in ((), ("--until", second["received_at"]), ("--type", "reaction.*"), ("--missing",))
    ]
    assert [2, 1, 0, 0] == counts
    assert {"count": 2, "endpoint": name} == watched.data(*arguments, "--connection", "main", "--yes")
    again = [json.loads(body)["data"]["id"] for _, body in ear.wait(4)[2:]]
    assert [first["id"], second["id"]] == again
    words = watched.run(*arguments, "--type", "opted.in", "--yes")
    assert (0, f"0 events on the way to {name} again") == (words.exit_code, words.stdout.strip())


def test_one_event_is_replayed_to_an_endpoint_that_never_had_it(watched: Watched, ear: Ear) -> None:
    """Which was added afterwards."""
    event = watched.written("before the endpoint")
    name = watched.data("endpoints", "add", ear.url)["endpoint"]["id"]
    assert 1 == watched.data("replay", event["id"], "--endpoint", name)["count"]
    assert event["id"] == ear.wait(1)[0][0]["webhook-id"]
    settled(watched, name, 1)
    assert 1 == watched.data("replay", event["id"], "--endpoint", name)["count"]
    assert event["id"] == ear.wait(2)[1][0]["webhook-id"]
    assert 0 == watched.run("endpoints", "remove", name, "--yes").exit_code


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "which events?"),
        (("evt_x", "--since", "2026-01-01"), "which events?"),
        (("evt_x", "--missing"), "one event needs no range"),
        (("--since", "2026-01-02", "--until", "2026-01-01"), "--until is not after --since"),
        (("--since", "yesterday"), "--since is not a time"),
    ],
)
def test_a_replay_says_which_events(watched: Watched, arguments: tuple[str, ...], words: str) -> None:
    """One, or those of a time."""
    found = problem(watched.run("replay", *arguments, "--json"))
    assert (2, words) == (found["exit_code"], found["detail"])
