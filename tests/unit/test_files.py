"""Files that the gateway serves to vendors."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from gateway import Attachment, Gateway, InvalidMessage, Message, Unsupported, Voice
from gateway.files import hosted
from gateway.store import MemoryStore


class Fixed:
    """A clock that stands still."""

    def now(self) -> datetime:
        """Tell the one time."""
        return datetime(2026, 1, 1, tzinfo=UTC)

    async def sleep(self, seconds: float) -> None:
        """Return at once."""


async def test_bytes_and_files_become_urls_by_their_hash(tmp_path: Path) -> None:
    """The name is kept for people, made safe for a URL; equal bytes have equal URLs."""
    path = tmp_path / "ä b.png"
    path.write_bytes(b"png")
    store = MemoryStore()
    [message] = await hosted(
        [Message("x", Attachment(file=path), Attachment(data=b"png", name="c.png"))],
        "https://g.example/",
        store,
        Fixed(),
    )
    digest = hashlib.sha256(b"png").hexdigest()
    urls = [part.url for part in message.parts if isinstance(part, Attachment)]

    assert [f"https://g.example/files/{digest}/%C3%A4%20b.png", f"https://g.example/files/{digest}/c.png"] == urls
    assert all(len(url or "") <= 256 for url in urls)
    kept = await store.file(digest)
    assert kept is not None
    assert ("image/png", b"png") == (kept.media_type, kept.data)


async def test_what_has_a_url_is_left_alone() -> None:
    """Nothing is copied that the vendor can fetch by itself."""
    message = Message("x", Attachment(url="https://example.com/a.png"))

    assert (message,) == await hosted([message], "https://g.example", MemoryStore(), Fixed())


async def test_a_missing_file_is_a_wrong_call(tmp_path: Path) -> None:
    """The caller is told which file, by its name alone."""
    with pytest.raises(InvalidMessage, match=r"nowhere\.png cannot be read"):
        await hosted([Message(Attachment(file=tmp_path / "nowhere.png"))], "https://g.example", MemoryStore(), Fixed())


async def test_without_a_public_url_bytes_are_refused_with_the_way_out() -> None:
    """A vendor that takes URLs cannot be given bytes by a gateway that nobody can reach."""
    gateway = Gateway()
    gateway.connect("echo", api_key="k", webhook_secret="s")
    with pytest.raises(Unsupported) as caught:
        await gateway.plan("+13231112233", Attachment(data=b"x", name="a.png"))
    await gateway.aclose()

    assert "a public URL of it" in caught.value.alternatives


async def test_the_vendor_fetches_what_was_given_as_bytes() -> None:
    """The URL in the message is served by `asgi()`, and cannot be run by a browser."""
    gateway = Gateway(public_url="https://gateway.example/app")
    gateway.connect("echo", api_key="k", webhook_secret="s")
    plan = await gateway.plan("+13231112233", Voice(data=b"voice", name="a.m4a"), policy="graceful")
    url = plan.steps[0].action.model_dump()["messages"][0]["parts"][0]["url"]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(gateway.asgi())) as client:
        answer = await client.get(url)
    await gateway.aclose()

    assert (200, b"voice") == (answer.status_code, answer.content)
    assert ("attachment", "nosniff", "sandbox") == (
        answer.headers["content-disposition"],
        answer.headers["x-content-type-options"],
        answer.headers["content-security-policy"],
    )
