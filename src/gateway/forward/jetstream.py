"""NATS JetStream as a sink: every event once under its id, on a subject that says whose and what it is.

`nats://host:4222?stream=GATEWAY&prefix=gateway`; subjects are `PREFIX.TENANT.CONNECTION.TYPE`, so a reader of all that
came in takes `gateway.*.*.message.received`. A stream of that name which is there is used as it is; else one is made.
The server drops what comes twice under one `Nats-Msg-Id` within the stream's window (an hour, where we made it).
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

from gateway.errors import ConfigurationError
from gateway.forward.sinks import Published, SinkFailed
from gateway.log import logger

try:
    from nats.aio.client import Client
    from nats.errors import Error as NatsError
    from nats.js.api import StreamConfig
    from nats.js.errors import NotFoundError
except ImportError:
    raise ConfigurationError(
        "nats:// needs the library nats-py", hint='pip install "messaging-gateway[nats]"'
    ) from None

__all__ = ["JetStream"]

_log = logger(__name__)

WINDOW = 3600.0
"""Seconds for which a stream that we make remembers ids."""
WAIT = 5.0
"""Seconds for a connection, and for the server to say that an event is kept."""
_NOT_A_TOKEN = re.compile(r"[^A-Za-z0-9_-]")
_KNOWN = ("stream", "prefix")


class JetStream:
    """Writes to a stream of JetStream."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        asked = parse_qs(parts.query, keep_blank_values=True)
        unknown = sorted(set(asked) - set(_KNOWN))
        if unknown:
            raise ConfigurationError(f"a NATS sink has no {unknown[0]!r}", hint=f"there are: {', '.join(_KNOWN)}")
        self._server = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
        self._stream = _token(asked.get("stream", ["GATEWAY"])[0])
        self._prefix = ".".join(map(_token, asked.get("prefix", ["gateway"])[0].split(".")))
        self._client: Any = None
        self._writer: Any = None

    def __repr__(self) -> str:
        """Name the stream, not the server, whose URL may hold a password."""
        return f"JetStream({self._stream})"

    async def open(self) -> None:
        """Connect, and make the stream if it is not there."""
        await self.close()
        self._client = Client()
        try:
            async with asyncio.timeout(2 * WAIT):
                await self._client.connect(
                    self._server,
                    name="messaging-gateway",
                    connect_timeout=int(WAIT),
                    # whoever drives this opens it again, and says so in the log
                    allow_reconnect=False,
                    max_reconnect_attempts=0,
                    error_cb=_heard,
                )
            self._writer = self._client.jetstream(timeout=WAIT)
            await self._make()
        except (NatsError, OSError, TimeoutError) as error:
            await self.close()
            raise SinkFailed(
                f"no connection to NATS ({type(error).__name__})", code="connect", hint="look at its URL and its log"
            ) from None

    async def _make(self) -> None:
        try:
            await self._writer.stream_info(self._stream)
        except NotFoundError:
            config = StreamConfig(name=self._stream, subjects=[f"{self._prefix}.>"], duplicate_window=WINDOW)
            await self._writer.add_stream(config)
            _log.info("stream_made", stream=self._stream)

    async def publish(self, events: Sequence[Published]) -> None:
        """Write events: lanes beside each other, each event of a lane after the one before it is kept."""
        if self._writer is None:
            raise SinkFailed("NATS is not connected", code="closed", hint="open it first")
        lanes: dict[str, list[Published]] = defaultdict(list)
        for event in events:
            lanes[event.lane].append(event)
        ended = await asyncio.gather(*map(self._lane, lanes.values()), return_exceptions=True)
        for error in ended:
            if isinstance(error, NatsError | OSError | TimeoutError):
                raise SinkFailed(
                    f"NATS did not keep an event ({type(error).__name__})", code="publish", hint="look at its log"
                ) from None
            if isinstance(error, BaseException):
                raise error

    async def _lane(self, events: Sequence[Published]) -> None:
        for event in events:
            subject = ".".join((self._prefix, _token(event.tenant), _token(event.connection) or "_", event.type))
            headers = {"Nats-Msg-Id": event.id, "Content-Type": event.media_type}
            if event.trace:
                headers["traceparent"] = event.trace
            await self._writer.publish(subject, event.body, stream=self._stream, headers=headers)

    async def close(self) -> None:
        """Disconnect."""
        client, self._client, self._writer = self._client, None, None
        if client is not None:
            await client.close()


async def _heard(error: Exception) -> None:
    """Note what the client says on its own account."""
    _log.warning("nats_error", error=type(error).__name__)


def _token(text: str) -> str:
    """Make one token of a subject: no dot, no space, no wildcard."""
    return _NOT_A_TOKEN.sub("_", text)
