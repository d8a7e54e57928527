"""Calling addresses that somebody outside has named: webhooks of tenants, images, issuers of tokens.

Such a call must not reach what only we can reach (server-side request forgery; OWASP API7:2023). The name is resolved
here, once for a connection; one address that is not public refuses all of them; the connection goes to the address
that was checked, while TLS and the `Host` header still have the name. A name that resolves otherwise a moment later
(DNS rebinding) is never asked again. Redirects are not followed, or each is checked like the first. What comes back is
bounded in time, in size as sent and as unpacked, and in kind.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import zlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Self
from urllib.parse import urljoin

import httpcore
import httpx
from httpcore import SOCKET_OPTION, AsyncNetworkBackend, AsyncNetworkStream

from foundation.addresses import AddressRefused, Target, checked, is_literal, parse
from foundation.errors import Unprocessable
from foundation.settings import Settings

__all__ = ["AddressRefused", "Answer", "AnswerRefused", "Limits", "NoAnswer", "Outbound", "Resolver"]

Resolver = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a name, as text; the port is the one that will be called."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_UNPACKED = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
_STEP = 65_536
_OF_THE_ORIGIN = frozenset({"authorization", "cookie", "proxy-authorization"})
"""Headers that are not shown to another origin."""
_CONNECTIONS = 100
_ADDRESSES = 4
"""How many addresses of a name are tried."""


class NoAnswer(Unprocessable):
    """The address that was named did not answer."""

    code = "outbound.no_answer"

    reason: str
    """`name` (it has no address), `connection`, `tls`, `timeout`, or `protocol`."""


class AnswerRefused(Unprocessable):
    """The address that was named answered something that is not taken."""

    code = "outbound.answer_refused"

    reason: str
    """`size`, `content_type`, `encoding`, or `redirects`."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an answer may cost."""

    seconds: float = 10.0
    """For all of it, redirects included."""
    max_bytes: int = 1_048_576
    """As sent, and again as unpacked."""
    content_types: tuple[str, ...] | None = None
    """What a successful answer may be, such as `application/json`; a type ending in `/` stands for all of its kind."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: httpx.Headers
    body: bytes
    """Unpacked."""
    url: str
    """Where it came from, after redirects."""


async def _system(host: str, port: int) -> list[str]:
    """The system's resolver.

    Raises:
        NoAnswer: the name has no address.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as fault:
        raise NoAnswer(reason="name") from fault
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@dataclass(frozen=True, slots=True)
class _Doorkeeper:
    """Which addresses may be called."""

    ports: frozenset[int]
    loopback: bool
    resolver: Resolver

    async def addresses(self, target: Target) -> list[str]:
        """Where the target is called.

        Raises:
            AddressRefused, NoAnswer.
        """
        found = [target.host] if is_literal(target.host) else await self.resolver(target.host, target.port)
        allowed = checked(target, found, ports=self.ports, loopback=self.loopback)
        if not allowed:
            raise NoAnswer(reason="name")
        return [str(address) for address in allowed]


class _Pinned(AsyncNetworkBackend):
    """Connections to addresses that were checked, whatever the name says a moment later."""

    def __init__(self, keeper: _Doorkeeper) -> None:
        self._keeper = keeper
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        """A connection to the first address of `host` that takes one.

        Raises:
            AddressRefused, NoAnswer: none of them may be called, or none answers.
        """
        failed: Exception = NoAnswer(reason="connection")
        # The scheme matters to nothing that is checked from here on.
        for address in (await self._keeper.addresses(Target("http", host, port, "/")))[:_ADDRESSES]:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as fault:
                failed = fault
        raise failed

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class _Transport(httpx.AsyncHTTPTransport):
    """httpx's own transport over connections of ours; proxies of the environment are not for these calls."""

    def __init__(self, keeper: _Doorkeeper, tls: ssl.SSLContext) -> None:
        super().__init__(verify=tls, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=_CONNECTIONS,
            max_keepalive_connections=_CONNECTIONS // 5,
            keepalive_expiry=5.0,
            network_backend=_Pinned(keeper),
        )


@cache
def _authorities() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


@dataclass(slots=True)
class Outbound:
    """The one client for addresses from outside; safe to share between tasks of one event loop."""

    ports: frozenset[int] = frozenset({80, 443, 8443})
    loopback: bool = False
    """Let this machine be called, at any port: for peers in development and in tests."""
    resolver: Resolver = _system
    tls: ssl.SSLContext = field(default_factory=_authorities)
    _http: httpx.AsyncClient | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The client as the settings have it; production never calls itself."""
        loopback = settings.outbound_loopback and settings.environment != "production"
        return cls(ports=frozenset(settings.outbound_ports), loopback=loopback)

    async def check(self, url: str) -> Target:
        """What a URL names, once it is known that it may be called today. `send` asks again at each connection.

        Raises:
            AddressRefused, NoAnswer: it may not, or its name has no address.
        """
        target = parse(url)
        await self._keeper.addresses(target)
        return target

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        limits: Limits = Limits(),
        hops: int = 0,
    ) -> Answer:
        """Ask, and read the answer whole. A redirect is an answer like others, unless as many as `hops` are followed:
        by GET and HEAD only, never from https to http, and without credentials to another origin.

        Raises:
            AddressRefused: what was named, or redirected to, may not be called.
            NoAnswer: nobody answered, or not in time.
            AnswerRefused: the answer is larger than allowed, packed otherwise than by gzip or deflate, of another kind,
                or one more redirect.
        """
        try:
            async with asyncio.timeout(limits.seconds):
                return await self._followed(method, url, dict(headers or {}), content, limits, hops)
        except (TimeoutError, httpx.TimeoutException) as fault:
            raise NoAnswer(reason="timeout") from fault
        except httpx.ConnectError as fault:
            raise NoAnswer(reason="tls" if _is_tls(fault) else "connection") from fault
        except (httpx.TransportError, httpx.InvalidURL) as fault:
            raise NoAnswer(reason="protocol") from fault

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        limits: Limits = Limits(),
        hops: int = 0,
    ) -> Answer:
        """`send` a GET."""
        return await self.send("GET", url, headers=headers, limits=limits, hops=hops)

    async def aclose(self) -> None:
        """Let go of the connections."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @property
    def _keeper(self) -> _Doorkeeper:
        return _Doorkeeper(self.ports, self.loopback, self.resolver)

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            transport = _Transport(self._keeper, self.tls)
            self._http = httpx.AsyncClient(transport=transport, trust_env=False, follow_redirects=False)
        return self._http

    async def _followed(
        self, method: str, url: str, headers: dict[str, str], content: bytes | None, limits: Limits, hops: int
    ) -> Answer:
        target = parse(url)
        for hop in range(hops + 1):
            answer = await self._asked(method, target, headers, content, limits)
            location = answer.headers.get("location")
            if not hops or answer.status not in _REDIRECTS or location is None or method not in {"GET", "HEAD"}:
                return answer
            if hop < hops:
                onward = parse(urljoin(target.url, location))
                if onward.scheme == "http" and target.scheme == "https":
                    raise AddressRefused(reason="scheme")
                if onward.origin != target.origin:
                    headers = {name: value for name, value in headers.items() if name.lower() not in _OF_THE_ORIGIN}
                target = onward
        raise AnswerRefused(reason="redirects")

    async def _asked(
        self, method: str, target: Target, headers: Mapping[str, str], content: bytes | None, limits: Limits
    ) -> Answer:
        url = httpx.URL(target.url)
        if url.host != target.host:  # whoever connects must read the host that was checked
            raise AddressRefused(reason="malformed")
        request = httpx.Request(
            method,
            url,
            headers={"Accept-Encoding": "identity", "User-Agent": "Tradewind/1", **headers},
            content=content,
            extensions={"timeout": httpx.Timeout(limits.seconds).as_dict()},
        )
        response = await self._client().send(request, stream=True)
        try:
            _right_kind(response, limits)
            body = b"" if method == "HEAD" else await _read(response, limits.max_bytes)
            return Answer(response.status_code, response.headers, body, target.url)
        finally:
            with suppress(httpx.TransportError):
                await response.aclose()


def _is_tls(fault: BaseException | None) -> bool:
    while fault is not None:
        if isinstance(fault, ssl.SSLError):
            return True
        fault = fault.__cause__ or fault.__context__
    return False


def _right_kind(response: httpx.Response, limits: Limits) -> None:
    if limits.content_types is None or not response.is_success:
        return
    given = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not any(given == kind or (kind.endswith("/") and given.startswith(kind)) for kind in limits.content_types):
        raise AnswerRefused(reason="content_type")


async def _read(response: httpx.Response, max_bytes: int) -> bytes:
    """The body, unpacked.

    Raises:
        AnswerRefused: it is too large, at whichever byte that is known, or packed in a way that isn't read.
    """
    unpacked = _unpacker(response.headers.get("content-encoding", "identity").strip().lower())
    length = response.headers.get("content-length", "")
    if length.isdigit() and int(length) > max_bytes:
        raise AnswerRefused(reason="size")
    body, sent = bytearray(), 0
    async for chunk in response.aiter_raw(_STEP):
        sent += len(chunk)
        body += unpacked(chunk, max_bytes - len(body) + 1)
        if sent > max_bytes or len(body) > max_bytes:
            raise AnswerRefused(reason="size")
    return bytes(body)


def _unpacker(encoding: str) -> Callable[[bytes, int], bytes]:
    """What unpacks one chunk after another, giving no more than it is allowed to each time.

    httpx's own decoders unpack a whole chunk at once, however much that becomes.
    """
    if encoding in {"", "identity"}:
        return lambda chunk, _: chunk
    if encoding not in _UNPACKED:
        raise AnswerRefused(reason="encoding")
    machine = zlib.decompressobj(_UNPACKED[encoding])

    def unpack(chunk: bytes, at_most: int) -> bytes:
        try:
            return machine.decompress(machine.unconsumed_tail + chunk, at_most)
        except zlib.error as fault:
            raise AnswerRefused(reason="encoding") from fault

    return unpack
