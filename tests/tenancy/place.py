"""What the tests of tenants share: a clock, and a vendor with secrets, an API for webhooks, and our own words."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import EntryPoint
from typing import Any, ClassVar

from pydantic import BaseModel, Field, SecretStr, TypeAdapter, ValidationError, field_validator

from gateway.plugins import Plugins, load_entries
from gateway.provider import (
    AnyEvent,
    BadPayload,
    BadSignature,
    Call,
    Capabilities,
    CapabilityRow,
    CapabilityTable,
    Chat,
    CodeTable,
    Event,
    Exchange,
    Feature,
    Level,
    Provider,
    ProviderSettings,
    Receipt,
    Registration,
    Repeat,
    SendMessage,
    Sent,
    WebhookRequest,
    hookimpl,
    path,
)
from gateway.testing.answering import answering

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PHONE = "+12025550123"
OTHER = "+12025550124"
CONTACT = "contact:c-1"
"""The vendor's own name of who has the phone; its answer to a send tells."""
API_KEY = "canary-api-key-4711"
SECRET = "canary-webhook-secret-4712"
BUILT_IN = {"api_key": API_KEY, "webhook_secret": SECRET}

_EVENTS: TypeAdapter[tuple[AnyEvent, ...]] = TypeAdapter(tuple[AnyEvent, ...])


class Clock:
    """A clock that is moved by hand."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(max(seconds, 0), 0.01))

    def move(self, by: timedelta) -> None:
        """Let time pass."""
        self._now += by


class Nested(BaseModel):
    """A part of the settings that holds a secret."""

    pin: SecretStr | None = None


class VaultySettings(ProviderSettings):
    """What the vendor asks."""

    api_key: SecretStr = Field(min_length=4)
    webhook_secret: SecretStr | None = None
    more_secrets: tuple[SecretStr, ...] = ()
    nested: Nested | None = None
    line: str | None = Field(default=None, repr=False)
    base_url: str = "http://127.0.0.1:9"
    answers: int = 3

    @field_validator("line")
    @classmethod
    def _is_a_line(cls, line: str | None) -> str | None:
        if line == "bad":
            raise ValueError("this is no line")
        return line


class Vaulty(Provider[VaultySettings]):
    """Signs with its secret; webhooks are lists of our own events as JSON."""

    name: ClassVar[str] = "vaulty"
    title: ClassVar[str] = "Vaulty"
    Settings = VaultySettings
    codes: ClassVar[CodeTable] = CodeTable({})
    how_to_register: ClassVar[tuple[str, ...]] = ("Open the dashboard", "Enter {url}")

    def bases(self) -> Mapping[str, str]:
        return {"api": self.settings.base_url}

    def authorize(self, call: Call) -> Call:
        return replace(call, headers={**call.headers, "x-key": self.settings.api_key.get_secret_value()})

    def capabilities(self) -> CapabilityTable:
        return CapabilityTable(
            rows=(
                CapabilityRow(capabilities=Capabilities(levels={Feature.TEXT: Level.FULL, Feature.DIRECT: Level.FULL})),
            )
        )

    def send_message(self, action: SendMessage) -> Exchange[Receipt]:
        reply = yield Call(
            "POST",
            path("/send"),
            json={"to": action.chat.identity, "text": action.messages[0].text},
            repeat=Repeat.NEVER,
        )
        alias = Chat.direct(PHONE) if action.chat.text == CONTACT else None
        return Receipt(sent=(Sent(vendor_id=json.loads(reply.body)["id"]),), chat=action.chat, alias=alias)

    def check(self) -> Exchange[str]:
        yield Call("GET", path("/me"), repeat=Repeat.SAFE)
        return "it works"

    def verify(self, hook: WebhookRequest) -> None:
        secret = self.settings.webhook_secret
        given = hook.header("x-signature") or ""
        if secret is None or not hmac.compare_digest(sign(secret.get_secret_value(), hook.body), given):
            raise BadSignature("the signature does not match")

    def parse(self, hook: WebhookRequest) -> Sequence[Event]:
        try:
            return _EVENTS.validate_json(hook.body)
        except ValidationError:
            raise BadPayload("not a list of events") from None

    def registered(self) -> Exchange[Sequence[Registration]]:
        reply = yield Call("GET", path("/hooks"), repeat=Repeat.SAFE)
        return [Registration(item["id"], item["url"]) for item in json.loads(reply.body)]

    def register(self, url: str, secret: SecretStr) -> Exchange[Registration]:
        reply = yield Call("POST", path("/hooks"), json={"url": url}, repeat=Repeat.SAFE)
        made = json.loads(reply.body)
        return Registration(made["id"], url, settings={"webhook_secret": SecretStr(made["secret"])})

    def unregister(self, registration: str) -> Exchange[None]:
        yield Call("DELETE", path("/hooks/{id}", id=registration), repeat=Repeat.SAFE)


class Vendor:
    """The vendor's API: a few lines of HTTP on a socket."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.hooks: dict[str, str] = {}
        self.url = ""
        self.forgets = False
        """Takes webhooks and lists none."""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and hang up."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        size = next((int(line[15:]) for line in head.lower().split("\r\n") if line.startswith("content-length:")), 0)
        method, where, _ = head.split(" ", 2)
        body = json.dumps(self._told(method, where, json.loads(await reader.readexactly(size) or b"null"))).encode()
        said = f"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        writer.write(said + body)
        await writer.drain()

    def _told(self, method: str, where: str, given: Any) -> Any:
        match method, where.removeprefix("/").split("/"):
            case "POST", ["send"]:
                self.sent.append(given["to"])
                return {"id": f"v{len(self.sent)}"}
            case "POST", ["hooks"]:
                self.hooks["h1"] = given["url"]
                return {"id": "h1", "secret": "canary-made-by-the-vendor"}
            case "GET", ["hooks"]:
                return [] if self.forgets else [{"id": id_, "url": url} for id_, url in self.hooks.items()]
            case "DELETE", ["hooks", id_]:
                del self.hooks[id_]
        return {}


@asynccontextmanager
async def vendor() -> AsyncIterator[Vendor]:
    """Run the vendor's API."""
    found = Vendor()
    async with answering(found.answer) as port:
        found.url = f"http://127.0.0.1:{port}"
        yield found


def sign(secret: str, body: bytes) -> str:
    """Sign a body as the vendor does."""
    return hmac.new(secret.encode(), body, "sha256").hexdigest()


@hookimpl
def gateway_providers() -> list[type[Provider[Any]]]:
    """Offer the vendor."""
    return [Vaulty]


def plugins() -> Plugins:
    """Load the vendor alone."""
    return load_entries([EntryPoint("vaulty", "tests.tenancy.place", "messaging_gateway")])


def hook(*events: Event, secret: str = SECRET) -> tuple[list[tuple[str, str]], bytes]:
    """Make a webhook of events: its headers and its body."""
    return signed(_EVENTS.dump_json(tuple(events), warnings=False), secret)  # type: ignore[arg-type]  # any of ours


def signed(body: bytes, secret: str = SECRET) -> tuple[list[tuple[str, str]], bytes]:
    """Make a webhook of any body."""
    return [("x-signature", sign(secret, body))], body
