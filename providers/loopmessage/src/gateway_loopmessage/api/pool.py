"""Pools: senders over which new contacts are spread; whoever talks with one of them stays with it."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import JsonValue

from gateway.provider import Call, Exchange, Page, Path, Repeat, Reply, path
from gateway_loopmessage import wire
from gateway_loopmessage.api.answers import accepted, acknowledged, fetch, listing

__all__ = ["change", "create", "delete", "details", "pools"]

_NOT_THERE = frozenset({404, 405})


def pools(*, page: int = 1, per_page: int = 20, sort_by: str = "desc") -> Exchange[Page[wire.Pool]]:
    """GET `/pool/list/`: pools by page, at most 1000 on one."""
    params = {"per_page": str(per_page), "sort_by": sort_by}
    return listing(path("/pool/list/"), wire.Pool, params, page)


def details(pool_id: str) -> Exchange[wire.Pool]:
    """GET `/pool/{id}/`: one pool; raises `NotFound` for an unknown id."""
    return fetch(Call("GET", path("/pool/{id}/", id=pool_id), repeat=Repeat.SAFE), wire.Pool)


def create(name: str | None = None, sender_ids: Iterable[str] = ()) -> Exchange[wire.Pool]:
    """POST `/pool/new/`: make a pool. Never repeated: a second copy is a second pool."""
    reply = yield Call("POST", path("/pool/new/"), json=_body(name, sender_ids), repeat=Repeat.NEVER)
    return accepted(reply, wire.Pool)


def change(pool_id: str, *, name: str | None = None, sender_ids: Iterable[str] | None = None) -> Exchange[wire.Answer]:
    """PATCH `/pool/{id}/`: name it anew, or say which senders are in it. Safe to repeat: it is as it was asked for."""
    return (yield from _either("PATCH", pool_id, _body(name, sender_ids)))


def delete(pool_id: str) -> Exchange[wire.Answer]:
    """DELETE `/pool/{id}/`: the pool goes, its senders stay. Safe to repeat: it is gone."""
    return (yield from _either("DELETE", pool_id, None))


def _either(method: str, pool_id: str, body: dict[str, JsonValue] | None) -> Exchange[wire.Answer]:
    """Ask where the pool is; where nothing is there, where the vendor's page prints it.

    The page prints both under `/sender/{id}/`, surely by a slip. An id of a pool names no sender, so the second call
    cannot hit another thing.
    """
    reply: Reply = yield _call(method, path("/pool/{id}/", id=pool_id), body)
    if reply.status in _NOT_THERE:
        reply = yield _call(method, path("/sender/{id}/", id=pool_id), body)
    return acknowledged(reply)


def _call(method: str, url: Path, body: dict[str, JsonValue] | None) -> Call:
    return Call(method, url, json=body, repeat=Repeat.SAFE)


def _body(name: str | None, sender_ids: Iterable[str] | None) -> dict[str, JsonValue]:
    body: dict[str, JsonValue] = {} if name is None else {"name": name}
    return body if sender_ids is None else {**body, "ids": list(sender_ids)}
