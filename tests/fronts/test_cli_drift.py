"""`gateway drift`: what vendors have begun to send that nobody here knows."""

from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import Gateway
from gateway.store import WebhookRow
from tests.fronts.cli_runs import document, problem, run

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MESSAGE = {"id": "m1", "from": "+12025550123", "to": "+12025550199", "text": "secret words"}


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A configuration with a durable store."""
    path = tmp_path / "gateway.toml"
    store = json.dumps(f"sqlite:///{tmp_path / 'gateway.db'}")
    settings = 'provider = "echo"\napi_key = "k"\nwebhook_secret = "s"\nbase_url = "http://127.0.0.1:9"\n'
    path.write_text(f"[gateway]\nstore = {store}\n[connections.main]\n{settings}")
    return path


def arrived(config: Path, *bodies: dict[str, Any] | bytes, connection: str = "main") -> None:
    """Keep webhooks, a day apart, as a gateway that is gone has left them."""

    async def keep() -> None:
        async with Gateway.from_config(config, works=False) as gateway:
            for day, given in enumerate(bodies):
                body = given if isinstance(given, bytes) else json.dumps(given).encode()
                digest = hashlib.sha256(body).hexdigest()
                row = WebhookRow(connection=connection, digest=digest, headers=(), body=body, received_at=on(day))
                await gateway.store.ingest(row, [])

    asyncio.run(keep())


def on(day: int) -> datetime:
    """Give a time so many days later."""
    return NOW + timedelta(days=day)


def hook(**more: Any) -> dict[str, Any]:
    """Write a message as the vendor does, with more in it than it used to."""
    return {"id": "h", "at": 1_772_366_400, "type": "message.received", "data": {**MESSAGE, **more}}


def test_nothing_new_is_exit_code_0(kept: Path) -> None:
    """What was looked through is said."""
    arrived(kept, hook())
    quiet, told = run("drift", "--config", kept, "--json"), run("drift", "--config", kept)

    expected = {"webhooks": 1, "found": [], "skipped": 0, "complete": True}
    assert (0, expected) == (quiet.exit_code, document(quiet.stdout))
    assert (0, "", "1 webhooks looked through, no new things in them\n") == (
        told.exit_code,
        told.stdout,
        told.stderr,
    )


def test_what_is_new_is_counted_and_exit_code_8(kept: Path) -> None:
    """With first and last time and a sample; no content of a webhook is shown."""
    arrived(kept, hook(mood="glad"), {**hook(), "type": "typing"}, b"no JSON", hook(mood="sad", text="other secret"))
    result = run("drift", "--config", kept, "--json")
    found = {each["kind"]: each for each in document(result.stdout)["found"]}

    assert (8, {"field", "event", "unread"}) == (result.exit_code, set(found))
    assert ("data.mood", 2, on(0).isoformat(), on(3).isoformat()) == (
        found["field"]["what"],
        found["field"]["count"],
        *(datetime.fromisoformat(found["field"][name]).isoformat() for name in ("first_at", "last_at")),
    )
    assert hashlib.sha256(b"no JSON").hexdigest() == found["unread"]["digest"]
    assert "secret" not in result.output


def test_people_get_a_table_and_what_follows(kept: Path) -> None:
    """A row for each new thing, and a line for each kind of it."""
    arrived(kept, hook(mood="glad"), b"no JSON")
    told = run("drift", "--config", kept)

    assert 8 == told.exit_code
    assert [] == [words for words in ("main (echo)", "data.mood", "not a JSON object") if words not in told.stdout]
    assert "unread: kept in quarantine; once a newer provider reads it: gateway reparse --quarantined" in told.stderr


def test_a_look_may_be_narrowed(kept: Path) -> None:
    """By time, by connection and by number; what is left out is said."""
    arrived(kept, b"another", connection="gone")
    arrived(kept, hook(mood=1), hook(mood=2), hook(mood=3))

    def count(*options: str) -> int:
        return int(document(run("drift", "--config", kept, "--json", *options).stdout)["webhooks"])

    assert [3, 1, 2] == [count(), count("--since", on(2).isoformat()), count("--limit", "2")]
    told = run("drift", "--config", kept, "--limit", "2").stderr
    assert "there are older ones; give a larger --limit" in told
    assert "1 more are of connections that are not configured any more" in run("drift", "--config", kept).stderr
    wrong = run("drift", "--config", kept, "--via", "mian", "--json")
    assert (7, "there is no connection 'mian'") == (wrong.exit_code, problem(wrong)["detail"])
    assert 2 == run("drift", "--config", kept, "--since", "noon").exit_code
