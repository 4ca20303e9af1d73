"""What must hold whatever was killed: what the vendors read and have, against what the gateway says."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gateway.plugins import load
from gateway.simulator import Bubble, Simulation


@dataclass(frozen=True, slots=True)
class Read:
    """One POST of a message that the vendor read."""

    seq: int
    text: str
    at: datetime
    key: str | None
    digest: str
    """SHA-256 of the body, as it came over the wire."""


@dataclass(slots=True)
class Reader:
    """Reads a vendor's journal as it grows: a long run has more entries than the journal keeps."""

    sim: Simulation
    vendor: str
    reads: list[Read] = field(default_factory=list)
    struck: Counter[str] = field(default_factory=Counter)
    """How often each fault struck this vendor, by the fault's id."""
    _seen: int = 0
    _refused: set[int] = field(default_factory=set)
    """Requests that were told to come again later: certain, so they may."""
    _hooks: dict[int, str | None] = field(default_factory=dict)
    """What was to be told and was not so far: vendor ids of the messages that it is about, where it is about one."""

    @property
    def untold(self) -> list[str | None]:
        """Vendor ids of the messages of all webhooks that were not delivered so far; None for one about no message."""
        return list(self._hooks.values())

    async def keep_reading(self) -> None:
        """Read until cancelled."""
        while True:
            self.read()
            await asyncio.sleep(0.2)

    def read(self) -> None:
        """Read what is new."""
        kinds = ("request", "answer", "webhook", "attempt", "fault")
        for entry in self.sim.journal.entries(*kinds, vendor=self.vendor, since=self._seen):
            self._seen = entry.seq
            data: Mapping[str, Any] = entry.data
            if entry.kind == "webhook":
                self._hooks[entry.seq] = data["message"]
            elif entry.kind == "attempt" and data["accepted"]:
                self._hooks.pop(data["webhook"], None)
            elif entry.kind == "fault":
                self.struck[data["fault"]] += 1
            elif entry.kind == "answer" and data.get("status") == 429:
                self._refused.add(data["request"])
            elif entry.kind == "request" and data["method"] == "POST" and (text := _text(data["body"])):
                original = self.sim.scene.originals.find(entry.seq)
                assert original is not None, "the journal was read too late"
                digest = hashlib.sha256(original.body).hexdigest()
                self.reads.append(Read(entry.seq, text, entry.at, original.headers.get("idempotency-key"), digest))

    def read_too_often(self) -> list[str]:
        """Name the texts that were sent again in a way that could show twice."""
        found: dict[str, list[Read]] = defaultdict(list)
        for read in self.reads:
            found[read.text].append(read)
        if has_keys(self.vendor):
            return [t for t, each in found.items() if len({(r.key, r.digest) for r in each}) > 1 or each[0].key is None]
        return [text for text, each in found.items() if sum(read.seq not in self._refused for read in each) > 1]


WRITTEN = re.compile(r"one|two|three|\d{5}|\w+-\d{3}-\d{5}\.\d")
"""What these tests write; each vendor has its own word for the field that it stands in."""


def _text(body: Any) -> str | None:
    """Give the text of a send."""
    values = body.values() if isinstance(body, dict) else ()
    return next((value for value in values if isinstance(value, str) and WRITTEN.fullmatch(value)), None)


def bubbles(sim: Simulation, vendor: str) -> list[Bubble]:
    """Give what of ours is on the phones, in order within each thread."""
    return [bubble for thread in sim.world.threads(vendor) for bubble in thread.bubbles if bubble.ours]


def has_keys(vendor: str) -> bool:
    """Tell whether the vendor recognises our keys."""
    return load().provider(vendor).proof.key_window is not None


# ── many messages ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that was promised; its texts are found nowhere else, and sort as they were sent within a chat."""

    vendor: str
    phone: str
    key: str
    texts: tuple[str, ...]
    id: str


def lost(promised: Iterable[Sent], rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Name promised messages that have neither an outcome nor a person who is asked.

    What was proven only when the rest of its sequence had grown old is `partly`: a person decides about that rest.
    """
    return [
        sent.key
        for sent in promised
        if (row := rows.get(sent.id)) is None
        or row["key"] != sent.key
        or not (row["state"] in {"accepted", "partly"} or (row["state"] == "unknown" and row["parked"]))
    ]


def unproven(promised: Iterable[Sent], rows: Mapping[str, Mapping[str, Any]], texts: Collection[str]) -> list[str]:
    """Name steps that the gateway knows nothing of though the vendor has them, or says are there and are not."""
    found = []
    for sent in promised:
        row = rows[sent.id]
        if len(row["steps"]) == len(sent.texts):
            there = [state == "accepted" for state in row["steps"]]
        else:
            there = [row["state"] == "accepted"] * len(sent.texts)
        found += [text for text, known in zip(sent.texts, there, strict=True) if known is not (text in texts)]
    return found


def order_breaks(shown: Sequence[Bubble]) -> list[str]:
    """Name the texts that stand after one that was sent later in the same chat."""
    last: dict[str, str] = {}
    found = []
    for bubble in shown:
        if bubble.text < last.get(bubble.thread.id, ""):
            found.append(bubble.text)
        last[bubble.thread.id] = max(bubble.text, last.get(bubble.thread.id, ""))
    return found


def wrong_states(shown: Sequence[Bubble], rows: Iterable[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Name the messages whose delivery state is not the vendor's; those that nobody knows as his are `untold`."""
    said = {vendor_id: state for row in rows for vendor_id, state in row["sent"].items()}
    return [
        (bubble.text, bubble.state.value, said[bubble.vendor_id])
        for bubble in shown
        if bubble.vendor_id in said and said[bubble.vendor_id] != bubble.state.value
    ]


def untold(shown: Sequence[Bubble], rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """Name what is on a phone and that no message of the gateway's knows as its own."""
    known = {vendor_id for row in rows for vendor_id in row["sent"]}
    return {bubble.text for bubble in shown if bubble.vendor_id not in known}


# ── the way in ────────────────────────────────────────────────────────────────────────────────────────────────────


def duplicated(handed: Sequence[Mapping[str, Any]]) -> int:
    """Count how often a handler got an event again."""
    return len(handed) - len({line["id"] for line in handed})


def handled_out_of_order(handed: Sequence[Mapping[str, Any]], events: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name the lanes whose events were first handed over in another order than they were kept in."""
    kept: dict[str, list[str]] = defaultdict(list)
    for row in events:
        kept[row["lane"]].append(row["id"])
    lane_of = {event: lane for lane, ids in kept.items() for event in ids}
    given: dict[str, list[str]] = defaultdict(list)
    for event in dict.fromkeys(line["id"] for line in handed):
        given[lane_of[event]].append(event)
    return [
        lane
        for lane, ids in given.items()
        for first in [frozenset(ids)]
        if ids != [event for event in kept[lane] if event in first]
    ]
