import json
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from tests.fronts.cli_kept import keep
from tests.fronts.cli_runs import CONTACT, control, document, interrupt, line_with, problem, run, running

REGISTER = """
from gateway import DeliveryUpdated

def note(event):
    pass

def register(gateway):
    gateway.on(DeliveryUpdated, note)

number = 1
"""


def states(config: Path) -> list[str]:
    """Where all messages stand; looks from beside while a worker runs."""
    rows = document(run("messages", "list", "--config", config, "--json", "--quiet").stdout)
    return [row["state"] for row in rows]


def wait_for(config: Path, state: str) -> None:
    """Wait until the newest message is there."""
    deadline = time.monotonic() + 20
    while states(config)[0] != state:
        assert time.monotonic() < deadline, states(config)
        time.sleep(0.05)


def bubbles(simulated: dict[str, Any], text: str) -> list[dict[str, Any]]:
    """What the phone shows with this text."""
    threads = control(simulated, "GET", "/state")["threads"]
    return [bubble for thread in threads for bubble in thread["bubbles"] if bubble["text"] == text]


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_sends_what_another_process_kept(
    durable: Path, simulated: dict[str, Any], sign: signal.Signals
) -> None:
    """Once, until it is asked to end; afterwards the message's story has call and answer."""
    text = f"kept before {sign.name}"
    message = keep(durable, text=text)
    with running("worker", "--config", durable) as process:
        assert "working: main, 1 to send\n" == line_with(process.stderr, "to send")
        wait_for(durable, "accepted")
        process.send_signal(sign)
        out, err = process.communicate(timeout=30)
    assert (0, "", False) == (process.returncode, out, "Traceback" in err)
    assert err.endswith("finishing what is under way\nended; what is left waits in the store\n")
    assert 1 == len(bubbles(simulated, text))
    told = run("messages", "show", message, "--config", durable)
    words = [line.partition("  ")[2] for line in told.stdout.splitlines()]
    assert "attempt   step 1, try 1: POST /messages" in words
    assert ["answer    step 1, try 1: accepted, HTTP 201"] == [
        word.partition(" after")[0] for word in words if word.startswith("answer")
    ]


def test_a_worker_runs_the_handlers_that_are_named(durable: Path, tmp_path: Path, monkeypatch: Any) -> None:
    """A function that registers them is imported from the working directory; their runs are in the story."""
    (tmp_path / "kept_bot.py").write_text(REGISTER)
    monkeypatch.chdir(tmp_path)
    message = keep(durable)
    with running("worker", "--config", durable, "--handlers", "kept_bot:register", "--json") as process:
        assert process.stdout is not None
        assert {"state": "working", "waiting": {"main": 1}} == json.loads(process.stdout.readline())
        wait_for(durable, "accepted")
        code, out, _ = interrupt(process)
    assert (0, {"state": "ended"}) == (code, document(out))
    story = document(run("messages", "show", message, "--config", durable, "--json").stdout)
    assert "kept_bot.note" in {run["handler"] for event in story["events"] for run in event["runs"]}


BREAKS = """
async def broken(*_, **__):
    raise ZeroDivisionError

def register(gateway):
    gateway.store.claim = broken
"""


def test_a_worker_whose_loop_stops_ends(durable: Path, tmp_path: Path, monkeypatch: Any) -> None:
    """Whatever it stopped of; a process that stays and sends nothing would look as if all were well."""
    (tmp_path / "breaking_bot.py").write_text(BREAKS)
    monkeypatch.chdir(tmp_path)
    with running("worker", "--config", durable, "--handlers", "breaking_bot:register") as process:
        _, err = process.communicate(timeout=60)
    assert (1, False) == (process.returncode, "Traceback" in err)
    assert "error: the gateway worker stopped: ZeroDivisionError" in err
    assert "hint: start it again" in err


@pytest.mark.parametrize(
    ("place", "error"),
    [
        ("kept_nothing", "--handlers kept_nothing names no function"),
        ("kept_nothing:register", "there is no module kept_nothing"),
        ("kept_bot:missing", "there is no function missing in kept_bot"),
        ("kept_bot:number", "there is no function number in kept_bot"),
    ],
)
def test_handlers_that_are_not_there_are_a_usage_error(
    durable: Path, tmp_path: Path, monkeypatch: Any, place: str, error: str
) -> None:
    """Nothing is sent before they are found."""
    (tmp_path / "kept_bot.py").write_text(REGISTER)
    monkeypatch.syspath_prepend(tmp_path)
    result = run("worker", "--config", durable, "--handlers", place, "--json")
    assert (2, error) == (result.exit_code, problem(result)["detail"])


def test_a_worker_needs_something_to_work_on(config: Path, durable: Path, tmp_path: Path) -> None:
    """A store that outlives a process, and connections."""
    empty = tmp_path / "empty.toml"
    empty.write_text("")
    assert (3, True) == ((found := run("worker", "--config", empty)).exit_code, "in memory" in found.stderr)
    empty.write_text(f'[gateway]\nstore = "sqlite:///{tmp_path}/empty.db"\n')
    assert (3, "hint: add a [connections.NAME]") == (
        (found := run("worker", "--config", empty)).exit_code,
        found.stderr.splitlines()[1],
    )


def test_what_send_could_not_wait_for_a_worker_sends(durable: Path, simulated: dict[str, Any]) -> None:
    """In a durable store it is kept, the hint says who goes on, and the same key is the same message."""
    text, works = "sent by two processes", durable.read_text()
    asked = ("send", CONTACT, text, "--key", "one", "--wait", "0.3", "--config", durable, "--json")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refuses for as long as it is held
        away = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        durable.write_text(works.replace(simulated["base_urls"]["echo"], away))
        result = run(*asked)
    durable.write_text(works)
    assert (9, "not_settled") == (result.exit_code, problem(result)["code"])
    message = problem(result)["message_id"]
    assert f"hint: a running gateway or `gateway worker` goes on with it; see: gateway messages show {message}" in (
        result.stderr
    )
    with running("worker", "--config", durable) as process:
        line_with(process.stderr, "to send")
        wait_for(durable, "accepted")
        interrupt(process)
    again = document(run(*asked).stdout)
    assert (message, 1) == (again["receipt"]["message_id"], len(bubbles(simulated, text)))
