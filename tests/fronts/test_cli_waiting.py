"""Long work says at a terminal that it is under way; where nobody watches it says nothing of that."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fronts.cli_runs import PROGRAM, run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its terminals are no files")

WORK = {
    "fetching what was missed": ("catch-up",),
    "parsing again": ("reparse", "--quarantined"),
    "copying the store": ("backup",),
    "bringing the schema up to date": ("migrate",),
}


def at_a_terminal(*arguments: str | Path) -> str:
    """Run the program with stderr at a terminal; gives what is to be seen there."""
    try:
        ours, its = os.openpty()
    except OSError:
        pytest.skip("this machine has no terminals")
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    command = [*PROGRAM, *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=its, env=environment)
    os.close(its)
    seen = b""
    try:
        while piece := os.read(ours, 4096):
            seen += piece
    except OSError:  # how Linux tells that nobody has the other side any more
        pass
    finally:
        os.close(ours)
        process.wait(30)
    return seen.decode()


@pytest.mark.parametrize("words", WORK)
def test_work_of_unknown_length_says_what_it_is(durable: Path, words: str) -> None:
    """On stderr, so that the output stays what it is."""
    place: list[Path] = [durable.with_name("copy.db")] if words.startswith("copying") else []
    assert 0 == run("migrate", "--config", durable).exit_code
    command: list[str | Path] = [*WORK[words], *place, "--config", durable]
    assert words in at_a_terminal(*command)
    for copy in place:
        copy.unlink()
    assert words not in run(*command).stderr
