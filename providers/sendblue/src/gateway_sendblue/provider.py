"""Sendblue as a provider: which words it carries, and how each is carried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import ClassVar

from pydantic import SecretStr

from gateway.provider import (
    AddMember,
    AddressKind,
    Attempt,
    Call,
    Capabilities,
    CapabilityRow,
    CapabilityTable,
    ChatKind,
    CheckReachability,
    CodeTable,
    DeliveryState,
    Event,
    Exchange,
    Feature,
    Found,
    GetHistory,
    GetStatus,
    Group,
    HistoryItem,
    Level,
    Limits,
    ListMembers,
    MarkRead,
    Member,
    Missed,
    Pace,
    Page,
    Proof,
    Provider,
    Reachability,
    Receipt,
    Registration,
    RemoveMember,
    RenameGroup,
    Repeat,
    Rules,
    Scope,
    SenderUnavailable,
    SendMessage,
    SendReaction,
    SetTyping,
    Signed,
    StatusReport,
    Unsubscribe,
    WebhookRequest,
    redact,
)
from gateway_sendblue import asked, history, inbound, outbound, registering, signature, wire
from gateway_sendblue.api import lines, messages
from gateway_sendblue.errors import CODES, code_of, words_of
from gateway_sendblue.settings import SendblueSettings

__all__ = ["Sendblue"]


class Sendblue(Provider[SendblueSettings]):
    """Sendblue: iMessage, and by the vendor's own choice RCS or SMS where the contact has no iMessage."""

    name: ClassVar[str] = "sendblue"
    title: ClassVar[str] = "Sendblue"
    Settings = SendblueSettings
    codes: ClassVar[CodeTable] = CODES
    # No idempotency key exists. Our token returns only where `callback_url` is set, which a call then says by itself.
    # Three retries, whose pauses are not documented; a day leaves room for a queue that stood still.
    proof: ClassVar[Proof] = Proof(settle=timedelta(seconds=30), redelivery_window=timedelta(hours=24))
    how_to_register: ClassVar[tuple[str, ...]] = (
        "Open the dashboard, then API settings, then Webhooks",
        "Enter {url} for the types receive and outbound",
        "Enter {url}?type=TYPE for every other type, with its name for TYPE",
        "Set a secret for them, and give it to this connection as webhook_secret",
    )
    simulator: ClassVar[str] = "gateway_sendblue.simulator:SendblueTwin"
    webhook_models: ClassVar = (wire.WebhookBody, wire.TypingHook, wire.CallHook, wire.LineHook)
    webhook_words: ClassVar = inbound.WORDS

    def bases(self) -> Mapping[str, str]:
        return {"api": self.settings.base_url}

    def authorize(self, call: Call) -> Call:
        return call.with_headers(
            {
                "sb-api-key-id": self.settings.api_key_id.get_secret_value(),
                "sb-api-secret-key": self.settings.api_secret_key.get_secret_value(),
            }
        )

    def capabilities(self) -> CapabilityTable:
        return _table(self.settings)

    def rules(self) -> Rules:
        """One message a second leaves a dedicated line; how many new contacts a day it may reach, the account says."""
        if not self.settings.messages_per_second:
            return Rules()
        pace = Pace(
            "line",
            Scope.LINE,
            1 / self.settings.messages_per_second,
            why=f"the vendor's pace of {self.settings.messages_per_second:g} a second for one line",
        )
        return Rules(paces=(pace,))

    # ── the way out ───────────────────────────────────────────────────────────────────────────────────────────────

    def send_message(self, action: SendMessage) -> Exchange[Receipt]:
        body = outbound.send_body(action, self.settings)
        repeat = Repeat.TRACED if self.settings.callback_url else Repeat.NEVER
        send = messages.send_group if outbound.to_group(action.chat) else messages.send
        answer = yield from send(body, repeat=repeat)
        return outbound.receipt(action, answer, body)

    def send_reaction(self, action: SendReaction) -> Exchange[Receipt]:
        answer = yield from messages.react(outbound.reaction(action, self.settings))
        return Receipt(chat=action.chat, raw=(answer.dump(),))

    def set_typing(self, action: SetTyping) -> Exchange[Receipt]:
        answer = yield from messages.set_typing(outbound.typing(action, self.settings))
        return Receipt(chat=action.chat, raw=(answer.dump(),))

    def mark_read(self, action: MarkRead) -> Exchange[Receipt]:
        number, line = outbound.reader(action, self.settings)
        answer = yield from messages.mark_read(number, line)
        return Receipt(chat=action.chat, raw=(answer.dump(),))

    def get_status(self, action: GetStatus) -> Exchange[StatusReport]:
        answer = yield from messages.status(action.vendor_id)
        code = code_of(answer)
        state = inbound.state_of(answer.status, code) or DeliveryState.UNKNOWN
        failed = state in (DeliveryState.FAILED, DeliveryState.UNKNOWN)
        row = next((row for (_, known), row in CODES if known == code), None) if failed else None
        words = words_of(answer) if failed else None
        return StatusReport(
            vendor_id=action.vendor_id,
            state=state,
            channel=inbound.channel_of(answer),
            code=code if failed else None,
            reason=redact(words) if words else None,
            retriable=row.retriable if row else None,
            occurred_at=inbound.moment_of(answer.date_updated, answer.date_created),
            raw=answer.dump(),
        )

    def check(self) -> Exchange[str]:
        states = (yield from lines.states()).data
        online = [line for line in states if line.status == "ONLINE"]
        wanted = self.settings.from_number
        if wanted is not None and wanted not in {line.sendblue_number for line in states}:
            raise SenderUnavailable(
                "from_number is not a line of this account", hint="take one of those that api.lines.states() names"
            )
        return f"{len(states)} lines, {len(online)} of them online"

    # ── asked directly ────────────────────────────────────────────────────────────────────────────────────────────

    def get_history(self, action: GetHistory) -> Exchange[Page[HistoryItem]]:
        return asked.get_history(action)

    def check_reachability(self, action: CheckReachability) -> Exchange[Reachability]:
        return asked.check_reachability(action)

    def unsubscribe(self, action: Unsubscribe) -> Exchange[None]:
        return asked.unsubscribe(action)

    def rename_group(self, action: RenameGroup) -> Exchange[Group]:
        return asked.rename_group(action)

    def list_members(self, action: ListMembers) -> Exchange[Page[Member]]:
        lines = (action.chat.line, self.settings.from_number)
        return asked.list_members(action, frozenset(line for line in lines if line))

    def add_member(self, action: AddMember) -> Exchange[Group]:
        return asked.add_member(action)

    def remove_member(self, action: RemoveMember) -> Exchange[Group]:
        return asked.remove_member(action)

    # ── the way in ────────────────────────────────────────────────────────────────────────────────────────────────

    def verify(self, hook: WebhookRequest) -> None:
        signature.verify(hook, self.settings)

    def signed(self, hook: WebhookRequest) -> Signed:
        return signature.signed(hook)

    def parse(self, hook: WebhookRequest) -> Sequence[Event]:
        return inbound.parse(hook)

    def registered(self) -> Exchange[Sequence[Registration]]:
        return registering.registered()

    def register(self, url: str, secret: SecretStr) -> Exchange[Registration]:
        return registering.register(url, secret, self.settings)

    def unregister(self, registration: str) -> Exchange[None]:
        return registering.unregister(registration)

    # ── proof ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def find(self, attempt: Attempt) -> Exchange[Found]:
        return history.find(attempt)

    def missed(self, cursor: str | None, *, since: datetime | None = None) -> Exchange[Missed]:
        return history.missed(cursor, since)


# ── what it can carry ─────────────────────────────────────────────────────────────────────────────────────────────

_TEXT_LENGTH = 18_995
"""docs.sendblue.com: fewer than 18,996 characters."""

_SENDS = MappingProxyType(
    {
        **dict.fromkeys(
            (
                Feature.TEXT,
                Feature.LINK,
                Feature.EFFECT,
                Feature.REPLY,
                Feature.REPLY_PART,
                Feature.DELIVERED,
                Feature.STATUS,
            ),
            Level.FULL,
        ),
        # one, by public URL that ends in the file's name
        Feature.ATTACHMENT: Level.PARTIAL,
    }
)

_GROUPS = MappingProxyType(
    {
        **dict.fromkeys((Feature.GROUP, Feature.HISTORY, Feature.RENAME_GROUP, Feature.MEMBERS), Level.FULL),
        # in iMessage groups only, and of three nobody can be removed
        **dict.fromkeys((Feature.ADD_MEMBER, Feature.REMOVE_MEMBER), Level.PARTIAL),
    }
)
"""A group is made by the first message to a set of numbers: how to make one by itself is not documented."""


def _table(settings: SendblueSettings) -> CapabilityTable:
    """Make the table of an account; the vendor's own limits are the same for all."""
    limits = Limits(
        text_length=_TEXT_LENGTH,
        attachment_count=1,
        url_schemes=("https", "http"),
        addresses=frozenset({AddressKind.PHONE}),
        typing_seconds=outbound.TYPING_SECONDS,
    )
    in_group = limits.model_copy(
        update={
            "text_required": True,
            "typing_seconds": None,
            "addresses": frozenset({AddressKind.PHONE, AddressKind.EMAIL}),
        }
    )
    # a contact's tapback comes as a text that quotes the message: there is no REACTION_REPORT
    reacts = {Feature.REACTION: Level.FULL, Feature.REACTION_PART: Level.FULL}
    if settings.extended_reactions:
        reacts |= {Feature.EMOJI_REACTION: Level.FULL, Feature.UNREACT: Level.FULL}
    direct = {**_SENDS, **reacts, Feature.TYPING: Level.FULL, Feature.DIRECT: Level.FULL}
    if settings.read_marks:
        direct[Feature.READ] = Level.FULL
    direct |= {Feature.HISTORY: Level.FULL, Feature.UNSUBSCRIBE: Level.FULL, Feature.REACHABILITY: Level.PARTIAL}
    group = {**_SENDS, **reacts, **_GROUPS}
    # A set of numbers names a chat in a send only; everything after goes to the group that the answer names.
    several = {**_SENDS, Feature.SEVERAL: Level.FULL}
    several.pop(Feature.STATUS)
    rows = (
        (ChatKind.DIRECT, direct, limits),
        (ChatKind.GROUP, group, in_group),
        (ChatKind.SEVERAL, several, in_group.model_copy(update={"addresses": limits.addresses})),
    )
    return CapabilityTable(
        rows=tuple(
            CapabilityRow(kind=kind, capabilities=Capabilities(levels=levels, limits=limit))
            for kind, levels, limit in rows
        )
    )
