"""Blooio as a provider: which words it carries, and how each is carried."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import BaseModel, SecretStr

from gateway.provider import (
    Adaptation,
    AddressKind,
    Attempt,
    Call,
    Capabilities,
    CapabilityRow,
    CapabilityTable,
    Chat,
    ChatKind,
    ChatSummary,
    CheckReachability,
    CodeTable,
    CreateGroup,
    DeliveryState,
    Effect,
    Event,
    Exchange,
    Feature,
    Found,
    GetHistory,
    GetStatus,
    Group,
    HistoryItem,
    InvalidMessage,
    Level,
    Limits,
    ListChats,
    ListMembers,
    MarkRead,
    Member,
    Missed,
    Page,
    Proof,
    Provider,
    Reachability,
    Receipt,
    Registration,
    RenameGroup,
    SenderUnavailable,
    SendMessage,
    SendPoll,
    SendReaction,
    Sent,
    SetTyping,
    ShareContact,
    Signed,
    StatusReport,
    Unsupported,
    VendorFault,
    WebhookRequest,
    redact,
)
from gateway_blooio import api, asked, history, inbound, outbound, registering, signature, wire
from gateway_blooio.errors import CODES
from gateway_blooio.settings import BlooioSettings

__all__ = ["Blooio"]


class Blooio(Provider[BlooioSettings]):
    """Blooio, API v2: iMessage, and by the vendor's own choice RCS or SMS where the contact has no iMessage."""

    name: ClassVar[str] = "blooio"
    title: ClassVar[str] = "Blooio"
    Settings = BlooioSettings
    codes: ClassVar[CodeTable] = CODES
    # How long a key is remembered is not documented: an hour is what we dare to rely on. Nothing of ours comes back
    # on webhooks, so there is little to wait for. A delivery can be replayed by hand long after the retries.
    proof: ClassVar[Proof] = Proof(
        key_window=timedelta(hours=1), settle=timedelta(seconds=30), redelivery_window=timedelta(days=7)
    )
    webhook_models: ClassVar[tuple[type[BaseModel], ...]] = (wire.WebhookEvent, wire.Envelope)
    webhook_words: ClassVar[Mapping[str, Collection[str]]] = inbound.WORDS
    how_to_register: ClassVar[tuple[str, ...]] = (
        "Open the dashboard, then Webhooks, then Create webhook",
        "Enter {url} and choose the type all",
        "Copy the signing secret, whsec_ included, and give it to this connection as webhook_secret",
    )
    simulator: ClassVar[str] = "gateway_blooio.simulator:BlooioTwin"

    def bases(self) -> Mapping[str, str]:
        return {"api": self.settings.base_url}

    def authorize(self, call: Call) -> Call:
        key = self.settings.api_key.get_secret_value()
        return call.with_headers({"Authorization": f"Bearer {key}"})

    def capabilities(self) -> CapabilityTable:
        lacks = () if self.settings.share_contact else (Feature.SHARE_CONTACT, Feature.CONTACT_CARD)
        rows = ((ChatKind.DIRECT, _DIRECT), (ChatKind.GROUP, _GROUP), (ChatKind.SEVERAL, _SEVERAL))
        return CapabilityTable(
            rows=tuple(CapabilityRow(kind=kind, capabilities=carried.without(*lacks)) for kind, carried in rows)
        )

    # ── the way out ───────────────────────────────────────────────────────────────────────────────────────────────

    def send_message(self, action: SendMessage) -> Exchange[Receipt]:
        body = outbound.send_body(action, self.settings.from_number)
        answer, replayed = yield from api.send_message(outbound.chat_id(action.chat), body, key=action.key)
        if not (answer.message_id or answer.message_ids):
            # Accepted or not? Asking again with the same key gives the same message, with its id this time.
            raise VendorFault("the answer names no message", hint="the same call is repeated with the same key")
        return outbound.receipt(action, answer, body, replayed=replayed)

    def send_reaction(self, action: SendReaction) -> Exchange[Receipt]:
        chat, message = self._named(action.chat, Feature.REACTION), outbound.reference_of(action.target)
        answer = yield from api.add_reaction(chat, message, outbound.reaction_sign(action))
        if answer.success is False:
            raise VendorFault("the vendor could not place the reaction", hint="try again in a moment")
        return Receipt(chat=action.chat, raw=(answer.dump(),))

    def set_typing(self, action: SetTyping) -> Exchange[Receipt]:
        chat = self._named(action.chat, Feature.TYPING)
        answer = yield from (api.start_typing(chat) if action.on else api.stop_typing(chat))
        notes = (_not_shown(answer.warning),) if answer.warning else ()
        return Receipt(chat=action.chat, adaptations=notes, raw=(answer.dump(),))

    def mark_read(self, action: MarkRead) -> Exchange[Receipt]:
        answer = yield from api.mark_chat_read(self._named(action.chat, Feature.READ))
        return Receipt(chat=action.chat, raw=(answer.dump(),))

    def get_status(self, action: GetStatus) -> Exchange[StatusReport]:
        if action.chat is None:
            raise InvalidMessage("Blooio files messages under their chat", hint="name the chat of the message")
        answer = yield from api.get_message_status(self._named(action.chat, Feature.STATUS), action.vendor_id)
        state = inbound.STATES.get(answer.status or "", DeliveryState.UNKNOWN)
        arrived = state in (DeliveryState.DELIVERED, DeliveryState.READ)
        return StatusReport(
            vendor_id=action.vendor_id,
            state=state,
            channel=inbound.channel_of(answer.protocol),
            reason=redact(answer.error) if answer.error else None,
            occurred_at=inbound.moment_of(answer.time_delivered if arrived else None, answer.time_sent),
            raw=answer.dump(),
        )

    def send_poll(self, action: SendPoll) -> Exchange[Receipt]:
        answer = yield from api.send_poll(self._named(action.chat, Feature.POLL), action.options, title=action.title)
        if not answer.poll_id:
            raise VendorFault("the answer names no poll", hint="look into the chat before sending it again")
        # Its message has another id, which the answer does not tell: deliveries of a poll join nothing.
        return Receipt(sent=(Sent(vendor_id=answer.poll_id),), chat=action.chat, raw=(answer.dump(),))

    def share_contact(self, action: ShareContact) -> Exchange[Receipt]:
        answer = yield from api.share_contact_card(self._named(action.chat, Feature.CONTACT_CARD))
        return Receipt(chat=action.chat, adaptations=(_STAGED,), raw=(answer.dump(),))

    # ── asked directly ────────────────────────────────────────────────────────────────────────────────────────────

    def list_chats(self, action: ListChats) -> Exchange[Page[ChatSummary]]:
        return asked.list_chats(action)

    def get_history(self, action: GetHistory) -> Exchange[Page[HistoryItem]]:
        return asked.get_history(action, self._named(action.chat, Feature.HISTORY))

    def check_reachability(self, action: CheckReachability) -> Exchange[Reachability]:
        return asked.check_reachability(action)

    def create_group(self, action: CreateGroup) -> Exchange[Group]:
        return asked.create_group(action)

    def rename_group(self, action: RenameGroup) -> Exchange[Group]:
        return asked.rename_group(action)

    def list_members(self, action: ListMembers) -> Exchange[Page[Member]]:
        return asked.list_members(action)

    def check(self) -> Exchange[str]:
        pool = (yield from api.list_numbers()).numbers
        active = [item for item in pool if item.is_active]
        wanted = self.settings.from_number
        if wanted is not None and wanted not in {item.phone_number for item in pool}:
            raise SenderUnavailable(
                "from_number is not a number of this API key", hint="leave it out, or take one of the key's pool"
            )
        return f"{len(pool)} numbers, {len(active)} of them active"

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
        return registering.register(url)  # the vendor makes its own secret

    def unregister(self, registration: str) -> Exchange[None]:
        return registering.unregister(registration)

    # ── proof ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def find(self, attempt: Attempt) -> Exchange[Found]:
        return history.find(attempt)

    def missed(self, cursor: str | None, *, since: datetime | None = None) -> Exchange[Missed]:
        return history.missed(cursor, since)

    def _named(self, chat: Chat, feature: Feature) -> str:
        """Name a chat for anything but a send: a list of addresses names one only there."""
        if chat.kind is ChatKind.SEVERAL:
            raise Unsupported(
                f"Blooio cannot: {feature.value} in a chat that is named by several addresses",
                features=(feature.value,),
                alternatives=("name the group that the receipt's alias gives",),
            )
        return outbound.chat_id(chat)


def _not_shown(warning: str) -> Adaptation:
    return Adaptation(feature=Feature.TYPING, happened="not shown", why=redact(warning, limit=200))


_STAGED = Adaptation(
    feature=Feature.CONTACT_CARD,
    happened="waits for the next message",
    why="the vendor sends the card along with the next message of ours in this chat",
)

# ── capabilities ──────────────────────────────────────────────────────────────────────────────────────────────────

_LIMITS = Limits(
    url_schemes=("https", "http"),
    effects=frozenset(Effect) - {Effect.SHOOTING_STAR},
    addresses=frozenset({AddressKind.PHONE, AddressKind.EMAIL}),
    poll_options=10,
    exclusive=(
        (Feature.EFFECT, Feature.MULTIPART),
        (Feature.EFFECT, Feature.MENTION),
        (Feature.EFFECT, Feature.LINK_BATCH),
        (Feature.REPLY, Feature.BATCH),
        (Feature.REPLY, Feature.LINK_BATCH),
    ),
)

_SENDS = dict.fromkeys(
    (
        Feature.TEXT,
        Feature.ATTACHMENT,
        Feature.ATTACHMENT_NAME,
        Feature.MULTIPART,
        Feature.MENTION,
        Feature.LINK,
        Feature.LINK_CARD,
        Feature.REPLY,
        Feature.REPLY_GUID,
        Feature.REPLY_PART,
        Feature.SHARE_CONTACT,
        Feature.BATCH,
        Feature.LINK_BATCH,
        Feature.DELIVERED,
        Feature.READ_REPORT,
    ),
    Level.FULL,
)
# PARTIAL: one of the thirteen effects does not exist, and typing first is on or off, without a length.
# VOICE is not there: an audio file arrives as a file, not as a voice note that plays with a touch.
_PARTLY = dict.fromkeys((Feature.EFFECT, Feature.TYPING_FIRST), Level.PARTIAL)

_ALSO = dict.fromkeys(
    (
        Feature.REACTION,
        Feature.EMOJI_REACTION,
        Feature.REACTION_INDEX,
        Feature.UNREACT,
        Feature.REACTION_REPORT,
        Feature.TYPING,
        Feature.READ,
        Feature.STATUS,
        Feature.POLL,
        Feature.CONTACT_CARD,
        Feature.HISTORY,
        Feature.CHATS,
    ),
    Level.FULL,
)
# RCS is not told. Members cannot be added and removed: the vendor has these operations, and answers 501.
_DIRECTLY = {Feature.DIRECT: Level.FULL, Feature.REACHABILITY: Level.PARTIAL}
_GROUPS = dict.fromkeys((Feature.GROUP, Feature.CREATE_GROUP, Feature.RENAME_GROUP, Feature.MEMBERS), Level.FULL)

_DIRECT = Capabilities(levels={**_SENDS, **_PARTLY, **_ALSO, **_DIRECTLY}, limits=_LIMITS)
_GROUP = Capabilities(levels={**_SENDS, **_PARTLY, **_ALSO, **_GROUPS}, limits=_LIMITS)
# A list of addresses names a chat in a send only; everything after goes to the group that the answer names.
_SEVERAL = Capabilities(levels={**_SENDS, **_PARTLY, Feature.SEVERAL: Level.FULL}, limits=_LIMITS)
