"""`gateway plugin check`: what the contract says of a provider's package, check by check."""

from __future__ import annotations

import importlib.util
import json as json_text
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import JsonValue
from rich.table import Table
from rich.text import Text

from gateway.cli.failing import ExitCode
from gateway.cli.screen import Screen, printable
from gateway.cli.tables import quiet_table
from gateway.errors import ConfigurationError, NotFound
from gateway.hookspecs import PROJECT

__all__ = ["check"]

_COLOURS = {"holds": "green", "expected": "yellow", "broken": "bold red", "skipped": "yellow"}
_MOST_WORDS = 160
_MOST_OUTPUT = 4000
_NOTHING_COLLECTED = 5


def check(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(help="The package's folder, the one with its pyproject.toml.")] = Path(),
    *,
    everything: Annotated[bool, typer.Option("--all", help="Show the checks that hold too.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One object: entry points, and every check.")] = False,
) -> None:
    """Load the package's plugins, run its contracts, and say of each check whether it holds.

    The exit code is 0 where all of them hold or are expected to fail with a reason, 8 where something is found. pytest
    has to be installed; the package does not.
    """
    screen: Screen = ctx.obj
    package = _package(path)
    found = _Found(package, _plugins(package), *_contracts(package))
    if json:
        screen.data(found.json())
    else:
        _tell(screen, found, everything=everything)
    raise typer.Exit(ExitCode.PROBLEMS if found.problems else ExitCode.OK)


@dataclass(frozen=True, slots=True)
class _Package:
    """A provider's folder."""

    folder: Path
    name: str
    plugins: Mapping[str, str]
    """Its entry points, by name."""

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which its code is found, installed or not."""
        paths = [str(self.folder / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


@dataclass(frozen=True, slots=True)
class _Found:
    """What was found."""

    package: _Package
    plugins: Sequence[Mapping[str, Any]]
    checks: Sequence[Mapping[str, Any]]
    fault: str | None
    """Why there are no verdicts, or not all."""

    @property
    def problems(self) -> list[str]:
        """Everything that is wrong, one line each."""
        told = [f"{plugin['entry']}: {problem}" for plugin in self.plugins for problem in plugin["problems"]]
        told += [f"{each['check']}: {each['why']}" for each in self.checks if each["verdict"] in {"broken", "skipped"}]
        return [*told, *([self.fault] if self.fault else [])]

    def json(self) -> dict[str, JsonValue]:
        """Give it as one object."""
        return {
            "path": str(self.package.folder),
            "distribution": self.package.name,
            "ok": not self.problems,
            "plugins": [dict(plugin) for plugin in self.plugins],
            "checks": [dict(each) for each in self.checks],
            "fault": self.fault,
        }


# ── what is asked ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _package(path: Path) -> _Package:
    """Read the package's project; raises `NotFound` and `ConfigurationError`."""
    file = path / "pyproject.toml"
    if not file.is_file():
        raise NotFound(f"there is no pyproject.toml in {path}", hint="name the package's folder")
    try:
        project: Any = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} is no TOML: {error}", hint="mend the file") from None
    plugins = project.get("entry-points", {}).get(PROJECT, {})
    if not plugins:
        hint = f'add [project.entry-points.{PROJECT}] with a line such as acme = "gateway_acme"'
        raise ConfigurationError(f"{file} has no plugin", hint=hint)
    return _Package(path.resolve(), str(project.get("name", path.name)), plugins)


def _plugins(package: _Package) -> list[dict[str, Any]]:
    """Load the plugins as the gateway does, in a process of their own."""
    pairs = [f"{name}={value}" for name, value in package.plugins.items()]
    ran = _run(package, "-m", "gateway.cli.plugin.probe", *pairs)
    try:
        found: list[dict[str, Any]] = json_text.loads(ran.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        # it printed over the answer, or ended the process
        problem = f"loading it ended with {ran.returncode}: {_end(ran.stderr)}"
        nothing: dict[str, Any] = {"providers": [], "problems": [problem]}
        return [{"entry": name, "source": value, **nothing} for name, value in package.plugins.items()]
    return found


def _contracts(package: _Package) -> tuple[list[dict[str, Any]], str | None]:
    """Run the contracts of the package's tests; gives the verdicts, and why they are not all."""
    if importlib.util.find_spec("pytest") is None:
        raise ConfigurationError("pytest is not installed, and contracts are tests", hint="pip install pytest")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        # pytest finds the plugin by itself wherever the gateway was installed with it
        plugin = () if entry_points(group="pytest11", name=PROJECT) else ("-p", "gateway.testing.plugin")
        options = ("--contracts-only", f"--contract-report={report}", "-q", "--tb=line", "-p", "no:cacheprovider")
        ran = _run(package, "-m", "pytest", *plugin, *options, "tests")
        verdicts = json_text.loads(report.read_text(encoding="utf-8")) if report.is_file() else []
    if ran.returncode not in {0, 1, _NOTHING_COLLECTED}:
        return verdicts, f"the tests could not be run: {_end(ran.stdout + ran.stderr)}"
    if not verdicts:
        return [], "there is no contract: subclass gateway.testing.ProviderContract in tests/test_….py"
    return verdicts, None


def _run(package: _Package, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(  # noqa: S603 - this Python, and the package that was named
        command, cwd=package.folder, env=package.environment, capture_output=True, text=True, check=False
    )


def _end(output: str) -> str:
    return " ".join(output.split())[-_MOST_OUTPUT:]


# ── what is told ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _tell(screen: Screen, found: _Found, *, everything: bool) -> None:
    shown = [each for each in found.checks if everything or each["verdict"] != "holds"]
    if shown:
        screen.show(_table(shown))
    counts = {word: sum(each["verdict"] == word for each in found.checks) for word in _COLOURS}
    told = ", ".join(f"{number} {word}" for word, number in counts.items() if number)
    screen.say(f"{found.package.name}: {told or 'no checks'}")
    loading = [problem for plugin in found.plugins for problem in plugin["problems"]]
    for problem in [*loading, *([found.fault] if found.fault else [])]:
        screen.note(Text.assemble(("problem: ", "bold red"), printable(problem)), matters=True)


def _table(checks: Sequence[Mapping[str, Any]]) -> Table:
    table = quiet_table("provider", "check", "verdict", "why", folds="why")
    for each in checks:
        verdict = str(each["verdict"])
        why = printable(str(each["why"] or each["promise"]), most=_MOST_WORDS)
        name = str(each["check"]).removeprefix("test_").replace("_", " ")
        table.add_row(str(each["provider"]), name, Text(verdict, _COLOURS.get(verdict, "")), why)
    return table
