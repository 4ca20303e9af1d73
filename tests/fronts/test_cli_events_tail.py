"""`gateway events` and `gateway listen`: what happens, shown as it does, and handed to a program."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.forward import Verdict, read_key, verify
from tests.fronts.cli_runs import CONTACT, interrupt, line_with, problem, run, start
from tests.fronts.cli_watched import Ear, Watched

MASKED = "+1••••••••23"


@contextlib.contextmanager
def following(watched: Watched, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """Have a command run that follows the service, once it does."""
    process = start(*arguments, env=watched.env)
    try:
        line_with(process.stderr, "press Ctrl-C to end")
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def read_line(process: subprocess.Popen[str]) -> str:
    """Wait for one line of data."""
    assert process.stdout is not None
    return process.stdout.readline()


# ── tail ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_events_are_lines_as_they_come(watched: Watched) -> None:
    """With the connection's name and the event's id, addresses masked; Ctrl-C ends it well."""
    with following(watched, "events", "tail") as process:
        event = watched.written("Hello, tail")
        line = read_line(process)
        code, rest, told = interrupt(process)
    assert ["main", "message.received", "from"] == line.split()[1:4]
    assert (True, True) == (f"{MASKED}: Hello, tail" in line, line.rstrip().endswith(event["id"]))
    assert (0, "", False) == (code, rest, "Traceback" in told)


def test_with_json_they_are_whole_and_filtered(watched: Watched) -> None:
    """One document a line; what is of another type or connection does not come."""
    arguments = ("events", "tail", "--type", "reaction.*", "--connection", "main", "--json")
    with following(watched, *arguments) as process:
        watched.written("not this one")
        assert 0 == watched.run("trigger", "echo", "reaction").exit_code
        event = json.loads(read_line(process))
        interrupt(process)
    assert ("reaction.added", watched.connection) == (event["type"], event["connection"])


def test_a_tail_from_a_time_begins_with_what_was(watched: Watched) -> None:
    """Then it goes on; nothing comes twice."""
    before = watched.written("before the tail")
    with following(watched, "events", "tail", "--since", before["received_at"], "--json") as process:
        first = json.loads(read_line(process))
        after = watched.written("after the tail")
        second = json.loads(read_line(process))
        interrupt(process)
    assert (before["id"], after["id"]) == (first["id"], second["id"])


def test_a_type_that_is_none_gets_the_nearest(watched: Watched) -> None:
    """Before anything is asked."""
    found = problem(watched.run("events", "tail", "--type", "message.recieved", "--json"))
    assert (2, "did you mean message.received?") == (found["exit_code"], found["hint"])


def test_without_a_service_it_says_how_to_name_one() -> None:
    """It is a matter of configuration."""
    found = problem(run("events", "tail", "--json", env={"GATEWAY_URL": "", "GATEWAY_API_KEY": ""}))
    assert (3, True) == (found["exit_code"], "GATEWAY_URL" in found["hint"])


# ── list and show ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_latest_are_listed_in_order(watched: Watched) -> None:
    """A limit takes the latest; with a time, the first from then on."""
    first, second = watched.written("one of two"), watched.written("two of two")
    latest = watched.data("events", "list", "--limit", "2", "--type", "message.received")
    assert [first["id"], second["id"]] == [each["id"] for each in latest]
    since = watched.data("events", "list", "--since", first["received_at"], "--type", "message.received")
    assert [first["id"], second["id"]] == [each["id"] for each in since]
    result = watched.run("events", "list", "--connection", "main")
    assert (0, True, False) == (
        result.exit_code,
        f"from {MASKED}: two of two" in result.stdout,
        CONTACT in result.output,
    )


def test_one_event_is_shown_without_what_is_private(watched: Watched) -> None:
    """Addresses and texts come with --reveal, the webhook too."""
    event = watched.written("for your eyes")
    shown = watched.run("events", "show", event["id"])
    revealed = watched.run("events", "show", event["id"], "--reveal")
    assert (0, False, False) == (shown.exit_code, CONTACT in shown.output, "for your eyes" in shown.output)
    assert (True, True, True) == tuple(word in revealed.stdout for word in (CONTACT, "for your eyes", "echo-timestamp"))
    assert "1 webhook" not in shown.stdout
    told = watched.data("events", "show", event["id"])
    assert ("•••", 1, []) == (told["event"]["message"]["parts"][0]["text"], len(told["webhooks"]), told["deliveries"])


def test_an_event_that_is_not_there(watched: Watched) -> None:
    """Exit code 7."""
    assert 7 == watched.run("events", "show", "evt_nothing").exit_code


# ── listen, at a service ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_program_gets_the_events_of_a_service_signed(watched: Watched, ear: Ear) -> None:
    """Tried again until it takes them, with one webhook-id; the secret is shown at the start; all is said in lines."""
    ear.answers.append(500)
    process = start("listen", "--forward-to", ear.url, "--events", "message.*", env=watched.env)
    secret = line_with(process.stderr, "verifies with").split()[-1]
    line_with(process.stderr, "press Ctrl-C to end")
    event = watched.written("to the program")
    (headers, body), (again, same) = ear.wait(2)
    lines = [read_line(process).split(maxsplit=1)[1].rstrip() for _ in range(4)]
    code, _, told = interrupt(process)
    assert Verdict.GENUINE is verify(headers, body, [read_key(secret)], now=int(time.time()))
    assert (event["id"], event["id"], body) == (headers["webhook-id"], again["webhook-id"], same)
    assert ("message.received", "to the program") == (
        json.loads(body)["type"],
        json.loads(body)["data"]["message"]["parts"][0]["text"],
    )
    assert f"--> message.received {event['id']} (main)" == lines[0]
    assert (True, True) == (lines[1].startswith(f"<-- [500] POST {ear.url}"), "again in 1 s" in lines[1])
    assert (True, True) == (lines[2].endswith("(main, try 2)"), lines[3].startswith("<-- [200]"))
    assert (0, True) == (code, "1 events were taken" in told)


@pytest.mark.parametrize(
    ("form", "media_type", "key"),
    [("graph", "application/json", "event_type"), ("cloudevents", "application/cloudevents+json", "specversion")],
)
def test_a_program_gets_the_format_that_it_wants(
    watched: Watched, ear: Ear, form: str, media_type: str, key: str
) -> None:
    """And with --json every event and every attempt is a document, after the one with the secret."""
    with following(watched, "listen", "--forward-to", ear.url, "--format", form, "--json") as process:
        event = watched.written(f"in {form}")
        [(headers, body)] = ear.wait(1)
        state, whole, attempt = (json.loads(read_line(process)) for _ in range(3))
        interrupt(process)
    assert (media_type, True) == (headers["content-type"], key in json.loads(body))
    assert ("forwarding", True, event["id"]) == (state["state"], state["secret"].startswith("whsec_"), whole["id"])
    assert (event["id"], 200, 1) == (attempt["forwarded"], attempt["status"], attempt["try"])


def test_what_was_not_taken_is_named_at_the_end(watched: Watched, ear: Ear) -> None:
    """Nothing is lost in silence: whoever ends it while something waits is told what."""
    ear.answers += [500] * 9
    with following(watched, "listen", "--forward-to", ear.url) as process:
        event = watched.written("never taken")
        ear.wait(1)
        read_line(process)
        read_line(process)
        code, _, told = interrupt(process)
    assert (0, True, True) == (code, "0 events were taken" in told, f"not taken: {event['id']}" in told)


def test_a_secret_is_kept_in_a_file(watched: Watched, ear: Ear, tmp_path: Path) -> None:
    """Made there for its owner only, and the same the next time."""
    place = tmp_path / "secret"
    for _ in range(2):
        with following(watched, "listen", "--forward-to", ear.url, "--secret-file", place) as process:
            interrupt(process)
    kept: Any = read_key(place.read_text().strip())
    assert ("v1", 0o600) == (kept.kind.value, place.stat().st_mode & 0o777)


# ── listen, on this machine ───────────────────────────────────────────────────────────────────────────────────────


def test_webhooks_that_are_taken_in_here_are_forwarded(config: Path, simulated: dict[str, Any], ear: Ear) -> None:
    """What `trigger` sends to the address that was told is signed with the secret of the file, and arrives."""
    process = start("listen", "--port", "0", "--config", config, "--forward-to", ear.url)
    try:
        told = line_with(process.stderr, "/webhooks/main").split()[-1]
        line_with(process.stderr, "press Ctrl-C")
        assert 0 == run("trigger", "echo", "message.received", "--config", config, "--to", told).exit_code
        [(headers, body)] = ear.wait(1)
        line = read_line(process)
        code, _, ended = interrupt(process)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
    assert (headers["webhook-id"], "main") == (json.loads(body)["data"]["id"], json.loads(body)["data"]["connection"])
    assert f"--> message.received {headers['webhook-id']} (main)" in line
    assert (0, True) == (code, "1 events were taken" in ended)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--forward-to", "nowhere"), "--forward-to is no URL"),
        (("--forward-to", "http://127.0.0.1:9", "--format", "grahp"), "--format has no 'grahp'"),
        (("--events", "massage.*"), "--events has no 'massage.*'"),
        (("--since", "2026-01-01"), "--since goes with a service"),
    ],
)
def test_what_cannot_be_is_said_at_once(config: Path, arguments: tuple[str, ...], words: str) -> None:
    """Before a port is opened."""
    found = problem(run("listen", "--config", config, *arguments, "--json"))
    assert (2, words) == (found["exit_code"], found["detail"])
