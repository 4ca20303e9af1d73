"""The story of a bubble on the wire: calls in, the vendor's answers, the neutral model, webhooks out and every attempt.

All of it is from the journal, so secrets are masked already; what is copied names the key instead of holding it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError
from pydantic_core import to_json

from gateway.model import Message, MessageRef
from gateway.provider import Signed
from gateway.simulator.journal import Entry
from gateway.simulator.lint import Finding, lint
from gateway.simulator.phone.copying import as_curl, as_graphql, as_httpx, as_library, as_test, as_webhook_curl
from gateway.simulator.phone.fitted import FittedLook, fitted_looks
from gateway.simulator.proof import events_of, signed_of, verdict_of
from gateway.simulator.scene import Scene
from gateway.simulator.world import Bubble

__all__ = ["AttemptLook", "CallLook", "HookLook", "SignedLook", "Story", "story_of"]

_MOST_CALLS = 20


@dataclass(frozen=True, slots=True)
class CallLook:
    """One call of the application, and the vendor's answer."""

    seq: int
    time: str
    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: str
    status: str
    """The answer's status, or why there was none."""
    fine: bool
    milliseconds: float
    answer_headers: tuple[tuple[str, str], ...]
    answer: str
    curl: str
    httpx: str


@dataclass(frozen=True, slots=True)
class SignedLook:
    """What proves an attempt: the secret is not in it."""

    headers: str
    """The names of the headers that carry it."""
    method: str
    base: str
    """What was signed, as text; empty where nothing is."""
    at: str
    """The time that was signed; empty where none is."""


@dataclass(frozen=True, slots=True)
class AttemptLook:
    """One attempt to deliver a webhook."""

    time: str
    number: int
    url: str
    status: str
    fine: bool
    milliseconds: int
    again: str
    headers: tuple[tuple[str, str], ...]
    answer: str
    verdict: str
    """What the provider's own check says of its signature."""
    signed: SignedLook | None
    spoiled: str
    """The fault that its proof suffers from, empty where there is none."""
    curl: str


@dataclass(frozen=True, slots=True)
class HookLook:
    """One webhook: what was told, what it means, and how it was delivered."""

    seq: int
    time: str
    event: str
    body: str
    events: str
    """The events that the provider makes of it, as JSON."""
    attempts: tuple[AttemptLook, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """Everything about one message."""

    id: str
    vendor: str
    ours: bool
    model: str
    library: str
    """The message as this library sends it; a contact's as a test says it."""
    graphql: str
    calls: tuple[CallLook, ...]
    hooks: tuple[HookLook, ...]
    fitted: tuple[FittedLook, ...]
    findings: tuple[Finding, ...]
    """What the protocol lint found about it."""


def story_of(scene: Scene, vendor: str, message: str) -> Story | None:
    """Tell the story of a message; None where there is no such message."""
    bubble = scene.world.find(vendor, message)
    if bubble is None:
        return None
    entries = scene.journal.entries("request", "answer", "webhook", "attempt", vendor=vendor)
    neutral = message_of(bubble)
    copied = (as_library if bubble.ours else as_test)(bubble, neutral) if neutral else ""
    return Story(
        id=message,
        vendor=vendor,
        ours=bubble.ours,
        model=_pretty(neutral.model_dump(mode="json", exclude_defaults=True)) if neutral else "",
        library=copied,
        graphql=as_graphql(bubble, neutral) if neutral and bubble.ours else "",
        calls=tuple(_calls(scene, entries, message)),
        hooks=tuple(_hooks(scene, entries, message)),
        fitted=tuple(fitted_looks(scene, bubble, neutral)) if neutral else (),
        findings=tuple(finding for finding in lint(scene) if (finding.vendor, finding.message) == (vendor, message)),
    )


def message_of(bubble: Bubble) -> Message | None:
    """Give what an application would send to make such a bubble; None for what none can send."""
    answers = MessageRef(vendor_id=bubble.reply_to, part=bubble.reply_part) if bubble.reply_to else None
    try:
        return Message(parts=bubble.parts, subject=bubble.subject, effect=bubble.effect, reply_to=answers)
    except ValidationError:
        return None


def request_of(scene: Scene, seq: int) -> Entry | None:
    """Look up a request of the journal by its number."""
    return next((entry for entry in scene.journal.entries("request", since=seq - 1, limit=1) if entry.seq == seq), None)


def _calls(scene: Scene, entries: list[Entry], message: str) -> Iterable[CallLook]:
    answers = {entry.data["request"]: entry for entry in entries if entry.kind == "answer"}
    found = 0
    for entry in entries:
        if entry.kind != "request" or found >= _MOST_CALLS:
            continue
        answer = answers.get(entry.seq)
        if _is_about(entry, answer, message):
            found += 1
            yield _call(scene, entry, answer)


def _is_about(request: Entry, answer: Entry | None, message: str) -> bool:
    """Tell whether a call made the message or names it; a list that has it among others is not about it."""
    if message in str(request.data["path"]) or message in json.dumps(request.data["body"], ensure_ascii=False):
        return True
    told = answer.data.get("body") if answer else None
    return request.data["method"] != "GET" and message in json.dumps(told, ensure_ascii=False)


def _call(scene: Scene, request: Entry, answer: Entry | None) -> CallLook:
    data, told = request.data, (answer.data if answer else {})
    status = told.get("status")
    return CallLook(
        seq=request.seq,
        time=f"{request.at.astimezone():%H:%M:%S}",
        method=str(data["method"]),
        path=str(data["path"]),
        headers=_pairs(data["headers"]),
        body=_pretty(data["body"]),
        status=str(status if status is not None else told.get("lost") or "no answer yet"),
        fine=isinstance(status, int) and status < 400,
        milliseconds=round((answer.at - request.at).total_seconds() * 1000, 1) if answer else 0,
        answer_headers=_pairs(told.get("headers")),
        answer=_pretty(told.get("body")),
        curl=as_curl(scene, request),
        httpx=as_httpx(scene, request),
    )


def _hooks(scene: Scene, entries: list[Entry], message: str) -> Iterable[HookLook]:
    for entry in entries:
        if entry.kind != "webhook" or not (entry.data["message"] == message or _names(entry, message)):
            continue
        tries = [each for each in entries if each.kind == "attempt" and each.data["webhook"] == entry.seq]
        body = to_json(entry.data["payload"])
        headers = dict(_pairs(tries[0].data["headers"])) if tries else {}
        yield HookLook(
            seq=entry.seq,
            time=f"{entry.at.astimezone():%H:%M:%S}",
            event=str(entry.data["event"]),
            body=_pretty(entry.data["payload"]),
            events=events_of(scene, str(entry.vendor), headers, body, entry.at),
            attempts=tuple(_attempt(scene, each, body) for each in tries),
        )


def _names(entry: Entry, message: str) -> bool:
    return message in json.dumps(entry.data["payload"], ensure_ascii=False)


def _attempt(scene: Scene, entry: Entry, body: bytes) -> AttemptLook:
    data = entry.data
    status, again = data.get("status"), data.get("again_in")
    return AttemptLook(
        time=f"{entry.at.astimezone():%H:%M:%S}",
        number=int(str(data["attempt"])),
        url=str(data["url"]),
        status=str(status if status is not None else data.get("error") or "no answer"),
        fine=bool(data["accepted"]),
        milliseconds=int(str(data["milliseconds"])),
        again="" if again is None else f"again in {again:g} s" if isinstance(again, (int, float)) else str(again),
        headers=_pairs(data["headers"]),
        answer=_pretty(data.get("answer")),
        verdict=_verdict(scene, entry),
        signed=_signed(signed_of(scene, str(entry.vendor), dict(_pairs(data["headers"])), body, entry.at)),
        spoiled=str(data.get("spoiled") or ""),
        curl=as_webhook_curl(entry, body),
    )


def _verdict(scene: Scene, entry: Entry) -> str:
    """Check what was sent, by the secret that its receiver has; nothing is said of what is forgotten."""
    original = scene.originals.find(entry.seq)
    if original is None:
        return ""
    return verdict_of(scene, str(entry.vendor), original.headers, original.body, entry.at, original.secret)


def _signed(signed: Signed | None) -> SignedLook | None:
    if signed is None:
        return None
    base = (signed.base or b"").decode("utf-8", "replace")
    at = f"{signed.at:%Y-%m-%d %H:%M:%S} UTC" if signed.at else ""
    return SignedLook(", ".join(signed.headers), signed.method, base, at)


def _pairs(headers: JsonValue) -> tuple[tuple[str, str], ...]:
    return tuple((name, str(value)) for name, value in headers.items()) if isinstance(headers, dict) else ()


def _pretty(value: JsonValue) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
