"""The commands of `gateway`: found by name, imported when they are asked for, and named when they are misspelt."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from gateway.cli.failing import ExitCode, Usage, nearest
from gateway.cli.manual import manual, wanted
from gateway.cli.screen import Screen, flags_first

__all__ = ["Commands", "OnDemand", "Place", "group"]


class Place(NamedTuple):
    """Where a command is, and what it says of itself in a list of commands, so that no list has to import it."""

    target: str
    """`module:function`, or `module:app` for a group."""
    line: str
    """The first sentence of its docstring, without the full stop; a test keeps it so."""


class OnDemand(MutableMapping[str, Any]):
    """Commands by name; `places` says of those that are not there yet where they are.

    To import them all takes more than a second, and one run needs one of them.
    """

    def __init__(self, places: Mapping[str, Place], made: Mapping[str, Any]) -> None:
        self._places = dict(places)
        self._made = dict(made)

    def __getitem__(self, name: str) -> Any:
        """Give a command, imported now if it was not before."""
        if name not in self._made:
            self._made[name] = _imported(name, self._places[name].target)
        return self._made[name]

    def listed(self, name: str) -> Any:
        """Give a command as a list shows it: its name and its line; None where there is no such command."""
        if name in self._made or name not in self._places:
            return self._made.get(name)
        return TyperCommand(name=name, help=f"{self._places[name].line}.")

    def __setitem__(self, name: str, command: Any) -> None:
        """Add a command that is made already."""
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        """Take a command away."""
        self._places.pop(name, None)
        self._made.pop(name, None)

    def __contains__(self, name: object) -> bool:
        """Tell whether there is such a command, without importing it."""
        return name in self._places or name in self._made

    def __iter__(self) -> Iterator[str]:
        """Name them, in the order of the list of places."""
        return iter(dict.fromkeys([*self._places, *self._made]))

    def __len__(self) -> int:
        """Count them."""
        return len({*self._places, *self._made})


def _imported(name: str, place: str) -> Any:
    module, _, function = place.partition(":")
    found = getattr(importlib.import_module(module), function)
    if not isinstance(found, typer.Typer):
        found, command = typer.Typer(add_completion=False, pretty_exceptions_enable=False), found
        found.command(name)(command)
    made = typer.main.get_command(found)
    made.name = name
    return made


class Commands(TyperGroup):
    """A group of commands; a misspelt one gets the nearest."""

    places: Mapping[str, Place] = {}
    """Those that are imported when they are asked for."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands: OnDemand = OnDemand(self.places, self.commands)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command and exit; whatever fails is said in our form."""
        arguments = list(sys.argv[1:] if args is None else args)
        screen = extra.pop("obj", None) or Screen.asked(arguments)
        try:
            outcome = self._described(arguments, screen)
            if outcome is None:
                outcome = super().main(
                    flags_first(arguments), "gateway", complete_var, standalone_mode=False, obj=screen, **extra
                )
        except typer.Abort:
            outcome = ExitCode.INTERRUPTED
        except BrokenPipeError:
            # whoever read has gone, as `head` does: there is nobody to tell, and the stream is not to be flushed again
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            outcome = ExitCode.FAILED
        except Exception as error:  # noqa: BLE001 - a border: a person gets a sentence, whatever it was
            outcome = screen.fail(error)
        code = int(outcome) if isinstance(outcome, int) else int(ExitCode.OK)
        if code == ExitCode.INTERRUPTED:
            screen.note("interrupted")
        if standalone_mode:
            sys.exit(code)
        return code

    def _described(self, arguments: Sequence[str], screen: Screen) -> ExitCode | None:
        """Answer `--help --json`; None where that is not asked for, or asks for what is not there."""
        if not wanted(arguments) or (told := manual(self, arguments)) is None:
            return None
        screen.data(told)
        return ExitCode.OK

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that is to run; raises `Usage` that names the nearest one."""
        name = args[0]
        if name in self.commands:
            return name, self.commands[name], args[1:]
        if not name.startswith("-") and not ctx.resilient_parsing:
            there_are = f"there are: {', '.join(self.commands)}"
            raise Usage(f"there is no command {name!r}", hint=nearest(name, self.commands, there_are))
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:
        """Name the commands, in their order."""
        return list(self.commands)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Give a command for a list of them, as help and completion make it; the one that runs is resolved."""
        return self.commands.listed(cmd_name)


def group(line: str) -> typer.Typer:
    """Make a group of commands with its one line; it shows its help where no command of it is named."""
    made = typer.Typer(cls=Commands, help=line, add_completion=False, pretty_exceptions_enable=False)

    @made.callback(invoke_without_command=True)
    def root(ctx: typer.Context) -> None:
        """Show the help where no command is given."""
        if ctx.invoked_subcommand is None:
            ctx.get_help()

    return made
