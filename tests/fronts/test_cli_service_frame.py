"""Which service a command asks, with which key, and what it says when that goes wrong."""

from __future__ import annotations

import asyncio
import contextlib
import io
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import click
import pytest
import typer

from gateway.cli import app, completing, progress
from gateway.cli.api import Api, path
from gateway.cli.deciding import sure
from gateway.cli.failing import Usage
from gateway.cli.screen import Screen
from gateway.errors import Unreachable
from tests.fronts.cli_runs import problem, run
from tests.fronts.cli_watched import Watched

HERE = {"GATEWAY_URL": "http://127.0.0.1:9", "GATEWAY_API_KEY": "gw_live_some-key"}

CHANGING = (
    *(f"connections {name}" for name in ("add", "update", "rotate", "disable", "enable", "remove")),
    *("connections register", "connections unregister", "send", "messages send", "messages cancel"),
    *("messages resend", "messages resolve", "keys create", "keys rotate", "keys revoke"),
    *("files put", "files remove", "contacts unsubscribe", "erase"),
    *("tenants create", "tenants update", "tenants key"),
)


# ── where and who ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("env", "code", "error", "hint"),
    [
        ({"GATEWAY_URL": ""}, 3, "this command asks a running service, and no service is named", "export GATEWAY_URL="),
        ({"GATEWAY_URL": "ftp://x"}, 3, "this is no URL of a service", "give it as"),
        ({"GATEWAY_URL": "http://example.com"}, 3, "the key would go over the network in the open", "use https://"),
        ({"GATEWAY_API_KEY": ""}, 4, "there is no key for the service", "export GATEWAY_API_KEY="),
        ({"GATEWAY_API_KEY": "kéy"}, 3, "the key is no key of a service", "give it as"),
        ({"GATEWAY_API_KEY_FILE": "not/there"}, 3, "the key file not/there cannot be read", "check its path"),
    ],
)
def test_what_is_missing_is_named_before_anything_is_asked(
    env: dict[str, str], code: int, error: str, hint: str
) -> None:
    """The exit code says which kind it is; no key is in any of it."""
    result = run("keys", "list", env={**HERE, **env})
    lines = result.stderr.splitlines()
    assert (code, f"error: {error}") == (result.exit_code, lines[0])
    assert lines[1].startswith(f"hint: {hint}")
    assert "some-key" not in result.output


def test_a_service_that_is_away_is_exit_code_6() -> None:
    """It may be asked again; a problem document with --json."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        result = run("connections", "list", "--url", url, "--json", env=HERE)
    assert (6, "unreachable", True) == (result.exit_code, problem(result)["code"], problem(result)["retryable"])


def test_a_key_that_does_not_count_is_exit_code_4(watched: Watched) -> None:
    """The hint says where a key is given; the key itself is not repeated."""
    result = watched.run("keys", "me", "--json", env={"GATEWAY_API_KEY": "gw_live_nonsense"})
    assert (4, "unauthenticated") == (result.exit_code, problem(result)["code"])
    assert "GATEWAY_API_KEY" in problem(result)["hint"]
    assert "nonsense" not in result.output


def test_a_key_may_be_in_a_file(watched: Watched, tmp_path: Path) -> None:
    """It goes before the environment; an empty file is said to be so."""
    file = tmp_path / "key"
    file.write_text(watched.env["GATEWAY_API_KEY"] + "\n")
    for told in (("--key-file", str(file)), ()):
        env = {"GATEWAY_API_KEY": "other", "GATEWAY_API_KEY_FILE": str(file) if not told else ""}
        assert 0 == watched.run("keys", "me", *told, env=env).exit_code
    file.write_text("")
    assert 3 == watched.run("keys", "me", "--key-file", file).exit_code


def test_every_command_that_changes_something_can_be_tried_out() -> None:
    """`--dry-run` everywhere, and `--yes` where something goes for good."""
    helps = {name: run(*name.split(), "--help", env={"COLUMNS": "160"}).stdout for name in CHANGING}
    assert [] == [name for name, text in helps.items() if "--dry-run" not in text]
    gone = [name for name in CHANGING if name.split()[-1] in {"remove", "revoke", "unregister", "erase"}]
    assert [] == [name for name in gone if "--yes" not in helps[name]]


@pytest.mark.parametrize("module", ["keys", "files", "audit", "connections", "completing"])
def test_what_asks_a_service_waits_for_no_engine(module: str) -> None:
    """Whoever presses Tab waits for this import."""
    told = f"import sys, gateway.cli.{module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert set() == {"gateway.client", "gateway.plugins", "gateway.transport", "structlog"} & set(done.stdout.split())


# ── answers that are none ─────────────────────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def answering(status: int, body: bytes, *, kind: str = "application/json", length: int | None = None) -> Iterator[str]:
    """Have something answer every request with the same, as a proxy does whose service is away."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body) if length is None else length))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        do_GET = do_POST = do_DELETE = answer  # noqa: N815 - the names that the server looks for

        def log_message(self, *_: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(("status", "code"), [(502, 6), (503, 6), (500, 1), (404, 7), (401, 4), (413, 2)])
def test_what_a_proxy_answers_gets_the_exit_code_of_its_status(status: int, code: int) -> None:
    """A page of HTML in place of a problem document is no reason for a traceback."""
    with answering(status, b"<html>away</html>", kind="text/html") as url:
        result = run("keys", "revoke", "key_1", "--yes", "--json", env={**HERE, "GATEWAY_URL": url})
    assert (code, code) == (result.exit_code, problem(result)["exit_code"])


def test_a_line_ends_with_a_line_feed_and_nothing_else() -> None:
    """A text may hold what Unicode takes for the end of a line."""
    with answering(200, '{"kind": "one\u2028two\u0085three"}\n\n{"kind": "four"}'.encode()) as url:
        result = run("export", "+12025550123", env={**HERE, "GATEWAY_URL": url})
    assert (0, ['{"kind": "one\\u2028two\\u0085three"}', '{"kind": "four"}']) == (
        result.exit_code,
        result.stdout.splitlines(),
    )


def test_an_answer_that_breaks_off_is_exit_code_6_and_leaves_no_half_file(tmp_path: Path) -> None:
    """Half an export would pass for a whole one."""
    with answering(200, b'{"kind": "event"}\n', length=1000) as url:
        env = {**HERE, "GATEWAY_URL": url}
        result = run("export", "+12025550123", "--to", tmp_path / "all", "--json", env=env)
    assert (6, []) == (result.exit_code, list(tmp_path.iterdir()))


async def test_a_stream_goes_on_where_it_broke(watched: Watched) -> None:
    """Each event once and in order, also over a service that lets go of its streams in between."""
    service = watched.desk.service
    async with Api(watched.desk.url, watched.env["GATEWAY_API_KEY"]) as api:
        start = (await api.get(path("events"), after="latest", limit=1))["next"]
        stream = api.events(after=start, type=["message.received"])
        for text in ("before the break", "after the break"):
            await asyncio.to_thread(watched.written, text)
            _, event = await asyncio.wait_for(anext(stream), 30)
            assert text in str(event["message"])
            following = asyncio.ensure_future(anext(stream))
            service.draining = True
            await asyncio.sleep(0)
            await asyncio.to_thread(watched.written, f"{text}, while it was away")
            service.draining = False
            _, event = await asyncio.wait_for(following, 30)
            assert "while it was away" in str(event["message"])
        await cast("AsyncGenerator[Any]", stream).aclose()


async def test_a_stream_that_cannot_be_opened_is_an_error() -> None:
    """Only one that was open before is opened again."""
    async with Api("http://127.0.0.1:9", "gw_live_key") as away:
        with pytest.raises(Unreachable):
            await anext(away.events(after="x"))


# ── a question, and how far it is ─────────────────────────────────────────────────────────────────────────────────


class Terminal(io.StringIO):
    """Text that is typed, or a screen that is looked at."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("typed", "goes_on"), [("y\n", True), ("YES\n", True), ("\n", False), ("n\n", False), ("", False)]
)
def test_only_a_yes_is_a_yes(
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    goes_on: bool,  # noqa: FBT001 - a row
) -> None:
    """At a terminal it is asked, and everything else leaves things as they are."""
    screen = Terminal()
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    monkeypatch.setattr(sys, "stderr", screen)
    with contextlib.nullcontext() if goes_on else pytest.raises(typer.Abort):
        sure(Screen(), "Erase?", yes=False)
    assert "Erase? [y/N]" in screen.getvalue()


def test_nobody_is_asked_where_nobody_sits() -> None:
    """`--yes` goes on without a word."""
    with pytest.raises(Usage):
        sure(Screen(), "Erase?", yes=False)
    sure(Screen(), "Erase?", yes=True)


def test_short_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Nor does any work with --quiet."""
    with progress.progress(Screen(), "replaying", 10) as counter:
        counter.advance(10)
    assert ("", "") == capsys.readouterr()


def test_long_work_says_each_tenth_where_nobody_watches(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for ten percent, on stderr; of work without a known end, whenever twice as much is done."""
    monkeypatch.setattr(progress, "PATIENCE", 0)
    with progress.progress(Screen(), "replaying", 1_000, unit="events") as counter:
        for _ in range(1_000):
            counter.advance()
    lines = capsys.readouterr().err.splitlines()
    assert (10, "replaying: 10 % (100 of 1,000 events)", "replaying: 100 % (1,000 of 1,000 events)") == (
        len(lines),
        lines[0],
        lines[-1],
    )
    with progress.progress(Screen(), "exporting", unit="lines") as counter:
        for _ in range(5_000):
            counter.advance()
    assert ["exporting: 1,000 lines", "exporting: 2,000 lines", "exporting: 4,000 lines"] == (
        capsys.readouterr().err.splitlines()
    )
    with progress.progress(Screen(quiet=True), "replaying", 10) as counter:
        counter.advance(10)
    assert ("", "") == capsys.readouterr()


@pytest.mark.parametrize("unit", ["events", "bytes"])
def test_at_a_terminal_it_is_a_bar_that_goes_away(monkeypatch: pytest.MonkeyPatch, unit: str) -> None:
    """With what is done and how fast; nothing of it stays."""
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress, "PATIENCE", 0.001)
    monkeypatch.setenv("TERM", "xterm-256color")
    with progress.progress(Screen(), "replaying", 1_000, unit=unit) as counter:
        counter.advance(1)
        while counter._bar is None:
            counter.advance(1)
        counter.advance(100)
    assert "replaying" in screen.getvalue()
    assert "/s" in screen.getvalue()


# ── completion ────────────────────────────────────────────────────────────────────────────────────────────────────


def words(watched: Watched | None, option: str, incomplete: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a completion offers, with the service in the environment or none."""
    for name, value in (watched.env if watched else {"GATEWAY_URL": "", "GATEWAY_API_KEY": ""}).items():
        monkeypatch.setenv(name, value)
    ctx: Any = click.Context(click.Command("x"))
    found: list[str] = getattr(completing, f"complete_{option}")(ctx, incomplete)
    return found


def test_what_the_service_has_is_completed(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names and ids, by what was typed of them."""
    watched.written("for the shell")
    message = watched.data("send", "+12025550123", "hi")["receipt"]["message_id"]
    key = watched.data("keys", "create", "shell")["key"]["id"]
    assert ["main"] == words(watched, "connection", "ma", monkeypatch)
    assert [watched.connection] == words(watched, "connection", "pc_", monkeypatch)
    assert [message] == words(watched, "message", "msg_", monkeypatch)
    assert [key] == words(watched, "key", "key_", monkeypatch)
    assert [] == words(watched, "endpoint", "ep_", monkeypatch)
    assert words(watched, "event", "evt_", monkeypatch)
    assert [] == words(watched, "file", "file_", monkeypatch)
    assert words(watched, "provider", "", monkeypatch)
    assert ["message.received"] == completing.complete_event_type("message.rec")


def test_completion_is_silent_where_there_is_nothing_to_ask(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """No service, one that is away, and no key: no words, and no complaint."""
    assert [] == words(None, "message", "", monkeypatch)
    monkeypatch.setenv("GATEWAY_URL", "http://127.0.0.1:9")
    ctx: Any = click.Context(click.Command("x"))
    assert [] == completing.complete_key(ctx, "")
    monkeypatch.setenv("GATEWAY_API_KEY", "gw_live_key")
    assert [] == completing.complete_key(ctx, "")
    assert ("", "") == capfd.readouterr()


def test_a_shell_gets_words_of_the_service(watched: Watched) -> None:
    """As it asks for them; the name of a connection is taken from the configuration where no service is named."""
    env = {
        **watched.env,
        "_GATEWAY_COMPLETE": "complete_bash",
        "COMP_WORDS": "gateway connections show ma",
        "COMP_CWORD": "3",
    }
    result = run(env=env)
    assert ("main", typer.Typer) == (result.stdout.strip(), type(app))
