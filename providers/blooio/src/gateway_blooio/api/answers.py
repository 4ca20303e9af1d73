"""How every answer is read: refusals first, then the model, and lists as pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from gateway.provider import Call, Exchange, Page, Path, Repeat
from gateway_blooio import wire
from gateway_blooio.errors import refusal

__all__ = ["PAGE", "ask", "change", "get", "listing"]

PAGE = 200
"""Most items of a page."""

ModelT = TypeVar("ModelT", bound=wire.Wire)
ItemT = TypeVar("ItemT", bound=wire.Wire)
ListT = TypeVar("ListT", bound=wire.Listed)


def ask(call: Call, answer: type[ModelT]) -> Exchange[ModelT]:
    """Make one call and read its answer; raises what `refusal` makes of one that is not 2xx."""
    reply = yield call
    if not reply.ok:
        raise refusal(reply)
    return reply.read(answer)


def get(where: Path, answer: type[ModelT], **params: str | int | None) -> Exchange[ModelT]:
    """Look something up; parameters that are None are left out. Repeat SAFE: a look-up changes nothing."""
    return ask(_look_up(where, params), answer)


def change(
    method: str, where: Path, answer: type[ModelT], body: wire.Wire | None = None, *, repeat: Repeat = Repeat.SAFE
) -> Exchange[ModelT]:
    """Change something; fields of the body that were not given stay off the wire."""
    json = None if body is None else body.model_dump(mode="json", exclude_unset=True)
    return ask(Call(method, where, json=json, repeat=repeat), answer)


def listing(
    where: Path,
    answer: type[ListT],
    items: Callable[[ListT], Sequence[ItemT]],
    *,
    limit: int,
    offset: int,
    **params: str | int | None,
) -> Exchange[Page[ItemT]]:
    """Fetch a page of a list; `limit` is 1 to 200, `offset` how many to leave out.

    There is more where `has_more` or else `total` says so: an answer without either is taken for the last page.
    """
    page = yield from get(where, answer, limit=limit, offset=offset, **params)
    found = items(page)
    total = page.pagination.total if page.pagination else None
    passed = offset + len(found)
    has_more = page.pagination.has_more if page.pagination else None
    more = passed < (total or 0) if has_more is None else has_more
    if not (found and more):
        return Page(found, None, total)
    return Page(found, partial(listing, where, answer, items, limit=limit, offset=passed, **params), total)


def _look_up(where: Path, params: dict[str, str | int | None]) -> Call:
    given = {name: str(value) for name, value in params.items() if value is not None}
    return Call("GET", where, params=given, repeat=Repeat.SAFE)
