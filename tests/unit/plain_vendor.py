"""A vendor that speaks in our own words: its webhooks are our events as JSON, so tests say only what they are about."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError

from gateway.actions import DeliveryState
from gateway.connections import Connection
from gateway.events import AnyEvent, DeliveryUpdated, Event, MessageReceived
from gateway.model import Chat, Message, Part
from gateway.provider import (
    BadPayload,
    BadSignature,
    Call,
    Capabilities,
    CapabilityRow,
    CapabilityTable,
    CodeTable,
    Exchange,
    Missed,
    Provider,
    ProviderSettings,
    Receipt,
    Repeat,
    Reply,
    SendMessage,
    WebhookRequest,
    path,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PHONE = "+12025550123"
OTHER = "+12025550124"
PROOF = ("proof", "genuine")

_EVENTS: TypeAdapter[tuple[AnyEvent, ...]] = TypeAdapter(tuple[AnyEvent, ...])


def after(seconds: float) -> datetime:
    """Give a time so many seconds after `NOW`."""
    return NOW + timedelta(seconds=seconds)


class PlainSettings(ProviderSettings):
    """There is nothing to set."""


class Plain(Provider[PlainSettings]):
    """Parses a list of our events; a body with the word `crash` in it is too much for the parser."""

    name = "plain"
    title = "Plain"
    Settings = PlainSettings
    codes = CodeTable({})

    def bases(self) -> Mapping[str, str]:
        return {"api": "http://plain.example"}

    def authorize(self, call: Call) -> Call:
        return call

    def capabilities(self) -> CapabilityTable:
        return CapabilityTable(rows=(CapabilityRow(capabilities=Capabilities(levels={})),))

    def send_message(self, action: SendMessage) -> Exchange[Receipt]:
        raise AssertionError

    def verify(self, hook: WebhookRequest) -> None:
        if hook.header(PROOF[0]) == "crash":
            raise KeyError("proof")
        if hook.header(PROOF[0]) != PROOF[1]:
            raise BadSignature("no proof", hint="send the proof")

    def parse(self, hook: WebhookRequest) -> Sequence[Event]:
        if b"crash" in hook.body:
            raise KeyError("crash")
        try:
            return _EVENTS.validate_json(hook.body)
        except ValidationError:
            raise BadPayload("not a list of events") from None

    def missed(self, cursor: str | None, *, since: datetime | None = None) -> Exchange[Missed]:
        params = {"cursor": cursor or "", "since": since.isoformat() if since else ""}
        reply = yield Call("GET", path("/missed"), params=params, repeat=Repeat.SAFE)
        answer = json.loads(reply.body)
        hooks = [
            WebhookRequest((), item["body"].encode(), datetime.fromisoformat(item["at"])) for item in answer["hooks"]
        ]
        return Missed(hooks, answer["next"])


@dataclass
class History:
    """What the vendor kept, by page: it stands where the transport stands."""

    kept: list[tuple[datetime, bytes]] = field(default_factory=list)
    per_page: int = 2
    calls: list[Mapping[str, str]] = field(default_factory=list)

    def add(self, at: datetime, *events: Event) -> None:
        """Keep a webhook with these events."""
        self.kept.append((at, body_of(*events)))

    async def send(self, call: Call) -> Reply:
        """Answer with a page, of what is not older than asked."""
        self.calls.append(call.params)
        since = datetime.fromisoformat(call.params["since"])
        wanted = [(at, body) for at, body in self.kept if at >= since]
        begin = int(call.params["cursor"] or 0)
        end = begin + self.per_page
        hooks = [{"at": at.isoformat(), "body": body.decode()} for at, body in wanted[begin:end]]
        more = str(end) if end < len(wanted) else None
        return Reply(200, body=json.dumps({"hooks": hooks, "next": more}).encode())


def connection(history: History | None = None, name: str = "main") -> Connection:
    """Make a connection to it."""
    return Connection(name, Plain(PlainSettings()), history or History())  # type: ignore[arg-type]  # stands in for it


def body_of(*events: Event) -> bytes:
    """Write events as the vendor does."""
    return json.dumps([event.model_dump(mode="json") for event in events]).encode()


def hook(*events: Event, at: datetime = NOW, body: bytes | None = None, proof: str = PROOF[1]) -> WebhookRequest:
    """Make a webhook with events, or with any body."""
    content = body_of(*events) if body is None else body
    return WebhookRequest(((PROOF[0], proof), ("x-other", "kept")), content, at)


def written(vendor_id: str, *content: str | Part, phone: str = PHONE, **fields: Any) -> MessageReceived:
    """A contact wrote; without content, a text that says so."""
    message = Message(*(content or (f"text of {vendor_id}",)))
    made = {"key": f"hook:{vendor_id}", "vendor_id": vendor_id, "chat": Chat.direct(phone), "message": message}
    return MessageReceived.model_validate({**made, **fields})


def reported(vendor_id: str, state: DeliveryState = DeliveryState.DELIVERED, **fields: Any) -> DeliveryUpdated:
    """The vendor reports about a message of ours."""
    made = {"key": f"{vendor_id}:{state}", "vendor_id": vendor_id, "state": state, "chat": Chat.direct(PHONE)}
    return DeliveryUpdated.model_validate({**made, "ours": True, **fields})
