"""Servers as processes of their own, on another core than what is measured against them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.measure import there

__all__ = ["serving"]


@contextmanager
def serving(module: str, *arguments: str) -> Iterator[int]:
    """Run a module of this folder that prints the port it took; gives the port."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    with there():
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own program
    try:
        assert process.stdout is not None  # noqa: S101 - asked for
        line = process.stdout.readline()
        if not line.strip().isdigit():
            raise RuntimeError(f"{module} did not start")
        yield int(line)
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()
