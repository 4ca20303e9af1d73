"""What strangers name is asked only on the public network: by URL, by address, by what a name leads to."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.egress import DEV, PUBLIC, Egress, EgressFailed, EgressRefused, Rules, Stream, public
from gateway.testing.answering import answering

PRIVATE = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.1.2.3 169.254.0.1
169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.170 192.0.2.1 192.88.99.1 192.168.0.1
192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::7f00:1 64:ff9b:1::1 100::1 2001::1
2001:10::1 2001:db8::1 2002:7f00:1:: 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1
""".split()
FOR_ALL = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.1 128.0.0.1 172.15.255.255 172.32.0.1 192.0.1.1
192.167.255.255 198.17.255.255 198.20.0.1 223.255.255.255 2001:200::1 2001:4860:4860::8888 2606:4700:4700::1111
2a00:1450::1 ::ffff:8.8.8.8
""".split()
NOT_ASKED = {
    "scheme": ["http://example.com/", "http://127.0.0.1/", "HTTP://example.com"],
    "userinfo": ["https://user@example.com/", "https://user:secret@example.com/", "https://example.com@127.0.0.1/"],
    "fragment": ["https://example.com/#", "https://example.com/#a"],
    "port": ["https://example.com:22/", "https://example.com:80/", "https://example.com:6379/", "https://[::1]:1/"],
    "metadata": [
        "https://metadata/",
        "https://metadata.google.internal/",
        "https://METADATA.GOOGLE.INTERNAL/",
        "https://metadata.google.internal./",
        "https://metadata.goog/",
    ],
    "address": [
        *(f"https://{text}/" for text in PRIVATE if ":" not in text),
        *(f"https://[{text}]/" for text in PRIVATE if ":" in text and "%" not in text),
    ],
    "url": [
        "",
        "example.com",
        "//example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "https://",
        "https:///path",
        "https://exa mple.com/",
        "https://example.com/\r\nhost: other",
        "https://example.com\\@127.0.0.1/",
        "https://[fe80::1%eth0]/",
        "https://[::1/",
        "https://example.com:99999/",
        "https://exämple.com/",
        "https://127。0。0。1/",
        f"https://example.com/{'a' * 3000}",
    ],
}
LEADS_HOME = [
    "localhost",
    "LocalHost",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "0",
]
"""Names that the system's own resolver takes to this machine."""

_heard: list[tuple[str, Any]] = []
_listening = False


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if _listening and event in ("socket.connect", "socket.sendto"):
        _heard.append((event, arguments[1]))


sys.addaudithook(_hear)  # stays for the life of the process; it only listens while a test says so


@contextmanager
def recorder() -> Iterator[list[tuple[str, Any]]]:
    """Record where any socket of this process connects to, whichever library does it."""
    global _listening  # noqa: PLW0603 - an audit hook cannot be removed
    _heard.clear()
    _listening = True
    try:
        yield _heard
    finally:
        _listening = False


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@asynccontextmanager
async def server(answer: bytes = OK) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server on this machine that says one thing; gives its port, and what it was asked."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await reader.read()

    async with answering(serve) as port:
        yield port, heads


def leading_to(*addresses: str) -> Any:
    """Make a resolver that gives these."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolve


@pytest.fixture
async def egress() -> AsyncIterator[Egress]:
    """The guard as it is in production."""
    made = Egress(PUBLIC)
    yield made
    await made.aclose()


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public(address: str) -> None:
    """Networks of our own, of the machine, of documents, and every way to write IPv4 within IPv6."""
    assert not public(address)


@pytest.mark.parametrize("address", FOR_ALL)
def test_what_is_public(address: str) -> None:
    """What stands right beside the private networks, too."""
    assert public(address)


@pytest.mark.parametrize(("code", "url"), [(code, url) for code, urls in NOT_ASKED.items() for url in urls])
async def test_urls_that_are_never_asked(code: str, url: str, egress: Egress) -> None:
    """Refused before any name is looked up, without quoting the URL; nothing connects."""
    with recorder() as heard, pytest.raises(EgressRefused) as refused:
        await egress.send("POST", url, {})
    assert (code, [], {code: 1}) == (refused.value.code, heard, egress.refusals)
    assert len(url) < 10 or url not in str(refused.value)


@pytest.mark.parametrize("host", LEADS_HOME)
async def test_names_that_lead_home_are_refused_when_they_are_resolved(host: str, egress: Egress) -> None:
    """Every spelling that the system takes for this machine; nothing connects."""
    with recorder() as heard, pytest.raises(EgressRefused) as refused:
        await egress.send("POST", f"https://{host}/", {})
    assert ("address", []) == (refused.value.code, heard)


@pytest.mark.parametrize("private", PRIVATE)
async def test_one_private_address_among_others_is_enough(private: str) -> None:
    """A name that leads to a public and a private address is not asked at either."""
    egress = Egress(PUBLIC, resolve=leading_to("1.1.1.1", private))
    with recorder() as heard, pytest.raises(EgressRefused, match="not public"):
        await egress.send("POST", "https://example.com/", {})
    assert [] == heard


async def test_the_connection_goes_to_the_address_that_was_looked_at() -> None:
    """The name is resolved once; what it leads to a moment later does not count."""
    async with server() as (port, heads):
        answers = iter([["127.0.0.1"], ["169.254.169.254"]])

        async def resolve(host: str, port: int) -> Sequence[str]:
            return next(answers)

        egress = Egress(Rules(ports=frozenset({port}), networks=("127.0.0.0/8",)), resolve=resolve)
        with recorder() as heard, pytest.raises(EgressFailed) as failed:  # it speaks no TLS
            await egress.send("POST", f"https://example.com:{port}/", {})
        await egress.aclose()

    assert "connect" == failed.value.code
    assert [("socket.connect", ("127.0.0.1", port))] == heard
    assert 1 == len(list(answers))
    assert [] == heads


async def test_every_connection_goes_through_the_look() -> None:
    """Fails if the HTTP library ever connects by another way than the backend that it was given."""
    looked = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        looked.append(host)
        return ["127.0.0.1"]

    async with server() as (port, _):
        egress = Egress(DEV, resolve=resolve)
        with recorder() as heard:
            answer = await egress.send("POST", f"http://localhost:{port}/hook?a=b", {"x-one": "1"}, b"body")
        await egress.aclose()

    assert (200, b"ok", False) == (answer.status, answer.body, answer.cut)
    assert (["localhost"], [("socket.connect", ("127.0.0.1", port))]) == (looked, heard)


async def test_the_name_stays_that_of_the_url(tmp_path: Path) -> None:
    """In TLS, whose certificate is held against it, and in the request; a certificate for another name is refused."""
    authority, served = certificate(tmp_path, "hook.example")
    names: list[str | None] = []
    served.sni_callback = lambda _, name, __: names.append(name)
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)
        await reader.read()

    async with answering(serve, tls=served) as port:
        rules = Rules(ports=frozenset({port}), networks=("127.0.0.0/8",))
        egress = Egress(rules, resolve=leading_to("127.0.0.1"), tls=authority)
        answer = await egress.send("POST", f"https://hook.example:{port}/a", {}, b"x")
        with pytest.raises(EgressFailed, match="TLS"):
            await egress.send("POST", f"https://other.example:{port}/a", {}, b"x")
        await egress.aclose()

    assert (200, ["hook.example", "other.example"]) == (answer.status, names)
    assert [f"host: hook.example:{port}"] == [
        line for line in heads[0].decode().splitlines() if line.startswith("host:")
    ]


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a certificate for a name; gives what trusts it, and what serves it."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    written = made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(written)
    authority = ssl.create_default_context(cadata=made.public_bytes(serialization.Encoding.PEM).decode())
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(folder / "server.pem")
    return authority, served


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that is set there sends a request elsewhere."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    async with server() as (port, heads):
        egress = Egress(DEV)
        await egress.send("GET", f"http://127.0.0.1:{port}/", {})
        await egress.aclose()
    assert heads[0].startswith(b"GET / HTTP/1.1\r\nhost: 127.0.0.1:")


async def test_http_in_development_leads_to_this_machine_only() -> None:
    """Its own name or address; a name that says so and leads elsewhere is refused."""
    egress = Egress(DEV, resolve=leading_to("1.1.1.1"))
    with recorder() as heard, pytest.raises(EgressRefused, match="not public"):
        await egress.send("POST", "http://localhost:8000/", {})
    for url in ("http://example.com/", "http://10.0.0.1/", "https://10.0.0.1/", "https://example.com:8000/"):
        with pytest.raises(EgressRefused):
            egress.check(url)
    assert [] == heard


async def test_redirects_are_answers() -> None:
    """Nobody follows them."""
    answer = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
    async with server(answer) as (port, heads):
        egress = Egress(DEV)
        got = await egress.send("POST", f"http://127.0.0.1:{port}/", {}, b"x")
        await egress.aclose()
    assert (302, 1) == (got.status, len(heads))


async def test_a_long_answer_is_read_up_to_its_limit() -> None:
    """And its status counts."""
    async with server(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000) as (port, _):
        egress = Egress(DEV)
        got = await egress.send("POST", f"http://127.0.0.1:{port}/", {}, limit=1000)
        await egress.aclose()
    assert (200, b"x" * 1000, True) == (got.status, got.body, got.cut)


async def test_an_answer_that_stays_away_is_not_waited_for() -> None:
    """No head in time is an error; a body that does not come leaves the status."""
    async with server(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nab") as (port, _):
        egress = Egress(DEV)
        got = await egress.send("POST", f"http://127.0.0.1:{port}/", {}, total=0.2)
        await egress.aclose()
    assert (200, b"ab", True) == (got.status, got.body, got.cut)
    async with server(b"HTTP/1.1 ") as (port, _):
        egress = Egress(DEV)
        with pytest.raises(EgressFailed) as failed:
            await egress.send("POST", f"http://127.0.0.1:{port}/", {}, total=0.2)
        await egress.aclose()
    assert "timeout" == failed.value.code


@pytest.mark.parametrize("answer", [b"", b"no HTTP\r\n\r\n", b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000])
async def test_what_is_no_answer_is_an_error_of_ours(answer: bytes) -> None:
    """Never one of the library, which holds the request."""
    closing = answer or b"\x00"
    async with server(closing) as (port, _):
        egress = Egress(DEV)
        with pytest.raises(EgressFailed) as failed:
            await egress.send("POST", f"http://127.0.0.1:{port}/", {"authorization": "secret"}, total=2)
        await egress.aclose()
    assert failed.value.code in ("broken", "timeout")
    assert failed.value.__cause__ is None


class Counting:
    """A server that answers once it may, any number of times on each connection."""

    def __init__(self) -> None:
        self.may = asyncio.Event()
        self.connections = 0
        self.asked = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                self.asked += 1
                await self.may.wait()
                writer.write(OK)


async def test_a_connection_is_used_again() -> None:
    """By the next request to the same origin."""
    serve = Counting()
    serve.may.set()
    egress = Egress(DEV)
    async with answering(serve) as port:
        for _ in range(3):
            await egress.send("GET", f"http://127.0.0.1:{port}/", {})
        await egress.aclose()
    assert (1, 3) == (serve.connections, serve.asked)


async def test_an_origin_gets_so_many_connections_and_no_more() -> None:
    """Who waits for one longer than he has time is told so, and has asked nobody."""
    serve = Counting()
    egress = Egress(DEV)
    async with answering(serve) as port:
        url = f"http://127.0.0.1:{port}/"
        sends = [asyncio.create_task(egress.send("GET", url, {})) for _ in range(20)]
        while serve.asked < 16:
            await asyncio.sleep(0.001)
        with pytest.raises(EgressFailed) as failed:
            await egress.send("GET", url, {}, total=0.05)
        at_once = serve.asked
        serve.may.set()
        answers = await asyncio.gather(*sends)
        await egress.aclose()
    assert ("timeout", 16) == (failed.value.code, at_once)
    assert [200] * 20 == [answer.status for answer in answers]
    assert (16, 20) == (serve.connections, serve.asked)


async def test_what_is_made_of_an_answer_fails_as_it_fails() -> None:
    """It is not taken for an error of the road, and the connection is not used again."""
    serve = Counting()
    serve.may.set()
    egress = Egress(DEV)

    async def take(answer: Stream) -> None:
        raise OSError(28, "No space left on device")

    async with answering(serve) as port:
        url = f"http://127.0.0.1:{port}/"
        with pytest.raises(OSError, match="No space left"):
            await egress.carry("GET", url, {}, take=take)
        await egress.send("GET", url, {})
        await egress.aclose()
    assert 2 == serve.connections


async def test_a_name_that_nobody_knows() -> None:
    """Is an error that can be tried again."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror

    egress = Egress(PUBLIC, resolve=resolve)
    with pytest.raises(EgressFailed) as failed:
        await egress.send("POST", "https://example.com/", {})
    assert "name" == failed.value.code


def test_own_networks_can_be_allowed() -> None:
    """By the operator, one by one."""
    rules = Rules(networks=("10.1.0.0/16",))
    Egress(rules).check("https://10.1.2.3/")
    with pytest.raises(EgressRefused):
        Egress(rules).check("https://10.2.2.3/")
