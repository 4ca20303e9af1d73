"""The SQL of the durable stores: named queries and numbered migrations, in files, one folder a dialect.

Queries in `both` are plain enough for all dialects; their parameters are written `$1`, as PostgreSQL does. A query
begins with `-- name: …` and a sentence that says what it is for; a migration is a file `NNNN_what.sql`, and
`NNNN_what.after.sql` for what may only be done when no process of the version before is left.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

__all__ = ["Migration", "Query", "migrations", "queries"]

BOTH = "both"
"""Folder of the queries that every dialect understands."""

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
_PARAMETER = re.compile(r"\$(\d+)")
_ROW = re.compile(r"values \(\?\d+(, \?\d+)*\)")
_MIGRATION = re.compile(r"(\d{4}_\w+?)(\.after)?\.sql")


@dataclass(frozen=True, slots=True)
class Query:
    """A query with its purpose."""

    name: str
    purpose: str
    sql: str

    @property
    def takes_rows(self) -> bool:
        """Tell whether it writes one row of values, in a dialect in which it may as well be several."""
        return _ROW.search(self.sql) is not None

    def of_rows(self, amount: int) -> str:
        """Give the statement for so many rows of values, one after the other."""
        return self.sql if amount == 1 else _of_rows(self.sql, amount)


@cache
def _of_rows(sql: str, amount: int) -> str:
    def several(one: re.Match[str]) -> str:
        row = ", ".join("?" * one[0].count("?"))
        return "values " + ", ".join([f"({row})"] * amount)

    return _ROW.sub(several, sql)


@dataclass(frozen=True, slots=True, order=True)
class Migration:
    """One change of the schema; applied whole, once, in the order of the names."""

    name: str
    sql: str
    late: bool = False
    """True when it must wait until no process of the version before is left."""


@cache
def queries(dialect: str) -> dict[str, Query]:
    """Read all queries of a dialect."""
    found: dict[str, Query] = {}
    for file in sorted([*_files(dialect), *_files(BOTH)], key=lambda file: (file.name, str(file))):
        for query in _read(_spelt(file.read_text("utf-8"), dialect)):
            if query.name in found:
                raise ValueError(f"{file.name}: there are two queries named {query.name}")
            found[query.name] = query
    return found


def _spelt(text: str, dialect: str) -> str:
    """Write parameters as the dialect wants them."""
    return _PARAMETER.sub(r"?\1", text) if dialect == "sqlite" else text


def _read(text: str) -> list[Query]:
    _, *pieces = _NAME.split(text)
    read = []
    for name, body in zip(pieces[::2], pieces[1::2], strict=True):
        lines = body.strip().splitlines()
        purpose = [line.removeprefix("--").strip() for line in lines if line.startswith("--")]
        if not purpose:
            raise ValueError(f"{name}: a query says what it is for")
        read.append(Query(name, " ".join(purpose), "\n".join(line for line in lines if not line.startswith("--"))))
    return read


@cache
def migrations(dialect: str) -> tuple[Migration, ...]:
    """Read all migrations of a dialect, in order."""
    found = []
    for file in (resources.files(__name__) / dialect / "migrations").iterdir():
        match = _MIGRATION.fullmatch(file.name)
        if match is None:
            raise ValueError(f"{file.name}: a migration is named NNNN_what.sql or NNNN_what.after.sql")
        found.append(Migration(match[1], file.read_text("utf-8"), late=match[2] is not None))
    return tuple(sorted(found))


def _files(dialect: str) -> list[resources.abc.Traversable]:
    return [file for file in (resources.files(__name__) / dialect).iterdir() if file.name.endswith(".sql")]
