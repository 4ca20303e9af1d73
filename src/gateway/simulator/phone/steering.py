"""The control pane: the clock, what the lint found, scenarios, the session; `chaos` is about what goes wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import ConfigurationError
from gateway.simulator.clock import SimClock
from gateway.simulator.contact import Impossible
from gateway.simulator.fates import Latency
from gateway.simulator.lint import Finding, lint
from gateway.simulator.phone.chaos import Chaos, number_of
from gateway.simulator.phone.hands import Form
from gateway.simulator.phone.names import name_of, title_of
from gateway.simulator.phone.parts import said
from gateway.simulator.scenario import Played, Scenario, StepPlayed, play, record
from gateway.simulator.scene import Scene, Snapshot
from gateway.simulator.views import state_json
from gateway.simulator.world import Bubble

__all__ = ["Steering", "transcript"]

_LONGEST = 10 * 366 * 86_400.0
_MOST_SNAPSHOTS = 20
_MOST_RECORDINGS = 20


@dataclass(slots=True)
class Steering:
    """What the control pane does, and what it shows."""

    scene: Scene
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    steps: list[StepPlayed] = field(default_factory=list)
    """Of the scenario that was played last, or is being played."""
    played: Played | None = None
    scenario: str = ""
    recordings: dict[str, str] = field(default_factory=dict)
    """Scenarios that were recorded, by name."""
    recording: int | None = None
    """The journal's number from which on it is recorded; None where it is not."""
    chaos: Chaos = field(init=False)
    _found: tuple[int, list[Finding]] = (-1, [])

    def __post_init__(self) -> None:
        """Let the part about faults work on the same scene."""
        self.chaos = Chaos(self.scene)

    def look(self) -> Mapping[str, Any]:
        """Show how everything stands."""
        clock = self.scene.clock
        return {
            **self.chaos.look(),
            # the seconds of a real clock would change the page all the time
            "now": f"{clock.now().astimezone():%a %d %b %Y, %H:%M}",
            "mode": clock.mode,
            "due": _due(clock) if clock.mode == "virtual" else "",
            "findings": self._findings(),
            "snapshots": list(self.snapshots),
            "steps": list(self.steps),
            "played": self.played,
            "scenario": self.scenario,
            "recording": self.recording is not None,
            "recordings": list(self.recordings),
            "webhooks": [(title_of(name), self.scene.sender.urls.get(name)) for name in self.scene.twins],
        }

    @property
    def deeds(self) -> Mapping[str, Callable[[Form], None]]:
        """What forms of the pane ask for, and is done at once."""
        return {
            "clock": self._clock,
            **self.chaos.deeds,
            "reset": self._reset,
            "record": self._record,
            "latency": self._latency,
            "snapshot": self._snapshot,
            "restore": self._restore,
        }

    async def advance(self, form: Form) -> None:
        """Move the clock on; raises `Impossible`."""
        clock = self.scene.clock
        if form.one("seconds") == "next":
            # a little beyond, so that what is due at the same moment comes along
            await clock.advance((clock.next_in or 0) + 0.001, grace=0.05)
        else:
            await clock.advance(number_of(form, "seconds", _LONGEST), grace=0.05)

    async def run(self, form: Form) -> None:
        """Play a scenario in the world as it is; raises `Impossible`."""
        vendor = form.one("vendor")
        if vendor not in self.scene.twins:
            raise Impossible("with which vendor?", hint="choose one", status=422)
        try:
            scenario = Scenario.read(self.recordings.get(form.one("recorded")) or form.one("scenario"))
        except ConfigurationError as error:
            raise Impossible(str(error), hint="mend it and play it again", status=422) from None
        self.steps, self.played, self.scenario = [], None, scenario.name
        self.played = await play(scenario, self.scene, vendor, told=self.steps.append)

    # ── how ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _clock(self, form: Form) -> None:
        mode = form.one("mode")
        if mode not in {"real", "virtual"}:
            raise Impossible("a clock is real or virtual", hint="choose one", status=422)
        self.scene.clock.switch("real" if mode == "real" else "virtual")

    def _latency(self, form: Form) -> None:
        self.scene.set_latency(Latency().scaled(number_of(form, "factor", 1000)))

    def _reset(self, _: Form) -> None:
        self.recording = None if self.recording is None else self.scene.journal.last
        self.scene.reset()

    def _record(self, _: Form) -> None:
        """Begin to record, or end it and keep what was recorded."""
        if self.recording is None:
            self.recording = self.scene.journal.last
            return
        since, self.recording = self.recording, None
        name = f"recorded {len(self.recordings) + 1}"
        written = record(self.scene, name, since=since)
        if "[[step]]" not in written:
            raise Impossible("nothing was said meanwhile", hint="record again, and write something", status=409)
        self.recordings[name] = written
        while len(self.recordings) > _MOST_RECORDINGS:
            del self.recordings[next(iter(self.recordings))]

    def _findings(self) -> list[Finding]:
        """Look again only where something happened since."""
        last = self.scene.journal.last
        if self._found[0] != last:
            self._found = last, lint(self.scene)
        return self._found[1]

    def _snapshot(self, form: Form) -> None:
        name = form.one("name").strip()[:60] or f"snapshot {len(self.snapshots) + 1}"
        self.snapshots[name] = self.scene.snapshot()
        while len(self.snapshots) > _MOST_SNAPSHOTS:
            del self.snapshots[next(iter(self.snapshots))]

    def _restore(self, form: Form) -> None:
        snapshot = self.snapshots.get(form.one("name"))
        if snapshot is None:
            raise Impossible("there is no such snapshot", hint="take one first", status=404)
        self.scene.restore(snapshot)

    # ── the session, to take along ────────────────────────────────────────────────────────────────────────────────

    def export(self, name: str, ending: str) -> tuple[str, str] | None:
        """Write the session down: `json`, `md` or `toml`; gives media type and text. A recording has its own name."""
        if ending == "toml" and name in self.recordings:
            return "application/toml", self.recordings[name]
        if ending == "json":
            return "application/json", json.dumps(state_json(self.scene), indent=2, ensure_ascii=False)
        if ending == "md":
            return "text/markdown", transcript(self.scene)
        return ("application/toml", record(self.scene)) if ending == "toml" else None


def transcript(scene: Scene) -> str:
    """Write all chats as Markdown: who wrote what when, and how far it came; what was taken back is not in it."""
    lines = ["# Transcript", "", f"Seed {scene.seed}."]
    for thread in scene.world.threads():
        names = ", ".join(name_of(scene.world, member.text) for member in thread.members)
        lines += ["", f"## {_escaped(thread.name or names)} · {title_of(thread.vendor)} · {thread.line}", ""]
        lines += [_written(scene, bubble) for bubble in thread.bubbles]
    return "\n".join(lines) + "\n"


def _written(scene: Scene, bubble: Bubble) -> str:
    who = "Application" if bubble.ours else name_of(scene.world, bubble.sender)
    head = f"- {bubble.created_at.astimezone():%H:%M:%S} **{_escaped(who)}**"
    if bubble.unsent_at is not None:
        return f"{head} unsent a message"
    reactions = [(party, reaction.text) for party, reaction in bubble.reactions.items()]
    reactions += [
        (party, f"{reaction.text} on part {part + 1}") for (party, part), reaction in bubble.part_reactions.items()
    ]
    reactions += [(party, "sticker") for party in bubble.stickers]
    reactions += [(party, f"vote for {option}") for option, voters in bubble.votes.items() for party in voters]
    marks = [f"with {bubble.effect.value}"] if bubble.effect else []
    marks += ["edited"] if bubble.edits else []
    marks += [bubble.state.value] if bubble.ours else []
    marks += [f"code {bubble.code}"] if bubble.code else []
    marks += [f"{what} from {name_of(scene.world, party)}" for party, what in reactions]
    tail = f" _({_escaped(', '.join(marks))})_" if marks else ""
    return f"{head}: {_escaped(said(bubble))}{tail}"


def _escaped(text: str) -> str:
    """Keep what was said from being read as Markdown or HTML."""
    marked = "".join(f"\\{character}" if character in r"\`*_{}[]()<>#+-!|&~" else character for character in text)
    return marked.replace("\r", " ").replace("\n", "  \n  ")


def _due(clock: SimClock) -> str:
    """Say what a clock that stands still is waiting with."""
    if clock.next_in is None:
        return "nothing is due"
    return f"{clock.pending} due, the next in {clock.next_in:.3g} s"
