"""The URLs of durable stores: what they name, and that a password in one goes nowhere but to the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import ConfigurationError
from gateway.store.postgresql.place import Place, place_of
from gateway.store.sqlite import path_of


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///gateway.db", "gateway.db"),
        ("sqlite:////var/lib/gateway.db", "/var/lib/gateway.db"),
        ("sqlite:///a%20b/c%3Fd.db", "a b/c?d.db"),
    ],
)
def test_a_file_is_named_from_here_or_from_the_root(url: str, path: str) -> None:
    """Three slashes or four; what would end a URL is percent-encoded."""
    assert Path(path) == path_of(url)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:gateway.db",
        "sqlite://gateway.db",
        "sqlite:///",
        "sqlite:///folder/",
        "sqlite:///:memory:",
        "sqlite:///a.db?mode=ro",
        "sqlite:///a.db#x",
        "sqlite:///%FF.db",
        "sqlite:///a%00.db",
    ],
)
def test_what_names_no_file_is_refused(url: str) -> None:
    """A database that is kept nowhere would lose what it promised."""
    with pytest.raises(ConfigurationError):
        path_of(url)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://u:p@host:5432/db", Place("postgresql://u:p@host:5432/db")),
        ("postgresql://u@/db?host=%2Frun%2Fpg", Place("postgresql://u@/db?host=%2Frun%2Fpg")),
        ("postgresql:///db", Place("postgresql:///db")),
        (
            "postgresql://u@host/db?sslmode=require&pooler=transaction&connections=20",
            Place("postgresql://u@host/db?sslmode=require", pooled=True, connections=20),
        ),
    ],
)
def test_our_own_options_do_not_go_to_the_server(url: str, place: Place) -> None:
    """All others do: they are PostgreSQL's."""
    assert place == place_of(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgres://host/db",
        "postgresql:db",
        "postgresql://host:port/db",
        "postgresql://host/db?pooler=session",
        "postgresql://host/db?connections=1",
        "postgresql://host/db?connections=many",
        "postgresql://host/db?sslmode",
    ],
)
def test_what_names_no_database_is_refused(url: str) -> None:
    """A misspelt option is not passed over."""
    with pytest.raises(ConfigurationError):
        place_of(url)


@pytest.mark.parametrize(
    ("url", "bare", "password"),
    [
        ("postgresql://u:p%40%2F@host/db", "postgresql://u@host/db", "p@/"),
        ("postgresql://u@host/db?password=p%26q&sslmode=require", "postgresql://u@host/db?sslmode=require", "p&q"),
        ("postgresql://u@/db?host=%2Frun", "postgresql://u@/db?host=%2Frun", None),
        ("postgresql:///db?password=p", "postgresql:///db", "p"),
    ],
)
def test_the_password_can_be_taken_out(url: str, bare: str, password: str | None) -> None:
    """For a program whose words everybody on the machine can read."""
    assert (bare, password) == place_of(url).without_password()
    assert "p@" not in repr(place_of(url))
    assert "host" not in repr(place_of(url))
