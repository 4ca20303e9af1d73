"""What is committed belongs to everyone, and says nothing of the machine it was written on."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

from tests.house.tree import ROOT, committed, shown

# Written in two pieces, so that this file does not find itself.
FOLDERS = ("/ho" + "me/", "/ro" + "ot/", "/Us" + "ers/", "/wo" + "rk/", "/opt/wh" + "eels", "/opt/py" + "pi")
FOREIGN = re.compile("|".join(FOLDERS))
INDEX = "https://pypi.org/simple"
FILES = "https://files.pythonhosted.org/"


def lines() -> Iterator[tuple[str, str]]:
    """Every line of every text that would be committed, with its place."""
    for path in committed():
        try:
            text = path.read_text()
        except UnicodeDecodeError:  # a picture or a recorded sound
            continue
        yield from ((f"{shown(path)}:{number}", line) for number, line in enumerate(text.splitlines(), 1))


def addresses(value: Any) -> Iterator[str]:
    """Every string of the lock that names a place: a registry, an index, a file, a folder outside."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in {"registry", "url", "path", "git", "index", "find-links"} and isinstance(inner, str):
                yield inner
            yield from addresses(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from addresses(inner)


def test_no_file_names_a_folder_of_the_machine_it_was_written_on() -> None:
    """No home folder, work folder or local package index is in a committed file."""
    assert [] == [f"{place}: {line.strip()}" for place, line in lines() if FOREIGN.search(line)]


def test_the_lock_knows_the_public_index_only() -> None:
    """Every package of uv.lock comes from pypi.org, so a mirror of ours is not asked of anybody else."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    found = set(addresses(lock))
    assert INDEX in found
    assert set() == {place for place in found if place != INDEX and not place.startswith(FILES)}
