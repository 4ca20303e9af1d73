"""What tests start and forget is found, whoever started it and however the tests ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.leftovers import nothing_left

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="nobody looks where there is no /proc")

#: A shell that starts a process in a session of its own, says which, and is gone.
ORPHANING = "setsid sleep 600 >/dev/null 2>&1 & echo $!"


def ends(pid: int) -> bool:
    """Wait until a process is gone that is no child of this one."""
    return 0 == subprocess.run(["timeout", "60", "tail", f"--pid={pid}", "-f", "/dev/null"], check=False).returncode


def test_what_was_ended_is_not_looked_for() -> None:
    """Nothing is said where nothing is left."""
    with nothing_left():
        subprocess.run(["true"], check=True)


def test_what_is_left_is_named_and_ended() -> None:
    """Even an orphan in a session of its own; a mark that was there before is there again."""
    before = os.environ.copy()
    with pytest.raises(AssertionError, match=r"processes are left: sleep 600$"), nothing_left(patience=0.1):
        started = subprocess.run(["sh", "-c", ORPHANING], capture_output=True, text=True, check=True)
    assert ends(int(started.stdout))
    assert before == os.environ.copy()


def test_nothing_outlives_tests_that_were_killed() -> None:
    """Nobody clears away, and still it is done."""
    tests = (
        "import subprocess, sys, time\n"
        "from tests.leftovers import nothing_left\n"
        "with nothing_left():\n"
        f"    subprocess.run(['sh', '-c', {ORPHANING!r}])\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", tests], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        started = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
    assert ends(started)
