"""A name server on loopback, over UDP and TCP, that answers as a test tells it to: what resolvers ask, asked for real."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

LONGEST_UDP = 512


class Trouble(Enum):
    """What can be wrong with a server."""

    SILENT = auto()
    """It never answers."""
    FAILING = auto()
    """SERVFAIL."""
    REFUSING = auto()
    """REFUSED."""
    BABBLING = auto()
    """What it sends is no DNS."""


@dataclass
class NameServer(asyncio.DatagramProtocol):
    """A resolver that knows some names."""

    texts: dict[str, list[str]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)
    """Names that are there and have no text records."""
    trouble: Trouble | None = None
    port: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)
    """(transport, name) of each question."""
    _transport: asyncio.DatagramTransport | None = None

    @property
    def address(self) -> str:
        """As the setting has it."""
        return f"127.0.0.1:{self.port}"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self.answer(data, "udp")
        if answer is None or self._transport is None:
            return
        if len(answer) > LONGEST_UDP:
            short = dns.message.make_response(dns.message.from_wire(data))
            short.flags |= dns.flags.TC
            answer = short.to_wire()
        self._transport.sendto(answer, addr)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one question over TCP."""
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        answer = self.answer(await reader.readexactly(length), "tcp")
        if answer is not None:
            writer.write(struct.pack("!H", len(answer)) + answer)
            await writer.drain()
        writer.close()

    def answer(self, data: bytes, transport: str) -> bytes | None:
        """What goes back, if anything does."""
        asked = dns.message.from_wire(data)
        name = asked.question[0].name.to_text(omit_final_dot=True)
        self.asked.append((transport, name))
        if self.trouble is Trouble.SILENT:
            return None
        if self.trouble is Trouble.BABBLING:
            return data[:2] + b"\x81\x80\x00\x01\x00\x01"
        made = dns.message.make_response(asked, recursion_available=True)
        if self.trouble is not None:
            made.set_rcode(dns.rcode.SERVFAIL if self.trouble is Trouble.FAILING else dns.rcode.REFUSED)
            return made.to_wire()
        while name in self.aliases:
            made.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "CNAME", f"{self.aliases[name]}."))
            name = self.aliases[name]
        if name in self.texts:
            quoted = [" ".join(f'"{part}"' for part in _parts(text)) for text in self.texts[name]]
            made.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", dns.rdatatype.TXT, *quoted))
        elif name not in self.others:
            made.set_rcode(dns.rcode.NXDOMAIN)
        return made.to_wire()


def _parts(text: str) -> list[str]:
    """A record holds strings of at most 255 bytes."""
    return [text[first : first + 255] for first in range(0, len(text), 255)]


@asynccontextmanager
async def serving() -> AsyncIterator[NameServer]:
    """A server, at the same port for both transports."""
    server = NameServer()
    over_tcp = await asyncio.start_server(server.connected, "127.0.0.1", 0)
    server.port = over_tcp.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    over_udp, _ = await loop.create_datagram_endpoint(lambda: server, local_addr=("127.0.0.1", server.port))
    try:
        yield server
    finally:
        over_udp.close()
        over_tcp.close()
