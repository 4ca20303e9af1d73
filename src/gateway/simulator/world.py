"""The world that all twins share: phones of contacts, threads, bubbles.

It knows nothing of any vendor and nothing of HTTP. What happens here reaches the application as webhooks of the twin
that carries the thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import JsonValue

from gateway.actions import DeliveryState
from gateway.addresses import Address
from gateway.model import Channel, Effect, Media, Part, Reaction
from gateway.simulator.clock import SimClock
from gateway.simulator.people import first_people, name_of

__all__ = ["Bubble", "Edit", "Happening", "Phone", "Thread", "World", "note_reaction"]


@dataclass(slots=True)
class Phone:
    """A contact's device, with its switches."""

    address: Address
    name: str
    imessage: bool = True
    rcs: bool = False
    offline: bool = False
    blocked: bool = False
    """The contact blocks our lines."""
    receipts: bool = True
    """The contact sends read receipts."""
    reads: bool = True
    """The contact opens what arrives by itself, after a while; otherwise only when told to."""
    filters: bool = False
    """Lines that the contact never wrote to wait among the unknown senders, where nobody reads them by itself."""
    slow: bool = False
    """A slow network: what comes and goes takes its time."""
    known: bool = True
    """The vendors know which network reaches it; otherwise iMessage is tried first, before it goes as text."""
    limits: bool = True
    """Apple's limits hold: how long a message can be edited and unsent, how small a group may become."""
    pins: list[tuple[str, str, str | None]] = field(default_factory=list)
    """The chats on top of the list: vendor, line and, of a group, the vendor's id."""


@dataclass(slots=True)
class Bubble:
    """One message in a thread."""

    vendor_id: str
    thread: Thread = field(repr=False)
    ours: bool
    sender: str
    """An address (text form) or, when it is ours, the line."""
    parts: tuple[Part, ...]
    created_at: datetime
    channel: Channel = Channel.IMESSAGE
    state: DeliveryState = DeliveryState.QUEUED
    subject: str | None = None
    effect: Effect | None = None
    reply_to: str | None = None
    """The vendor id of the message that it answers."""
    reply_part: int = 0
    code: str | None = None
    reason: str | None = None
    reactions: dict[str, Reaction] = field(default_factory=dict)
    """The reaction of each party to the whole or the first part, by address text, or the line for ours."""
    part_reactions: dict[tuple[str, int], Reaction] = field(default_factory=dict)
    """Reactions to a later part: by party and the part's number."""
    stickers: list[str] = field(default_factory=list)
    """Who put a sticker on it, by address text."""
    votes: dict[str, list[str]] = field(default_factory=dict)
    """In a poll: who voted, by option."""
    edits: list[Edit] = field(default_factory=list)
    """What it said before, oldest first."""
    unsent_at: datetime | None = None
    """When its sender took it back; it has no parts to show then."""
    cut: int = 0
    """How many characters the vendor left off at the end."""
    times: dict[DeliveryState, datetime] = field(default_factory=dict)
    """When each state was reached."""
    notes: dict[str, JsonValue] = field(default_factory=dict)
    """The twin's own, such as a string to return on webhooks."""

    @property
    def text(self) -> str:
        """All text of the bubble."""
        return "\n".join(part.text for part in self.parts if part.type == "text")

    def reach(self, state: DeliveryState, when: datetime) -> None:
        """Come to a state."""
        self.state = state
        self.times[state] = when


@dataclass(frozen=True, slots=True)
class Edit:
    """What a message said until it was edited."""

    parts: tuple[Part, ...]
    until: datetime


@dataclass(frozen=True, slots=True)
class Happening:
    """Something in a thread that is no bubble, such as a call or another name."""

    what: str
    """As the journal calls it."""
    at: datetime
    after: int
    """How many bubbles were there before."""
    data: Mapping[str, JsonValue]


@dataclass(slots=True)
class Thread:
    """A conversation on one line of one vendor."""

    id: str
    vendor: str
    line: str
    members: tuple[Address, ...]
    """The contacts, sorted; one in a direct thread."""
    group: str | None = None
    """The vendor's id of the group."""
    name: str | None = None
    icon: Media | None = None
    """The group's picture."""
    former: dict[Address, int] = field(default_factory=dict)
    """Who left or was removed, and how many bubbles were there then."""
    seen: dict[Address, int] = field(default_factory=dict)
    """How many bubbles there were when a contact last looked."""
    bubbles: list[Bubble] = field(default_factory=list, repr=False)
    happenings: list[Happening] = field(default_factory=list, repr=False)
    notes: dict[str, JsonValue] = field(default_factory=dict)
    typing: bool = False
    """Our typing dots are shown on the phone."""
    typing_since: datetime | None = field(default=None, repr=False)
    typing_round: int = field(default=0, repr=False)

    def last(self, *, ours: bool | None = None) -> Bubble | None:
        """Give the last bubble, of one side where that is asked."""
        return next((b for b in reversed(self.bubbles) if ours is None or b.ours is ours), None)

    def shown_to(self, address: Address) -> list[Bubble]:
        """Give the bubbles that a contact has: for who left, those until then."""
        return self.bubbles[: self.former[address]] if address in self.former else self.bubbles


class World:
    """All phones and threads.

    Given a clock and a seed, it is the same world each time: names of phones follow from the seed and the address,
    in whatever order they are first used.
    """

    def __init__(
        self,
        clock: SimClock | None = None,
        *,
        seed: int = 0,
        record: Callable[[str, str | None, Mapping[str, JsonValue]], None] | None = None,
    ) -> None:
        self.clock: SimClock = clock or SimClock("virtual")
        self.seed = seed
        self.carry: Callable[[Bubble], None] | None = None
        """Lets the fate of a submitted message run (`gateway.simulator.fates`); None leaves it queued."""
        self._record = record
        self._phones: dict[Address, Phone] = {}
        self._threads: dict[str, Thread] = {}
        self._direct: dict[tuple[str, str, Address], Thread] = {}
        self._groups: dict[tuple[str, str], Thread] = {}
        self._bubbles: dict[tuple[str, str], Bubble] = {}
        for address, name, imessage in first_people(seed):
            self._phones[address] = Phone(address, name, imessage)

    # ── the twins' side ───────────────────────────────────────────────────────────────────────────────────────────

    def phone(self, address: Address) -> Phone:
        """Give the phone at an address, made with a seeded name on first use."""
        found = self._phones.get(address)
        if found is None:
            found = self._phones[address] = Phone(address, name_of(self.seed, address))
        return found

    def direct(self, vendor: str, line: str, address: Address) -> Thread:
        """Give the direct thread of a line and a contact, made on first use."""
        found = self._direct.get((vendor, line, address))
        if found is None:
            self.phone(address)
            found = self._direct[vendor, line, address] = self._new_thread(vendor, line, (address,))
        return found

    def group(self, vendor: str, group_id: str) -> Thread | None:
        """Look up a group by the vendor's id."""
        return self._groups.get((vendor, group_id))

    def find_group(self, vendor: str, line: str, members: Iterable[Address]) -> Thread | None:
        """Look up the group with exactly these members."""
        wanted = _as_set(members)
        groups = (thread for (owner, _), thread in self._groups.items() if owner == vendor)
        return next((thread for thread in groups if thread.line == line and thread.members == wanted), None)

    def make_group(
        self, vendor: str, line: str, members: Iterable[Address], group_id: str, name: str | None = None
    ) -> Thread:
        """Make a group thread; raises `ValueError` for an id that is taken."""
        if (vendor, group_id) in self._groups:
            raise ValueError("there is a group with this id already")
        everyone = _as_set(members)
        for member in everyone:
            self.phone(member)
        thread = self._new_thread(vendor, line, everyone)
        thread.group, thread.name = group_id, name
        self._groups[vendor, group_id] = thread
        self.record("group", thread, {"name": name, "members": [member.text for member in everyone]})
        return thread

    def threads(self, vendor: str | None = None) -> list[Thread]:
        """Give all threads of a vendor, or of all, oldest first."""
        return [thread for thread in self._threads.values() if vendor in (None, thread.vendor)]

    def find(self, vendor: str, vendor_id: str) -> Bubble | None:
        """Look up a bubble by the vendor's id."""
        return self._bubbles.get((vendor, vendor_id))

    def submit(self, bubble: Bubble) -> None:
        """Put a message of ours into its thread and let its fate run; the twin hears of each state."""
        bubble.thread.typing = False
        self.put(bubble)
        if self.carry:
            self.carry(bubble)

    def react(self, bubble: Bubble, reaction: Reaction, *, removed: bool, part: int = 0) -> None:
        """React as our line, or take it back; to one part of the message where the vendor names parts."""
        note_reaction(bubble, bubble.thread.line, reaction, removed=removed, part=part)
        what = "unreacted" if removed else "reacted"
        noted: dict[str, JsonValue] = {"ours": True, "message": bubble.vendor_id, "reaction": reaction.text}
        if part:
            noted["part"] = part
        self.record(what, bubble.thread, noted)

    def set_typing(self, thread: Thread, *, on: bool, seconds: float | None = None) -> None:
        """Show our typing dots on the phone; they go after `seconds`, or a minute, or with the next message."""
        thread.typing = on
        thread.typing_since = self.clock.now()
        self.record("typing", thread, {"ours": True, "on": on, "seconds": seconds})
        thread.typing_round += 1
        shown = thread.typing_round

        def stop() -> None:
            if thread.typing_round == shown:
                thread.typing = False

        if on:
            self.clock.later(TYPING_SECONDS if seconds is None else seconds, stop)

    def mark_read(self, thread: Thread) -> None:
        """Mark what the contact wrote as read by us."""
        for bubble in thread.bubbles:
            if not bubble.ours and bubble.state is not DeliveryState.READ:
                bubble.reach(DeliveryState.READ, self.clock.now())
        self.record("read", thread, {"ours": True})

    # ── groups: `by` is who does it, None for us ──────────────────────────────────────────────────────────────────

    def rename(self, thread: Thread, name: str | None, by: Address | None = None) -> None:
        """Give a group another name, or take its name away."""
        thread.name = name
        self.record("renamed", thread, {**_doer(by), "name": name})

    def set_icon(self, thread: Thread, icon: Media | None, by: Address | None = None) -> None:
        """Give a group another picture, or take it away."""
        thread.icon = icon
        self.record("icon", thread, {**_doer(by), "there": icon is not None})

    def add_member(self, thread: Thread, member: Address, by: Address | None = None) -> None:
        """Add a contact to a group; one who is in it stays so, and who comes back has what was written meanwhile."""
        if member in thread.members:
            return
        self.phone(member)
        thread.former.pop(member, None)
        thread.members = _as_set([*thread.members, member])
        self.record("joined", thread, {**_doer(by), "member": member.text})

    def remove_member(self, thread: Thread, member: Address, by: Address | None = None) -> None:
        """Take a contact out of a group; `by` is the contact where it is one who leaves."""
        if member not in thread.members:
            return
        thread.members = tuple(each for each in thread.members if each != member)
        thread.former[member] = len(thread.bubbles)
        self.record("left" if by == member else "removed", thread, {**_doer(by), "member": member.text})

    # ── the shell's side ──────────────────────────────────────────────────────────────────────────────────────────

    def phones(self) -> list[Phone]:
        """Give all phones, the seeded ones first, then in order of first use."""
        return list(self._phones.values())

    def known(self, address: Address) -> bool:
        """Tell whether there is a phone at an address already."""
        return address in self._phones

    def thread(self, thread_id: str) -> Thread | None:
        """Look up a thread by its id."""
        return self._threads.get(thread_id)

    def recipient(self, thread: Thread) -> Phone:
        """Give the phone that decides a message's fate: the contact's, or in a group what holds for all together.

        A group is carried by iMessage or RCS only where every member has it, is offline or blocked only where every
        member is, and tells of reading where one does.
        """
        phones = [self.phone(member) for member in thread.members]
        if len(phones) == 1:
            return phones[0]
        return Phone(
            address=phones[0].address,
            name=thread.name or ", ".join(phone.name for phone in phones),
            imessage=all(phone.imessage for phone in phones),
            rcs=all(phone.rcs or phone.imessage for phone in phones),
            offline=all(phone.offline for phone in phones),
            blocked=all(phone.blocked for phone in phones),
            receipts=any(phone.receipts for phone in phones),
            reads=any(phone.reads for phone in phones),
            filters=all(phone.filters for phone in phones),
            slow=any(phone.slow for phone in phones),
            known=all(phone.known for phone in phones),
        )

    def put(self, bubble: Bubble) -> None:
        """Add a bubble to its thread; raises `ValueError` for an id that is taken."""
        name = (bubble.thread.vendor, bubble.vendor_id)
        if name in self._bubbles:
            raise ValueError("there is a message with this id already")
        self._bubbles[name] = bubble
        bubble.thread.bubbles.append(bubble)
        bubble.times.setdefault(bubble.state, self.clock.now())
        if not bubble.ours:
            self.look(bubble.thread, bubble.sender)
        self.record("message", bubble.thread, {"ours": bubble.ours, "message": bubble.vendor_id})

    def look(self, thread: Thread, party: str) -> None:
        """Note that a contact, by address text, has the whole thread before the eyes."""
        thread.seen |= {member: len(thread.bubbles) for member in thread.members if member.text == party}

    def record(self, what: str, thread: Thread, data: Mapping[str, JsonValue]) -> None:
        """Note in the journal what happened in a thread, and in the thread what no bubble shows."""
        if what not in _SHOWN_OTHERWISE:
            thread.happenings.append(Happening(what, self.clock.now(), len(thread.bubbles), dict(data)))
        if self._record:
            self._record(what, thread.vendor, {"thread": thread.id, **data})

    def note(self, what: str, data: Mapping[str, JsonValue]) -> None:
        """Note in the journal what happened in no thread, such as a switch of a phone."""
        if self._record:
            self._record(what, None, data)

    def _new_thread(self, vendor: str, line: str, members: tuple[Address, ...]) -> Thread:
        thread = Thread(f"thread_{len(self._threads) + 1}", vendor, line, members)
        self._threads[thread.id] = thread
        return thread


def note_reaction(bubble: Bubble, party: str, reaction: Reaction, *, removed: bool, part: int = 0) -> None:
    """Keep one reaction of each party on each part of a bubble, as phones do."""
    if part and removed:
        bubble.part_reactions.pop((party, part), None)
    elif part:
        bubble.part_reactions[party, part] = reaction
    elif removed:
        bubble.reactions.pop(party, None)
    else:
        bubble.reactions[party] = reaction


def _doer(by: Address | None) -> dict[str, JsonValue]:
    return {"ours": by is None, "by": by.text if by else None}


def _as_set(members: Iterable[Address]) -> tuple[Address, ...]:
    return tuple(sorted(set(members), key=lambda address: address.text))


_SHOWN_OTHERWISE = frozenset(
    "again edited message opened opted_in pinned reacted read state sticker stopped typing".split()
    + "unreacted unsent unvoted voted".split()
)
TYPING_SECONDS = 60.0
"""How long typing dots stay on a phone when nobody takes them away."""
