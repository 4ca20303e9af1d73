"""What goes wrong, as a person asks for it: single faults, a share of everything at each stage, forged webhooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway import plugins
from gateway.codes import Phase
from gateway.simulator.contact import Impossible
from gateway.simulator.faults import Fault, Stage, kinds_of
from gateway.simulator.phone.hands import Form
from gateway.simulator.phone.names import title_of
from gateway.simulator.scene import Scene
from gateway.simulator.telling import tell_again

__all__ = ["Chaos", "number_of"]

_DAY = 86_400.0
_LATEST = 8

#: What may be refused where a call is accepted; `times` and `probability` are those of the stage.
_REFUSALS: Mapping[str, Mapping[str, Any]] = {
    "500": {"kind": "answer", "status": 500},
    "401": {"kind": "answer", "status": 401},
    "402": {"kind": "answer", "status": 402},
    "403": {"kind": "answer", "status": 403},
    "429": {"kind": "answer", "status": 429, "retry_after": 5},
    "503": {"kind": "answer", "status": 503},
    "timeout": {"kind": "silence"},
    "reset": {"kind": "reset"},
    "broken JSON": {"kind": "malformed"},
    "proxy’s page": {"kind": "html"},
}
#: The stages of a message in their order: what a person calls it, and the fault of which there is a share.
_STAGES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "accept": ("the call is refused", {"stage": "request"}),
    "answer": ("accepted, and the answer is lost", {"stage": "accepted", "kind": "reset"}),
    "queue": ("stays in the queue", {"stage": "delivery", "kind": "queued"}),
    "send": ("fails, with the vendor’s code", {"stage": "delivery", "kind": "failed"}),
    "deliver": ("is sent, and never delivered", {"stage": "delivery", "kind": "stuck"}),
    "webhook": ("the webhook never comes", {"stage": "webhook", "kind": "drop"}),
}


@dataclass(slots=True)
class Chaos:
    """The part of the control pane about faults and forged webhooks."""

    scene: Scene
    shares: dict[str, str] = field(default_factory=dict)
    """The fault of each stage that is armed, by its id."""

    def look(self) -> Mapping[str, Any]:
        """Show what is armed, what could be, and the latest webhooks."""
        faults = self.scene.faults.all()
        armed = {each.id: each.fault.probability for each in faults}
        return {
            "faults": [(each.id, _words(each.fault), each.struck, each.left) for each in faults],
            "stages": {stage.value: [kind.value for kind in kinds_of(stage)] for stage in Stage},
            "shares": [
                (name, words, f"{armed.get(self.shares.get(name, ''), 0) * 100:g}")
                for name, (words, _) in _STAGES.items()
            ],
            "refusals": list(_REFUSALS),
            "codes": list(_codes(self.scene, Phase.CALL)),
            "failures": list(_codes(self.scene, Phase.DELIVERY)),
            "told": [
                (entry.seq, title_of(entry.vendor or ""), str(entry.data["event"]), f"{entry.at.astimezone():%H:%M:%S}")
                for entry in reversed(self.scene.journal.entries("webhook")[-_LATEST:])
            ],
        }

    @property
    def deeds(self) -> Mapping[str, Callable[[Form], None]]:
        """What forms ask for, and is done at once."""
        return {"fault": self._fault, "unfault": self._unfault, "chaos": self._chaos, "retell": self._retell}

    def rotated(self, form: Form) -> tuple[str, str]:
        """Change a vendor's webhook secret; gives the vendor's title and the new secret, to be shown once."""
        vendor = form.one("vendor")
        if vendor not in self.scene.twins:
            raise Impossible("of which vendor?", hint="choose one", status=422)
        given = form.one("secret").strip()
        if given and not 8 <= len(given) <= 200:
            raise Impossible("a secret has 8 to 200 characters", hint="leave it out, and one is made up", status=422)
        return title_of(vendor), self.scene.rotate(vendor, given or None)

    # ── how ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _fault(self, form: Form) -> None:
        stage, _, kind = form.one("kind").partition("/")
        names = ("vendor", "code", "message", "event", "path", "to")
        numbers = ("times", "status", "probability", "seconds", "copies", "retry_after")
        given = {name: form.one(name) for name in (*names, *numbers) if form.one(name)}
        forever = {"times": None} if form.on("always") else {}
        self.scene.faults.add(Fault.model_validate({"stage": stage, "kind": kind, **given, **forever}))

    def _unfault(self, form: Form) -> None:
        if not form.one("id"):
            self.scene.faults.clear()
        elif not self.scene.faults.remove(form.one("id")):
            raise Impossible("there is no such fault", hint="it may have struck already", status=404)

    def _chaos(self, form: Form) -> None:
        """Arm a share of everything at each stage, in the place of the shares before."""
        shares = {name: number_of(form, name, 100) / 100 for name in _STAGES if form.one(name)}
        refusal = _REFUSALS.get(form.one("refusal") or "500")
        if refusal is None:
            raise Impossible("there is no such refusal", hint="choose one", status=422)
        more = {"accept": refusal, "send": {"code": form.one("failure") or None}}
        for fault in self.shares.values():
            self.scene.faults.remove(fault)
        self.shares = {
            name: self.scene.faults.add(
                Fault.model_validate({**_STAGES[name][1], **more.get(name, {}), "probability": share, "times": None})
            ).id
            for name, share in shares.items()
            if share > 0
        }

    def _retell(self, form: Form) -> None:
        how = form.one("how")
        tell_again(self.scene, form.number("seq"), age=_DAY if how == "yesterday" else 0.0, wrongly=how == "forged")


def _codes(scene: Scene, phase: Phase) -> Iterator[tuple[str, str]]:
    """Give the vendors' own codes of a phase, each with whose it is and what it means."""
    providers = plugins.load().providers
    for vendor in scene.twins:
        table = providers[vendor].codes if vendor in providers else ()
        yield from ((code, f"{title_of(vendor)}: {row.meaning}") for (at, code), row in table if at is phase)


def _words(fault: Fault) -> str:
    pieces = [f"{fault.kind.value} at {fault.stage.value}"]
    pieces += [title_of(fault.vendor)] if fault.vendor else []
    pieces += [f"status {fault.http_status}"] if fault.status else []
    pieces += [f"code {fault.code}"] if fault.code else []
    pieces += [f"×{fault.copies + 1}"] if fault.kind.value == "duplicate" else []
    pieces += [f"{fault.seconds:g} s"] if fault.seconds else []
    pieces += [f"retry after {fault.retry_after} s"] if fault.retry_after is not None else []
    pieces += [name for name in (fault.path, fault.event) if name]
    pieces += [f"{fault.probability:.0%} of the time"] if fault.probability < 1 else []
    return " · ".join(pieces)


def number_of(form: Form, name: str, most: float) -> float:
    """Give a field that is a number up to `most`; raises `Impossible`."""
    try:
        value = float(form.one(name))
    except ValueError:
        value = -1.0
    if not 0 <= value <= most:
        raise Impossible(f"{name} is wrong", hint=f"give a number from 0 to {most:g}", status=422)
    return value
