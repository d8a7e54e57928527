"""What tenants name is called only where anybody could call it."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from foundation.addresses import is_public, parse
from foundation.outbound import AddressRefused, AnswerRefused, Limits, NoAnswer, Outbound
from foundation.settings import Settings

Handler = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server on loopback that reads a request's head and then does as `handler` says; gives its port."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(await reader.readuntil(b"\r\n\r\n"), writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def answering(*lines: str, body: bytes = b"") -> Handler:
    async def handler(_: bytes, writer: asyncio.StreamWriter) -> None:
        head = "\r\n".join(["HTTP/1.1 200 OK", *lines, "Connection: close", "", ""])
        writer.write(head.encode() + body)
        await writer.drain()

    return handler


def names(**addresses: list[str]) -> Callable[[str, int], Awaitable[list[str]]]:
    """A resolver that knows these names, `_` in place of a dot."""
    known = {name.replace("_", "."): found for name, found in addresses.items()}

    async def resolve(host: str, _: int) -> list[str]:
        return known.get(host, [])

    return resolve


PUBLIC = "93.184.215.14"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        # not public, as it is written
        ("http://127.0.0.1/", "not_public"),
        ("http://127.1.2.3/", "not_public"),
        ("http://0.0.0.0/", "not_public"),
        ("http://10.0.0.1/", "not_public"),
        ("http://172.16.0.1/", "not_public"),
        ("http://172.31.255.255/", "not_public"),
        ("http://192.168.1.1/", "not_public"),
        ("http://169.254.169.254/latest/meta-data/", "not_public"),
        ("http://100.100.100.200/", "not_public"),
        ("http://168.63.129.16/", "not_public"),
        ("http://192.0.0.192/", "not_public"),
        ("http://198.18.0.1/", "not_public"),
        ("http://224.0.0.1/", "not_public"),
        ("http://255.255.255.255/", "not_public"),
        ("http://[::1]/", "not_public"),
        ("http://[::]/", "not_public"),
        ("http://[fe80::1]/", "not_public"),
        ("http://[fd00:ec2::254]/", "not_public"),
        ("http://[ff02::1]/", "not_public"),
        ("http://[::ffff:127.0.0.1]/", "not_public"),
        ("http://[::ffff:a9fe:a9fe]/", "not_public"),
        ("http://[::127.0.0.1]/", "not_public"),
        ("http://[::ffff:0:127.0.0.1]/", "not_public"),
        ("http://[64:ff9b::10.0.0.1]/", "not_public"),
        ("http://[64:ff9b:1::1]/", "not_public"),
        ("http://[2002:7f00:1::]/", "not_public"),
        ("http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/", "not_public"),
        ("http://[2001:db8::1]/", "not_public"),
        ("http://[2606:4700::5efe:10.0.0.1]/", "not_public"),
        # other spellings of an address
        ("http://2130706433/", "malformed"),
        ("http://0x7f000001/", "malformed"),
        ("http://0x7f.0.0.1/", "malformed"),
        ("http://0177.0.0.1/", "malformed"),
        ("http://127.1/", "malformed"),
        ("http://127.0.0.1./", "malformed"),
        ("http://127.0.0.0x1/", "malformed"),
        ("http://1.2.3.4.5/", "malformed"),
        ("http://①②⑦.0.0.1/", "malformed"),
        ("http://127。0。0。1/", "malformed"),
        ("http://[::1%25lo]/", "malformed"),
        ("http://[::1/", "malformed"),
        # names
        ("http://example.org./", "malformed"),
        ("http://exa mple.org/", "malformed"),
        ("http://example.org\t/", "malformed"),
        ("http://\uff45xample.org/", "malformed"),
        ("http://example.org%00.internal/", "malformed"),
        ("http://127.0.0.1%2eexample.org/", "malformed"),
        ("http://.example.org/", "malformed"),
        ("http:///path", "malformed"),
        ("http://", "malformed"),
        ("//example.org/", "scheme"),
        ("/relative", "scheme"),
        # who is asked, and how
        ("http://user@example.org/", "userinfo"),
        ("http://example.org@127.0.0.1/", "userinfo"),
        ("http://example.org:80@127.0.0.1/", "userinfo"),
        ("http://127.0.0.1\\@example.org/", "malformed"),
        ("http://@example.org/", "userinfo"),
        ("http://example.org:22/", "port"),
        ("http://example.org:6379/", "port"),
        ("http://example.org:0/", "port"),
        ("http://example.org:/", "port"),
        ("http://example.org:65536/", "malformed"),
        ("http://example.org:\uff18\uff10/", "malformed"),
        ("ftp://example.org/", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("gopher://127.0.0.1:6379/_FLUSHALL", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("http://example.org/\r\nHost: internal", "malformed"),
        ("http://example.org/" + "a" * 3000, "malformed"),
    ],
)
async def test_a_hostile_url_is_refused_before_anything_is_called(url: str, reason: str) -> None:
    async with Outbound(resolver=names(example_org=[PUBLIC])) as outbound:
        with pytest.raises(AddressRefused) as refused:
            await outbound.get(url)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org",
        "http://example.org:8443/a?b=c#d",
        "https://xn--bcher-kva.example/",
        "https://[2606:4700::1111]/",
    ],
)
async def test_an_ordinary_url_may_be_called(url: str) -> None:
    resolver = names(**{"example_org": [PUBLIC], "xn--bcher-kva_example": [PUBLIC]})
    async with Outbound(resolver=resolver) as outbound:
        target = await outbound.check(url)
    assert "#" not in target.url


@pytest.mark.parametrize("hidden", ["10.1.2.3", "::1", "169.254.169.254", "fd00::1", "::ffff:192.168.0.1"])
async def test_one_address_that_is_not_public_refuses_the_name(hidden: str) -> None:
    async with Outbound(resolver=names(example_org=[PUBLIC, hidden])) as outbound:
        with pytest.raises(AddressRefused) as refused:
            await outbound.get("http://example.org/")
    assert refused.value.reason == "not_public"


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))


async def test_a_name_that_is_rebound_is_called_where_it_was_checked() -> None:
    asked: list[str] = []

    async def rebinding(host: str, _: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    async def handler(head: bytes, writer: asyncio.StreamWriter) -> None:
        await answering("Content-Length: 2", f"X-Host: {head.decode().split('Host: ')[1].splitlines()[0]}", body=b"ok")(
            head, writer
        )

    async with serving(handler) as port, Outbound(loopback=True, resolver=rebinding) as outbound:
        answer = await outbound.get(f"http://hooks.example:{port}/")
        assert (answer.body, answer.headers["x-host"]) == (b"ok", f"hooks.example:{port}")
        assert asked == ["hooks.example"], "one call asks once: what is checked is what is connected to"
        with pytest.raises(AddressRefused):
            await outbound.get(f"http://hooks.example:{port}/")


async def test_a_name_checked_at_registration_is_checked_again_when_it_is_called() -> None:
    asked: list[str] = []

    async def rebinding(host: str, _: int) -> list[str]:
        asked.append(host)
        return [PUBLIC] if len(asked) == 1 else ["10.0.0.1"]

    async with Outbound(resolver=rebinding) as outbound:
        await outbound.check("https://hooks.example/")
        with pytest.raises(AddressRefused):
            await outbound.send("POST", "https://hooks.example/", content=b"{}")


async def test_loopback_is_for_development_and_for_nothing_else() -> None:
    development = Settings(_env_file=None, outbound_loopback=True)
    assert Outbound.of(development).loopback
    assert not Outbound.of(development.model_copy(update={"environment": "production"})).loopback
    assert not Outbound.of(Settings(_env_file=None)).loopback
    async with Outbound(loopback=True, resolver=names(mixed_example=["127.0.0.1", "10.0.0.1"])) as outbound:
        for url in ("http://10.0.0.1/", "http://169.254.169.254/", "http://mixed.example/"):
            with pytest.raises(AddressRefused):
                await outbound.get(url)


async def test_a_redirect_is_not_followed_unless_asked() -> None:
    async def handler(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")

    async with serving(handler) as port, Outbound(loopback=True) as outbound:
        assert (await outbound.get(f"http://127.0.0.1:{port}/")).status == 302
        with pytest.raises(AnswerRefused) as refused:
            await outbound.get(f"http://127.0.0.1:{port}/", hops=3)
        assert refused.value.reason == "redirects"
        assert (await outbound.send("POST", f"http://127.0.0.1:{port}/", hops=3)).status == 302, (
            "only what changes nothing"
        )


@pytest.mark.parametrize(
    "location",
    ["http://169.254.169.254/", "//10.0.0.1/", "http://2130706433/", "file:///etc/passwd", "http://internal.example/"],
)
async def test_a_redirect_to_what_may_not_be_called_is_refused(location: str) -> None:
    async def handler(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())

    resolver = names(internal_example=["192.168.0.1"])
    async with serving(handler) as port, Outbound(loopback=True, resolver=resolver) as outbound:
        with pytest.raises(AddressRefused):
            await outbound.get(f"http://127.0.0.1:{port}/", hops=3)


async def test_credentials_stay_with_the_origin_that_they_are_for() -> None:
    seen: list[bytes] = []

    async def last(head: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(head)
        await answering("Content-Length: 0")(head, writer)

    async with serving(last) as there:

        async def first(head: bytes, writer: asyncio.StreamWriter) -> None:
            seen.append(head)
            writer.write(
                f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{there}/\r\nContent-Length: 0\r\n\r\n".encode()
            )

        async with serving(first) as here, Outbound(loopback=True) as outbound:
            await outbound.get(f"http://127.0.0.1:{here}/", headers={"Authorization": "Bearer secret"}, hops=1)
    assert b"secret" in seen[0]
    assert b"secret" not in seen[1]


async def test_a_body_that_drips_is_given_up() -> None:
    async def dripping(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with serving(dripping) as port, Outbound(loopback=True) as outbound:
        with pytest.raises(NoAnswer) as gone:
            await outbound.get(f"http://127.0.0.1:{port}/", limits=Limits(seconds=0.3))
    assert gone.value.reason == "timeout"


async def test_headers_without_end_are_given_up() -> None:
    async def endless(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X: " + b"y" * 1000 + b"\r\n")
            await writer.drain()

    async with serving(endless) as port, Outbound(loopback=True) as outbound:
        with pytest.raises(NoAnswer) as gone:
            await outbound.get(f"http://127.0.0.1:{port}/", limits=Limits(seconds=20))
    assert gone.value.reason == "protocol"


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_that_is_too_large_is_not_read_to_its_end(declared: bool) -> None:
    written = 0

    async def large(_: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\n" + (b"Content-Length: 100000000\r\n" if declared else b"") + b"\r\n")
        while written < 100_000_000:
            writer.write(b"x" * 65_536)
            await writer.drain()
            written += 65_536

    async with serving(large) as port, Outbound(loopback=True) as outbound:
        with pytest.raises(AnswerRefused) as refused:
            await outbound.get(f"http://127.0.0.1:{port}/", limits=Limits(max_bytes=100_000))
    assert refused.value.reason == "size"
    assert written < 20_000_000


def _bomb(bits: int) -> bytes:
    machine = zlib.compressobj(9, zlib.DEFLATED, bits)
    return b"".join(machine.compress(bytes(2**20)) for _ in range(200)) + machine.flush()


@pytest.mark.parametrize(("encoding", "bits"), [("gzip", 31), ("deflate", 15)])
async def test_a_bomb_is_not_unpacked(encoding: str, bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb, most = _bomb(bits), 0
    real = zlib.decompressobj

    class Watched:
        def __init__(self, bits: int) -> None:
            self._machine = real(bits)

        @property
        def unconsumed_tail(self) -> bytes:
            return self._machine.unconsumed_tail

        def decompress(self, data: bytes, at_most: int) -> bytes:
            nonlocal most
            unpacked = self._machine.decompress(data, at_most)
            most = max(most, len(unpacked))
            return unpacked

    monkeypatch.setattr(zlib, "decompressobj", Watched)
    handler = answering(f"Content-Encoding: {encoding}", f"Content-Length: {len(bomb)}", body=bomb)
    async with serving(handler) as port, Outbound(loopback=True) as outbound:
        with pytest.raises(AnswerRefused) as refused:
            await outbound.get(f"http://127.0.0.1:{port}/")
    assert refused.value.reason == "size"
    assert 0 < most <= 1_048_577


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "gzip"])
async def test_what_is_packed_otherwise_is_refused(encoding: str) -> None:
    handler = answering(f"Content-Encoding: {encoding}", "Content-Length: 5", body=b"hello")
    async with serving(handler) as port, Outbound(loopback=True) as outbound:
        with pytest.raises(AnswerRefused) as refused:
            await outbound.get(f"http://127.0.0.1:{port}/")
    assert refused.value.reason == "encoding"


async def test_what_is_packed_within_bounds_is_read() -> None:
    packed = gzip.compress(b"hello " * 10_000)
    handler = answering("Content-Encoding: gzip", f"Content-Length: {len(packed)}", body=packed)
    async with serving(handler) as port, Outbound(loopback=True) as outbound:
        assert (await outbound.get(f"http://127.0.0.1:{port}/")).body == b"hello " * 10_000


async def test_an_answer_of_another_kind_is_refused() -> None:
    limits = Limits(content_types=("image/", "application/json"))
    for kind, taken in (
        ("image/png", True),
        ("Application/JSON; charset=utf-8", True),
        ("text/html", False),
        ("imagery", False),
    ):
        handler = answering(f"Content-Type: {kind}", "Content-Length: 0")
        async with serving(handler) as port, Outbound(loopback=True) as outbound:
            if taken:
                await outbound.get(f"http://127.0.0.1:{port}/", limits=limits)
            else:
                with pytest.raises(AnswerRefused, match="not taken"):
                    await outbound.get(f"http://127.0.0.1:{port}/", limits=limits)


async def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with serving(answering("Content-Length: 0")) as port, Outbound(loopback=True) as outbound:
        assert (await outbound.get(f"http://127.0.0.1:{port}/")).status == 200


def _certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's side for `name`, and a client's side that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / f"{name}.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=str(pem))


async def test_the_certificate_is_asked_for_the_name_not_for_the_address(tmp_path: Path) -> None:
    server, client = _certificate(tmp_path, "hooks.example")
    resolver = names(hooks_example=["127.0.0.1"], other_example=["127.0.0.1"])
    async with (
        serving(answering("Content-Length: 0"), server) as port,
        Outbound(loopback=True, resolver=resolver, tls=client) as outbound,
    ):
        assert (await outbound.get(f"https://hooks.example:{port}/")).status == 200
        for other in ("other.example", "127.0.0.1"):
            with pytest.raises(NoAnswer) as gone:
                await outbound.get(f"https://{other}:{port}/")
            assert gone.value.reason == "tls"


async def test_a_second_address_is_tried_when_the_first_is_silent() -> None:
    async with serving(answering("Content-Length: 0")) as port:
        resolver = names(hooks_example=["::1", "127.0.0.1"])
        async with Outbound(loopback=True, resolver=resolver) as outbound:
            assert (await outbound.get(f"http://hooks.example:{port}/")).status == 200


async def test_who_does_not_answer_is_said_to_be_so() -> None:
    async with serving(answering()) as port:
        pass
    async with Outbound(loopback=True, resolver=names()) as outbound:
        for url, reason in ((f"http://127.0.0.1:{port}/", "connection"), ("http://nobody.example/", "name")):
            with pytest.raises(NoAnswer) as gone:
                await outbound.get(url)
            assert gone.value.reason == reason


def test_the_host_is_the_one_that_is_checked() -> None:
    target = parse("HTTPS://Example.ORG:443/a/../b?c=%2F#frag")
    assert (target.host, target.port, target.url) == ("example.org", 443, "https://example.org/a/../b?c=%2F")
