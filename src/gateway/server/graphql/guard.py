"""What a query may cost, decided before anything is validated or run, in time that grows with its text alone.

The limiters that come with the framework walk through fragments again at each spread: a chain of 25 fragments of two
spreads each, one kilobyte of text, kept a server busy for half a minute. Here each fragment is measured once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSyntaxError,
    InlineFragmentNode,
    Lexer,
    OperationDefinitionNode,
    SelectionSetNode,
    Source,
    TokenKind,
    parse,
)

from gateway.errors import InvalidMessage

__all__ = ["LIMITS", "Limits", "admit"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may ask for."""

    characters: int = 16 * 1024
    """Bytes of the text."""
    tokens: int = 1_000
    fragments: int = 10
    """Named fragments, used or not."""
    fields: int = 500
    """Fields of all operations, each fragment counted wherever it is spread."""
    depth: int = 10
    """Fields inside each other."""
    nesting: int = 32
    """Brackets of any kind inside each other, so that reading the text needs no deep stack."""
    introspection: bool = True
    """Whether `__schema` and `__type` may be asked for."""


LIMITS = Limits()
"""What conventions and measurements say is enough for a person and too little for an attack."""

_INTROSPECTION = frozenset({"__schema", "__type"})
_INTROSPECTION_DEPTH = 20
"""Tools ask for types inside types; what they ask for is small all the same."""

_OPENING = frozenset({TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L})
_CLOSING = frozenset({TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R})


def admit(text: str, limits: Limits = LIMITS) -> DocumentNode:
    """Read a query that is not too much; raises `InvalidMessage` for one that is, or that cannot be read.

    What the error says holds nothing of the query but the place where it stopped making sense.
    """
    if len(text) > limits.characters or len(text.encode("utf-8", "surrogatepass")) > limits.characters:
        raise _too_much(f"a query has at most {limits.characters} bytes", "send values as variables")
    try:
        _check_tokens(text, limits)
        document = parse(text)
    except GraphQLSyntaxError as error:
        raise _unreadable(error) from None
    _check_size(document, limits)
    return document


def _check_tokens(text: str, limits: Limits) -> None:
    """Count tokens and open brackets while reading, and stop at the first that is too many."""
    lexer, depth = Lexer(Source(text)), 0
    for _ in range(limits.tokens + 1):
        token = lexer.advance()
        if token.kind is TokenKind.EOF:
            return
        depth += (token.kind in _OPENING) - (token.kind in _CLOSING)
        if depth > limits.nesting:
            raise _too_much(f"a query has at most {limits.nesting} brackets inside each other", "ask for less at once")
    raise _too_much(f"a query has at most {limits.tokens} words and signs", "ask for less at once")


def _check_size(document: DocumentNode, limits: Limits) -> None:
    """Count fields and depth of every operation; only one of them runs, but all of them are validated."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    named = sum(isinstance(node, FragmentDefinitionNode) for node in document.definitions)
    if named > limits.fragments:
        raise _too_much(f"a query has at most {limits.fragments} fragments", "write the fields where they are used")
    measure = _Measure(fragments, introspection=limits.introspection)
    size = _NOTHING
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            size = size.beside(measure.of_set(node.selection_set))
    if size.fields > limits.fields:
        raise _too_much(f"a query asks for at most {limits.fields} fields, fragments counted each time", "ask for less")
    if size.depth > limits.depth or size.introspection > _INTROSPECTION_DEPTH:
        raise _too_much(f"a query has at most {limits.depth} fields inside each other", "ask in two steps")


@dataclass(frozen=True, slots=True)
class _Size:
    """How much a set of fields is, fragments counted wherever they are spread."""

    fields: int = 0
    depth: int = 0
    introspection: int = 0
    """Depth of what is below `__schema` and `__type`, which is counted on its own."""

    def beside(self, other: _Size) -> _Size:
        """Give the size of both next to each other."""
        depth, introspection = max(self.depth, other.depth), max(self.introspection, other.introspection)
        return _Size(self.fields + other.fields, depth, introspection)

    def below(self, name: str) -> _Size:
        """Give the size of a field that holds this."""
        if name in _INTROSPECTION:
            return _Size(self.fields + 1, 1, self.depth + 1)
        return _Size(self.fields + 1, self.depth + 1, self.introspection)


_NOTHING = _Size()


class _Measure:
    """Measures each fragment once, however often it is spread."""

    def __init__(self, fragments: dict[str, FragmentDefinitionNode], *, introspection: bool) -> None:
        self._fragments = fragments
        self._introspection = introspection
        self._known: dict[str, _Size] = {}
        self._open: set[str] = set()

    def of_set(self, selections: SelectionSetNode | None) -> _Size:
        """Measure a set of fields; its own nesting is bounded by the brackets of the text."""
        size = _NOTHING
        for selection in _selections(selections):
            if isinstance(selection, FieldNode):
                size = size.beside(self._of_field(selection))
            elif isinstance(selection, FragmentSpreadNode):
                size = size.beside(self._of_fragment(selection.name.value))
            else:
                size = size.beside(self.of_set(selection.selection_set))
        return size

    def _of_field(self, field: FieldNode) -> _Size:
        name = field.name.value
        if name in _INTROSPECTION and not self._introspection:
            raise InvalidMessage("the schema cannot be asked for here", hint="it is in the docs: schema.graphql")
        return self.of_set(field.selection_set).below(name)

    def _of_fragment(self, name: str) -> _Size:
        """Measure a fragment; one that is not there is left to validation, which names it."""
        if name in self._known or name not in self._fragments:
            return self._known.get(name, _NOTHING)
        if name in self._open:
            raise InvalidMessage("a fragment holds itself", hint="write the fields where they are used")
        self._open.add(name)
        self._known[name] = self.of_set(self._fragments[name].selection_set)
        self._open.discard(name)
        return self._known[name]


def _selections(found: SelectionSetNode | None) -> Iterator[FieldNode | FragmentSpreadNode | InlineFragmentNode]:
    for node in found.selections if found else ():
        if isinstance(node, FieldNode | FragmentSpreadNode | InlineFragmentNode):
            yield node


def _too_much(what: str, hint: str) -> InvalidMessage:
    return InvalidMessage(what, hint=hint)


def _unreadable(error: GraphQLError) -> InvalidMessage:
    """Say where it stopped making sense, and not what stands there: that may be anything."""
    places = error.locations or []
    where = f" in line {places[0].line}, column {places[0].column}" if places else ""
    return InvalidMessage(f"the query cannot be read{where}", hint="look at its brackets, quotes and names")
