"""Providers with one defect each, on the way in: Echo, but for the lines below; and twins that lie."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from pydantic import SecretStr

from gateway.provider import (
    BadPayload,
    BadSignature,
    Chat,
    DeliveryUpdated,
    Event,
    Exchange,
    MessageReceived,
    Reaction,
    ReactionAdded,
    ReactionRemoved,
    Registration,
    Reply,
    Signed,
    UnknownEvent,
    WebhookRequest,
)
from gateway.simulator import Bubble, Webhook
from gateway_echo import Echo
from gateway_echo.inbound import SIGNATURE, TIMESTAMP, sign
from gateway_echo.simulator import EchoTwin

_TODAY = datetime(2026, 1, 2, tzinfo=UTC)

# ── proof ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Trusts(Echo):
    """Lets everything pass."""

    def verify(self, hook: WebhookRequest) -> None:
        pass


class Judges(Echo):
    """Says what it found in place of raising it."""

    def verify(self, hook: WebhookRequest) -> None:
        super().verify(hook)
        return hook  # type: ignore[return-value]  # the defect


def signed_at(hook: WebhookRequest) -> datetime:
    """When a webhook says that it was signed."""
    text = hook.header(TIMESTAMP) or ""
    return datetime.fromtimestamp(int(text), UTC) if text.isdigit() and len(text) < 12 else hook.received_at


class Timeless(Echo):
    """Does not look at the time."""

    def verify(self, hook: WebhookRequest) -> None:
        super().verify(replace(hook, received_at=signed_at(hook)))


class LooksBackOnly(Echo):
    """Takes what was signed for a time to come."""

    def verify(self, hook: WebhookRequest) -> None:
        super().verify(replace(hook, received_at=max(hook.received_at, signed_at(hook))))


class LooksAheadOnly(Echo):
    """Takes what was signed long ago."""

    def verify(self, hook: WebhookRequest) -> None:
        super().verify(replace(hook, received_at=min(hook.received_at, signed_at(hook))))


class HasItsOwnClock(Echo):
    """Compares with this machine's time."""

    def verify(self, hook: WebhookRequest) -> None:
        super().verify(replace(hook, received_at=hook.received_at))
        if abs(_TODAY - hook.received_at) > timedelta(days=300):
            raise BadSignature("too old")


class SignsItsOwnWords(Echo):
    """Reads the JSON, writes it anew, and proves that."""

    def verify(self, hook: WebhookRequest) -> None:
        try:
            body = json.dumps(json.loads(hook.body), separators=(",", ":")).encode()
        except ValueError:
            raise BadSignature("no JSON") from None
        super().verify(replace(hook, body=body))


class TakesTheFirst(Echo):
    """Chooses between two headers of one name."""

    def verify(self, hook: WebhookRequest) -> None:
        first: dict[str, str] = {}
        for name, value in hook.headers:
            first.setdefault(name, value)
        super().verify(replace(hook, headers=tuple(first.items())))


class ComparesABeginning(Echo):
    """Compares some characters of the signature."""

    def verify(self, hook: WebhookRequest) -> None:
        timestamp, signature = hook.header(TIMESTAMP) or "", hook.header(SIGNATURE) or ""
        whole = sign(self.settings.webhook_secret.get_secret_value(), timestamp, hook.body)
        if whole[:8] == signature[:8]:
            signature = whole
        headers = {**dict(hook.headers), SIGNATURE: signature}
        super().verify(replace(hook, headers=tuple(headers.items())))
        if len([name for name, _ in hook.headers if name == SIGNATURE]) != 1:
            raise BadSignature("twice")


class Stumbles(Echo):
    """Raises what comes when a header is not what it expects."""

    def verify(self, hook: WebhookRequest) -> None:
        bytes.fromhex(hook.header(SIGNATURE) or "zz")
        super().verify(hook)


class TellsTheSecret(Echo):
    """Explains a refusal too well."""

    def verify(self, hook: WebhookRequest) -> None:
        try:
            super().verify(hook)
        except BadSignature:
            raise BadSignature(f"not signed with {self.settings.webhook_secret.get_secret_value()}") from None


class ShowsNothing(Echo):
    """Does not say what is signed."""

    def signed(self, hook: WebhookRequest) -> Signed | None:  # type: ignore[override]  # the defect
        return None


class ShowsItsOwnWords(Echo):
    """Shows the JSON written anew in place of the bytes that are signed."""

    def signed(self, hook: WebhookRequest) -> Signed:
        shown = super().signed(hook)
        return replace(shown, base=shown.base and shown.base.replace(b":", b": "))


class MakesUpTheTime(Echo):
    """Shows the time of arrival as the one that is signed."""

    def signed(self, hook: WebhookRequest) -> Signed:
        return replace(super().signed(hook), at=hook.received_at)


class ShowsTheSecret(Echo):
    """Shows too much."""

    def signed(self, hook: WebhookRequest) -> Signed:
        return replace(super().signed(hook), method=f"HMAC with {self.settings.webhook_secret.get_secret_value()}")


class AnySecretOfOurs(Echo):
    """Has a secret for all connections."""

    def verify(self, hook: WebhookRequest) -> None:
        timestamp, signature = hook.header(TIMESTAMP) or "", hook.header(SIGNATURE) or ""
        for secret in ("sim_0f0e0d0c0b0a09080706050403020100",):
            if hmac.compare_digest(sign(secret, timestamp, hook.body).encode(), signature.encode()):
                return
        super().verify(hook)


# ── parsing ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Parsing(Echo):
    """Does something to every event."""

    def parse(self, hook: WebhookRequest) -> Sequence[Event]:
        return [self.changed(event, hook) for event in super().parse(hook)]

    def changed(self, event: Event, hook: WebhookRequest) -> Event:
        """What it does."""
        return event


class KeysByTime(Parsing):
    """Makes a key of the time at which a webhook arrives."""

    def changed(self, event: Event, hook: WebhookRequest) -> Event:
        return event.model_copy(update={"key": f"{event.key}{hook.received_at}"})


class KeysByMessage(Parsing):
    """Gives all reports of one message one key."""

    def changed(self, event: Event, hook: WebhookRequest) -> Event:
        return event.model_copy(update={"key": event.vendor_id}) if isinstance(event, DeliveryUpdated) else event


class DropsTheRaw(Parsing):
    """Keeps nothing of what came."""

    def changed(self, event: Event, hook: WebhookRequest) -> Event:
        return event.model_copy(update={"raw": None})


class CallsAllOurs(Parsing):
    """Takes a contact's message for one of ours."""

    def changed(self, event: Event, hook: WebhookRequest) -> Event:
        return event.model_copy(update={"ours": True})


class CallsNothingOurs(Parsing):
    """Takes reports with our token for somebody else's."""

    def changed(self, event: Event, hook: WebhookRequest) -> Event:
        return event.model_copy(update={"ours": False})


class ReportsElsewhere(Parsing):
    """Files reports under the chat with our own line."""

    def changed(self, event: Event, hook: WebhookRequest) -> Event:
        if isinstance(event, DeliveryUpdated) and event.chat and event.chat.line:
            return event.model_copy(update={"chat": Chat.direct(event.chat.line)})
        return event


class AddsOnly(Parsing):
    """Does not see that a reaction was taken back."""

    def changed(self, event: Event, hook: WebhookRequest) -> Event:
        if isinstance(event, ReactionRemoved):
            return ReactionAdded.model_validate({**event.model_dump(), "type": "reaction.added"})
        return event


class ReactsToItself(Parsing):
    """Puts a reaction on the wrong message."""

    def changed(self, event: Event, hook: WebhookRequest) -> Event:
        if isinstance(event, ReactionAdded):
            return event.model_copy(update={"target": event.target.model_copy(update={"vendor_id": "em_other"})})
        return event


class HearsOneFile(Parsing):
    """Takes the first of several parts."""

    def changed(self, event: Event, hook: WebhookRequest) -> Event:
        if isinstance(event, MessageReceived):
            return event.model_copy(
                update={"message": event.message.model_copy(update={"parts": event.message.parts[:1]})}
            )
        return event


class ForgetsSenders(Parsing):
    """Does not say who wrote."""

    def changed(self, event: Event, hook: WebhookRequest) -> Event:
        return event.model_copy(update={"sender": None}) if isinstance(event, MessageReceived) else event


class Shrugs(Parsing):
    """Understands no reaction."""

    def changed(self, event: Event, hook: WebhookRequest) -> Event:
        if isinstance(event, ReactionAdded | ReactionRemoved):
            return UnknownEvent(key=event.key, reason="a reaction", raw=event.raw)
        return event


class Silent(Echo):
    """Loses what it does not understand."""

    def parse(self, hook: WebhookRequest) -> Sequence[Event]:
        try:
            return [event for event in super().parse(hook) if not isinstance(event, UnknownEvent)]
        except BadPayload:
            return []


class Picky(Echo):
    """Takes a new field for something that it does not know."""

    def parse(self, hook: WebhookRequest) -> Sequence[Event]:
        if b"kit_new_field" in hook.body:
            raise BadPayload("a new field")
        return super().parse(hook)


class LooksUpWords(Echo):
    """Looks a word up in a table that has not all of them."""

    def parse(self, hook: WebhookRequest) -> Sequence[Event]:
        events = super().parse(hook)
        payload = json.loads(hook.body)
        if isinstance(payload.get("data"), dict) and isinstance(payload["data"].get("reaction"), str):
            Reaction.parse(payload["data"]["reaction"])
        return events


class Unpacks(Echo):
    """Takes a field for a number without asking."""

    def parse(self, hook: WebhookRequest) -> Sequence[Event]:
        events = super().parse(hook)
        int(json.loads(hook.body).get("at", 0))
        return events


class Repeats(Echo):
    """Tells one fact twice."""

    def parse(self, hook: WebhookRequest) -> Sequence[Event]:
        return [*super().parse(hook), *super().parse(hook)]


class AnswersWrongly(Echo):
    """Tells the vendor that it failed."""

    def answer(self, hook: WebhookRequest) -> Reply:
        return Reply(500)


class TellsNobodyHow(Echo):
    """Leaves it to people to find out where the URL goes."""

    how_to_register = ("Ask the vendor",)


class UnregistersOnly(Echo):
    """Takes away what nobody could make."""

    def unregister(self, registration: str) -> Exchange[None]:
        yield from ()


class _Registers(Echo):
    """Has an API for webhooks, whose vendor remembers them; it stands in for calls."""

    made: ClassVar[list[str]] = []
    secret: ClassVar[Mapping[str, SecretStr]] = {"webhook_secret": SecretStr("a-secret-of-the-vendor")}

    def registered(self) -> Exchange[Sequence[Registration]]:
        yield from ()
        return [Registration(url, url) for url in self.made]

    def register(self, url: str, secret: SecretStr) -> Exchange[Registration]:
        yield from ()
        self.made[:] = [*(each for each in self.made if each != url), url]
        return Registration(url, url, settings=self.secret)

    def unregister(self, registration: str) -> Exchange[None]:
        yield from ()
        self.made[:] = [each for each in self.made if each != registration]


class RegistersTwice(_Registers):
    """Adds a URL that is there once more."""

    made: ClassVar[list[str]] = []

    def register(self, url: str, secret: SecretStr) -> Exchange[Registration]:
        yield from ()
        self.made.append(url)
        return Registration(url, url, settings=self.secret)


class KeepsTheSecret(_Registers):
    """Registers, and does not say by what its webhooks are proven."""

    made: ClassVar[list[str]] = []
    secret: ClassVar[Mapping[str, SecretStr]] = {}


# ── twins ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


class UnsignedTwin(EchoTwin):
    """Signs every webhook alike."""

    def sign(self, webhook: Webhook, body: bytes, now: datetime, secret: str) -> Mapping[str, str]:
        return super().sign(webhook, b"", now, secret)


class ForgetfulTwin(EchoTwin):
    """Returns no tag on its reports."""

    def progressed(self, bubble: Bubble) -> Sequence[Webhook]:
        return [replace(hook, payload=_untagged(hook.payload)) for hook in super().progressed(bubble)]


def _untagged(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {**payload, "data": {**payload["data"], "tag": None}}
