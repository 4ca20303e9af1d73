"""The control API under `/_sim/`: contacts and their deeds, threads, faults, clock, journal, webhooks, switches.

JSON in, JSON out. An error is `{"error": …, "hint": …}` and the hint says what to do. It answers only when it is asked
by a loopback name or an IP address, and not on behalf of a foreign web page (DNS rebinding, cross-site requests).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal, TypeAlias
from urllib.parse import parse_qsl

from pydantic import Field, JsonValue, ValidationError

from gateway.addresses import Address, Word
from gateway.simulator.asgi import Scope, headers_of
from gateway.simulator.asked import Asked
from gateway.simulator.contact import Contact, Impossible
from gateway.simulator.deeds import DEEDS
from gateway.simulator.faults import Fault
from gateway.simulator.inspecting import Inspection
from gateway.simulator.router import Router
from gateway.simulator.scene import Scene
from gateway.simulator.strangers import refuse_strangers
from gateway.simulator.views import clock_json, phone_json, state_json, thread_json, vendor_json

__all__ = ["Control"]

Outcome: TypeAlias = tuple[int, JsonValue, Mapping[str, str]]
_LONGEST_WAIT = 60.0
_MOST_ENTRIES = 1_000
_YEARS = 10 * 366 * 86_400.0


class _Switches(Word):
    """Changes to a phone; what is not named stays."""

    name: str | None = Field(default=None, min_length=1)
    imessage: bool | None = None
    rcs: bool | None = None
    offline: bool | None = None
    blocked: bool | None = None
    receipts: bool | None = None
    reads: bool | None = None
    filters: bool | None = None
    slow: bool | None = None
    known: bool | None = None
    limits: bool | None = None


class _NewContact(_Switches):
    address: Address


class _Advance(Word):
    seconds: float = Field(ge=0, le=_YEARS)
    grace: float = Field(default=0.0, ge=0, le=5)
    """Real seconds to wait after each thing that came due."""


class _ClockMode(Word):
    mode: Literal["real", "virtual"]


class _WebhookUrl(Word):
    url: str | None


class Control:
    """Answers what is asked under `/_sim/`."""

    def __init__(self, scene: Scene, *, names: frozenset[str] = frozenset()) -> None:
        self._scene = scene
        self._names = names
        handlers: list[tuple[str, str, Callable[[Asked], Awaitable[JsonValue]]]] = [
            ("GET", "/", self._index),
            ("GET", "/state", self._state),
            ("POST", "/reset", self._reset),
            ("GET", "/contacts", self._contacts),
            ("POST", "/contacts", self._new_contact),
            ("GET", "/contacts/{address}", self._contact),
            ("PATCH", "/contacts/{address}", self._switch_contact),
            ("POST", "/contacts/{address}/{deed}", self._deed),
            ("GET", "/threads", self._threads),
            ("GET", "/threads/{thread}", self._thread),
            ("GET", "/faults", self._faults),
            ("POST", "/faults", self._new_fault),
            ("DELETE", "/faults", self._clear_faults),
            ("DELETE", "/faults/{fault}", self._remove_fault),
            ("GET", "/clock", self._clock),
            ("PATCH", "/clock", self._switch_clock),
            ("POST", "/clock/advance", self._advance),
            ("GET", "/journal", self._journal),
            ("GET", "/webhooks", self._webhooks),
            ("PUT", "/webhooks/{vendor}", self._set_webhook),
            ("GET", "/vendors", self._vendors),
            ("GET", "/vendors/{vendor}", self._vendor),
            ("PATCH", "/vendors/{vendor}/switches", self._switch_vendor),
        ]
        handlers += Inspection(scene).handlers
        self._paths: list[JsonValue] = [f"{method} /_sim{path}" for method, path, _ in handlers]
        self._router = Router(handlers)

    async def respond(self, method: str, path: str | None, scope: Scope, body: bytes) -> Outcome:
        """Answer one request; `path` is what follows `/_sim`, None is somewhere else."""
        try:
            refuse_strangers(headers_of(scope), self._names)
            found = None if path is None else self._router.find(method, path)
            if found is None:
                raise Impossible("there is nothing here", hint=self._where(), status=404)
            if found.target is None:
                allowed = ", ".join(found.allowed)
                return 405, _problem("not with this method", f"use {allowed}"), {"allow": allowed}
            query = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True))
            return 200, await found.target(Asked(found.params, query, body)), {}
        except Impossible as error:
            return error.status, _problem(error.message, error.hint), {}
        except ValidationError as error:
            return 422, _problem("the request is wrong", _wrongs(error)), {}
        except Exception as error:  # noqa: BLE001 - a border: a twin may raise anything when a contact does something
            self._scene.failed(error)
            return (
                500,
                _problem(f"a twin failed: {type(error).__name__}", "GET /_sim/journal?kind=error says where"),
                {},
            )

    def _where(self) -> str:
        mounts = ", ".join(f"{self._scene.base_url(vendor)}" for vendor in self._scene.twins)
        return f"the vendors are at {mounts}; GET /_sim/ lists what else there is"

    # ── the whole ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _index(self, asked: Asked) -> JsonValue:
        deeds: list[JsonValue] = list(DEEDS)
        return {"paths": self._paths, "deeds": deeds, "vendors": list(self._scene.twins), "seed": self._scene.seed}

    async def _state(self, asked: Asked) -> JsonValue:
        return state_json(self._scene)

    async def _reset(self, asked: Asked) -> JsonValue:
        self._scene.reset()
        return state_json(self._scene)

    # ── contacts and threads ──────────────────────────────────────────────────────────────────────────────────────

    async def _contacts(self, asked: Asked) -> JsonValue:
        return {"contacts": [phone_json(phone) for phone in self._scene.world.phones()]}

    async def _new_contact(self, asked: Asked) -> JsonValue:
        wanted = asked.read(_NewContact)
        changes = wanted.model_dump(exclude_none=True, exclude={"address"})
        return {"contact": phone_json(self._scene.contact(wanted.address).switch(**changes))}

    async def _contact(self, asked: Asked) -> JsonValue:
        address = Address.parse(asked.params["address"])
        if not self._scene.world.known(address):
            raise Impossible("there is no such contact yet", hint="POST /_sim/contacts makes one", status=404)
        return {"contact": phone_json(self._scene.world.phone(address))}

    async def _switch_contact(self, asked: Asked) -> JsonValue:
        changes = asked.read(_Switches).model_dump(exclude_none=True)
        return {"contact": phone_json(self._named(asked).switch(**changes))}

    async def _deed(self, asked: Asked) -> JsonValue:
        if asked.params["deed"] not in DEEDS:
            raise Impossible("a contact cannot do that", hint=f"there are: {', '.join(DEEDS)}", status=404)
        model, do = DEEDS[asked.params["deed"]]
        deed = asked.read(model)
        vendors = list(self._scene.twins)
        if not deed.vendor and len(vendors) == 1:
            deed = deed.model_copy(update={"vendor": vendors[0]})
        if not deed.vendor:
            raise Impossible("through which vendor?", hint=f"give vendor: one of {', '.join(vendors)}", status=422)
        return do(self._named(asked), deed)

    def _named(self, asked: Asked) -> Contact:
        return self._scene.contact(asked.params["address"])

    async def _threads(self, asked: Asked) -> JsonValue:
        return {"threads": [thread_json(thread) for thread in self._scene.world.threads(asked.query.get("vendor"))]}

    async def _thread(self, asked: Asked) -> JsonValue:
        thread = self._scene.world.thread(asked.params["thread"])
        if thread is None:
            raise Impossible("there is no such thread", hint="GET /_sim/threads lists them", status=404)
        return {"thread": thread_json(thread, bubbles=True)}

    # ── faults, clock, journal ────────────────────────────────────────────────────────────────────────────────────

    async def _faults(self, asked: Asked) -> JsonValue:
        return {"faults": [armed.json() for armed in self._scene.faults.all()]}

    async def _new_fault(self, asked: Asked) -> JsonValue:
        fault = asked.read(Fault)
        if fault.vendor is not None:
            self._known_vendor(fault.vendor)
        return {"fault": self._scene.faults.add(fault).json()}

    async def _clear_faults(self, asked: Asked) -> JsonValue:
        self._scene.faults.clear()
        return {"faults": []}

    async def _remove_fault(self, asked: Asked) -> JsonValue:
        if not self._scene.faults.remove(asked.params["fault"]):
            raise Impossible("there is no such fault", hint="GET /_sim/faults lists those that wait", status=404)
        return await self._faults(asked)

    async def _clock(self, asked: Asked) -> JsonValue:
        return clock_json(self._scene)

    async def _switch_clock(self, asked: Asked) -> JsonValue:
        self._scene.clock.switch(asked.read(_ClockMode).mode)
        return clock_json(self._scene)

    async def _advance(self, asked: Asked) -> JsonValue:
        wanted = asked.read(_Advance)
        ran = await self._scene.clock.advance(wanted.seconds, grace=wanted.grace)
        return {**clock_json(self._scene), "ran": ran}

    async def _journal(self, asked: Asked) -> JsonValue:
        kinds = [kind for kind in asked.query.get("kind", "").split(",") if kind]
        entries = await self._scene.journal.wait(
            *kinds,
            vendor=asked.query.get("vendor"),
            since=int(asked.number("since", 0, 2**53)),
            limit=int(asked.number("limit", _MOST_ENTRIES, _MOST_ENTRIES)),
            seconds=asked.number("wait", 0, _LONGEST_WAIT),
        )
        # asking again from here gives what comes after, and misses nothing that the limit cut off
        since = entries[-1].seq if entries else int(asked.number("since", 0, 2**53))
        return {"entries": [entry.json() for entry in entries], "since": since, "last": self._scene.journal.last}

    # ── vendors ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _webhooks(self, asked: Asked) -> JsonValue:
        return {"webhooks": {vendor: self._scene.sender.urls.get(vendor) for vendor in self._scene.twins}}

    async def _set_webhook(self, asked: Asked) -> JsonValue:
        vendor = self._known_vendor(asked.params["vendor"])
        try:
            self._scene.set_webhook(vendor, asked.read(_WebhookUrl).url)
        except ValidationError:
            raise
        except ValueError as error:
            raise Impossible(str(error), hint="give url: http://127.0.0.1:8000/…, or null", status=422) from None
        return await self._webhooks(asked)

    async def _vendors(self, asked: Asked) -> JsonValue:
        return {"vendors": [vendor_json(self._scene, vendor) for vendor in self._scene.twins]}

    async def _vendor(self, asked: Asked) -> JsonValue:
        return {"vendor": vendor_json(self._scene, self._known_vendor(asked.params["vendor"]))}

    async def _switch_vendor(self, asked: Asked) -> JsonValue:
        vendor = self._known_vendor(asked.params["vendor"])
        switches, defaults = self._scene.twins[vendor].context.switches, self._scene.classes[vendor].switches
        changes = asked.json()
        if not isinstance(changes, dict) or not changes.keys() <= switches.keys():
            raise Impossible("there is no such switch", hint=f"there are: {', '.join(switches) or 'none'}", status=422)
        for name, value in changes.items():
            if not _fits(value, defaults[name]):
                kind = "text or a number" if defaults[name] is None else type(defaults[name]).__name__
                raise Impossible(f"the switch {name} does not take that", hint=f"give it a {kind}", status=422)
        switches.update(changes)
        return {"vendor": vendor_json(self._scene, vendor)}

    def _known_vendor(self, vendor: str) -> str:
        if vendor not in self._scene.twins:
            hint = f"there are: {', '.join(self._scene.twins)}"
            raise Impossible(f"there is no vendor {vendor!r} here", hint=hint, status=404)
        return vendor


def _fits(value: JsonValue, default: JsonValue) -> bool:
    """Tell whether a switch takes a value: of its default's type, or any single one where the default is nothing."""
    if default is None:
        return not isinstance(value, (dict, list))
    return type(value) is type(default)


def _problem(error: str, hint: str) -> dict[str, JsonValue]:
    return {"error": error, "hint": hint}


def _wrongs(error: ValidationError) -> str:
    """Say what is wrong with each field, without repeating what was given."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, wrong['loc'])) or 'the whole'}: {wrong['msg']}" for wrong in found)
