"""Files: kept by what they are, named by an id, handed out by short signed URLs.

Whatever an attachment is given as (bytes, a file, a file's id), the vendor gets a URL that it can fetch and nobody can
guess. Bytes are streamed to a temporary file, measured and looked at on the way, and then kept in the vault.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, TypeAlias

from pydantic import AwareDatetime, Field

from gateway.addresses import Word
from gateway.clock import Clock
from gateway.errors import ConfigurationError, InvalidMessage
from gateway.ids import new_timed_id
from gateway.model import Attachment, Media, Message, Part, Voice
from gateway.store.ledger import LedgerStore
from gateway.store.port import Store
from gateway.store.records.tenants import DEFAULT_TENANT
from gateway.store.records.uploads import UploadRow, Uploads
from gateway.store.rows import FileRow
from gateway.vault import Kind, Link, Links, Vault, kind_of, open_vault
from gateway.vault.kinds import HEAD, named
from gateway.vault.passing import Passing
from gateway.vault.port import CHUNK
from gateway.vault.serving import Window

__all__ = ["LIFETIME", "MOST", "File", "Files", "Given", "Source"]

MOST = 100 * 1024 * 1024
"""Bytes of one file."""

LIFETIME = timedelta(days=1)
"""How long a URL works at least, unless the gateway is told otherwise."""

SWEEP = timedelta(hours=1)
"""How often what has had its time is let go, where files are kept."""

_KEY = "key of signed links"
"""Under which name, no digest, the store keeps what links are signed with."""
_FOR_EVER = datetime(9999, 1, 1, tzinfo=UTC)

Source: TypeAlias = bytes | Path | AsyncIterator[bytes]
"""Bytes, a file of this machine, or bytes as they come."""


class File(Word):
    """A file that the gateway keeps; its `id` stands for it in an attachment."""

    id: str
    """`file_` and 26 characters that sort by time."""
    name: str = Field(repr=False)
    media_type: str
    """What it is served as."""
    declared_type: str | None = None
    """What the caller said that it is."""
    named_type: str | None = None
    """What the ending of its name stands for."""
    sniffed_type: str | None = None
    """What its bytes say; None where they say nothing."""
    size: int
    """Bytes."""
    digest: str
    """SHA-256 of the bytes, in hexadecimal."""
    connection: str | None = None
    """The connection that it came by, or was given for."""
    event: str | None = None
    """The event that brought it."""
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    """When it is let go; None keeps it."""

    @property
    def agrees(self) -> bool:
        """Tell whether caller, name and bytes say the same, as far as they say anything."""
        return self.kind.agrees

    @property
    def inline(self) -> bool:
        """Whether a browser may show it in its place."""
        return self.kind.inline

    @property
    def kind(self) -> Kind:
        """What it is, by its three witnesses."""
        return Kind(self.declared_type, self.named_type, self.sniffed_type)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What is known of a file beside its bytes."""

    tenant: str = DEFAULT_TENANT
    name: str | None = None
    media_type: str | None = None
    """What the caller says that it is."""
    connection: str | None = None
    event: str | None = None
    expires_at: datetime | None = None


class Files:
    """The files of a gateway: `place` says where their bytes are, `public_url` where vendors can fetch them."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        place: str | Vault = "store:",
        public_url: str | None = None,
        lifetime: timedelta = LIFETIME,
        most: int = MOST,
    ) -> None:
        self._store = store
        self._clock = clock
        self.vault: Vault = open_vault(place, store)
        self.public_url = public_url
        self.most = most
        """Bytes of the largest file that is taken."""
        self._lifetime = lifetime
        self._records: Uploads | Passing = Uploads(store) if isinstance(store, LedgerStore) else Passing()
        self._links: Links | None = None
        self._busy: dict[str, _Turn] = {}
        self._swept = clock.now()
        self.serve: Window = Window(self.links, self.vault, clock)
        """An ASGI application that gives the bytes behind a signed link."""

    # ── keeping ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def keep(self, source: Source, given: Given) -> File:
        """Keep a file under a new id; raises `InvalidMessage` for one that is too large, empty or cannot be read."""
        return await self._keep(source, given, new_timed_id("file", self._clock.now()))

    async def keep_once(self, source: Source, given: Given) -> File:
        """Keep a file under an id of its own making: the same bytes, name, connection and event have the same."""
        return await self._keep(source, given, None)

    async def _keep(self, source: Source, given: Given, upload: str | None) -> File:
        """Keep a file; without an id, under the one that the same bytes have on the same connection."""
        with tempfile.NamedTemporaryFile(prefix="gateway-") as place:
            digest, size, head = await _spool(source, place.file, self.most)
            first = given.name or (source.name if isinstance(source, Path) else None)
            name = named(first, kind_of(head, name=first, declared=given.media_type))
            kind = kind_of(head, name=name, declared=given.media_type)
            row = UploadRow(
                id=upload or _id_of(given, name, digest),
                tenant=given.tenant,
                digest=digest,
                name=name,
                media_type=kind.served,
                declared_type=kind.declared,
                named_type=kind.named,
                sniffed_type=kind.sniffed,
                size=size,
                connection=given.connection,
                event=given.event,
                created_at=self._clock.now(),
                expires_at=given.expires_at,
            )
            async with self._alone(digest):
                await self.vault.put(digest, Path(place.name))
                await self._records.add(row)
        return _file(row)

    async def get(self, upload: str, *, tenant: str = DEFAULT_TENANT) -> File:
        """Look a file up; raises `NotFound`, for another tenant's too."""
        return _file(await self._records.get(tenant, upload))

    async def page(
        self,
        tenant: str = DEFAULT_TENANT,
        *,
        before: tuple[datetime, str] | None = None,
        limit: int = 100,
        event: str | None = None,
    ) -> list[File]:
        """List a tenant's files, newest first, those before a place; of one event, oldest first."""
        return [_file(row) for row in await self._records.page(tenant, before=before, limit=limit, event=event)]

    async def remove(self, upload: str, *, tenant: str = DEFAULT_TENANT) -> None:
        """Forget a file, and its bytes where nobody else has the same; raises `NotFound`."""
        row = await self._records.get(tenant, upload)
        async with self._alone(row.digest):
            if await self._records.remove(tenant, upload):
                await self.vault.drop(row.digest)

    async def sweep(self) -> int:
        """Forget files whose time is over, with their bytes; gives how many bytes' worth of names that were."""
        count = 0
        while digests := await self._records.expire(self._clock.now()):
            for digest in digests:
                async with self._alone(digest):
                    await self.vault.drop(digest)
            count += len(digests)
        return count

    def read(self, file: File) -> AsyncIterator[bytes]:
        """Give the bytes of a file, piece by piece."""
        return self.vault.read(file.digest)

    # ── handing out ───────────────────────────────────────────────────────────────────────────────────────────────

    async def link(self, file: File, *, start: datetime | None = None) -> str:
        """Make a URL of a file that works from now, or from a time, for a while; raises `ConfigurationError`."""
        if self.public_url is None:
            raise ConfigurationError(
                "nobody outside knows where the files are", hint="set public_url to where this can be reached"
            )
        links = await self.links()
        now = self._clock.now()
        return links.make(self.public_url, Link(file.digest, file.name, links.until(max(start or now, now))))

    async def links(self) -> Links:
        """Give what signs and reads links; its key is made once for a store, and all its processes have the same."""
        if self._links is None:
            fresh = FileRow(digest=_KEY, name="", media_type="", data=secrets.token_bytes(32), kept_at=_FOR_EVER)
            # the same name is kept once, whoever comes first
            await self._store.keep_file(fresh)
            kept = await self._store.file(_KEY)
            self._links = Links((kept or fresh).data, lifetime=self._lifetime)
        return self._links

    async def hosted(
        self, connection: str, messages: Sequence[Message], *, at: datetime | None = None, upload: bool = False
    ) -> tuple[Message, ...]:
        """Replace bytes, files and file ids by URLs that the vendor can fetch from a time on.

        Where there is no public URL they stay what they are, but for ids: a vendor that takes an `upload` is given the
        bytes. Raises `InvalidMessage`, and `NotFound` for an id that the connection's tenant does not have.
        """
        return tuple([await self._hosted_message(connection, message, at, upload) for message in messages])

    async def _hosted_message(
        self,
        connection: str,
        message: Message,
        at: datetime | None,
        upload: bool,  # noqa: FBT001 - handed on
    ) -> Message:
        if not any(isinstance(part, Media) and part.url is None for part in message.parts):
            return message
        parts = tuple([await self._hosted_part(connection, part, at, upload) for part in message.parts])
        return message.model_copy(update={"parts": parts})

    async def _hosted_part(
        self,
        connection: str,
        part: Part,
        at: datetime | None,
        upload: bool,  # noqa: FBT001 - handed on
    ) -> Part:
        if not isinstance(part, Attachment | Voice) or part.url is not None:
            return part
        if part.file_id is None and (upload or self.public_url is None):
            return part
        file = await self._file_of(connection, part, at)
        known = {"name": part.name or file.name, "media_type": part.media_type or file.media_type, "size": file.size}
        if self.public_url is not None and not upload:
            shown = file.model_copy(update={"name": named(part.name, file.kind)}) if part.name else file
            gone = {"file": None, "data": None, "file_id": None}
            return part.model_copy(update={**known, **gone, "url": await self.link(shown, start=at)})
        data = b"".join([piece async for piece in self.read(file)])
        return part.model_copy(update={**known, "file_id": None, "data": data})

    async def _file_of(self, connection: str, part: Attachment | Voice, at: datetime | None) -> File:
        """Find the file of a part, or keep it for as long as its link works."""
        tenant = await self._records.tenant_of(connection)
        if part.file_id is not None:
            return await self.get(part.file_id, tenant=tenant)
        until = (await self.links()).until(max(at or self._clock.now(), self._clock.now()))
        given = Given(
            tenant=tenant, name=part.name, media_type=part.media_type, connection=connection, expires_at=until
        )
        source = part.data if part.data is not None else part.file or Path()
        await self._swept_lately()
        return await self._keep(source, given, None)

    async def _swept_lately(self) -> None:
        """Let go of what has had its time, now and then: a library has nobody else who does."""
        now = self._clock.now()
        if now - self._swept >= SWEEP:
            self._swept = now
            await self.sweep()

    # ── in turn ───────────────────────────────────────────────────────────────────────────────────────────────────

    @asynccontextmanager
    async def _alone(self, digest: str) -> AsyncIterator[None]:
        """Let nobody else of this process keep and drop the same bytes at the same time."""
        turn = self._busy.setdefault(digest, _Turn(asyncio.Lock()))
        turn.waiting += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                self._busy.pop(digest, None)


@dataclass(slots=True)
class _Turn:
    lock: asyncio.Lock
    waiting: int = 0


async def _spool(source: Source, target: IO[bytes], most: int) -> tuple[str, int, bytes]:
    """Write bytes to a temporary file as they come; gives their digest, how many there are, and the first ones."""
    digest, size, head = hashlib.sha256(), 0, b""
    async for piece in _pieces(source):
        size += len(piece)
        if size > most:
            raise InvalidMessage(f"a file has at most {most} bytes", hint="send a smaller one, or a URL")
        head += piece[: HEAD - len(head)] if len(head) < HEAD else b""
        digest.update(piece)
        await asyncio.to_thread(target.write, piece)
    if not size:
        raise InvalidMessage("the file is empty", hint="send one with bytes in it")
    await asyncio.to_thread(target.flush)
    return digest.hexdigest(), size, head


async def _pieces(source: Source) -> AsyncIterator[bytes]:
    if isinstance(source, bytes):
        for place in range(0, len(source), CHUNK):
            yield source[place : place + CHUNK]
    elif isinstance(source, Path):
        async for piece in _of_path(source):
            yield piece
    else:
        async for piece in source:
            yield piece


async def _of_path(path: Path) -> AsyncIterator[bytes]:
    try:
        file = await asyncio.to_thread(path.open, "rb")
        with file:
            while piece := await asyncio.to_thread(file.read, CHUNK):
                yield piece
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise InvalidMessage(f"the file {path.name} cannot be read: {why}", hint="check its path") from None


def _id_of(given: Given, name: str, digest: str) -> str:
    """Give the same bytes under the same name on the same connection one id, so that sending them again is no more."""
    said = "\0".join([given.tenant, given.connection or "", given.event or "", digest, name])
    return f"file_{hashlib.sha256(said.encode('utf-8', 'surrogatepass')).hexdigest()[:26]}"


def _file(row: UploadRow) -> File:
    return File(
        id=row.id,
        name=row.name,
        media_type=row.media_type,
        declared_type=row.declared_type,
        named_type=row.named_type,
        sniffed_type=row.sniffed_type,
        size=row.size,
        digest=row.digest,
        connection=row.connection,
        event=row.event,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
