"""Where a long text may be cut.

Between paragraphs, else lines, else sentences, else words, else characters as a reader counts them: never inside an
emoji, an accented letter, a flag or a syllable (UAX #29's extended grapheme clusters, kept whole a little more often
than it asks for). White space at a cut is the cut itself: the gap between two bubbles stands for it.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["is_boundary", "split"]

# Each pattern looks at a character a bounded number of times: a text made to be slow must not be.
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n")
_LINE = re.compile(r"\n")
_SENTENCE = re.compile(r"(?:(?<![.!?…])[.!?…]++[\"'”’»)\]]*+(?=\s)|[。！？]++[」』”’）]*+)()")
_WORD = re.compile(r"[^\S\u00a0\u202f]+")
_GAP = re.compile(r"\s*")

_ZWJ = "\u200d"
_LEADING, _VOWEL, _TRAILING = "\u1100-\u115f\ua960-\ua97c", "\u1160-\u11a7\ud7b0-\ud7c6", "\u11a8-\u11ff\ud7cb-\ud7fb"
_SYLLABLE = "\uac00-\ud7a3"
_JAMO = re.compile(
    f"[{_LEADING}][{_LEADING}{_VOWEL}{_SYLLABLE}]|[{_VOWEL}{_SYLLABLE}][{_VOWEL}{_TRAILING}]|[{_TRAILING}][{_TRAILING}]"
)
# U+0E33 and U+0EB3 (Thai and Lao AM) and the halfwidth voicing marks hang on a letter and are letters by category
_HANGS_ON = re.compile("[\u0e33\u0eb3\uff9e\uff9f\u200c\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")
# signs that stand before a number or letter and belong to it (Grapheme_Cluster_Break=Prepend)
_LEADS = re.compile(
    "[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e\U000110bd\U000110cd\U000111c2\U000111c3\U0001193f"
    "\U00011941\U00011a3a\U00011a84-\U00011a89\U00011d46\U00011f02]"
)
_VIRAMA = 9  # canonical combining class of the sign that ties two consonants into one


def split(text: str, limit: int) -> tuple[str, ...] | None:
    """Cut a text into pieces of at most `limit` code points, in order; None when one character alone is longer.

    The pieces together hold every character of the text but the white space at the cuts and around the text.
    """
    if len(text) <= limit:
        return (text,)
    if not text.strip():
        return (text[:limit],)
    bare = _without_gap(text.rstrip())
    pieces: list[str] = []
    while len(bare) > limit:
        cut = _cut(bare, limit)
        if cut is None:
            return None
        pieces.append(bare[:cut].rstrip())
        bare = _without_gap(bare[cut:])
    return (*pieces, bare)


def _without_gap(text: str) -> str:
    """Take off the white space in front, but for a space that carries a mark."""
    end = _gap_end(text, 0)
    return text[end:] if is_boundary(text, end) else text[end - 1 :]


def _gap_end(text: str, place: int) -> int:
    gap = _GAP.match(text, place)
    return gap.end() if gap else place


def _cut(text: str, limit: int) -> int | None:
    """Choose the best place to cut; the text begins with a visible character and is longer than the limit."""
    for pattern in (_PARAGRAPH, _LINE, _SENTENCE):
        place = _last_place(pattern, text, limit)
        # a bubble less than half full is a worse sight than a sentence that goes on in the next one
        if place is not None and place * 2 >= limit:
            return place
    place = _last_place(_WORD, text, limit)
    if place is not None:
        return place
    return next((place for place in range(limit, 0, -1) if is_boundary(text, place)), None)


def _last_place(pattern: re.Pattern[str], text: str, limit: int) -> int | None:
    for match in reversed(list(pattern.finditer(text, 0, limit + 1))):
        place = match.start(1) if pattern.groups else match.start()
        if 0 < place <= limit and is_boundary(text, place) and is_boundary(text, _gap_end(text, place)):
            return place
    return None


def is_boundary(text: str, index: int) -> bool:
    """Tell whether a text may be cut before this index without breaking a character as a reader sees it."""
    if index <= 0 or index >= len(text):
        return True
    before, after = text[index - 1], text[index]
    if before == "\r" and after == "\n":
        return False
    if before in "\r\n" or after in "\r\n":
        return True
    return not (_hangs(after) or _ties(before, after) or _is_conjunct(text, index) or _halves_a_flag(text, index))


def _hangs(character: str) -> bool:
    """Tell what cannot begin a piece: marks, joiners, variation selectors, skin tones, tags."""
    return unicodedata.category(character)[0] == "M" or character == _ZWJ or bool(_HANGS_ON.match(character))


def _ties(before: str, after: str) -> bool:
    """Tell whether the first character holds on to the second: joiners, signs that stand before, Hangul jamo."""
    return before == _ZWJ or bool(_LEADS.match(before) or _JAMO.match(before + after))


def _is_conjunct(text: str, index: int) -> bool:
    """Tell whether a virama, among the marks before an index, ties the letter after it to the one before."""
    if unicodedata.category(text[index])[0] != "L":
        return False
    marks = index
    while marks and unicodedata.category(text[marks - 1])[0] == "M":
        marks -= 1
    return any(unicodedata.combining(mark) == _VIRAMA for mark in text[marks:index])


def _halves_a_flag(text: str, index: int) -> bool:
    """Tell whether an index lies between the two regional indicators of one flag."""
    if not _is_indicator(text[index]):
        return False
    start = index
    while start and _is_indicator(text[start - 1]):
        start -= 1
    return (index - start) % 2 == 1


def _is_indicator(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
