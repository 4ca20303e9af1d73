"""`--help --json`: what the commands take, for programs; made of the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gateway.cli.failing import ExitCode

__all__ = ["manual", "wanted"]

_HELP = ("--help", "-h")


def wanted(arguments: Sequence[str]) -> bool:
    """Tell whether help is asked for as JSON; what is behind `--` is text."""
    flags = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in flags and any(flag in flags for flag in _HELP)


def manual(root: Any, arguments: Sequence[str]) -> dict[str, Any] | None:
    """Describe the command that the arguments name, and all below it; None where there is no such command."""
    command, path = root, "gateway"
    for word in (each for each in arguments if not each.startswith("-")):
        inner = getattr(command, "commands", None)
        if inner is None:
            break
        if word not in inner:
            return None
        command, path = inner[word], f"{path} {word}"
    return {
        "commands": [_described(each, name) for name, each in _below(command, path)],
        "exit_codes": {str(int(code)): code.name.lower() for code in ExitCode},
    }


def _below(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Give a command and all of its own, a group before what is in it."""
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        if not inner.hidden:
            yield from _below(inner, f"{path} {name}")


def _described(command: Any, path: str) -> dict[str, Any]:
    shown = [item for item in command.params if not item.hidden]
    return {
        "name": path,
        "help": [" ".join(words.split()) for words in (command.help or "").strip().split("\n\n")],
        "group": hasattr(command, "commands"),
        "arguments": [_parameter(item) for item in shown if item.param_type_name == "argument"],
        "options": [_parameter(item) for item in shown if item.param_type_name == "option"],
    }


def _parameter(item: Any) -> dict[str, Any]:
    """Describe an argument or an option; what it does not have is left out."""
    flag = bool(getattr(item, "is_flag", False))
    default = item.default if isinstance(item.default, str | int | float | bool) else None
    described: dict[str, Any] = {
        "names": [*item.opts, *item.secondary_opts],
        "value": None if flag else (item.metavar or item.bare_type().upper()),
        "help": item.help,
        "required": bool(item.required),
        "repeated": bool(item.multiple) if item.param_type_name == "option" else item.nargs != 1,
        "default": None if flag or item.required else default,
        "environment": item.envvar,
    }
    return {name: value for name, value in described.items() if value is not None}
