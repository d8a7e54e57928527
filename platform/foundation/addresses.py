"""Addresses that somebody outside names and we are to call: which are read at all, and which are public.

A URL is read strictly, so that no two parsers can see two hosts in it, and only the canonical spelling of an address is
an address (the URL Standard's parser reads `0x7f.1`, `2130706433` and `127.1` as loopback). What is public follows the
IANA registries of special-purpose addresses (RFC 6890) as of 2025, and IPv4 inside IPv6 is judged by the IPv4.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from foundation.errors import Unprocessable

Address = IPv4Address | IPv6Address

MAX_URL = 2_048
DEFAULT_PORTS = {"http": 80, "https": 443}
_NEVER = re.compile(r"[^\x21-\x7e]|[\\<>\"{}|^`]")
"""What no URL holds as it is: blanks, control characters, anything beyond ASCII, and what parsers disagree about."""
_LABEL = re.compile(r"^(?!-)[a-z0-9_-]{1,63}(?<!-)$")
_LIKE_A_NUMBER = re.compile(r"^(?:[0-9]+|0x[0-9a-f]*)$")
"""A last label that makes a host an IPv4 address for the URL Standard, and for `inet_aton`."""

_NOT_PUBLIC_4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' NAT, and Alibaba's metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host, public by its number only
        "169.254.0.0/16",  # link-local: metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments, and Oracle's metadata
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_UNICAST = IPv6Network("2000::/3")
"""The only part of IPv6 that is given out: whatever lies outside is local, embedded or unassigned."""
_NOT_PUBLIC_6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarking
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)


class AddressRefused(Unprocessable):
    """This address can't be called from here."""

    code = "outbound.address_refused"

    reason: str
    """Why, such as `not_public`, `port`, `scheme`, `userinfo`, `malformed`."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that was read strictly."""

    scheme: str
    host: str
    """A name in ASCII, or an address in its canonical spelling, without brackets."""
    port: int
    path: str
    """The path and the query, as they were given."""

    @property
    def url(self) -> str:
        """The URL as it is called: without a fragment, and without the port that goes without saying."""
        return f"{self.origin}{self.path}"

    @property
    def origin(self) -> str:
        """Scheme, host and port (RFC 6454)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


def parse(url: str) -> Target:
    """What a URL names.

    Raises:
        AddressRefused: it isn't http or https, names somebody to sign in as, or is spelled in a way that somebody
            could read otherwise.
    """
    if len(url) > MAX_URL or _NEVER.search(url):
        raise AddressRefused(reason="malformed")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as fault:
        raise AddressRefused(reason="malformed") from fault
    if parts.scheme not in DEFAULT_PORTS:
        raise AddressRefused(reason="scheme")
    if "@" in parts.netloc:
        raise AddressRefused(reason="userinfo")
    if parts.netloc.endswith(":") or port == 0:
        raise AddressRefused(reason="port")
    query = f"?{parts.query}" if parts.query else ""
    host = _host(parts.netloc)
    return Target(parts.scheme, host, port or DEFAULT_PORTS[parts.scheme], (parts.path or "/") + query)


def _host(netloc: str) -> str:
    """The host of a network location without user information.

    Raises:
        AddressRefused: it is neither a name nor an address in its canonical spelling.
    """
    if netloc.startswith("["):
        literal = netloc[1:].partition("]")[0]
        if "%" in literal:
            raise AddressRefused(reason="malformed")
        return str(_literal(literal, IPv6Address))
    host = netloc.partition(":")[0].lower()
    labels = host.split(".")
    if _LIKE_A_NUMBER.match(labels[-1]):
        return str(_literal(host, IPv4Address))
    if len(host) > 253 or not all(_LABEL.match(label) for label in labels):
        raise AddressRefused(reason="malformed")
    return host


def _literal(text: str, kind: type[IPv4Address] | type[IPv6Address]) -> Address:
    try:
        return kind(text)
    except ValueError as fault:
        raise AddressRefused(reason="malformed") from fault


def is_literal(host: str) -> bool:
    """Whether a host that was read is an address, which needs no resolving."""
    return ":" in host or bool(_LIKE_A_NUMBER.match(host.rpartition(".")[2]))


def is_public(address: Address) -> bool:
    """Whether an address is one of the Internet, which anybody could call."""
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in _NOT_PUBLIC_4)
    inside = _embedded(address)
    if inside is not None:
        return is_public(inside)
    if address.scope_id is not None or address not in _UNICAST or any(address in network for network in _NOT_PUBLIC_6):
        return False
    tunnelled = _isatap(address)
    return address.is_global and (tunnelled is None or is_public(tunnelled))


def is_loopback(address: Address) -> bool:
    """Whether an address is this very machine, also when it is IPv4 inside IPv6."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that is called by an IPv6 one: mapped (RFC 4291), or through NAT64 (RFC 6052)."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv4Address(int(address) & 0xFFFF_FFFF) if address in _NAT64 else None


def _isatap(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address at the other end of an ISATAP tunnel (RFC 5214)."""
    interface = int(address) & 0xFFFF_FFFF_FFFF_FFFF
    return IPv4Address(interface & 0xFFFF_FFFF) if interface >> 32 in _ISATAP else None


def checked(target: Target, resolved: list[str], *, ports: frozenset[int], loopback: bool) -> list[Address]:
    """The addresses that a target may be called at: all it was resolved to, or none.

    With `loopback` this machine may be called too, at any port.

    Raises:
        AddressRefused: one of them is not public, or the port is not one that may be called.
    """
    found = [ip_address(text) for text in resolved]
    if loopback and found and all(is_loopback(address) for address in found):
        return found
    if target.port not in ports:
        raise AddressRefused(reason="port")
    if not all(is_public(address) for address in found):
        raise AddressRefused(reason="not_public")
    return found
