"""Endpoints as people handle them: made, changed, given new secrets, paused and removed."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from gateway.clock import Clock
from gateway.egress import Egress, EgressRefused
from gateway.errors import InvalidRequest, NotFound, SecretsLocked
from gateway.forward.formats import Format
from gateway.forward.keys import EndpointKey, Keyring, fresh, given, replaced, seal_keys
from gateway.forward.notices import EVENT_TYPES
from gateway.forward.signing import KeyKind
from gateway.ids import new_timed_id
from gateway.store.port import Store
from gateway.store.records import records_of
from gateway.store.records.audit import Deed
from gateway.store.records.endpoints import EndpointRecords, EndpointRow, EndpointState, Wanted, is_of
from gateway.tenancy.paging import Page, page_of, place_of
from gateway.tenancy.sealing import Sealer

__all__ = ["Endpoint", "EndpointSecrets", "Endpoints", "KeyShown", "check_types"]

OVERLAP = 86_400.0
"""Seconds for which a replaced key goes on signing."""
_MOST_OVERLAP = 30 * 86_400.0
_MOST_KEYS = 6
"""Keys of an endpoint at a time: each is a signature in a header."""


@dataclass(frozen=True, slots=True)
class KeyShown:
    """What may be seen of a key."""

    kind: KeyKind
    begins: datetime
    ends: datetime | None
    public: str | None
    """`whpk_…` of an ed25519 pair."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A URL that receives events."""

    id: str
    url: str = field(repr=False)
    description: str
    types: tuple[str, ...]
    """Types of events that it wants; empty is all."""
    connections: tuple[str, ...]
    """Connections whose events it wants; empty is all."""
    format: Format
    state: EndpointState
    reason: str | None
    """Why it is not active."""
    failing_since: datetime | None
    """Since when no delivery went through; None while they do."""
    closed_until: datetime | None
    """Until when everything is kept back, because it fails or asked for it."""
    keys: tuple[KeyShown, ...]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class EndpointSecrets:
    """An endpoint with its new secrets, which are shown this once."""

    endpoint: Endpoint
    secrets: tuple[str, ...] = field(repr=False)
    """`whsec_…`, or the public `whpk_…` of a pair: what the receiver verifies with."""


class Endpoints:
    """The endpoints of a service; every call takes the tenant first, and gives nothing of another one.

    `actor` is who asks, for the audit: the id of a key, or `operator`.
    """

    def __init__(self, store: Store, clock: Clock, sealer: Sealer, egress: Egress) -> None:
        self._records = EndpointRecords(records_of(store))
        self._clock = clock
        self._sealer = sealer
        self._keyring = Keyring(sealer)
        self._egress = egress

    async def create(
        self,
        tenant: str,
        url: str,
        *,
        description: str = "",
        types: Sequence[str] = (),
        connections: Sequence[str] = (),
        form: Format = Format.STANDARD,
        kinds: Sequence[KeyKind] = (KeyKind.V1,),
        secrets: Sequence[str] = (),
        actor: str = "operator",
    ) -> EndpointSecrets:
        """Make an endpoint, active at once; `secrets` brings keys from elsewhere instead of new ones.

        Raises `InvalidRequest` for a URL that is never asked and for types that do not exist, `NotFound` for
        connections of nobody or others.
        """
        now = self._clock.now()
        self._check_url(url)
        wanted = await self._wanted(tenant, types, connections)
        keys = given(secrets, now) if secrets else fresh(kinds, now)
        if not 1 <= len(keys) <= _MOST_KEYS:
            raise InvalidRequest("an endpoint has one to six keys", hint="leave it out for one of the kind v1")
        id_ = new_timed_id("ep", now)
        sealed, data_key = seal_keys(self._sealer, tenant, id_, keys)
        row = EndpointRow(
            id=id_,
            tenant=tenant,
            url=url,
            description=description,
            wanted=wanted,
            format=form.value,
            secrets=sealed,
            data_key=data_key,
            state=EndpointState.ACTIVE,
            created_at=now,
            updated_at=now,
        )
        await self._records.add(row, Deed(tenant, actor, "endpoint.created", id_, {"format": form.value}))
        return EndpointSecrets(self._shown(row), _to_show(keys))

    async def get(self, tenant: str, endpoint: str) -> Endpoint:
        """Give an endpoint; raises `NotFound`."""
        return self._shown(await self._records.get(tenant, endpoint))

    async def list(self, tenant: str, *, after: str | None = None, limit: int = 50) -> Page[Endpoint]:
        """List the endpoints of a tenant, oldest first."""
        (place,) = place_of("endpoints", after, ("",))
        rows = await self._records.list(tenant, place, limit + 1)
        page = page_of("endpoints", rows, limit, lambda row: (row.id,))
        return Page(tuple(map(self._shown, page.items)), page.next)

    async def update(
        self,
        tenant: str,
        endpoint: str,
        *,
        url: str | None = None,
        description: str | None = None,
        types: Sequence[str] | None = None,
        connections: Sequence[str] | None = None,
        form: Format | None = None,
        actor: str = "operator",
    ) -> Endpoint:
        """Change what is given; raises what `create` does, `NotFound`, and `Conflict` when somebody else just did."""
        before = await self._records.get(tenant, endpoint)
        if url is not None:
            self._check_url(url)
        wanted = await self._wanted(
            tenant,
            before.wanted.types if types is None else types,
            before.wanted.connections if connections is None else connections,
        )

        def make(row: EndpointRow) -> EndpointRow:
            new_url = row.url if url is None else url
            return replace(
                row,
                url=new_url,
                description=row.description if description is None else description,
                wanted=wanted,
                format=row.format if form is None else form.value,
                # another place has not failed yet
                **({} if new_url == row.url else _MENDED),
            )

        return await self._change(tenant, endpoint, "endpoint.updated", actor, make)

    async def rotate(
        self,
        tenant: str,
        endpoint: str,
        *,
        overlap: float = OVERLAP,
        kinds: Sequence[KeyKind] | None = None,
        secrets: Sequence[str] = (),
        actor: str = "operator",
    ) -> EndpointSecrets:
        """Give new secrets; the former ones go on signing, beside them, for `overlap` seconds.

        Without `kinds` there is one new key for each kind that the endpoint has. Raises `InvalidRequest`, `NotFound`.
        """
        if not 0 <= overlap <= _MOST_OVERLAP:
            raise InvalidRequest("the overlap is from 0 seconds to 30 days", hint="a day is 86400")
        now = self._clock.now()
        former = self._keyring.keys(await self._records.get(tenant, endpoint))
        own = kinds or [item.key.kind for item in former if item.lives(now)] or [KeyKind.V1]
        new = given(secrets, now) if secrets else fresh(own, now)
        ends = now + timedelta(seconds=overlap)

        def make(row: EndpointRow) -> EndpointRow:
            keys = replaced(self._keyring.keys(row), new, ends)[:_MOST_KEYS]
            sealed, data_key = seal_keys(self._sealer, tenant, endpoint, keys)
            return replace(row, secrets=sealed, data_key=data_key)

        changed = await self._change(tenant, endpoint, "endpoint.rotated", actor, make)
        return EndpointSecrets(changed, _to_show(new))

    async def pause(self, tenant: str, endpoint: str, *, reason: str = "", actor: str = "operator") -> Endpoint:
        """Keep everything back until it is resumed; events go on waiting for it."""
        return await self._set(tenant, endpoint, EndpointState.PAUSED, "endpoint.paused", reason, actor)

    async def disable(self, tenant: str, endpoint: str, *, reason: str = "", actor: str = "operator") -> Endpoint:
        """Send it nothing more; events that come meanwhile are not for it, until they are replayed."""
        return await self._set(tenant, endpoint, EndpointState.DISABLED, "endpoint.disabled", reason, actor)

    async def resume(self, tenant: str, endpoint: str, *, actor: str = "operator") -> Endpoint:
        """Make it active, as if it had never failed; what waits goes."""
        return await self._set(tenant, endpoint, EndpointState.ACTIVE, "endpoint.resumed", "", actor)

    async def remove(self, tenant: str, endpoint: str, *, actor: str = "operator") -> None:
        """Forget it with its deliveries; raises `NotFound`."""
        deed = Deed(tenant, actor, "endpoint.removed", endpoint)
        await self._records.remove(tenant, endpoint, self._clock.now(), deed)

    async def rewrap(self) -> int:
        """Seal the data keys of all endpoints, of all tenants, by the present master key; gives how many were not.

        Raises `SecretsLocked` for one that no key of the ring opens, once the others are done.
        """
        done, after, locked = 0, "", None
        while rows := await self._records.all(after, 100):
            after = rows[-1].id
            for row in rows:
                try:
                    sealed = self._sealer.renew(row.tenant, row.id, row.data_key)
                except SecretsLocked as error:
                    locked = error
                    continue
                if sealed is not None:
                    done += await self._records.rewrap(row, sealed)
        if locked is not None:
            raise locked
        return done

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _set(
        self, tenant: str, endpoint: str, state: EndpointState, action: str, reason: str, actor: str
    ) -> Endpoint:
        mended = _MENDED if state is EndpointState.ACTIVE else {}

        def make(row: EndpointRow) -> EndpointRow:
            return replace(row, state=state, reason=reason or None, **mended)

        return await self._change(tenant, endpoint, action, actor, make)

    async def _change(
        self, tenant: str, endpoint: str, action: str, actor: str, make: Callable[[EndpointRow], EndpointRow]
    ) -> Endpoint:
        deed = Deed(tenant, actor, action, endpoint)
        return self._shown(await self._records.change(tenant, endpoint, self._clock.now(), make, deed))

    def _check_url(self, url: str) -> None:
        try:
            self._egress.check(url)
        except EgressRefused as error:
            raise InvalidRequest(f"the endpoint's URL is refused: {error.message}", hint=error.hint) from None

    async def _wanted(self, tenant: str, types: Sequence[str], connections: Sequence[str]) -> Wanted:
        check_types(types)
        owned = await self._records.owned(tenant, connections)
        for connection in connections:
            if connection not in owned:
                raise NotFound(f"there is no connection {connection}", hint="list the connections to see their ids")
        return Wanted(tuple(dict.fromkeys(types)), tuple(dict.fromkeys(connections)))

    def _shown(self, row: EndpointRow) -> Endpoint:
        keys = self._keyring.keys(row)
        return Endpoint(
            id=row.id,
            url=row.url,
            description=row.description,
            types=row.wanted.types,
            connections=row.wanted.connections,
            format=Format(row.format),
            state=row.state,
            reason=row.reason,
            failing_since=row.failing_since,
            closed_until=row.closed_until,
            keys=tuple(KeyShown(item.key.kind, item.begins, item.ends, item.key.public) for item in keys),
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


_MENDED: dict[str, Any] = {"failing_since": None, "failures": 0, "closed_until": None}


def _to_show(keys: Iterable[EndpointKey]) -> tuple[str, ...]:
    return tuple(item.key.public or item.key.text for item in keys)


def check_types(names: Iterable[str]) -> None:
    """Raise `InvalidRequest` for types that no event has."""
    for name in names:
        _check_type(name)


def _check_type(name: str) -> None:
    """Refuse a type, or a family of types such as `message.*`, that no event has."""
    if not any(is_of(kind, name) for kind in EVENT_TYPES):
        near = difflib.get_close_matches(name, EVENT_TYPES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(EVENT_TYPES))}"
        raise InvalidRequest(f"there is no type of event {name!r}", hint=hint)
