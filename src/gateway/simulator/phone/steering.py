"""The control pane: the clock, what goes wrong, scenarios, and the session as a whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import ConfigurationError
from gateway.simulator.contact import Impossible
from gateway.simulator.fates import Latency
from gateway.simulator.faults import Fault, Stage, kinds_of
from gateway.simulator.phone.hands import Form
from gateway.simulator.phone.names import name_of, title_of
from gateway.simulator.phone.parts import said
from gateway.simulator.scenario import Played, Scenario, StepPlayed, play, record
from gateway.simulator.scene import Scene, Snapshot
from gateway.simulator.views import state_json

__all__ = ["Steering", "transcript"]

_LONGEST = 10 * 366 * 86_400.0
_MOST_SNAPSHOTS = 20


@dataclass(slots=True)
class Steering:
    """What the control pane does, and what it shows."""

    scene: Scene
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    steps: list[StepPlayed] = field(default_factory=list)
    """Of the scenario that was played last, or is being played."""
    played: Played | None = None
    scenario: str = ""

    def look(self) -> Mapping[str, Any]:
        """Show how everything stands."""
        clock, faults = self.scene.clock, self.scene.faults.all()
        return {
            # the seconds of a real clock would change the page all the time
            "now": f"{clock.now().astimezone():%a %d %b %Y, %H:%M}",
            "mode": clock.mode,
            "faults": [(armed.id, _words(armed.fault), armed.struck, armed.left) for armed in faults],
            "stages": {stage.value: [kind.value for kind in kinds_of(stage)] for stage in Stage},
            "snapshots": list(self.snapshots),
            "steps": list(self.steps),
            "played": self.played,
            "scenario": self.scenario,
            "webhooks": [(title_of(name), self.scene.sender.urls.get(name)) for name in self.scene.twins],
        }

    @property
    def deeds(self) -> Mapping[str, Callable[[Form], None]]:
        """What forms of the pane ask for, and is done at once."""
        return {
            "clock": self._clock,
            "fault": self._fault,
            "unfault": self._unfault,
            "reset": lambda _: self.scene.reset(),
            "latency": self._latency,
            "snapshot": self._snapshot,
            "restore": self._restore,
        }

    async def advance(self, form: Form) -> None:
        """Move the clock on; raises `Impossible`."""
        await self.scene.clock.advance(_number(form, "seconds", _LONGEST), grace=0.05)

    async def run(self, form: Form) -> None:
        """Play a scenario in the world as it is; raises `Impossible`."""
        vendor = form.one("vendor")
        if vendor not in self.scene.twins:
            raise Impossible("with which vendor?", hint="choose one", status=422)
        try:
            scenario = Scenario.read(form.one("scenario"))
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

    def _fault(self, form: Form) -> None:
        stage, _, kind = form.one("kind").partition("/")
        given = {name: form.one(name) for name in ("vendor", "code", "message", "event") if form.one(name)}
        numbers = {name: form.one(name) for name in ("times", "status", "probability", "seconds") if form.one(name)}
        forever = {"times": None} if form.on("always") else {}
        self.scene.faults.add(Fault.model_validate({"stage": stage, "kind": kind, **given, **numbers, **forever}))

    def _unfault(self, form: Form) -> None:
        if not form.one("id"):
            self.scene.faults.clear()
        elif not self.scene.faults.remove(form.one("id")):
            raise Impossible("there is no such fault", hint="it may have struck already", status=404)

    def _latency(self, form: Form) -> None:
        self.scene.set_latency(Latency().scaled(_number(form, "factor", 1000)))

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

    def export(self, ending: str) -> tuple[str, str] | None:
        """Write the session down: `json`, `md` or `toml`; gives media type and text."""
        if ending == "json":
            return "application/json", json.dumps(state_json(self.scene), indent=2, ensure_ascii=False)
        if ending == "md":
            return "text/markdown", transcript(self.scene)
        return ("application/toml", record(self.scene)) if ending == "toml" else None


def transcript(scene: Scene) -> str:
    """Write all chats as Markdown: who wrote what when, and how far it came."""
    lines = ["# Transcript", "", f"Seed {scene.seed}."]
    for thread in scene.world.threads():
        names = ", ".join(name_of(scene.world, member.text) for member in thread.members)
        lines += ["", f"## {_escaped(thread.name or names)} · {title_of(thread.vendor)} · {thread.line}", ""]
        for bubble in thread.bubbles:
            who = "Application" if bubble.ours else name_of(scene.world, bubble.sender)
            marks = [f"with {bubble.effect.value}"] if bubble.effect else []
            marks += [bubble.state.value] if bubble.ours else []
            marks += [f"code {bubble.code}"] if bubble.code else []
            marks += [
                f"{reaction.text} from {name_of(scene.world, party)}" for party, reaction in bubble.reactions.items()
            ]
            tail = f" _({_escaped(', '.join(marks))})_" if marks else ""
            when = bubble.created_at.astimezone()
            lines.append(f"- {when:%H:%M:%S} **{_escaped(who)}**: {_escaped(said(bubble))}{tail}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    """Keep what was said from being read as Markdown or HTML."""
    marked = "".join(f"\\{character}" if character in r"\`*_{}[]()<>#+-!|&~" else character for character in text)
    return marked.replace("\r", " ").replace("\n", "  \n  ")


def _words(fault: Fault) -> str:
    pieces = [f"{fault.kind.value} at {fault.stage.value}"]
    pieces += [title_of(fault.vendor)] if fault.vendor else []
    pieces += [f"status {fault.http_status}"] if fault.status else []
    pieces += [f"code {fault.code}"] if fault.code else []
    pieces += [f"{fault.seconds:g} s"] if fault.seconds else []
    pieces += [f"{fault.probability:.0%} of the time"] if fault.probability < 1 else []
    return " · ".join(pieces)


def _number(form: Form, name: str, most: float) -> float:
    try:
        value = float(form.one(name))
    except ValueError:
        value = -1.0
    if not 0 <= value <= most:
        raise Impossible(f"{name} is wrong", hint=f"give a number from 0 to {most:g}", status=422)
    return value
