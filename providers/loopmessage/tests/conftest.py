"""A connection, the hand that turns the crank of an exchange, and a twin at the other end of one."""

from collections.abc import Generator, Mapping
from typing import Any, Protocol, TypeVar
from urllib.parse import unquote

import pytest
from pydantic import JsonValue
from pydantic_core import to_json

from gateway.provider import Call, Event, Exchange, Reply, WebhookRequest
from gateway.simulator import Scene, TwinReply, TwinRequest, Webhook
from gateway.simulator.router import Router
from gateway_loopmessage import LoopMessage, LoopMessageSettings
from gateway_loopmessage.simulator import LoopMessageTwin

T = TypeVar("T")


class Feed(Protocol):
    """Runs an exchange with the answers given, each a status and a body; returns its result and its calls."""

    def __call__(self, exchange: Exchange[T], *answers: tuple[int, object]) -> tuple[T, list[Call]]: ...


def run(exchange: Generator[Call, Reply, T], *answers: tuple[int, object]) -> tuple[T, list[Call]]:
    """Turn the crank until the exchange returns; every answer has to be asked for, and no other one."""
    calls, replies = [next(exchange)], [Reply(status, body=_bytes(body)) for status, body in answers]
    try:
        while True:
            calls.append(exchange.send(replies.pop(0)))
    except StopIteration as done:
        assert replies == []
        result: T = done.value
        return result, calls


def _bytes(body: object) -> bytes:
    return body if isinstance(body, bytes) else to_json(body)


@pytest.fixture
def feed() -> Feed:
    """The hand."""
    return run


@pytest.fixture
def provider() -> LoopMessage:
    """A connection with a line and a webhook secret."""
    settings = {"api_key": "key-1", "sender": "line-1", "webhook_secret": "Bearer hook-1"}
    return LoopMessage(LoopMessageSettings.model_validate(settings))


PHONE = "+12025550123"


class Account:
    """A connection whose every call is answered by the twin, without a socket, on a clock that stands still."""

    def __init__(self) -> None:
        self.scene = Scene([LoopMessageTwin], seed=7)
        self.contact = self.scene.contact(PHONE)
        self.provider = LoopMessage(LoopMessageSettings.model_validate(self.scene.settings("loopmessage")))
        twin = self.scene.twins["loopmessage"]
        assert isinstance(twin, LoopMessageTwin)
        self.twin = twin
        self._router = Router((route.method, route.pattern, route.handler) for route in twin.routes())

    def switch(self, **switches: JsonValue) -> None:
        """Set switches of the twin; there are no others than it declares."""
        assert switches.keys() <= LoopMessageTwin.switches.keys()
        self.twin.context.switches.update(switches)

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, str] | None = None,
        authorization: str | None = "",
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        """Ask the twin with the account's key, another one, or (None) none, or by other headers; status and JSON."""
        if headers is None:
            key = self.twin.context.api_key if authorization == "" else authorization
            headers = {"authorization": key} if key is not None else {}
        reply = self._ask(method, path, query or {}, headers, b"" if body is None else _bytes(body))
        return reply.status, reply.json()

    def run(self, exchange: Exchange[T]) -> T:
        """Run an exchange against the twin."""
        return self.counted(exchange)[0]

    def counted(self, exchange: Exchange[T]) -> tuple[T, int]:
        """Run an exchange against the twin, and count its calls."""
        call, calls = next(exchange), 0
        while True:
            try:
                calls += 1
                call = exchange.send(self._answer(self.provider.authorize(call)))
            except StopIteration as end:
                result: T = end.value
                return result, calls

    async def hooks(self, seconds: float = 10) -> list[dict[str, JsonValue]]:
        """Let time pass; gives the payloads of all webhooks since the start."""
        await self.scene.clock.advance(seconds)
        assert self.scene.failures == []
        payloads = [entry.data["payload"] for entry in self.scene.journal.entries("webhook")]
        return [payload for payload in payloads if isinstance(payload, dict)]

    async def events(self, seconds: float = 10) -> list[Event]:
        """Let time pass; gives what the provider makes of all webhooks since the start, each verified."""
        return [event for payload in await self.hooks(seconds) for event in self._heard(payload)]

    def _heard(self, payload: dict[str, JsonValue]) -> list[Event]:
        body, now = to_json(payload), self.scene.clock.now()
        headers = self.twin.sign(Webhook("", payload), body, now, self.scene.secrets["loopmessage"])
        hook = WebhookRequest(tuple((name.lower(), value) for name, value in headers.items()), body, now)
        self.provider.verify(hook)
        return list(self.provider.parse(hook))

    def _answer(self, call: Call) -> Reply:
        base = self.provider.bases()[call.base].removeprefix(f"{self.scene.root}/loopmessage")
        headers = {name.lower(): value for name, value in call.headers.items()}
        body = b"" if call.json is None else to_json(call.json)
        return self._ask(call.method, f"{base}{call.path}", call.params, headers, body)

    def _ask(self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> Reply:
        found = self._router.find(method, path)
        if found is None or found.target is None:
            return Reply(404 if found is None else 405)
        request = TwinRequest(method, unquote(path), path, found.params, query, headers, body)
        reply = found.target(request)
        assert isinstance(reply, TwinReply)
        return Reply(reply.status, reply.headers, reply.content())


@pytest.fixture
def account() -> Account:
    """An account on which nothing has happened."""
    return Account()
