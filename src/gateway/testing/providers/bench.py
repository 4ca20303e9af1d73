"""The bench: one provider and its twin at the two ends of a wire, in this process, without a socket.

What the provider asks is answered by the twin's own handlers and journalled as the simulator does; what the twin has
to tell is kept, and signed when it is wanted. Time is the twin's virtual clock, and stands still until it is moved.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar, cast
from urllib.parse import unquote

from pydantic_core import to_json

from gateway.actions import (
    KeyedAction,
    MarkRead,
    Policy,
    Receipt,
    SendMessage,
    SendPoll,
    SendReaction,
    SetTyping,
    ShareContact,
    StepAction,
)
from gateway.drive import drive_blocking
from gateway.events import Event
from gateway.exchange import Call, Exchange, Reply
from gateway.fitting import Plan, fit, fit_reaction, fit_read, fit_typing
from gateway.ids import Token
from gateway.model import Chat, ChatKind, Message, MessageRef, Reaction
from gateway.provider import Provider, WebhookRequest
from gateway.simulator import Bubble, Contact, Scene, Tried, Twin, TwinRequest, Webhook
from gateway.simulator.router import Router
from gateway.simulator.twin import Deliver
from gateway.simulator.webhooks import WebhookSender

__all__ = ["Bench", "Heard", "Place", "token"]

T = TypeVar("T")

_CONNECTION = "kit"
_BOUNDARY = "gateway-kit"
_NOWHERE = "https://application.example/hook"


@dataclass(frozen=True, slots=True)
class Heard:
    """One webhook that the twin had to tell, and when."""

    webhook: Webhook
    at: datetime
    body: bytes = field(repr=False)


class _Ear:
    """Stands where a scene's sender stands, and keeps what twins emit in place of sending it."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.heard: list[Heard] = []

    def emit(self, twin: Twin, webhook: Webhook) -> None:
        """Keep one, and journal it as the sender does."""
        payload = dict(webhook.payload)
        self._scene.journal.record(
            "webhook", twin.name, event=webhook.event, message=webhook.message_id, payload=payload, sent_to=None
        )
        self.heard.append(Heard(webhook, self._scene.clock.now(), to_json(payload)))


@dataclass(frozen=True, slots=True)
class Place:
    """A chat in which a contact has written before, so that it may be written to."""

    chat: Chat
    contact: Contact
    group: str | None
    """The vendor's id of the group, where it is one."""
    written: Bubble | None
    """What the contact wrote; None where nobody could."""


@dataclass(slots=True)
class Bench:
    """A provider, its twin, and every call, answer and webhook between them."""

    provider: Provider[Any]
    scene: Scene
    contacts: Sequence[str]
    calls: list[Call] = field(default_factory=list)
    """Every call as the provider made it, before its credentials."""
    replies: list[Reply] = field(default_factory=list)
    """The answer to each."""
    _ear: _Ear = field(init=False)
    _routes: Router[Any] = field(init=False)
    _steps: int = 0

    def __post_init__(self) -> None:
        """Listen to the twin, and learn its routes."""
        self._ear = _Ear(self.scene)
        self.scene.sender = cast("WebhookSender", self._ear)
        self._routes = Router((route.method, route.pattern, route.handler) for route in self.twin.routes())

    @property
    def name(self) -> str:
        """The twin's name."""
        return self.twin.name

    @property
    def twin(self) -> Twin:
        """The vendor."""
        return next(iter(self.scene.twins.values()))

    # ── the way out ───────────────────────────────────────────────────────────────────────────────────────────────

    def run(self, exchange: Exchange[T]) -> T:
        """Run an exchange against the twin; raises what it raises."""
        return drive_blocking(exchange, self.answer)

    def answer(self, call: Call) -> Reply:
        """Carry one call to the twin, with its credentials."""
        self.calls.append(call)
        signed = self.provider.authorize(call)
        base = self.provider.bases()[call.base]
        mount = f"{self.scene.root}/{self.name}"
        assert base.startswith(mount), f"bases()[{call.base!r}] does not follow the settings of the twin"
        headers, body = _content(signed)
        reply = self._ask(call.method, f"{base.removeprefix(mount)}{signed.path}", signed.params, headers, body)
        self.replies.append(reply)
        return reply

    def _ask(self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> Reply:
        journal = self.scene.journal
        journal.record(
            "request",
            self.name,
            method=method,
            path=unquote(path),
            query=dict(query),
            headers=journal.headers(headers),
            body=journal.body(body),
        )
        found = self._routes.find(method, path)
        assert found is not None, f"the twin has no route for {method} {unquote(path)}"
        assert found.target is not None, f"the twin has {unquote(path)} for {', '.join(found.allowed)}, not {method}"
        answer = found.target(TwinRequest(method, unquote(path), path, found.params, query, headers, body))
        if isinstance(answer, Deliver):
            # the vendor tells what the application said to a webhook: here it takes each
            self._ear.emit(self.twin, answer.webhook)
            answer = answer.answer(Tried(answer.webhook, _NOWHERE, self.scene.clock.now(), 0.0, status=200))
        journal.record("answer", self.name, status=answer.status, body=journal.body(answer.content()))
        kind = {"content-type": "application/json"} if answer.json is not None else {}
        lower = {name.lower(): value for name, value in answer.headers.items()}
        return Reply(answer.status, {**kind, **lower}, answer.content())

    def action(self, action: StepAction) -> StepAction:
        """Give a fitted action the key and the token that the outbox gives to each step."""
        self._steps += 1
        if isinstance(action, KeyedAction):
            return action.model_copy(update={"key": f"msg_kit.0.{self._steps}", "token": token(self._steps)})
        return action

    def carry(self, action: StepAction) -> Receipt:
        """Run the exchange of one step."""
        match action:
            case SendMessage():
                return self.run(self.provider.send_message(action))
            case SendReaction():
                return self.run(self.provider.send_reaction(action))
            case SetTyping():
                return self.run(self.provider.set_typing(action))
            case MarkRead():
                return self.run(self.provider.mark_read(action))
            case SendPoll():
                return self.run(self.provider.send_poll(action))
            case ShareContact():
                return self.run(self.provider.share_contact(action))

    def fitted(self, chat: Chat, *messages: Message | str) -> list[StepAction]:
        """Fit messages under `strict`; gives the actions of their steps, with keys and tokens."""
        whole = [Message(each) if isinstance(each, str) else each for each in messages]
        plan = fit(chat, whole, self.provider.capabilities(), Policy.STRICT)
        return [self.action(step.action) for step in plan.steps]

    def send(self, chat: Chat, *messages: Message | str) -> list[Receipt]:
        """Send messages under `strict`; raises `Unsupported` and what the exchange raises."""
        return [self.carry(action) for action in self.fitted(chat, *messages)]

    def react(self, chat: Chat, target: MessageRef, reaction: Reaction, *, remove: bool = False) -> None:
        """React under `strict`, or take it back; raises as `send` does."""
        table = self.provider.capabilities()
        self._carry_all(fit_reaction(chat, target, reaction, remove=remove, table=table, policy=Policy.STRICT))

    def type(self, chat: Chat, target: MessageRef, *, on: bool = True) -> None:
        """Show our typing dots, or take them away, under `strict`; raises as `send` does."""
        table = self.provider.capabilities()
        self._carry_all(fit_typing(chat, on=on, seconds=None, target=target, table=table, policy=Policy.STRICT))

    def read(self, chat: Chat, target: MessageRef) -> None:
        """Mark a chat as read under `strict`; raises as `send` does."""
        self._carry_all(fit_read(chat, target=target, table=self.provider.capabilities(), policy=Policy.STRICT))

    def _carry_all(self, plan: Plan) -> None:
        for step in plan.steps:
            self.carry(self.action(step.action))

    # ── the way in ────────────────────────────────────────────────────────────────────────────────────────────────

    def pass_time(self, seconds: float = 3600) -> None:
        """Let the twin's time pass; raises what a twin raised meanwhile, as a group."""
        _finish(self.scene.clock.advance(seconds))
        if self.scene.failures:
            raise ExceptionGroup("the twin failed", self.scene.failures)

    def heard(self, seconds: float = 3600) -> list[Heard]:
        """Let time pass, and give all that the twin had to tell since the last time."""
        self.pass_time(seconds)
        heard, self._ear.heard = self._ear.heard, []
        return heard

    def hook(self, heard: Heard, *, body: bytes | None = None, at: datetime | None = None) -> WebhookRequest:
        """Give a webhook as it arrives, signed by the twin; with `body` it is signed over another one."""
        content, when = heard.body if body is None else body, at or heard.at
        headers = {"content-type": "application/json", **heard.webhook.headers, **self.proof(heard, content, when)}
        lower = tuple((name.lower(), value) for name, value in headers.items())
        return WebhookRequest(lower, content, heard.at)

    def proof(self, heard: Heard, body: bytes, at: datetime) -> Mapping[str, str]:
        """Give the headers by which the twin proves a body, sent at a time."""
        secret = heard.webhook.secret or self.twin.context.secret
        return self.twin.sign(heard.webhook, body, at, secret)

    def parse(self, hook: WebhookRequest) -> list[Event]:
        """Parse a webhook, and give each event what the core knows of it."""
        return [
            event.stamped(connection=_CONNECTION, provider=self.provider.name, received_at=hook.received_at)
            for event in self.provider.parse(hook)
        ]

    def events(self, seconds: float = 3600) -> list[Event]:
        """Let time pass, and give the events of all that the twin had to tell; each webhook has to prove itself."""
        hooks = [self.hook(heard) for heard in self.heard(seconds)]
        for hook in hooks:
            self.provider.verify(hook)
        return [event for hook in hooks for event in self.parse(hook)]

    # ── the world ─────────────────────────────────────────────────────────────────────────────────────────────────

    def contact(self, number: int = 0) -> Contact:
        """Give one of the contacts."""
        return self.scene.contact(self.contacts[number])

    def place(self, kind: ChatKind = ChatKind.DIRECT) -> Place:
        """Open a chat: a contact writes in it first, where the kind of chat has contacts who can."""
        first, line = self.contact(), self.twin.lines[0]
        if kind is ChatKind.GROUP:
            bubble = first.start_group([self.contact(1).address], "hello all", vendor=self.name)
            group = bubble.thread.group
            return Place(Chat.of_group(str(group), line=line), first, group, bubble)
        for number in range(len(self.contacts)):
            self.contact(number).write("hello", vendor=self.name)
        if kind is ChatKind.SEVERAL:
            return self._several(first, Chat.several(*self.contacts[:2], line=line))
        written = first.write("are you there?", vendor=self.name)
        return Place(Chat.direct(first.address, line=line), first, None, written)

    def _several(self, first: Contact, chat: Chat) -> Place:
        """We write to several addresses, and one of them answers in the group that this made, where it made one."""
        self.send(chat, "hello all")
        group = self.bubbles()[-1].thread.group
        written = None if group is None else first.write("hello you", vendor=self.name, group=group)
        return Place(chat, first, group, written)

    def last_written(self) -> Bubble:
        """Give what the first contact wrote last, alone with us; raises `AssertionError` where there is nothing."""
        found = self.contact().thread(self.name).last(ours=False)
        assert found is not None, "the contact has not written yet"
        return found

    def bubbles(self, *, ours: bool = True) -> list[Bubble]:
        """Give all messages of one side, in the order in which they were put into the world."""
        put = [each.data for each in self.scene.journal.entries("world") if each.data["what"] == "message"]
        found = [self.scene.world.find(self.name, str(data["message"])) for data in put if data["ours"] is ours]
        return [bubble for bubble in found if bubble is not None]

    def wire(self, since: int = 0) -> str:
        """Give all that the twin was asked since an entry of its journal, as JSON text."""
        entries = self.scene.journal.entries("request", since=since)
        return to_json([dict(entry.data) for entry in entries]).decode()

    def doings(self, what: str, *, since: int = 0) -> list[Mapping[str, Any]]:
        """Give what we did in the world, by the journal; `what` is `typing`, `read`, `reacted` and the like."""
        entries = self.scene.journal.entries("world", since=since)
        return [entry.data for entry in entries if entry.data["what"] == what and entry.data.get("ours")]


def token(number: int) -> Token:
    """Make a token in the form of ours."""
    return Token(f"kit{number:019d}")


def _content(call: Call) -> tuple[dict[str, str], bytes]:
    """Give headers and body as the transport sends them; files are made up, for none is opened here."""
    headers = {name.lower(): value for name, value in call.headers.items()}
    if call.files:
        parts = [
            f"--{_BOUNDARY}\r\ncontent-disposition: form-data; name={name!r}; filename={blob.name!r}\r\n"
            f"content-type: {blob.media_type}\r\n\r\nmade up\r\n"
            for name, blob in call.files.items()
        ]
        body = "".join([*parts, f"--{_BOUNDARY}--\r\n"]).replace("'", '"').encode()
        return {**headers, "content-type": f"multipart/form-data; boundary={_BOUNDARY}"}, body
    if call.json is None:
        return headers, b""
    return {"content-type": "application/json", **headers}, to_json(call.json)


def _finish(work: Coroutine[Any, Any, Any]) -> None:
    """Run what waits for nothing but the virtual clock, without an event loop."""
    try:
        while True:
            waits = work.send(None)
            assert waits is None, "the twin waits for something outside its clock"
    except StopIteration:
        return
    finally:
        work.close()
