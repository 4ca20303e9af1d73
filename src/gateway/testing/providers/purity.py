"""Checks of the code itself: a provider computes, the core acts; and of what the core needs to find and use it."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from gateway.provider import BORDER, Provider, ProviderSettings
from gateway.testing.providers.subject import Subject, failing

__all__ = ["PurityChecks"]

_DENIED = frozenset(
    "aiohttp aiosqlite anyio asyncio asyncpg concurrent ctypes ftplib glob http.client http.server httpx logging"
    " multiprocessing os psycopg queue random requests sched secrets select selectors shelve shutil signal"
    " smtplib socket socketserver sqlite3 ssl structlog subprocess sys tempfile threading time urllib.request urllib3"
    " websockets".split()
)
_ACTS = frozenset(
    "__import__ eval exec getenv getrandom input monotonic now open perf_counter print read_bytes read_text sleep today"
    " token_bytes token_hex urandom utcnow uuid1 uuid4 write_bytes write_text".split()
)
_WAITS = (ast.AsyncFor, ast.AsyncFunctionDef, ast.AsyncWith, ast.Await)
_EXCHANGES = "send_message send_reaction set_typing mark_read get_status create_opt_in_link check find missed".split()


class PurityChecks(Subject):
    """The sources of the package, and the class."""

    # ── the sources ───────────────────────────────────────────────────────────────────────────────────────────────

    def test_a_provider_imports_the_border_only(self) -> None:
        """`gateway.provider`, the standard library without sockets, clocks and dice, and pydantic; nothing else."""
        modules = self._modules(simulator=False)
        assert modules, f"there is no Python file in {self.package().name}"
        bad = [each for path in modules for each in self._foreign(path, ("gateway.provider",))]
        assert not bad, "; ".join(bad)

    def test_a_twin_imports_the_border_and_its_shell_only(self) -> None:
        """The twin may know `gateway.simulator` besides, and no socket, clock or dice of its own."""
        allowed = ("gateway.provider", "gateway.simulator")
        bad = [each for path in self._modules(simulator=True) for each in self._foreign(path, allowed)]
        assert not bad, "; ".join(bad)

    def test_a_provider_never_waits_and_asks_the_world_nothing(self) -> None:
        """There is no `await`, no clock, no chance, no environment and no file in its code."""
        bad = [deed for path in self._modules(simulator=False) for deed in _deeds(path)]
        assert not bad, "; ".join(bad)

    def test_a_call_holds_no_bytes(self) -> None:
        """No `Call(…)` in the code is given bytes: files go by reference, as `Blob`."""
        bad = [found for path in self._modules(simulator=False) for found in _bytes_in_calls(path)]
        assert not bad, "; ".join(bad)

    # ── the class ─────────────────────────────────────────────────────────────────────────────────────────────────

    def test_every_exchange_is_a_generator(self) -> None:
        """Each action gives a generator that asks nothing until it is turned, or says at once that it cannot."""
        bench = self.bench()
        for name in _EXCHANGES:
            assert not inspect.iscoroutinefunction(getattr(self.provider, name)), f"{name} is a coroutine function"
        for name, start in self.exchanges(bench):
            exchange: object = start()
            assert isinstance(exchange, Generator), f"{name} gives {type(exchange).__name__}, and no generator"
            assert not bench.calls, f"{name} asks before it is turned"
            exchange.close()

    def test_a_provider_keeps_no_state(self) -> None:
        """After a whole story the object is as it was made: capabilities, rules, bases and attributes are the same."""
        bench = self.bench()
        before = _state(bench.provider)
        place = bench.place()
        bench.send(place.chat, "a story")
        bench.events()
        assert before == _state(bench.provider), "the provider changed while it was used"

    def test_it_states_the_border_that_it_was_written_for(self) -> None:
        """`requires` is the version of this border; name, title, settings and codes are there."""
        cls = self.provider
        assert BORDER == cls.requires, f"written for version {cls.requires} of the border, and this is {BORDER}"
        assert re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", cls.name), f"the name {cls.name!r}"
        assert cls.title, "there is no title"
        assert not cls.__abstractmethods__, f"lacks {', '.join(sorted(cls.__abstractmethods__))}"
        twin = self.bench().twin
        assert cls.name == twin.name, f"the twin is called {twin.name!r}"

    def test_the_settings_are_closed_frozen_and_explained(self) -> None:
        """An unknown key is refused, nothing can be changed, each field has a docstring."""
        settings = self.bench().provider.settings
        assert isinstance(settings, ProviderSettings)
        cls = type(settings)
        known = dict(settings)
        with failing(ValidationError, about="a setting that nobody knows"):
            cls.model_validate({**known, "no_such_setting": 1})
        name = next(iter(cls.model_fields))
        with failing(ValidationError, about="changing a setting"):
            setattr(settings, name, known[name])
        bare = [key for key, field in cls.model_fields.items() if not field.description]
        assert not bare, f"without a docstring: {', '.join(bare)}"
        hollow = [key for key, value in known.items() if isinstance(value, SecretStr) and not value.get_secret_value()]
        assert not hollow, f"an empty secret is accepted: {', '.join(hollow)}"

    # ── pieces ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _modules(self, *, simulator: bool) -> list[Path]:
        folder = self.package()
        return [path for path in sorted(folder.rglob("*.py")) if simulator is _is_simulator(path, folder)]

    def _foreign(self, path: Path, allowed: tuple[str, ...]) -> Iterator[str]:
        own = self.package().name
        for line, module in _imports(path):
            if not _may_import(module, own, allowed):
                yield f"{path.name}:{line} imports {module}"


def _state(provider: Provider[Any]) -> object:
    """Give all that can be seen of a provider."""
    return provider.capabilities(), provider.rules(), dict(provider.bases()), dict(vars(provider))


def _may_import(module: str, own: str, allowed: tuple[str, ...]) -> bool:
    if module.startswith(".") or _within(module, own):
        return not (_within(module, f"{own}.simulator") and "gateway.simulator" not in allowed)
    if _within(module, "gateway"):
        return _within(module, *allowed)
    if _within(module, *_DENIED):
        return False
    return module.partition(".")[0] in {*sys.stdlib_module_names, "pydantic", "pydantic_core"}


def _within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    """Give every module that a file imports, by line, those in functions and under TYPE_CHECKING too."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def _deeds(path: Path) -> Iterator[str]:
    for node in ast.walk(_tree(path)):
        if isinstance(node, _WAITS):
            yield f"{path.name}:{node.lineno} waits: {type(node).__name__}"
        elif isinstance(node, ast.Call) and (name := _called(node)) in _ACTS:
            yield f"{path.name}:{node.lineno} calls {name}()"
        elif isinstance(node, ast.Attribute) and node.attr == "environ":
            yield f"{path.name}:{node.lineno} reads the environment"


def _bytes_in_calls(path: Path) -> Iterator[str]:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Call) and _called(node) == "Call":
            for value in [*node.args, *(keyword.value for keyword in node.keywords)]:
                if any(_is_bytes(part) for part in ast.walk(value)):
                    yield f"{path.name}:{value.lineno} puts bytes into a Call"


def _is_bytes(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, bytes)
    return isinstance(node, ast.Call) and _called(node) in {"bytearray", "bytes", "encode"}


def _called(call: ast.Call) -> str:
    """Give the last name of what is called: `now` of `datetime.now(…)`."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def _is_simulator(path: Path, folder: Path) -> bool:
    return path.relative_to(folder).parts[0] in {"simulator", "simulator.py"}
