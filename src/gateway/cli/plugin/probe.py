"""Loads the plugins of a package in a process of its own, and prints what was found, as JSON.

    python -m gateway.cli.plugin.probe NAME=MODULE …

A plugin runs whatever it likes when it is imported: it does not do so in the process of the command.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import EntryPoint

from gateway.hookspecs import PROJECT
from gateway.plugins import load_entries

__all__: list[str] = []


def _found(arguments: list[str]) -> list[dict[str, object]]:
    pairs = [argument.partition("=") for argument in arguments]
    plugins = load_entries([EntryPoint(name=name, value=value, group=PROJECT) for name, _, value in pairs])
    return [
        {
            "entry": plugin.entry,
            "source": plugin.source,
            "providers": [cls.name for cls in plugin.providers],
            "problems": list(plugin.problems),
        }
        for plugin in plugins.found
    ]


if __name__ == "__main__":
    print(json.dumps(_found(sys.argv[1:])))  # noqa: T201 - what the process is for
