import asyncio
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest

from gateway import Gateway
from gateway.cli.messages.veil import HIDDEN, veiled
from tests.fronts.cli_kept import erase, half_sent, keep, not_known
from tests.fronts.cli_runs import CONTACT, document, problem, run

MASKED = "+1••••••••23"


def listed(config: Path, *more: str) -> list[dict[str, Any]]:
    """What `messages list --json` says."""
    rows: list[dict[str, Any]] = document(run("messages", "list", "--config", config, "--json", *more).stdout)
    return rows


# ── list ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_messages_are_listed_newest_first_and_by_state(durable: Path) -> None:
    """Addresses are masked, texts are not there."""
    first, second = keep(durable), keep(durable, not_known)
    assert [(second, "unknown", True, MASKED), (first, "queued", False, MASKED)] == [
        (row["message_id"], row["state"], row["parked"], row["to"]) for row in listed(durable)
    ]
    assert [first] == [row["message_id"] for row in listed(durable, "--state", "queued")]
    result = run("messages", "list", "--config", durable, "--limit", "1")
    assert (0, "there may be more; give a larger --limit\n") == (result.exit_code, result.stderr)
    assert [second, "unknown"] == [word for word in result.stdout.split() if word in {first, second, "unknown"}]
    assert [] == [word for word in (CONTACT, "secret") if word in result.output]


def test_a_message_that_was_erased_is_listed_as_one_and_has_no_more_to_tell(durable: Path) -> None:
    """Of it is left that it was there; the others are listed and shown as ever."""
    first, second = keep(durable), keep(durable)
    erase(durable, first)
    assert [(second, "queued", 1, MASKED), (first, "cancelled", 0, "erased")] == [
        (row["message_id"], row["state"], row["steps"], row["to"]) for row in listed(durable)
    ]
    assert "erased" in run("messages", "list", "--config", durable).stdout
    for command in (("show", first), ("cancel", first, "--dry-run")):
        result = run("messages", *command, "--config", durable)
        assert (7, "", "error: this message was erased") == (
            result.exit_code,
            result.stdout,
            result.stderr.splitlines()[0],
        )
    assert 0 == run("messages", "show", second, "--config", durable).exit_code


def test_a_state_that_is_none_gets_the_nearest(durable: Path) -> None:
    """A misspelt state is a usage error."""
    result = run("messages", "list", "--state", "queud", "--config", durable)
    assert (2, "error: --state has no 'queud'\nhint: did you mean queued?\n") == (result.exit_code, result.stderr)


def test_an_empty_store_is_said(durable: Path) -> None:
    """No data, and a word on stderr."""
    result = run("messages", "list", "--config", durable)
    assert (0, "", "there are none\n") == (result.exit_code, result.stdout, result.stderr)


def test_a_store_in_memory_has_nothing_to_look_at(config: Path) -> None:
    """It is a mistake in the configuration, and the hint says what to write."""
    result = run("messages", "list", "--config", config, "--json")
    assert (3, 'name a durable store in [gateway]: store = "sqlite:///gateway.db"') == (
        result.exit_code,
        problem(result)["hint"],
    )


def test_a_store_in_use_is_looked_at_from_beside(durable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite belongs to one process; looking is possible all the same, deciding is not. Nothing is copied anywhere."""
    message = keep(durable)
    monkeypatch.setattr(tempfile, "tempdir", str(durable.with_name("nowhere")))

    async def meanwhile() -> tuple[Any, Any]:
        async with Gateway.from_config(durable, works=False):
            shown = await asyncio.to_thread(run, "messages", "show", message, "--config", durable)
            return shown, await asyncio.to_thread(run, "messages", "cancel", message, "--config", durable)

    shown, cancelled = asyncio.run(meanwhile())
    assert (0, "the store is in use; this is what it has now") == (
        shown.exit_code,
        shown.stderr.splitlines()[0],
    )
    assert message in shown.stdout
    assert (1, "error: this database is in use by another gateway (code in_use)") == (
        cancelled.exit_code,
        cancelled.stderr.splitlines()[0],
    )
    assert "queued" == listed(durable)[0]["state"]


# ── show ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_message_that_waits_is_shown_with_its_steps(durable: Path) -> None:
    """What was asked and what was made of it, without address and text."""
    message = keep(durable, key="order 17")
    result = run("messages", "show", message, "--config", durable)
    assert (0, "a running gateway or `gateway worker` goes on with it\n") == (result.exit_code, result.stderr)
    lines = [re.sub(r"^[\d:.]{12}  ", "", line) for line in result.stdout.splitlines()]
    assert [
        f"message     {message}",
        "connection  main",
        f"to          {MASKED}",
        "key         order 17",
        "state       queued",
        "delivery    queued",
    ] == lines[:6]
    assert [
        "asked     send text of 12 characters; policy graceful",
        "step      1. send message 0 (text of 12 characters)",
    ] == lines[7:]


def test_reveal_shows_what_was_said_and_to_whom(durable: Path) -> None:
    """Only where it is asked for, on the terminal and in JSON."""
    message = keep(durable)
    for flags in ((), ("--json",)):
        masked = run("messages", "show", message, "--config", durable, *flags)
        whole = run("messages", "show", message, "--config", durable, "--reveal", *flags)
        assert [] == [word for word in (CONTACT, "secret words") if word in masked.output]
        assert [CONTACT, "secret words"] == [word for word in (CONTACT, "secret words") if word in whole.stdout]


def test_what_can_be_done_is_advised(durable: Path) -> None:
    """Where only a person can decide, the next command is named."""
    unknown, half = keep(durable, not_known), keep(durable, half_sent)
    told = run("messages", "show", unknown, "--config", durable)
    assert f"decide: gateway messages resolve {unknown} resend|mark_sent|drop\n" == told.stderr
    assert "unknown, waits for a decision" in told.stdout
    told = run("messages", "show", half, "--config", durable)
    assert f"mend the cause, then: gateway messages resend {half}\n" == told.stderr
    assert "merged    em_1 is queued: queued by answer" in told.stdout
    assert "fitted    multipart: sent as 2 messages" in told.stdout


@pytest.mark.parametrize("command", ["show", "resend", "cancel", "resolve"])
def test_a_message_that_is_not_there_is_exit_code_7(durable: Path, command: str) -> None:
    """The hint says how to find one."""
    verdict = ["drop"] if command == "resolve" else []
    result = run("messages", command, "msg_none", *verdict, "--config", durable, "--json")
    assert (7, "see: gateway messages list") == (result.exit_code, problem(result)["hint"])


def test_what_is_not_known_to_be_harmless_is_veiled() -> None:
    """Contents and payloads are hidden, addresses masked, ids and times left as they are."""
    told = {
        "id": "12025550123",
        "received_at": "2026-01-02T03:04:05Z",
        "text": "hi",
        "name": None,
        "path": "/chats/%2B12025550123",
        "addresses": [CONTACT, "ann@example.com"],
        "new": {"json_": {"a": 1}, "count": 1},
    }
    assert {
        "id": "12025550123",
        "received_at": "2026-01-02T03:04:05Z",
        "text": HIDDEN,
        "name": None,
        "path": "/chats/%2B•••23",
        "addresses": ["•••23", "a•••@example.com"],
        "new": {"json_": HIDDEN, "count": 1},
    } == veiled(told)


# ── resolve, resend, cancel ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("verdict", "state"), [("resend", "queued"), ("mark-sent", "accepted"), ("drop", "refused")])
def test_an_unknown_outcome_is_settled_by_a_verdict(durable: Path, verdict: str, state: str) -> None:
    """The new state is printed; nothing is sent by this command."""
    message, other = keep(durable, not_known), keep(durable)
    result = run("messages", "resolve", message, verdict, "--config", durable, "--json")
    assert (0, {"message_id": message, "state": state}) == (result.exit_code, document(result.stdout))
    assert {message: state, other: "queued"} == {row["message_id"]: row["state"] for row in listed(durable)}


def test_what_was_sent_by_a_connection_that_is_gone_is_settled_all_the_same(durable: Path) -> None:
    """Only what would have to be sent cannot; the hint names what can be done."""
    lost, sent, late, half = (keep(durable, *ends) for ends in ((not_known,), (not_known,), (), (half_sent,)))
    durable.write_text(durable.read_text().replace("[connections.main]", "[connections.renamed]"))
    for command in (("resolve", lost, "resend"), ("resend", half)):
        result = run("messages", *command, "--config", durable, "--json")
        assert (7, "no_route") == (result.exit_code, problem(result)["code"])
        other = "messages resolve ID mark_sent|drop" if command[1] == lost else "send TO TEXT --via NAME"
        back = "put its [connections.NAME] back into the configuration"
        assert f"{back}, or: gateway {other}" == problem(result)["hint"]
    for words in (("resolve", lost, "drop"), ("resolve", sent, "mark_sent"), ("cancel", late)):
        assert 0 == run("messages", *words, "--config", durable).exit_code
    states = {row["message_id"]: row["state"] for row in listed(durable)}
    assert {lost: "refused", sent: "accepted", late: "cancelled", half: "partly"} == states


def test_a_verdict_is_one_of_three(durable: Path) -> None:
    """A misspelt one gets the nearest, before the store is touched."""
    result = run("messages", "resolve", "msg_none", "resent", "--config", durable)
    assert (2, "error: the verdict has no 'resent'\nhint: did you mean resend?\n") == (result.exit_code, result.stderr)


def test_what_is_known_cannot_be_resolved(durable: Path) -> None:
    """It is a usage error that says how it stands."""
    message = keep(durable)
    result = run("messages", "resolve", message, "drop", "--config", durable)
    assert (2, f"error: the outcome of {message} is known: queued") == (result.exit_code, result.stderr.splitlines()[0])


def test_a_half_sent_message_goes_on(durable: Path) -> None:
    """It waits for a worker again; a whole one does not."""
    half, whole = keep(durable, half_sent), keep(durable)
    result = run("messages", "resend", half, "--config", durable)
    assert (0, ["message", half, "state", "queued"]) == (result.exit_code, result.stdout.split())
    assert "a running gateway or `gateway worker` sends it\n" == result.stderr
    assert 2 == run("messages", "resend", whole, "--config", durable).exit_code


def test_what_has_not_left_can_be_cancelled(durable: Path) -> None:
    """Once; what has ended cannot be taken back any more."""
    message, other = keep(durable), keep(durable)
    result = run("messages", "cancel", message, "--config", durable, "--json")
    assert (0, {"message_id": message, "state": "cancelled"}) == (result.exit_code, document(result.stdout))
    assert 0 == run("messages", "cancel", message, "--config", durable).exit_code
    assert "queued" == listed(durable, "--state", "queued")[0]["state"]
    run("messages", "resolve", other, "drop", "--config", durable)
    gone = keep(durable, not_known)
    assert 2 == run("messages", "cancel", gone, "--config", durable).exit_code
