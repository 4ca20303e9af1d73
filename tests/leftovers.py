"""No process outlives the tests that started it.

What a test starts inherits a mark in its environment. At the end of the tests whatever still bears it is named, and
ended; where the tests are killed, a keeper ends it: a small process at the other end of a pipe, which learns by it that
nobody is there any more. Where there is no /proc nobody looks.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

__all__ = ["MARK", "nothing_left"]

#: The name of the mark; what may stay, since other test processes use it, is started without.
MARK = "STARTED_BY_TESTS"

PATIENCE = 20.0

PAUSE = 0.05
"""Seconds between two looks."""
LOOKS = 3
"""How often in a row nothing is found before that is believed: while a process becomes another program, the kernel
shows it with no environment at all."""


@contextmanager
def nothing_left(patience: float = PATIENCE) -> Iterator[None]:
    """Mark what is started within; raises AssertionError for what is there so many seconds after the end."""
    mark = uuid4().hex
    without = {name: value for name, value in os.environ.items() if name != MARK}
    with subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, mark],
        stdin=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the tests
        env=without,
    ) as keeper:
        assert keeper.stdin is not None
        before = os.environ.get(MARK)
        os.environ[MARK] = mark
        try:
            yield
        finally:
            os.environ.pop(MARK)
            if before is not None:
                os.environ[MARK] = before
        left = _after(patience, mark)
        keeper.stdin.close()
    assert not left, f"processes are left: {'; '.join(left.values())}"


def _after(patience: float, mark: str) -> dict[int, str]:
    """Wait until nothing bears the mark; gives what does in the end."""
    end = time.monotonic() + patience
    while left := _found(mark):
        if time.monotonic() > end:
            break
        time.sleep(PAUSE)
    return left


def _found(mark: str) -> dict[int, str]:
    """Look until something is found, or nothing so often that there is nothing."""
    for _ in range(LOOKS - 1):
        if left := _bearing(mark):
            return left
        time.sleep(PAUSE)
    return _bearing(mark)


def _bearing(mark: str) -> dict[int, str]:
    """Find the commands that bear a mark, by process; one that ended, and that nobody asked how, bears none."""
    wanted, found = f"{MARK}={mark}".encode(), {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # somebody else's, or gone
            if wanted in (process / "environ").read_bytes().split(b"\0"):
                words = (process / "cmdline").read_bytes().split(b"\0")
                found[int(process.name)] = b" ".join(words).decode(errors="replace").strip()
    return found


def _keep(mark: str) -> None:
    """Wait until the tests are gone, and end what they left."""
    sys.stdin.read()
    while left := _found(mark):
        for pid in left:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(PAUSE)


if __name__ == "__main__":
    _keep(sys.argv[1])
