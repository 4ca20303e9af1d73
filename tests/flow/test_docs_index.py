"""The lists of pages: for people (`docs/README.md`) and for programs (`docs/llms.txt`)."""

from __future__ import annotations

import re

import pytest

from tests.house.tree import ROOT

DOCS = ROOT / "docs"


def pages() -> set[str]:
    """Every page below `docs`; of the decisions only their list, for it has them all."""
    found = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    return {name for name in found if name != "README.md" and not re.match(r"decisions/\d", name)}


@pytest.mark.parametrize("name", ["README.md", "llms.txt"])
def test_every_page_is_in_the_list(name: str) -> None:
    """A page that is in no list is read by nobody; a line about a page that is gone leads nowhere."""
    listed = re.findall(r"\]\(([\w./-]+)\)", (DOCS / name).read_text(encoding="utf-8"))
    assert [] == sorted(pages() - set(listed))
    assert [] == [link for link in listed if not (DOCS / link).is_file()]


def test_a_page_is_of_the_kind_that_its_folder_says() -> None:
    """One tutorial; the other folders are how-to, reference, explanation, vendors and decisions."""
    assert {"quickstart.md", "howto", "reference", "providers", "explanation", "decisions"} == {
        name.partition("/")[0] for name in pages()
    }
