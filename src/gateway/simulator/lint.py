"""The protocol lint: what an application does that works here, and will hurt in the field.

It reads the journal and the world, and changes nothing. A finding holds no text of a conversation.

    missing-dedupe      the same answer again to a webhook that was told twice
    double-reply        the same answer twice to one message
    own-echo            an answer to what the application itself had said
    typing-left-on      typing dots that nobody took away
    secret-in-url       a key or secret where every log keeps it
    slow-handler        a webhook that was answered too late, or not at all
    accepts-forgery     a webhook that proves nothing, and was taken
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from urllib.parse import parse_qsl, urlsplit

from pydantic import JsonValue
from pydantic_core import to_json

from gateway.simulator.journal import Entry
from gateway.simulator.proof import FITS, verdict_of
from gateway.simulator.scene import Scene
from gateway.simulator.world import TYPING_SECONDS, Bubble

__all__ = ["Finding", "lint"]

SLOW_SECONDS = 15.0
"""Vendors wait ten to fifteen seconds for an answer, then tell it again."""
_MASK = "•••"
_SECRET_NAMES = frozenset(
    "access_token api-key api_key apikey auth authorization bearer key password secret signing_secret token".split()
)
_SHORTEST_ECHO = 2
_MOST = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend."""

    rule: str
    vendor: str
    words: str
    """What happened, and what to do."""
    message: str | None
    """The vendor's id of the message that it is about."""
    entry: int
    """The number of the journal's entry where it shows."""

    def json(self) -> dict[str, JsonValue]:
        """Give it as JSON."""
        return asdict(self)


def lint(scene: Scene) -> list[Finding]:
    """Look through everything that the journal still has; the last hundred findings, in their order."""
    entries = scene.journal.entries("request", "webhook", "attempt", "world")
    attempts = [entry for entry in entries if entry.kind == "attempt"]
    found = [
        *_answers(scene, entries, _told_twice(entries, attempts)),
        *_dots(scene, entries),
        *_urls(entries),
        *_slow(attempts),
        *_forged(scene, attempts),
    ]
    return sorted(found, key=lambda finding: finding.entry)[-_MOST:]


# ── answers ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _answers(scene: Scene, entries: list[Entry], twice: set[tuple[str, str]]) -> Iterator[Finding]:
    for talk in _talks(scene, entries):
        owed, said, last = 0, set[str](), ""
        for entry, bubble in talk:
            vendor = str(entry.vendor)
            if not bubble.ours:
                owed, last = owed + 1, bubble.vendor_id
                said.clear()
                continue
            if bubble.text and bubble.text in said:
                if (vendor, last) in twice:
                    words = "the same answer again to a webhook that came twice: keep the ids that were handled"
                    yield Finding("missing-dedupe", vendor, words, bubble.vendor_id, entry.seq)
                elif not owed:
                    words = "the same answer twice to one message: answer each message once"
                    yield Finding("double-reply", vendor, words, bubble.vendor_id, entry.seq)
            said.add(bubble.text)
            owed = max(0, owed - 1)
        yield from _echoes(talk)


def _echoes(talk: list[tuple[Entry, Bubble]]) -> Iterator[Finding]:
    for (_, before), (entry, after) in pairwise(talk):
        own = before.ours and after.ours and len(before.text) >= _SHORTEST_ECHO
        if own and before.text != after.text and before.text in after.text:
            words = "an answer to its own message: pass over what the application itself has sent"
            yield Finding("own-echo", str(entry.vendor), words, after.vendor_id, entry.seq)


def _talks(scene: Scene, entries: list[Entry]) -> Iterable[list[tuple[Entry, Bubble]]]:
    """Give the messages of each thread in their order, each with its entry."""
    talks: dict[JsonValue, list[tuple[Entry, Bubble]]] = {}
    for entry in entries:
        if entry.kind == "world" and entry.data["what"] == "message":
            bubble = scene.world.find(str(entry.vendor), str(entry.data["message"]))
            if bubble is not None:
                talks.setdefault(entry.data["thread"], []).append((entry, bubble))
    return talks.values()


def _told_twice(entries: list[Entry], attempts: list[Entry]) -> set[tuple[str, str]]:
    """Name the messages of contacts of which one webhook reached the application more than once."""
    reached = Counter(
        entry.data["webhook"] for entry in attempts if entry.data["status"] is not None or _timed_out(entry)
    )
    told: Counter[tuple[str, str, bytes]] = Counter()
    for entry in entries:
        if entry.kind == "webhook" and entry.data["message"] is not None:
            told[str(entry.vendor), str(entry.data["message"]), to_json(entry.data["payload"])] += reached[entry.seq]
    return {(vendor, message) for (vendor, message, _), times in told.items() if times > 1}


# ── dots ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _dots(scene: Scene, entries: list[Entry]) -> Iterator[Finding]:
    """Find dots without an end: neither a message nor a stop followed while they were shown."""
    on: dict[JsonValue, Entry] = {}
    left: list[Entry] = []
    for entry in entries:
        if entry.kind != "world" or not entry.data.get("ours"):
            continue
        thread, what = entry.data.get("thread"), entry.data["what"]
        before = on.pop(thread, None) if what in {"typing", "message"} else None
        if before is not None and (entry.at - before.at).total_seconds() > TYPING_SECONDS:
            left.append(before)
        # with a number of seconds they end by themselves
        if what == "typing" and entry.data["on"] and entry.data["seconds"] is None:
            on[thread] = entry
    now = scene.clock.now()
    left += [entry for entry in on.values() if (now - entry.at).total_seconds() > TYPING_SECONDS]
    for entry in left:
        words = "typing dots were shown and nothing came of it: stop them, or send what was being written"
        yield Finding("typing-left-on", str(entry.vendor), words, None, entry.seq)


# ── URLs ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _urls(entries: list[Entry]) -> Iterator[Finding]:
    """Find secrets in URLs, each place once: those that are known are masked already, others have telling names."""
    known: set[tuple[str | None, str]] = set()
    for entry in entries:
        for place in _exposed(entry):
            if (entry.vendor, place) not in known:
                known.add((entry.vendor, place))
                words = f"a secret in {place}: logs and proxies keep URLs; send it as a header"
                yield Finding("secret-in-url", str(entry.vendor), words, None, entry.seq)


def _exposed(entry: Entry) -> Iterator[str]:
    if entry.kind == "request":
        query = entry.data["query"]
        pairs = query.items() if isinstance(query, dict) else ()
        yield from (f"the query of a call ({name})" for name, value in pairs if _is_secret(name, str(value)))
        if _MASK in str(entry.data.get("raw_path")):
            yield "the path of a call"
    if entry.kind == "webhook" and entry.data["sent_to"]:
        pieces = urlsplit(str(entry.data["sent_to"]))
        found = parse_qsl(pieces.query, keep_blank_values=True)
        yield from (f"the URL of the webhooks ({name})" for name, value in found if _is_secret(name, value))
        if _MASK in pieces.path:
            yield "the URL of the webhooks"


def _is_secret(name: str, value: str) -> bool:
    return bool(value) and (_MASK in value or name.lower() in _SECRET_NAMES)


# ── webhooks ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _timed_out(attempt: Entry) -> bool:
    return attempt.data.get("error") == "timeout"


def _slow(attempts: list[Entry]) -> Iterator[Finding]:
    for entry in attempts:
        seconds = int(str(entry.data["milliseconds"])) / 1000
        if seconds <= SLOW_SECONDS and not _timed_out(entry):
            continue
        took = "did not come in time" if _timed_out(entry) else f"took {seconds:.0f} s"
        words = f"the answer to {entry.data['event']} {took}: keep the webhook, answer, and work afterwards"
        yield Finding("slow-handler", str(entry.vendor), words, _message(entry), entry.seq)


def _forged(scene: Scene, attempts: list[Entry]) -> Iterator[Finding]:
    for entry in attempts:
        original = scene.originals.find(entry.seq)
        if not entry.data.get("spoiled") or not entry.data["accepted"] or original is None:
            continue
        vendor = str(entry.vendor)
        verdict = verdict_of(scene, vendor, original.headers, original.body, entry.at, original.secret)
        # where a vendor signs no time, an old proof is as good as a new one
        if verdict not in {"", FITS}:
            words = f"{entry.data['event']} proved nothing and was taken: refuse it with 401 before it is read"
            yield Finding("accepts-forgery", vendor, words, _message(entry), entry.seq)


def _message(entry: Entry) -> str | None:
    message = entry.data["message"]
    return None if message is None else str(message)
