"""The benchmarks run; what they measure is not looked at, for that needs a quiet machine."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from benchmarks.chosen import BENCHMARKS, rows
from benchmarks.measure import TINY, Row
from tests.house.tree import ROOT


@pytest.mark.parametrize("name", BENCHMARKS)
async def test_every_benchmark_gives_its_rows(name: str) -> None:
    """Each does its work in both ways, and says how they compare."""
    found = await rows([name], TINY)

    assert {True} == {row.name.startswith(name) for row in found}
    assert {True} == {min(row.base, row.ours, row.ratio) > 0 for row in found}


def row(ratio: float, target: float | None) -> Row:
    """Make a row."""
    return Row("send", "send against a bare POST", 100.0, 80.0, ratio, ratio, ratio, target)


def test_a_verdict_is_about_the_target() -> None:
    """A row without a target is only shown."""
    assert ["met", "missed", "shown"] == [row(*each).verdict for each in ((0.8, 0.8), (0.79, 0.8), (0.1, None))]


def test_the_command_speaks_json() -> None:
    """For machines there are the rows and the machine they are of, and nothing else."""
    command = [sys.executable, "-m", "benchmarks", "--json", "--tiny", "enqueue-sqlite"]
    done = subprocess.run(command, capture_output=True, check=True, cwd=ROOT, text=True)

    told = json.loads(done.stdout)
    assert ["enqueue-sqlite"] == [each["name"] for each in told["rows"]]
    assert {"python", "system", "machine"} == told["on"].keys()
