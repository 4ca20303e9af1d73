"""HTTP to the service: one request, its answer, and what is tried again.

A request that the service recognises when it comes again (every GET, and what has an `Idempotency-Key`) is repeated
when the connection breaks or the service is starting; anything else is not.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import httpx
from pydantic_core import from_json

from gateway.errors import ConfigurationError, GatewayError, OutcomeUnknown, Unreachable
from gateway.remote.failing import error_of

__all__ = ["Upload", "Wire", "path"]

TRIES = 4
"""Times that a request is made which may be made again."""
_FIRST, _MOST = 0.25, 5.0
"""Seconds before the second time, and at most."""
_LONGEST = 60.0
"""Seconds that the service may ask to wait; past that the error is raised."""
_SILENCE = 60.0
"""Seconds without a byte after which a stream is taken for dead; the service says something every fifteen."""

_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


def path(*segments: str) -> str:
    """Write a path of the API, every segment percent-encoded."""
    return "/v1/" + "/".join(quote(segment, safe="") for segment in segments)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as a part of a form."""

    source: Any = field(repr=False)
    """Bytes, or a file open for reading."""
    name: str
    media_type: str


class Wire:
    """A client of one service with one key."""

    def __init__(self, url: str, key: str, *, timeout: float) -> None:
        self.url: str = _checked(url)
        self._timeout = timeout
        headers = {"authorization": f"Bearer {key}", "accept": "application/json"}
        try:
            self._client = httpx.AsyncClient(headers=headers, timeout=timeout, trust_env=False)
        except (UnicodeEncodeError, ValueError):
            hint = "give it as the service showed it"
            raise ConfigurationError("the key is no key of a service", hint=hint) from None

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def get(self, where: str, *, wait: float | None = None, **params: Any) -> Any:
        """Ask for something; what is None is left out of the query."""
        return await self._json("GET", where, None, params, wait=wait, again=True)

    async def post(
        self,
        where: str,
        json: Any = None,
        *,
        key: str | None = None,
        wait: float | None = None,
        again: bool = False,
        **params: Any,
    ) -> Any:
        """Have something done.

        `key` is the caller's own word for it, `again` says that it may be made up where there is none: then it is
        repeated when nobody knows whether it arrived.
        """
        made = key or (str(uuid4()) if again else None)
        return await self._json("POST", where, json, params, wait=wait, again=made is not None, key=made)

    async def patch(self, where: str, json: Any) -> Any:
        """Change something; the same change again changes nothing."""
        return await self._json("PATCH", where, json, {}, again=True)

    async def delete(self, where: str) -> None:
        """Take something away; once, since a second time it is not there."""
        await self._json("DELETE", where, None, {})

    @contextlib.asynccontextmanager
    async def lines(
        self, method: str, where: str, json: Any = None, *, headers: Mapping[str, str] | None = None, **params: Any
    ) -> AsyncIterator[AsyncIterator[str]]:
        """Read an answer line by line, as it comes; a stream that breaks raises `Unreachable`.

        A line ends with a line feed and nothing else: a text may hold the other characters that Unicode takes for one.
        """
        given = {name: _written(value) for name, value in params.items() if value is not None}
        timeout = httpx.Timeout(self._timeout, read=_SILENCE)
        request = self._client.build_request(
            method, self.url + where, params=given, json=json, headers=headers, timeout=timeout
        )
        try:
            response = await self._sent(request, stream=True)
        except _FailedError as failed:
            raise failed.error from None
        try:
            if not response.is_success:
                await _refused(response)
            yield _lines(response)
        finally:
            await response.aclose()

    async def upload(self, where: str, file: Upload, **params: Any) -> Any:
        """Bring a file; the service may have it twice when the answer is lost, which harms nobody."""
        given = {name: value for name, value in params.items() if value is not None}
        files = {"file": (file.name, file.source, file.media_type)}
        request = self._client.build_request("POST", self.url + where, params=given, files=files, timeout=None)
        try:
            return _read(await self._sent(request))
        except _FailedError as failed:
            raise failed.error from None

    async def raw(
        self, method: str, where: str, headers: list[tuple[str, str]], body: bytes, query: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Pass a request on as it came, without our key; gives status, headers and body of the answer."""
        target = f"{self.url}{where}{f'?{query}' if query else ''}"
        async with httpx.AsyncClient(timeout=self._timeout, trust_env=False) as client:
            try:
                response = await self._sent(client.build_request(method, target, headers=headers, content=body), client)
            except _FailedError as failed:
                raise failed.error from None
        return response.status_code, dict(response.headers), response.content

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _json(
        self,
        method: str,
        where: str,
        json: Any,
        params: Mapping[str, Any],
        *,
        wait: float | None = None,
        again: bool = False,
        key: str | None = None,
    ) -> Any:
        given = {name: _written(value) for name, value in params.items() if value is not None}
        if wait is not None:
            given["wait"] = f"{wait:g}"
        headers = {"idempotency-key": key} if key else {}
        tries = TRIES if again else 1
        for number in range(1, tries + 1):
            request = self._client.build_request(
                method, self.url + where, params=given, json=json, headers=headers, timeout=self._timeout + (wait or 0)
            )
            try:
                return _read(await self._sent(request))
            except _FailedError as failed:
                pause = failed.pause(number)
                if number == tries or pause is None:
                    raise failed.error from None
            await asyncio.sleep(pause)
        raise AssertionError("the last try raises")  # pragma: no cover

    async def _sent(
        self, request: httpx.Request, client: httpx.AsyncClient | None = None, *, stream: bool = False
    ) -> httpx.Response:
        """Send a request; an error says whether it is certain that nothing arrived."""
        try:
            return await (client or self._client).send(request, stream=stream)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            lost: GatewayError = Unreachable(
                "the service cannot be reached", hint="look whether it runs, and at its URL"
            )
        except httpx.HTTPError as error:
            words = f"the service gave no answer: {type(error).__name__}"
            lost = OutcomeUnknown(words, hint="repeat the call with the same key")
        raise _FailedError(lost, again=True)


@dataclass(slots=True)
class _FailedError(Exception):
    """A request that failed, and whether the same one may succeed."""

    error: GatewayError | ConfigurationError
    again: bool

    def pause(self, number: int) -> float | None:
        """Tell how long to wait before the next try; None where another one changes nothing."""
        asked = getattr(self.error, "retry_after", None)
        if not self.again or (asked is not None and asked > _LONGEST):
            return None
        return float(asked) if asked else random.uniform(0, min(_FIRST * 2**number, _MOST))  # noqa: S311 - jitter


def _checked(url: str) -> str:
    """Read the URL of a service; a key does not go over the network in the open."""
    parts = urlsplit(url)
    whole = parts.scheme in {"http", "https"} and parts.hostname
    if not whole or parts.query or parts.fragment or "@" in parts.netloc:
        raise ConfigurationError("this is no URL of a service", hint='give it as "https://gateway.example"')
    if parts.scheme == "http" and not _private(parts.hostname or ""):
        raise ConfigurationError(
            "the key would go over the network in the open",
            hint="use https://, or a name without dots inside a network",
        )
    return url.rstrip("/")


def _private(host: str) -> bool:
    # the names of containers and of hosts in one's own network have no dots
    return host in _LOCAL or ("." not in host and ":" not in host)


def _read(response: httpx.Response) -> Any:
    """Give the JSON of an answer; raises the error that it tells of."""
    try:
        told = from_json(response.content) if response.content else None
    except ValueError:
        told = None
    if response.is_success:
        return told
    problem = told if isinstance(told, dict) else {}
    if "code" in problem:
        raise _FailedError(error_of(problem), again=bool(problem.get("retryable")))
    words = f"the service answered with {response.status_code}"
    plain = error_of({"detail": words, "code": _plain(response.status_code), "status": response.status_code})
    raise _FailedError(plain, again=response.status_code >= 500)


async def _refused(response: httpx.Response) -> None:
    """Raise what an answer tells of that was to be a stream."""
    try:
        await response.aread()
        _read(response)
    except httpx.HTTPError:
        raise _broken() from None
    except _FailedError as failed:
        raise failed.error from None


async def _lines(response: httpx.Response) -> AsyncIterator[str]:
    rest = b""
    try:
        async for piece in response.aiter_bytes():
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                yield line.decode("utf-8", "replace")
    except httpx.HTTPError:
        raise _broken() from None
    if rest:
        yield rest.decode("utf-8", "replace")


def _broken() -> Unreachable:
    return Unreachable("the service broke off in the middle of its answer", hint="ask again")


def _plain(status: int) -> str:
    """Name what a proxy in between answers, which knows no problem documents."""
    return {401: "unauthenticated", 403: "forbidden", 404: "not_found", 413: "content_too_large"}.get(
        status, "unavailable" if status >= 500 else "bad_request"
    )


def _written(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if hasattr(value, "isoformat") else value
