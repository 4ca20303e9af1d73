"""The documentation tells the truth: every block runs, every table is fresh, every link leads somewhere."""

import json
import re
from pathlib import Path

import pytest
from docs import generate

from gateway.capabilities import Feature
from gateway.simulator import Simulation
from tests.flow.doc_pages import CONTACT, ROOT, VENDORS, Block, blocks, is_copied, matches, pages, story

PAGES = pages()
TOLD = [page for page in PAGES if blocks(page)]


def shown(page: Path) -> str:
    """The page's path from the root."""
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", TOLD, ids=shown)
async def test_every_block_of_a_page_does_what_the_page_says(page: Path, tmp_path: Path) -> None:
    """From the first to the last, in one folder: whoever follows the page gets there."""
    async with story(tmp_path) as told:
        for block in blocks(page):
            await told.tell(block)


def test_generated_places_are_fresh() -> None:
    """Tables of capabilities, settings, codes and errors say what the code says; `python docs/generate.py` helps."""
    assert [] == [shown(page) for page in generate.stale()]


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link names a file that is there, and a heading of it."""
    assert [] == [link for link in links(page) if not leads_somewhere(page, link)]


def links(page: Path) -> list[str]:
    """The relative links of a page."""
    found = re.findall(r"\]\(([^)\s]+)\)", without_blocks(page))
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def leads_somewhere(page: Path, link: str) -> bool:
    """Whether file and heading exist."""
    name, _, heading = link.partition("#")
    target = page.parent / name if name else page
    if not target.exists():
        return False
    return not heading or heading in anchors(target)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, made as GitHub makes them."""
    headings = re.findall(r"(?m)^#+ (.+)$", without_blocks(page))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def without_blocks(page: Path) -> str:
    """The page's text without its fenced blocks."""
    return re.sub(r"(?ms)^```.*?^```$", "", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_a_line_has_one_sentence(page: Path) -> None:
    """So that a change of one sentence is a change of one line."""
    prose = [line for line in without_blocks(page).splitlines() if not line.startswith(("|", "<!--"))]
    assert [] == [line for line in prose if re.search(r"[a-z`)][.!?] [A-Z`*]", line)]


def test_every_block_that_is_not_run_says_why() -> None:
    """There are few, and each has its reason in the page."""
    skipped = [block for page in TOLD for block in blocks(page) if block.kind == "not run"]
    assert all(len(block.value.split()) > 3 for block in skipped)
    assert len(skipped) <= 8


@pytest.mark.parametrize("vendor", VENDORS)
async def test_the_bot_answers_over_every_vendor(vendor: str, tmp_path: Path) -> None:
    """The same `bot.py`: only the connection in `bot.toml` differs."""
    async with story(tmp_path) as told, Simulation([vendor], latency=0.02) as sim:
        bot = ROOT / "examples" / "bot.py"
        (tmp_path / "bot.py").write_text(told.with_ports(bot.read_text(encoding="utf-8")), encoding="utf-8")
        settings = {"provider": vendor, **sim.settings(vendor)}
        lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
        (tmp_path / "bot.toml").write_text("\n".join(["[connections.main]", *lines]), encoding="utf-8")
        await told.tell(Block(bot, 1, "sh", "python bot.py\n", "background", "Uvicorn running"))
        sim.set_webhook(vendor, told.with_ports("http://127.0.0.1:8080/webhooks/main"))
        written = sim.contact(CONTACT).write("hello", vendor=vendor)
        await sim.journal.wait("answer", vendor=vendor, count=2, seconds=20)
        assert ["hello", "You wrote: hello"] == [bubble.text for bubble in written.thread.bubbles]
        assert ["like"] == [reaction.text for reaction in written.reactions.values()]


def test_the_bot_of_the_readme_has_twelve_lines() -> None:
    """The README's first program is as short as it says, blank lines aside."""
    (bot,) = [block for block in blocks(ROOT / "README.md") if block.value == "bot.py"]
    assert len([line for line in bot.text.splitlines() if line]) <= 12


def test_every_feature_is_explained() -> None:
    """The reference of capabilities has a row for each feature that code can name."""
    page = (ROOT / "docs" / "reference" / "capabilities.md").read_text(encoding="utf-8")
    assert [] == [feature.value for feature in Feature if f"| {feature.value} |" not in page]


def test_every_promise_names_its_tests() -> None:
    """Each guarantee has at least one test, and each test that the page names is there."""
    page = (ROOT / "docs" / "explanation" / "guarantees.md").read_text(encoding="utf-8")
    promises = page.partition("## Not promised yet")[0].split("\n## ")[1:]
    named = {promise.splitlines()[0]: re.findall(r"`(\S+\.py)::(\w+)`", promise) for promise in promises}
    assert [] == [promise for promise, tests in named.items() if not tests]
    assert [] == [f"{path}::{name}" for tests in named.values() for path, name in tests if not is_a_test(path, name)]


def test_the_readme_prints_the_promises_with_their_tests() -> None:
    """P1 to P5 are in the README, and each names tests that are there."""
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = {row[2:4]: re.findall(r"\[`(\w+)`\]\((\S+?)\)", row) for row in page.splitlines() if row.startswith("| P")}
    assert ["P1", "P2", "P3", "P4", "P5"] == [promise for promise, tests in rows.items() if tests]
    assert [] == [f"{path}::{name}" for tests in rows.values() for name, path in tests if not is_a_test(path, name)]


def is_a_test(path: str, name: str) -> bool:
    """Whether the file has a test of that name."""
    file = ROOT / path
    return file.is_file() and f"def {name}(" in file.read_text(encoding="utf-8")


def test_every_decision_is_short_and_listed() -> None:
    """At most forty lines, with context, choice and price, and a row in the list."""
    folder = ROOT / "docs" / "decisions"
    listed = (folder / "README.md").read_text(encoding="utf-8")
    records = sorted(folder.glob("[0-9]*.md"))
    assert [f"{number:04}" for number in range(1, len(records) + 1)] == [record.name[:4] for record in records]
    for record in records:
        text = record.read_text(encoding="utf-8")
        assert f"({record.name})" in listed
        assert len(text.splitlines()) <= 40
        assert ["Context", "Choice", "Price"] == re.findall(r"(?m)^## (.+)$", text)


# ── the tests of the tests ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("language", "text", "kind", "value"),
    [
        ("python", "1 / 0\n", "", ""),
        ("python", "await asyncio.sleep(0)\n", "", ""),
        ("python", "pass\n", "raises", "Unsupported"),
        ("sh", "false\n", "", ""),
        ("sh", "echo one\n", "background", "two"),
        ("text", "something else\n", "output", ""),
        ("toml", '[connections.main]\nprovider = "nobody"\n', "", ""),
        ("mermaid", "flowchart LR\n a[nowhere.py]\n", "", ""),
        ("python", "import nothing\n", "from", "README.md"),
        ("yaml", "a: b\n", "", ""),
        ("sh", "true\n", "not run", "why?"),
    ],
)
async def test_a_block_that_lies_is_found(tmp_path: Path, language: str, text: str, kind: str, value: str) -> None:
    """Each kind of block can fail."""
    async with story(tmp_path) as told:
        with pytest.raises(BaseException, match=r"."):
            await told.tell(Block(ROOT / "README.md", 1, language, text, kind, value))


def test_output_and_copies_are_compared_loosely_and_not_blindly(tmp_path: Path) -> None:
    """An ellipsis stands for anything, order counts, and a copy may be indented otherwise."""
    assert matches("a…c\n…\nd\n", "abc\nx\nd\n")
    assert not matches("d\na\n", "a\nd\n")
    path = tmp_path / "file.py"
    path.write_text("class A:\n    def b(self):\n        pass\n\n    def c(self):\n        pass\n")
    assert is_copied("def b(self):\n    pass\n# …\ndef c(self):\n", path)
    assert not is_copied("def c(self):\n# …\ndef b(self):\n", path)
