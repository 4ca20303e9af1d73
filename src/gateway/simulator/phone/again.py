"""A call of the application made again, as it was or edited; and a webhook as a file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import urlencode

from pydantic_core import to_json

from gateway.simulator.contact import Impossible
from gateway.simulator.journal import Entry
from gateway.simulator.phone.wire import request_of
from gateway.simulator.scene import Scene
from gateway.simulator.telling import webhook_of

__all__ = ["App", "call_again", "sample_of"]

App: TypeAlias = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]
"""The simulator itself, as ASGI."""


async def call_again(scene: Scene, app: App, seq: int, body: str | None) -> None:
    """Ask a twin what an application asked it, with the account's own key; `body` in the place of what was sent.

    Everything happens that happened to the first one: validation, faults, the journal. Raises `Impossible`.
    """
    request = request_of(scene, seq)
    if request is None:
        raise Impossible("the journal no longer has the call", hint="make the call once more", status=404)
    path = f"/{request.vendor}{request.data['raw_path']}"
    query = request.data["query"]
    scope: dict[str, Any] = {
        "type": "http",
        "method": request.data["method"],
        "path": path,
        "raw_path": path.encode("latin-1", "replace"),
        "query_string": urlencode(query if isinstance(query, dict) else {}).encode(),
        "headers": _headers(scene, request),
    }
    content = body.encode() if body is not None else _body(scene, request)

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        """The journal has the answer."""

    try:
        await app(scope, receive, send)
    except RuntimeError:
        raise Impossible("a fault broke the connection", hint="the journal shows the call without answer") from None


def _body(scene: Scene, request: Entry) -> bytes:
    original = scene.originals.find(request.seq)
    return original.body if original else b""


def _headers(scene: Scene, request: Entry) -> list[tuple[bytes, bytes]]:
    """Give the headers as they were, with the keys that the journal masks."""
    original = scene.originals.find(request.seq)
    if original is None:
        raise Impossible("the keys of the call are forgotten", hint="make the call once more", status=404)
    pairs = [(name, value) for name, value in original.headers.items() if name != "content-length"]
    return [(name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in pairs]


def sample_of(scene: Scene, number: str) -> bytes:
    """Give a webhook's body as it was sent, secrets masked, for a file of samples; raises `Impossible`."""
    found = webhook_of(scene, int(number)) if number.isascii() and number.isdigit() and len(number) < 16 else None
    if found is None:
        raise Impossible("the journal no longer has the webhook", hint="let it happen once more", status=404)
    return to_json(found.data["payload"], indent=2)
