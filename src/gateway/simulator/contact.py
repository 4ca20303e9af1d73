"""What contacts do: they write, reply, react, vote, type, read, call, opt in, say STOP, and switch their phones.

What they do with groups is in `member`, second thoughts are in `rewriting`.

Each deed changes the world, asks the twin that carries the thread what the application hears of it, and sends that.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from pydantic import JsonValue

from gateway.actions import DeliveryState
from gateway.model import Attachment, Channel, Effect, Part, Reaction, Text
from gateway.simulator.member import Member
from gateway.simulator.rewriting import Rewriter
from gateway.simulator.someone import Impossible
from gateway.simulator.world import Bubble, Phone, Thread, note_reaction

__all__ = ["Contact", "Impossible"]

_SWITCHES = (
    *("name", "imessage", "rcs", "offline", "blocked", "receipts", "reads"),
    *("filters", "slow", "known", "limits"),
)


class Contact(Rewriter, Member):
    """A contact with hands: `contact.write("hi", vendor="…")`.

    Where a deed takes place: see `Someone`.
    """

    # ── messages ──────────────────────────────────────────────────────────────────────────────────────────────────

    def write(
        self,
        text: str | None = None,
        *,
        vendor: str,
        line: str | None = None,
        group: str | None = None,
        parts: Sequence[Part] = (),
        attachments: Iterable[str] = (),
        subject: str | None = None,
        effect: Effect | None = None,
        reply_to: str | None = None,
        reply_part: int = 0,
    ) -> Bubble:
        """Write a message: text, URLs of attachments, or parts of any kind.

        `reply_to` is the vendor's id of a message in the same thread. Raises `Impossible`.
        """
        content = (*([Text(text=text)] if text else []), *parts, *(Attachment(url=url) for url in attachments))
        if not content:
            raise Impossible("there is nothing to write", hint="give text, attachments or parts", status=422)
        thread = self.thread(vendor, line=line, group=group)
        if reply_to is not None:
            self._target(thread, reply_to)
        state = DeliveryState.QUEUED if self.phone.slow else DeliveryState.DELIVERED
        chosen = Effect(effect) if effect else None
        shown = {"subject": subject, "effect": chosen, "reply_to": reply_to, "reply_part": reply_part}
        bubble = self._put(thread, content, state=state, **shown)
        self._send(bubble, lambda: self._twins[vendor].wrote(bubble))
        return bubble

    def reply(
        self,
        text: str,
        *,
        vendor: str,
        message: str | None = None,
        part: int = 0,
        line: str | None = None,
        group: str | None = None,
    ) -> Bubble:
        """Reply to a message in its thread, by default to the last one of ours; otherwise as `write`."""
        target = self._target(self.thread(vendor, line=line, group=group), message)
        return self.write(text, vendor=vendor, line=line, group=group, reply_to=target.vendor_id, reply_part=part)

    def opt_in(self, *, vendor: str, link: str | None = None, text: str = "START", line: str | None = None) -> Bubble:
        """Opt in, by a link that the twin made (its URL or id) or by writing; the thread holds what was written."""
        thread = self.thread(vendor, line=line)
        bubble = self._put(thread, (Text(text=text),))
        self._world.record("opted_in", thread, {**self._did(bubble), "link": link})
        self._tell(vendor, self._twins[vendor].opted_in(thread, self.address, link, text))
        return bubble

    def stop(self, *, vendor: str, text: str = "STOP", line: str | None = None) -> Bubble:
        """Say that no more messages are wanted."""
        bubble = self._put(self.thread(vendor, line=line), (Text(text=text),))
        self._world.record("stopped", bubble.thread, self._did(bubble))
        self._tell(vendor, self._twins[vendor].opted_out(bubble))
        return bubble

    # ── other deeds ───────────────────────────────────────────────────────────────────────────────────────────────

    def react(
        self,
        reaction: Reaction | str,
        *,
        vendor: str,
        message: str | None = None,
        part: int = 0,
        removed: bool = False,
        line: str | None = None,
        group: str | None = None,
    ) -> Bubble:
        """React to a message, by default the last one of ours, or to one part of it, or take a reaction back."""
        chosen = Reaction.parse(reaction) if isinstance(reaction, str) else reaction
        thread = self.thread(vendor, line=line, group=group)
        bubble = self._target(thread, message)
        if part >= len(bubble.parts):
            raise Impossible("the message has no such part", hint="parts are counted from 0", status=422)
        me = self.address.text
        there = bubble.part_reactions.get((me, part)) if part else bubble.reactions.get(me)
        if removed and there != chosen:
            raise Impossible(
                "there is no such reaction of this contact on the message",
                hint="GET /_sim/threads/{id} shows the reactions of each message",
            )
        note_reaction(bubble, me, chosen, removed=removed, part=part)
        what = "unreacted" if removed else "reacted"
        noted: dict[str, JsonValue] = {**self._did(bubble), "reaction": chosen.text}
        self._world.record(what, thread, {**noted, "part": part} if part else noted)
        twin = self._twins[vendor]
        if part:
            self._tell(vendor, twin.reacted_to_part(bubble, self.address, chosen, part, removed=removed))
        else:
            self._tell(vendor, twin.reacted(bubble, self.address, chosen, removed=removed))
        return bubble

    def unreact(
        self,
        reaction: Reaction | str,
        *,
        vendor: str,
        message: str | None = None,
        part: int = 0,
        line: str | None = None,
        group: str | None = None,
    ) -> Bubble:
        """Take a reaction back."""
        return self.react(reaction, vendor=vendor, message=message, part=part, removed=True, line=line, group=group)

    def stick(
        self, *, vendor: str, message: str | None = None, line: str | None = None, group: str | None = None
    ) -> Bubble:
        """Put a sticker on a message, by default the last one of ours, or take it off again."""
        thread = self.thread(vendor, line=line, group=group)
        bubble, me = self._target(thread, message), self.address.text
        noted: dict[str, JsonValue] = {**self._did(bubble), "on": me not in bubble.stickers}
        self._world.record("sticker", thread, noted)
        if me in bubble.stickers:
            bubble.stickers.remove(me)
            return bubble
        bubble.stickers.append(me)
        self._tell(vendor, self._twins[vendor].stuck(bubble, self.address))
        return bubble

    def type(self, *, vendor: str, on: bool = True, line: str | None = None, group: str | None = None) -> Thread:
        """Begin or stop typing."""
        thread = self.thread(vendor, line=line, group=group)
        self._world.record("typing", thread, {**self._did(), "on": on})
        self._tell(vendor, self._twins[vendor].typed(thread, self.address, started=on))
        return thread

    def read(self, *, vendor: str, line: str | None = None, group: str | None = None) -> list[Bubble]:
        """Open the thread: what was delivered is read, and reported where the phone sends receipts."""
        thread = self.thread(vendor, line=line, group=group)
        self._world.look(thread, self.address.text)
        self._world.record("opened", thread, self._did())
        delivered = [b for b in thread.bubbles if b.ours and b.state is DeliveryState.DELIVERED]
        if not self.phone.receipts:
            return []
        for bubble in delivered:
            # SMS has no read receipts
            if bubble.channel is not Channel.SMS:
                self._fates.reach(bubble, DeliveryState.READ)
        return [bubble for bubble in delivered if bubble.state is DeliveryState.READ]

    def vote(
        self,
        option: str,
        *,
        vendor: str,
        message: str | None = None,
        removed: bool = False,
        line: str | None = None,
        group: str | None = None,
    ) -> Bubble:
        """Vote in a poll, by default the last message of ours, or take the vote back."""
        thread = self.thread(vendor, line=line, group=group)
        bubble = self._target(thread, message)
        hooks = self._twins[vendor].voted(bubble, self.address, option, removed=removed)
        voters = bubble.votes.setdefault(option, [])
        if removed and self.address.text in voters:
            voters.remove(self.address.text)
        elif not removed and self.address.text not in voters:
            voters.append(self.address.text)
        what = "unvoted" if removed else "voted"
        self._world.record(what, thread, {**self._did(bubble), "option": option})
        self._tell(vendor, hooks)
        return bubble

    def try_again(
        self, *, vendor: str, message: str | None = None, line: str | None = None, group: str | None = None
    ) -> Bubble:
        """Let the vendor try a message of ours again that was not delivered, by default the last one that failed."""
        thread = self.thread(vendor, line=line, group=group)
        failed = (b for b in reversed(thread.bubbles) if b.ours and b.state is DeliveryState.FAILED)
        found = next(failed, None) if message is None else self._target(thread, message)
        if found is None or not found.ours or found.state is not DeliveryState.FAILED:
            raise Impossible("only what was not delivered is tried again", hint="choose a failed message")
        self._world.record("again", thread, self._did(found))
        self._fates.again(found)
        return found

    def share(self, *, vendor: str, line: str | None = None, group: str | None = None) -> Thread:
        """Share the phone's name and picture with us."""
        thread = self.thread(vendor, line=line, group=group)
        self._world.record("shared", thread, {**self._did(), "name": self.phone.name})
        self._tell(vendor, self._twins[vendor].shared(thread, self.address))
        return thread

    def call(self, *, vendor: str, line: str | None = None) -> Thread:
        """Try to call us."""
        thread = self.thread(vendor, line=line)
        self._world.record("call", thread, self._did())
        self._tell(vendor, self._twins[vendor].called(thread, self.address))
        return thread

    def pin(self, *, vendor: str, line: str, group: str | None = None, on: bool = True) -> Phone:
        """Keep a chat on top of the phone's list, or let it go."""
        chat = (vendor, line, group)
        self.phone.pins = [pin for pin in self.phone.pins if pin != chat] + ([chat] if on else [])
        self._world.record("pinned", self.thread(vendor, line=line, group=group), {**self._did(), "on": on})
        return self.phone

    def switch(self, **changes: bool | str) -> Phone:
        """Change the phone's switches, as `Phone` has them, or the name."""
        for name, value in changes.items():
            if name not in _SWITCHES:
                near = difflib.get_close_matches(name, _SWITCHES, n=1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(_SWITCHES)}"
                raise Impossible(f"a phone has no switch {name!r}", hint=hint, status=422)
            setattr(self.phone, name, value)
        self._world.note("switched", {"by": self.address.text, "to": dict(changes)})
        if changes.get("offline") is False:
            self._fates.back_online(self.address)
        return self.phone
