import socket
from pathlib import Path
from typing import Any

import pytest

from tests.fronts.cli_runs import CONTACT, control, document, problem, run
from tests.fronts.conftest import written


def facts(text: str) -> dict[str, str]:
    """Read names and values as a person does."""
    pairs = (line.split("  ", 1) for line in text.splitlines())
    return {name.strip(): value.strip() for name, value in pairs}


def shown(simulated: dict[str, Any]) -> dict[str, Any]:
    """The last message that the phone shows."""
    threads = control(simulated, "GET", "/state")["threads"]
    bubbles: list[dict[str, Any]] = [bubble for thread in threads for bubble in thread["bubbles"]]
    return bubbles[-1]


def test_a_message_is_sent_and_its_receipt_printed(config: Path, simulated: dict[str, Any]) -> None:
    """The receipt is data, and the key that was made up is part of it."""
    result = run("send", CONTACT, "Hello!", "--effect", "Confetti", "--config", config)
    told = facts(result.stdout)
    assert (0, "") == (result.exit_code, result.stderr)
    assert ["accepted by", "message", "vendor's id", "key"] == list(told)
    assert ("main", 36) == (told["accepted by"], len(told["key"]))
    bubble = shown(simulated)
    assert (f"{bubble['id']} (queued)", "Hello!", "confetti") == (told["vendor's id"], bubble["text"], bubble["effect"])


def test_json_is_connection_key_and_receipt(config: Path) -> None:
    """`--json` prints one document with the whole receipt."""
    result = run("send", CONTACT, "Hello!", "--key", "order-17", "--config", config, "--json")
    sent = document(result.stdout)
    assert (0, "") == (result.exit_code, result.stderr)
    assert {"connection", "key", "receipt"} == set(sent)
    assert ("main", "order-17") == (sent["connection"], sent["key"])
    assert sent["receipt"]["message_id"].startswith("msg_")
    assert [0] == [entry["index"] for entry in sent["receipt"]["sent"]]


def test_the_text_may_come_from_stdin(config: Path, simulated: dict[str, Any]) -> None:
    """`-` reads it, so that it is in no list of processes."""
    assert 0 == run("send", CONTACT, "-", "--config", config, stdin="from a pipe\n").exit_code
    assert "from a pipe" == shown(simulated)["text"]


def test_an_attachment_may_be_a_url(config: Path, simulated: dict[str, Any]) -> None:
    """`--attach URL` sends it without a text."""
    assert 0 == run("send", CONTACT, "--attach", "https://example.com/a.png", "--config", config).exit_code
    assert ["https://example.com/a.png"] == [part["url"] for part in shown(simulated)["parts"]]


def test_a_file_is_refused_where_nothing_would_serve_it(config: Path, tmp_path: Path) -> None:
    """This vendor fetches URLs, and a command that only sends serves none, also where a public URL is configured."""
    config.write_text(f'[gateway]\npublic_url = "https://gateway.example.com"\n{config.read_text()}')
    file = tmp_path / "a.png"
    file.write_bytes(b"png")
    result = run("send", CONTACT, "--attach", file, "--config", config)
    assert (5, "") == (result.exit_code, result.stdout)
    assert "files and bytes cannot be uploaded, only URLs are fetched" in result.stderr


def test_what_the_vendor_lacks_is_refused_with_every_reason_or_adapted(config: Path) -> None:
    """Strictly it is exit code 5 and names what could be asked instead; gracefully it is told on the receipt."""
    asked = ("send", CONTACT, "Hello!", "--effect", "shooting-star", "--config", config)
    refused, adapted = run(*asked), run(*asked, "--policy", "graceful")
    assert (5, "") == (refused.exit_code, refused.stdout)
    assert "effect: there is no shooting-star here" in refused.stderr
    assert "--policy graceful" in refused.stderr
    assert (0, "effect: left out, because there is no shooting-star here") == (
        adapted.exit_code,
        facts(adapted.stdout)["adapted"],
    )


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ([CONTACT], "there is nothing to send"),
        ([CONTACT, "--attach", "missing.png"], "there is no file missing.png"),
        ([CONTACT, "hi", "--voice", "--attach", "https://example.com/a.mp3"], "a voice note stands alone"),
        ([CONTACT, "--voice"], "a voice note stands alone"),
        (["12", "hi"], "a phone number is + and 7 to 15 digits, country code first (E.164)"),
    ],
)
def test_what_cannot_be_a_message_is_a_usage_error(config: Path, arguments: list[str], error: str) -> None:
    """Exit code 2 and what is wrong; nobody was asked."""
    result = run("send", *arguments, "--config", config, "--json")
    assert (2, error) == (result.exit_code, problem(result)["detail"])


def test_a_missing_configuration_is_exit_code_3(tmp_path: Path) -> None:
    """The file is named."""
    result = run("send", CONTACT, "hi", "--config", tmp_path / "no.toml", "--json")
    expected = (3, "configuration", f"there is no file {tmp_path / 'no.toml'}")
    assert expected == (result.exit_code, problem(result)["code"], problem(result)["detail"])


def test_the_configuration_may_be_named_in_the_environment(config: Path) -> None:
    """`GATEWAY_CONFIG` stands for `--config`."""
    assert 0 == run("plan", CONTACT, "hi", env={"GATEWAY_CONFIG": str(config)}).exit_code


def test_a_wrong_key_is_exit_code_4(simulated: dict[str, Any], tmp_path: Path) -> None:
    """The problem names connection and provider, and not the key."""
    config = written(tmp_path / "gateway.toml", simulated, main={"api_key": "not-the-key"})
    result = run("send", CONTACT, "hi", "--config", config, "--json")
    assert 4 == result.exit_code
    assert {"connection": "main", "name": "echo", "code": "bad_key", "status": 401} == problem(result)["provider"]
    assert "hint: mend the key, then: gateway connections test main" in result.stderr
    assert "not-the-key" not in result.output


def test_what_the_vendor_does_not_know_is_exit_code_7(config: Path) -> None:
    """A reply to a message that is not there; nothing of the call is in the error."""
    result = run("send", CONTACT, "secret words", "--reply-to", "em_unknown", "--config", config)
    assert (7, "") == (result.exit_code, result.stdout)
    assert "(code unknown_message)" in result.stderr
    assert [] == [word for word in ("secret words", CONTACT) if word in result.stderr]


def test_an_unknown_connection_is_exit_code_7(config: Path) -> None:
    """The nearest name is suggested."""
    result = run("send", CONTACT, "hi", "--via", "mian", "--config", config)
    assert (7, "error: there is no connection 'mian'\nhint: did you mean main?\n") == (
        result.exit_code,
        result.stderr,
    )


def test_several_connections_ask_for_a_choice(simulated: dict[str, Any], tmp_path: Path) -> None:
    """Where several could carry it, `--via` is asked for."""
    config = written(tmp_path / "gateway.toml", simulated, one={}, two={})
    result = run("send", CONTACT, "hi", "--config", config)
    assert (7, "hint: name one: --via NAME") == (result.exit_code, result.stderr.splitlines()[-1])
    assert 0 == run("send", CONTACT, "hi", "--via", "two", "--config", config).exit_code


def test_a_vendor_that_cannot_be_reached_is_exit_code_6(simulated: dict[str, Any], tmp_path: Path) -> None:
    """Nothing has left, which is certain, and the key is printed for a repetition."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refuses for as long as it is held
        away = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        config = written(tmp_path / "gateway.toml", simulated, main={"base_url": away})
        result = run("send", CONTACT, "hi", "--key", "k-1", "--wait", "0.5", "--config", config)
    assert (6, "") == (result.exit_code, result.stdout)
    key, error, hint = result.stderr.splitlines()
    assert ("key: k-1", "hint: try again later; nothing has left") == (key, hint)
    assert error.startswith("error: it was not sent: main/echo: ")


def test_an_answer_that_was_not_read_is_exit_code_9(config: Path, simulated: dict[str, Any]) -> None:
    """The vendor took it and broke the connection: nobody knows, and it is not sent again."""
    control(simulated, "POST", "/faults", stage="accepted", kind="reset", vendor="echo", times=None)
    try:
        result = run("send", CONTACT, "hi", "--wait", "0.5", "--config", config, "--json")
    finally:
        control(simulated, "DELETE", "/faults")
    assert (9, "outcome_unknown") == (result.exit_code, problem(result)["code"])
    assert problem(result)["message_id"].startswith("msg_")
    assert "hint: look at the phone or at the vendor's dashboard before you send it again" in result.stderr


# ── plan ──────────────────────────────────────────────────────────────────────────────────────────────────────────


# ── when it may leave ─────────────────────────────────────────────────────────────────────────────────────────────


LATER = "2099-01-01T00:00:00Z"


def test_a_message_for_later_is_kept_and_not_waited_for(durable: Path, simulated: dict[str, Any]) -> None:
    """It is in the store, once for a key, and can be taken back; nothing has left."""
    before = control(simulated, "GET", "/state")["threads"]
    asked = ("send", CONTACT, "Happy new year!", "--at", LATER, "--key", "year-2099", "--config", durable)
    result, again = run(*asked), run(*asked, "--json")
    told, same = facts(result.stdout), document(again.stdout)
    assert (0, "a worker sends it when its time comes: gateway worker\n") == (result.exit_code, result.stderr)
    assert ["kept by", "message", "leaves", "key"] == list(told)
    assert {
        "message_id": told["message"],
        "connection": "main",
        "adaptations": [],
        "key": "year-2099",
        "at": told["leaves"],
    } == same
    assert before == control(simulated, "GET", "/state")["threads"]
    taken_back = run("messages", "cancel", told["message"], "--config", durable)
    assert (0, "cancelled") == (taken_back.exit_code, facts(taken_back.stdout)["state"])


def test_what_may_leave_now_leaves_on_these_terms(config: Path, simulated: dict[str, Any]) -> None:
    """A priority, and a time that is not over."""
    asked = ("send", CONTACT, "in time", "--expires", LATER, "--priority", "bulk", "--config", config)
    assert (0, "in time") == (run(*asked).exit_code, shown(simulated)["text"])


def test_what_is_too_late_does_not_leave(config: Path, simulated: dict[str, Any]) -> None:
    """It is an error, and nothing was sent."""
    before = control(simulated, "GET", "/state")["threads"]
    result = run("send", CONTACT, "too late", "--expires", "2020-01-01", "--config", config, "--json")
    assert (5, before) == (result.exit_code, control(simulated, "GET", "/state")["threads"])
    assert "Traceback" not in result.output


def test_nothing_is_kept_for_later_in_memory(config: Path) -> None:
    """This process will not be there then."""
    result = run("send", CONTACT, "later", "--at", LATER, "--config", config, "--json")
    assert (3, "configuration") == (result.exit_code, problem(result)["code"])


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--at", "tomorrow"], "--at is not a time"),
        (["--expires", "soon"], "--expires is not a time"),
        (["--at", LATER, "--expires", "2098-01-01"], "--expires is not after --at"),
        (["--priority", "bulks"], "--priority has no 'bulks'"),
    ],
)
def test_terms_that_are_none_are_usage_errors(config: Path, options: list[str], error: str) -> None:
    """Exit code 2, before anything is asked."""
    result = run("send", CONTACT, "hi", *options, "--config", config, "--json")
    assert (2, error) == (result.exit_code, problem(result)["detail"])


# ── plan ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_plan_says_steps_and_adaptations_and_sends_nothing(config: Path, simulated: dict[str, Any]) -> None:
    """Shapes and counts, no content; the vendor hears nothing of it."""
    config.write_text(config.read_text().replace(simulated["base_urls"]["echo"], "http://127.0.0.1:9/v1"))
    asked = ("plan", CONTACT, "secret words", "--attach", "https://example.com/a.png", "--policy", "graceful")
    result = run(*asked, "--config", config)
    assert (0, "") == (result.exit_code, result.stderr)
    steps, adapted = result.stdout.splitlines()[:2], result.stdout.splitlines()[2:]
    assert ["1. send message 0 (text of 12 characters)", "2. send message 0 (an attachment)"] == steps
    assert all(line.startswith("adapted: multipart: sent as 2 messages") for line in adapted)


def test_a_plan_as_json_is_the_plan_itself(config: Path) -> None:
    """Steps with their actions, without the keys that only a send gives them."""
    planned = document(run("plan", CONTACT, "hi", "--config", config, "--json").stdout)
    [step] = planned["steps"]
    assert ([], 0.0, [0]) == (planned["adaptations"], step["pause"], step["indexes"])
    assert {"type", "chat", "messages"} == set(step["action"])


def test_a_plan_that_is_refused_has_the_same_exit_code_as_the_send(config: Path) -> None:
    """What `send` would refuse, `plan` refuses."""
    result = run("plan", CONTACT, "hi", "--subject", "A title", "--config", config, "--json")
    assert (5, "unsupported") == (result.exit_code, problem(result)["code"])


def test_a_send_that_is_only_tried_is_a_plan(config: Path, simulated: dict[str, Any]) -> None:
    """`--dry-run` says what `plan` says, and the phone shows nothing of it."""
    before = _bubbles(simulated)
    asked = (CONTACT, "never sent", "--config", config)
    for more in ((), ("--json",)):
        tried, planned = run("send", *asked, "--dry-run", *more), run("plan", *asked, *more)
        assert (0, planned.stdout) == (tried.exit_code, tried.stdout)
    assert before == _bubbles(simulated)


def _bubbles(simulated: dict[str, Any]) -> list[str]:
    """Name what is on the phone; how far it got changes by itself."""
    threads = control(simulated, "GET", "/state")["threads"]
    return [bubble["id"] for thread in threads for bubble in thread["bubbles"]]
