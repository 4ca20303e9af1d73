"""Names, letters, colours and times, as phones show them."""

from __future__ import annotations

import zlib
from datetime import datetime
from functools import cache

from gateway import plugins
from gateway.simulator.world import World

__all__ = ["hue_of", "initials", "name_of", "time_of", "title_of"]

_HUES = 8


def title_of(vendor: str) -> str:
    """Give the vendor's own spelling of its name, where its provider is installed."""
    return _titles().get(vendor) or vendor.replace("_", " ").replace("-", " ").title()


@cache
def _titles() -> dict[str, str]:
    return {name: provider.title for name, provider in plugins.load().providers.items()}


def hue_of(name: str) -> int:
    """Choose one of the colours of avatars, the same one for the same name."""
    return zlib.crc32(name.encode("utf-8", "surrogatepass")) % _HUES


def initials(name: str) -> str:
    """Give one or two letters for an avatar."""
    words = [word for word in name.replace("@", " ").split() if word[0].isalnum()]
    return "".join(word[0] for word in words[:2]).upper() or "#"


def name_of(world: World, address: str) -> str:
    """Give the name of a contact by the address's text, or the address where there is no such contact."""
    return next((phone.name for phone in world.phones() if phone.address.text == address), address)


def time_of(when: datetime) -> str:
    """Give a time as phones write it, in this machine's time zone."""
    return when.astimezone().strftime("%H:%M")
