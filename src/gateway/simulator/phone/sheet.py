"""What a page holds, as fragments: the whole at once, or only what is different from what it has."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gateway.addresses import Address
from gateway.model import Effect, Tapback
from gateway.simulator.phone.album import Album
from gateway.simulator.phone.chats import chat_look, chat_looks, look_at_phone, thread_of
from gateway.simulator.phone.looks import BubbleLook, latest, look_at
from gateway.simulator.phone.names import title_of
from gateway.simulator.phone.place import Place
from gateway.simulator.scene import Scene

__all__ = ["Sheet", "Shown", "pages"]


#: Of what each region is made, beside the people, the vendors and the page's place.
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "owner": ("phone",),
    "chats": ("chats", "open"),
    "head": ("phone", "open"),
    "typing": ("open", "latest"),
}


def pages() -> Environment:
    """Make the environment of all templates: everything is escaped, and what is missing is an error."""
    found = Environment(
        loader=PackageLoader("gateway.simulator.phone"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    found.globals |= {"EFFECTS": [effect.value for effect in Effect], "TAPBACKS": [word.value for word in Tapback]}
    found.filters["words"] = lambda name: name.replace("-", " ").title()
    found.tests["told"] = lambda deed, chat: deed in chat.told
    return found


@dataclass(slots=True)
class Shown:
    """What a page has: its regions as they were sent, and the bubbles of each phone by their id in the page."""

    regions: dict[str, str] = field(default_factory=dict)
    logs: list[dict[str, BubbleLook]] = field(default_factory=list)


class Sheet:
    """One page: a place in a scene, rendered."""

    def __init__(self, scene: Scene, place: Place, templates: Environment, panes: Mapping[str, Any]) -> None:
        self.scene = scene
        self.place = place
        self._templates = templates
        self._panes = panes
        self._albums: list[Album[BubbleLook]] = [Album() for _ in place.phones]
        self._painted: Album[str] = Album()

    # ── the whole ─────────────────────────────────────────────────────────────────────────────────────────────────

    def stage(self, since: str) -> str:
        """Render everything that a page holds; `since` is where its stream goes on."""
        return self._render("stage.html", since=since, phones=self._phones(), pane=self._pane())

    def page(self, since: str) -> str:
        """Render a page with its head."""
        return self._render("page.html", since=since, phones=self._phones(), pane=self._pane())

    # ── what is different ─────────────────────────────────────────────────────────────────────────────────────────

    def look(self) -> Shown:
        """Take down what a page would hold now, but for its pane; what is as it was is not rendered again."""
        people, vendors = self._people, self._vendors
        regions = {
            f"{name}-{number}": self._painted.find(
                (name, number),
                (people, vendors, *(phone[need] for need in needs)),
                partial(self._render, f"{name}.html", **phone),
            )
            for number, phone in enumerate(self._phones(bubbles=False))
            for name, needs in _NEEDS.items()
            if phone["open"] or name in {"owner", "chats"}
        }
        return Shown(regions, [{look.dom: look for look in self._bubbles(n)} for n in range(len(self.place.phones))])

    def look_beside(self) -> str:
        """Take down what the pane would hold now."""
        return self._pane()

    def pane_difference(self, before: str, after: str) -> str:
        """Render what the pane needs to come from one to the other; empty where there is nothing."""
        return self._partial("#pane", "innerMorph", after) if after != before else ""

    def difference(self, before: Shown, after: Shown) -> str:
        """Render what a page needs to come from one to the other; empty where there is nothing.

        Effects are played for bubbles that are new.
        """
        pieces = [
            self._partial(f"#{name}", "innerMorph", html)
            for name, html in after.regions.items()
            if before.regions.get(name) != html
        ]
        for number, log in enumerate(after.logs):
            old = before.logs[number] if number < len(before.logs) else {}
            pieces += self._log(number, old, log)
        return "".join(pieces)

    def everything(self, now: Shown, pane: str, *, fresh: Collection[tuple[str, str]] = ()) -> str:
        """Render all of what a page holds, to be laid over what it has; effects are played for those in `fresh`."""
        pieces = [self._partial(f"#{name}", "innerMorph", html) for name, html in now.regions.items()]
        pieces += [self.pane_difference("", pane)]
        for number, log in enumerate(now.logs):
            bubbles = (self._bubble(number, look, fresh=(look.vendor, look.id) in fresh) for look in log.values())
            pieces.append(self._partial(f"#log-{number}", "innerMorph", "".join(bubbles)))
        return "".join(pieces)

    def _log(self, number: int, old: Mapping[str, BubbleLook], new: Mapping[str, BubbleLook]) -> list[str]:
        kept = [dom for dom in old if dom in new]
        added = [dom for dom in new if dom not in old]
        # what comes must come at the end; after a reset or an import the log is another one
        if [*kept, *added] != list(new):
            html = "".join(self._bubble(number, look, fresh=False) for look in new.values())
            return [self._partial(f"#log-{number}", "innerHTML", html)]
        gone = [self._partial(f"#b{number}-{dom}", "delete", "") for dom in old if dom not in new]
        changed = [
            self._partial(f"#b{number}-{dom}", "outerMorph", self._bubble(number, new[dom], fresh=False))
            for dom in kept
            if old[dom] is not new[dom] and old[dom] != new[dom]
        ]
        more = "".join(self._bubble(number, new[dom], fresh=True) for dom in added)
        return [*gone, *changed, *([self._partial(f"#log-{number}", "beforeend", more)] if more else [])]

    @staticmethod
    def _partial(target: str, swap: str, html: str) -> str:
        return f'<hx-partial hx-target="{target}" hx-swap="{swap}">{html}</hx-partial>'

    # ── its pieces ────────────────────────────────────────────────────────────────────────────────────────────────

    def _bubble(self, number: int, look: BubbleLook, *, fresh: bool) -> str:
        return self._templates.get_template("bubble.html").render(number=number, look=look, fresh=fresh)

    def _bubbles(self, number: int) -> list[BubbleLook]:
        held = self.place.phones[number]
        thread = thread_of(self.scene, held.address, held.chat) if held.chat else None
        if thread is None:
            return []
        return look_at(thread, held.address, self.scene.world, self.scene.near, self.place.window, self._albums[number])

    def _phones(self, *, bubbles: bool = True) -> list[dict[str, Any]]:
        return [self._phone(number, bubbles=bubbles) for number in range(len(self.place.phones))]

    def _phone(self, number: int, *, bubbles: bool) -> dict[str, Any]:
        held = self.place.phones[number]
        thread = thread_of(self.scene, held.address, held.chat) if held.chat else None
        return {
            "number": number,
            "held": held,
            "phone": look_at_phone(self.scene, held.address),
            "chats": chat_looks(self.scene, held.address),
            "open": chat_look(self.scene, held.address, held.chat) if held.chat else None,
            "latest": latest(thread, self.scene.world, held.address) if thread else (),
            "bubbles": self._bubbles(number) if bubbles else [],
            "more": thread is not None and len(thread.shown_to(held.address)) > self.place.window,
        }

    def _pane(self) -> str:
        if self.place.pane not in self._panes:
            return ""
        told = self._panes[self.place.pane](self.place)
        return Markup(self._render(f"{self.place.pane}.html", **told))  # noqa: S704 - a template's own, escaped there

    @property
    def _people(self) -> list[tuple[Address, str]]:
        return [(phone.address, phone.name) for phone in self.scene.world.phones()]

    @property
    def _vendors(self) -> list[tuple[str, str, list[str]]]:
        return [(vendor, title_of(vendor), list(twin.lines)) for vendor, twin in self.scene.twins.items()]

    def _render(self, name: str, **what: Any) -> str:
        return self._templates.get_template(name).render(
            place=self.place,
            people=self._people,
            vendors=self._vendors,
            seed=self.scene.seed,
            panes=[(name, name.title()) for name in self._panes],
            **what,
        )
