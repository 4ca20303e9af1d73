"""`gateway doctor`, `quarantine`, `reparse` and `drift`: what is wrong, at a service and on this machine."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import Gateway
from gateway.server.doctor import CHECKS
from gateway.store import WebhookRow
from gateway.store.records.tenants import TenantRow
from tests.fronts.cli_runs import document, problem, run
from tests.fronts.cli_watched import Watched

NAMES = [check.__name__.replace("_", " ") for check in CHECKS]


@pytest.fixture
def quarantined(watched: Watched) -> str:
    """A webhook that no parser reads, at the service; its number."""
    watched.do(watched.desk.service.gateway.store.ingest(unread(watched.connection), []))
    return str(watched.data("quarantine", "list")[0]["webhook"])


def unread(connection: str) -> WebhookRow:
    """Write a webhook that no parser reads, as it is kept."""
    body = b"no JSON"
    return WebhookRow(
        connection=connection,
        digest=hashlib.sha256(body).hexdigest(),
        headers=(("content-type", "text/plain"),),
        body=body,
        received_at=datetime.now(UTC),
        quarantine="it is no JSON",
    )


# ── doctor ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_service_examines_itself(watched: Watched) -> None:
    """Twenty checks, each with what to do; nothing failed."""
    told = watched.data("doctor")
    assert (20, NAMES) == (len(told["checks"]), [check["name"] for check in told["checks"]])
    assert (True, 0) == (told["ok"], told["failed"])
    result = watched.run("doctor", "--no-probe")
    assert (0, 20) == (result.exit_code, sum(line[:1] in "✓!✗" for line in result.stdout.splitlines() if line.strip()))
    assert "20 checks: " in result.stderr


def test_a_check_that_fails_is_exit_code_8(watched: Watched) -> None:
    """A vendor that does not take the credentials any more."""
    settings = {"settings": {"api_key": "another"}}
    watched.do(watched.desk.client.patch(f"/v1/connections/{watched.connection}", json=settings))
    result = watched.run("doctor")
    right = {"settings": {"api_key": watched.desk.sim.api_keys["echo"]}}
    watched.do(watched.desk.client.patch(f"/v1/connections/{watched.connection}", json=right))
    assert (8, True) == (result.exit_code, "✗ credentials" in result.stdout)
    assert "hint: " in result.stdout


def test_another_tenant_is_told_of_its_own_only(watched: Watched) -> None:
    """Machine and store are the operator's; connections and endpoints are those of the key."""
    tenant = TenantRow(id="tn_guest", name="guest", created_at=datetime.now(UTC))
    watched.do(watched.desk.service.tenancy.tenants.add(tenant))
    key = watched.do(watched.desk.key("admin", tenant="tn_guest"))
    told = document(watched.run("doctor", "--json", env={"GATEWAY_API_KEY": key}).stdout)
    assert ["credentials", "registration", "last webhook", "endpoints", "quarantine"] == [
        check["name"] for check in told["checks"]
    ]
    assert "there is no connection yet" == told["checks"][0]["says"]
    reader = watched.do(watched.desk.key("read"))
    assert 4 == watched.run("doctor", env={"GATEWAY_API_KEY": reader}).exit_code


def test_a_configuration_is_examined_on_this_machine(durable: Path) -> None:
    """Nothing is started or made; the connections of the file are asked at their vendor."""
    told = document(run("doctor", "--config", durable, "--json").stdout)
    checks = {check["name"]: check for check in told["checks"]}
    assert NAMES == list(checks)
    assert ("warn", "there is none yet") == (checks["store"]["state"], checks["store"]["says"])
    assert ("ok", "those of the connection") == (checks["credentials"]["state"], checks["credentials"]["says"])
    assert ["gateway.toml"] == [path.name for path in durable.parent.iterdir()]


def test_a_store_that_is_in_use_is_examined_in_a_copy(durable: Path) -> None:
    """And what is in it stays as it is."""

    async def both() -> Any:
        async with Gateway.from_config(durable):
            return await asyncio.to_thread(run, "doctor", "--config", durable, "--json", "--no-probe")

    checks = {check["name"]: check for check in document(asyncio.run(both()).stdout)["checks"]}
    assert ("ok", "written and whole") == (checks["store"]["state"], checks["store"]["says"])


def test_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    """Exit code 3."""
    assert 3 == problem(run("doctor", "--config", tmp_path / "none.toml", "--json"))["exit_code"]


# ── quarantine, reparse, drift ────────────────────────────────────────────────────────────────────────────────────


def test_the_quarantine_of_a_service(watched: Watched, quarantined: str) -> None:
    """Listed with the reason, shown as it came, tried again."""
    listed = watched.run("quarantine", "list", "--connection", "main")
    shown = watched.run("quarantine", "show", quarantined)
    raw = watched.run("quarantine", "show", quarantined, "--raw")
    assert (0, True) == (listed.exit_code, quarantined == listed.stdout.splitlines()[1].split()[0])
    assert (0, True, True) == (
        shown.exit_code,
        "it is no JSON" in shown.stdout,
        "content-type: text/plain" in shown.stdout,
    )
    assert "no JSON" == raw.stdout.strip()
    told = watched.data("quarantine", "reparse")
    assert (0, True) == (len(told["new"]), len(told["failing"]) >= 1)
    assert told["failing"] == watched.data("reparse", "--quarantined", "--via", "main")["failing"]
    assert told["failing"][:1] == watched.data("reparse", "--quarantined", "--via", "main", "--limit", "1")["failing"]
    assert 7 == watched.run("quarantine", "show", "123456789").exit_code
    assert 7 == watched.run("quarantine", "show", "x").exit_code


def test_the_drift_of_a_service(watched: Watched, quarantined: str) -> None:
    """What no parser reads is new, under the connection's name; exit code 8."""
    result = watched.run("drift", "--json")
    found = document(result.stdout)["found"]
    assert (8, True) == (result.exit_code, {"unread"} <= {each["kind"] for each in found})
    assert {"main"} == {each["connection"] for each in found}
    later = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    assert watched.run("drift", "--via", "main", "--since", later).exit_code in {0, 8}


def test_the_quarantine_of_a_store(durable: Path) -> None:
    """The same commands on a configuration, and while a gateway has the store."""

    async def kept() -> None:
        async with Gateway.from_config(durable, works=False) as gateway:
            await gateway.store.ingest(unread("main"), [])

    asyncio.run(kept())
    [row] = document(run("quarantine", "list", "--config", durable, "--json").stdout)
    shown = run("quarantine", "show", row["webhook"], "--config", durable)
    told = document(run("quarantine", "reparse", "--config", durable, "--json").stdout)
    assert ("main", 12) == (row["connection"], len(row["webhook"]))
    assert (0, True, 1) == (shown.exit_code, row["digest"] in shown.stdout, len(told["failing"]))
