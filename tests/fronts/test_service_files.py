"""Files over the API: taken in as they come, judged by their bytes, handed out by signed links."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fronts.service_site import KEY, Site, site

PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)


@pytest.fixture(params=["store:", "file"])
async def place(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    """Run a service with files in its store, or in a folder."""
    where = request.param if request.param != "file" else f"file://{tmp_path}/vault"
    async with site(tmp_path, files__place=where, limits__upload_bytes=300_000) as made:
        yield made


async def test_a_file_comes_in_by_form_or_as_it_is(place: Site) -> None:
    """Three witnesses of its type are kept; it is listed, given, linked and forgotten."""
    form = await place.http.post("/v1/files", files={"file": ("a ü.png", PNG, "image/png")})
    headers = {"content-type": "text/html", "content-disposition": "attachment; filename*=UTF-8''b%20%C3%BC.png"}
    plain = await place.http.post("/v1/files", content=PNG, headers=headers)
    one, two = form.json(), plain.json()
    listed = (await place.http.get("/v1/files", params={"limit": 1})).json()
    rest = (await place.http.get("/v1/files", params={"limit": 1, "after": listed["next"]})).json()
    content = await place.http.get(f"/v1/files/{two['id']}/content")

    assert (201, 201, f"/v1/files/{one['id']}") == (form.status_code, plain.status_code, form.headers["location"])
    assert {
        "name": "b ü.png",
        "media_type": "image/png",
        "declared_type": "text/html",
        "named_type": "image/png",
        "sniffed_type": "image/png",
        "size": 32,
        "digest": hashlib.sha256(PNG).hexdigest(),
        "connection": None,
        "event": None,
        "expires_at": None,
    } == {name: value for name, value in two.items() if name not in {"id", "created_at"}}
    assert ([two["id"]], [one["id"]], None) == (
        [item["id"] for item in listed["items"]],
        [item["id"] for item in rest["items"]],
        rest["next"],
    )
    assert one == (await place.http.get(f"/v1/files/{one['id']}")).json()
    assert (PNG, "attachment", "nosniff") == (
        content.content,
        content.headers["content-disposition"].partition(";")[0],
        content.headers["x-content-type-options"],
    )


async def test_a_link_needs_no_key_and_ends_with_its_file(place: Site) -> None:
    """Whoever has it fetches that one file; a file that is forgotten is gone at once."""
    file = (await place.http.post("/v1/files", files={"file": ("a.png", PNG, "image/png")})).json()
    link = (await place.http.post(f"/v1/files/{file['id']}/link")).json()
    stranger = await place.client("read")
    stranger.headers.pop("authorization")
    fetched = await stranger.get(link["url"])
    other = await stranger.get(link["url"].replace(file["digest"], "0" * 64))
    posted = await stranger.post(link["url"])
    gone = await place.http.delete(f"/v1/files/{file['id']}")
    after = await stranger.get(link["url"])
    await stranger.aclose()

    assert len(link["url"]) <= 256
    assert (200, PNG, "inline") == (
        fetched.status_code,
        fetched.content,
        fetched.headers["content-disposition"].partition(";")[0],
    )
    assert "sandbox; default-src 'none'" == fetched.headers["content-security-policy"]
    assert (404, 405, 204, 404) == (other.status_code, posted.status_code, gone.status_code, after.status_code)
    assert 404 == (await place.http.get(f"/v1/files/{file['id']}")).status_code


async def test_a_file_is_one_tenants(place: Site) -> None:
    """For all others it is not there; a key that only reads brings none."""
    file = (await place.http.post("/v1/files", files={"file": ("a.png", PNG, "image/png")})).json()
    stranger, reader = await place.client("admin", tenant="tn_stranger"), await place.client("read")
    told = [
        (await stranger.get(f"/v1/files/{file['id']}")).status_code,
        (await stranger.get(f"/v1/files/{file['id']}/content")).status_code,
        (await stranger.post(f"/v1/files/{file['id']}/link")).status_code,
        (await stranger.delete(f"/v1/files/{file['id']}")).status_code,
    ]
    listed = (await stranger.get("/v1/files")).json()
    refused = await reader.post("/v1/files", files={"file": ("a.png", PNG, "image/png")})
    await stranger.aclose()
    await reader.aclose()

    assert [404] * 4 == told
    assert [] == listed["items"]
    assert (403, "application/problem+json") == (refused.status_code, refused.headers["content-type"])


async def chunks(*pieces: bytes) -> AsyncIterator[bytes]:
    """Give a body without a length."""
    for piece in pieces:
        yield piece


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", {}, 422),
        (bytes(300_001), {}, 413),
        (chunks(*[bytes(50_000)] * 7), {}, 413),
        (b"--x\r\nnonsense", {"content-type": "multipart/form-data; boundary=x"}, 422),
        (b"nonsense", {"content-type": "multipart/form-data"}, 400),
        (
            b'--x\r\ncontent-disposition: form-data; name="other"\r\n\r\nv\r\n--x--\r\n',
            {"content-type": "multipart/form-data; boundary=x"},
            422,
        ),
    ],
)
async def test_what_is_no_file_is_a_problem(
    tmp_path: Path, body: bytes | AsyncIterator[bytes], headers: dict[str, str], status: int
) -> None:
    """Too much, nothing, and forms that are none: none of it leaves anything behind."""
    async with site(tmp_path, limits__upload_bytes=300_000) as place:
        answer = await place.http.post("/v1/files", content=body, headers=headers)
        kept = (await place.http.get("/v1/files")).json()["items"]

    assert (status, "application/problem+json") == (answer.status_code, answer.headers["content-type"])
    assert [] == kept


async def test_a_body_that_never_ends_is_cut(tmp_path: Path) -> None:
    """A client that stops in the middle is told so, and nothing is kept."""
    async with site(tmp_path, limits__upload=0.3) as place:
        host, port = place.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"POST /v1/files HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {KEY}\r\ncontent-length: 1000\r\n\r\n"
        writer.write(head.encode() + b"the beginning")
        async with asyncio.timeout(20):
            status = await reader.readline()
        writer.close()
        kept = (await place.http.get("/v1/files")).json()["items"]

    assert b"HTTP/1.1 408" in status
    assert [] == kept
