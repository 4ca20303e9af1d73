"""The pytest plugin: what a contract expects to fail is marked, what it came to is written, and nobody waits for it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from gateway.hookspecs import PROJECT

CONTRACT = '''
from typing import ClassVar
from gateway.testing.providers.subject import Subject

class Small(Subject):
    """A contract of three checks."""
    class provider:
        name = "small"
    def test_one(self) -> None:
        """One is one."""
    def test_two(self) -> None:
        """Two is three."""
        assert 2 == 3, "two is not three"
    def test_three(self) -> None:
        """Three is four."""
        assert 3 == 4
for name in ("test_two", "test_three"):
    vars(Small)[name].__module__ = "gateway.testing.made_up"  # as if it stood in the kit

class TestSmall(Small):
    expected_failures: ClassVar = EXPECTED

def test_beside() -> None:
    """No contract."""
'''


def ran(folder: Path, expected: Mapping[str, str], *options: str) -> tuple[subprocess.CompletedProcess[str], list[Any]]:
    """Run the small contract with the plugin; gives the run, and the report."""
    (folder / "test_small.py").write_text(CONTRACT.replace("EXPECTED", repr(dict(expected))))
    plugin = () if entry_points(group="pytest11", name=PROJECT) else ("-p", "gateway.testing.plugin")
    report = folder / "report.json"
    command = [sys.executable, "-m", "pytest", *plugin, "-q", "-p", "no:cacheprovider", f"--contract-report={report}"]
    done = subprocess.run([*command, *options], cwd=folder, capture_output=True, text=True, check=False)
    return done, json.loads(report.read_text())


def test_a_run_is_reported_check_by_check(tmp_path: Path) -> None:
    """Each check has a verdict, its sentence and, where it fails, why; another test is in no report."""
    done, report = ran(tmp_path, {"test_three": "the vendor cannot count"})
    assert "1 failed, 2 passed, 1 xfailed" in done.stdout
    told: list[dict[str, object]] = [
        {"check": "test_one", "promise": "One is one.", "verdict": "holds", "why": None},
        {"check": "test_two", "promise": "Two is three.", "verdict": "broken"},
        {"check": "test_three", "promise": "Three is four.", "verdict": "expected", "why": "the vendor cannot count"},
    ]
    assert "two is not three" in report[1].pop("why")
    assert [{"provider": "small", **each} for each in told] == report


def test_an_expected_failure_that_passes_is_a_failure(tmp_path: Path) -> None:
    """Whoever mends it takes it off the list; the other tests can be left out."""
    done, report = ran(tmp_path, {"test_two": "x", "test_three": "x", "test_one": "y"}, "--contracts-only")
    # `test_one` stands in the test's own module, so it counts as overridden: the guard of the contract speaks of it
    assert "1 passed, 1 deselected, 2 xfailed" in done.stdout
    assert ["holds", "expected", "expected"] == [each["verdict"] for each in report]


def test_the_plugin_imports_nothing_that_takes_time() -> None:
    """Pytest loads it in every run, whatever is tested: neither pydantic nor the gateway's own modules come along."""
    told = (
        "import sys, gateway.testing.plugin; print(*sorted(n for n in sys.modules if n.startswith(('gateway', 'pyd'))))"
    )
    alone = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout
    assert ["gateway", "gateway.testing", "gateway.testing.plugin"] == alone.split()


def test_the_contract_is_fetched_from_the_package() -> None:
    """`gateway.testing.ProviderContract` is the contract; another name is an error."""
    import gateway.testing as kit  # noqa: PLC0415 - what is fetched by name is what is tested
    from gateway.testing.providers import ProviderContract  # noqa: PLC0415 - as above

    assert ProviderContract is kit.ProviderContract
    with pytest.raises(AttributeError, match="has no attribute 'StoreContrakt'"):
        getattr(kit, "StoreContrakt")  # noqa: B009 - a type checker knows that it is not there
