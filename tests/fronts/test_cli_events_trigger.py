"""`gateway trigger`: what vendors would tell, made by their twins and proven as they do."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway import plugins
from gateway.cli.failing import Usage
from gateway.cli.trigger.day import again, told
from gateway.cli.trigger.setting import changed, misspelt
from gateway.cli.trigger.stage import secret_fields
from gateway.simulator import twin_of
from tests.fronts.cli_runs import document, problem, run
from tests.fronts.cli_watched import Watched

VENDORS = sorted(name for name, cls in plugins.load().providers.items() if cls.simulator)
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_day_at_any_vendor_tells_of_messages_and_their_fate(vendor: str) -> None:
    """Every webhook of the day can be proven with another secret, and its provider reads it."""
    provider, twin = plugins.load().provider(vendor), twin_of(vendor)
    day = told(provider, twin, seed=1, start=NOW)
    types = {type_ for each in day for type_ in each.types}
    assert {"message.received", "delivery.updated"} <= types
    [field] = secret_fields(twin)
    settings = {**day[0].stage.provider.settings.model_dump(), field: "another-secret-0123456789"}
    checking = provider(provider.Settings.model_validate(settings))
    for each in day:
        body = json.dumps(each.payload).encode()
        checking.verify(each.stage.hook(each.heard, body, "another-secret-0123456789", each.heard.at))
        assert each.types, f"{each.event} ({each.when}) is not read"


@pytest.mark.parametrize("vendor", VENDORS)
def test_it_happens_now(vendor: str) -> None:
    """The chosen webhook is made as if its day had begun so much earlier; the same seed gives the same ids."""
    day = told(plugins.load().provider(vendor), twin_of(vendor), seed=7, start=NOW)
    later = NOW.replace(year=2027)
    last = again(day[-1], seed=7, now=later)
    assert (day[-1].event, day[-1].when, later) == (last.event, last.when, last.heard.at)
    assert day[-1].heard.webhook.message_id == last.heard.webhook.message_id


@pytest.mark.parametrize(
    ("wish", "expected", "new"),
    [
        ("text=1", {"text": "1", "n": 1, "list": [{"a": True}]}, []),
        ("n=2", {"text": "x", "n": 2, "list": [{"a": True}]}, []),
        ("n=two", {"text": "x", "n": "two", "list": [{"a": True}]}, []),
        ("list[0].a=false", {"text": "x", "n": 1, "list": [{"a": False}]}, []),
        ("list[1]=3", {"text": "x", "n": 1, "list": [{"a": True}, 3]}, ["list[1]"]),
        ("a.b[0]=c=d", {"text": "x", "n": 1, "list": [{"a": True}], "a": {"b": ["c=d"]}}, ["a.b[0]"]),
        ("n=null", {"text": "x", "n": None, "list": [{"a": True}]}, []),
    ],
)
def test_a_path_leads_into_the_document(wish: str, expected: dict[str, Any], new: list[str]) -> None:
    """A text stays a text, everything else is JSON where it reads as JSON, and what is new is told."""
    document_: dict[str, Any] = {"text": "x", "n": 1, "list": [{"a": True}]}
    assert (expected, new) == changed(document_, [wish])
    assert {"text": "x", "n": 1, "list": [{"a": True}]} == document_


@pytest.mark.parametrize("wish", ["text", "=1", "a..b=1", "text.inner=1", "list[5]=1", "[x]=1", "list.name=1"])
def test_a_path_that_leads_nowhere_is_usage(wish: str) -> None:
    """And the value is not quoted."""
    with pytest.raises(Usage):
        changed({"text": "x", "list": [1]}, [wish])


def test_a_misspelt_path_gets_the_nearest() -> None:
    """Of all places that there are."""
    assert "did you mean sender.name?" == misspelt("sender.nam", {"sender": {"name": "x"}, "text": ""})


# ── to a running service ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_webhook_reaches_a_service_and_becomes_an_event(watched: Watched) -> None:
    """The gateway took it, and the event says what was set."""
    result = watched.run("trigger", "echo", "message.received", "--set", "data.text=Out of the blue", "--json")
    said = document(result.stdout)
    assert (0, 200, ["message.received"]) == (result.exit_code, said["status"], said["becomes"])
    texts = [each["message"]["parts"][0].get("text") for each in watched.data("events", "list", "--type", "message.*")]
    assert "Out of the blue" in texts


def test_lines_say_what_was_sent_and_answered(watched: Watched) -> None:
    """Headers, body, and two lines; the proof is hidden, and so is the secret."""
    result = watched.run("trigger", "echo", "reaction", "--when", "unreact", "--connection", "main")
    lines = result.stdout.splitlines()
    assert (0, ["-->", "reaction", "POST"], ["<--", "[200]"]) == (
        result.exit_code,
        lines[-2].split()[1:4],
        lines[-1].split()[1:3],
    )
    assert {"echo-timestamp: •••", "echo-signature: •••"} <= set(lines)
    assert watched.env["GATEWAY_WEBHOOK_SECRET"] not in result.output


def test_our_word_names_an_event_too(watched: Watched) -> None:
    """Where the vendor has another word for it."""
    said = watched.data("trigger", "echo", "reaction.added")
    assert ("reaction", ["reaction.added"], 200) == (said["event"], said["becomes"], said["status"])


def test_a_stranger_is_refused(watched: Watched) -> None:
    """Without the proof, and with a wrong one: exit code 4, and the gateway's words."""
    unsigned = watched.run("trigger", "echo", "message.received", "--unsigned")
    wrong = watched.run("trigger", "echo", "message.received", env={"GATEWAY_WEBHOOK_SECRET": "wrong-0123456789"})
    assert (4, 4) == (unsigned.exit_code, wrong.exit_code)
    assert "[401]" in unsigned.stdout.splitlines()[-1]


def test_the_same_seed_is_the_same_webhook(watched: Watched) -> None:
    """A repetition is counted by the gateway, and makes no second event."""
    before = len(watched.data("events", "list", "--limit", "1000"))
    for _ in range(2):
        assert 0 == watched.run("trigger", "echo", "message.received", "--seed", "4711").exit_code
    assert before + 1 == len(watched.data("events", "list", "--limit", "1000"))


def test_a_dry_run_sends_nothing(watched: Watched) -> None:
    """It shows the webhook."""
    before = len(watched.data("events", "list", "--limit", "1000"))
    said = watched.data("trigger", "echo", "message.received", "--dry-run")
    assert (True, False) == (said["dry_run"], "status" in said)
    assert before == len(watched.data("events", "list", "--limit", "1000"))


@pytest.mark.parametrize(
    ("arguments", "words", "hint"),
    [
        (("ehco", "message.received"), "there is no simulator of 'ehco'", "did you mean echo?"),
        (("echo", "mesage.received"), "echo tells of no 'mesage.received' here", "did you mean message.received?"),
        (("echo", "reaction", "--when", "unreakt"), "reaction is never for 'unreakt'", "did you mean unreact?"),
        (("echo",), "which event?", "there are: message.received,"),
        (("echo", "reaction", "--to", "nowhere"), "--to is no URL", "write it as"),
    ],
)
def test_what_is_misspelt_gets_the_nearest(arguments: tuple[str, ...], words: str, hint: str) -> None:
    """Vendors, events, kinds."""
    found = problem(run("trigger", *arguments, "--json"))
    assert (2, words) == (found["exit_code"], found["detail"])
    assert found["hint"].startswith(hint)


def test_the_list_names_every_kind() -> None:
    """As a table and for programs; nothing is sent."""
    listed = document(run("trigger", "echo", "--list", "--json").stdout)
    assert {"event": "reaction", "when": "unreact", "becomes": ["reaction.removed"]} in listed
    assert "reaction          reaction" in run("trigger", "echo", "--list").stdout


# ── to a configuration ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_secret_of_a_configuration_proves_it(watched: Watched, tmp_path: Path) -> None:
    """`--to` says where, the connection of the file how it is signed."""
    config = tmp_path / "gateway.toml"
    secret = watched.env["GATEWAY_WEBHOOK_SECRET"]
    config.write_text(f'[connections.mine]\nprovider = "echo"\napi_key = "k"\nwebhook_secret = "{secret}"\n')
    to = f"{watched.desk.url}/webhooks/{watched.connection}"
    result = run("trigger", "echo", "message.received", "--config", config, "--to", to, "--json")
    assert (0, 200) == (result.exit_code, document(result.stdout)["status"])
    missing = run("trigger", "echo", "message.received", "--config", config, "--connection", "nine", "--json")
    assert (7, "did you mean mine?") == (missing.exit_code, problem(missing)["hint"])


def test_without_a_secret_it_is_not_guessed(tmp_path: Path) -> None:
    """It has to be given, or left out on purpose."""
    found = problem(run("trigger", "echo", "message.received", "--to", "http://127.0.0.1:9/webhooks/x", "--json"))
    assert (2, "there is no secret to prove the webhook with") == (found["exit_code"], found["detail"])


def test_nobody_there_is_temporary() -> None:
    """Exit code 6: start the gateway and try again."""
    result = run("trigger", "echo", "message.received", "--unsigned", "--to", "http://127.0.0.1:9/webhooks/x")
    assert (6, True) == (result.exit_code, "gateway listen" in result.stderr)
