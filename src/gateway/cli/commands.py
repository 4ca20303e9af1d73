"""The commands of `gateway`: found by name, imported when they are asked for, and named when they are misspelt."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from gateway.cli.failing import ExitCode, Usage, nearest
from gateway.cli.screen import Screen, flags_first

__all__ = ["Commands", "OnDemand"]


class OnDemand(MutableMapping[str, Any]):
    """Commands by name; `places` says of those that are not there yet where they are: `module:function`.

    To import them all takes more than a second, and one run needs one of them.
    """

    def __init__(self, places: Mapping[str, str], made: Mapping[str, Any]) -> None:
        self._places = dict(places)
        self._made = dict(made)

    def __getitem__(self, name: str) -> Any:
        """Give a command, imported now if it was not before."""
        if name not in self._made:
            self._made[name] = _imported(name, self._places[name])
        return self._made[name]

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

    places: Mapping[str, str] = {}
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
            outcome = super().main(
                flags_first(arguments), "gateway", complete_var, standalone_mode=False, obj=screen, **extra
            )
        except typer.Abort:
            outcome = ExitCode.INTERRUPTED
        except Exception as error:  # noqa: BLE001 - a border: a person gets a sentence, whatever it was
            outcome = screen.fail(error)
        code = int(outcome) if isinstance(outcome, int) else int(ExitCode.OK)
        if code == ExitCode.INTERRUPTED:
            screen.note("interrupted")
        if standalone_mode:
            sys.exit(code)
        return code

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; raises `Usage` that names the nearest one."""
        name = args[0]
        if not name.startswith("-") and name not in self.commands and not ctx.resilient_parsing:
            there_are = f"there are: {', '.join(self.commands)}"
            raise Usage(f"there is no command {name!r}", hint=nearest(name, self.commands, there_are))
        return super().resolve_command(ctx, args)
