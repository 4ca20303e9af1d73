"""How a chat looks on a phone: each bubble as a frozen value, so that what changed is what differs.

A phone is a contact's: what the contact wrote is on the right, what the application sent is on the left. Under the
last bubble of each side stands how far it came; for the application's bubbles that is what the vendor reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256

from gateway.actions import DeliveryState
from gateway.addresses import Address
from gateway.model import Channel, Reaction
from gateway.simulator.phone.names import hue_of, initials, name_of, time_of, title_of
from gateway.simulator.phone.parts import PartLook, part_looks, preview, said
from gateway.simulator.world import Bubble, Happening, Thread, World

__all__ = ["BubbleLook", "ReactionLook", "ReplyLook", "latest", "look_at"]

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


@dataclass(frozen=True, slots=True)
class ReplyLook:
    """What a bubble answers."""

    dom: str
    """The id of the bubble in the page, empty where it is not among what the phone has."""
    text: str
    mine: bool


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
    reactions: tuple[ReactionLook, ...]
    state: str
    """The line below; empty is none."""
    sending: bool
    failed: str
    """Why it was not delivered, with the vendor's code; empty where it was."""
    again: bool
    """It can be tried again."""

    @property
    def jumbo(self) -> bool:
        """Nothing but one to three emoji, which phones show large and without a bubble."""
        return len(self.parts) == 1 and self.parts[0].jumbo


def dom_id(vendor_id: str) -> str:
    """Make an id for the page of a vendor's id, which may hold anything."""
    return sha256(vendor_id.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def look_at(thread: Thread, address: Address, world: World, root: str, window: int) -> list[BubbleLook]:
    """Show the last `window` messages of a thread on the phone at an address."""
    bubbles = thread.bubbles[-window:]
    known = {bubble.vendor_id: bubble for bubble in bubbles if bubble.reply_to} and {
        bubble.vendor_id: bubble for bubble in thread.bubbles
    }
    ends = {_last(bubbles, mine=True, address=address), _last(bubbles, mine=False, address=address)}
    looks, start = [], len(thread.bubbles) - len(bubbles)
    for number, bubble in enumerate(bubbles):
        before = bubbles[number - 1] if number else None
        after = bubbles[number + 1] if number + 1 < len(bubbles) else None
        plain = _look(bubble, address, world, root)
        looks.append(
            replace(
                plain,
                stamp=_stamp(before, bubble),
                above=_happened(thread, start + number, world),
                first=before is None or not _together(before, bubble),
                last=after is None or not _together(bubble, after),
                reply=_reply(bubble, known, address),
                state=plain.state if number in ends or plain.failed else "",
            )
        )
    return looks


def latest(thread: Thread, world: World) -> tuple[str, ...]:
    """Say what happened after the last bubble."""
    return _happened(thread, len(thread.bubbles), world)


def _happened(thread: Thread, before: int, world: World) -> tuple[str, ...]:
    """Say what happened just before a bubble."""
    return tuple(_words(each, world) for each in thread.happenings if each.after == before)


def _words(each: Happening, world: World) -> str:
    name = each.data.get("name")
    match each.what:
        case "group":
            return f"Group “{name}”" if name else "Group"
        case "call":
            return f"FaceTime call · {time_of(each.at)}"
        case "renamed":
            return f"The conversation was named “{name}”"
        case "shared":
            return f"{name} shared name and photo"
        case "voted" | "unvoted":
            return f"{'Voted for' if each.what == 'voted' else 'Took back the vote for'} “{each.data.get('option')}”"
    members = each.data.get("members") or each.data.get("member") or ""
    who = ", ".join(name_of(world, str(m)) for m in (members if isinstance(members, list) else [members]) if m)
    return " · ".join(piece for piece in (each.what.replace("_", " ").capitalize(), who) if piece)


def _look(bubble: Bubble, address: Address, world: World, root: str) -> BubbleLook:
    mine = bubble.sender == address.text
    party = title_of(bubble.thread.vendor) if bubble.ours else name_of(world, bubble.sender)
    failed = bubble.state is DeliveryState.FAILED
    return BubbleLook(
        dom=dom_id(bubble.vendor_id),
        vendor=bubble.thread.vendor,
        id=bubble.vendor_id,
        mine=mine,
        channel=_CHANNELS[bubble.channel],
        green=bubble.channel is not Channel.IMESSAGE,
        parts=part_looks(bubble, root),
        text=said(bubble),
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
        reactions=_reactions(bubble, address, world),
        state=_state(bubble),
        sending=bubble.ours and bubble.state in {DeliveryState.QUEUED, DeliveryState.SENT},
        failed=_why(bubble) if failed else "",
        again=failed and bubble.ours,
    )


def _state(bubble: Bubble) -> str:
    words = _STATES.get(bubble.state, bubble.state.value.capitalize())
    if bubble.state is DeliveryState.READ and DeliveryState.READ in bubble.times:
        return f"{words} {time_of(bubble.times[DeliveryState.READ])}"
    if bubble.ours and bubble.channel is not Channel.IMESSAGE and bubble.state is not DeliveryState.FAILED:
        return f"{words} · Sent as {_CHANNELS[bubble.channel]}"
    return words


def _why(bubble: Bubble) -> str:
    return " · ".join(piece for piece in (bubble.code and f"code {bubble.code}", bubble.reason) if piece) or "no reason"


def _reactions(bubble: Bubble, address: Address, world: World) -> tuple[ReactionLook, ...]:
    parties: dict[Reaction, list[str]] = {}
    for party, reaction in bubble.reactions.items():
        parties.setdefault(reaction, []).append(party)
    return tuple(
        ReactionLook(
            word=reaction.text,
            tapback=reaction.tapback is not None,
            names=tuple("You" if party == address.text else name_of(world, party) for party in who),
            mine=address.text in who,
        )
        for reaction, who in parties.items()
    )


def _reply(bubble: Bubble, known: dict[str, Bubble], address: Address) -> ReplyLook | None:
    if bubble.reply_to is None:
        return None
    parent = known.get(bubble.reply_to)
    if parent is None:
        return ReplyLook("", "a message that is not on this phone", mine=False)
    return ReplyLook(dom_id(parent.vendor_id), preview(parent), parent.sender == address.text)


def _stamp(before: Bubble | None, bubble: Bubble) -> str:
    """Name the time after a pause, and the network at the start and wherever it changes."""
    when = bubble.created_at.astimezone()
    if before is None or before.channel is not bubble.channel:
        return f"{_CHANNELS[bubble.channel]} · {when:%a} {when:%H:%M}"
    return f"{when:%a} {when:%H:%M}" if bubble.created_at - before.created_at > _PAUSE else ""


def _together(before: Bubble, after: Bubble) -> bool:
    same = before.sender == after.sender and before.channel is after.channel
    return same and after.created_at - before.created_at <= _RUN and after.reply_to is None


def _last(bubbles: Sequence[Bubble], *, mine: bool, address: Address) -> int:
    sides = (bubble.sender == address.text if mine else bubble.ours for bubble in bubbles)
    return max((number for number, side in enumerate(sides) if side), default=-1)
