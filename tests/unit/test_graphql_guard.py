"""What a GraphQL query may cost is decided before it is validated, at once, whatever it holds."""

from __future__ import annotations

import contextlib

import pytest
from graphql import get_introspection_query
from hypothesis import given
from hypothesis import strategies as st

from gateway import InvalidMessage
from gateway.server.graphql.guard import LIMITS, Limits, admit

MANY = Limits(fragments=100)
"""The other limits hold on their own."""


def chain(length: int, spreads: int = 2) -> str:
    """Spread each fragment several times in the one before it."""
    links = [f"fragment f{n} on Query{{{f'...f{n + 1} ' * spreads}}}" for n in range(length)]
    return "{...f0}" + "".join(links) + f"fragment f{length} on Query{{id}}"


@pytest.mark.parametrize(("length", "spreads"), [(9, 2), (9, 40), (25, 2), (40, 2), (60, 4)])
def test_a_chain_of_fragments_is_refused_at_once(length: int, spreads: int) -> None:
    """Counted one by one, the fields of the longest would outlast the universe."""
    with pytest.raises(InvalidMessage, match="at most 500 fields"):
        admit(chain(length, spreads), MANY)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("{" + "a " * 501 + "}", "at most 500 fields"),
        ("query a{" + "a " * 300 + "} query b{" + "a " * 300 + "}", "at most 500 fields"),
        ("{...f}" + "fragment f on Query{id}" * 11, "at most 10 fragments"),
        ("{" + " ".join(f"a{n}:id" for n in range(400)) + "}", "at most 1000 words"),
        ("{id(x:" + "1 " * 2000 + ")}", "at most 1000 words"),
        ("{a" * 11 + "}" * 11, "at most 10 fields inside"),
        ("{...f}fragment f on Query" + "{a" * 11 + "}" * 11, "at most 10 fields inside"),
        ("{a" * 400 + "}" * 400, "brackets"),
        ("{a(x:" + "[" * 400 + "]" * 400 + ")}", "brackets"),
        ("{" + "...{" * 40 + "a" + "}" * 41, "brackets"),
        ("{...f}fragment f on Query{...g}fragment g on Query{...f}", "holds itself"),
        ("{id}#" + "x" * 17_000, "at most 16384 bytes"),
        ('{a(x:"' + "ü" * 9_000 + '")}', "at most 16384 bytes"),
        ("", "line 1, column 1"),
        ("{\ud800}", "line 1, column 2"),
    ],
)
def test_what_is_too_much_is_refused(query: str, why: str) -> None:
    """Each limit holds on its own, and the error names it."""
    with pytest.raises(InvalidMessage, match=why):
        admit(query)


@pytest.mark.parametrize("query", ['{a(x:"+13231112233', "{a(x:+13231112233)}", '"+13231112233"'])
def test_an_error_never_repeats_what_was_sent(query: str) -> None:
    """A value that stands where none belongs may be a text, a number or a key."""
    with pytest.raises(InvalidMessage) as caught:
        admit(query)

    assert "13231112233" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("query", [chain(7), "{" + "a " * 500 + "}", "{a" * 10 + "}" * 10, get_introspection_query()])
def test_what_people_and_tools_ask_for_is_let_in(query: str) -> None:
    """The schema's own question, which is deep, among it."""
    assert admit(query).definitions


@pytest.mark.parametrize("query", ["{__schema{types{name}}}", '{...f}fragment f on Query{__type(name:"A"){name}}'])
def test_the_schema_can_be_closed(query: str) -> None:
    """In production nobody asks it, by whatever way; what only names a type's own name is allowed."""
    with pytest.raises(InvalidMessage, match="cannot be asked for here"):
        admit(query, Limits(introspection=False))
    assert admit("{__typename}", Limits(introspection=False)).definitions


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, int]:
    """Draw fragments that spread later ones, and how many fields that comes to when each is written out."""
    count = draw(st.integers(1, 6))
    sizes: dict[int, int] = {}
    texts = []
    for number in reversed(range(count)):
        own = draw(st.integers(1, 3))
        later = draw(st.lists(st.integers(number + 1, count - 1), max_size=3)) if number + 1 < count else []
        sizes[number] = own + sum(sizes[other] for other in later)
        texts.append(f"fragment f{number} on Query{{{'a ' * own}{' '.join(f'...f{other}' for other in later)}}}")
    return "{...f0}" + "".join(texts), sizes[0]


@given(documents())
def test_fields_are_counted_as_if_fragments_were_written_out(drawn: tuple[str, int]) -> None:
    """Measuring each fragment once gives the very number."""
    text, size = drawn
    assert admit(text, Limits(fields=size)).definitions
    with pytest.raises(InvalidMessage, match="fields"):
        admit(text, Limits(fields=size - 1))


@given(st.text(max_size=200) | st.text(alphabet='{}()[]:!$@.|&="#af \n1', max_size=300))
def test_any_text_is_let_in_or_refused(text: str) -> None:
    """Nothing else comes out of it."""
    with contextlib.suppress(InvalidMessage):
        assert admit(text).definitions


def test_the_limits_are_those_of_the_documentation() -> None:
    """They are part of what callers rely on."""
    assert (16 * 1024, 1_000, 10, 500, 10) == (
        LIMITS.characters,
        LIMITS.tokens,
        LIMITS.fragments,
        LIMITS.fields,
        LIMITS.depth,
    )
