"""How a chat looks on a phone: each bubble as a frozen value, so that what changed is what differs.

A phone is a contact's: what the contact wrote is on the right, what the application sent is on the left. Under the
last bubble of each side stands how far it came; for the application's bubbles that is what the vendor reported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import NamedTuple

from gateway.actions import DeliveryState
from gateway.addresses import Address
from gateway.model import Channel, Reaction
from gateway.simulator.files import Near
from gateway.simulator.phone.album import Album, revision_of
from gateway.simulator.phone.happened import happened_words
from gateway.simulator.phone.names import hue_of, initials, name_of, time_of, title_of
from gateway.simulator.phone.parts import PartLook, part_looks, preview, said, words_of
from gateway.simulator.world import Bubble, Thread, World

__all__ = [
    "STICKER",
    "BubbleLook",
    "ReactionLook",
    "ReplyLook",
    "dom_id",
    "latest",
    "look_at",
    "look_at_one",
    "root_of",
]

STICKER = "sticker"
"""The word of a reaction that is none of the six and no emoji."""

_PAUSE = timedelta(minutes=15)
_RUN = timedelta(minutes=2)
_CHANNELS = {
    Channel.IMESSAGE: "iMessage",
    Channel.SMS: "Text Message",
    Channel.RCS: "Text Message · RCS",
    Channel.WHATSAPP: "WhatsApp",
}
_STATES = {
    DeliveryState.QUEUED: "Sending…",
    DeliveryState.SENT: "Sent",
    DeliveryState.DELIVERED: "Delivered",
    DeliveryState.READ: "Read",
    DeliveryState.FAILED: "Not Delivered",
    DeliveryState.CANCELLED: "Cancelled",
}


@dataclass(frozen=True, slots=True)
class ReactionLook:
    """One kind of reaction on a bubble."""

    word: str
    """A tapback's word or an emoji."""
    tapback: bool
    names: tuple[str, ...]
    mine: bool
    part: int = 0
    """To which part of the message."""

    @property
    def sticker(self) -> bool:
        """It is a sticker, of which nobody knows the picture."""
        return self.word == STICKER


@dataclass(frozen=True, slots=True)
class ReplyLook:
    """What a bubble answers."""

    dom: str
    """The id of the bubble in the page, empty where it is not among what the phone has."""
    text: str
    mine: bool
    id: str
    """The vendor's id of what is answered."""


@dataclass(frozen=True, slots=True)
class BubbleLook:
    """One bubble as a phone shows it."""

    dom: str
    """Its id in the page, without the phone's number."""
    vendor: str
    id: str
    mine: bool
    channel: str
    green: bool
    parts: tuple[PartLook, ...]
    text: str
    time: str
    iso: str
    stamp: str
    """The line in the middle above it; empty is none."""
    above: tuple[str, ...]
    """What happened before it and is no bubble, each a line in the middle."""
    first: bool
    last: bool
    """First and last of a run: the last one has the tail."""
    sender: str
    """Who wrote it, above the first of a run in a group."""
    initials: str
    hue: int
    subject: str
    effect: str
    reply: ReplyLook | None
    replies: int
    """How many messages answer it."""
    reactions: tuple[ReactionLook, ...]
    state: str
    """The line below; empty is none."""
    sending: bool
    failed: str
    """Why it was not delivered, with the vendor's code; empty where it was."""
    again: bool
    """It can be tried again."""
    edited: bool
    unsent: str
    """Who took it back, as the line in its place; empty where nobody did."""
    cut: str
    """That the vendor left something off."""

    @property
    def jumbo(self) -> bool:
        """Nothing but one to three emoji, which phones show large and without a bubble."""
        return len(self.parts) == 1 and self.parts[0].jumbo

    def on_part(self, piece: PartLook) -> tuple[ReactionLook, ...]:
        """Give the reactions that are aimed at a part; those to no shown part are at the first."""
        shown = {number for each in self.parts for number in each.covers}
        first = piece.number == self.parts[0].number
        return tuple(r for r in self.reactions if r.part in piece.covers or (first and r.part not in shown))


def dom_id(vendor_id: str) -> str:
    """Make an id for the page of a vendor's id, which may hold anything."""
    return sha256(vendor_id.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def look_at(
    thread: Thread,
    address: Address,
    world: World,
    near: Near,
    window: int,
    album: Album[BubbleLook] | None = None,
) -> list[BubbleLook]:
    """Show the last `window` messages of a thread on the phone at an address; `album` has how they looked before."""
    everything, album = thread.shown_to(address), album or Album()
    bubbles = everything[-window:]
    known = {bubble.vendor_id: bubble for bubble in bubbles if bubble.reply_to} and {
        bubble.vendor_id: bubble for bubble in everything
    }
    here = {bubble.vendor_id for bubble in bubbles} if known else set()
    answered = Counter(root_of(bubble, known).vendor_id for bubble in bubbles if bubble.reply_to)
    ends = {_last(bubbles, mine=True, address=address), _last(bubbles, mine=False, address=address)}
    around = _around(thread, world)
    looks, start = [], len(everything) - len(bubbles)
    happened = {each.after for each in thread.happenings}
    for number, bubble in enumerate(bubbles):
        before = bubbles[number - 1] if number else None
        after = bubbles[number + 1] if number + 1 < len(bubbles) else None
        beside = _Beside(
            stamp=_stamp(before, bubble),
            above=_happened(thread, start + number, world, address) if start + number in happened else (),
            first=before is None or not _together(before, bubble),
            last=after is None or not _together(bubble, after),
            reply=_reply(bubble, known, here, address),
            replies=answered[bubble.vendor_id],
            ends=number in ends,
        )

        def make(bubble: Bubble = bubble, beside: _Beside = beside) -> BubbleLook:
            return _placed(look_at_one(bubble, address, world, near), beside)

        looks.append(album.find(bubble.vendor_id, (around, revision_of(bubble), beside), make))
    album.keep_only({bubble.vendor_id for bubble in bubbles})
    return looks


class _Beside(NamedTuple):
    """What a bubble's look owes to its place in the chat."""

    stamp: str
    above: tuple[str, ...]
    first: bool
    last: bool
    reply: ReplyLook | None
    replies: int
    ends: bool
    """It is the last of its side."""


def _around(thread: Thread, world: World) -> tuple[object, ...]:
    """Give what a bubble's look owes to the world: names, and whether a message waits for the phone."""
    return (tuple(phone.name for phone in world.phones()), world.recipient(thread).offline)


def _placed(plain: BubbleLook, beside: _Beside) -> BubbleLook:
    return replace(
        plain,
        stamp=beside.stamp,
        above=beside.above,
        first=beside.first,
        last=beside.last,
        reply=beside.reply,
        replies=beside.replies,
        state=plain.state if beside.ends or plain.failed else "",
    )


def latest(thread: Thread, world: World, address: Address) -> tuple[str, ...]:
    """Say what happened after the last bubble that a phone has."""
    return _happened(thread, len(thread.shown_to(address)), world, address)


def root_of(bubble: Bubble, known: Mapping[str, Bubble]) -> Bubble:
    """Follow replies back to the message that began them, as far as the phone has it."""
    seen = {bubble.vendor_id}
    while bubble.reply_to and bubble.reply_to in known and bubble.reply_to not in seen:
        bubble = known[bubble.reply_to]
        seen.add(bubble.vendor_id)
    return bubble


def _happened(thread: Thread, before: int, world: World, address: Address) -> tuple[str, ...]:
    """Say what happened just before a bubble; who left hears of nothing after that."""
    found = []
    for each in thread.happenings:
        if each.after == before:
            found.append(happened_words(each, thread, world, address))
            if thread.former.get(address) == before and each.data.get("member") == address.text:
                break
    return tuple(found)


def look_at_one(bubble: Bubble, address: Address, world: World, near: Near) -> BubbleLook:
    """Show one message as if it stood alone."""
    mine = bubble.sender == address.text
    taken_back = bubble.unsent_at is not None
    party = title_of(bubble.thread.vendor) if bubble.ours else name_of(world, bubble.sender)
    failed = bubble.state is DeliveryState.FAILED
    return BubbleLook(
        dom=dom_id(bubble.vendor_id),
        vendor=bubble.thread.vendor,
        id=bubble.vendor_id,
        mine=mine,
        channel=_CHANNELS[bubble.channel],
        green=bubble.channel is not Channel.IMESSAGE,
        parts=() if taken_back else part_looks(bubble, address.text, world, near),
        text="" if taken_back else said(bubble),
        time=time_of(bubble.created_at),
        iso=bubble.created_at.isoformat(),
        stamp="",
        above=(),
        first=True,
        last=True,
        sender=party if bubble.thread.group and not mine else "",
        initials=initials(party),
        hue=hue_of(party),
        subject=bubble.subject or "",
        effect=bubble.effect.value if bubble.effect else "",
        reply=None,
        replies=0,
        reactions=() if taken_back else _reactions(bubble, address, world),
        state="" if taken_back else _state(bubble, world),
        sending=_is_under_way(bubble),
        failed=_why(bubble) if failed else "",
        again=failed and bubble.ours,
        edited=bool(bubble.edits) and not taken_back,
        unsent=("You" if mine else party) + " unsent a message" if taken_back else "",
        cut=f"{party} left off {bubble.cut:,} characters" if bubble.cut else "",
    )


def _is_under_way(bubble: Bubble) -> bool:
    """Tell whether it is not on the phone yet; of what goes by SMS nobody ever hears more than that it was sent."""
    sent = bubble.ours and bubble.state is DeliveryState.SENT
    return bubble.state is DeliveryState.QUEUED or (sent and bubble.channel is Channel.IMESSAGE)


def _state(bubble: Bubble, world: World) -> str:
    words = _STATES.get(bubble.state, bubble.state.value.capitalize())
    if bubble.ours and bubble.state is DeliveryState.SENT and world.recipient(bubble.thread).offline:
        return f"{words} · waits for the phone"
    if bubble.state is DeliveryState.READ and DeliveryState.READ in bubble.times:
        return f"{words} {time_of(bubble.times[DeliveryState.READ])}"
    if bubble.ours and bubble.channel is not Channel.IMESSAGE and bubble.state is not DeliveryState.FAILED:
        return f"{words} · Sent as {_CHANNELS[bubble.channel]}"
    return words


def _why(bubble: Bubble) -> str:
    return " · ".join(piece for piece in (bubble.code and f"code {bubble.code}", bubble.reason) if piece) or "no reason"


def _reactions(bubble: Bubble, address: Address, world: World) -> tuple[ReactionLook, ...]:
    parties: dict[tuple[Reaction | None, int], list[str]] = {}
    for party, reaction in bubble.reactions.items():
        parties.setdefault((reaction, 0), []).append(party)
    for (party, part), reaction in bubble.part_reactions.items():
        parties.setdefault((reaction, part), []).append(party)
    if bubble.stickers:
        parties[None, 0] = bubble.stickers
    return tuple(
        ReactionLook(
            word=reaction.text if reaction else STICKER,
            tapback=reaction is not None and reaction.tapback is not None,
            names=tuple(_called(party, bubble, address, world) for party in who),
            mine=address.text in who,
            part=part,
        )
        for (reaction, part), who in parties.items()
    )


def _called(party: str, bubble: Bubble, address: Address, world: World) -> str:
    if party == address.text:
        return "You"
    return title_of(bubble.thread.vendor) if party == bubble.thread.line else name_of(world, party)


def _reply(bubble: Bubble, known: Mapping[str, Bubble], here: Collection[str], address: Address) -> ReplyLook | None:
    if bubble.reply_to is None:
        return None
    parent = known.get(bubble.reply_to)
    if parent is None:
        return ReplyLook("", "a message that is not on this phone", mine=False, id="")
    words = "a message that was taken back" if parent.unsent_at else preview(parent)
    if 0 < bubble.reply_part < len(parent.parts) and not parent.unsent_at:
        words = words_of(parent.parts[bubble.reply_part])
    dom = dom_id(parent.vendor_id) if parent.vendor_id in here else ""
    return ReplyLook(dom, words, parent.sender == address.text, parent.vendor_id)


def _stamp(before: Bubble | None, bubble: Bubble) -> str:
    """Name the time after a pause, and the network at the start and wherever it changes."""
    when = bubble.created_at.astimezone()
    if before is None or before.channel is not bubble.channel:
        return f"{_CHANNELS[bubble.channel]} · {when:%a} {when:%H:%M}"
    return f"{when:%a} {when:%H:%M}" if bubble.created_at - before.created_at > _PAUSE else ""


def _together(before: Bubble, after: Bubble) -> bool:
    shown = not before.unsent_at and not after.unsent_at
    same = shown and before.sender == after.sender and before.channel is after.channel
    return same and after.created_at - before.created_at <= _RUN and after.reply_to is None


def _last(bubbles: Sequence[Bubble], *, mine: bool, address: Address) -> int:
    sides = (bubble.sender == address.text if mine else bubble.ours for bubble in bubbles)
    return max((number for number, side in enumerate(sides) if side), default=-1)
