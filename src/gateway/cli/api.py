"""The running service, as commands speak to it: where it is, whose key, and what they ask of it.

A command that exists only on a service calls `service_at`. One that also works on a configuration of this machine calls
`service_if`, and goes on by itself where that gives None.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Self, TypeAlias, TypeVar
from uuid import uuid4

import typer
from pydantic_core import from_json

from gateway.cli.failing import Usage, nearest
from gateway.errors import (
    ConfigurationError,
    GatewayError,
    InvalidMessage,
    NoRoute,
    OutcomeUnknown,
    Overloaded,
    StoreError,
    Unauthenticated,
    Unreachable,
)
from gateway.remote.wire import Upload, Wire, path

__all__ = ["Api", "KeyFile", "ServiceUrl", "key_of", "new_key", "path", "service_at", "service_if"]

T = TypeVar("T")

ServiceUrl: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="GATEWAY_URL",
        metavar="URL",
        help="The running service to ask, with the key in GATEWAY_API_KEY.",
        show_default=False,
    ),
]
KeyFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        envvar="GATEWAY_API_KEY_FILE",
        metavar="PATH",
        help="A file with the key of the service; goes before GATEWAY_API_KEY.",
        show_default=False,
    ),
]

KEY = "GATEWAY_API_KEY"
TIMEOUT = 30.0
"""Seconds that an answer may take, beside what is waited for."""
_PAGE = 100
_BACK, _MOST_BACK = 0.5, 10.0
"""Seconds before a stream that broke is opened again, and at most."""


def service_at(url: str | None, key_file: Path | None, *, timeout: float = TIMEOUT) -> Api:
    """Give the service of a command that needs one; `timeout` is for work that takes it long.

    Raises `ConfigurationError` where no URL is given, and `Unauthenticated` where no key is.
    """
    if not url:
        raise ConfigurationError(
            "this command asks a running service, and no service is named",
            hint="export GATEWAY_URL=https://gateway.example and GATEWAY_API_KEY=…; `gateway serve` runs one",
        )
    return Api(url, key_of(key_file), timeout=timeout)


def service_if(ctx: typer.Context, url: str | None, key_file: Path | None) -> Api | None:
    """Give the service of a command that can do without, or None: the nearer word counts.

    A `--config` on the command line goes before a URL in the environment; raises `Usage` for both on the command line.
    """
    if not url:
        return None
    if _typed(ctx, "config"):
        if _typed(ctx, "url"):
            raise Usage("--config and --url name two places", hint="give one of them")
        return None
    return Api(url, key_of(key_file))


def new_key() -> str:
    """Make a key by which the service recognises a request that comes again."""
    return str(uuid4())


def _typed(ctx: typer.Context, option: str) -> bool:
    source = ctx.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"


def key_of(file: Path | None) -> str:
    """Give the key that is in a file, or else in the environment; raises `Unauthenticated`, `ConfigurationError`."""
    if file is None:
        key = os.environ.get(KEY, "").strip()
        if key:
            return key
        hint = f"export {KEY}=…, or give --key-file PATH; `gateway serve` shows the first key at its first start"
        raise Unauthenticated("there is no key for the service", hint=hint)
    try:
        key = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"the key file {file} cannot be read", hint="check its path and its rights") from None
    if not key:
        raise ConfigurationError(f"the key file {file} is empty", hint="write the key into it, as it was shown")
    return key


class Api:
    """One service, with one key. What it answers is JSON; what it refuses is the error that it names.

    An async context manager; `run` does that for a command.
    """

    def __init__(self, url: str, key: str, *, timeout: float = TIMEOUT) -> None:
        self._wire = Wire(url, key, timeout=timeout)
        self._known: list[dict[str, Any]] | None = None

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return self._wire.url

    async def __aenter__(self) -> Self:
        """Do nothing: the first request opens what it needs."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all connections."""
        await self._wire.aclose()

    def run(self, work: Callable[[Api], Awaitable[T]]) -> T:
        """Do a command's whole work with the service, and close it."""

        async def all_of_it() -> T:
            async with self:
                return await work(self)

        return asyncio.run(all_of_it())

    # ── one question ──────────────────────────────────────────────────────────────────────────────────────────────

    async def get(self, where: str, *, wait: float | None = None, **params: Any) -> Any:
        """Look; what is None is left out of the query. `where` is made by `path`, which encodes every segment."""
        with _looking():
            return await self._wire.get(where, wait=wait, **params)

    async def post(
        self, where: str, json: Any = None, *, key: str | None = None, wait: float | None = None, **params: Any
    ) -> Any:
        """Have something done; with a `key` it is done once, and asked again where nobody knows whether it arrived.

        What makes something (a message, a key, a connection) takes one: see `new_key`. `wait` is how many seconds the
        service waits for the outcome.
        """
        return await self._wire.post(where, json, key=key, wait=wait, **params)

    async def look(self, where: str, json: Any) -> Any:
        """Look, with a question that is too long or too private for a URL: it may be asked again at will."""
        with _looking():
            return await self._wire.post(where, json, again=True)

    async def patch(self, where: str, json: Any) -> Any:
        """Change something; the same change again changes nothing."""
        return await self._wire.patch(where, json)

    async def delete(self, where: str) -> None:
        """Take something away."""
        await self._wire.delete(where)

    # ── much at once ──────────────────────────────────────────────────────────────────────────────────────────────

    async def pages(self, where: str, *, limit: int | None = None, **params: Any) -> AsyncIterator[Any]:
        """Go through the items of a list, `limit` at most; a page is asked for when the one before is read."""
        left, after = limit, None
        while left is None or left > 0:
            size = _PAGE if left is None else min(_PAGE, left)
            page = await self.get(where, **{"after": after, "limit": size} | params)
            for item in page["items"]:
                yield item
            left = None if left is None else left - len(page["items"])
            after = page["next"]
            params.pop("after", None)
            if after is None or page.get("more") is False:
                return

    async def all(self, where: str, *, limit: int | None = None, **params: Any) -> list[Any]:
        """Give the items of a list, `limit` at most."""
        return [item async for item in self.pages(where, limit=limit, **params)]

    async def lines(self, where: str, json: Any = None, **params: Any) -> AsyncIterator[Any]:
        """Read an answer of one JSON document a line, as it comes."""
        async with self._wire.lines("POST", where, json, **params) as lines:
            async for line in lines:
                if line:
                    yield from_json(line)

    async def events(
        self,
        *,
        after: str | None = None,
        on_break: Callable[[GatewayError], object] | None = None,
        **params: Any,
    ) -> AsyncIterator[tuple[str, Any]]:
        """Follow events for ever: each with the cursor behind it, from `after` or from now on.

        A stream that breaks is opened again where it was, and `on_break` is told; that the first one cannot be opened
        is raised.
        """
        if after is None:
            after = (await self.get(path("events"), after="latest", limit=1))["next"]
        opened, failures = False, 0
        while True:
            try:
                async with self._wire.lines(
                    "GET", path("events", "stream"), headers={"last-event-id": after}, **params
                ) as lines:
                    opened = True
                    async for after, event in _sent_events(lines):
                        failures = 0
                        yield after, event
                failures += 1
            except (Unreachable, OutcomeUnknown, Overloaded, StoreError) as error:
                if not opened:
                    raise
                failures += 1
                if on_break is not None:
                    on_break(error)
            await asyncio.sleep(min(_BACK * 2 ** min(failures - 1, 8), _MOST_BACK))

    async def upload(
        self,
        file: Path,
        *,
        on_bytes: Callable[[int], object] | None = None,
        media_type: str | None = None,
        **params: Any,
    ) -> Any:
        """Bring a file, as it is read; `on_bytes` is told how many bytes have left. Raises `InvalidMessage`."""
        kind = media_type or "application/octet-stream"
        try:
            with file.open("rb") as source:
                read = _Counted(source, on_bytes) if on_bytes else source
                return await self._wire.upload(path("files"), Upload(read, file.name, kind), **params)
        except OSError as error:
            if isinstance(error, GatewayError):  # that the service cannot be reached is a `ConnectionError` too
                raise
            why = error.strerror or type(error).__name__
            raise InvalidMessage(f"the file {file.name} cannot be read: {why}", hint="check its path") from None

    # ── connections ───────────────────────────────────────────────────────────────────────────────────────────────

    async def connections(self) -> list[dict[str, Any]]:
        """Give the connections of the key, asked for once."""
        if self._known is None:
            self._known = await self.all(path("connections"))
        return self._known

    async def connection(self, name: str) -> str:
        """Give the id of a connection by its name; an id is taken as it is. Raises `NoRoute`, naming the nearest."""
        if name.startswith("pc_"):
            return name
        known = {each["name"]: each["id"] for each in await self.connections()}
        if name not in known:
            there_are = f"there are: {', '.join(known) or 'none'}"
            raise NoRoute(f"the service has no connection {name!r}", hint=nearest(name, known, there_are))
        return str(known[name])

    async def via(self, name: str | None) -> str | None:
        """Do the same for an option that may be left out."""
        return None if name is None else await self.connection(name)

    async def names(self) -> Mapping[str, str]:
        """Give names of connections by their ids, for people to read; none where the key may not list them."""
        try:
            return {each["id"]: each["name"] for each in await self.connections()}
        except GatewayError:
            return {}


@contextlib.contextmanager
def _looking() -> Iterator[None]:
    """Say of a question without an answer that nothing was done by it."""
    try:
        yield
    except OutcomeUnknown as error:
        raise Unreachable(error.message, hint="try again") from None


async def _sent_events(lines: AsyncIterator[str]) -> AsyncIterator[tuple[str, Any]]:
    """Read server-sent events that have an id and a JSON document."""
    fields: dict[str, str] = {}
    async for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
            continue
        if "id" in fields and "data" in fields:
            yield fields["id"], from_json(fields["data"])
        fields = {}


class _Counted:
    """A file that tells how much of it was read."""

    def __init__(self, source: Any, on_bytes: Callable[[int], object]) -> None:
        self._source = source
        self._on_bytes = on_bytes

    def read(self, size: int = -1) -> bytes:
        piece: bytes = self._source.read(size)
        self._on_bytes(len(piece))
        return piece

    def seek(self, place: int, whence: int = 0) -> int:
        return int(self._source.seek(place, whence))

    def tell(self) -> int:
        return int(self._source.tell())

    def fileno(self) -> int:
        return int(self._source.fileno())
