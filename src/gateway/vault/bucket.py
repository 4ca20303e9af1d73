"""Bytes in a bucket of any S3-compatible service."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, urlsplit

from gateway.errors import ConfigurationError, StoreError
from gateway.vault.port import CHUNK, Missing

if TYPE_CHECKING:
    from obstore.store import ObjectStore

__all__ = ["BucketVault"]

_OPTIONS = {"endpoint", "region", "virtual_hosted_style_request", "allow_http"}
"""What the address of a bucket may say beside its name; credentials come from the environment."""
_TIMEOUT = "120s"
"""For a whole answer: the library's own 30 seconds are too short for a large file on a slow line."""


class BucketVault:
    """An object for each digest, below a prefix."""

    def __init__(self, store: ObjectStore, prefix: str = "") -> None:
        self._store = store
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    @classmethod
    def at(cls, url: str) -> Self:
        """Name a bucket: `s3://BUCKET/PREFIX?region=…&endpoint=https://…`.

        Credentials are those of the environment (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`), or
        of the machine. Raises `ConfigurationError`.
        """
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query))
        if not parts.netloc or parts.username or parts.password or not options.keys() <= _OPTIONS:
            raise ConfigurationError(
                "this is no address of a bucket",
                hint='use "s3://BUCKET/PREFIX?region=…&endpoint=https://…"; credentials come from the environment',
            )
        return cls(_store(parts.netloc, options), parts.path)

    async def put(self, digest: str, source: Path) -> None:
        """Send a file, in parts where it is large; it is there when all of it is."""
        import obstore  # noqa: PLC0415 - a vault was made, so it is there

        with _Failing(digest):
            await obstore.put_async(self._store, self._prefix + digest, source)

    async def size(self, digest: str) -> int:
        """Ask for the object's head."""
        import obstore  # noqa: PLC0415 - as above

        with _Failing(digest):
            found = await obstore.head_async(self._store, self._prefix + digest)
        return found["size"]

    async def read(self, digest: str, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes]:
        """Fetch the object as it comes."""
        import obstore  # noqa: PLC0415 - as above

        wanted: Any = {"offset": start} if end is None else (start, end)
        with _Failing(digest):
            if end is not None and end <= start:
                return
            found = await obstore.get_async(
                self._store, self._prefix + digest, options={"range": wanted} if start or end is not None else None
            )
            async for piece in found.stream(min_chunk_size=CHUNK):
                yield bytes(piece)

    async def drop(self, digest: str) -> None:
        """Delete the object."""
        import obstore  # noqa: PLC0415 - as above

        try:
            with _Failing(digest):
                await obstore.delete_async(self._store, self._prefix + digest)
        except Missing:
            return


def _store(bucket: str, options: dict[str, str]) -> ObjectStore:
    try:
        from obstore.exceptions import BaseError  # noqa: PLC0415 - an extra
        from obstore.store import S3Store  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigurationError(
            "files in a bucket need a library that is not installed", hint="pip install 'messaging-gateway[s3]'"
        ) from None
    config: Any = {name: value for name, value in options.items() if name != "allow_http"}
    client: Any = {"timeout": _TIMEOUT, "allow_http": options.get("allow_http", "") == "true"}
    try:
        return S3Store(bucket, config=config, client_options=client)
    except (BaseError, ValueError) as error:
        raise ConfigurationError(
            f"the bucket cannot be used: {type(error).__name__}", hint="look at its region, endpoint and credentials"
        ) from None


class _Failing:
    """Turns what the library raises into ours; its words may hold addresses and keys, so they stay out."""

    def __init__(self, digest: str) -> None:
        self._digest = digest

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Raise ours for one of the library's."""
        from obstore.exceptions import BaseError, NotFoundError  # noqa: PLC0415 - as above

        if isinstance(error, FileNotFoundError | NotFoundError):
            raise Missing(self._digest) from None
        if isinstance(error, BaseError | OSError):
            raise StoreError(
                f"the bucket failed: {type(error).__name__}", hint="look at its address, credentials and service"
            ) from None
