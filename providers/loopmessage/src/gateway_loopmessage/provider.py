"""LoopMessage: the class, what it can carry, and what proves a send."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from gateway.provider import (
    AddressKind,
    Attempt,
    BadSignature,
    Call,
    Capabilities,
    CapabilityRow,
    CapabilityTable,
    Channel,
    Chat,
    ChatKind,
    ChatSummary,
    CheckReachability,
    CreateOptInLink,
    DeliveryState,
    Event,
    Exchange,
    Feature,
    Found,
    GetHistory,
    GetStatus,
    HistoryItem,
    InvalidMessage,
    Level,
    Limits,
    ListChats,
    MarkRead,
    Missed,
    OptInLinks,
    Page,
    Proof,
    Provider,
    Reachability,
    Receipt,
    Rules,
    SendMessage,
    SendReaction,
    SetTyping,
    Signed,
    StatusReport,
    Unsubscribe,
    WebhookRequest,
)
from gateway_loopmessage import history, inbound, lookups, outbound, pacing, wire
from gateway_loopmessage.api import audience, message, opt_in, sender
from gateway_loopmessage.errors import CODES, reason
from gateway_loopmessage.settings import LoopMessageSettings

__all__ = ["LoopMessage", "table"]

_STATES = MappingProxyType(
    {
        "processing": DeliveryState.QUEUED,
        "delivered": DeliveryState.DELIVERED,
        "failed": DeliveryState.FAILED,
        "unknown": DeliveryState.UNKNOWN,
        # the older generation's words
        "scheduled": DeliveryState.QUEUED,
        "sent": DeliveryState.SENT,
        "timeout": DeliveryState.FAILED,
    }
)

_CLOCK_SKEW = timedelta(seconds=5)
_PER_PAGE = 100


class LoopMessage(Provider[LoopMessageSettings]):
    """LoopMessage's conversation API, current generation (`a.loopmessage.com`)."""

    name = "loopmessage"
    title = "LoopMessage"
    Settings = LoopMessageSettings
    codes = CODES
    # Retries end after 3 h 05 (10 × 30 s, 10 × 3 min, 10 × 15 min), plus 15 s for each; a day leaves room for a queue
    # that stood still. No idempotency key exists, `passthrough` returns our token.
    proof = Proof(settle=timedelta(seconds=120), redelivery_window=timedelta(hours=24), token_returns=True)
    # The URL belongs to the whole organization: what its other programs listen on would be overwritten by a call.
    how_to_register = (
        "Open the dashboard, then the organization, then API, then Webhooks",
        "Enter {url} as the webhook URL and tick all event types",
        "Enter a long random value as the authorization header",
        "Give this connection the very same value as webhook_secret",
    )
    simulator = "gateway_loopmessage.simulator:LoopMessageTwin"
    webhook_models = (wire.Hook,)
    webhook_words = inbound.WORDS

    def bases(self) -> Mapping[str, str]:
        made = self.settings
        return {"api": made.base_url, "status": made.status_url, "tracker": made.tracker_url}

    def authorize(self, call: Call) -> Call:
        if call.base == "tracker":
            # made for browsers, which may not have the key
            return call
        # the vendor's page asks for the content type on every request, reads included; the key has no `Bearer`
        key = self.settings.api_key.get_secret_value()
        return replace(call, headers={"Content-Type": "application/json", **call.headers, "Authorization": key})

    def capabilities(self) -> CapabilityTable:
        return table(self.settings.max_attachments)

    def rules(self) -> Rules:
        return pacing.rules(self.settings)

    # ── the way out ───────────────────────────────────────────────────────────────────────────────────────────────

    def send_message(self, action: SendMessage) -> Exchange[Receipt]:
        response = yield from message.send(outbound.message(action, self.settings.sender))
        return outbound.receipt(action.chat, response)

    def send_reaction(self, action: SendReaction) -> Exchange[Receipt]:
        response = yield from message.send(outbound.reaction(action))
        return outbound.receipt(action.chat, response)

    def set_typing(self, action: SetTyping) -> Exchange[Receipt]:
        answer = yield from message.show_typing(outbound.typing(action, self.settings.sender))
        return Receipt(chat=action.chat, raw=(answer.raw(),))

    def mark_read(self, action: MarkRead) -> Exchange[Receipt]:
        answer = yield from message.show_typing(outbound.mark_read(action, self.settings.sender))
        return Receipt(chat=action.chat, raw=(answer.raw(),))

    def get_status(self, action: GetStatus) -> Exchange[StatusReport]:
        status = yield from message.status(action.vendor_id)
        state = _STATES.get(status.status or "", DeliveryState.UNKNOWN)
        row = reason(status.failure_code) if state is DeliveryState.FAILED else None
        return StatusReport(
            vendor_id=action.vendor_id,
            state=state,
            code=status.failure_code,
            reason=row.meaning if row else None,
            retriable=row.retriable if row else None,
            occurred_at=history.moment(status.last_update),
            raw=status.raw(),
        )

    def create_opt_in_link(self, action: CreateOptInLink) -> Exchange[OptInLinks]:
        if opt_in.PLACEHOLDER not in action.body:
            raise InvalidMessage(
                f"the text of an opt-in link has to contain {opt_in.PLACEHOLDER}",
                hint="write it where the person's code shall stand",
            )
        if "body" in action.parameters:
            raise InvalidMessage("an opt-in parameter cannot be called `body`", hint="that is the text's own field")
        links = yield from opt_in.generate_url(action.body, action.parameters)
        return OptInLinks(
            id=links.id, url=links.url, imessage=links.imessage, sms=links.sms, whatsapp=links.whatsapp, raw=links.raw()
        )

    def check(self) -> Exchange[str]:
        page = yield from sender.senders(per_page=1000)
        active = [line for line in page.items if line.status == "active"]
        told = f"the key is valid; {len(active)} of {page.total or len(page.items)} senders are active"
        mine = self.settings.sender
        if mine and not any(mine in (line.id, line.name) for line in active):
            return f"{told}; the configured sender is not among them"
        return told

    # ── what the vendor keeps ─────────────────────────────────────────────────────────────────────────────────────

    def list_chats(self, action: ListChats) -> Exchange[Page[ChatSummary]]:
        return lookups.chats(action)

    def get_history(self, action: GetHistory) -> Exchange[Page[HistoryItem]]:
        return lookups.messages(action)

    def check_reachability(self, action: CheckReachability) -> Exchange[Reachability]:
        return lookups.reachability(action)

    def unsubscribe(self, action: Unsubscribe) -> Exchange[None]:
        return lookups.unsubscribe(action)

    # ── the way in ────────────────────────────────────────────────────────────────────────────────────────────────

    def verify(self, hook: WebhookRequest) -> None:
        """Compare the `Authorization` header with the value that was configured at the vendor, all of it.

        The vendor signs nothing and sends no time: whoever knows the value can post, and post again.
        """
        secrets = self.settings.hook_secrets
        if not secrets:
            if self.settings.allow_unsigned:
                return
            raise BadSignature(
                "webhooks prove nothing without a webhook_secret",
                hint="set a header value for webhooks in the dashboard and the same as webhook_secret, or say"
                " allow_unsigned = true",
            )
        given = hook.header("authorization")
        # compared with each of them, so that the time taken tells nothing
        if given is None or not sum(hmac.compare_digest(_bytes(given), _bytes(secret)) for secret in secrets):
            raise BadSignature(
                "the Authorization header is not the webhook_secret",
                hint="compare webhook_secret with the header value in the dashboard, a word such as Bearer included",
            )

    def signed(self, hook: WebhookRequest) -> Signed:
        return Signed(("authorization",), "the header is the secret itself; it covers neither body nor time")

    def parse(self, hook: WebhookRequest) -> Sequence[Event]:
        return inbound.events(hook)

    # ── proof ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def find(self, attempt: Attempt) -> Exchange[Found]:
        """Look for exactly one message with this text in the contact's history since the attempt began.

        Only texts to a phone or an email have such a history. Not finding it proves nothing: the vendor does not say
        when a message that it queued appears there.
        """
        chat, text = attempt.action.chat, outbound.spoken(attempt.action.message)
        if chat.kind is not ChatKind.DIRECT or chat.address.kind is AddressKind.CONTACT or not text:
            return Found()
        since = attempt.started_at - _CLOCK_SKEW
        same: list[str] = []
        page = yield from _history(chat, since)
        while True:
            recent = [item for item in page.items if (made := history.moment(item.create_date)) and made >= since]
            same += [item.id for item in recent if item.id and item.text == text]
            if page.more is None or len(recent) < len(page.items):
                break
            page = yield from page.more()
        # the history is given newest first
        alike = tuple(reversed(same))
        return Found(vendor_ids=alike if len(alike) == 1 else (), alike=alike)

    def missed(self, cursor: str | None, *, since: datetime | None = None) -> Exchange[Missed]:
        return history.missed(cursor, since)


def _history(chat: Chat, since: datetime) -> Exchange[Page[wire.HistoryItem]]:
    day = since.astimezone(UTC).date()
    return audience.messages(chat.address.value, per_page=_PER_PAGE, from_date=day, direction="outbound")


def _bytes(text: str) -> bytes:
    # a header may hold what UTF-8 cannot; the comparison needs bytes, and every text its own
    return text.encode("utf-8", "surrogatepass")


# ── what it can carry ─────────────────────────────────────────────────────────────────────────────────────────────

_VOICE_FORMATS = ("mp3", "wav", "m4a", "caf", "aac")
_PHONES = frozenset({AddressKind.PHONE, AddressKind.CONTACT})

#: What the request for a voice note has no field for.
_NOT_WITH_VOICE = tuple(
    (Feature.VOICE, feature)
    for feature in (Feature.SUBJECT, Feature.EFFECT, Feature.REPLY, Feature.CHANNEL, Feature.SHARE_CONTACT)
)

_DIRECT = MappingProxyType(
    {
        **dict.fromkeys(
            (
                Feature.TEXT,
                Feature.SUBJECT,
                Feature.EFFECT,
                Feature.REPLY,
                Feature.CHANNEL,
                Feature.SHARE_CONTACT,
                Feature.REFERENCE,
                Feature.DIRECT,
                Feature.REACTION,
                Feature.UNREACT,
                Feature.REACTION_REPORT,
                Feature.TYPING,
                Feature.READ,
                Feature.STATUS,
                Feature.OPT_IN_LINK,
                Feature.UNSUBSCRIBE,
                Feature.DELIVERED,
            ),
            Level.FULL,
        ),
        # by public https URL only; a link is text, of which the phone makes the card
        Feature.ATTACHMENT: Level.PARTIAL,
        Feature.VOICE: Level.PARTIAL,
        Feature.LINK: Level.FULL,
        # contacts without their last message; texts without what was attached; agreement without networks
        Feature.CHATS: Level.PARTIAL,
        Feature.HISTORY: Level.PARTIAL,
        Feature.REACHABILITY: Level.PARTIAL,
    }
)
"""To one contact over iMessage, or over whatever the vendor chooses."""

#: A group is found for typing and reading by a message that was received in it, and by nothing else.
_ONLY_BY_MESSAGE = {Feature.TYPING: Level.PARTIAL, Feature.READ: Level.PARTIAL}


def table(max_attachments: int) -> CapabilityTable:
    """Make the table of an account; sources: docs.loopmessage.com "Sending messages" (2026), fact by fact.

    The first row that matches holds, so the exceptions come first.
    """
    limits = Limits(
        text_length=9999,
        attachment_count=max_attachments,
        url_length=256,
        url_schemes=("https",),
        voice_formats=_VOICE_FORMATS,
        reference_length=outbound.REFERENCE_LENGTH,
        text_required=True,
        channels=frozenset(Channel),
        typing_seconds=outbound.TYPING_SECONDS,
        exclusive=_NOT_WITH_VOICE,
    )
    direct = Capabilities(levels=dict(_DIRECT), limits=limits)
    phones = limits.model_copy(update={"addresses": _PHONES})
    # subject and effect are iMessage's own; a voice note has no field for the channel
    other = direct.without(Feature.SUBJECT, Feature.EFFECT, Feature.VOICE, limits=phones)
    pictures = phones.model_copy(update={"media_types": ("image/*",)})
    sms = other.without(
        *(Feature.REPLY, Feature.SHARE_CONTACT, Feature.REACTION, Feature.UNREACT, Feature.TYPING, Feature.READ),
        Feature.REACTION_REPORT,
        limits=pictures,
    )
    group = _in_a_group(direct)
    nothing = Capabilities(levels={})
    return CapabilityTable(
        rows=(
            CapabilityRow(kind=ChatKind.DIRECT, channel=Channel.SMS, capabilities=sms),
            CapabilityRow(kind=ChatKind.DIRECT, channel=Channel.RCS, capabilities=other),
            CapabilityRow(kind=ChatKind.DIRECT, channel=Channel.WHATSAPP, capabilities=other),
            CapabilityRow(kind=ChatKind.DIRECT, capabilities=direct),
            # groups exist in iMessage only (code 1120)
            CapabilityRow(kind=ChatKind.GROUP, channel=Channel.SMS, capabilities=nothing),
            CapabilityRow(kind=ChatKind.GROUP, channel=Channel.RCS, capabilities=nothing),
            CapabilityRow(kind=ChatKind.GROUP, channel=Channel.WHATSAPP, capabilities=nothing),
            CapabilityRow(kind=ChatKind.GROUP, capabilities=group),
        )
    )


def _in_a_group(direct: Capabilities) -> Capabilities:
    group = direct.without(
        *(Feature.DIRECT, Feature.CHANNEL, Feature.SHARE_CONTACT, Feature.OPT_IN_LINK),
        *(Feature.CHATS, Feature.HISTORY, Feature.REACHABILITY, Feature.UNSUBSCRIBE),
    )
    return group.model_copy(update={"levels": {**group.levels, Feature.GROUP: Level.FULL, **_ONLY_BY_MESSAGE}})
