"""Who does something in the world: a phone, where it may act, and how the application hears of it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from gateway.actions import DeliveryState
from gateway.addresses import Address
from gateway.model import Channel, Part
from gateway.simulator.fates import SLOW_SECONDS, Fates
from gateway.simulator.twin import Twin, Webhook
from gateway.simulator.world import Bubble, Phone, Thread, World

__all__ = ["Impossible", "Someone"]


class Impossible(Exception):
    """A contact cannot do that in this world; `hint` says what to do, `status` is the HTTP status for it."""

    def __init__(self, message: str, *, hint: str, status: int = 409) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.status = status


class Someone:
    """A contact in front of a phone; what it can do there is in the classes that are made of this one.

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
            near = difflib.get_close_matches(vendor, self._twins, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(self._twins))}"
            raise Impossible(f"there is no vendor {vendor!r} here", hint=hint, status=404)
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
            **{"state": DeliveryState.DELIVERED, **shown},
        )
        self._world.put(bubble)
        return bubble

    def _did(self, bubble: Bubble | None = None) -> dict[str, JsonValue]:
        """Say in the journal's words that the contact did something, to a message where there is one."""
        done: dict[str, JsonValue] = {"ours": False, "by": self.address.text}
        return {**done, "message": bubble.vendor_id} if bubble else done

    def _send(self, bubble: Bubble, hooks: Callable[[], Sequence[Webhook]]) -> None:
        """Let a message that is in the thread reach the vendor: at once, or after a while where the network is slow."""
        if bubble.state is DeliveryState.QUEUED:
            self._world.clock.later(SLOW_SECONDS, lambda: self._arrive(bubble, hooks))
        else:
            self._tell(bubble.thread.vendor, hooks())

    def _arrive(self, bubble: Bubble, hooks: Callable[[], Sequence[Webhook]]) -> None:
        if bubble.unsent_at is not None:
            return
        bubble.reach(DeliveryState.DELIVERED, self._world.clock.now())
        self._world.record("state", bubble.thread, {"message": bubble.vendor_id, "state": bubble.state.value})
        self._tell(bubble.thread.vendor, hooks())

    def _tell(self, vendor: str, hooks: Sequence[Webhook]) -> None:
        twin = self._twins[vendor]
        for hook in hooks:
            twin.context.emit(hook)
