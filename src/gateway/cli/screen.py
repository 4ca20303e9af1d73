"""What a command says: data on stdout, everything else on stderr; colour only where a terminal wants it.

What draws on terminals is imported where it draws: a run that prints one plain line does not wait for it.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

from gateway.cli.failing import ExitCode, Problem, problem_of

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

__all__ = ["Screen", "flags_first", "printable"]

_NO_EDGE = 400
ANYWHERE = ("--debug", "--no-color", "--quiet")
"""Flags of `gateway` itself that may stand behind a command too."""


class Screen:
    """The two streams of one run of a command, and what was said about them on the command line.

    `owned` says that the process is the command's own, so that it may configure the process's logging too.
    """

    def __init__(
        self,
        *,
        as_json: bool = False,
        color: bool = True,
        debug: bool = False,
        quiet: bool = False,
        owned: bool = False,
    ) -> None:
        self.as_json = as_json
        self.color = color
        self.debug = debug
        self.quiet = quiet
        self.owned = owned

    @classmethod
    def asked(cls, arguments: Sequence[str], *, owned: bool = False) -> Screen:
        """Read what was asked before anything is parsed, so that a wrong command line is answered in the right form."""
        flags = _flags(arguments)
        return cls(
            as_json="--json" in flags,
            color="--no-color" not in flags,
            debug="--debug" in flags,
            quiet="--quiet" in flags,
            owned=owned,
        )

    # ── data ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def out(self) -> Console:
        """Standard output, for data that a person reads."""
        return self._console(sys.stdout)

    @property
    def err(self) -> Console:
        """Standard error, for what draws there by itself."""
        return self._console(sys.stderr)

    def data(self, value: Any) -> None:
        """Print one JSON document on one line, at once."""
        print(json.dumps(value), flush=True)  # noqa: T201 - data goes out as it is, whatever the terminal

    def say(self, line: str) -> None:
        """Print one plain line of data."""
        print(line, flush=True)  # noqa: T201 - as above

    def show(self, *shown: RenderableType) -> None:
        """Print data for a person, each on lines of its own."""
        out = self.out
        for each in shown:
            out.print(each)

    def facts(self, facts: Sequence[tuple[str, str | None]]) -> None:
        """Print names and values below each other; a value that is not there is left out."""
        from rich.text import Text

        width = max((len(name) for name, value in facts if value), default=0)
        for name, value in facts:
            if value:
                self.show(Text.assemble((f"{name:<{width}}", "dim"), "  ", printable(value)))

    # ── everything else ───────────────────────────────────────────────────────────────────────────────────────────

    def note(self, words: str | Text, *, matters: bool = False) -> None:
        """Say something that is not data; with `--quiet` only what `matters`."""
        if matters or not self.quiet:
            self._console(sys.stderr).print(words)

    def fail(self, error: BaseException) -> ExitCode:
        """Say what went wrong, and give the exit code; with `--json` the problem is the command's data too."""
        problem = problem_of(error)
        self.complain(problem)
        if self.as_json:
            self.data(problem.json())
        if self.debug:
            self._trace(error)
        return problem.exit_code

    def _trace(self, error: BaseException) -> None:
        import traceback

        from rich.text import Text

        from gateway.addresses import redact

        trace = "".join(traceback.format_exception(error))
        self.note(Text(redact(trace, limit=20_000), style="dim"), matters=True)

    def complain(self, problem: Problem) -> None:
        """Print a problem for a person."""
        from rich.text import Text

        err = self._console(sys.stderr)
        err.print(Text.assemble(("error: ", "bold red"), printable(problem.line)))
        for cause in problem.causes:
            err.print(Text.assemble(("cause: ", "red"), printable(cause)))
        if problem.hint:
            err.print(Text.assemble(("hint: ", "cyan"), printable(problem.hint)))

    def _console(self, stream: TextIO) -> Console:
        from rich.console import Console

        # a file and a pipe have no edge: nothing is cut there
        width = None if stream.isatty() else _NO_EDGE
        color = None if self.color else True
        return Console(
            file=stream, width=width, no_color=color, soft_wrap=True, highlight=False, markup=False, emoji=False
        )


def flags_first(arguments: Sequence[str]) -> list[str]:
    """Bring the flags of `gateway` itself to the front, where its parser expects them; those behind `--` are text."""
    flags = _flags(arguments)
    options, rest = list(arguments[: len(flags)]), list(arguments[len(flags) :])
    moved = [each for each in options if each in ANYWHERE]
    return [*moved, *(each for each in options if each not in ANYWHERE), *rest]


def _flags(arguments: Sequence[str]) -> list[str]:
    return list(arguments[: arguments.index("--")] if "--" in arguments else arguments)


def printable(text: str, *, most: int | None = None) -> str:
    """Make a text safe for a terminal and one line long: a contact may write escape codes.

    Control and formatting characters become their codes, line ends `⏎`; what is longer than `most` is cut.
    """
    line = "".join(_safe(character) for character in text.replace("\r\n", "\n"))
    return line if most is None or len(line) <= most else f"{line[: most - 1]}…"


# Joins emoji, and picks their colourful form; harmless, and a text would look broken without.
_HARMLESS = "\u200d\ufe0f"


def _safe(character: str) -> str:
    if character == "\n":
        return " ⏎ "
    if unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"} and character not in _HARMLESS:
        return f"\\x{ord(character):02x}"
    return character
