"""What one page shows, as its URL says it: which phones, which chat is open on each, which pane is beside them.

All of a page's state is in its URL, so a reload, a bookmark and a second window show the same, and the server keeps
nothing for a page but its stream.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import parse_qsl, quote, unquote, urlencode

from pydantic import ValidationError

from gateway.addresses import Address

__all__ = ["PANES", "WINDOW", "ChatKey", "Held", "Place"]

PANES = ("wire", "control")
"""What may stand beside the phones."""
WINDOW = 100
"""How many messages of a chat a page holds, until it asks for earlier ones."""
_MOST_PHONES = 4
_MOST_MESSAGES = 100_000


def _join(*pieces: str) -> str:
    return "~".join(quote(piece, safe="").replace("~", "%7E") for piece in pieces)


def _split(text: str) -> list[str]:
    return [unquote(piece) for piece in text.split("~")]


@dataclass(frozen=True, slots=True)
class ChatKey:
    """A chat as its phone names it, whether anything was written in it or not."""

    vendor: str
    line: str
    group: str | None = None
    """The vendor's id of the group."""

    @property
    def text(self) -> str:
        """The spelling that `parse` reads back."""
        return _join(self.vendor, self.line, *([self.group] if self.group is not None else []))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a chat's name; raises `ValueError` for what is none."""
        pieces = _split(text)
        if len(pieces) not in {2, 3} or not all(pieces):
            raise ValueError("a chat is named by vendor and line, and in a group by its id")
        return cls(*pieces)


@dataclass(frozen=True, slots=True)
class Held:
    """One phone on the page, and the chat that is open on it."""

    address: Address
    chat: ChatKey | None = None

    @property
    def text(self) -> str:
        """The spelling that `parse` reads back."""
        return _join(self.address.text) + (f"~{self.chat.text}" if self.chat else "")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a phone and its chat; raises `ValueError`."""
        address, _, chat = text.partition("~")
        return cls(Address.parse(unquote(address)), ChatKey.parse(chat) if chat else None)


@dataclass(frozen=True, slots=True)
class Place:
    """Everything that a page shows."""

    phones: tuple[Held, ...]
    pane: str = ""
    message: tuple[str, str] | None = None
    """Vendor and vendor's id of the message whose story is told."""
    window: int = WINDOW

    @classmethod
    def read(cls, query: str, everybody: Sequence[Address]) -> Self:
        """Read the query of a URL; what makes no sense in it is left out, and the first phone is there without any."""
        phones: list[Held] = []
        rest: dict[str, str] = {}
        for name, value in parse_qsl(query):
            if name == "p":
                try:
                    phones.append(Held.parse(value))
                except (ValueError, ValidationError):
                    continue
            else:
                rest[name] = value
        message = _split(rest.get("m", ""))
        window = rest.get("n", "")
        return cls(
            tuple(phones[:_MOST_PHONES]) or (Held(everybody[0]),),
            rest.get("pane", "") if rest.get("pane") in PANES else "",
            (message[0], message[1]) if len(message) == 2 else None,
            min(max(int(window), WINDOW), _MOST_MESSAGES) if window.isascii() and window.isdigit() else WINDOW,
        )

    @property
    def query(self) -> str:
        """The query that `read` reads back."""
        pairs = [("p", held.text) for held in self.phones]
        pairs += [("pane", self.pane)] if self.pane else []
        pairs += [("m", _join(*self.message))] if self.message else []
        pairs += [("n", str(self.window))] if self.window != WINDOW else []
        return urlencode(pairs)

    # ── other places, one step away ───────────────────────────────────────────────────────────────────────────────

    def opened(self, number: int, chat: ChatKey | None) -> Self:
        """Open a chat on a phone, or close it."""
        held = replace(self.phones[number], chat=chat)
        return replace(self, phones=(*self.phones[:number], held, *self.phones[number + 1 :]), window=WINDOW)

    def taken(self, number: int, address: Address) -> Self:
        """Take another phone in the place of one."""
        return replace(self, phones=(*self.phones[:number], Held(address), *self.phones[number + 1 :]))

    def beside(self, address: Address) -> Self:
        """Put one more phone beside the others."""
        return replace(self, phones=(*self.phones, Held(address))[:_MOST_PHONES])

    def without(self, number: int) -> Self:
        """Put a phone away."""
        left = self.phones[:number] + self.phones[number + 1 :]
        return replace(self, phones=left or self.phones)

    def showing(self, pane: str, message: tuple[str, str] | None = None) -> Self:
        """Show a pane beside the phones, or none."""
        return replace(self, pane=pane, message=message)

    def earlier(self) -> Self:
        """Hold more of what was written before."""
        return replace(self, window=self.window * 2)

    @property
    def full(self) -> bool:
        """No further phone fits."""
        return len(self.phones) >= _MOST_PHONES
