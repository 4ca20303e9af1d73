"""Event streams on their way out: each has a place of its tenant's for as long as it is answered, and no longer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from starlette.responses import StreamingResponse

from gateway.server.body import Receive, Scope, Send
from gateway.server.rates import Streams

__all__ = ["EventStream"]


class EventStream(StreamingResponse):
    """A stream that was let in by `Streams.enter`, and leaves however it ends.

    Not by its pieces: whoever hangs up before the first of them has never begun to ask for any.
    """

    def __init__(
        self,
        pieces: AsyncIterator[bytes] | AsyncIterator[str],
        streams: Streams,
        tenant: str,
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(pieces, media_type="text/event-stream", headers=headers)
        self._streams = streams
        self._tenant = tenant

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and give the place back."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._streams.leave(self._tenant)
