"""Who a request really comes from, when proxies stand in front.

`X-Forwarded-For` is a list that every proxy adds its peer to, and that a client can begin with whatever it likes. It is
read from its end for as long as the one who said it is a proxy of ours; the first that isn't is the client. Nobody
else's word is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.types import ASGIApp, Receive, Scope, Send

Network = IPv4Network | IPv6Network
SITE = 64
"""Bits of an IPv6 address that are a site's; the others are the site's to choose."""


@dataclass(frozen=True, slots=True)
class Networks:
    """Some networks, such as `10.0.0.0/8, fd00::/8`."""

    all: tuple[Network, ...] = ()

    @classmethod
    def read(cls, text: str | None) -> Networks:
        """Networks and addresses, separated by commas.

        Raises:
            ValueError: one of them is none.
        """
        return cls(tuple(ip_network(part.strip(), strict=False) for part in (text or "").split(",") if part.strip()))

    def hold(self, address: str) -> bool:
        """Whether an address is in one of them; what is no address isn't."""
        found = _address(address) if self.all else None
        return found is not None and any(found in network for network in self.all if network.version == found.version)

    def __bool__(self) -> bool:
        return bool(self.all)


@lru_cache(maxsize=10_000)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text.strip())
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


@lru_cache(maxsize=10_000)
def site_of(address: str) -> str:
    """What counts as one client: an IPv4 address, the /64 of an IPv6 address, which is one subscriber's (RFC 6177)."""
    found = _address(address)
    if found is None:
        return "?"
    return str(found) if found.version == 4 else str(ip_network((found, SITE), strict=False))


def client_of(peer: str, forwarded: Sequence[str], trusted: Networks) -> str:
    """The last in the chain that is no proxy of ours; when all are, the first."""
    client = peer
    for address in reversed(forwarded):
        if not trusted.hold(client):
            return client
        client = _bare(address)
    return client


def _bare(address: str) -> str:
    """An address without the port that some proxies add: `192.0.2.1:4711`, `[2001:db8::1]:4711`."""
    address = address.strip()
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address


class Proxies:
    """The middleware that puts the client's own address, and the scheme it used, where the server's peer was."""

    def __init__(self, app: ASGIApp, *, trusted: Networks) -> None:
        self._app = app
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._trusted and scope["type"] == "http" and scope["client"]:
            peer, port = scope["client"]
            if self._trusted.hold(peer):
                scope = {**scope, **self._seen(scope, peer, port)}
        await self._app(scope, receive, send)

    def _seen(self, scope: Scope, peer: str, port: int) -> dict[str, object]:
        forwarded: list[str] = []
        scheme = scope["scheme"]
        for name, value in scope["headers"]:
            if name == b"x-forwarded-for":
                forwarded += value.decode("latin-1").split(",")
            elif name == b"x-forwarded-proto" and value in {b"http", b"https"}:
                scheme = value.decode()
        client = client_of(peer, forwarded, self._trusted)
        return {"client": (client, port if client == peer else 0), "scheme": scheme}
