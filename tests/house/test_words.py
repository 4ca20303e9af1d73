"""The words stand on the standard library and pydantic alone."""

import sys

from tests.house.tree import WORDS, core_modules, imports, shown, within

PYDANTIC = {"pydantic", "pydantic_core"}
"""The library, and the part of it that reads and writes JSON; the one never comes without the other."""


def test_words_import_only_the_standard_library_pydantic_and_words_before_them() -> None:
    """A word depends on nothing that a stranger to this project would have to know."""
    bad = []
    for place, path in enumerate(paths := core_modules(WORDS)):
        before = tuple(f"gateway.{earlier.stem}" for earlier in paths[:place])
        for line, module in imports(path):
            top = module.partition(".")[0]
            fine = within(module, *before) if top == "gateway" else top in {*sys.stdlib_module_names, *PYDANTIC}
            if not fine:
                bad.append(f"{shown(path)}:{line}: imports {module}")
    assert [] == bad


def test_every_word_has_its_file() -> None:
    """The listing of the core begins with the words, one file each."""
    assert list(WORDS) == [path.stem for path in core_modules(WORDS)]
