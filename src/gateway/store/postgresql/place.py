"""Which database a URL names, and what it says about the way there."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from gateway.errors import ConfigurationError

__all__ = ["Place", "place_of"]

_HINT = 'use "postgresql://user:password@host/database"'


@dataclass(frozen=True, slots=True)
class Place:
    """A database, and how to reach it."""

    url: str
    """For the driver; a password may be in it, so it is never shown."""
    pooled: bool = False
    """True behind a pooler that gives a connection for one transaction: nothing may outlive it."""
    connections: int = 8
    """At most so many at once, and one more that listens."""

    def __repr__(self) -> str:
        """Show what is no secret."""
        return f"Place(pooled={self.pooled}, connections={self.connections})"

    def without_password(self) -> tuple[str, str | None]:
        """Give the URL without its password, wherever in it that is, and the password."""
        parts = urlsplit(self.url)
        options = parse_qsl(parts.query, keep_blank_values=True)
        password = dict(options).get("password", unquote(parts.password) if parts.password else None)
        user, at, host = parts.netloc.rpartition("@")
        rest = urlencode([(name, value) for name, value in options if name != "password"])
        bare = parts._replace(netloc=f"{user.partition(':')[0]}{at}{host}", query=rest)
        return _unsplit(bare), password


def place_of(url: str) -> Place:
    """Read a URL: `postgresql://user:password@host:5432/database`, special characters percent-encoded.

    Beside the options of PostgreSQL itself (`?sslmode=require`, `?host=/run/postgresql`) there are `pooler=transaction`
    for a pooler such as PgBouncer in that mode, and `connections=N`. Raises `ConfigurationError`.
    """
    try:
        parts = urlsplit(url)
        given = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        _ = parts.port
    except ValueError:
        raise ConfigurationError("this is no URL of a PostgreSQL database", hint=_HINT) from None
    if parts.scheme != "postgresql" or not url.startswith("postgresql://"):
        raise ConfigurationError("this is no URL of a PostgreSQL database", hint=_HINT)
    own = {name: value for name, value in given if name in {"connections", "pooler"}}
    rest = [(name, value) for name, value in given if name not in own]
    if own.get("pooler", "transaction") != "transaction":
        raise ConfigurationError("there is no such mode of a pooler", hint='use "pooler=transaction", or leave it out')
    number = own.get("connections", "8")
    if not number.isdecimal() or not 2 <= int(number) <= 100:
        raise ConfigurationError("connections is a number from 2 to 100", hint="leave it out for 8")
    bare = _unsplit(parts._replace(query=urlencode(rest)))
    return Place(bare, pooled="pooler" in own, connections=int(number))


def _unsplit(parts: SplitResult) -> str:
    """Put a URL together again; without a host `urlunsplit` drops the empty authority, and with it the slashes."""
    url = urlunsplit(parts)
    return url if url.startswith("postgresql://") else url.replace("postgresql:", "postgresql://", 1)
