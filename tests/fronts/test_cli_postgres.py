"""The commands that look after a store, on PostgreSQL: from an empty database to a copy of one that was worked on."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.fronts.cli_kept import half_sent, keep, not_known
from tests.fronts.cli_runs import document, line_with, problem, run, running
from tests.postgres import Server, shared_server

VARIABLE = "STORE_OF_THIS_TEST"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that stays up."""
    with shared_server() as made:
        yield made


@pytest.fixture
def url(server: Server) -> Iterator[str]:
    """The URL of an empty place in it."""
    with server.schema() as made:
        yield made


@pytest.fixture
def shared(config: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration whose store is in the environment, as one with a password is."""
    monkeypatch.setenv(VARIABLE, url)
    config.write_text(f'[gateway]\nstore = "env:{VARIABLE}"\n{config.read_text()}')
    return config


def told(*arguments: str | Path) -> Any:
    """Run a command that has to succeed; gives what it says as JSON."""
    result = run(*arguments, "--json", "--quiet")
    assert 0 == result.exit_code, result.stderr
    return document(result.stdout)


def states(config: Path) -> dict[str, str]:
    """Say where each message stands."""
    return {row["message_id"]: row["state"] for row in told("messages", "list", "--config", config)}


def test_the_schema_is_made_once(url: str, shared: Path) -> None:
    """By the URL itself, or by a configuration."""
    assert [] != told("migrate", "--store", url)["applied"]
    assert [] == told("migrate", "--config", shared)["applied"]


def test_several_workers_send_what_was_kept_and_leave_it_to_be_looked_at(
    shared: Path, simulated: dict[str, Any]
) -> None:
    """Two at once on one database; each message goes once, and its story, and its events, are there for all."""
    kept = [keep(shared, text=f"kept on a server {number}") for number in range(6)]
    with running("worker", "--config", shared) as one, running("worker", "--config", shared) as two:
        for process in (one, two):
            assert line_with(process.stderr, "to send")
        while set(states(shared).values()) != {"accepted"}:
            assert (None, None) == (one.poll(), two.poll())
        for process in (one, two):
            process.send_signal(signal.SIGTERM)
        assert [0, 0] == [process.wait(30) for process in (one, two)]

    story = told("messages", "show", kept[0], "--config", shared)
    assert ["accepted"] == [attempt["outcome"] for step in story["steps"] for attempt in step["attempts"]]
    assert {kept[0]} == {event["event"]["message_id"] for event in story["events"]}


def test_a_person_decides_what_nobody_can_prove(shared: Path) -> None:
    """`messages resolve` writes it down for every process."""
    unknown, half = keep(shared, not_known, text="one"), keep(shared, half_sent, text="two")
    assert {unknown: "unknown", half: "partly"} == states(shared)
    told("messages", "resolve", unknown, "mark-sent", "--config", shared)
    assert {unknown: "accepted", half: "partly"} == states(shared)


def test_a_copy_is_restored_into_another_database(
    server: Server, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`gateway backup` calls `pg_dump`; what `pg_restore` makes of its archive is a store."""
    monkeypatch.setenv("PATH", str(Path(server.program("pg_dump")).parent), prepend=":")
    plain = config.read_text()
    with server.database() as first, server.database() as second:
        config.write_text(f"[gateway]\nstore = {json.dumps(first)}\n{plain}")
        message = keep(config)
        archive = tmp_path / "copy"
        assert str(archive) == told("backup", archive, "--config", config)["path"]
        assert 0o600 == archive.stat().st_mode & 0o777
        server.restore(archive, second)
        config.write_text(f"[gateway]\nstore = {json.dumps(second)}\n{plain}")
        assert {message: "queued"} == states(config)
        assert {"applied": [], "in_doubt": 1} == told("migrate", "--config", config, "--restored")


def test_a_database_that_is_not_there_is_said_without_its_url(config: Path, url: str) -> None:
    """The password of a wrong URL is a password all the same."""
    away = url.replace("postgres@", "postgres:canary@").replace("/postgres?", "/nowhere?")
    assert "/nowhere" in urlsplit(away).path
    config.write_text(f"[gateway]\nstore = {json.dumps(away)}\n{config.read_text()}")
    for command in (["messages", "list"], ["migrate"], ["worker"]):
        result = run(*command, "--config", config, "--json")
        assert ("there is no such database (code no_database)", False) == (
            problem(result)["detail"],
            "canary" in result.stdout + result.stderr,
        )
