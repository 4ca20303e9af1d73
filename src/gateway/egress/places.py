"""Which URLs and which addresses strangers may name: the table, and the look at a URL."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

from gateway.errors import GatewayError

__all__ = ["DEV", "PUBLIC", "Place", "Rules", "allowed", "loopback", "place_of", "public"]

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Refuse: TypeAlias = Callable[[str, str], GatewayError]
"""Makes the error that says no, from the name of the rule and words."""

_PRIVATE_V4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",  # shared by customers of one provider; clouds have services there
            "127.0.0.0/8",
            "169.254.0.0/16",  # metadata of clouds
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",  # relays of 6to4
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
_PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")
# All else is refused, so that what embeds an IPv4 address (NAT64, v4-compatible, SRv6) needs no list of its own.
_PRIVATE_V6 = tuple(
    map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))  # 2002: 6to4 embeds IPv4
)
_METADATA = frozenset(
    (
        "instance-data",
        "instance-data.ec2.internal",
        "metadata",
        "metadata.azure.internal",
        "metadata.goog",
        "metadata.google.internal",
        "metadata.packet.net",
        "metadata.platformequinix.com",
        "metadata.tencentyun.com",
    )
)

_URL = re.compile(r"https?://[!-\[\]-~]{1,2040}", re.IGNORECASE)  # visible ASCII without the backslash
"""What a URL looks like at all; `#` is refused below."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be asked."""

    ports: frozenset[int] = frozenset({443, 8443})
    loopback: bool = False
    """Allow http and https to this machine itself, at any port: for development only."""
    networks: tuple[str, ...] = ()
    """Networks (CIDR) that are allowed though they are not public: the operator's own."""


PUBLIC = Rules()
"""Only https, only to public addresses."""
DEV = Rules(loopback=True)
"""The same, and this machine."""


# ── addresses ─────────────────────────────────────────────────────────────────────────────────────────────────────


def public(address: str) -> bool:
    """Tell whether an address, as text, belongs to the public network."""
    found = _read(address)
    return found is not None and _public(found)


def _public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _PRIVATE_V4)
    return address in _PUBLIC_V6 and not any(address in network for network in _PRIVATE_V6)


def _read(address: str) -> Address | None:
    """Read an address; one that carries an IPv4 address within is that one."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def loopback(address: str) -> bool:
    """Tell whether an address, as text, is this machine's own."""
    found = _read(address)
    return found is not None and found.is_loopback


def allowed(address: str, rules: Rules) -> bool:
    """Tell whether an address, as text, may be connected to."""
    found = _read(address)
    if found is None:
        return False
    if _public(found) or (rules.loopback and found.is_loopback):
        return True
    return any(found in ipaddress.ip_network(network) for network in rules.networks)


# ── URLs ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Place:
    """A URL, taken apart and looked at."""

    scheme: str
    host: str
    port: int
    netloc: str
    target: str

    @property
    def origin(self) -> tuple[str, str, int]:
        return (self.scheme, self.host, self.port)


def place_of(url: str, rules: Rules, refuse: Refuse) -> Place:
    """Take a URL apart; raises what `refuse` makes for one that may not be asked."""
    if not _URL.fullmatch(url):
        raise refuse("url", "this is no URL that can be asked")
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        raise refuse("url", "this is no URL that can be asked") from None
    if "#" in url:
        raise refuse("fragment", "a URL with a fragment is not asked")
    if "@" in parts.netloc:
        raise refuse("userinfo", "a URL with a user in it is not asked")
    if not host or "%" in host:
        raise refuse("url", "the URL names no host")
    local = rules.loopback and _names_loopback(host)
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise refuse("scheme", "only https is asked")
    port = port if port is not None else {"https": 443, "http": 80}[parts.scheme]
    if port not in rules.ports and not local:
        raise refuse("port", "this port is not asked")
    if host.rstrip(".") in _METADATA:
        raise refuse("metadata", "this host tells secrets of the machine")
    if _is_address(host) and not allowed(host, rules):
        raise refuse("address", "this address is not public")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Place(parts.scheme, host, port, parts.netloc, target)


def _names_loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and loopback(host))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
