import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from gateway.plugins import load
from gateway.provider import Provider
from gateway.simulator import Simulation
from tests.fronts.cli_kept import keep
from tests.fronts.cli_runs import CONTACT, control, document, interrupt, line_with, problem, run, running

KEEPERS = sorted(name for name, cls in load().providers.items() if cls.simulator and cls.missed is not Provider.missed)
"""The vendors that keep webhooks: to be able is to override."""


def heard(config: Path, simulated: dict[str, Any]) -> str:
    """Let a contact write while `listen` runs; gives the id of the event."""
    with running("listen", "--port", "0", "--config", config, "--json") as process:
        url = line_with(process.stderr, "/webhooks/main").split()[-1]
        control(simulated, "PUT", "/webhooks/echo", url=url)
        control(simulated, "POST", f"/contacts/{CONTACT}/write", text="Hello")
        assert process.stdout is not None
        event = json.loads(process.stdout.readline())
        interrupt(process)
    return str(event["id"])


# ── migrate, backup ───────────────────────────────────────────────────────────────────────────────────────────────


def test_migrations_are_named_and_applied_once(tmp_path: Path) -> None:
    """The store may be named by its URL alone; the second time there is nothing to do."""
    store = f"sqlite:///{tmp_path / 'new.db'}"
    first = document(run("migrate", "--store", store, "--json").stdout)
    again = run("migrate", "--store", store)
    assert [] != first["applied"]
    assert (0, "", "the schema is up to date\n") == (again.exit_code, again.stdout, again.stderr)


def test_a_backup_is_a_store_itself(durable: Path) -> None:
    """The copy has the messages; one that is there already is left alone."""
    message, copy = keep(durable), durable.with_name("copy.db")
    result = run("backup", copy, "--config", durable, "--json")
    assert (0, {"path": str(copy), "bytes": copy.stat().st_size}) == (result.exit_code, document(result.stdout))
    with sqlite3.connect(copy) as connection:
        assert [("ok",)] == connection.execute("pragma integrity_check").fetchall()
    durable.write_text(durable.read_text().replace("gateway.db", "copy.db"))
    assert message in run("messages", "list", "--config", durable).stdout
    again = run("backup", copy, "--config", durable, "--json")
    assert (1, "the backup's file is there already (code exists)") == (again.exit_code, problem(again)["detail"])


def test_who_opens_a_copy_first_says_what_is_in_doubt(durable: Path) -> None:
    """A look at it is no opening; with the second one nothing is new."""
    keep(durable)
    run("backup", durable.with_name("copy.db"), "--config", durable)
    durable.write_text(durable.read_text().replace("gateway.db", "copy.db"))
    assert "" == run("messages", "list", "--config", durable).stderr
    work = ("reparse", "--quarantined", "--config", durable, "--quiet")
    told = (
        "this store was restored: 1 message may have left since the copy was made;"
        " what no proof settles is in: gateway messages list --state unknown\n"
    )
    assert [told, ""] == [run(*work).stderr for _ in range(2)]


def test_what_was_restored_by_other_means_is_said(durable: Path) -> None:
    """The second time it is the same messages; where there is nothing, nothing is said."""
    store = f"sqlite:///{durable.with_name('gateway.db')}"
    keep(durable)
    keep(durable, text="another one")
    counted = document(run("migrate", "--store", store, "--restored", "--at", "2026-01-31", "--json").stdout)
    assert {"applied": [], "in_doubt": 2} == counted
    again = run("migrate", "--config", durable, "--restored")
    assert (0, "") == (again.exit_code, again.stdout)
    assert again.stderr.startswith("the schema is up to date\nthis store was restored: 2 messages may have left")
    empty = run("migrate", "--store", f"sqlite:///{durable.with_name('empty.db')}", "--restored", "--quiet")
    assert (0, "") == (empty.exit_code, empty.stderr)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--at", "2026-01-31"], "--at says when a restored store was copied"),
        (["--restored", "--at", "2999-01-31"], "--at is still to come"),
        (["--restored", "--at", "yesterday"], "--at is not a time"),
    ],
)
def test_a_time_of_a_restore_lies_before_it(durable: Path, arguments: list[str], error: str) -> None:
    """Nothing is done then."""
    result = run("migrate", *arguments, "--config", durable, "--json")
    assert (2, error, False) == (
        result.exit_code,
        problem(result)["detail"],
        durable.with_name("gateway.db").exists(),
    )


@pytest.mark.parametrize("command", [["migrate"], ["backup", "copy.db"]])
def test_the_store_is_named_once(durable: Path, command: list[str]) -> None:
    """A configuration and a URL are two stores; a configuration from the environment gives way."""
    store = f"sqlite:///{durable.with_name('gateway.db')}"
    result = run(*command, "--config", durable, "--store", store, "--json")
    assert (2, "--config and --store name two stores") == (result.exit_code, problem(result)["detail"])
    away = durable.with_name("missing.toml")
    assert 0 == run("migrate", "--store", store, env={"GATEWAY_CONFIG": str(away)}).exit_code


@pytest.mark.parametrize("command", [["migrate"], ["backup", "copy.db"]])
def test_memory_has_no_schema_and_no_copy(config: Path, command: list[str]) -> None:
    """It is a mistake in the configuration."""
    assert 3 == run(*command, "--config", config).exit_code
    assert 3 == run(*command, "--store", "nonsense:").exit_code


# ── reparse ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_webhooks_are_parsed_again(durable: Path, simulated: dict[str, Any]) -> None:
    """`listen` kept them; the parsers of today make the same of them, and the look changes nothing."""
    event = heard(durable, simulated)
    result = run("reparse", "--since", "2020-01-01", "--dry-run", "--config", durable, "--json")
    found = document(result.stdout)
    assert (0, False, [], []) == (result.exit_code, found["applied"], found["new"], found["failing"])
    assert (found["webhooks"], found["unchanged"]) == (1, 1), event
    told = run("reparse", "--since", "2020-01-01T00:00:00Z", "--config", durable)
    assert (0, "webhooks   1\nnew        0\nchanged    0\ngone       0\nunchanged  1\n") == (
        told.exit_code,
        told.stdout,
    )
    assert "webhooks   0" in run("reparse", "--quarantined", "--config", durable).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        ([], 2, "which webhooks?"),
        (["--since", "2026-01-01", "--quarantined"], 2, "which webhooks?"),
        (["--since", "yesterday"], 2, "--since is not a time"),
        (["--quarantined", "--via", "mian"], 7, "there is no connection 'mian'"),
    ],
)
def test_which_webhooks_is_said_once_and_well(durable: Path, arguments: list[str], code: int, error: str) -> None:
    """Either a time or those in quarantine, of a connection that exists."""
    result = run("reparse", *arguments, "--config", durable, "--json")
    assert (code, error) == (result.exit_code, problem(result)["detail"])


# ── catch-up ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("vendor", KEEPERS)
async def test_what_a_vendor_kept_is_fetched_once(vendor: str, tmp_path: Path) -> None:
    """While nobody listened a contact wrote; the second catch-up finds nothing new."""
    config = tmp_path / "gateway.toml"
    async with Simulation([vendor], latency=0.02) as sim:
        settings = {"provider": vendor, **sim.settings(vendor)}
        lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items() if value is not None]
        store = f'[gateway]\nstore = "sqlite:///{tmp_path}/gateway.db"\n'
        config.write_text("\n".join([store, "[connections.main]", *lines]))
        sim.set_webhook(vendor, "http://127.0.0.1:9/")
        sim.contact(CONTACT).write("Hello", vendor=vendor)
        codes: set[int] = set()
        found: dict[str, Any] = {"recovered": 0}
        async with asyncio.timeout(20):
            while not found["recovered"]:
                result = await asyncio.to_thread(run, "catch-up", "main", "--config", config, "--json")
                codes.add(result.exit_code)
                [found] = document(result.stdout)
        assert ({0}, 1, None) == (codes, found["recovered"], found["problem"])
        again = await asyncio.to_thread(run, "catch-up", "--config", config)
    assert (0, True) == (again.exit_code, again.stdout.startswith("main: 0 new events in"))


def test_a_vendor_that_keeps_nothing_is_refused_by_name_and_passed_over_else(durable: Path) -> None:
    """Exit code 5 where it was named; where none is named there is nothing to do."""
    assert 5 == run("catch-up", "main", "--config", durable).exit_code
    every = run("catch-up", "--config", durable, "--json")
    assert (0, [], "no connection's vendor keeps webhooks\n") == (
        every.exit_code,
        document(every.stdout),
        every.stderr,
    )
    assert 7 == run("catch-up", "mian", "--config", durable).exit_code
    assert 2 == run("catch-up", "--since", "x", "--config", durable).exit_code
