"""Providers with one defect each, on the way out: Echo, but for the lines below."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import SecretStr, ValidationError

from gateway.provider import (
    Actor,
    Attempt,
    Call,
    CapabilityRow,
    CapabilityTable,
    ChatKind,
    CodeRow,
    CodeTable,
    DeliveryState,
    Exchange,
    Feature,
    Found,
    GetStatus,
    Level,
    Message,
    Phase,
    Proof,
    ProviderSettings,
    Reaction,
    Receipt,
    Refused,
    Repeat,
    Reply,
    SendMessage,
    SendReaction,
    SetTyping,
    StatusReport,
    WebhookRequest,
    path,
)
from gateway_echo import Echo, EchoSettings, inbound, wire
from gateway_echo.errors import CODES
from gateway_echo.provider import CAPABILITIES


def declaring(**levels: Level) -> CapabilityTable:
    """Echo's table with more in it."""
    [row] = CAPABILITIES.rows
    more = {Feature[name.upper()]: level for name, level in levels.items()}
    capabilities = row.capabilities.model_copy(update={"levels": {**row.capabilities.levels, **more}})
    return CapabilityTable(rows=(row.model_copy(update={"capabilities": capabilities}),))


def limited(**limits: Any) -> CapabilityTable:
    """Echo's table with other limits."""
    [row] = CAPABILITIES.rows
    changed = row.capabilities.limits.model_copy(update=limits)
    return CapabilityTable(rows=(row.model_copy(update={"capabilities": row.capabilities.without(limits=changed)}),))


def changed(action: SendMessage, **fields: Any) -> SendMessage:
    """The action with something else in its message."""
    return action.model_copy(update={"messages": (action.message.model_copy(update=fields),)})


# ── what it says that it can ──────────────────────────────────────────────────────────────────────────────────────────


class ForgetsEffects(Echo):
    """Declares effects, and sends without."""

    def send_message(self, action: SendMessage) -> Exchange[Receipt]:
        return super().send_message(changed(action, effect=None))


class CutsTexts(Echo):
    """Declares 2000 characters, and sends 1000."""

    def send_message(self, action: SendMessage) -> Exchange[Receipt]:
        text = action.message.text
        return super().send_message(changed(action, parts=Message(text[:1000]).parts) if text else action)


class ForgetsReplies(Echo):
    """Declares replies, and sends a message of its own."""

    def send_message(self, action: SendMessage) -> Exchange[Receipt]:
        return super().send_message(changed(action, reply_to=None))


class ForgetsReferences(Echo):
    """Sends the token, and not the caller's reference."""

    def send_message(self, action: SendMessage) -> Exchange[Receipt]:
        return super().send_message(changed(action, reference=None))


class DeclaresSubjects(Echo):
    """Declares what it has no field for."""

    def capabilities(self) -> CapabilityTable:
        return declaring(subject=Level.FULL)


class DeclaresTooManyFiles(Echo):
    """Declares two attachments, of which there is a place for one."""

    def capabilities(self) -> CapabilityTable:
        return limited(attachment_count=2, part_count=2)


class DeclaresGroups(Echo):
    """Declares groups, which its vendor does not have."""

    def capabilities(self) -> CapabilityTable:
        [row] = declaring(group=Level.FULL).rows
        return CapabilityTable(rows=(row, row.model_copy(update={"kind": ChatKind.GROUP})))


class CannotTypeAndSays(Echo):
    """Overrides an action that its table does not have."""

    def set_typing(self, action: SetTyping) -> Exchange[Receipt]:
        yield Call("GET", path("/account"), repeat=Repeat.SAFE)
        return Receipt(chat=action.chat)


class DeclaresTyping(Echo):
    """Declares an action that it does not override."""

    def capabilities(self) -> CapabilityTable:
        return declaring(typing=Level.FULL)


class DeclaresHistory(Echo):
    """Declares a look-up that it does not have."""

    def capabilities(self) -> CapabilityTable:
        return declaring(history=Level.FULL)


class DeclaresReactionParts(Echo):
    """Declares reactions to a part, and reacts to the whole."""

    def capabilities(self) -> CapabilityTable:
        return declaring(reaction_part=Level.FULL)


class AlwaysLoves(Echo):
    """Sends one tapback for all."""

    def send_reaction(self, action: SendReaction) -> Exchange[Receipt]:
        return super().send_reaction(action.model_copy(update={"reaction": Reaction.parse("love")}))


class NeverTakesBack(Echo):
    """Reacts once more where it should take back."""

    def send_reaction(self, action: SendReaction) -> Exchange[Receipt]:
        return super().send_reaction(action.model_copy(update={"remove": False}))


class AlwaysQueued(Echo):
    """Looks a message up, and does not look at the answer."""

    def get_status(self, action: GetStatus) -> Exchange[StatusReport]:
        report = yield from super().get_status(action)
        return report.model_copy(update={"state": DeliveryState.QUEUED})


class PromisesMoreReports(Echo):
    """Does not declare what its vendor reports."""

    def capabilities(self) -> CapabilityTable:
        [row] = CAPABILITIES.rows
        return CapabilityTable(
            rows=(CapabilityRow(kind=row.kind, capabilities=row.capabilities.without(Feature.READ_REPORT)),)
        )


# ── what a copy of a call would do ────────────────────────────────────────────────────────────────────────────────────


def first_changed(exchange: Exchange[Receipt], **fields: Any) -> Exchange[Receipt]:
    """Change the first call of an exchange."""
    reply = yield replace(next(exchange), **fields)
    try:
        exchange.send(reply)
    except StopIteration as end:
        receipt: Receipt = end.value
        return receipt
    raise AssertionError


class ClaimsKeys(Echo):
    """Calls a send KEYED, and puts no key on the wire."""

    proof = Proof(key_window=Echo.proof.settle, token_returns=True)

    def send_message(self, action: SendMessage) -> Exchange[Receipt]:
        return first_changed(super().send_message(action), repeat=Repeat.KEYED)


class ClaimsSafety(Echo):
    """Calls a send SAFE."""

    def send_message(self, action: SendMessage) -> Exchange[Receipt]:
        return first_changed(super().send_message(action), repeat=Repeat.SAFE)


class LosesTokens(Echo):
    """Promises that tokens come back, and sends an old one."""

    def send_message(self, action: SendMessage) -> Exchange[Receipt]:
        return super().send_message(action.model_copy(update={"token": "an-old-token"}))


class HidesTokens(Echo):
    """Sends tokens that come back, and does not say so."""

    proof = Proof(token_returns=False)


class Counts(Echo):
    """Puts a number of its own on each call."""

    _numbers = itertools.count()

    def send_message(self, action: SendMessage) -> Exchange[Receipt]:
        return first_changed(super().send_message(action), headers={"x-number": str(next(self._numbers))})


class Remembers(Echo):
    """Keeps what it sent."""

    def send_message(self, action: SendMessage) -> Exchange[Receipt]:
        self.last = action.key
        return super().send_message(action)


class GluesPaths(Echo):
    """Makes a path by hand."""

    def get_status(self, action: GetStatus) -> Exchange[StatusReport]:
        reply = yield Call("GET", f"/messages/{action.vendor_id}", repeat=Repeat.SAFE)
        answer = reply.read(wire.MessageAnswer)
        return StatusReport(vendor_id=answer.id, state=DeliveryState(answer.status))


class SendsBytes(Echo):
    """Puts bytes into a call."""

    def send_message(self, action: SendMessage) -> Exchange[Receipt]:
        return first_changed(super().send_message(action), headers={"x-raw": b"\xff"})


# ── secrets ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class KeyInTheURL(Echo):
    """Sends its key as a parameter besides."""

    def authorize(self, call: Call) -> Call:
        signed = super().authorize(call)
        return replace(signed, params={**call.params, "key": self.settings.api_key.get_secret_value()})


class KeyInTheCall(Echo):
    """Puts its key on a call that is kept."""

    def send_message(self, action: SendMessage) -> Exchange[Receipt]:
        key = self.settings.api_key.get_secret_value()
        return first_changed(super().send_message(action), headers={"Authorization": f"Bearer {key}"})


class KeyOnTheOriginal(Echo):
    """Changes the call that is kept."""

    def authorize(self, call: Call) -> Call:
        signed = super().authorize(call)
        object.__setattr__(call, "headers", signed.headers)
        return signed


class PlainSettings(ProviderSettings):
    """Have a secret that anybody may read."""

    api_key: SecretStr
    """The key."""
    webhook_secret: str
    """The secret."""
    line: str | None = None
    """The line."""
    base_url: str = ""
    """Where the API is."""


class PlainSecret(Echo):
    """Has a setting that is a secret, and no `SecretStr`."""

    Settings = PlainSettings  # type: ignore[assignment]  # the defect

    def verify(self, hook: WebhookRequest) -> None:
        inbound.verify(hook, str(self.settings.webhook_secret))


class ShowsItself(Echo):
    """Tells its key to whoever prints it."""

    def __repr__(self) -> str:
        return f"<Echo {self.settings.api_key.get_secret_value()}>"


class OpenSettings(EchoSettings):
    """Take any key."""

    model_config: ClassVar = {"extra": "ignore"}


class TakesAnySetting(Echo):
    """Lets a misspelt setting pass."""

    Settings = OpenSettings


class ChecksNothing(Echo):
    """Says that the credentials work without asking."""

    def check(self) -> Exchange[str]:
        yield Call("GET", path("/messages"), params={"tag": "x"}, repeat=Repeat.SAFE)
        return "all is well"


# ── answers ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def rows_without(code: str) -> CodeTable:
    """Echo's table without one row."""
    return CodeTable({key: row for key, row in CODES if key != (Phase.CALL, code)})


class LacksARow(Echo):
    """Does not know a code that its vendor documents."""

    codes = rows_without("slow_down")


def answered(exchange: Exchange[Receipt], change: Any) -> Exchange[Receipt]:
    """Let a defect look at the answer first: what it returns is fed to the exchange, what it raises is raised."""
    reply = yield next(exchange)
    try:
        exchange.send(change(reply))
    except StopIteration as end:
        receipt: Receipt = end.value
        return receipt
    raise AssertionError


class ForgetsCodes(Echo):
    """Goes by the status alone."""

    def send_message(self, action: SendMessage) -> Exchange[Receipt]:
        return answered(super().send_message(action), self._look)

    def _look(self, reply: Reply) -> Reply:
        if not reply.ok:
            raise self.codes.error(reply)
        return reply


class SureOfFaults(Echo):
    """Takes a 5xx for a refusal."""

    def send_message(self, action: SendMessage) -> Exchange[Receipt]:
        return answered(super().send_message(action), self._look)

    def _look(self, reply: Reply) -> Reply:
        if reply.status >= 500:
            raise Refused("the vendor said no", status=reply.status, hint="stop")
        return reply


class ForgetsRetryAfter(Echo):
    """Does not read when to come again."""

    def send_message(self, action: SendMessage) -> Exchange[Receipt]:
        return answered(super().send_message(action), lambda reply: replace(reply, headers={}))


class TakesAnything(Echo):
    """Takes any 2xx for an acceptance."""

    def send_message(self, action: SendMessage) -> Exchange[Receipt]:
        return answered(super().send_message(action), self._look)

    def _look(self, reply: Reply) -> Reply:
        try:
            wire.MessageAnswer.model_validate_json(reply.body)
        except ValidationError:
            return replace(reply, body=b'{"id": "x", "status": "queued"}') if reply.ok else reply
        return reply


class RefusesTheUnreadable(Echo):
    """Calls an unreadable acceptance a refusal, which would be sent again."""

    def send_message(self, action: SendMessage) -> Exchange[Receipt]:
        return answered(super().send_message(action), self._look)

    def _look(self, reply: Reply) -> Reply:
        try:
            wire.MessageAnswer.model_validate_json(reply.body)
        except ValidationError:
            if reply.ok:
                raise Refused("the vendor said something else", hint="send it again") from None
        return reply


class Indexes(Echo):
    """Reads an answer without asking what it is."""

    def send_message(self, action: SendMessage) -> Exchange[Receipt]:
        return answered(super().send_message(action), self._look)

    def _look(self, reply: Reply) -> Reply:
        if reply.ok:
            str(reply.json()["id"])  # type: ignore[index, call-overload]  # the defect
        return reply


class ForbidsNewFields(Echo):
    """Takes a new field in an answer for a fault."""

    def send_message(self, action: SendMessage) -> Exchange[Receipt]:
        return answered(super().send_message(action), self._look)

    def _look(self, reply: Reply) -> Reply:
        answer = reply.json() if reply.ok else None
        if isinstance(answer, dict) and not answer.keys() <= {"id", "to", "from", "status", "code", "tag"}:
            return replace(reply, body=b"")
        return reply


# ── shape ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


class AnswersAtOnce(Echo):
    """Gives a result where an exchange is due."""

    def check(self) -> Exchange[str]:
        return "all is well"  # type: ignore[return-value]  # the defect


class ForAnotherBorder(Echo):
    """Was written for a border that is not there yet."""

    requires = 99


class CallsItAbsent(Echo):
    """Says that what it did not look for is not there."""

    def find(self, attempt: Attempt) -> Exchange[Found]:
        yield Call("GET", path("/account"), repeat=Repeat.SAFE)
        return Found(absent=True)


NO_HINT = CodeTable({**dict(CODES), (Phase.CALL, "new"): CodeRow(Refused, "new", Actor.CALLER, " ")})


class GivesNoHint(Echo):
    """Has a row that does not say what to do."""

    codes = NO_HINT
