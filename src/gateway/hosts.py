"""Reaching a host: the first of its addresses that takes us, and no socket of the others is left."""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from socket import SOCK_STREAM
from typing import TypeAlias, TypeVar

__all__ = ["Addresses", "addresses_of", "reached"]

P = TypeVar("P", bound=asyncio.Protocol)

Addresses: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Gives the addresses of a host and a port, as text, in the order in which they are tried; raises `OSError`."""

_Made: TypeAlias = tuple[asyncio.Transport, P]

_NEXT_ADDRESS = 0.25
"""Seconds after which another address of a name is tried beside the first (RFC 8305)."""


async def reached(protocol: Callable[[], P], host: str, port: int, addresses: Addresses | None = None) -> _Made[P]:
    """Connect a protocol to a host; raises `OSError`, and `UnicodeError` for what is no name.

    `addresses` tells where the host is, and raises where nobody is to go; without it the system's resolver does.

    asyncio's own race of addresses forgets the socket that has won where it is given up just then, and makes two tasks
    for each connection, also where there is one address.
    """
    places = await (addresses or addresses_of)(host, port)
    return await (_raced if len(places) > 1 else _one)(protocol, places, port)


async def addresses_of(host: str, port: int) -> Sequence[str]:
    """Give the addresses of a host, the families in turns (RFC 8305, section 4)."""
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=SOCK_STREAM)
    families: defaultdict[int, dict[str, None]] = defaultdict(dict)
    for family, *_, place in found:
        families[family][str(place[0])] = None
    return [address for turn in itertools.zip_longest(*families.values()) for address in turn if address is not None]


async def _one(protocol: Callable[[], P], addresses: Sequence[str], port: int) -> _Made[P]:
    return await asyncio.get_running_loop().create_connection(protocol, addresses[0], port)


async def _raced(protocol: Callable[[], P], addresses: Sequence[str], port: int) -> _Made[P]:
    """Begin with each address a while after the one before it, or as soon as that failed; the first one wins."""
    made: list[_Made[P]] = []
    failed: list[OSError] = []

    async def attempt(address: str) -> None:
        try:
            made.append(await _one(protocol, [address], port))
        except OSError as error:
            failed.append(error)

    waiting = list(addresses)
    under_way: set[asyncio.Task[None]] = set()
    try:
        while not made and (waiting or under_way):
            if waiting:
                under_way.add(asyncio.create_task(attempt(waiting.pop(0))))
            patience = _NEXT_ADDRESS if waiting else None
            _, under_way = await asyncio.wait(under_way, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if not made:
            raise failed[0]
        return made.pop(0)
    finally:
        # also where this is given up: who was there before we noticed is in `made`, the others close what they have
        for task in under_way:
            task.cancel()
        for transport, _ in made:
            transport.abort()
