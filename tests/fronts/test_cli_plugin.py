"""`gateway plugin`: a package to begin with, and what its contract says of it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.testing.providers import checks
from tests.fronts.cli_runs import document, problem, run
from tests.house.tree import ROOT

FILES = [
    "README.md",
    "pyproject.toml",
    *(f"src/gateway_acme/{name}.py" for name in "__init__ api errors inbound outbound provider".split()),
    "src/gateway_acme/py.typed",
    *(f"src/gateway_acme/{name}.py" for name in "settings simulator wire".split()),
    "tests/samples/message_received.json",
    "tests/samples/message_status.json",
    "tests/test_acme_contract.py",
]


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package as it was written; read only."""
    folder = tmp_path_factory.mktemp("new") / "acme"
    result = run("plugin", "new", "acme", "--path", folder)
    assert (0, [str(folder / name) for name in FILES]) == (result.exit_code, result.stdout.splitlines())
    assert f"gateway plugin check {folder}" in result.stderr
    return folder


def copied(acme: Path, folder: Path, **changes: tuple[str, str]) -> Path:
    """A copy of the package with something changed in its modules, by name."""
    shutil.copytree(acme, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name, (old, new) in changes.items():
        module = folder / "src" / "gateway_acme" / f"{name}.py"
        text = module.read_text()
        assert old in text
        module.write_text(text.replace(old, new))
    return folder


def verdicts(checked: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """The names of checks, by verdict."""
    found: dict[str, list[str]] = {}
    for each in checked:
        found.setdefault(each["verdict"], []).append(each["check"])
    return found


# ── new ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_package_keeps_the_contract(acme: Path) -> None:
    """What `plugin new` writes is found as a plugin, and every check of the contract holds for it."""
    result = run("plugin", "check", acme, "--json")
    told = document(result.stdout)
    assert (0, True, None) == (result.exit_code, told["ok"], told["fault"]), result.stdout
    assert [{"entry": "acme", "source": "gateway_acme", "providers": ["acme"], "problems": []}] == told["plugins"]
    assert {"holds": sorted(checks())} == {word: sorted(names) for word, names in verdicts(told["checks"]).items()}
    assert {"acme"} == {each["provider"] for each in told["checks"]}


def test_its_own_tests_are_green(acme: Path) -> None:
    """`pytest` in the package needs nothing from this repository."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "sample or border"]
    ran = subprocess.run(command, cwd=acme, capture_output=True, text=True, check=False)
    assert 0 == ran.returncode, ran.stdout


def test_its_code_keeps_the_style_of_this_repository(acme: Path) -> None:
    """The linter has nothing to say about what was written, nor has the formatter."""
    for command in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--config", str(ROOT / "pyproject.toml"), str(acme / "src")]
        ran = subprocess.run(ruff, capture_output=True, text=True, check=False)
        assert 0 == ran.returncode, ran.stdout


def test_the_words_of_a_name_are_put_where_they_belong(tmp_path: Path) -> None:
    """Distribution and entry point keep the name, the package has underscores, the class has capitals."""
    result = run("plugin", "new", "acme-two", "--path", tmp_path / "two", "--json")
    told = document(result.stdout)
    assert ("acme-two", str(tmp_path / "two")) == (told["name"], told["path"])
    assert "src/gateway_acme_two/provider.py" in told["files"]
    project = tomllib.loads((tmp_path / "two" / "pyproject.toml").read_text())["project"]
    assert "messaging-gateway-acme-two" == project["name"]
    assert {"messaging_gateway": {"acme-two": "gateway_acme_two"}} == project["entry-points"]
    assert (
        "class AcmeTwo(Provider[AcmeTwoSettings])"
        in (tmp_path / "two" / "src" / "gateway_acme_two" / "provider.py").read_text()
    )


@pytest.mark.parametrize("name", ["Acme", "2acme", "acme corp", "acme-", "a" * 33, "../acme", ""])
def test_a_name_that_cannot_be_used_is_refused(tmp_path: Path, name: str) -> None:
    """Nothing is written, and the hint says what a name is."""
    result = run("plugin", "new", name, "--path", tmp_path / "x", "--json")
    told = problem(result)
    assert (2, "usage", []) == (result.exit_code, told["code"], list(tmp_path.iterdir()))
    assert "lower-case letters and digits" in result.stderr


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    """What is there is never written over."""
    (tmp_path / "mine.txt").write_text("mine")
    result = run("plugin", "new", "acme", "--path", tmp_path)
    assert (2, ["mine.txt"]) == (result.exit_code, [path.name for path in tmp_path.iterdir()])


# ── check ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_does_not_hold_is_in_the_table(acme: Path, tmp_path: Path) -> None:
    """A defect is named by its check and why, the border by its version, and the exit code is 8."""
    folder = copied(
        acme,
        tmp_path / "broken",
        provider=('    name = "acme"\n', '    name = "acme"\n    requires = 99\n'),
        inbound=("abs(received_at.timestamp() - seconds) <= TOLERANCE", "True"),
    )
    result = run("plugin", "check", folder)
    rows = [re.split(" {2,}", line) for line in result.stdout.splitlines()[1:-1]]
    assert {("acme", "broken")} == {(row[0], row[2]) for row in rows}
    assert 8 == result.exit_code
    assert {
        "a stale webhook is refused",
        "a webhook from the future is refused",
        "it states the border that it was written for",
    } == {row[1] for row in rows}
    assert "messaging-gateway-acme: 107 holds, 3 broken" == result.stdout.splitlines()[-1]
    assert "problem: acme was written for version 99 of the border, and this is version 1" in result.stderr


def test_an_expected_failure_is_no_problem(acme: Path, tmp_path: Path) -> None:
    """A fact of the vendor that is listed with its reason is told as such, and the exit code is 0."""
    folder = copied(
        acme,
        tmp_path / "listed",
        simulator=("_HAPPY = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.READ)", "_HAPPY = ()"),
    )
    test = folder / "tests" / "test_acme_contract.py"
    names = (
        "test_what_is_sent_is_reported",
        "test_declared_reports_come_and_others_do_not",
        "test_a_token_comes_back_where_that_is_promised",
        "test_the_reference_goes_out_and_comes_back",
    )
    reasons = dict.fromkeys(names, "the vendor reports nothing")
    test.write_text(f"{test.read_text()}    expected_failures: ClassVar = {reasons!r}\n")
    result = run("plugin", "check", folder, "--json")
    told = document(result.stdout)
    assert (0, {*reasons}) == (result.exit_code, {*verdicts(told["checks"])["expected"]}), told
    assert {"the vendor reports nothing"} == {each["why"] for each in told["checks"] if each["verdict"] == "expected"}


def test_a_package_without_a_contract_has_a_problem(acme: Path, tmp_path: Path) -> None:
    """It may be loaded, and nothing says that it works."""
    folder = copied(acme, tmp_path / "bare")
    (folder / "tests" / "test_acme_contract.py").write_text("def test_nothing() -> None: ...")
    result = run("plugin", "check", folder)
    assert (8, "messaging-gateway-acme: no checks\n") == (result.exit_code, result.stdout)
    assert "there is no contract" in result.stderr


def test_a_package_that_cannot_be_imported_says_why(acme: Path, tmp_path: Path) -> None:
    """Plugin and tests are told apart, and neither ends the command with a traceback."""
    folder = copied(
        acme, tmp_path / "torn", provider=("from __future__", "import nowhere_to_be_found\nfrom __future__")
    )
    result = run("plugin", "check", folder, "--json")
    told = document(result.stdout)
    assert (8, False, []) == (result.exit_code, told["ok"], told["checks"])
    assert ["it cannot be imported"] == [each.partition(":")[0] for each in told["plugins"][0]["problems"]]
    assert "the tests could not be run" in told["fault"]


def test_a_folder_that_is_no_package_is_refused(tmp_path: Path) -> None:
    """No project is 7, a project without a plugin or of broken TOML is 3."""
    assert 7 == run("plugin", "check", tmp_path).exit_code
    for text in ('[project]\nname = "x"\n', "[project"):
        (tmp_path / "pyproject.toml").write_text(text)
        result = run("plugin", "check", tmp_path, "--json")
        assert (3, "configuration") == (result.exit_code, problem(result)["code"])
