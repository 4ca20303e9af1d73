"""The control API under `/_sim/`: contacts and their deeds, threads, faults, clock, journal, webhooks, switches.

JSON in, JSON out. An error is `{"error": …, "hint": …}` and the hint says what to do. It answers only when it is asked
by a loopback name or an IP address, and not on behalf of a foreign web page (DNS rebinding, cross-site requests).
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, Field, JsonValue, ValidationError
from pydantic_core import from_json

from gateway.addresses import Address, Word
from gateway.simulator.asgi import Scope, headers_of
from gateway.simulator.contact import Contact, Impossible
from gateway.simulator.deeds import DEEDS
from gateway.simulator.faults import Fault
from gateway.simulator.router import Router
from gateway.simulator.scene import Scene
from gateway.simulator.views import clock_json, phone_json, state_json, thread_json, vendor_json

__all__ = ["Control"]

Outcome: TypeAlias = tuple[int, JsonValue, Mapping[str, str]]
ModelT = TypeVar("ModelT", bound=BaseModel)
_LONGEST_WAIT = 60.0
_MOST_ENTRIES = 1_000
_YEARS = 10 * 366 * 86_400.0


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request to the control API."""

    params: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes

    def read(self, model: type[ModelT]) -> ModelT:
        """Read the body; an empty one is an empty object."""
        return model.model_validate(self.json())

    def json(self) -> JsonValue:
        try:
            value: JsonValue = from_json(self.body or b"{}")
        except ValueError:
            raise Impossible("the body is not JSON", hint="send a JSON object", status=400) from None
        return value

    def number(self, name: str, default: float, most: float) -> float:
        text = self.query.get(name)
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 <= value <= most:
            raise Impossible(f"{name} is wrong", hint=f"give a number from 0 to {most:g}", status=422)
        return value


class _Switches(Word):
    """Changes to a phone; what is not named stays."""

    name: str | None = Field(default=None, min_length=1)
    imessage: bool | None = None
    rcs: bool | None = None
    offline: bool | None = None
    blocked: bool | None = None
    receipts: bool | None = None
    reads: bool | None = None


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
        handlers: list[tuple[str, str, Callable[[_Asked], Awaitable[JsonValue]]]] = [
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
        self._paths: list[JsonValue] = [f"{method} /_sim{path}" for method, path, _ in handlers]
        self._router = Router(handlers)

    async def respond(self, method: str, path: str | None, scope: Scope, body: bytes) -> Outcome:
        """Answer one request; `path` is what follows `/_sim`, None is somewhere else."""
        try:
            _refuse_strangers(headers_of(scope), self._names)
            found = None if path is None else self._router.find(method, path)
            if found is None:
                raise Impossible("there is nothing here", hint=self._where(), status=404)
            if found.target is None:
                allowed = ", ".join(found.allowed)
                return 405, _problem("not with this method", f"use {allowed}"), {"allow": allowed}
            query = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True))
            return 200, await found.target(_Asked(found.params, query, body)), {}
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

    async def _index(self, asked: _Asked) -> JsonValue:
        deeds: list[JsonValue] = list(DEEDS)
        return {"paths": self._paths, "deeds": deeds, "vendors": list(self._scene.twins), "seed": self._scene.seed}

    async def _state(self, asked: _Asked) -> JsonValue:
        return state_json(self._scene)

    async def _reset(self, asked: _Asked) -> JsonValue:
        self._scene.reset()
        return state_json(self._scene)

    # ── contacts and threads ──────────────────────────────────────────────────────────────────────────────────────

    async def _contacts(self, asked: _Asked) -> JsonValue:
        return {"contacts": [phone_json(phone) for phone in self._scene.world.phones()]}

    async def _new_contact(self, asked: _Asked) -> JsonValue:
        wanted = asked.read(_NewContact)
        changes = wanted.model_dump(exclude_none=True, exclude={"address"})
        return {"contact": phone_json(self._scene.contact(wanted.address).switch(**changes))}

    async def _contact(self, asked: _Asked) -> JsonValue:
        address = Address.parse(asked.params["address"])
        if not self._scene.world.known(address):
            raise Impossible("there is no such contact yet", hint="POST /_sim/contacts makes one", status=404)
        return {"contact": phone_json(self._scene.world.phone(address))}

    async def _switch_contact(self, asked: _Asked) -> JsonValue:
        changes = asked.read(_Switches).model_dump(exclude_none=True)
        return {"contact": phone_json(self._named(asked).switch(**changes))}

    async def _deed(self, asked: _Asked) -> JsonValue:
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

    def _named(self, asked: _Asked) -> Contact:
        return self._scene.contact(asked.params["address"])

    async def _threads(self, asked: _Asked) -> JsonValue:
        return {"threads": [thread_json(thread) for thread in self._scene.world.threads(asked.query.get("vendor"))]}

    async def _thread(self, asked: _Asked) -> JsonValue:
        thread = self._scene.world.thread(asked.params["thread"])
        if thread is None:
            raise Impossible("there is no such thread", hint="GET /_sim/threads lists them", status=404)
        return {"thread": thread_json(thread, bubbles=True)}

    # ── faults, clock, journal ────────────────────────────────────────────────────────────────────────────────────

    async def _faults(self, asked: _Asked) -> JsonValue:
        return {"faults": [armed.json() for armed in self._scene.faults.all()]}

    async def _new_fault(self, asked: _Asked) -> JsonValue:
        fault = asked.read(Fault)
        if fault.vendor is not None:
            self._known_vendor(fault.vendor)
        return {"fault": self._scene.faults.add(fault).json()}

    async def _clear_faults(self, asked: _Asked) -> JsonValue:
        self._scene.faults.clear()
        return {"faults": []}

    async def _remove_fault(self, asked: _Asked) -> JsonValue:
        if not self._scene.faults.remove(asked.params["fault"]):
            raise Impossible("there is no such fault", hint="GET /_sim/faults lists those that wait", status=404)
        return await self._faults(asked)

    async def _clock(self, asked: _Asked) -> JsonValue:
        return clock_json(self._scene)

    async def _switch_clock(self, asked: _Asked) -> JsonValue:
        self._scene.clock.switch(asked.read(_ClockMode).mode)
        return clock_json(self._scene)

    async def _advance(self, asked: _Asked) -> JsonValue:
        wanted = asked.read(_Advance)
        ran = await self._scene.clock.advance(wanted.seconds, grace=wanted.grace)
        return {**clock_json(self._scene), "ran": ran}

    async def _journal(self, asked: _Asked) -> JsonValue:
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

    async def _webhooks(self, asked: _Asked) -> JsonValue:
        return {"webhooks": {vendor: self._scene.sender.urls.get(vendor) for vendor in self._scene.twins}}

    async def _set_webhook(self, asked: _Asked) -> JsonValue:
        vendor = self._known_vendor(asked.params["vendor"])
        try:
            self._scene.set_webhook(vendor, asked.read(_WebhookUrl).url)
        except ValidationError:
            raise
        except ValueError as error:
            raise Impossible(str(error), hint="give url: http://127.0.0.1:8000/…, or null", status=422) from None
        return await self._webhooks(asked)

    async def _vendors(self, asked: _Asked) -> JsonValue:
        return {"vendors": [vendor_json(self._scene, vendor) for vendor in self._scene.twins]}

    async def _vendor(self, asked: _Asked) -> JsonValue:
        return {"vendor": vendor_json(self._scene, self._known_vendor(asked.params["vendor"]))}

    async def _switch_vendor(self, asked: _Asked) -> JsonValue:
        vendor = self._known_vendor(asked.params["vendor"])
        switches = self._scene.twins[vendor].context.switches
        changes = asked.json()
        if not isinstance(changes, dict) or not changes.keys() <= switches.keys():
            raise Impossible("there is no such switch", hint=f"there are: {', '.join(switches) or 'none'}", status=422)
        for name, value in changes.items():
            if type(value) is not type(self._scene.classes[vendor].switches[name]):
                kind = type(self._scene.classes[vendor].switches[name]).__name__
                raise Impossible(f"the switch {name} does not take that", hint=f"give it a {kind}", status=422)
        switches.update(changes)
        return {"vendor": vendor_json(self._scene, vendor)}

    def _known_vendor(self, vendor: str) -> str:
        if vendor not in self._scene.twins:
            hint = f"there are: {', '.join(self._scene.twins)}"
            raise Impossible(f"there is no vendor {vendor!r} here", hint=hint, status=404)
        return vendor


def _problem(error: str, hint: str) -> dict[str, JsonValue]:
    return {"error": error, "hint": hint}


def _wrongs(error: ValidationError) -> str:
    """Say what is wrong with each field, without repeating what was given."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, wrong['loc'])) or 'the whole'}: {wrong['msg']}" for wrong in found)


def _refuse_strangers(headers: Mapping[str, str], names: frozenset[str]) -> None:
    """Refuse a request under a foreign name, and one that a foreign web page makes; raises `Impossible`."""
    host = headers.get("host", "")
    if not _is_ours(host, names):
        raise Impossible("not under this name", hint="ask by 127.0.0.1, localhost or an IP address", status=403)
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        raise Impossible("not on behalf of another site", hint="ask without an Origin header", status=403)


def _is_ours(host: str, names: frozenset[str]) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name in names or name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
