"""Pools of senders."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from gateway.simulator import TwinReply, TwinRequest
from gateway_loopmessage.simulator.account import Account, Rejected, iso
from gateway_loopmessage.simulator.directory import Pool
from gateway_loopmessage.simulator.fields import body_of, text_field
from gateway_loopmessage.simulator.pages import page_of

__all__ = ["Pools"]


class Pools:
    """The endpoints for pools; `change` and `delete` are where the switch `pool_path` says."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def listed(self, request: TwinRequest) -> TwinReply:
        """GET `/pool/list/`."""
        mine = [pool for pool in self._account.directory.pools.values() if self._account.pool(pool.id)]
        return TwinReply(200, page_of(request, [_summary(pool) for pool in mine]))

    def details(self, request: TwinRequest) -> TwinReply:
        """GET `/pool/{id}/`."""
        pool = self._account.pool(request.params["id"])
        if pool is None:
            return self._account.not_found()
        return TwinReply(
            200, {"id": pool.id, "name": pool.name, "status": "active", "create_date": iso(pool.created_at)}
        )

    def create(self, request: TwinRequest) -> TwinReply:
        """POST `/pool/new/`: name and senders may be left out, the body whole."""
        body = body_of(request) if request.body else {}
        account = self._account
        name, senders = text_field(body, "name"), self._senders(body)
        number = len(account.directory.pools) + 1
        pool = Pool(
            account.new_uuid(), name or f"Pool {number}", account.caller.id, account.context.now(), senders or []
        )
        account.directory.pools[pool.id] = pool
        return TwinReply(200, _summary(pool))

    def change(self, request: TwinRequest) -> TwinReply:
        """PATCH: another name, other senders."""
        pool = self._account.pool(request.params["id"])
        if pool is None:
            return self._account.not_found()
        body = body_of(request)
        name, senders = text_field(body, "name"), self._senders(body)
        if name is None and senders is None:
            raise Rejected(120, "name or ids is missing")
        pool.name = name or pool.name
        pool.senders = pool.senders if senders is None else senders
        return TwinReply(200, {"success": True})

    def delete(self, request: TwinRequest) -> TwinReply:
        """DELETE: the senders stay."""
        pool = self._account.pool(request.params["id"])
        if pool is None:
            return self._account.not_found()
        del self._account.directory.pools[pool.id]
        return TwinReply(200, {"success": True})

    def _senders(self, body: Mapping[str, JsonValue]) -> list[str] | None:
        """Read the ids of senders; raises `Rejected` for one that is not the caller's."""
        ids = body.get("ids")
        if ids is None:
            return None
        mine = {sender.id for sender in self._account.senders()}
        if not isinstance(ids, list) or not all(isinstance(one, str) and one in mine for one in ids):
            raise Rejected(125, "ids has to be a list of sender ids")
        return [str(one) for one in dict.fromkeys(str(one) for one in ids)]


def _summary(pool: Pool) -> JsonValue:
    return {"id": pool.id, "name": pool.name, "count": len(pool.senders), "create_date": iso(pool.created_at)}
