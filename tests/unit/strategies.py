"""Hypothesis strategies for the words: whatever a caller may ask for, and whatever a vendor may be able to do."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from hypothesis import strategies as st

from gateway.actions import Policy
from gateway.addresses import Address, AddressKind
from gateway.capabilities import Capabilities, CapabilityRow, CapabilityTable, Feature, Level, Limits
from gateway.ids import new_message_id
from gateway.model import (
    Attachment,
    Channel,
    Chat,
    ChatKind,
    Effect,
    Link,
    Message,
    MessageRef,
    Opaque,
    Part,
    Reaction,
    Tapback,
    Text,
    Voice,
)

__all__ = [
    "addresses",
    "attachments",
    "capabilities",
    "chats",
    "links",
    "messages",
    "parts",
    "policies",
    "reactions",
    "refs",
    "tables",
    "texts",
    "voices",
    "writings",
]

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

_HARD = "é👍🏽👨‍👩‍👧‍👦🇩🇪🇫🇷🏴󠁧󠁢󠁥󠁮󠁧󠁿한글नमस्ते！。\r\n…\u00a0"
_ENDINGS = ("jpg", "PNG", "mp3", "m4a", "ogg", "mp4", "pdf", "bin", "")

policies = st.sampled_from(Policy)


def _seldom(strategy: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    """None three times in four: what is together rarely met must be met rarely, or all is refused."""
    return st.one_of(st.none(), st.none(), st.none(), strategy)


def _subset(members: type[E]) -> st.SearchStrategy[frozenset[E]]:
    """Some of a closed set, or all but some of it."""
    some = st.frozensets(st.sampled_from(members), max_size=6)
    return st.one_of(some, some.map(lambda few: frozenset(members) - few), st.just(frozenset(members)))


def writings(max_size: int = 120) -> st.SearchStrategy[str]:
    """Text as people write it: words, sentences, paragraphs, emoji, several scripts; now and then anything at all."""
    words = st.text("abcdefg.!?", min_size=1, max_size=9) | st.text(_HARD, min_size=1, max_size=8)
    sentences = st.lists(words, min_size=1, max_size=12).map(" ".join)
    paragraphs = st.lists(sentences, min_size=1, max_size=4).map("\n\n".join)
    anything = st.text(st.characters(codec="utf-8"), min_size=1, max_size=max_size)
    return st.one_of(words, sentences, paragraphs, anything).map(lambda text: text[:max_size])


def _urls(scheme: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    name = st.text("abcdefghij", min_size=1, max_size=30)
    ending = st.sampled_from(_ENDINGS)
    return st.builds(lambda s, n, e: f"{s}://example.com/{n}{'.' if e else ''}{e}", scheme, name, ending)


_WEB = _urls(st.sampled_from(("https", "http")))
_ANY = _urls(st.sampled_from(("https", "https", "https", "http", "ftp")))

addresses: st.SearchStrategy[Address] = st.one_of(
    st.integers(2_000_000_000, 9_999_999_999).map(lambda number: Address.parse(f"+1{number}")),
    st.text("abcdef", min_size=1, max_size=8).map(lambda name: Address.parse(f"{name}@example.com")),
    st.text("ABCDEF0123456789", min_size=4, max_size=12).map(Address.contact),
)

chats: st.SearchStrategy[Chat] = st.one_of(
    addresses.map(Chat.direct),
    st.text("abc123", min_size=1, max_size=12).map(Chat.of_group),
    st.lists(addresses, min_size=2, max_size=4, unique=True).map(lambda several: Chat.several(*several)),
)

refs: st.SearchStrategy[MessageRef] = st.one_of(
    st.builds(MessageRef, vendor_id=st.text("abc-123", min_size=1, max_size=12), part=st.integers(0, 2)),
    st.builds(MessageRef, guid=st.uuids().map(str), part=st.integers(0, 2)),
    st.builds(MessageRef, index=st.integers(-9, -1)),
    st.builds(MessageRef, message=st.just(new_message_id(datetime(2026, 1, 1, tzinfo=UTC)))),
)

texts: st.SearchStrategy[Text] = st.builds(Text, text=writings(), mention=st.none() | st.none() | addresses)

_NAMES = st.none() | st.sampled_from(("note.mp3", "holiday.jpg", "voice", "contract.pdf"))
_TYPES = st.none() | st.sampled_from(("image/png", "audio/mpeg", "audio/ogg", "application/pdf"))

attachments: st.SearchStrategy[Attachment] = st.one_of(
    st.builds(Attachment, url=_ANY, name=_NAMES, media_type=_TYPES),
    st.builds(Attachment, url=_ANY),
    st.builds(Attachment, data=st.binary(max_size=9), name=_NAMES),
    st.builds(Attachment, file=st.just(Path("photo.heic"))),
)

voices: st.SearchStrategy[Voice] = st.builds(Voice, url=_ANY, name=_NAMES, media_type=_TYPES)

links: st.SearchStrategy[Link] = st.builds(
    Link, url=_WEB, preview_image=st.none() | _WEB, title=st.none() | writings(20)
)

_YES = st.just(value=True)
_opaque = st.just(Opaque(kind="sticker"))

parts: st.SearchStrategy[Part] = st.one_of(texts, texts, attachments, links, _opaque)


def messages(*, hostile: bool = True) -> st.SearchStrategy[Message]:
    """Whatever a caller may ask for; not `hostile` leaves out what no vendor can carry, such as an opaque part."""
    kind = parts if hostile else st.one_of(texts, attachments, links)
    several = st.lists(kind, min_size=1, max_size=5).map(tuple)
    content = st.one_of(several, several, several, voices.map(lambda voice: (voice,)))
    everything = st.builds(
        Message,
        parts=content,
        subject=_seldom(writings(30)),
        effect=_seldom(st.sampled_from(Effect)),
        reply_to=_seldom(refs),
        channel=_seldom(st.sampled_from(Channel)),
        typing=_seldom(_YES | st.floats(0.5, 600)).map(lambda typing: typing or False),
        share_contact=_seldom(_YES).map(bool),
        reference=_seldom(st.text("abc", min_size=1, max_size=30)),
        extra=st.just({}) | st.just({"vendor": {"field": 1}}),
    )
    plain = st.builds(Message, parts=st.one_of(texts, links).map(lambda part: (part,)))
    return st.one_of(everything, everything, plain)


reactions: st.SearchStrategy[Reaction] = st.one_of(
    st.sampled_from(Tapback).map(lambda tapback: Reaction(tapback=tapback)),
    st.sampled_from(("❤️", "😂", "👍🏽", "🦖", "🔥")).map(lambda emoji: Reaction(emoji=emoji)),
)


_EXCLUSIVE = tuple(
    pair
    for one in (Feature.CHANNEL, Feature.EFFECT, Feature.REPLY, Feature.SUBJECT, Feature.MULTIPART, Feature.ATTACHMENT)
    for other in (Feature.VOICE, Feature.MENTION, Feature.BATCH, Feature.EFFECT, Feature.MULTIPART, Feature.TEXT)
    if one is not other
    for pair in ((one, other), (other, one))
)


def _some_limits() -> st.SearchStrategy[Limits]:
    few = _seldom(st.integers(1, 4))
    return st.builds(
        Limits,
        text_length=st.none() | st.integers(30, 90),
        attachment_count=few,
        part_count=few,
        text_required=_seldom(_YES).map(bool),
        url_length=_seldom(st.integers(20, 50)),
        url_schemes=st.sampled_from((("https",), ("https", "http"), ("https", "http", "ftp"))),
        upload=st.booleans(),
        media_types=_seldom(st.sampled_from((("image/*",), ("image/png", "audio/mpeg")))),
        voice_formats=_seldom(st.just(("mp3", "m4a"))),
        reference_length=_seldom(st.integers(5, 40)),
        subject_length=_seldom(st.integers(5, 40)),
        effects=_subset(Effect),
        tapbacks=_subset(Tapback),
        channels=_subset(Channel),
        addresses=st.just(frozenset(AddressKind)) | _subset(AddressKind),
        typing_seconds=_seldom(st.floats(1, 60)),
        poll_options=_seldom(st.integers(2, 4)),
        exclusive=st.lists(st.sampled_from(_EXCLUSIVE), max_size=2).map(tuple),
    )


def _generous() -> st.SearchStrategy[Limits]:
    able = {
        "url_length": None,
        "url_schemes": ("https", "http", "ftp"),
        "upload": True,
        "media_types": None,
        "reference_length": None,
        "text_required": False,
        "addresses": frozenset(AddressKind),
    }
    return _some_limits().map(lambda limits: limits.model_copy(update=able))


_CONTENT = (Feature.TEXT, Feature.ATTACHMENT, Feature.DIRECT, Feature.GROUP, Feature.SEVERAL)


def capabilities(*, generous: bool = False) -> st.SearchStrategy[Capabilities]:
    """Whatever a vendor may be able to do; a `generous` one can carry all content in one way or another."""
    carried = st.sampled_from((Level.FULL, Level.FULL, Level.PARTIAL, Level.FALLBACK))
    some = st.builds(dict.fromkeys, _subset(Feature), carried)
    if not generous:
        return st.builds(Capabilities, levels=some, limits=_some_limits())
    able = some.map(lambda levels: levels | dict.fromkeys(_CONTENT, Level.FULL))
    return st.builds(Capabilities, levels=able, limits=_generous())


def tables(*, generous: bool = False) -> st.SearchStrategy[CapabilityTable]:
    """Rows in any order, the last for everything."""
    able = capabilities(generous=generous)
    row = st.builds(
        CapabilityRow,
        kind=st.none() | st.sampled_from(ChatKind),
        channel=st.none() | st.sampled_from(Channel),
        capabilities=able,
    )
    last = st.builds(CapabilityRow, capabilities=able)
    return st.builds(lambda rows, end: CapabilityTable(rows=(*rows, end)), st.lists(row, max_size=3), last)
