"""`gateway send`, `plan` and `messages` against a running service."""

import json
from pathlib import Path

import pytest

from tests.fronts.cli_runs import CONTACT, document, problem
from tests.fronts.cli_watched import Watched

MASKED = "+1••••••••23"


def sent(watched: Watched, *arguments: str | Path) -> str:
    """Send something; gives our id of it."""
    return str(watched.data("send", CONTACT, *arguments)["receipt"]["message_id"])


# ── send, plan ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_message_is_sent_by_the_service(watched: Watched) -> None:
    """The same receipt as with a configuration; the connection by its name for people, by its id for programs."""
    watched.written("first word")
    result = watched.run("send", CONTACT, "hello from afar", "--effect", "slam")
    assert (0, "") == (result.exit_code, result.stderr)
    told = {line[:11].strip(): line[13:] for line in result.stdout.splitlines()}
    assert ("main", 36) == (told["accepted by"], len(told["key"]))
    document_ = watched.data("messages", "send", CONTACT, "and again", "--key", "order-17")
    assert {"connection", "key", "receipt"} == set(document_)
    assert (watched.connection, "order-17") == (document_["connection"], document_["key"])


def test_the_same_key_is_the_same_message(watched: Watched) -> None:
    """And the same key with other content is refused as a wrong call."""
    first, second = (sent(watched, "once", "--key", "order-18") for _ in range(2))
    assert first == second
    other = watched.run("send", CONTACT, "otherwise", "--key", "order-18", "--json")
    assert (2, "conflict") == (other.exit_code, problem(other)["code"])


def test_a_key_that_may_only_send_sends(watched: Watched) -> None:
    """It need not read what became of it, nor which connections there are."""
    key = watched.do(watched.desk.key("send"))
    env = {"GATEWAY_API_KEY": key}
    result = watched.run("send", CONTACT, "with little", "--via", watched.connection, "--json", env=env)
    assert (0, watched.connection) == (result.exit_code, document(result.stdout)["connection"])
    assert key not in result.output
    refused = watched.run("messages", "list", "--json", env=env)
    assert (4, "forbidden") == (refused.exit_code, problem(refused)["code"])


def test_a_message_for_later_is_kept_by_the_service(watched: Watched) -> None:
    """It says until when, and does not wait; on other terms the same key is another message."""
    asked = ["send", CONTACT, "later", "--key", "order-19", "--priority", "bulk", "--at"]
    result = watched.run(*asked, "2099-01-01T00:00:00Z")
    told = {line[:7].strip(): line[9:] for line in result.stdout.splitlines()}
    assert (0, "", ["kept by", "message", "leaves", "key"]) == (result.exit_code, result.stderr, list(told))
    same = watched.data("messages", *asked, "2099-01-01T00:00:00Z")
    assert (told["message"], watched.connection, "order-19") == (same["message_id"], same["connection"], same["key"])
    assert "queued" == watched.data("messages", "cancel", told["message"], "--dry-run")["state"]
    other = watched.run(*asked, "2099-01-02T00:00:00Z", "--json")
    assert (2, "conflict") == (other.exit_code, problem(other)["code"])
    assert 0 == watched.run("messages", "cancel", told["message"]).exit_code


def test_what_the_vendor_cannot_carry_is_exit_code_5(watched: Watched) -> None:
    """Every problem is named, nothing is sent."""
    for command in ("plan", "send"):
        result = watched.run(command, CONTACT, "hi", "--subject", "Title", "--json", "--policy", "strict")
        assert (5, "unsupported") == (result.exit_code, problem(result)["code"])


def test_a_plan_says_what_would_be_sent(watched: Watched) -> None:
    """In the words of a plan with a configuration; nothing is sent."""
    before = watched.data("messages", "list")
    result = watched.run("plan", CONTACT, "hello there", "--effect", "slam")
    assert (0, "1. send message 0 (text of 11 characters, effect slam)\n") == (result.exit_code, result.stdout)
    assert {"steps", "adaptations"} <= set(watched.data("plan", CONTACT, "hello there"))
    assert before == watched.data("messages", "list")


def test_files_of_this_machine_are_brought_first(
    watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sent stays with the service; what was only planned with goes again."""
    monkeypatch.setattr(watched.desk.service.gateway, "public_url", "https://gateway.example.com")
    file = tmp_path / "note.txt"
    file.write_text("hello")
    planned = watched.run("plan", CONTACT, "--attach", file)
    assert (0, []) == (planned.exit_code, watched.data("files", "list")), planned.output
    sent(watched, "--attach", file)
    (kept,) = watched.data("files", "list")
    assert ("note.txt", 5) == (kept["name"], kept["size"])
    sent(watched, "--attach", kept["id"])
    assert 1 == len(watched.data("files", "list"))


# ── list, show ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_list_has_the_columns_of_a_list_of_a_store(watched: Watched) -> None:
    """Addresses are masked, texts are not there; for programs the same fields as of a store."""
    message = sent(watched, "secret words")
    row = watched.data("messages", "list", "--limit", "1")[0]
    assert {
        *("message_id", "connection", "kind", "to", "state", "parked", "steps"),
        *("created_at", "due_at", "expires_at", "error"),
    } == set(row)
    assert (message, watched.connection, "send_message", MASKED, "accepted", False, 1, None) == (
        *(row[name] for name in ("message_id", "connection", "kind", "to", "state", "parked", "steps", "error")),
    )
    table = watched.run("messages", "list", "--state", "accepted", "--limit", "1")
    assert "there may be more; give a larger --limit\n" == table.stderr
    line = table.stdout.splitlines()[1].split()
    assert (message, ["main", "send", "message", MASKED, "accepted"]) == (line[0], line[3:])
    assert [] == [word for word in (CONTACT, "secret") if word in table.output + json.dumps(row)]


def test_a_list_goes_over_pages(watched: Watched) -> None:
    """As many as are asked for, however many the service gives at once."""
    gaps = watched.data("messages", "list")
    assert 0 < len(gaps) == len({row["message_id"] for row in gaps})
    assert gaps[:3] == watched.data("messages", "list", "--limit", "3")


def test_a_message_is_told_with_its_whole_life(watched: Watched) -> None:
    """Masked unless --reveal; the connection by its name."""
    message = sent(watched, "secret words")
    result = watched.run("messages", "show", message)
    assert (0, ["message", "connection", "to", "state", "delivery"]) == (
        result.exit_code,
        [line.split()[0] for line in result.stdout.splitlines()][:5],
    )
    assert "connection  main" in [" ".join(line.split()).replace(" ", "  ") for line in result.stdout.splitlines()]
    assert "1. send message 0 (text of 12 characters)" in result.stdout
    revealed = watched.run("messages", "show", message, "--reveal", "--json")
    masked = watched.run("messages", "show", message, "--json")
    words = (CONTACT, "secret words")
    assert ([], [*words]) == (
        [word for word in words if word in result.output + masked.output],
        [word for word in words if word in revealed.stdout],
    )


# ── cancel, resend, resolve ───────────────────────────────────────────────────────────────────────────────────────


def test_what_waits_is_taken_back(watched: Watched) -> None:
    """A dry run says how it stands, and leaves it."""
    message = waiting(watched)
    dry = watched.data("messages", "cancel", message, "--dry-run")
    assert (True, "queued") == (dry["dry_run"], dry["state"])
    again = watched.run("messages", "cancel", message, "--wait", "1")
    assert (0, f"message  {message}\nstate    cancelled\n") == (again.exit_code, again.stdout)


def waiting(watched: Watched) -> str:
    """Keep a message that does not leave for long."""
    body = {"to": CONTACT, "message": "later", "connection": watched.connection, "at": "2099-01-01T00:00:00Z"}
    answer = watched.do(watched.desk.client.post("/v1/messages", json=body))
    assert 202 == answer.status_code, answer.text
    return str(answer.json()["id"])


def test_a_decision_that_comes_too_late_is_exit_code_2(watched: Watched) -> None:
    """What was accepted can neither be cancelled nor resent nor settled."""
    message = sent(watched, "gone already")
    for command in (["cancel", message], ["resend", message], ["resolve", message, "drop"]):
        result = watched.run("messages", *command, "--json")
        assert 2 == result.exit_code, result.output


def test_a_message_that_is_not_there_is_exit_code_7(watched: Watched) -> None:
    """Whatever is asked of it."""
    for command in (["show"], ["cancel"], ["resend"], ["cancel", "--dry-run"]):
        assert 7 == watched.run("messages", command[0], "msg_none", *command[1:]).exit_code
