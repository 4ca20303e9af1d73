"""What a connection can carry: levels per feature, and limits, by kind of chat and channel.

Capabilities are data. The table makes the matrix in the docs, the answer of `gateway providers --json`, the choice
of fitting and the contract tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Self

from pydantic import Field

from gateway.addresses import AddressKind, Word
from gateway.model import Channel, ChatKind, Effect, Tapback

__all__ = ["Capabilities", "CapabilityRow", "CapabilityTable", "Feature", "Level", "Limits"]


class Level(StrEnum):
    """How far a feature is carried.

    FULL: as it was asked. PARTIAL: with limits that `Limits` states. FALLBACK: the vendor itself shows something
    lesser in its place. NONE: not at all; strict refuses it, graceful adapts it where there is a way.
    """

    FULL = "full"
    PARTIAL = "partial"
    FALLBACK = "fallback"
    NONE = "none"


class Feature(StrEnum):
    """What can be asked for."""

    TEXT = "text"
    ATTACHMENT = "attachment"
    ATTACHMENT_NAME = "attachment name"
    MULTIPART = "multipart"
    MENTION = "mention"
    LINK = "link"
    LINK_CARD = "link card"
    VOICE = "voice"
    SUBJECT = "subject"
    EFFECT = "effect"
    REPLY = "reply"
    REPLY_GUID = "reply by guid"
    REPLY_PART = "reply to part"
    CHANNEL = "channel"
    TYPING_FIRST = "typing first"
    SHARE_CONTACT = "share contact"
    REFERENCE = "reference"
    BATCH = "batch"
    LINK_BATCH = "link batch"
    DIRECT = "direct chat"
    GROUP = "group chat"
    SEVERAL = "several addresses"
    REACTION = "reaction"
    EMOJI_REACTION = "emoji reaction"
    REACTION_INDEX = "reaction by index"
    REACTION_PART = "reaction to part"
    UNREACT = "remove reaction"
    TYPING = "typing"
    READ = "mark read"
    STATUS = "status look-up"
    OPT_IN_LINK = "opt-in link"
    POLL = "poll"
    CONTACT_CARD = "contact card by itself"
    CHATS = "list of chats"
    HISTORY = "history"
    REACHABILITY = "reachability"
    UNSUBSCRIBE = "unsubscribe"
    CREATE_GROUP = "create group"
    RENAME_GROUP = "rename group"
    MEMBERS = "list of members"
    ADD_MEMBER = "add member"
    REMOVE_MEMBER = "remove member"
    DELIVERED = "delivery reports"
    READ_REPORT = "read reports"
    REACTION_REPORT = "reaction reports"


class Limits(Word):
    """How much of it; None means that no limit is known."""

    text_length: int | None = None
    """Longest text of one message, in characters (code points)."""
    attachment_count: int | None = None
    """Most attachments in one message."""
    text_required: bool = False
    """True where a message with attachments needs a text too."""
    part_count: int | None = None
    """Most parts in one message."""
    url_length: int | None = None
    """Longest URL of an attachment, in characters."""
    url_schemes: tuple[str, ...] = ("https",)
    """Schemes that an attachment's URL may have."""
    upload: bool = False
    """True where the vendor takes bytes; otherwise an attachment needs a URL."""
    media_types: tuple[str, ...] | None = None
    """Media types that attachments may have, `image/*` for a family; None takes all."""
    voice_formats: tuple[str, ...] | None = None
    """File name endings that a voice note may have, without the dot; None takes all."""
    reference_length: int | None = None
    """Longest reference, in characters."""
    subject_length: int | None = None
    """Longest subject, in characters."""
    effects: frozenset[Effect] = frozenset(Effect)
    """Effects that exist there."""
    tapbacks: frozenset[Tapback] = frozenset(Tapback)
    """Tapbacks that exist there."""
    channels: frozenset[Channel] = frozenset()
    """Channels that can be asked for."""
    addresses: frozenset[AddressKind] = frozenset(AddressKind)
    """Kinds of address that can be written to."""
    typing_seconds: float | None = None
    """Longest typing indicator, in seconds."""
    poll_options: int | None = None
    """Most options of a poll."""
    exclusive: tuple[tuple[Feature, Feature], ...] = ()
    """Pairs that one message cannot have both of."""


class Capabilities(Word):
    """Levels and limits for one kind of chat on one channel; what is not named is NONE."""

    levels: Mapping[Feature, Level]
    limits: Limits = Field(default_factory=Limits)

    def level(self, feature: Feature) -> Level:
        """Tell how far a feature is carried."""
        return self.levels.get(feature, Level.NONE)

    def has(self, feature: Feature) -> bool:
        """Tell whether the feature is carried by the vendor in any way."""
        return self.level(feature) is not Level.NONE

    def without(self, *features: Feature, limits: Limits | None = None) -> Self:
        """Make a copy that lacks some features, with other limits where they are given."""
        kept = {feature: level for feature, level in self.levels.items() if feature not in features}
        return self.model_copy(update={"levels": kept, "limits": limits or self.limits})


class CapabilityRow(Word):
    """Capabilities, and where they hold; None stands for any."""

    kind: ChatKind | None = None
    channel: Channel | None = None
    capabilities: Capabilities


class CapabilityTable(Word):
    """All rows of a connection; the first that matches holds."""

    rows: tuple[CapabilityRow, ...] = Field(min_length=1)

    def find(self, kind: ChatKind, channel: Channel | None = None) -> Capabilities:
        """Look up what holds for a kind of chat, and a channel where one was asked for.

        A kind that no row covers can carry nothing.
        """
        for row in self.rows:
            if row.kind in (None, kind) and row.channel in (None, channel):
                return row.capabilities
        return Capabilities(levels={})
