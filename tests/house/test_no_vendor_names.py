"""The core knows messages, and no vendor."""

import re

from tests.house.tree import CORE, ROOT, committed, project, providers, shown

BINARY = {".ico", ".jpg", ".png", ".webp", ".woff2"}


def vendor_words() -> set[str]:
    """The words of all vendors: their folders' names and keywords, less the words of the trade, which the root has."""
    trade = set(project(ROOT)["keywords"])
    words = {package.name for package in providers()}
    words |= {keyword for package in providers() for keyword in package.project.get("keywords", [])}
    return {word.lower() for word in words - trade}


def test_each_provider_brings_the_words_of_its_vendor() -> None:
    """There are providers, and none is without a word to look for."""
    assert providers()
    assert {package.name for package in providers()} <= vendor_words()


def test_the_core_names_no_vendor() -> None:
    """No vendor's word occurs in a file of the core, be it code, text or page, however written."""
    word = re.compile("|".join(re.escape(found) for found in sorted(vendor_words())), re.IGNORECASE)
    files = [path for path in committed() if path.is_relative_to(CORE) and path.suffix not in BINARY]
    assert files
    named = [
        f"{shown(path)}:{number}: {found.group()}"
        for path in files
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for found in word.finditer(f"{path.name} {line}" if number == 1 else line)
    ]
    assert [] == named


def test_the_root_names_no_provider() -> None:
    """The files that all share (project, Makefile, gate, the rules themselves) name no provider's package."""
    packages = {package.source.name for package in providers()}
    shared = [ROOT / "Makefile", ROOT / ".ci" / "run", *sorted((ROOT / "tests" / "house").glob("*.py"))]
    named = [f"{shown(path)}: {name}" for path in shared for name in packages if name in path.read_text()]
    assert [] == named
