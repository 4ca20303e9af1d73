"""What contacts do: they write, reply, react, type, read, call, opt in, say STOP, and switch their phones.

Each deed changes the world, asks the twin that carries the thread what the application hears of it, and sends that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gateway.actions import DeliveryState
from gateway.addresses import Address
from gateway.model import Attachment, Channel, Effect, Part, Reaction, Text
from gateway.simulator.fates import Fates
from gateway.simulator.twin import Twin, Webhook
from gateway.simulator.world import Bubble, Phone, Thread, World, note_reaction

__all__ = ["Contact", "Impossible"]

_SWITCHES = ("name", "imessage", "rcs", "offline", "blocked", "receipts", "reads")


class Impossible(Exception):
    """A contact cannot do that in this world; `hint` says what to do, `status` is the HTTP status for it."""

    def __init__(self, message: str, *, hint: str, status: int = 409) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.status = status


class Contact:
    """A contact with hands: `contact.write("hi", vendor="…")`.

    Where a deed takes place: in the group with the vendor's id `group`, or else in the direct thread with `line`;
    without a line it is the one last used with this contact, or the account's first.
    """

    def __init__(self, phone: Phone, *, world: World, twins: Mapping[str, Twin], fates: Fates) -> None:
        self.phone = phone
        self._world = world
        self._twins = twins
        self._fates = fates

    @property
    def address(self) -> Address:
        """Where the contact is reached."""
        return self.phone.address

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
        bubble = self._put(thread, content, subject=subject, effect=effect, reply_to=reply_to, reply_part=reply_part)
        self._tell(vendor, self._twins[vendor].wrote(bubble))
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
        self._tell(vendor, self._twins[vendor].opted_in(thread, self.address, link, text))
        return bubble

    def stop(self, *, vendor: str, text: str = "STOP", line: str | None = None) -> Bubble:
        """Say that no more messages are wanted."""
        bubble = self._put(self.thread(vendor, line=line), (Text(text=text),))
        self._tell(vendor, self._twins[vendor].opted_out(bubble))
        return bubble

    def start_group(
        self,
        others: Iterable[Address],
        text: str,
        *,
        vendor: str,
        line: str | None = None,
        name: str | None = None,
    ) -> Bubble:
        """Make a group with us and other contacts, and write into it first."""
        self._be_online()
        twin = self._twin(vendor)
        members = {self.address, *others}
        if len(members) < 2:
            raise Impossible("a group needs another contact", hint="name at least one other address", status=422)
        thread = self._world.make_group(vendor, self._line(twin, line), members, twin.new_group_id(), name)
        return self.write(text, vendor=vendor, group=thread.group)

    # ── other deeds ───────────────────────────────────────────────────────────────────────────────────────────────

    def react(
        self,
        reaction: Reaction | str,
        *,
        vendor: str,
        message: str | None = None,
        removed: bool = False,
        line: str | None = None,
        group: str | None = None,
    ) -> Bubble:
        """React to a message, by default the last one of ours, or take a reaction back."""
        chosen = Reaction.parse(reaction) if isinstance(reaction, str) else reaction
        thread = self.thread(vendor, line=line, group=group)
        bubble = self._target(thread, message)
        if removed and bubble.reactions.get(self.address.text) != chosen:
            raise Impossible(
                "there is no such reaction of this contact on the message",
                hint="GET /_sim/threads/{id} shows the reactions of each message",
            )
        note_reaction(bubble, self.address.text, chosen, removed=removed)
        what = "unreacted" if removed else "reacted"
        self._world.record(what, thread, {"ours": False, "message": bubble.vendor_id, "reaction": chosen.text})
        self._tell(vendor, self._twins[vendor].reacted(bubble, self.address, chosen, removed=removed))
        return bubble

    def unreact(
        self,
        reaction: Reaction | str,
        *,
        vendor: str,
        message: str | None = None,
        line: str | None = None,
        group: str | None = None,
    ) -> Bubble:
        """Take a reaction back."""
        return self.react(reaction, vendor=vendor, message=message, removed=True, line=line, group=group)

    def type(self, *, vendor: str, on: bool = True, line: str | None = None, group: str | None = None) -> Thread:
        """Begin or stop typing."""
        thread = self.thread(vendor, line=line, group=group)
        self._world.record("typing", thread, {"ours": False, "on": on})
        self._tell(vendor, self._twins[vendor].typed(thread, self.address, started=on))
        return thread

    def read(self, *, vendor: str, line: str | None = None, group: str | None = None) -> list[Bubble]:
        """Open the thread: what was delivered is read, and reported where the phone sends receipts."""
        thread = self.thread(vendor, line=line, group=group)
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
        what = "unvoted" if removed else "voted"
        self._world.record(what, thread, {"ours": False, "message": bubble.vendor_id, "option": option})
        self._tell(vendor, hooks)
        return bubble

    def share(self, *, vendor: str, line: str | None = None, group: str | None = None) -> Thread:
        """Share the phone's name and picture with us."""
        thread = self.thread(vendor, line=line, group=group)
        self._world.record("shared", thread, {"ours": False, "name": self.phone.name})
        self._tell(vendor, self._twins[vendor].shared(thread, self.address))
        return thread

    def rename(self, name: str, *, vendor: str, group: str) -> Thread:
        """Give a group another name."""
        thread = self.thread(vendor, group=group)
        thread.name = name
        self._world.record("renamed", thread, {"ours": False, "name": name})
        self._tell(vendor, self._twins[vendor].renamed(thread, self.address))
        return thread

    def call(self, *, vendor: str, line: str | None = None) -> Thread:
        """Try to call us."""
        thread = self.thread(vendor, line=line)
        self._world.record("call", thread, {"ours": False})
        self._tell(vendor, self._twins[vendor].called(thread, self.address))
        return thread

    def switch(self, **changes: bool | str) -> Phone:
        """Change the phone's switches (offline, blocked, imessage, rcs, receipts, reads) or the name."""
        for name, value in changes.items():
            if name not in _SWITCHES:
                raise Impossible(
                    f"a phone has no switch {name!r}", hint=f"there are {', '.join(_SWITCHES)}", status=422
                )
            setattr(self.phone, name, value)
        if changes.get("offline") is False:
            self._fates.back_online(self.address)
        return self.phone

    # ── where ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def thread(self, vendor: str, *, line: str | None = None, group: str | None = None) -> Thread:
        """Find the thread that is meant; raises `Impossible` where the contact cannot be there."""
        self._be_online()
        twin = self._twin(vendor)
        if group is None:
            return self._world.direct(vendor, self._line(twin, line), self.address)
        thread = self._world.group(vendor, group)
        if thread is None or self.address not in thread.members:
            raise Impossible("the contact is in no such group", hint="GET /_sim/threads lists them", status=404)
        return thread

    def _be_online(self) -> None:
        if self.phone.offline:
            raise Impossible("the phone is offline", hint="switch offline off first")

    def _twin(self, vendor: str) -> Twin:
        twin = self._twins.get(vendor)
        if twin is None:
            known = ", ".join(sorted(self._twins))
            raise Impossible(f"there is no vendor {vendor!r} here", hint=f"there are: {known}", status=404)
        return twin

    def _line(self, twin: Twin, line: str | None) -> str:
        if line is None:
            mine = [t for t in self._world.threads(twin.name) if t.members == (self.address,) and t.group is None]
            used = [thread for thread in mine if thread.bubbles]
            return max(used, key=lambda t: t.bubbles[-1].created_at).line if used else twin.lines[0]
        if line not in twin.open_lines:
            raise Impossible("the account has no such line", hint=f"it has {', '.join(twin.open_lines)}", status=404)
        return line

    def _target(self, thread: Thread, message: str | None) -> Bubble:
        found = thread.last(ours=True) if message is None else self._world.find(thread.vendor, message)
        if found is None or found.thread is not thread:
            hint = "GET /_sim/threads/{id} shows its messages" if message else "we have to write first, or name one"
            raise Impossible("there is no such message in the thread", hint=hint, status=404)
        return found

    # ── how ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _put(self, thread: Thread, parts: tuple[Part, ...], **shown: Any) -> Bubble:
        phone = self._world.recipient(thread)
        plain = Channel.RCS if phone.rcs else Channel.SMS
        bubble = Bubble(
            vendor_id=self._twins[thread.vendor].new_message_id(),
            thread=thread,
            ours=False,
            sender=self.address.text,
            parts=parts,
            created_at=self._world.clock.now(),
            channel=Channel.IMESSAGE if phone.imessage else plain,
            state=DeliveryState.DELIVERED,
            **shown,
        )
        self._world.put(bubble)
        return bubble

    def _tell(self, vendor: str, hooks: Sequence[Webhook]) -> None:
        twin = self._twins[vendor]
        for hook in hooks:
            twin.context.emit(hook)
