"""Who may use the control API: programs on this machine, not web pages that got at it by a name of their own.

Against DNS rebinding the Host header has to be a loopback name or an IP address; against cross-site requests an Origin
header has to be the same place.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from gateway.simulator.contact import Impossible

__all__ = ["refuse_strangers"]


def refuse_strangers(headers: Mapping[str, str], names: frozenset[str]) -> None:
    """Refuse a request under a foreign name, and one that a foreign web page makes; raises `Impossible`."""
    host = headers.get("host", "")
    if not _is_ours(host, names):
        raise Impossible("not under this name", hint="ask by 127.0.0.1, localhost or an IP address", status=403)
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        raise Impossible("not on behalf of another site", hint="ask without an Origin header", status=403)


def _is_ours(host: str, names: frozenset[str]) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name in names or name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
