"""The folder listing is the architecture diagram."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.tree import Package, example_providers, parsed, product_files, providers, shown

MAX_FILE = 400
MAX_FUNCTION = 40

NAMED_FOR_NOTHING = {"base", "common", "helper", "helpers", "misc", "shared", "stuff", "tools", "util", "utils"}

# What of the core is longer than the house allows, and why it is better so. A provider says the same in its own
# pyproject.toml: `[tool.house.long]`, "src/…/file.py" or "src/…/file.py:Class.function" = "the reason".
# An entry that is no longer needed fails the test.
LONG: dict[str, str] = {
    "src/gateway/actions.py": "every action with what it gives: short words that are read together, none of them long",
    "src/gateway/client.py": "the public library, whole: its users read it as one page",
    "src/gateway/cli/listen.py:listen": "what a command takes is its parameters, each with its own words",
    "src/gateway/cli/replay.py:replay": "the same",
    "src/gateway/cli/send.py:send": "the same",
    "src/gateway/cli/trigger/command.py:trigger": "the same",
    "src/gateway/engine.py": "what the parts are put together into: one short step for each thing that it is asked",
    "src/gateway/sync.py": "the public library again, blocking: it is as long as the async one has names",
    "src/gateway/remote/gateway.py": "the public library again, over a service: it is as long as the other has names",
    "src/gateway/sync.py:Gateway.__init__": "hands on every parameter of the async one by its name",
    "src/gateway/outbox.py": "all that can become of a row, one short function each: what differs shows side by side",
    "src/gateway/tenancy/accounts.py": "the life of a connection: one way from record to engine, for each change",
    "src/gateway/transport.py": "the only file that may know the HTTP client: clients, requests, answers, errors",
    "src/gateway/store/memory/store.py": "the port once more: each call of it with its one line over the parts",
    "src/gateway/model.py": "the neutral model is read as a whole: a message and its parts explain each other",
    "src/gateway/provider.py": "a plugin's one import: half of it is the list of words that it hands on",
}

PROVIDER_FILES = ("errors.py", "outbound.py", "provider.py", "settings.py")
PROVIDER_FILES_OR_FOLDERS = ("api", "inbound", "simulator", "wire")


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Every function of the file by its dotted name, with its length in lines, its docstring not counted."""
    yield from in_body(parsed(path), shown(path) + ":")


def in_body(node: ast.AST, prefix: str) -> Iterator[tuple[str, int]]:
    """The functions inside a node, those in classes and other functions too."""
    for child in ast.iter_child_nodes(node):
        inner = prefix
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + child.name, length(child)
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = f"{prefix}{child.name}."
        yield from in_body(child, inner)


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, less those of the docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is None:
        return lines
    return lines - ((first.end_lineno or first.lineno) - first.lineno + 1)


def test_no_module_is_named_for_nothing() -> None:
    """A file is named for the noun or stage it holds."""
    assert [] == [shown(path) for path in product_files() if {path.stem, path.parent.name} & NAMED_FOR_NOTHING]


def reasons() -> dict[str, str]:
    """Why what is long is long: the core's table, and each provider's own."""
    found = dict(LONG)
    for package in [*providers(), *example_providers()]:
        own = package.tool.get("house", {}).get("long", {})
        found |= {f"{shown(package.folder)}/{name}": reason for name, reason in own.items()}
    return found


def test_files_and_functions_are_short_or_say_why() -> None:
    """A file over 400 lines or a function over 40 has its reason in a table, and nothing else is in the tables."""
    files = {shown(path) for path in product_files() if len(path.read_text().splitlines()) > MAX_FILE}
    long = {name for path in product_files() for name, lines in functions(path) if lines > MAX_FUNCTION}
    assert set(reasons()) == files | long
    assert all(reasons().values())


@pytest.mark.parametrize("package", providers(), ids=lambda package: package.name)
def test_a_provider_has_the_files_of_all_providers(package: Package) -> None:
    """Whoever knows one provider finds every thing in any other."""
    assert [] == [name for name in PROVIDER_FILES if not (package.source / name).is_file()]
    either = {name: (package.source / f"{name}.py", package.source / name) for name in PROVIDER_FILES_OR_FOLDERS}
    assert [] == [name for name, (file, folder) in either.items() if file.is_file() == folder.is_dir()]


@pytest.mark.parametrize("package", [*providers(), *example_providers()], ids=lambda package: package.name)
def test_a_provider_has_a_readme_tests_and_an_entry_point(package: Package) -> None:
    """A provider explains itself, proves itself and is found."""
    assert (package.folder / "README.md").is_file()
    assert list((package.folder / "tests").rglob("test_*.py"))
    assert [package.source.name] == list(package.project["entry-points"]["messaging_gateway"].values())


def test_every_package_is_typed() -> None:
    """The core and each provider carry `py.typed`."""
    packages = [path.parent for path in product_files() if path.name == "__init__.py"]
    top = [folder for folder in packages if folder.parent.name == "src"]
    assert top
    assert [] == [shown(folder) for folder in top if not (folder / "py.typed").is_file()]
