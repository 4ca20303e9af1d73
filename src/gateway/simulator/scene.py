"""A scene: one world, its twins and everything around them, without a socket."""

from __future__ import annotations

import asyncio
import copy
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

from pydantic import JsonValue

from gateway.addresses import Address
from gateway.model import Attachment
from gateway.simulator.clock import SimClock
from gateway.simulator.contact import Contact
from gateway.simulator.fates import Fates, Latency
from gateway.simulator.faults import Armed, Faults
from gateway.simulator.files import Files
from gateway.simulator.journal import Journal
from gateway.simulator.originals import Originals
from gateway.simulator.people import contact_card
from gateway.simulator.twin import Twin, Webhook
from gateway.simulator.webhooks import WebhookSender, check_url
from gateway.simulator.world import World

__all__ = ["Scene", "Snapshot"]

_KEY_DIGITS = 32


@dataclass(slots=True)
class _Context:
    """What the scene gives to one twin; see `gateway.simulator.twin.Context`."""

    scene: Scene
    vendor: str
    world: World
    random: Random
    api_key: str
    secret: str
    switches: dict[str, JsonValue]

    def now(self) -> datetime:
        return self.scene.clock.now()

    def emit(self, webhook: Webhook) -> None:
        self.scene.sender.emit(self.scene.twins[self.vendor], webhook)

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        self.scene.clock.later(seconds, action)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A world and its twins as they were."""

    world: World
    twins: dict[str, Twin]
    fates: Fates


class Scene:
    """All parts, wired; the same seed makes the same scene.

    `failures` collects what twins raised where they may not: a twin's own fault is never silent.
    """

    def __init__(
        self,
        twins: Sequence[type[Twin]],
        *,
        seed: int = 0,
        clock: SimClock | None = None,
        latency: Latency | None = None,
        webhooks: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        api_keys: Mapping[str, str] | None = None,
    ) -> None:
        self.seed = seed
        self.classes: dict[str, type[Twin]] = {cls.name: cls for cls in twins}
        self.failures: list[Exception] = []
        self._rotations = 0
        self.ended: asyncio.Event = asyncio.Event()
        self.root = "http://127.0.0.1"
        """Where it is served, without a slash at the end; set by the server."""
        made_up = {what: {name: self._made_up(what, name) for name in self.classes} for what in ("api_key", "secret")}
        self.api_keys: dict[str, str] = made_up["api_key"] | dict(api_keys or {})
        self.secrets: dict[str, str] = made_up["secret"] | dict(secrets or {})
        self.clock: SimClock = clock or SimClock("virtual", failed=self.failed)
        self.journal: Journal = Journal(self.clock, secrets=[*self.api_keys.values(), *self.secrets.values()])
        self.faults: Faults = Faults(seed, record=self._note_fault)
        self.latency: Latency = latency or Latency()
        self.originals: Originals = Originals()
        self.files: Files = Files()
        self.sender: WebhookSender = WebhookSender(
            self.clock, self.journal, self.faults, latency=self.latency.webhook, originals=self.originals
        )
        for vendor, url in (webhooks or {}).items():
            self.set_webhook(vendor, url)
        self.world: World
        self.twins: dict[str, Twin] = {}
        self.fates: Fates
        self._begin()

    # ── what is there ─────────────────────────────────────────────────────────────────────────────────────────────

    def contact(self, address: Address | str) -> Contact:
        """Give the contact at an address, made on first use; raises `pydantic.ValidationError` for no address."""
        where = Address.parse(address) if isinstance(address, str) else address
        return Contact(self.world.phone(where), world=self.world, twins=self.twins, fates=self.fates)

    def card_of(self, address: Address) -> Attachment:
        """Give somebody's contact card, a file on this machine."""
        phone = self.world.phone(address)
        kept = self.files.keep(f"{phone.name or 'contact'}.vcf", "text/vcard", contact_card(phone.name, phone.address))
        return Attachment(url=self.root + kept.path, name=kept.name, media_type=kept.media_type, size=len(kept.content))

    def near(self, url: str) -> str:
        """Give the path on this server of what lies at a URL; empty where this machine does not have it."""
        return self.files.near(url, self.root)

    def base_url(self, vendor: str) -> str:
        """Give the base URL that an application configures for a vendor."""
        return f"{self.root}/{vendor}{self.classes[vendor].api_path}"

    def settings(self, vendor: str) -> dict[str, Any]:
        """Give the provider settings of a connection to a vendor's twin, secrets included."""
        return self.twins[vendor].settings(self.base_url(vendor))

    def set_webhook(self, vendor: str, url: str | None) -> None:
        """Say where a vendor's webhooks go from now on, None for nowhere; raises `ValueError`."""
        if vendor not in self.classes:
            raise ValueError(f"there is no vendor {vendor!r} here")
        if url is None:
            self.sender.urls.pop(vendor, None)
        else:
            self.sender.urls[vendor] = check_url(url)

    def rotate(self, vendor: str, secret: str | None = None) -> str:
        """Change the secret that a vendor's webhooks are proven with; gives the new one, made up where none is given.

        The application is told nothing, as with a vendor: it has to be given the new one.
        """
        new = secret
        while new is None or (secret is None and new == self.twins[vendor].context.secret):
            self._rotations += 1
            new = self._made_up(f"secret/{self._rotations}", vendor)
        self.journal.mask(new)
        self.secrets[vendor] = self.twins[vendor].context.secret = new
        self.journal.record("rotated", vendor)
        return new

    def set_latency(self, latency: Latency) -> None:
        """Say how long things take in the world from now on."""
        self.latency = self.fates.latency = latency

    # ── its course ────────────────────────────────────────────────────────────────────────────────────────────────

    def reset(self) -> None:
        """Begin again with the same seed: a new world, new twins, no faults, an empty journal.

        Keys, secrets, webhook URLs and the time stay.
        """
        self.sender.forget()
        self.clock.clear()
        self.faults.clear()
        self.journal.clear()
        self.originals.clear()
        self._begin()

    def snapshot(self) -> Snapshot:
        """Keep the world and its twins as they are now; webhooks that are under way are not part of it."""
        return Snapshot(*copy.deepcopy((self.world, self.twins, self.fates), self._memo()))

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a snapshot, as often as one likes. Faults, journal and time stay as they are.

        Messages that were on their way go on from where they were; webhooks that were are given up.
        """
        whole = (snapshot.world, snapshot.twins, snapshot.fates)
        self.adopt(*copy.deepcopy(whole, self._memo()))

    def adopt(self, world: World, twins: dict[str, Twin], fates: Fates) -> None:
        """Go on with another world and its twins; they belong to this scene from now on."""
        self.sender.forget()
        self.clock.clear()
        self.world, self.twins, self.fates = world, twins, fates
        for name, twin in twins.items():
            self.api_keys[name], self.secrets[name] = twin.context.api_key, twin.context.secret
            self.journal.mask(twin.context.api_key)
            self.journal.mask(twin.context.secret)
        fates.latency = self.latency
        fates.go_on()
        self.journal.record("restored")

    @property
    def shared(self) -> tuple[object, ...]:
        """What a world and its twins refer to, and what belongs to the scene; each of another class."""
        return (self, self.clock, self.journal, self.faults, self.sender, self.originals)

    def _memo(self) -> dict[int, Any]:
        """Name what a snapshot shares with the scene, in the form that `copy.deepcopy` asks for."""
        return {id(each): each for each in self.shared}

    def failed(self, error: Exception) -> None:
        """Note that a twin raised."""
        self.failures.append(error)
        where = traceback.extract_tb(error.__traceback__)[-1:]
        places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in where]
        self.journal.record("error", None, error=type(error).__name__, message=str(error), where=", ".join(places))

    async def close(self) -> None:
        """End everything that is under way."""
        self.ended.set()
        self.journal.close()
        await self.clock.close()
        await self.sender.close()

    def _begin(self) -> None:
        self.world = World(self.clock, seed=self.seed, record=self._note_world)
        self.twins = {name: cls(self._context(name, cls)) for name, cls in self.classes.items()}
        self.fates = Fates(self.world, self.twins, latency=self.latency, spoil=self.faults.spoil)

    def _context(self, name: str, cls: type[Twin]) -> _Context:
        return _Context(
            scene=self,
            vendor=name,
            world=self.world,
            random=Random(f"{self.seed}/twin/{name}"),  # noqa: S311 - ids of a made-up vendor are no secrets
            api_key=self.api_keys[name],
            secret=self.secrets[name],
            switches=dict(cls.switches),
        )

    def _made_up(self, what: str, vendor: str) -> str:
        dice = Random(f"{self.seed}/{what}/{vendor}")  # noqa: S311 - printed at the start, guards made-up data
        return f"sim_{dice.getrandbits(_KEY_DIGITS * 4):0{_KEY_DIGITS}x}"

    def _note_world(self, what: str, vendor: str | None, data: Mapping[str, JsonValue]) -> None:
        self.journal.record("world", vendor, what=what, **data)

    def _note_fault(self, armed: Armed, vendor: str) -> None:
        fault = armed.fault
        self.journal.record("fault", vendor, fault=armed.id, stage=fault.stage.value, strikes=fault.kind.value)
