"""A vendor's twin without a socket: what it has to tell is kept and not sent, and signed when it is wanted."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar, cast
from urllib.parse import unquote

from pydantic import SecretStr
from pydantic_core import to_json

from gateway.actions import Policy, SendMessage
from gateway.codes import Phase
from gateway.drive import drive_blocking
from gateway.exchange import Call, Exchange, Reply
from gateway.fitting import fit
from gateway.ids import Token
from gateway.model import Chat, Message
from gateway.provider import Provider, WebhookRequest
from gateway.simulator import Contact, Deliver, Fault, FaultKind, Scene, SimClock, Twin, TwinRequest, Webhook
from gateway.simulator import Stage as FaultStage
from gateway.simulator.router import Router
from gateway.simulator.webhooks import WebhookSender

__all__ = ["Heard", "Stage", "secret_fields"]

T = TypeVar("T")

CONTACTS = ("+12025550123", "+12025550124", "+12025550125")
"""Numbers of the range that is kept for fiction."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One webhook that the vendor had to tell, and when."""

    webhook: Webhook
    at: datetime


@dataclass(slots=True)
class _Ear:
    """Stands where a scene's sender stands."""

    clock: SimClock
    heard: list[Heard] = field(default_factory=list)

    def emit(self, _: Twin, webhook: Webhook) -> None:
        """Keep one."""
        self.heard.append(Heard(webhook, self.clock.now()))


class Stage:
    """One vendor: its provider, its twin, and three contacts; time stands still until it is moved.

    The same seed and start make the same ids and times.
    """

    def __init__(self, provider: type[Provider[Any]], twin: type[Twin], *, seed: int, start: datetime) -> None:
        self.start: datetime = start
        clock = SimClock("virtual", start=start)
        self._scene = Scene([twin], seed=seed, clock=clock)
        self._ear = _Ear(clock)
        self._scene.sender = cast("WebhookSender", self._ear)
        self.twin: Twin = self._scene.twins[twin.name]
        self.provider: Provider[Any] = provider(provider.Settings.model_validate(self._scene.settings(twin.name)))
        self._routes = Router((route.method, route.pattern, route.handler) for route in self.twin.routes())
        self._sent = 0

    @property
    def vendor(self) -> str:
        """The twin's name."""
        return self.twin.name

    def contact(self, number: int = 0) -> Contact:
        """Give one of the contacts."""
        return self._scene.contact(CONTACTS[number])

    def send(self, chat: Chat, text: str) -> None:
        """Send a message of ours as the provider does; raises `GatewayError`."""
        for step in fit(chat, [Message(text)], self.provider.capabilities(), Policy.GRACEFUL).steps:
            if isinstance(step.action, SendMessage):
                self._sent += 1
                token = Token(f"trigger{self._sent:015d}")
                action = step.action.model_copy(update={"key": f"msg_trigger.0.{self._sent}", "token": token})
                self._run(self.provider.send_message(action))

    def spoil_next(self) -> None:
        """Have the next message of ours fail on its way, with a code that the vendor documents for that."""
        code = next((code for (phase, code), _ in self.provider.codes if phase is Phase.DELIVERY), None)
        self._scene.faults.add(Fault(stage=FaultStage.DELIVERY, kind=FaultKind.FAILED, code=code, message="failed"))

    def heard(self, seconds: float) -> list[Heard]:
        """Let time pass, and give all that the vendor had to tell since the last time."""
        _finish(self._scene.clock.advance(seconds))
        heard, self._ear.heard = self._ear.heard, []
        return heard

    def hook(self, heard: Heard, body: bytes, secret: str | None, at: datetime) -> WebhookRequest:
        """Give a webhook as it arrives, signed with a secret at a time; without one, with the twin's own."""
        with_this = secret or heard.webhook.secret or self.twin.context.secret
        proof = self.twin.sign(heard.webhook, body, at, with_this)
        headers = {"content-type": "application/json", **heard.webhook.headers, **proof}
        return WebhookRequest(tuple((name.lower(), value) for name, value in headers.items()), body, at)

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _run(self, exchange: Exchange[T]) -> T:
        return drive_blocking(exchange, self._answer)

    def _answer(self, call: Call) -> Reply:
        """Carry one call to the twin, with its credentials."""
        signed = self.provider.authorize(call)
        mount = f"{self._scene.root}/{self.vendor}"
        path = f"{self.provider.bases()[call.base].removeprefix(mount)}{signed.path}"
        headers = {"content-type": "application/json", **{name.lower(): text for name, text in signed.headers.items()}}
        body = b"" if signed.json is None else to_json(signed.json)
        found = self._routes.find(signed.method, path)
        if found is None or found.target is None:
            return Reply(404, {}, b"")
        answer = found.target(
            TwinRequest(signed.method, unquote(path), path, found.params, dict(signed.params), headers, body)
        )
        if isinstance(answer, Deliver):  # tells what an application said to a webhook: there is none here
            return Reply(404, {}, b"")
        lower = {name.lower(): text for name, text in answer.headers.items()}
        return Reply(answer.status, {"content-type": "application/json", **lower}, answer.content())


def secret_fields(twin: type[Twin]) -> tuple[str, ...]:
    """Name the settings of a connection that hold what its webhooks are proven with, by a twin's own settings."""
    scene = Scene([twin])
    known: Mapping[str, Any] = scene.settings(twin.name)
    secret = scene.secrets[twin.name]
    return tuple(name for name, value in known.items() if _plain(value) == secret)


def _plain(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _finish(work: Coroutine[Any, Any, Any]) -> None:
    """Run what waits for nothing but the virtual clock, without an event loop."""
    try:
        while work.send(None) is None:
            pass
    except StopIteration:
        return
    finally:
        work.close()
