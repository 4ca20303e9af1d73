"""The vendor's record of the webhooks that it sent."""

from __future__ import annotations

from gateway.provider import Exchange, Page, path
from gateway_loopmessage import wire
from gateway_loopmessage.api.answers import listing

__all__ = ["history"]


def history(*, page: int = 1, per_page: int = 20, sort_by: str = "desc") -> Exchange[Page[wire.HookRecord]]:
    """GET `/webhooks/history/`: webhooks by page with their payloads, at most 1000 on one."""
    params = {"per_page": str(per_page), "sort_by": sort_by}
    return listing(path("/webhooks/history/"), wire.HookRecord, params, page)
