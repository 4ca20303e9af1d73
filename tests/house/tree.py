"""The repository as data: which folders there are, what is in them, and who imports whom.

The rules of the house read it and name no provider, so a folder copied in is held to them with nothing edited.
"""

import ast
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "src" / "gateway"

WORDS = ("drafts", "errors", "ids", "addresses", "model", "capabilities", "actions", "events")
BORDER = ("exchange", "unfamiliar", "rules", "codes", "settings", "hookspecs", "provider", "plugins")


@dataclass(frozen=True, slots=True)
class Package:
    """One provider's folder: a member of the workspace."""

    folder: Path

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def project(self) -> dict[str, Any]:
        """The `project` table of its pyproject.toml."""
        return project(self.folder)

    @property
    def tool(self) -> dict[str, Any]:
        """The `tool` table of its pyproject.toml."""
        table: dict[str, Any] = tomllib.loads((self.folder / "pyproject.toml").read_text()).get("tool", {})
        return table

    @property
    def source(self) -> Path:
        """The one import package under `src`."""
        found = [path.parent for path in sorted((self.folder / "src").glob("*/__init__.py"))]
        assert len(found) == 1, f"{self.folder}/src holds one package, not {len(found)}"
        return found[0]

    def modules(self) -> list[Path]:
        """Its Python files, the simulator left out."""
        return [path for path in python_files(self.source) if not is_simulator(path, self.source)]

    def simulator(self) -> list[Path]:
        """The Python files of its simulator: `simulator.py`, or all in `simulator/`."""
        return [path for path in python_files(self.source) if is_simulator(path, self.source)]


def providers() -> list[Package]:
    """Every provider that is part of this repository."""
    return [Package(path.parent) for path in sorted(ROOT.glob("providers/*/pyproject.toml"))]


def example_providers() -> list[Package]:
    """Every provider that is an example of a stranger's."""
    return [Package(path.parent) for path in sorted(ROOT.glob("examples/provider-*/pyproject.toml"))]


def project(folder: Path) -> dict[str, Any]:
    """The `project` table of the folder's pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return table


def is_simulator(path: Path, source: Path) -> bool:
    """Whether the file belongs to the simulator of the package at `source`."""
    return path.relative_to(source).parts[0] in {"simulator", "simulator.py"}


def python_files(folder: Path) -> list[Path]:
    """Every Python file below the folder, sorted."""
    return sorted(folder.rglob("*.py"))


def product_files() -> list[Path]:
    """Every Python file that is shipped: the core and all providers, the examples among them."""
    folders = [CORE, *(package.folder / "src" for package in [*providers(), *example_providers()])]
    return [path for folder in folders for path in python_files(folder)]


def core_modules(names: tuple[str, ...]) -> list[Path]:
    """Those of the core's modules that are there, in the order named."""
    return [path for path in (CORE / f"{name}.py" for name in names) if path.exists()]


@cache
def parsed(path: Path) -> ast.Module:
    """The file's syntax tree."""
    return ast.parse(path.read_text(), filename=str(path))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every module the file imports, by line, those under TYPE_CHECKING and in functions too.

    `from a import b` gives `a.b`, for `b` may be a module; a relative import gives a name that begins with a dot.
    """
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def within(module: str, *packages: str) -> bool:
    """Whether the dotted name is one of the packages, or inside one."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def shown(path: Path) -> str:
    """The path from the root, as a reader names it."""
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.as_posix()


def committed() -> list[Path]:
    """Every file that a commit would carry: tracked, or new and not ignored."""
    listed = git_files() if (ROOT / ".git").exists() and shutil.which("git") else unpacked_files()
    return [path for path in listed if path.is_file()]


def git_files() -> list[Path]:
    """What git knows, or would take."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name]


def unpacked_files() -> list[Path]:
    """The same for a tree that came without git: all but what make and the tools made."""
    made = re.compile(r"(^|/)(\.(?!ci/|gitignore$)|__pycache__/|htmlcov/|dist/)")
    return [path for path in sorted(ROOT.rglob("*")) if not made.search(path.relative_to(ROOT).as_posix())]
