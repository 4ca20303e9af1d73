"""Every module of the core has its place in the order of imports."""

import tomllib

from tests.house.tree import BORDER, CORE, ROOT, WORDS


def layers() -> list[set[str]]:
    """The layers of the import contract, lowest first."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    order = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [{name.strip(" ()") for name in line.split(":")} for line in reversed(order)]


def test_words_and_border_are_strictly_in_order() -> None:
    """Each word, and each file of the border, imports only those before it."""
    low = [{name} for name in WORDS + BORDER]
    assert low == layers()[: len(low)]


def test_every_module_has_a_place() -> None:
    """A new file in the core is given its layer, or the contracts would not see it."""
    here = {path.stem for path in CORE.glob("[!_]*.py")} | {path.parent.name for path in CORE.glob("*/__init__.py")}
    assert set() == here - set().union(*layers())
