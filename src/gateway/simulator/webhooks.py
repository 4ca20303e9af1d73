"""The webhook sender: the twin's headers and signature on each attempt, its timeout and its retry schedule."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from urllib.parse import urlsplit

from pydantic import JsonValue
from pydantic_core import to_json

from gateway.carrier import Response, posted
from gateway.simulator.clock import SimClock
from gateway.simulator.faults import Fault, FaultKind, Faults
from gateway.simulator.journal import Journal
from gateway.simulator.originals import Originals
from gateway.simulator.twin import Tried, Twin, Webhook
from gateway.transport import plain_carrier

__all__ = ["Answer", "WebhookSender", "check_url"]

_ANSWER_BYTES = 64 * 1024
_ANSWER_SHOWN = 2_000
_PHASE = 30.0
_AT_ONCE = 16
# order is a promise of none of the vendors; out of order is a fault on demand all the same, not an accident of a test
_PATIENCE_FOR_ORDER = 0.5
_HELD_SECONDS = 5.0
_STALE_SECONDS = 600.0
# time stands still while a virtual clock waits for an application: it may not wait for the vendor's ten seconds
_VIRTUAL_PATIENCE = 2.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the application said to one attempt; status None means that nothing could be read."""

    status: int | None
    body: bytes = b""
    error: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Delivery:
    """One webhook on its way; a duplicate is a second one with the same body."""

    entry: int
    twin: Twin
    webhook: Webhook
    body: bytes
    secret: str
    """What it is signed with."""
    checked_with: str
    """What its receiver has to check it with."""
    age: float = 0.0
    spoiled: str | None = None
    """The fault that its proof suffers from."""
    attempt: int = 0
    repeats: bool = True
    """False for the one attempt of `WebhookSender.deliver`."""
    followers: list[_Delivery] = field(default_factory=list)
    """Webhooks that were held back to come after this one."""


class WebhookSender:
    """Sends what twins emit to the URLs of their vendors; every attempt is journalled."""

    def __init__(
        self,
        clock: SimClock,
        journal: Journal,
        faults: Faults,
        *,
        latency: float = 0.02,
        originals: Originals | None = None,
    ) -> None:
        self.urls: dict[str, str] = {}
        """Where each vendor's webhooks go; a vendor without a URL sends none."""
        self._clock = clock
        self._journal = journal
        self._faults = faults
        self._latency = latency
        self._originals = originals or Originals()
        self._carrier = plain_carrier()
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._held: dict[str, list[_Delivery]] = {}
        self._lanes: dict[str, asyncio.Event] = {}
        self._open: dict[int, _Delivery] = {}
        self._generation = 0

    @property
    def untold(self) -> list[tuple[str, Webhook]]:
        """What no application has taken yet, and will be tried (again): vendors and webhooks, in their order."""
        return [(delivery.twin.name, delivery.webhook) for delivery in self._open.values()]

    def emit(self, twin: Twin, webhook: Webhook) -> None:
        """Take a webhook from its twin; the first attempt is made after the latency, by the clock."""
        delivery, url = self._noted(twin, webhook)
        if url is None:
            return
        self._open[delivery.entry] = delivery
        delivery.followers = self._held.pop(twin.name, [])
        self._launch(delivery, self._faults.webhook(twin.name, webhook.event))

    def again(self, twin: Twin, webhook: Webhook, *, age: float = 0.0, wrongly: bool = False) -> None:
        """Tell a webhook once more, by no fault: signed for a time `age` seconds ago, or with another secret."""
        delivery, url = self._noted(twin, webhook)
        if url is None:
            return
        delivery.age, delivery.spoiled = age, FaultKind.STALE.value if age else None
        if wrongly:
            delivery.secret, delivery.spoiled = another_secret(delivery.secret), FaultKind.SIGNATURE.value
        self._attempt_in(self._latency, delivery)

    async def deliver(self, twin: Twin, webhook: Webhook) -> Tried:
        """Make one attempt now and tell what came of it; no fault strikes it, and it is not repeated."""
        delivery, url = self._noted(twin, webhook)
        delivery.attempt, delivery.repeats = 1, False
        if url is None:
            return Tried(webhook, "", self._clock.now(), 0.0, error="there is no URL")
        return await self._try(delivery, url)

    def _noted(self, twin: Twin, webhook: Webhook) -> tuple[_Delivery, str | None]:
        """Enter a webhook into the journal; gives its delivery, and the URL where there is one."""
        url = webhook.url or self.urls.get(twin.name)
        entry = self._journal.record(
            "webhook",
            twin.name,
            event=webhook.event,
            message=webhook.message_id,
            payload=dict(webhook.payload),
            sent_to=url,
        )
        self._originals.keep_webhook(entry.seq, webhook)
        body = to_json(dict(webhook.payload))
        secret = webhook.secret or twin.context.secret
        return _Delivery(entry.seq, twin, webhook, body, secret, secret), url

    def forget(self) -> None:
        """Give up everything that is under way."""
        self._generation += 1
        self._held.clear()
        self._open.clear()
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        """Give up everything and close the connections."""
        self.forget()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._carrier.aclose()

    # ── what faults do to it ──────────────────────────────────────────────────────────────────────────────────────

    def _launch(self, delivery: _Delivery, fault: Fault | None) -> None:
        kind = fault.kind if fault else None
        wait = self._latency
        if fault is None:
            pass
        elif kind is FaultKind.DROP:
            del self._open[delivery.entry]
            self._free(delivery)
            return
        elif kind is FaultKind.REORDER:
            self._hold(delivery, fault.seconds or _HELD_SECONDS)
            return
        elif kind is FaultKind.DELAY:
            wait += fault.seconds
        elif kind is FaultKind.SIGNATURE:
            delivery.secret, delivery.spoiled = another_secret(delivery.secret), kind.value
        elif kind is FaultKind.STALE:
            delivery.age, delivery.spoiled = fault.seconds or _STALE_SECONDS, kind.value
        copies = fault.copies if fault and kind is FaultKind.DUPLICATE else 0
        for _ in range(1 + copies):
            self._attempt_in(wait, delivery)
            delivery = replace(delivery, attempt=0, followers=[])

    def _hold(self, delivery: _Delivery, seconds: float) -> None:
        """Keep it until the next webhook of its vendor was sent, or for a while when there is none."""
        vendor = delivery.twin.name
        self._held.setdefault(vendor, []).extend([*delivery.followers, delivery])
        delivery.followers = []

        def release() -> None:
            if delivery in self._held.get(vendor, []):
                self._held[vendor].remove(delivery)
                self._attempt_in(0, delivery)

        self._clock.later(seconds, release)

    def _free(self, delivery: _Delivery) -> None:
        """Let those go that waited for it."""
        followers, delivery.followers = delivery.followers, []
        for follower in followers:
            self._attempt_in(0, follower)

    # ── attempts ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _attempt_in(self, seconds: float, delivery: _Delivery) -> None:
        generation = self._generation

        def begin() -> None:
            if generation != self._generation:
                return
            before, done = self._lanes.get(delivery.twin.name), asyncio.Event()
            if delivery.attempt == 0:
                self._lanes[delivery.twin.name] = done
            task = asyncio.get_running_loop().create_task(self._attempt(delivery, before))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            task.add_done_callback(lambda _: done.set())

        self._clock.later(seconds, begin)

    async def _attempt(self, delivery: _Delivery, before: asyncio.Event | None) -> None:
        """Make one attempt; a first one waits a little for the one before it, a repetition for none."""
        with self._clock.working():
            if delivery.attempt == 0 and before is not None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(before.wait(), _PATIENCE_FOR_ORDER)
            delivery.attempt += 1
            twin = delivery.twin
            url = delivery.webhook.url or self.urls.get(twin.name)
            if url is None:
                self._free(delivery)
                return
            await self._try(delivery, url)
            self._free(delivery)

    async def _try(self, delivery: _Delivery, url: str) -> Tried:
        """Sign and post it, and let the twin and the journal know what came of it."""
        twin = delivery.twin
        async with self._slots:
            # signed when it goes: one that stood in a long queue would be too old for its receiver
            signed_at, began = self._clock.now() - timedelta(seconds=delivery.age), self._clock.elapsed
            headers = _merge(
                {"content-type": "application/json", "user-agent": "gateway-simulator"},
                delivery.webhook.headers,
                twin.sign(delivery.webhook, delivery.body, signed_at, delivery.secret),
            )
            answer = await self._post(url, headers, delivery.body, twin.timeout)
        took = self._clock.elapsed - began
        said = (answer.status, answer.body, answer.error, answer.headers)
        tried = Tried(delivery.webhook, url, signed_at, took, *said)
        twin.tried(tried)
        self._settle(delivery, url, headers, answer, took)
        return tried

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes, patience: float) -> Answer:
        if self._clock.mode == "virtual":
            patience = min(patience, _VIRTUAL_PATIENCE)
        try:
            async with asyncio.timeout(patience):
                return await self._carrier.carry(posted(url, headers, body, _PHASE), _read)
        except TimeoutError:
            return Answer(None, error="timeout")
        except Exception as error:  # noqa: BLE001 - a border: whatever an application does to the connection is its answer
            return Answer(None, error=type(error).__name__)

    def _settle(self, delivery: _Delivery, url: str, headers: Mapping[str, str], answer: Answer, took: float) -> None:
        twin = delivery.twin
        fine = answer.status is not None and twin.accepted(answer.status)
        again: float | None = None
        if not fine and delivery.repeats and delivery.attempt <= len(twin.retry_delays):
            again = twin.retry_delays[delivery.attempt - 1]
        shown: dict[str, JsonValue] = {
            "webhook": delivery.entry,
            "event": delivery.webhook.event,
            "message": delivery.webhook.message_id,
            "attempt": delivery.attempt,
            "url": url,
            "headers": self._journal.headers(headers),
            "status": answer.status,
            "answer": _cut(self._journal.body(answer.body)),
            "error": answer.error,
            "milliseconds": round(took * 1000),
            "accepted": fine,
            "again_in": again,
            "spoiled": delivery.spoiled,
        }
        entry = self._journal.record("attempt", twin.name, **shown)
        self._originals.keep(entry.seq, headers, delivery.body, delivery.checked_with)
        if again is None:
            self._open.pop(delivery.entry, None)
        else:
            # the vendor counts from when it gave up waiting, which a virtual clock did not live through
            unlived = twin.timeout if answer.error == "timeout" and self._clock.mode == "virtual" else 0.0
            self._attempt_in(again + unlived, delivery)


async def _read(response: Response) -> Answer:
    """Read as much of an answer as a vendor does; a longer one ends the connection."""
    read = bytearray()
    async for piece in response.pieces:
        read += piece
        if len(read) >= _ANSWER_BYTES:
            break
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
    return Answer(response.status, bytes(read[:_ANSWER_BYTES]), headers=headers)


def another_secret(secret: str) -> str:
    """Make a secret that is not this one, of the same form: same beginning, same letters allowed."""
    head, mark, _ = secret.rpartition("_")
    return f"{head}{mark}{hashlib.sha256(secret.encode()).hexdigest()}"


def check_url(url: str) -> str:
    """Give a URL back that webhooks can be sent to; raises `ValueError` for another."""
    pieces = urlsplit(url)  # raises ValueError by itself for a broken IPv6 address
    if pieces.scheme not in {"http", "https"} or not pieces.hostname:
        raise ValueError("a webhook URL begins with http:// or https:// and names a host")
    if pieces.username or pieces.password:
        raise ValueError("a webhook URL holds no user and password")
    return url


def _merge(*all_headers: Mapping[str, str]) -> dict[str, str]:
    """Put headers together; of two that differ in case only, the later one holds, in its spelling."""
    merged: dict[str, tuple[str, str]] = {}
    for name, value in _each(all_headers):
        merged[name.lower()] = (name, value)
    return dict(merged.values())


def _each(all_headers: tuple[Mapping[str, str], ...]) -> Iterator[tuple[str, str]]:
    for headers in all_headers:
        yield from headers.items()


def _cut(value: JsonValue) -> JsonValue:
    """Keep an application's answer short in the journal."""
    text = value if isinstance(value, str) else to_json(value).decode()
    return value if len(text) <= _ANSWER_SHOWN else text[:_ANSWER_SHOWN] + "…"
