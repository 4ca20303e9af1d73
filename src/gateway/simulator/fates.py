"""What becomes of accepted messages: their fates, walked with the latency of the world on its clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from random import Random

from gateway.actions import DeliveryState
from gateway.addresses import Address
from gateway.model import Channel
from gateway.simulator.twin import Fate, Twin
from gateway.simulator.world import Bubble, World

__all__ = ["SLOW_SECONDS", "Fates", "Latency"]

SLOW_SECONDS = 8.0
"""How much longer a message takes to or from a phone with a slow network."""


@dataclass(frozen=True, slots=True)
class Latency:
    """How long things take in the world, in seconds; each takes up to `jitter` of it longer, by the seed."""

    queued: float = 0.0
    sent: float = 0.3
    delivered: float = 0.4
    read: float = 1.2
    failed: float = 0.3
    jitter: float = 0.5
    webhook: float = 0.02
    """From what happened to the first attempt of its webhook."""

    def of(self, state: DeliveryState, dice: Random) -> float:
        """Give the seconds until a message comes to a state."""
        return float(getattr(self, state.value, self.sent)) * (1 + self.jitter * dice.random())

    def scaled(self, factor: float) -> Latency:
        """Make all of it longer or shorter."""
        names = ("queued", "sent", "delivered", "read", "failed", "webhook")
        return replace(self, **{name: getattr(self, name) * factor for name in names})


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A message that cannot go on while its phone is offline, or has not yet come to its next state."""

    bubble: Bubble
    fate: Fate
    step: int


class Fates:
    """Walks each message of ours through its states; the twin hears of each and its webhooks go out.

    `spoil` may put another fate in the place of the twin's, for delivery failures on demand.
    """

    def __init__(
        self,
        world: World,
        twins: Mapping[str, Twin],
        *,
        latency: Latency | None = None,
        spoil: Callable[[Bubble, Fate], Fate] | None = None,
    ) -> None:
        self._world = world
        self._twins = twins
        self.latency: Latency = latency or Latency()
        self._spoil = spoil
        self._dice = Random(f"{world.seed}/latency")  # noqa: S311 - made-up delays are no secret
        self._waiting: list[_Waiting] = []
        self._walking: dict[tuple[str, str], _Waiting] = {}
        world.carry = self.begin

    def begin(self, bubble: Bubble) -> None:
        """Decide a message's fate and let it run."""
        fate = self._twins[bubble.thread.vendor].fate(bubble, self._world.recipient(bubble.thread))
        if self._spoil:
            fate = self._spoil(bubble, fate)
        known = self._world.recipient(bubble.thread).known
        bubble.channel = fate.channel if known else Channel.IMESSAGE
        self._next(bubble, fate, 0)

    def again(self, bubble: Bubble) -> None:
        """Let a message that failed run from its beginning."""
        bubble.code = bubble.reason = None
        self.reach(bubble, DeliveryState.QUEUED)
        self.begin(bubble)

    def go_on(self) -> None:
        """Let the messages go on that were on their way in a world that was put aside."""
        for walking in list(self._walking.values()):
            self._next(walking.bubble, walking.fate, walking.step)

    def back_online(self, address: Address) -> None:
        """Let the messages go on that waited for a phone."""
        free = [w for w in self._waiting if address in w.bubble.thread.members and not self._offline(w.bubble)]
        self._waiting = [waiting for waiting in self._waiting if waiting not in free]
        for waiting in free:
            self._next(waiting.bubble, waiting.fate, waiting.step)

    def reach(self, bubble: Bubble, state: DeliveryState) -> None:
        """Bring a message to a state now, and let its twin tell the application."""
        bubble.reach(state, self._world.clock.now())
        self._world.record("state", bubble.thread, {"message": bubble.vendor_id, "state": state.value})
        twin = self._twins[bubble.thread.vendor]
        for hook in twin.progressed(bubble):
            twin.context.emit(hook)

    def _next(self, bubble: Bubble, fate: Fate, step: int) -> None:
        if step < len(fate.states):
            self._walking[bubble.thread.vendor, bubble.vendor_id] = _Waiting(bubble, fate, step)
            state = fate.states[step]
            seconds = self.latency.of(state, self._dice)
            if state in _ON_THE_PHONE and self._world.recipient(bubble.thread).slow:
                seconds += SLOW_SECONDS
            # what nobody knows to have no iMessage is tried there first, and goes as text after a while
            if bubble.channel is not fate.channel and state is not DeliveryState.QUEUED:
                seconds += _FALLBACK_SECONDS
            self._world.clock.later(seconds, partial(self._come_to, bubble, fate, step))

    def _come_to(self, bubble: Bubble, fate: Fate, step: int) -> None:
        state = fate.states[step]
        self._walking.pop((bubble.thread.vendor, bubble.vendor_id), None)
        if bubble.state is DeliveryState.CANCELLED:
            return
        if state is not DeliveryState.QUEUED:
            bubble.channel = fate.channel
            for member in bubble.thread.members:
                self._world.phone(member).known = True
        if state in _ON_THE_PHONE and self._offline(bubble):
            self._waiting.append(_Waiting(bubble, fate, step))
            return
        if state is DeliveryState.READ and not self._reads(bubble):
            return
        if state is DeliveryState.FAILED:
            bubble.code, bubble.reason = fate.code, fate.reason
        self.reach(bubble, state)
        self._next(bubble, fate, step + 1)

    def _offline(self, bubble: Bubble) -> bool:
        return self._world.recipient(bubble.thread).offline

    def _reads(self, bubble: Bubble) -> bool:
        """Tell whether the contact reads it by itself and says so; it may have been told to read it before."""
        phone = self._world.recipient(bubble.thread)
        unknown = phone.filters and bubble.thread.last(ours=False) is None
        return phone.receipts and phone.reads and not unknown and bubble.state is not DeliveryState.READ


_ON_THE_PHONE = frozenset({DeliveryState.DELIVERED, DeliveryState.READ})
_FALLBACK_SECONDS = 5.0
"""How long iMessage is tried before a message goes as text."""
