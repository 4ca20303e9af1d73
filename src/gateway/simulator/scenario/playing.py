"""Plays a scenario: does what contacts do, and waits for what is expected of the application."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import ValidationError

from gateway.actions import DeliveryState
from gateway.simulator.contact import Impossible
from gateway.simulator.scenario.doing import Hands
from gateway.simulator.scenario.script import EXPECTING, Scenario, Step
from gateway.simulator.scene import Scene
from gateway.simulator.world import Bubble, Thread

__all__ = ["Played", "StepPlayed", "play"]

_SHOWN = 80


class _Unmet(Exception):
    """Something that was expected did not happen."""


@dataclass(frozen=True, slots=True)
class StepPlayed:
    """What came of a step."""

    number: int
    """From 1."""
    what: str
    fine: bool
    words: str = field(default="", repr=False)
    """Why not; may hold what was said in the conversation."""


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a scenario with one vendor; the steps after one that is not fine are not played."""

    vendor: str
    steps: tuple[StepPlayed, ...]
    left: int = 0
    """How many were not played."""

    @property
    def fine(self) -> bool:
        """Everything happened that was expected."""
        return not self.left and all(step.fine for step in self.steps)


async def play(
    scenario: Scenario, scene: Scene, vendor: str, *, told: Callable[[StepPlayed], None] | None = None
) -> Played:
    """Play a scenario with one vendor in a scene that is served; `told` hears of each step as it is over."""
    table, steps = _Table(scene, vendor), []
    for number, step in enumerate(scenario.step, 1):
        try:
            await table.play(step)
            done = StepPlayed(number, step.what, fine=True)
        except _Unmet as unmet:
            done = StepPlayed(number, step.what, fine=False, words=str(unmet))
        except Impossible as error:
            done = StepPlayed(number, step.what, fine=False, words=f"{error.message}: {error.hint}")
        except (ValueError, ValidationError) as error:
            done = StepPlayed(number, step.what, fine=False, words=str(error).splitlines()[0])
        steps.append(done)
        if told:
            told(done)
        if not done.fine:
            break
    return Played(vendor, tuple(steps), len(scenario.step) - len(steps))


class _Table:
    """Where a scenario is played: whose turn it is, in which chat, and what was seen there."""

    def __init__(self, scene: Scene, vendor: str) -> None:
        self._scene = scene
        self._hands = Hands(scene, vendor)
        # what was there before is not what the scenario waits for
        self._seen = {thread.id: sum(b.ours for b in thread.bubbles) for thread in scene.world.threads()}
        self._expected: Bubble | None = None

    async def play(self, step: Step) -> None:
        """Do one step; raises `_Unmet`, `Impossible` and `ValueError`."""
        if step.what in EXPECTING:
            await self._until(lambda: self._hands.is_there(step), f"the group {step.group!r}", step.within)
        self._hands.move(step)
        if self._hands.do(step):
            return
        if step.advance is not None:
            await self._scene.clock.advance(step.advance, grace=0.05)
        else:
            await self._expect(step)

    # ── what is expected ──────────────────────────────────────────────────────────────────────────────────────────

    async def _expect(self, step: Step) -> None:
        if step.expect is not None or step.expect_pattern is not None:
            await self._expect_message(step)
        elif step.expect_reaction is not None:
            wanted = step.expect_reaction
            await self._until(
                lambda: self._last_of_contact().reactions.get(self._thread().line) == wanted,
                f"the reaction {wanted.text}",
                step.within,
            )
        elif step.expect_state is not None:
            await self._expect_state(step.expect_state, step.within)
        elif step.expect_typing is not None:
            on = step.expect_typing
            await self._until(lambda: self._thread().typing is on, f"typing dots {'on' if on else 'off'}", step.within)
        elif step.expect_read is not None:
            await self._until(
                lambda: self._last_of_contact().state is DeliveryState.READ, "that it was read", step.within
            )
        elif step.expect_name is not None:
            name = step.expect_name
            await self._until(lambda: self._thread().name == name, f"the name {_shown(name)}", step.within)
        elif step.expect_silence is not None:
            await self._expect_silence(step.expect_silence)

    async def _expect_message(self, step: Step) -> None:
        thread = self._thread()
        pattern = None if step.expect_pattern is None else re.compile(step.expect_pattern)
        words = f"the message {_shown(step.expect if step.expect is not None else f'/{step.expect_pattern}/')}"
        await self._until(lambda: len(self._ours()) > self._seen.get(thread.id, 0), words, step.within)
        bubble = self._ours()[self._seen.get(thread.id, 0)]
        self._seen[thread.id] = self._seen.get(thread.id, 0) + 1
        self._expected = bubble
        fits = bubble.text == step.expect if pattern is None else pattern.search(bubble.text) is not None
        if not fits:
            raise _Unmet(f"{words} was expected, and {_shown(bubble.text)} came")

    async def _expect_state(self, state: DeliveryState, within: float) -> None:
        bubble = self._expected or self._thread().last(ours=True)
        if bubble is None:
            raise _Unmet("the application has sent nothing")
        await self._until(lambda: state in bubble.times, f"the state {state.value}", within)

    async def _expect_silence(self, seconds: float) -> None:
        seen = self._seen.get(self._thread().id, 0)
        with contextlib.suppress(_Unmet):
            await self._until(lambda: len(self._ours()) > seen, "a message", seconds)
        for bubble in self._ours()[seen:]:
            raise _Unmet(f"nothing was to come, and {_shown(bubble.text)} came")

    async def _until(self, happened: Callable[[], bool], wanted: str, seconds: float) -> None:
        """Look whenever anything happens, and raise where it does not come to that in time."""
        journal, loop = self._scene.journal, asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            last = journal.last
            if happened():
                return
            left = deadline - loop.time()
            if left <= 0 or not await journal.wait(since=last, limit=1, seconds=left):
                raise _Unmet(f"{wanted} did not come within {seconds:g} s{self._why()}")

    def _why(self) -> str:
        refused = [entry for entry in self._scene.journal.entries("attempt") if not entry.data["accepted"]]
        if not refused:
            return ""
        return f"; the application did not take the webhook {refused[-1].data['event']}"

    def _thread(self) -> Thread:
        return self._hands.thread

    def _ours(self) -> list[Bubble]:
        return [bubble for bubble in self._thread().bubbles if bubble.ours]

    def _last_of_contact(self) -> Bubble:
        found = self._thread().last(ours=False)
        if found is None:
            raise _Unmet("the contact has written nothing")
        return found


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
