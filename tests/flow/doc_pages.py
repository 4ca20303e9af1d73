"""Pages of the documentation as stories: the blocks of a page run one after the other, in one folder and one world.

What a block is for says its language, and where that is not enough a comment in the line above it:

    <!-- given: sim, gateway -->    the test supplies these names to the Python blocks from here on
    <!-- raises: Unsupported -->    the Python block ends with this error
    <!-- file: bot.py -->           the block is a file; where `examples/` has one of that name, they are the same
    <!-- from: src/… -->            the block is copied from that file, `# …` stands for what was left out
    <!-- background: WORD -->       the commands keep running; they are ready when they print WORD
    <!-- output -->                 what the block before printed; `…` stands for anything
    <!-- not run: REASON -->        shown only
"""

import ast
import asyncio
import contextlib
import inspect
import io
import os
import re
import secrets
import signal
import socket
import sys
import textwrap
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from gateway import Gateway
from gateway.simulator import Simulation, served

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "src" / "gateway"
VENDORS = ("loopmessage", "blooio")
CONTACT = "+12025550123"
PATIENCE = 180.0

#: Ports that pages name. Each story gets free ones in their place, so that stories can be told side by side.
PORTS = ("8900", "8910", "8080")
OURS = range(12000, 32000)

_DIRECTIVE = re.compile(r"<!-- (?P<kind>given|raises|file|from|background|output|not run)(?:: (?P<value>.+?))? -->")
_FENCE = re.compile(r"```(?P<language>\w*)$")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str
    kind: str = ""
    value: str = ""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"


def pages() -> list[Path]:
    """Every page: the root's, the docs and the examples."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(ROOT).parts))


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    lines = page.read_text(encoding="utf-8").splitlines()
    found, number = [], 0
    while number < len(lines):
        if fence := _FENCE.match(lines[number]):
            end = lines.index("```", number + 1)
            told = _DIRECTIVE.fullmatch(lines[number - 1]) if number else None
            kind, value = (told["kind"], told["value"] or "") if told else ("", "")
            text = "\n".join(lines[number + 1 : end]) + "\n"
            found.append(Block(page, number + 1, fence["language"], text, kind, value))
            number = end
        number += 1
    return found


@dataclass
class Story:
    """One page while it is told."""

    folder: Path
    world: contextlib.AsyncExitStack
    names: dict[str, Any] = field(default_factory=dict)
    printed: str = ""
    ports: dict[str, str] = field(default_factory=lambda: dict(zip(PORTS, free_ports(len(PORTS)), strict=True)))
    environment: dict[str, str] = field(default_factory=lambda: dict(surroundings()))

    async def tell(self, block: Block) -> None:
        """Run one block, or hold it against what it was copied from."""
        text = self.with_ports(block.text)
        match block.kind, block.language:
            case "not run", _:
                assert len(block.value) > 10, f"{block}: say why it is not run"
            case "output", "text":
                assert matches(text, self.printed), f"{block}: this was printed:\n{self.printed}"
            case "from", _:
                assert is_copied(block.text, ROOT / block.value), f"{block}: {block.value} reads otherwise"
            case "file", _:
                self.write(block, text)
            case _, "mermaid":
                assert not unknown_files(block.text), f"{block}: no such files: {unknown_files(block.text)}"
            case _, "toml":
                await self.configure(block, text)
            case _, "python":
                await self.python(block, text)
            case _, "sh":
                await self.shell(block, text)
            case _:
                raise AssertionError(f"{block}: nobody knows how to run it; see tests/flow/doc_pages.py")

    def with_ports(self, text: str) -> str:
        """Put this story's ports in the place of those that the page names."""
        for named, free in self.ports.items():
            text = re.sub(rf"\b{named}\b", free, text)
        return text

    # ── files ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def write(self, block: Block, text: str) -> None:
        """Write a file of the page; the example of that name is the same."""
        example = ROOT / "examples" / block.value
        if example.is_file():
            assert example.read_text(encoding="utf-8") == block.text, f"{block}: examples/{block.value} differs"
        (self.folder / block.value).write_text(text, encoding="utf-8")

    async def configure(self, block: Block, text: str) -> None:
        """Make a gateway of a configuration; what it asks of the environment and of files is made up."""
        made_up = dict.fromkeys(re.findall(r'"env:(\w+)"', text), "made-up")
        for name in re.findall(r'"file:([^"]+)"', text):
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("made-up\n", encoding="utf-8")
        path = self.folder / "config.toml"
        path.write_text(text, encoding="utf-8")
        with patch.dict(os.environ, made_up):
            gateway = Gateway.from_config(path)
        async with gateway:
            assert gateway.connections, f"{block}: no connection"

    # ── Python ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def python(self, block: Block, text: str) -> None:
        """Run Python with `await` at the top, in the names of the page so far."""
        if block.kind == "given":
            await self.give(block.value)
        code = compile(text, str(block), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        printed = io.StringIO()
        wanted = self.names.get(block.value) or getattr(__import__("gateway"), block.value, None)
        expected = _expect(wanted) if block.kind == "raises" else contextlib.nullcontext()
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(printed), expected:
            result = eval(code, self.names)  # noqa: S307 - the page's own code
            if inspect.isawaitable(result):
                async with asyncio.timeout(PATIENCE):
                    await result
        self.printed = printed.getvalue()

    async def give(self, names: str) -> None:
        """Supply names: `sim` with both twins, `gateway` connected to them, `contact` with a phone in that world."""
        wanted = set(names.split(", "))
        assert wanted <= {"sim", "gateway", "contact"}
        sim = await self.world.enter_async_context(Simulation(VENDORS, latency=0.02))
        gateway = Gateway()
        url = await self.world.enter_async_context(served(gateway.asgi()))
        for vendor in VENDORS:
            gateway.connect(vendor, name=vendor, **sim.settings(vendor))
            sim.set_webhook(vendor, f"{url}/webhooks/{vendor}")
        have = {"sim": sim, "gateway": gateway, "contact": sim.contact(CONTACT)}
        self.names |= {name: have[name] for name in wanted}

    # ── shell ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def shell(self, block: Block, text: str) -> None:
        """Run commands; what they export holds for the next ones."""
        exports = self.folder / ".environment"
        background = block.kind == "background"
        script = text if background else f"{text}\nenv -0 > '{exports}'\n"
        where = ROOT if text.startswith("make ") else self.folder
        process = await asyncio.create_subprocess_exec(
            *("bash", "-e", "-c", script),
            cwd=where,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        assert process.stdout is not None
        self.world.push_async_callback(ended, process)  # the whole group, and whatever comes between
        async with asyncio.timeout(PATIENCE):
            if background:
                self.printed = await until(process.stdout, block)
                return
            self.printed = (await process.stdout.read()).decode()
            code = await process.wait()
        assert code == 0, f"{block} ended with {code}:\n{self.printed}"
        pairs = (pair.partition("=") for pair in exports.read_text(encoding="utf-8").split("\0") if pair)
        self.environment = {name: value for name, _, value in pairs if not name.startswith("BASH_FUNC")}


@contextlib.asynccontextmanager
async def story(folder: Path) -> AsyncIterator[Story]:
    """A page's folder and world; everything that it started is ended."""
    async with contextlib.AsyncExitStack() as world:
        yield Story(folder, world)


# ── what stories need ─────────────────────────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def _expect(error: Any) -> Iterator[None]:
    assert error is not None, "the error of `raises` is not known"
    try:
        yield
    except error:
        return
    raise AssertionError(f"{error.__name__} was not raised")


def free_ports(count: int) -> list[str]:
    """Find ports that nobody listens on, below those that the system gives to whoever asks for any."""
    found: set[str] = set()
    while len(found) < count:
        port = secrets.choice(OURS)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.add(str(port))
    return list(found)


def surroundings() -> dict[str, str]:
    """The environment of commands: the programs of this Python first, and the demo ends by itself."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_", "MAKE"))}
    programs = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    return {**kept, "PATH": programs, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "COLUMNS": "120", "ARGS": "--once"}


async def until(stream: asyncio.StreamReader, block: Block) -> str:
    """Read lines until one has the block's word."""
    read = ""
    while block.value not in read:
        line = (await stream.readline()).decode()
        assert line, f"{block} ended before it said {block.value!r}:\n{read}"
        read += line
    return read


async def ended(process: asyncio.subprocess.Process) -> None:
    """End a command that keeps running, as Ctrl+C does; one that has ended is left alone."""
    for word in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, word)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(10):
                await process.communicate()
                return


def matches(expected: str, printed: str) -> bool:
    """Tell whether the expected lines are in what was printed, in this order; `…` stands for anything in a line."""
    rest = [" ".join(line.split()) for line in printed.splitlines()]
    for line in expected.splitlines():
        wanted = " ".join(line.split())
        if wanted in {"", "…"}:
            continue
        pattern = re.compile(".*".join(re.escape(piece) for piece in wanted.split("…")))
        place = next((number for number, have in enumerate(rest) if pattern.fullmatch(have)), None)
        if place is None:
            return False
        rest = rest[place + 1 :]
    return True


def is_copied(text: str, path: Path) -> bool:
    """Tell whether a block stands in a file, each piece between `# …` whole and in order; indentation may differ."""
    rest = [line.rstrip() for line in path.read_text(encoding="utf-8").splitlines()]
    for piece in re.split(r"(?m)^\s*# …\n", text):
        wanted = textwrap.dedent(piece).strip("\n").splitlines()
        if not any(wanted):
            continue
        spans = range(len(rest) - len(wanted) + 1)
        place = next((n for n in spans if _same(wanted, rest[n : n + len(wanted)])), None)
        if place is None:
            return False
        rest = rest[place + len(wanted) :]
    return True


def _same(wanted: list[str], found: list[str]) -> bool:
    return [line.rstrip() for line in wanted] == textwrap.dedent("\n".join(found)).splitlines()


def unknown_files(diagram: str) -> list[str]:
    """The files of the core that a diagram names and that are not there."""
    return [name for name in re.findall(r"[\w/]+\.py", diagram) if not (CORE / name).is_file()]
