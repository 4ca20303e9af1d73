"""A browser, where there is somebody to look at it: a terminal, and a display behind it."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Callable, Mapping
from typing import TextIO

__all__ = ["browser", "has_display"]


def browser(stream: TextIO) -> Callable[[str], object] | None:
    """Give what opens a page; None where nobody would see it, as in a pipe, a container, or over SSH."""
    return webbrowser.open if stream.isatty() and has_display(sys.platform, os.environ) else None


def has_display(platform: str, environment: Mapping[str, str]) -> bool:
    """Tell whether a window would be seen: without this, a browser that draws text would take the terminal."""
    if platform in {"darwin", "win32"}:
        return "SSH_CONNECTION" not in environment
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))
