"""A provider computes, the core acts."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.tree import Package, example_providers, imports, parsed, providers, shown, within

PACKAGES = [*providers(), *example_providers()]

# Whoever imports one of these wants to act by itself: reach out, wait, look at the clock, roll dice, keep things.
DENIED = (
    "aiohttp aiosqlite anyio asyncio asyncpg concurrent ctypes ftplib glob http.client http.server httpx logging"
    " multiprocessing os psycopg queue random requests sched secrets select selectors shelve shutil signal smtplib"
    " socket socketserver sqlite3 ssl subprocess sys tempfile threading time urllib.request urllib3 websockets"
).split()

# Calls that do so without an import that says it: `datetime.now(…)`, `uuid4()`, `open(…)`, `path.read_text()`.
ACTS = frozenset(
    "__import__ eval exec getenv getrandom input monotonic now open perf_counter print read_bytes read_text sleep today"
    " token_bytes token_hex urandom utcnow uuid1 uuid4 write_bytes write_text".split()
)
WAITS = (ast.AsyncFor, ast.AsyncFunctionDef, ast.AsyncWith, ast.Await)


def foreign_imports(package: Package, path: Path, allowed: tuple[str, ...]) -> Iterator[str]:
    """Every import that a provider may not have: of ours beyond `allowed`, of another provider, of the denied."""
    declared = {re.split(r"[^\w.-]", entry)[0].replace("-", "_") for entry in package.project["dependencies"]}
    third_party = {"pydantic", "pydantic_core", *(declared - {"messaging_gateway"})}
    for line, module in imports(path):
        if module.startswith("."):
            fine = True
        elif within(module, "gateway"):
            fine = within(module, *allowed)
        elif within(module, *DENIED):
            fine = False
        else:
            top = module.partition(".")[0]
            fine = top in sys.stdlib_module_names or top in third_party or top == package.source.name
        if not fine:
            yield f"{shown(path)}:{line}: imports {module}"


def deeds(path: Path) -> Iterator[str]:
    """Everything in the file that waits, or asks the world for something."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, WAITS):
            yield f"{shown(path)}:{node.lineno}: {type(node).__name__}"
        elif isinstance(node, ast.Call) and (name := called(node)) in ACTS:
            yield f"{shown(path)}:{node.lineno}: {name}()"
        elif isinstance(node, ast.Attribute) and node.attr == "environ":
            yield f"{shown(path)}:{node.lineno}: environ"


def called(call: ast.Call) -> str:
    """The last name of what is called: `now` of `datetime.now(…)`."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def bytes_in_calls(path: Path) -> Iterator[str]:
    """Every argument of a `Call(…)` that is bytes by the look of it."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call) and called(node) == "Call":
            for value in [*node.args, *(keyword.value for keyword in node.keywords)]:
                if any(is_bytes(part) for part in ast.walk(value)):
                    yield f"{shown(path)}:{value.lineno}: bytes in a Call"


def is_bytes(node: ast.AST) -> bool:
    """Whether the expression makes bytes: a literal, `bytes(…)`, `….encode()`."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, bytes)
    return isinstance(node, ast.Call) and called(node) in {"bytearray", "bytes", "encode"}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_a_provider_imports_the_border_only(package: Package) -> None:
    """A provider knows `gateway.provider` of ours, and nothing that reaches the network, the disk or the clock."""
    assert package.modules()
    assert [] == [bad for path in package.modules() for bad in foreign_imports(package, path, ("gateway.provider",))]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_a_simulator_imports_the_border_and_its_shell_only(package: Package) -> None:
    """A simulator knows `gateway.simulator` besides; it too has its clock, its dice and its network from the shell."""
    allowed = ("gateway.provider", "gateway.simulator")
    assert package.simulator()
    assert [] == [bad for path in package.simulator() for bad in foreign_imports(package, path, allowed)]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_a_provider_does_not_import_its_simulator(package: Package) -> None:
    """The twin is named as text and imported by whoever simulates, so production code does not carry it."""
    names = ("gateway.simulator", f"{package.source.name}.simulator", ".simulator")
    found = [(path, line, name) for path in package.modules() for line, name in imports(path)]
    told = [f"{shown(path)}:{line}" for path, line, name in found if within(name, *names)]
    assert [] == told


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_a_provider_never_waits_and_asks_the_world_nothing(package: Package) -> None:
    """There is no `await`, no clock, no chance, no environment and no file in a provider."""
    assert [] == [deed for path in package.modules() for deed in deeds(path)]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_a_call_holds_no_bytes(package: Package) -> None:
    """A `Call` is data that can be stored and shown: files go by reference."""
    assert [] == [found for path in package.modules() for found in bytes_in_calls(path)]


@pytest.mark.parametrize(
    ("line", "finds"),
    [
        ("from datetime import datetime; x = datetime.now()", deeds),
        ("async def send(): ...", deeds),
        ("import os; key = os.environ['KEY']", deeds),
        ("from uuid import uuid4; token = uuid4()", deeds),
        ("call = Call('POST', path='/x', json={'a': b'raw'})", bytes_in_calls),
        ("call = exchange.Call('POST', json='é'.encode())", bytes_in_calls),
    ],
)
def test_the_rules_can_fail(tmp_path: Path, line: str, finds: object) -> None:
    """Each rule of this file finds the offence it is there for."""
    offender = tmp_path / "offender.py"
    offender.write_text(line)
    assert callable(finds)
    assert list(finds(offender))
