"""What a request is known by while it is under way."""

from __future__ import annotations

import secrets
from contextvars import ContextVar

__all__ = ["current_request", "new_request_id"]

current_request: ContextVar[str] = ContextVar("current_request", default="")
"""The id of the request that is being answered; empty outside of one."""


def new_request_id() -> str:
    """Make an id that finds a request in the logs: `req_` and 22 random characters."""
    return f"req_{secrets.token_urlsafe(16)}"
