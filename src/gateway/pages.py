"""What a page of ours tells the browser: nothing comes from elsewhere, nobody frames it, and nothing is guessed."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["page_headers"]

_CONTENT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; {more}connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def page_headers(*, content: str = "", **more: str) -> Mapping[str, str]:
    """Give the headers of every answer that a browser sees.

    `content` is what the policy for content allows besides, such as `media-src 'self'`; further names are further
    headers, with a dash for each underscore.
    """
    return {
        "cache-control": "no-store",
        "content-security-policy": _CONTENT.format(more=f"{content}; " if content else ""),
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        **{name.replace("_", "-"): value for name, value in more.items()},
        "x-content-type-options": "nosniff",
    }
