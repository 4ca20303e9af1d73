"""Doing things again: a call of the application, as it was or edited, and a webhook of the vendor."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import urlencode

from pydantic_core import to_json

from gateway.simulator.contact import Impossible
from gateway.simulator.journal import Entry
from gateway.simulator.phone.wire import request_of
from gateway.simulator.scene import Scene
from gateway.simulator.twin import Webhook

__all__ = ["App", "call_again", "tell_again"]

_MASK = "•••"
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
    content = body.encode() if body is not None else _content(request)

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        """The journal has the answer."""

    try:
        await app(scope, receive, send)
    except RuntimeError:
        raise Impossible("a fault broke the connection", hint="the journal shows the call without answer") from None


def _headers(scene: Scene, request: Entry) -> list[tuple[bytes, bytes]]:
    """Give the headers with the key where the journal has its mask."""
    headers = request.data["headers"]
    key = scene.api_keys[str(request.vendor)]
    shown = headers.items() if isinstance(headers, dict) else ()
    pairs = [(name, str(value).replace(_MASK, key)) for name, value in shown if name != "content-length"]
    return [(name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in pairs]


def _content(request: Entry) -> bytes:
    body = request.data["body"]
    if body is None:
        return b""
    return body.encode() if isinstance(body, str) else to_json(body)


def sample_of(scene: Scene, number: str) -> bytes:
    """Give a webhook's body as it was sent, secrets masked, for a file of samples; raises `Impossible`."""
    found = _hook(scene, int(number)) if number.isascii() and number.isdigit() else None
    if found is None:
        raise Impossible("the journal no longer has the webhook", hint="let it happen once more", status=404)
    return to_json(found.data["payload"], indent=2)


def _hook(scene: Scene, seq: int) -> Entry | None:
    hooks = scene.journal.entries("webhook", since=seq - 1, limit=1)
    return next((entry for entry in hooks if entry.seq == seq), None)


def tell_again(scene: Scene, seq: int) -> None:
    """Let a vendor tell a webhook once more, signed anew; raises `Impossible`."""
    found = _hook(scene, seq)
    if found is None or found.vendor not in scene.twins:
        raise Impossible("the journal no longer has the webhook", hint="let it happen once more", status=404)
    attempts = [entry for entry in scene.journal.entries("attempt", since=seq) if entry.data["webhook"] == seq]
    headers = attempts[0].data["headers"] if attempts else {}
    payload, message = found.data["payload"], found.data["message"]
    if not isinstance(payload, dict) or not isinstance(headers, dict):
        raise Impossible("the journal has only a part of the webhook", hint="let it happen once more", status=404)
    twin = scene.twins[found.vendor]
    twin.context.emit(
        Webhook(
            str(found.data["event"]),
            payload,
            # the signature among them is made anew; of two of one name the signer's holds
            {name: str(value) for name, value in headers.items() if name != "content-length"},
            message_id=message if isinstance(message, str) else None,
        )
    )
