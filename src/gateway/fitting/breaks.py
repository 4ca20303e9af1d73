"""Where a long text may be cut.

Between paragraphs, else lines, else sentences, else words, else characters as a reader counts them: never inside an
emoji, an accented letter, a flag or a syllable (UAX #29's extended grapheme clusters, kept whole a little more often
than it asks for). White space at a cut is the cut itself: the gap between two bubbles stands for it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

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
    bare = text.strip()
    if not bare:
        return (text[:limit],)
    pieces: list[str] = []
    while len(bare) > limit:
        cut = _cut(bare, limit)
        if cut is None:
            return None
        pieces.append(bare[:cut].rstrip())
        bare = bare[cut:].lstrip()
    return (*pieces, bare)


def _cut(text: str, limit: int) -> int | None:
    """Choose the best place to cut; the text begins with a visible character and is longer than the limit."""
    for pattern in (_PARAGRAPH, _LINE, _SENTENCE):
        # a bubble less than half full is a worse sight than a sentence that goes on in the next one
        places = [place for place in _places(pattern, text, limit) if place * 2 >= limit]
        if places:
            return places[-1]
    words = list(_places(_WORD, text, limit))
    if words:
        return words[-1]
    return next((place for place in range(limit, 0, -1) if is_boundary(text, place)), None)


def _places(pattern: re.Pattern[str], text: str, limit: int) -> Iterator[int]:
    for match in pattern.finditer(text, 0, limit + 1):
        place = match.start(1) if match.re.groups else match.start()
        gap = _GAP.match(text, place)
        after = gap.end() if gap else place
        if 0 < place <= limit and is_boundary(text, place) and is_boundary(text, after):
            yield place


def is_boundary(text: str, index: int) -> bool:
    """Tell whether a text may be cut before this index without breaking a character as a reader sees it."""
    if index <= 0 or index >= len(text):
        return True
    before, after = text[index - 1], text[index]
    if before == "\r" and after == "\n":
        return False
    if before in "\r\n" or after in "\r\n":
        return True
    return not (_hangs(after) or _ties(before, after) or _halves_a_flag(text, index))


def _hangs(character: str) -> bool:
    """Tell what cannot begin a piece: marks, joiners, variation selectors, skin tones, tags."""
    return unicodedata.category(character)[0] == "M" or character == _ZWJ or bool(_HANGS_ON.match(character))


def _ties(before: str, after: str) -> bool:
    """Tell whether the first character holds on to the second: joiners, viramas, signs before, Hangul jamo."""
    if before == _ZWJ or _LEADS.match(before) or _JAMO.match(before + after):
        return True
    return unicodedata.combining(before) == _VIRAMA and unicodedata.category(after)[0] == "L"


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
