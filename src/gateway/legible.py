"""What a vendor wrote, as every store can keep it: without U+0000.

JSON may hold it, and so may memory and SQLite; PostgreSQL keeps it in no text, and reads no JSON that has it. So the
same webhook would be kept here and refused for ever there. What came is kept as it came, and read with U+FFFD instead.
"""

from __future__ import annotations

import re
from dataclasses import replace

from gateway.provider import WebhookRequest

__all__ = ["legible", "legible_hook"]

_ESCAPED = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
"""The one way in which JSON can write it; behind an even number of backslashes, else it is the word `u0000`."""


def legible(body: bytes) -> bytes:
    """Give JSON without U+0000; what is no JSON is left as it is."""
    if b"\\u0000" not in body or body.lstrip()[:1] not in (b"{", b"["):
        return body
    return _ESCAPED.sub(rb"\1\\ufffd", body)


def legible_hook(hook: WebhookRequest) -> WebhookRequest:
    """Give a webhook as its parser reads it; what proves it, and what is kept, is the one that came."""
    body, query = legible(hook.body), hook.query.replace("%00", "%EF%BF%BD")
    return hook if body is hook.body and query == hook.query else replace(hook, body=body, query=query)
