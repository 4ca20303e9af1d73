"""Two capability tables that differ in all that fitting has rules for.

`BUBBLES`: parts in one bubble, batches, cards, flags. `PAIRS`: one text with a list of attachments, tight limits, a
poorer row for SMS. Both are made up after real vendors.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.addresses import AddressKind
from gateway.capabilities import Capabilities, CapabilityRow, CapabilityTable, Feature, Level, Limits
from gateway.model import Channel, ChatKind, Effect

F = Feature


def levels(features: Iterable[Feature]) -> dict[Feature, Level]:
    """All of them, fully."""
    return dict.fromkeys(features, Level.FULL)


def table(*features: Feature, limits: Limits | None = None) -> CapabilityTable:
    """A table of one row, for chats with one address, with text and links and these features."""
    named = levels((F.TEXT, F.LINK, F.DIRECT, *features))
    return CapabilityTable(rows=(CapabilityRow(capabilities=Capabilities(levels=named, limits=limits or Limits())),))


BUBBLES = CapabilityTable(
    rows=(
        CapabilityRow(
            capabilities=Capabilities(
                levels=levels(
                    {*Feature} - {F.SUBJECT, F.VOICE, F.CHANNEL, F.OPT_IN_LINK},
                ),
                limits=Limits(
                    url_schemes=("https", "http"),
                    effects=frozenset(Effect) - {Effect.SHOOTING_STAR},
                    addresses=frozenset({AddressKind.PHONE, AddressKind.EMAIL}),
                    exclusive=((F.MULTIPART, F.EFFECT), (F.MENTION, F.EFFECT), (F.LINK_CARD, F.EFFECT)),
                ),
            )
        ),
    )
)

_LIMITS = Limits(
    text_length=9999,
    attachment_count=3,
    url_length=256,
    voice_formats=("mp3", "wav", "m4a", "caf", "aac"),
    reference_length=973,
    channels=frozenset(Channel),
    typing_seconds=60,
    exclusive=((F.VOICE, F.SUBJECT), (F.VOICE, F.EFFECT), (F.VOICE, F.REPLY), (F.VOICE, F.CHANNEL)),
)
_DIRECT = Capabilities(
    levels=levels(
        {
            F.TEXT, F.ATTACHMENT, F.LINK, F.VOICE, F.SUBJECT, F.EFFECT, F.REPLY, F.CHANNEL, F.SHARE_CONTACT,
            F.REFERENCE, F.DIRECT, F.REACTION, F.UNREACT, F.TYPING, F.READ, F.STATUS, F.OPT_IN_LINK,
        }
    ),
    limits=_LIMITS,
)  # fmt: skip
_GROUP = _DIRECT.without(F.CHANNEL, F.SHARE_CONTACT, F.DIRECT)
_PICTURES = _LIMITS.model_copy(update={"media_types": ("image/*",)})

PAIRS = CapabilityTable(
    rows=(
        CapabilityRow(
            kind=ChatKind.DIRECT,
            channel=Channel.SMS,
            capabilities=_DIRECT.without(F.SUBJECT, F.EFFECT, F.REPLY, F.VOICE, limits=_PICTURES),
        ),
        CapabilityRow(kind=ChatKind.DIRECT, capabilities=_DIRECT),
        CapabilityRow(
            kind=ChatKind.GROUP,
            capabilities=_GROUP.model_copy(update={"levels": {**_GROUP.levels, F.GROUP: Level.FULL}}),
        ),
    )
)
