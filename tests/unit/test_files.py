"""Files that the gateway keeps, names and serves to vendors."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from gateway import Attachment, Gateway, InvalidMessage, Message, NotFound, Unsupported, Voice
from gateway.errors import ConfigurationError
from gateway.files import File, Files, Given
from gateway.store import MemoryStore
from gateway.vault import DiskVault, Missing
from tests.loopback import NO_TLS

PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        """Tell the time that was set."""
        return self.time

    async def sleep(self, seconds: float) -> None:
        """Return at once."""


async def files_in(place: str = "store:", public_url: str | None = "https://g.example/app", most: int = 1000) -> Files:
    """Make the files of a gateway that forgets."""
    store = MemoryStore()
    await store.open()
    return Files(store, Hand(), place=place, public_url=public_url, most=most)


async def pieces(*given: bytes) -> AsyncIterator[bytes]:
    """Give bytes as they come."""
    for piece in given:
        yield piece


async def fetched(files: Files, url: str, method: str = "GET", **headers: str) -> httpx.Response:
    """Ask for a file as a vendor does."""
    transport = httpx.ASGITransport(files.serve)
    async with httpx.AsyncClient(transport=transport, verify=NO_TLS) as client:
        return await client.request(
            method, url, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )


@pytest.mark.parametrize("place", ["store:", "file"])
async def test_a_file_is_kept_whichever_way_it_is_given(place: str, tmp_path: Path) -> None:
    """Bytes, a file and bytes as they come are one file, whose three types are kept."""
    files = await files_in(place if place != "file" else f"file://{tmp_path}/vault")
    path = tmp_path / "ä b.png"
    path.write_bytes(PNG)
    kept = [
        await files.keep(PNG, Given(name="a.png", media_type="image/png")),
        await files.keep(path, Given(media_type="image/png")),
        await files.keep(pieces(PNG[:3], b"", PNG[3:]), Given(name="c", media_type="image/png")),
    ]

    assert ["a.png", "ä b.png", "c.png"] == [file.name for file in kept]
    assert {(hashlib.sha256(PNG).hexdigest(), 32, "image/png", True)} == {
        (file.digest, file.size, file.media_type, file.inline) for file in kept
    }
    assert [("image/png", "image/png", "image/png")] * 3 == [
        (file.declared_type, file.named_type, file.sniffed_type) for file in kept
    ]
    assert PNG == b"".join([piece async for piece in files.read(kept[0])])
    assert kept[0] == await files.get(kept[0].id)
    assert {file.id for file in kept} == {file.id for file in await files.page()}


@pytest.mark.parametrize(
    ("data", "given", "types", "served", "inline"),
    [
        (
            PNG,
            Given(name="a.pdf", media_type="text/html"),
            ("text/html", "application/pdf", "image/png"),
            "image/png",
            False,
        ),
        (b"<html><script>", Given(name="a.png"), (None, "image/png", "text/html"), "text/html", False),
        (b"<svg xmlns='x'/>", Given(name="a.svg"), (None, "image/svg+xml", "image/svg+xml"), "image/svg+xml", False),
        (b"hello", Given(name="a.csv"), (None, "text/csv", "text/csv"), "text/csv", False),
        (b"PK\x03\x04" + bytes(30), Given(), (None, "application/zip", "application/zip"), "application/zip", False),
        (bytes(range(256)), Given(media_type="audio/x-m4a"), ("audio/mp4", "audio/mp4", None), "audio/mp4", False),
        (b"\0\0\0\x18ftypM4A " + bytes(20), Given(name="v.m4a"), (None, "audio/mp4", "audio/mp4"), "audio/mp4", True),
    ],
)
async def test_a_file_is_what_its_bytes_say(
    data: bytes,
    given: Given,
    types: tuple[str | None, ...],
    served: str,
    inline: bool,  # noqa: FBT001
) -> None:
    """Caller and name are kept beside it; only what the bytes prove may be shown in its place."""
    files = await files_in()
    kept = await files.keep(data, given)

    assert types == (kept.declared_type, kept.named_type, kept.sniffed_type)
    assert (served, inline) == (kept.media_type, kept.inline)
    answer = await fetched(files, await files.link(kept))
    assert ("inline" if inline else "attachment") == answer.headers["content-disposition"].partition(";")[0]


async def test_a_link_is_short_signed_and_ends() -> None:
    """Nobody makes another one of it; a vendor that caches by URL never sees other bytes under it."""
    files = await files_in(public_url="https://gateway.example.com/" + "p" * 60)
    clock = files._clock
    assert isinstance(clock, Hand)
    kept = await files.keep(PNG, Given(name=f"{'long ü' * 40}.png"))
    url = await files.link(kept)
    fine = await fetched(files, url)
    stamp, digest, name = url.rpartition("/files/")[2].split("/")
    other = hashlib.sha256(b"other").hexdigest()
    forged = [
        url.replace(digest, other),
        url.replace(name, "a.html"),
        url.replace(stamp, f"ffffffff.{stamp.partition('.')[2]}"),
        url.replace(stamp, stamp[:-1] + ("A" if stamp[-1] != "A" else "E")),
        url.replace(f"{stamp}/", ""),
        f"{url}/more",
    ]

    assert (200, PNG) == (fine.status_code, fine.content)
    assert len(url) <= 256
    assert url.endswith(".png")
    assert url == await files.link(kept)
    assert [404] * len(forged) == [(await fetched(files, one)).status_code for one in forged]
    clock.time = NOW + timedelta(hours=23)
    assert 200 == (await fetched(files, url)).status_code
    clock.time = NOW + timedelta(hours=48)
    assert 410 == (await fetched(files, url)).status_code


async def test_a_link_for_later_works_later() -> None:
    """A message that leaves in a week has a link that works then."""
    files = await files_in()
    url = await files.link(await files.keep(PNG, Given()), start=NOW + timedelta(days=7))
    assert isinstance(files._clock, Hand)
    files._clock.time = NOW + timedelta(days=7, hours=23)

    assert 200 == (await fetched(files, url)).status_code


async def test_what_is_served_cannot_be_run() -> None:
    """A stranger's file is downloaded under headers that leave it nothing to do."""
    files = await files_in()
    answer = await fetched(files, await files.link(await files.keep(b"<html><script>", Given(name='a"\n.html'))))

    assert {
        "content-type": "text/html",
        "content-disposition": "attachment; filename*=UTF-8''a%22.html",
        "content-security-policy": "sandbox; default-src 'none'",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "accept-ranges": "bytes",
        "cache-control": "private, max-age=172800, immutable",
        "etag": f'"{hashlib.sha256(b"<html><script>").hexdigest()}"',
        "content-length": "14",
    } == dict(answer.headers)


@pytest.mark.parametrize("place", ["store:", "file"])
@pytest.mark.parametrize(
    ("asked", "status", "data"),
    [
        ("bytes=0-3", 206, b"0123"),
        ("bytes=8-", 206, b"89"),
        ("bytes=-3", 206, b"789"),
        ("bytes=4-100", 206, b"4567 89".replace(b" ", b"")),
        ("bytes=0-9", 200, b"0123456789"),
        ("bytes=5-2", 200, b"0123456789"),
        ("bytes=0-1,3-4", 200, b"0123456789"),
        ("lines=1-2", 200, b"0123456789"),
        ("bytes=10-", 416, None),
        ("bytes=-0", 416, None),
    ],
)
async def test_a_range_is_given_where_one_is_asked_for(
    place: str, asked: str, status: int, data: bytes | None, tmp_path: Path
) -> None:
    """A phone that plays a film asks for pieces of it."""
    files = await files_in(place if place != "file" else f"file://{tmp_path}/vault")
    answer = await fetched(files, await files.link(await files.keep(b"0123456789", Given())), range=asked)

    assert (status, data) == (answer.status_code, answer.content if status < 400 else None)
    assert data is None or str(len(data)) == answer.headers["content-length"]


async def test_a_file_that_is_known_is_not_sent_again() -> None:
    """Whoever has it by its hash is told so."""
    files = await files_in()
    kept = await files.keep(PNG, Given())

    assert 304 == (await fetched(files, await files.link(kept), if_none_match=f'"{kept.digest}"')).status_code


@pytest.mark.parametrize("data", [b"", bytes(1001)])
async def test_nothing_and_too_much_are_refused(data: bytes) -> None:
    """Neither leaves anything behind."""
    files = await files_in(most=1000)
    with pytest.raises(InvalidMessage):
        await files.keep(pieces(data), Given())

    assert [] == await files.page()


async def test_bytes_go_with_the_last_who_has_them() -> None:
    """Two files of the same bytes share them; what is over goes by itself."""
    files = await files_in()
    one = await files.keep(PNG, Given(name="a.png"))
    two = await files.keep(PNG, Given(name="b.png", expires_at=NOW + timedelta(days=1)))
    await files.remove(one.id)
    with pytest.raises(NotFound):
        await files.get(one.id)

    assert two == await files.get(two.id)
    assert 0 == await files.sweep()
    assert isinstance(files._clock, Hand)
    files._clock.time = NOW + timedelta(days=2)
    assert 1 == await files.sweep()
    with pytest.raises(NotFound):
        await files.get(two.id)


async def test_a_disk_keeps_only_what_is_a_digest(tmp_path: Path) -> None:
    """No name leads out of its folder; what is dropped is gone, twice too."""
    vault = DiskVault(tmp_path / "vault")
    (tmp_path / "secret").write_bytes(b"s")
    for name in ("../secret", "/etc/passwd", "", "0" * 63 + "g"):
        with pytest.raises(Missing):
            await vault.size(name)
    digest = hashlib.sha256(b"s").hexdigest()
    await vault.put(digest, tmp_path / "secret")
    assert 1 == await vault.size(digest)
    await vault.drop(digest)
    await vault.drop(digest)
    with pytest.raises(Missing):
        await vault.size(digest)


@pytest.mark.parametrize("place", ["disk", "file://", "s3:", "ftp://x", "s3://b?secret=1", "s3://key:secret@bucket"])
async def test_a_place_that_is_none_is_refused(place: str) -> None:
    """What is said about it holds nothing of it: it may be a password."""
    with pytest.raises(ConfigurationError) as caught:
        await files_in(place)

    assert "secret" not in f"{caught.value} {caught.value.hint}"


# ── attachments ───────────────────────────────────────────────────────────────────────────────────────────────────


def urls(message: Message) -> list[str | None]:
    """List the URLs of a message's attachments."""
    return [part.url for part in message.parts if isinstance(part, Attachment)]


async def test_bytes_files_and_ids_become_urls_by_their_hash(tmp_path: Path) -> None:
    """The name is kept for people, made safe for a URL; what has a URL is left alone."""
    path = tmp_path / "ä b.png"
    path.write_bytes(PNG)
    files = await files_in()
    kept = await files.keep(PNG, Given(name="kept.png"))
    [message] = await files.hosted(
        "main",
        [
            Message(
                "x",
                Attachment(file=path),
                Attachment(data=PNG, name="c.png"),
                Attachment(file_id=kept.id),
                Attachment(url="https://example.com/a.png"),
            )
        ],
    )
    digest = hashlib.sha256(PNG).hexdigest()
    made = urls(message)

    assert [f"{digest}/%C3%A4%20b.png", f"{digest}/c.png", f"{digest}/kept.png"] == [
        (url or "").split("/", 6)[-1] for url in made[:3]
    ]
    assert "https://example.com/a.png" == made[3]
    assert [PNG] * 3 == [(await fetched(files, url or "")).content for url in made[:3]]
    first = message.parts[1]
    assert isinstance(first, Attachment)
    assert ("image/png", 32) == (first.media_type, first.size)


async def test_the_same_bytes_sent_again_are_the_same_file() -> None:
    """A picture that goes to a thousand contacts is kept once, as long as its link works."""
    files = await files_in()
    for _ in range(3):
        await files.hosted("main", [Message(Attachment(data=PNG, name="c.png"))])
    [kept] = await files.page()

    assert ("main", NOW + timedelta(days=2)) == (kept.connection, kept.expires_at)


async def test_what_has_had_its_time_goes_while_others_come() -> None:
    """A program that sends for years keeps no more than it needs."""
    files = await files_in()
    await files.hosted("main", [Message(Attachment(data=PNG, name="old.png"))])
    assert isinstance(files._clock, Hand)
    files._clock.time = NOW + timedelta(days=3)
    await files.hosted("main", [Message(Attachment(data=PNG + b"new", name="new.png"))])

    assert ["new.png"] == [file.name for file in await files.page()]


@pytest.mark.parametrize("upload", [False, True])
async def test_without_a_public_url_an_id_becomes_bytes(upload: bool) -> None:  # noqa: FBT001
    """A vendor that takes an upload is given them; for the others fitting says what is missing."""
    files = await files_in(public_url=None)
    kept = await files.keep(PNG, Given(name="kept.png"))
    [message] = await files.hosted("main", [Message(Attachment(file_id=kept.id))], upload=upload)

    assert (Attachment(data=PNG, name="kept.png", media_type="image/png", size=32),) == message.parts


async def test_a_missing_file_is_a_wrong_call(tmp_path: Path) -> None:
    """The caller is told which file, by its name alone."""
    files = await files_in()
    with pytest.raises(InvalidMessage, match=r"^the file nowhere\.png cannot be read"):
        await files.hosted("main", [Message(Attachment(file=tmp_path / "nowhere.png"))])
    with pytest.raises(NotFound):
        await files.hosted("main", [Message(Attachment(file_id=f"file_{'0' * 26}"))])


async def test_without_a_public_url_bytes_are_refused_with_the_way_out() -> None:
    """A vendor that takes URLs cannot be given bytes by a gateway that nobody can reach."""
    gateway = Gateway()
    gateway.connect("echo", api_key="k", webhook_secret="s")
    with pytest.raises(Unsupported) as caught:
        await gateway.plan("+13231112233", Attachment(data=b"x", name="a.png"))
    await gateway.aclose()

    assert "a public URL of it" in caught.value.alternatives


async def test_the_vendor_fetches_what_was_given_as_bytes_or_by_id() -> None:
    """The URL in the message is served by `asgi()`, and cannot be run by a browser."""
    gateway = Gateway(public_url="https://gateway.example/app")
    gateway.connect("echo", api_key="k", webhook_secret="s")
    file = await gateway.upload(b"voice", name="a.m4a")
    assert isinstance(file, File)
    for part in (Voice(data=b"voice", name="a.m4a"), Voice(file_id=file.id)):
        plan = await gateway.plan("+13231112233", part, policy="graceful")
        url = plan.steps[0].action.model_dump()["messages"][0]["parts"][0]["url"]
        async with httpx.AsyncClient(transport=httpx.ASGITransport(gateway.asgi())) as client:
            answer = await client.get(url)

        assert (200, b"voice") == (answer.status_code, answer.content)
        assert ("attachment", "nosniff") == (
            answer.headers["content-disposition"].partition(";")[0],
            answer.headers["x-content-type-options"],
        )
    await gateway.aclose()
