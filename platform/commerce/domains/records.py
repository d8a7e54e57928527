"""Asking the DNS for text records."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.resolver

from foundation.settings import Settings

SECONDS = 5.0
"""For one question, whatever servers are asked."""
_MOST = 100
Finding = Literal["found", "absent", "different", "unsure"]


class Unsure(Exception):
    """No server said anything definite: it took too long, or they failed."""


TextRecords = Callable[[str], Awaitable[list[str]]]
"""The text records of a name; none if it has none or isn't there. Raises `Unsure`."""


class Dns:
    """Text records by DNS, through the system's name servers or those given. Aliases (CNAME) are followed, as resolvers
    do: the record may be kept elsewhere by whoever writes the domain's zone.
    """

    def __init__(self, nameservers: str | None = None) -> None:
        """`nameservers` are addresses, each perhaps with a port: `127.0.0.1:5353,[::1]:53`."""
        self._nameservers = [_server(one) for one in (nameservers or "").split(",") if one.strip()]
        self._resolver: dns.asyncresolver.Resolver | None = None

    @classmethod
    def of(cls, settings: Settings) -> Dns:
        """As the settings say."""
        return cls(settings.dns_nameservers)

    async def __call__(self, name: str) -> list[str]:
        """The records of a name.

        Raises:
            Unsure: nobody said whether there are any.
        """
        try:
            answer = await self._made().resolve(f"{name}.", "TXT", lifetime=SECONDS, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError) as fault:
            raise Unsure from fault
        return [b"".join(record.strings).decode("utf-8", "replace") for record in list(answer)[:_MOST]]

    def _made(self) -> dns.asyncresolver.Resolver:
        if self._resolver is None:
            made = dns.asyncresolver.Resolver(configure=not self._nameservers)
            if self._nameservers:
                made.nameservers = self._nameservers
            self._resolver = made
        return self._resolver


def _server(text: str) -> dns.nameserver.Nameserver:
    place = text.strip()
    if place.startswith("["):
        address, _, port = place[1:].partition("]")
        return dns.nameserver.Do53Nameserver(address, int(port.removeprefix(":") or 53))
    if place.count(":") > 1:
        return dns.nameserver.Do53Nameserver(place)
    address, _, port = place.partition(":")
    return dns.nameserver.Do53Nameserver(address, int(port or 53))


async def look(records: TextRecords, name: str, expected: str) -> Finding:
    """Whether one of a name's records is the expected one. Others beside it are nobody's business."""
    try:
        found = await records(name)
    except Unsure:
        return "unsure"
    if expected in found:
        return "found"
    return "different" if found else "absent"
