"""How the tests of the command line run it: in this process, or as the program that a user starts."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from typer.testing import CliRunner, Result

from gateway.cli import app
from tests.loopback import NO_TLS

PROGRAM = [sys.executable, "-c", "from gateway.cli import main; main()"]
CONTACT = "+12025550123"


def run(*arguments: str | Path, stdin: str | None = None, env: Mapping[str, str] | None = None) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, [str(each) for each in arguments], input=stdin, env=env)


def start(*arguments: str | Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start the program; whoever starts it ends it."""
    return subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(env or {})},
    )


@contextmanager
def running(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """Have the program run, and end it however the test ends."""
    process = start(*arguments)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def interrupt(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Press Ctrl-C; gives exit code, what was still to read from stdout, and from stderr."""
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


def line_with(stream: Any, words: str) -> str:
    """Read lines until one has these words."""
    for line in stream:
        if words in line:
            return str(line)
    raise AssertionError(f"the stream ended without {words!r}")


def problem(result: Result) -> dict[str, Any]:
    """Read the problem document that is all of stdout."""
    found: dict[str, Any] = document(result.stdout)
    return found


def control(summary: Mapping[str, Any], method: str, path: str, **body: object) -> Any:
    """Ask the control API of a simulator, where `gateway simulate --json` said that it is."""
    answer = httpx.request(method, f"{summary['control_url']}{path}", json=body or None, trust_env=False, verify=NO_TLS)
    return answer.raise_for_status().json()


def document(text: str) -> Any:
    """Read the one JSON document that a text is."""
    lines = text.splitlines()
    assert len(lines) == 1, text
    return json.loads(lines[0])
