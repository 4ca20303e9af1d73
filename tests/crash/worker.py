"""A gateway as a process of its own, made to be killed: webhooks in, sends by HTTP, and a list of what it knows."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeAlias

import uvicorn

from gateway import (
    Event,
    Gateway,
    GatewayError,
    Message,
    MessageReceived,
    MessageRef,
    RetryPolicy,
    attempt,
    dispatch,
    early,
    worker,
)
from gateway.failpoints import arm
from gateway.ids import event_id
from gateway.ingress import ASGIApp
from gateway.plugins import load
from gateway.store import MessageState
from gateway.store.ledger import Plan, Transact
from gateway.store.sqlite import SqliteStore
from gateway.transport import Timeouts, Transport

Answer: TypeAlias = tuple[int, Any]

#: Patient with a vendor that fails often, and quick: what is waited for in these tests is the crash.
RETRY = RetryPolicy(attempts=40, first=0.02, most=0.2)


#: As many as SQLite has where nobody says otherwise.
MOST_PAGES = 4_294_967_294


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker is to be."""

    store: str
    connections: dict[str, dict[str, Any]]
    """The settings of each vendor; the connection has the vendor's name."""
    journal: str
    """Where its handler writes down the events that it was given."""
    log: str
    failpoint: str = ""
    lease: float = 60.0
    settle: float = 1.0
    """Seconds that an unknown outcome waits for its webhook."""
    pace: str | None = None
    """What each connection allows itself, such as `30/s`."""
    answer: float = 60.0
    """Seconds that a vendor has to answer."""


def main(job: Job, *ports: socket.socket) -> None:
    """Serve until killed: the port that all workers share, and one where only this one answers."""
    log = os.open(job.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    arm(job.failpoint)
    worker.LEASE = dispatch.LEASE = job.lease
    # as everywhere: a report waits less long for a send than a chat for a handler
    early.JOIN_WAIT = 0.8 * job.lease
    attempt.PROMPT = job.lease / 2
    for vendor in job.connections:
        provider = load().provider(vendor)
        provider.proof = replace(provider.proof, settle=timedelta(seconds=job.settle))
    asyncio.run(_serve(job, ports))


async def _serve(job: Job, ports: Sequence[socket.socket]) -> None:
    async with _gateway(job) as gateway:
        app = Desk(gateway)
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none", loop="none")
        await uvicorn.Server(config).serve([*ports])


@asynccontextmanager
async def _gateway(job: Job) -> AsyncIterator[Gateway]:
    pace = {"connection": job.pace} if job.pace else None
    timeouts = Timeouts(connect=job.answer, read=job.answer, write=job.answer, total=2 * job.answer)
    gateway = Gateway(job.store, retry=RETRY, answers_per_minute=0, queue=100_000, pace=pace)
    for vendor, settings in job.connections.items():
        connection = gateway.connect(vendor, vendor, **settings)
        await connection.transport.aclose()
        connection.transport = Transport(connection.provider, connection=vendor, timeouts=timeouts)
    journal = os.open(job.journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def note(event: Event) -> None:
        line = {"id": event.id, "type": event.type, "lane": event.chat_id, "pid": os.getpid()}
        if isinstance(event, MessageReceived):
            line |= {"vendor_id": event.vendor_id, "text": event.text}
        os.write(journal, json.dumps(line).encode() + b"\n")

    gateway.on(Event, note)
    async with gateway:
        yield gateway


class Desk:
    """Webhooks go to the gateway; what the harness asks for is answered here."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._webhooks: ASGIApp = gateway.asgi()
        self._answers: dict[str, Callable[[Any], Coroutine[Any, Any, Answer]]] = {
            "/desk/ready": self._ready,
            "/desk/idle": self._idle,
            "/desk/enqueue": self._enqueue,
            "/desk/depth": self._depth,
            "/desk/open": self._open,
            "/desk/rows": self._rows,
            "/desk/doubts": self._doubts,
            "/desk/events": self._events,
            "/desk/catch-up": self._catch_up,
            "/desk/disk": self._disk,
            "/desk/pages": self._pages,
        }

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        answer = self._answers.get(scope["path"]) if scope["type"] == "http" else None
        if answer is None:
            await self._webhooks(scope, receive, send)
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        try:
            status, value = await answer(json.loads(body or b"null"))
        except GatewayError as error:
            status, value = 503, {"error": error.slug, "code": error.code, "message": error.message}
        content = json.dumps(value).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _ready(self, _: Any) -> Answer:
        return 200, {"pid": os.getpid()}

    async def _idle(self, _: Any) -> Answer:
        """Tell whether no step is under way here: one that was given up by others may still come to something."""
        return 200, not self._gateway._engine._worker._works

    async def _enqueue(self, asked: Any) -> Answer:
        ref = MessageRef(vendor_id=asked["reply_to"]) if asked.get("reply_to") else None
        messages = [Message(text, reply_to=ref) for text in asked["texts"]]
        ticket = await self._gateway.enqueue(asked["to"], messages, via=asked["via"], key=asked["key"])
        return 202, {"message_id": ticket.message_id}

    async def _depth(self, _: Any) -> Answer:
        """Count what waits to leave: cheap, for who asks while workers live only seconds."""
        gateway = self._gateway
        return 200, sum([await gateway.store.depth(connection.name) for connection in gateway.connections])

    async def _open(self, _: Any) -> Answer:
        """Count what still has something to come."""
        store = self._gateway.store
        queued = await store.messages(MessageState.QUEUED, 100_000)
        unknown = await store.messages(MessageState.UNKNOWN, 100_000)
        return 200, {"queued": len(queued), "unknown": sum(not row.parked for row in unknown)}

    async def _rows(self, refresh: Any) -> Answer:
        """List all messages, and how far each has come; those in `refresh` are asked of the vendor."""
        store = self._gateway.store
        rows = []
        for row in reversed(await store.messages(limit=1_000_000)):
            found = await store.message(row.id)
            status = await self._gateway.status(row.id, refresh=row.id in (refresh or ()))
            rows.append(
                {
                    "id": row.id,
                    "key": row.key,
                    "state": row.state,
                    "parked": row.parked,
                    "steps": [step.state for step in found[1]] if found else [],
                    "attempts": [step.attempts for step in found[1]] if found else [],
                    "turns": [
                        (each.step, each.started_at.isoformat(), each.outcome) for each in await store.attempts(row.id)
                    ],
                    "sent": {delivery.vendor_id: delivery.state for delivery in status.deliveries},
                }
            )
        return 200, rows

    async def _doubts(self, _: Any) -> Answer:
        """List the messages with steps that were ever unknown: since when, and when each vendor id became theirs."""
        store = self._gateway.store
        rows = []
        for row in await store.messages(limit=1_000_000):
            unknown = {}
            for step in range(row.steps):
                said = event_id(row.connection, f"gateway:{row.id}.{row.generation}.{step}:unknown:")
                if (kept := await store.event(said)) is not None:
                    unknown[step] = kept.event.received_at.isoformat()
            if unknown:
                sent = [delivery.vendor_id for delivery in (await self._gateway.status(row.id)).deliveries]
                facts = await store.facts(row.connection, sent)
                known = {fact.vendor_id: fact.received_at.isoformat() for fact in facts if fact.source == "answer"}
                rows.append({"id": row.id, "unknown": list(unknown.items()), "known": known})
        return 200, rows

    async def _events(self, _: Any) -> Answer:
        """List all events in their order, with the lane that orders them."""
        rows, after = [], 0
        while page := await self._gateway.store.events(after, 1000):
            after = page[-1].sequence
            rows += [{"id": row.id, "lane": row.lane, "outcome": row.outcome, "tries": row.tries} for row in page]
        return 200, rows

    async def _catch_up(self, names: Any) -> Answer:
        """Fetch what was missed on connections, and tell on which of them that came to the end."""
        found = {}
        for name in names:
            found[name] = (await self._gateway.catch_up(name, pages=1000, seconds=300)).complete
        return 200, found

    async def _disk(self, asked: Any) -> Answer:
        """Let no file of this process grow beyond so many bytes, as a failing disk would; None lifts that."""
        most = resource.RLIM_INFINITY if asked is None else asked
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
        return 200, {"bytes": asked}

    async def _pages(self, asked: Any) -> Answer:
        """Let the database have no more pages than it has, which SQLite takes for a full disk; None lifts that."""
        store = self._gateway.store
        assert isinstance(store, SqliteStore)
        connection = store._check()._connection

        def limit() -> Plan[None]:
            # on the writer's own thread; the least that may be asked for is what there is
            connection.execute(f"pragma max_page_count = {MOST_PAGES if asked is None else 1}")
            yield from ()

        await store._transact(Transact(limit))
        return 200, {"pages": asked}
