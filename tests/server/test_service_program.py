"""`gateway serve` as a user starts it: a whole journey through a twin, and an end that loses nothing."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fronts.cli_runs import document, interrupt, line_with, run, running, start
from tests.server.desk import ADMIN_KEY, PHONE


@pytest.fixture(scope="module")
def simulated() -> Iterator[dict[str, Any]]:
    """What `gateway simulate echo --json` says, while it runs."""
    with running("simulate", "echo", "--json") as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())


def until(look: Any, seconds: float = 20) -> Any:
    """Wait until something is there, and give it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come")


def test_a_journey_by_http_alone(simulated: dict[str, Any], tmp_path: Path) -> None:
    """First start, first key, a connection, a message out, one in, and the same after a restart."""
    store = f"sqlite:///{tmp_path / 'gateway.db'}"
    with running("serve", "--store", store, "--port", "0", "--json") as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        with _client(told["url"], told["key"]) as client:
            connection = _connected(client, simulated)
            sent = client.post("/v1/messages?wait=10", json={"to": PHONE, "message": "hi"}).json()
            assert ("accepted", connection) == (sent["outcome"], sent["connection"])
            control = f"{simulated['control_url']}/contacts/{PHONE}/write"
            httpx.post(control, json={"text": "hello", "vendor": "echo"}, trust_env=False).raise_for_status()
            [event] = until(lambda: client.get("/v1/events?type=message.received").json()["items"])
            assert "hello" == event["message"]["parts"][0]["text"]
        code, out, _ = interrupt(process)
    assert (0, {"state": "ended"}) == (code, document(out))
    with running("serve", "--store", store, "--port", "0", "--json") as process:
        assert process.stdout is not None
        again = json.loads(process.stdout.readline())
        assert "key" not in again
        with _client(again["url"], told["key"]) as client:
            assert [event["id"]] == [
                item["id"] for item in client.get("/v1/events?type=message.received").json()["items"]
            ]


def _client(url: str, key: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=30, trust_env=False)


def _connected(client: httpx.Client, simulated: dict[str, Any]) -> str:
    settings = {
        "api_key": simulated["api_keys"]["echo"],
        "webhook_secret": simulated["secrets"]["echo"],
        "base_url": simulated["base_urls"]["echo"],
    }
    made = client.post("/v1/connections", json={"provider": "echo", "settings": settings}).raise_for_status().json()
    where = {"url": f"{client.base_url}".rstrip("/") + made["webhook_path"]}
    httpx.put(f"{simulated['control_url']}/webhooks/echo", json=where, trust_env=False).raise_for_status()
    return str(made["id"])


def test_what_is_under_way_at_sigterm_is_answered(tmp_path: Path) -> None:
    """A long poll ends with what there is, no new connection is taken, and the exit code is 0."""
    process = start(
        "serve", "--store", f"sqlite:///{tmp_path / 'gateway.db'}", "--port", "0", "--json",
        env={"GATEWAY__SERVER__ADMIN_KEY": ADMIN_KEY},
    )  # fmt: skip
    assert process.stdout is not None
    url = json.loads(process.stdout.readline())["url"]
    answers: list[int] = []
    with _client(url, ADMIN_KEY) as client:
        client.get("/livez").raise_for_status()  # its connection is one that the service has taken
        asked = threading.Thread(target=lambda: answers.append(client.get("/v1/events?wait=20").status_code))
        asked.start()
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        asked.join(20)
    out, _ = process.communicate(timeout=30)
    assert ([200], 0, {"state": "ended"}) == (answers, process.returncode, document(out))


def test_a_second_ctrl_c_cuts_what_is_under_way(tmp_path: Path) -> None:
    """Whoever does not want to wait for a long upload presses again; the log has no failure that is none."""
    process = start(
        "serve", "--store", f"sqlite:///{tmp_path / 'gateway.db'}", "--port", "0", "--json",
        env={"GATEWAY__SERVER__ADMIN_KEY": ADMIN_KEY},
    )  # fmt: skip
    assert process.stdout is not None
    host, _, port = json.loads(process.stdout.readline())["url"].removeprefix("http://").partition(":")
    head = f"POST /v1/files HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ADMIN_KEY}\r\ncontent-type: text/plain\r\n"
    with socket.create_connection((host, int(port))) as upload:
        upload.sendall(f"{head}content-length: 9\r\nexpect: 100-continue\r\n\r\n".encode())
        assert upload.recv(100).startswith(b"HTTP/1.1 100 ")
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        line_with(process.stderr, "finishing what is under way")
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert (130, False) == (process.returncode, "Traceback" in told)


def test_production_refuses_what_is_insecure(tmp_path: Path) -> None:
    """With every reason, the exit code of a configuration, and nothing served."""
    store = f"sqlite:///{tmp_path / 'gateway.db'}"
    result = run("serve", "--store", store, "--port", "0", "--profile", "production", "--json")
    told = document(result.stdout)
    assert (3, "configuration") == (result.exit_code, told["code"])
    assert "no master key" in told["detail"]


def test_config_shows_values_with_their_origins_and_hides_secrets(tmp_path: Path) -> None:
    """As a table and as data."""
    file = tmp_path / "gateway.toml"
    file.write_text('[server]\nport = 9999\nadmin_key = "' + "hush" * 10 + '"\n')
    env = {"GATEWAY__SERVER__HOST": "127.0.0.2"}
    table = run("config", "show", "--config", file, env=env).stdout
    assert [True, True, False] == [word in table for word in ("gateway.toml:2", "GATEWAY__SERVER__HOST", "hush")]
    told = document(run("config", "show", "--config", file, "--json", env=env).stdout)
    port = next(item for item in told if (item["section"], item["key"]) == ("server", "port"))
    assert (9999, {"kind": "file", "place": "gateway.toml:2"}) == (port["value"], port["origin"])


def test_config_check_says_what_a_profile_would_refuse(tmp_path: Path) -> None:
    """0 where it could start, 8 where it could not, 3 where it makes no sense."""
    file = tmp_path / "gateway.toml"
    file.write_text("[server]\nport = 9999\n")
    fine = run("config", "check", "--config", file)
    refused = run("config", "check", "--config", file, "--profile", "production", "--json")
    broken = run("config", "check", "--config", tmp_path / "nowhere.toml")
    assert [0, 8, 3] == [each.exit_code for each in (fine, refused, broken)]
    assert (False, "production") == (document(refused.stdout)["ok"], document(refused.stdout)["profile"])
