"""Where a long text is cut."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.fitting.breaks import is_boundary, split
from tests.unit.strategies import writings


@pytest.mark.parametrize(
    ("text", "limit", "pieces"),
    [
        ("short", 10, ("short",)),
        ("exactly 10", 10, ("exactly 10",)),
        ("One two.\n\nThree. Four", 16, ("One two.", "Three. Four")),
        ("One two\nThree four five", 14, ("One two", "Three four", "five")),
        ("One. Two three. Four five", 18, ("One. Two three.", "Four five")),
        ("He said “no.” And left at once", 20, ("He said “no.”", "And left at once")),
        ("今天很好。明天更好。后天", 8, ("今天很好。", "明天更好。后天")),
        ("aaa bbb ccc", 7, ("aaa bbb", "ccc")),
        ("aaa bbb ccc", 8, ("aaa bbb", "ccc")),
        ("aaaabbbbcc", 4, ("aaaa", "bbbb", "cc")),
        ("12\u00a0km far", 6, ("12\u00a0km", "far")),
        ("A.\n\nBBBBBBBB CCCC DDDD", 16, ("A.\n\nBBBBBBBB", "CCCC DDDD")),
        ("  around  ", 8, ("around",)),
        (" " * 9, 4, ("    ",)),
    ],
)
def test_a_text_is_cut_where_a_reader_would_pause(text: str, limit: int, pieces: tuple[str, ...]) -> None:
    """Between paragraphs, lines, sentences or words, in this order, unless a piece would be less than half full."""
    assert pieces == split(text, limit)


@pytest.mark.parametrize(
    "character",
    [
        "e\u0301",
        "👍🏽",
        "❤️",
        "👨‍👩‍👧‍👦",
        "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
        "🇩🇪",
        "한",
        "각",
        "नी",
        "क्ष",
        "กำ",
        "ｶﾞ",
        "1️⃣",
        "\u0600\u0661",
        "\r\n",
    ],
)
def test_what_a_reader_sees_as_one_character_is_never_cut(character: str) -> None:
    """Accents, skin tones, joined emoji, flags, syllables and marks stay whole, and their neighbours are not tied."""
    text = f"x{character}x"
    assert [1, len(text) - 1] == [index for index in range(1, len(text)) if is_boundary(text, index)]


def test_flags_are_cut_between_pairs() -> None:
    """Four indicators are two flags."""
    assert [2] == [index for index in range(1, 4) if is_boundary("🇩🇪🇫🇷", index)]


def test_a_character_longer_than_the_limit_cannot_be_cut() -> None:
    """There is no place in it."""
    assert None is split("ab" + "e" + "\u0301" * 20, 10)


@pytest.mark.parametrize(
    "text",
    ["a" + "\n" * 300_000 + "b", "." * 300_000, ("a" + " " * 9998) * 30, "🇩🇪" * 100_000, ('.."' + '"' * 4000) * 70],
)
def test_a_text_made_to_be_slow_is_not(text: str) -> None:
    """Three hundred thousand characters of the worst kind are cut; a text that took minutes would hang here."""
    pieces = split(text, 9999)
    assert pieces
    assert re.sub(r"\s", "", text) == re.sub(r"\s", "", "".join(pieces))


@given(writings(400), st.integers(1, 60))
def test_pieces_hold_every_visible_character_and_fit(text: str, limit: int) -> None:
    """Nothing is lost but white space at the cuts; no piece is blank or too long; each begins with a character."""
    pieces = split(text, limit)
    if pieces is None or len(text) <= limit or not text.strip():
        return
    assert re.sub(r"\s", "", text) == re.sub(r"\s", "", "".join(pieces))
    assert all(0 < len(piece) <= limit and piece.strip() for piece in pieces)
    start = 0
    for piece in pieces:
        start = text.index(piece, start)
        assert is_boundary(text, start)
        start += len(piece)
        assert is_boundary(text, start) or text[start].isspace()
