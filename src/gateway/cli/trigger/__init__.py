"""`gateway trigger`: one webhook of a vendor, as the vendor would send it, now."""

from __future__ import annotations

from gateway.cli.trigger.command import trigger

__all__ = ["trigger"]
