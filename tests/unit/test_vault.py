"""Every place for bytes keeps the same promises: the store, a folder, a bucket."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from obstore.store import LocalStore
from obstore.store import MemoryStore as MemoryBucket
from starlette.requests import Request
from starlette.responses import Response

from gateway.errors import ConfigurationError, StoreError
from gateway.simulator import served
from gateway.store import MemoryStore, open_store
from gateway.vault import DiskVault, KeptVault, Missing, Vault, kind_of, open_vault
from gateway.vault.bucket import BucketVault

BYTES = bytes(range(256)) * 4096  # a mebibyte: several pieces


async def bucket_service(scope: dict[str, object], receive: object, send: object) -> None:
    """Answer as an S3-compatible service does, for whole objects and ranges."""
    request = Request(scope, receive)  # type: ignore[arg-type]  # as ASGI has them
    path = request.url.path
    if "authorization" not in request.headers:
        response = Response(status_code=403)
    elif request.method == "PUT":
        OBJECTS[path] = await request.body()
        response = Response(headers={"etag": '"1"'})
    elif request.method == "POST":  # several are deleted at once, by a list of their keys
        keys = re.findall(r"<Key>([^<]+)</Key>", (await request.body()).decode())
        for key in keys:
            OBJECTS.pop(f"{path.rstrip('/')}/{key}", None)
        told = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
        response = Response(f"<DeleteResult>{told}</DeleteResult>", media_type="application/xml")
    elif path not in OBJECTS:
        response = Response(status_code=404)
    else:
        response = found(OBJECTS[path], request.headers.get("range"))
    await response(scope, receive, send)  # type: ignore[arg-type]  # as ASGI has them


def found(data: bytes, asked: str | None) -> Response:
    """Give an object, or a range of it."""
    headers = {"etag": '"1"', "last-modified": "Sat, 21 Nov 2026 10:00:00 GMT"}
    if asked is None:
        return Response(data, headers=headers)
    first, _, last = asked.removeprefix("bytes=").partition("-")
    start, end = int(first), int(last) + 1 if last else len(data)
    headers["content-range"] = f"bytes {start}-{min(end, len(data)) - 1}/{len(data)}"
    return Response(data[start:end], 206, headers)


OBJECTS: dict[str, bytes] = {}


@pytest.fixture(params=["kept", "durable", "disk", "memory bucket", "local bucket", "bucket"])
async def vault(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Vault]:
    """Give each kind of vault."""
    OBJECTS.clear()
    async with AsyncExitStack() as stack:
        if request.param == "bucket":
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
            url = await stack.enter_async_context(served(bucket_service))
            where = f"s3://bucket/some/prefix?region=eu-1&endpoint={url}&allow_http=true"
            yield open_vault(where, MemoryStore())
            return
        store = MemoryStore() if request.param == "kept" else open_store(f"sqlite:///{tmp_path}/s.db", {})
        await store.open()
        stack.push_async_callback(store.close)
        (tmp_path / "local").mkdir()
        makers: dict[str, Callable[[], Vault]] = {
            "kept": lambda: KeptVault(store),
            "durable": lambda: KeptVault(store),
            "disk": lambda: DiskVault(tmp_path / "vault"),
            "memory bucket": lambda: BucketVault(MemoryBucket(), "a/b"),
            "local bucket": lambda: BucketVault(LocalStore(str(tmp_path / "local"))),
        }
        yield makers[request.param]()


async def put(vault: Vault, folder: Path, data: bytes) -> str:
    """Keep bytes; gives their digest."""
    digest = hashlib.sha256(data).hexdigest()
    (folder / "source").write_bytes(data)
    await vault.put(digest, folder / "source")
    return digest


async def read(vault: Vault, digest: str, start: int = 0, end: int | None = None) -> bytes:
    """Read bytes."""
    return b"".join([piece async for piece in vault.read(digest, start, end)])


async def test_what_was_put_is_read_whole_and_in_part(vault: Vault, tmp_path: Path) -> None:
    """Putting it again changes nothing, and the source stays where it is."""
    digest = await put(vault, tmp_path, BYTES)
    assert digest == await put(vault, tmp_path, BYTES)

    assert len(BYTES) == await vault.size(digest)
    assert await read(vault, digest) == BYTES
    assert BYTES[1000:300_000] == await read(vault, digest, 1000, 300_000)
    assert BYTES[-5:] == await read(vault, digest, len(BYTES) - 5)
    assert b"" == await read(vault, digest, 7, 7)
    assert (tmp_path / "source").read_bytes() == BYTES


async def test_what_is_not_there_is_missing(vault: Vault, tmp_path: Path) -> None:
    """Before it came and after it went; letting go twice is letting go."""
    digest = await put(vault, tmp_path, b"x")
    other = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(Missing):
        await vault.size(other)
    with pytest.raises(Missing):
        await read(vault, other)
    await vault.drop(other)
    await vault.drop(digest)
    await vault.drop(digest)
    if not isinstance(vault, KeptVault) or "durable" in os.environ.get("PYTEST_CURRENT_TEST", ""):
        with pytest.raises(Missing):
            await vault.size(digest)


async def test_a_place_that_fails_is_a_store_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a hint, and without the library's words: they hold addresses and names of keys."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key-id-canary")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-canary")
    (tmp_path / "vault").write_text("a file, no folder")
    full = DiskVault(tmp_path / "vault")
    with pytest.raises(StoreError):
        await put(full, tmp_path, b"x")

    async def refusing(scope: dict[str, object], receive: object, send: object) -> None:
        await Response("secret-canary", 403)(scope, receive, send)  # type: ignore[arg-type]  # as ASGI has them

    async with served(refusing) as url:
        vault = BucketVault.at(f"s3://bucket?region=eu-1&endpoint={url}&allow_http=true")
        with pytest.raises(StoreError) as caught:
            await put(vault, tmp_path, b"x")

    assert "canary" not in f"{caught.value} {caught.value.hint}"


def test_a_bucket_needs_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra."""
    monkeypatch.setitem(__import__("sys").modules, "obstore.store", None)
    with pytest.raises(ConfigurationError) as caught:
        BucketVault.at("s3://bucket")

    assert "messaging-gateway[s3]" in (caught.value.hint or "")


@given(st.binary(max_size=300), st.text(max_size=20) | st.none(), st.sampled_from([None, "image/png", "text/html"]))
def test_any_bytes_are_judged(data: bytes, name: str | None, declared: str | None) -> None:
    """Nothing makes the judge fall over, and what is shown in its place is what its bytes are."""
    kind = kind_of(data, name=name, declared=declared)

    assert "/" in kind.served
    assert not kind.inline or kind.sniffed == kind.served
