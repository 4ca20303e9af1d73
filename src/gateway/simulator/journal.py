"""The journal: every request, answer, webhook and attempt, numbered; secrets are masked before anything is kept."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from pydantic import JsonValue
from pydantic_core import from_json

from gateway.simulator.clock import SimClock

__all__ = ["Entry", "Journal"]

_MASK = "•••"
_SECRET_HEADERS = frozenset({"api-key", "cookie", "proxy-authorization", "set-cookie", "x-api-key"})
# both say where and when it was run, not what was said; without them two runs of one seed read the same
_NOT_KEPT = frozenset({"host", "date"})
_SHORTEST_SECRET = 4
_MOST_ENTRIES = 20_000
_MOST_TEXT = 20_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened.

    Kinds: `request` and `answer` (the vendor's API), `webhook` (what was to be told) and `attempt` (each try to tell
    it), `world` (what phones did and saw), `fault` (one that struck), `error` (a twin failed),
    `restored` (an earlier world), `rotated` (a vendor's webhooks are signed with another secret).
    """

    seq: int
    at: datetime
    kind: str
    vendor: str | None
    data: Mapping[str, JsonValue]

    def json(self) -> dict[str, JsonValue]:
        """Give it as JSON, flat."""
        return {"seq": self.seq, "at": self.at.isoformat(), "kind": self.kind, "vendor": self.vendor, **self.data}


class Journal:
    """Keeps the last 20 000 entries."""

    def __init__(self, clock: SimClock, *, secrets: Iterable[str] = ()) -> None:
        self._clock = clock
        self._secrets: list[str] = []
        for secret in secrets:
            self.mask(secret)
        self._entries: deque[Entry] = deque(maxlen=_MOST_ENTRIES)
        self._last = 0
        self._news = asyncio.Event()
        self._closed = False

    @property
    def last(self) -> int:
        """The number of the last entry, 0 when there is none."""
        return self._last

    def mask(self, secret: str) -> None:
        """Mask one more secret from now on; one of less than four characters would mask every text."""
        if len(secret) >= _SHORTEST_SECRET:
            # the longest first, so that a secret inside another one leaves nothing of it behind
            self._secrets = sorted({*self._secrets, secret}, key=lambda each: (-len(each), each))

    def record(self, kind: str, vendor: str | None = None, **data: JsonValue) -> Entry:
        """Keep something that happened now."""
        self._last += 1
        shown = {name: self._masked(value) for name, value in data.items()}
        entry = Entry(self._last, self._clock.now(), kind, vendor, shown)
        self._entries.append(entry)
        self._news.set()
        return entry

    def entries(self, *kinds: str, vendor: str | None = None, since: int = 0, limit: int | None = None) -> list[Entry]:
        """Give the entries after number `since`, of some kinds and of one vendor where that is asked."""
        # they are numbered without a gap, and whoever follows a long journal asks for its end
        fresh = min(self._last - since, len(self._entries))
        asked = [*islice(reversed(self._entries), max(fresh, 0))][::-1] if since else self._entries
        found = (entry for entry in asked if (not kinds or entry.kind in kinds) and vendor in (None, entry.vendor))
        return list(islice(found, limit))

    async def wait(
        self,
        *kinds: str,
        vendor: str | None = None,
        since: int = 0,
        limit: int | None = None,
        count: int = 1,
        seconds: float = 5.0,
    ) -> list[Entry]:
        """Wait until there are `count` such entries, at most some real seconds; gives what there is then."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            self._news.clear()
            found = self.entries(*kinds, vendor=vendor, since=since, limit=limit)
            if len(found) >= count or self._closed:
                return found
            try:
                async with asyncio.timeout_at(deadline):
                    await self._news.wait()
            except TimeoutError:
                return found

    def clear(self) -> None:
        """Forget all entries; the numbers go on."""
        self._entries.clear()

    def close(self) -> None:
        """Let nobody wait any longer."""
        self._closed = True
        self._news.set()

    # ── masking ───────────────────────────────────────────────────────────────────────────────────────────────────

    def headers(self, headers: Mapping[str, str]) -> dict[str, JsonValue]:
        """Give headers as they may be kept."""
        lower = {name.lower(): value for name, value in headers.items()}
        return {name: _shown_header(name, value) for name, value in lower.items() if name not in _NOT_KEPT}

    @staticmethod
    def body(body: bytes) -> JsonValue:
        """Give a body as it may be kept: JSON, or else text, cut."""
        if not body:
            return None
        try:
            value: JsonValue = from_json(body)
        except ValueError:
            return _cut(body.decode("utf-8", "replace"))
        return value

    def _masked(self, value: JsonValue) -> JsonValue:
        if isinstance(value, str):
            for secret in self._secrets:
                value = value.replace(secret, _MASK)
            return _cut(value)
        if isinstance(value, dict):
            return {name: self._masked(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._masked(inner) for inner in value]
        return value


def _cut(text: str) -> str:
    """Keep a long text, such as a file in base64, from filling the memory."""
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}… ({len(text)} characters)"


def _shown_header(name: str, value: str) -> str:
    """Mask what may be a secret, also one that is not ours: somebody's real key, sent here by mistake."""
    if name == "authorization":
        scheme, space, _ = value.partition(" ")
        return f"{scheme} {_MASK}" if space and scheme.lower() in {"basic", "bearer", "token"} else _MASK
    return _MASK if name in _SECRET_HEADERS or "secret" in name else value
