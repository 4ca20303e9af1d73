"""Adding a provider touches no shared file.

The proof is by doing: a small tree is made of the root's own pyproject.toml and the shared conftest, both as they are,
and one provider's folder copied in under another name. Then the copy is looked for where a newcomer would. The core
stays where it is, with its bytecode; its folder in the tree is empty, or coverage would read each of its files again.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.house.tree import ROOT, Package, project, providers

NEW = "copycat"
PATIENCE = 240


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A tree with one provider more, and an environment in which that provider is installed."""

    root: Path
    original: Package
    copy: Package
    environment: Mapping[str, str]

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python in the tree."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )


def renamed(package: Package, folder: Path) -> Package:
    """A copy of the provider under the name NEW: its package, its entry point and its `Provider.name`."""
    shutil.copytree(package.folder, folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    old = package.source.name
    (folder / "src" / old).rename(folder / "src" / f"gateway_{NEW}")
    for path in [folder / "pyproject.toml", *folder.rglob("*.py")]:
        text = path.read_text().replace(old, f"gateway_{NEW}").replace(f'"{package.name}"', f'"{NEW}"')
        if path.name == "pyproject.toml":
            text = text.replace(f"-{package.name}", f"-{NEW}").replace(f"\n{package.name} =", f"\n{NEW} =")
        path.write_text(text)
    return Package(folder)


def install(package: Package, site: Path) -> None:
    """What an installer would write for the package: its metadata, with the entry points of its own pyproject.toml."""
    table = project(package.folder)
    info = site / f"{table['name'].replace('-', '_')}-{table['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {table['name']}\nVersion: {table['version']}\n")
    groups = table["entry-points"].items()
    lines = [f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in named.items()) for group, named in groups]
    (info / "entry_points.txt").write_text("\n".join(lines))


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Newcomer:
    """A tree into which a provider's folder was copied, and nothing else was done."""
    root = tmp_path_factory.mktemp("newcomer")
    shutil.copy(ROOT / "pyproject.toml", root)
    (root / "src" / "gateway").mkdir(parents=True)
    (root / "tests").mkdir()
    for name in ("conftest.py", "leftovers.py"):
        shutil.copy(ROOT / "tests" / name, root / "tests")
    original = providers()[0]
    copy = renamed(original, root / "providers" / NEW)
    install(copy, root / "site")
    paths = (ROOT / "src", copy.folder / "src", root / "site")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("COV_", "PYTEST_"))}
    return Newcomer(root, original, copy, {**environment, "PYTHONPATH": os.pathsep.join(map(str, paths))})


def named(value: object) -> Iterator[str]:
    """Every `name` in a JSON answer, however deep."""
    if isinstance(value, dict):
        if isinstance(name := value.get("name"), str):
            yield name
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from named(inner)


def test_the_copy_is_another_provider(newcomer: Newcomer) -> None:
    """The copy shares neither name nor package with its original."""
    assert newcomer.copy.source.name == f"gateway_{NEW}"
    assert newcomer.original.source.name not in "".join(path.read_text() for path in newcomer.copy.modules())


def test_a_copied_provider_is_found(newcomer: Newcomer) -> None:
    """`gateway providers --json` lists it beside the others."""
    ran = newcomer.python("-c", "from gateway.cli import main; main()", "providers", "--json")
    assert ran.returncode == 0, ran.stderr
    assert NEW in set(named(json.loads(ran.stdout)))


def collected(output: str, folder: str) -> Sequence[str]:
    """The tests that pytest found under the folder."""
    return [line for line in output.splitlines() if line.startswith(f"{folder}/") and "::" in line]


def test_a_copied_provider_is_tested_and_covered(newcomer: Newcomer) -> None:
    """Plain `pytest --cov` collects its tests, and measures all its files, even those that nothing imported."""
    report = newcomer.root / "coverage.json"
    ran = newcomer.python("-m", "pytest", "--collect-only", "-q", "--cov", f"--cov-report=json:{report}")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert collected(ran.stdout, f"providers/{NEW}/tests")
    measured = {newcomer.root / path for path in json.loads(report.read_text())["files"]}
    assert set(newcomer.copy.source.rglob("*.py")) <= measured


def test_a_copied_provider_is_a_member_of_the_workspace(newcomer: Newcomer) -> None:
    """The workspace, the types and the style find the folder by the patterns of the shared files."""
    makefile = (ROOT / "Makefile").read_text()
    for pattern, found in (
        ("providers/*/pyproject.toml", newcomer.copy.folder / "pyproject.toml"),
        ("providers/*/src", newcomer.copy.folder / "src"),
        ("providers/*/tests", newcomer.copy.folder / "tests"),
    ):
        assert pattern in makefile
        assert found in set(newcomer.root.glob(pattern))
