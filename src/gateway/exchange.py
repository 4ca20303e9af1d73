"""The exchange: a conversation with a vendor as a generator, without I/O.

An exchange yields `Call`s, is sent `Reply`s and returns its result (the shape of httpx's `auth_flow`). Whoever turns
the crank does the I/O: the async driver, the blocking one, the worker, the dry run or a test by hand.

    def ping() -> Exchange[str]:
        reply = yield Call("GET", path("/ping/{name}", name="a b"), repeat=Repeat.SAFE)
        return reply.read(Pong).word
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from functools import lru_cache
from string import Formatter
from typing import Any, Generic, Self, TypeAlias, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import from_json

from gateway.addresses import redact
from gateway.drafts import changed, drafted
from gateway.errors import VendorFault

__all__ = ["Blob", "Call", "Exchange", "Page", "Path", "Repeat", "Reply", "path"]

_LONGEST_WAIT = 1e9

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
ModelT = TypeVar("ModelT", bound=BaseModel)


class Repeat(Enum):
    """What a second copy of a call would do."""

    SAFE = "safe"
    """Nothing new: reads, PUT, DELETE, reactions, typing, read marks."""
    KEYED = "keyed"
    """The vendor recognises our key, which is on the wire."""
    TRACED = "traced"
    """Might do it twice, but our token is on the wire and comes back: provable."""
    NEVER = "never"
    """Might do it twice, and nothing tells."""


class Path(str):
    """A percent-encoded path that remembers its template, so that a log can name the call without the numbers."""

    __slots__ = ("template",)
    template: str

    def __new__(cls, value: str, template: str) -> Self:
        """Keep both."""
        made = super().__new__(cls, value)
        made.template = template
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        """Survive copying and pickling with its template."""
        return (Path, (str(self), self.template))


def path(template: str, /, **values: str) -> Path:
    """Fill a template such as `/chats/{chat}/messages`, every value percent-encoded as one path segment.

    Raises `KeyError` for a missing value and `ValueError` for an empty or a dot segment, which would name another path.
    """
    return _filled(template, tuple(values.items()))


@lru_cache(1024)  # chats come again, and encoding one takes ten times as long as finding it
def _filled(template: str, values: tuple[tuple[str, str], ...]) -> Path:
    by_name = dict(values)
    filled = []
    for literal, name, _, _ in Formatter().parse(template):
        filled.append(literal)
        if name is not None:
            value = by_name[name]
            if value in {"", ".", ".."}:
                raise ValueError(f"the path {template} needs a value for {name}")
            filled.append(quote(value, safe=""))
    return Path("".join(filled), template)


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes by reference; the driver opens it."""

    source: str
    """A file's path, or a URL of the gateway's own file store."""
    name: str
    media_type: str = "application/octet-stream"


@drafted
@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request as data: no secrets, no bytes; can be stored, shown and repeated."""

    method: str
    path: str
    """Made by `path()`."""
    json: JsonValue = field(default=None, repr=False)
    """The body; None is no body."""
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The query."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: Mapping[str, Blob] = field(default_factory=dict, repr=False)
    """Multipart fields, by reference."""
    base: str = "api"
    """A name in `Provider.bases()`: which host, which credentials."""
    repeat: Repeat = Repeat.NEVER

    @property
    def template(self) -> str:
        """The path without its values, for logs."""
        return self.path.template if isinstance(self.path, Path) else "(path)"

    def with_headers(self, headers: Mapping[str, str]) -> Self:
        """Give the same call with more headers, such as credentials; of two of one spelling the new one holds."""
        return changed(self, headers={**self.headers, **headers})

    def __repr__(self) -> str:
        """Name the call without addresses or content."""
        return f"Call({self.method} {self.base}:{self.template}, {self.repeat.value})"


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a call as data."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Names in lower case."""
    body: bytes = field(default=b"", repr=False)
    """At most as many bytes as the driver reads."""

    @property
    def ok(self) -> bool:
        """Tell whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body as text, wrong bytes replaced."""
        return self.body.decode("utf-8", "replace")

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait by the `Retry-After` header (RFC 9110), a date counted from the answer's own `Date`."""
        value = self.headers.get("retry-after", "").strip()
        if not value:
            return None
        if value.isascii() and value.isdigit():
            # past any patience already; hundreds of digits would make an infinite float, which no JSON holds
            return min(float(value), _LONGEST_WAIT)
        try:
            wait = parsedate_to_datetime(value) - parsedate_to_datetime(self.headers.get("date", ""))
        except (TypeError, ValueError):
            return None
        return max(wait, timedelta()).total_seconds()

    def json(self) -> JsonValue:
        """Read the body as JSON; None when it is not."""
        try:
            value: JsonValue = from_json(self.body)
        except ValueError:
            return None
        return value

    def read(self, model: type[ModelT]) -> ModelT:
        """Read the body as a vendor's model; raises `VendorFault`, not certain, when it is something else."""
        try:
            return model.model_validate_json(self.body)
        except ValidationError as error:
            raise VendorFault(
                f"the answer is not a {model.__name__}",
                status=self.status,
                raw=redact(self.text),
                hint="look at the vendor's status page; the answer is kept with the attempt",
            ) from error


Exchange: TypeAlias = Generator[Call, Reply, T]
"""A conversation with a vendor that returns a T."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T_co]):
    """Some items, and the exchange that fetches the next ones; `more` is None on the last page."""

    items: Sequence[T_co]
    more: Callable[[], Exchange[Page[T_co]]] | None = None
    total: int | None = None
    """How many there are in all, where the vendor says."""
