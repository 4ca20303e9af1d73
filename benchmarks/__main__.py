"""The command: chooses benchmarks, runs them, shows the table."""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict

from benchmarks.chosen import BENCHMARKS, rows
from benchmarks.measure import FULL, TINY
from benchmarks.table import Table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; gives the code to exit with."""
    asked = _parser().parse_args(arguments)
    table = None if asked.json else Table()
    found = asyncio.run(rows(asked.names or list(BENCHMARKS), TINY if asked.tiny else FULL, table))
    if asked.json:
        machine = {"python": platform.python_version(), "system": platform.system(), "machine": platform.machine()}
        told = [{**asdict(row), "verdict": row.verdict} for row in found]
        sys.stdout.write(json.dumps({"on": machine, "rows": told}, indent=2) + "\n")
    return int(asked.strict and any(row.verdict == "missed" for row in found))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="How fast the gateway is, in ratios.")
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *BENCHMARKS], help=", ".join(BENCHMARKS))
    parser.add_argument("--json", action="store_true", help="print JSON, no table")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a target is missed")
    parser.add_argument("--tiny", action="store_true", help="only see that all of them run; the numbers mean nothing")
    return parser


if __name__ == "__main__":
    sys.exit(main())
