"""The pytest plugin: marks the failures that a contract expects, and writes what a contract came to.

pytest loads it in every run where the gateway is installed. So it imports nothing of the gateway, knows a contract by
a mark on its class, and does nothing where there is none.

    pytest --contract-report FILE     writes one JSON object for each check of each contract, as a list
    pytest --contracts-only           runs contracts of providers, and no other test
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

__all__ = ["pytest_addoption", "pytest_collection_modifyitems", "pytest_configure"]

_MARK = "__gateway_contract__"
_OURS = "gateway.testing."
_OPTION = "--contract-report"
_ONLY = "--contracts-only"
_MOST_WORDS = 600


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the name of the report."""
    group = parser.getgroup("messaging-gateway", "contracts of the messaging gateway")
    group.addoption(_OPTION, metavar="FILE", default=None, help="write what each check of a contract came to, as JSON")
    group.addoption(_ONLY, action="store_true", help="run contracts of providers, and no other test")


def pytest_configure(config: pytest.Config) -> None:
    """Listen to the run, where a report is asked for; of several workers the one that hears of all writes it."""
    file = config.getoption(_OPTION)
    if file and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Report(Path(file)), "messaging-gateway-report")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what a contract expects to fail; one that passes is a failure then."""
    if config.getoption(_ONLY):
        others = [item for item in items if not _is_check(item)]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if _is_check(item)]
    for item in filter(_is_check, items):
        expected = _expected(item)
        if expected is not None:
            item.add_marker(pytest.mark.xfail(reason=expected, strict=True))
        item.user_properties.append(("contract", _told(item)))


def _is_check(item: pytest.Item) -> bool:
    name = getattr(getattr(item, "function", None), "__name__", "")
    cls = getattr(item, "cls", None)
    return bool(getattr(cls, _MARK, False)) and name.startswith("test_")


def _expected(item: pytest.Item) -> str | None:
    """Give the reason why a check is expected to fail; None for all others, and for one that was overridden."""
    function: Any = getattr(item, "function", None)
    reasons: Mapping[str, str] = getattr(getattr(item, "cls", None), "expected_failures", {})
    name = getattr(function, "__name__", "")
    return reasons.get(name) if getattr(function, "__module__", "").startswith(_OURS) else None


def _told(item: pytest.Item) -> dict[str, Any]:
    function: Any = getattr(item, "function", None)
    provider = getattr(getattr(item, "cls", None), "provider", None)
    return {
        "provider": getattr(provider, "name", None),
        "check": getattr(function, "__name__", item.name),
        "promise": " ".join((getattr(function, "__doc__", None) or "").split()),
    }


class _Report:
    """Collects verdicts, and writes them at the end of the run."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._verdicts: dict[str, dict[str, Any]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what a check came to: its call, or a set-up that never came to it."""
        told = next((value for name, value in report.user_properties if name == "contract"), None)
        if isinstance(told, dict) and (report.when == "call" or report.outcome != "passed"):
            self._verdicts[report.nodeid] = {**told, **_verdict(report)}

    def pytest_sessionfinish(self) -> None:
        """Write the list."""
        self._file.write_text(json.dumps(list(self._verdicts.values())), encoding="utf-8")


def _verdict(report: pytest.TestReport) -> dict[str, Any]:
    reason = getattr(report, "wasxfail", None)
    if report.outcome == "passed":
        return {"verdict": "holds", "why": None}
    if reason is not None:
        return {"verdict": "expected", "why": str(reason)}
    crash = getattr(report.longrepr, "reprcrash", None)
    words = str(getattr(crash, "message", None) or report.longrepr or report.outcome)
    return {"verdict": "broken" if report.outcome == "failed" else "skipped", "why": words[:_MOST_WORDS]}
