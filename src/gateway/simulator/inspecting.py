"""The control API's side of looking: findings, recordings, webhooks told again, secrets that are changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from pydantic import Field, JsonValue

from gateway.addresses import Word
from gateway.simulator.asked import Asked
from gateway.simulator.contact import Impossible
from gateway.simulator.lint import lint
from gateway.simulator.scenario.recording import record
from gateway.simulator.scene import Scene
from gateway.simulator.telling import tell_again

__all__ = ["Inspection"]

Handler: TypeAlias = Callable[[Asked], Awaitable[JsonValue]]


class _Again(Word):
    age: float = Field(default=0.0, ge=0, le=10 * 366 * 86_400)
    """Seconds by which the signed time lies back."""
    wrongly: bool = False
    """Signed with another secret."""


class _Secret(Word):
    secret: str | None = Field(default=None, min_length=8, max_length=200, repr=False)
    """The new one; made up from the seed where it is left out."""


class Inspection:
    """Handlers for `Control`."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    @property
    def handlers(self) -> list[tuple[str, str, Handler]]:
        """Methods and paths, with what is done."""
        return [
            ("GET", "/lint", self._lint),
            ("GET", "/recording", self._recording),
            ("POST", "/webhooks/{vendor}/{webhook}/again", self._again),
            ("POST", "/vendors/{vendor}/secret", self._rotate),
        ]

    async def _lint(self, asked: Asked) -> JsonValue:
        return {"findings": [finding.json() for finding in lint(self._scene)]}

    async def _recording(self, asked: Asked) -> JsonValue:
        since = int(asked.number("since", 0, 2**53))
        toml = record(self._scene, asked.query.get("name") or "recorded", since=since)
        return {"toml": toml, "last": self._scene.journal.last}

    async def _again(self, asked: Asked) -> JsonValue:
        number, how = asked.params["webhook"], asked.read(_Again)
        seq = int(number) if number.isascii() and number.isdigit() and len(number) < 16 else 0
        self._known(asked.params["vendor"])
        tell_again(self._scene, seq, age=how.age, wrongly=how.wrongly)
        return {"told": seq}

    async def _rotate(self, asked: Asked) -> JsonValue:
        vendor = self._known(asked.params["vendor"])
        return {"vendor": vendor, "secret": self._scene.rotate(vendor, asked.read(_Secret).secret)}

    def _known(self, vendor: str) -> str:
        if vendor not in self._scene.twins:
            hint = f"there are: {', '.join(self._scene.twins)}"
            raise Impossible(f"there is no vendor {vendor!r} here", hint=hint, status=404)
        return vendor
