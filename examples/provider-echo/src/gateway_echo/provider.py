"""Echo as a provider: what it can carry, and which function does what."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import ClassVar

from gateway.provider import (
    AddressKind,
    Attempt,
    Call,
    Capabilities,
    CapabilityRow,
    CapabilityTable,
    ChatKind,
    Effect,
    Event,
    Exchange,
    Feature,
    Found,
    GetStatus,
    Level,
    Limits,
    Proof,
    Provider,
    Receipt,
    SendMessage,
    SendReaction,
    Signed,
    StatusReport,
    WebhookRequest,
    wrap_token,
)
from gateway_echo import api, inbound, outbound, wire
from gateway_echo.errors import CODES
from gateway_echo.settings import EchoSettings

__all__ = ["CAPABILITIES", "Echo"]

CAPABILITIES = CapabilityTable(
    rows=(
        CapabilityRow(
            kind=ChatKind.DIRECT,
            capabilities=Capabilities(
                levels={
                    Feature.TEXT: Level.FULL,
                    Feature.ATTACHMENT: Level.PARTIAL,
                    Feature.LINK: Level.FULL,
                    Feature.EFFECT: Level.PARTIAL,
                    Feature.REPLY: Level.FULL,
                    Feature.REFERENCE: Level.FULL,
                    Feature.DIRECT: Level.FULL,
                    Feature.REACTION: Level.FULL,
                    Feature.UNREACT: Level.FULL,
                    Feature.STATUS: Level.FULL,
                    Feature.DELIVERED: Level.FULL,
                    Feature.READ_REPORT: Level.FULL,
                    Feature.REACTION_REPORT: Level.FULL,
                },
                limits=Limits(
                    text_length=2000,
                    attachment_count=1,
                    part_count=1,
                    # a tag has 120 characters, and the token takes 27 of them
                    reference_length=120 - 27,
                    effects=frozenset({Effect.SLAM, Effect.CONFETTI}),
                    addresses=frozenset({AddressKind.PHONE}),
                ),
            ),
        ),
    )
)
"""Echo has direct chats only: a kind of chat without a row carries nothing."""


class Echo(Provider[EchoSettings]):
    """One account at Echo."""

    name = "echo"
    title = "Echo"
    invented = True
    Settings = EchoSettings
    codes = CODES
    proof = Proof(settle=timedelta(seconds=30), redelivery_window=timedelta(hours=1), token_returns=True)
    how_to_register: ClassVar[tuple[str, ...]] = (
        "Open the dashboard, then Webhooks",
        "Enter {url}, and copy the secret to webhook_secret",
    )
    simulator = "gateway_echo.simulator:EchoTwin"
    webhook_models = (wire.ReceivedHook, wire.StatusHook, wire.ReactionHook)
    webhook_words: ClassVar[Mapping[str, Collection[str]]] = {"data.status": outbound.STATES}

    def bases(self) -> Mapping[str, str]:
        return {"api": self.settings.base_url}

    def authorize(self, call: Call) -> Call:
        key = self.settings.api_key.get_secret_value()
        return call.with_headers({"Authorization": f"Bearer {key}"})

    def capabilities(self) -> CapabilityTable:
        return CAPABILITIES

    # ── the way out ───────────────────────────────────────────────────────────────────────────────────────────────

    def send_message(self, action: SendMessage) -> Exchange[Receipt]:
        answer = yield from api.send(outbound.send_body(action, self.settings.line))
        return outbound.receipt(answer, action)

    def send_reaction(self, action: SendReaction) -> Exchange[Receipt]:
        target, word = outbound.message_id(action.target), outbound.reaction_word(action)
        yield from api.unreact(target, word) if action.remove else api.react(target, word)
        return Receipt(chat=action.chat)

    def get_status(self, action: GetStatus) -> Exchange[StatusReport]:
        answer = yield from api.message(action.vendor_id)
        raw = answer.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return StatusReport(vendor_id=answer.id, state=outbound.state_of(answer.status), code=answer.code, raw=raw)

    def check(self) -> Exchange[str]:
        account = yield from api.account()
        return f"{account.name}, lines: {len(account.lines)}"

    # ── the way in ────────────────────────────────────────────────────────────────────────────────────────────────

    def verify(self, hook: WebhookRequest) -> None:
        inbound.verify(hook, self.settings.webhook_secret.get_secret_value())

    def signed(self, hook: WebhookRequest) -> Signed:
        return inbound.signed(hook)

    def parse(self, hook: WebhookRequest) -> Sequence[Event]:
        return inbound.parse(hook)

    # ── proof ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def find(self, attempt: Attempt) -> Exchange[Found]:
        tag = wrap_token(attempt.action.token, attempt.action.message.reference)
        found = yield from api.messages_by_tag(tag)
        ids = tuple(item.id for item in found.items)
        # Echo files a message before it answers: what is not in the list was never accepted
        return Found(vendor_ids=ids, absent=not ids)
