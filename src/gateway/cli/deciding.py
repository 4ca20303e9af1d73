"""What commands that change something have in common: `--yes`, `--dry-run`, and a question where nobody said so."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, TypeAlias

import typer
from pydantic import JsonValue

from gateway.cli.failing import Usage
from gateway.cli.screen import Screen, printable

__all__ = ["DryRun", "Yes", "sure", "would"]

Yes: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; without a terminal this is needed.")]
DryRun: TypeAlias = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


def sure(screen: Screen, question: str, *, yes: bool) -> None:
    """Let somebody at a terminal say yes to what cannot be undone.

    Raises `Usage` where there is no terminal and no `--yes`, and `typer.Abort` for anything but a yes.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Usage("this cannot be undone, and there is nobody to ask", hint="say --yes, or try --dry-run first")
    screen.note(f"{printable(question)} [y/N]", matters=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise typer.Abort


def would(
    screen: Screen, what: str, facts: Sequence[tuple[str, str | None]] = (), *, json: bool, **told: JsonValue
) -> None:
    """Say what a command would do that was told to do nothing: `what` in words, and the same for programs."""
    if json:
        screen.data({"dry_run": True, "would": what, **told})
        return
    screen.facts(facts)
    screen.note(f"nothing was done; it would {what}")
