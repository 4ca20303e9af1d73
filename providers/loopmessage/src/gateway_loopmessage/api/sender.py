"""Sender names: the lines of the account."""

from __future__ import annotations

from gateway.provider import Exchange, Page, path
from gateway_loopmessage import wire
from gateway_loopmessage.api.answers import listing

__all__ = ["senders"]


def senders(*, page: int = 1, per_page: int = 20, sort_by: str = "desc") -> Exchange[Page[wire.Sender]]:
    """GET `/sender/list/`: sender names by page, at most 1000 on one."""
    params = {"per_page": str(per_page), "sort_by": sort_by}
    return listing(path("/sender/list/"), wire.Sender, params, page)
