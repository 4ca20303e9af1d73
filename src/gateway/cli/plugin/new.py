"""`gateway plugin new`: writes a provider that works, with a twin, samples and a contract that holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from gateway.cli.failing import Usage
from gateway.cli.screen import Screen

__all__ = ["new"]

_NAME = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")
_LONGEST = 32
_ENDING = ".tmpl"  # so that no tool takes a template for code


def new(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The vendor's name, such as `acme`: the word after `provider =`.")],
    *,
    path: Annotated[
        Path | None, typer.Option("--path", metavar="DIR", help="Where to write it; NAME in this folder by default.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One object: the folder and its files.")] = False,
) -> None:
    """Write a package with a provider for an invented vendor, its twin, samples and a contract that holds.

    From there it is changed into yours, one fact of the vendor at a time; `gateway plugin check` says what it keeps.
    """
    screen: Screen = ctx.obj
    _is_usable(name)
    folder = path or Path(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Usage(f"{folder} is there already, and not empty", hint="name another folder with --path DIR")
    written = _write(folder, name)
    if json:
        screen.data({"name": name, "path": str(folder), "files": [str(file) for file in written]})
        return
    for file in written:
        screen.say(str(folder / file))
    screen.note(f"next: pip install -e {folder}, then gateway plugin check {folder}")


def _is_usable(name: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise Usage(
            f"{name!r} cannot be the name of a provider",
            hint=f"lower-case letters and digits, words joined by - or _, at most {_LONGEST} characters",
        )


def _write(folder: Path, name: str) -> list[Path]:
    """Fill every template in; gives the files, from the folder."""
    words = {
        "name": name,
        "snake": (snake := name.replace("-", "_")),
        "package": f"gateway_{snake}",
        "Class": "".join(word.capitalize() for word in re.split("[_-]", name)),
        "header": name.replace("_", "-"),
    }
    written = []
    for template, place in _templates(files("gateway.cli.plugin") / "template", Path()):
        target = Path(Template(str(place)).substitute(words))
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        text = Template(template.read_text(encoding="utf-8")).substitute(words)
        (folder / target).write_text(text, encoding="utf-8")
        written.append(target)
    return sorted(written)


def _templates(folder: Traversable, place: Path) -> Iterator[tuple[Traversable, Path]]:
    """Give every template, and where it goes."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _templates(entry, place / entry.name)
        elif entry.name.endswith(_ENDING):
            yield entry, place / entry.name.removesuffix(_ENDING)
