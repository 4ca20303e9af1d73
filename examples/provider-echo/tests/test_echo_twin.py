"""The twin by hand: its handlers are called as the shell calls them, on a world whose time stands still."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from pydantic import JsonValue

from gateway.provider import (
    Address,
    Call,
    Channel,
    Chat,
    DeliveryState,
    DeliveryUpdated,
    Event,
    Message,
    MessageReceived,
    Reaction,
    ReactionAdded,
    SendMessage,
    Text,
    Token,
    WebhookRequest,
)
from gateway.simulator import Bubble, Fate, Phone, TwinReply, TwinRequest, Webhook, World
from gateway_echo import Echo, EchoSettings, api
from gateway_echo.simulator import EchoTwin

CONTACT = Address.parse("+447700900555")
TOKEN = Token("0123456789abcdefghijkl")


@dataclass
class Shell:
    """What the shell gives to a twin, with webhooks kept in a list."""

    world: World = field(default_factory=World)
    random: Random = field(default_factory=lambda: Random(7))
    api_key: str = "key-1"
    secret: str = "secret-1"
    switches: dict[str, JsonValue] = field(default_factory=dict)
    emitted: list[Webhook] = field(default_factory=list)

    def now(self) -> datetime:
        return self.world.clock.now()

    def emit(self, webhook: Webhook) -> None:
        self.emitted.append(webhook)

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        self.world.clock.later(seconds, action)


@pytest.fixture
def twin() -> EchoTwin:
    """A twin alone in its world."""
    return EchoTwin(Shell())


@pytest.fixture
def echo(twin: EchoTwin) -> Echo:
    """The provider with the settings that the twin hands out."""
    return Echo(EchoSettings.model_validate(twin.settings("https://twin.example/v1")))


def ask(twin: EchoTwin, call: Call, params: dict[str, str] | None = None) -> TwinReply:
    """Answer a call as the shell does: the first route with its method and number of segments."""
    segments = ("/v1" + call.path).split("/")
    body = b"" if call.json is None else json.dumps(call.json).encode()
    for route in twin.routes():
        pattern = route.pattern.split("/")
        pairs = list(zip(pattern, segments, strict=False))
        if route.method != call.method or len(pattern) != len(segments):
            continue
        if all(name == value or name.startswith("{") for name, value in pairs):
            found = {name[1:-1]: unquote(value) for name, value in pairs if name.startswith("{")}
            headers = {name.lower(): value for name, value in call.headers.items()}
            query = dict(call.params)
            return route.handler(TwinRequest(call.method, call.path, call.path, found, query, headers, body))
    raise AssertionError(f"no route for {call}")
