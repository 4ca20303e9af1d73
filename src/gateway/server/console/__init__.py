"""The console: pages for operators, over the same tenancy that the API stands on.

Rendered here, with htmx for what moves; no build step, nothing fetched from elsewhere, a strict policy for content.
"""

from __future__ import annotations

from gateway.server.console.front import Console
from gateway.server.console.page import ROOT

__all__ = ["ROOT", "Console"]
