"""HTTP load from a process of its own: a closed loop of clients, each sending as soon as it is answered.

The plan comes on the standard input, the timings go to the standard output. Plain asyncio streams, because a client
library would take as much of the two cores as the server it measures.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson

ADDRESS = {
    "name": "Ada Lovelace",
    "line1": "12 Canal Street",
    "postal_code": "43215",
    "city": "Columbus",
    "region": "OH",
    "country": "US",
}
WARM_UP = 1.0
"""Seconds whose timings are thrown away."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    head: bytes
    body: bytes


class Connection:
    """One kept-alive HTTP/1.1 connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str) -> None:
        self._reader = reader
        self._writer = writer
        self._head = head

    @classmethod
    async def open(cls, plan: Mapping[str, Any]) -> Connection:
        """Connect to the plan's server, its headers sent with every request."""
        reader, writer = await asyncio.open_connection(plan["connect"], plan["port"], limit=1 << 22)
        headers = "".join(f"{name}: {value}\r\n" for name, value in plan["headers"].items())
        return cls(reader, writer, headers)

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        await self._writer.wait_closed()

    async def send(self, method: str, path: str, body: bytes = b"", headers: str = "") -> Answer:
        """One request and its answer."""
        kind = "Content-Type: application/json\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\n{self._head}{headers}{kind}Content-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        return Answer(int(answer[9:12]), answer, await self._reader.readexactly(length))


class Client:
    """One client in the loop."""

    def __init__(self, connection: Connection, plan: Mapping[str, Any], number: int) -> None:
        self._connection = connection
        self._plan = plan
        self._turns = itertools.count(number * 7919)

    async def step(self) -> tuple[float, bool]:
        """One operation: its milliseconds, and whether it went well."""
        choices: Sequence[Any] = self._plan["choices"]
        choice = choices[next(self._turns) % len(choices)]
        started = time.perf_counter()
        ok = await getattr(self, f"_{self._plan['kind']}")(choice)
        return (time.perf_counter() - started) * 1000, ok

    async def _get(self, path: str) -> bool:
        return (await self._connection.send("GET", path)).status == 200

    async def _post(self, request: Mapping[str, Any]) -> bool:
        return (await self._connection.send("POST", request["path"], orjson.dumps(request["body"]))).status == 200

    async def _add(self, variant_id: str) -> bool:
        visitor = await Visitor.arrive(self._connection)
        return (await visitor.add(await visitor.cart(), variant_id)).status == 201

    async def _order(self, variant_id: str) -> bool:
        visitor = await Visitor.arrive(self._connection)
        cart = await visitor.cart()
        added = orjson.loads((await visitor.add(cart, variant_id)).body)
        if added["delivers"]:
            await visitor.say(cart, "address", ADDRESS)
            await visitor.say(cart, "delivery", {"code": "standard"})
        return (await visitor.complete(cart)).status == 201


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody new in the shop."""

    connection: Connection
    auth: str
    id: str

    @classmethod
    async def arrive(cls, connection: Connection) -> Visitor:
        """Open a session."""
        opened = await connection.send("POST", "/v1/store/sessions", b"{}")
        token = opened.head.split(b"tradewind_session=", 1)[1].split(b";", 1)[0].decode()
        return cls(connection, f"Authorization: Bearer {token}\r\n", orjson.loads(opened.body)["visitor_id"])

    async def cart(self) -> str:
        """The visitor's cart."""
        answer = await self.connection.send("POST", "/v1/store/carts", headers=self.auth)
        cart: str = orjson.loads(answer.body)["id"]
        return cart

    async def add(self, cart: str, variant_id: str) -> Answer:
        """Put one of a variant into the cart."""
        body = orjson.dumps({"variant_id": variant_id, "quantity": 1})
        return await self.connection.send("POST", f"/v1/store/carts/{cart}/lines", body, self.auth)

    async def say(self, cart: str, what: str, body: Mapping[str, str]) -> Answer:
        """Say how or where to."""
        return await self.connection.send("PUT", f"/v1/store/carts/{cart}/{what}", orjson.dumps(body), self.auth)

    async def complete(self, cart: str) -> Answer:
        """Pay with the test card."""
        body = orjson.dumps({"payment": {"provider": "test", "token": "tok_ok"}})
        headers = f"{self.auth}Idempotency-Key: {uuid4()}\r\n"
        return await self.connection.send("POST", f"/v1/store/carts/{cart}/complete", body, headers)


async def run(plan: Mapping[str, Any]) -> dict[str, Any]:
    """The plan's clients for its seconds: `milliseconds` of what went well, `failed`, and the `seconds` measured."""
    connections = [await Connection.open(plan) for _ in range(plan["clients"])]
    clients = [Client(connection, plan, number) for number, connection in enumerate(connections)]
    begin = time.perf_counter() + WARM_UP
    end = begin + plan["seconds"]
    milliseconds: list[float] = []
    failed = 0

    async def loop(client: Client) -> None:
        nonlocal failed
        while (now := time.perf_counter()) < end:
            took, ok = await client.step()
            if now < begin:
                continue
            if ok:
                milliseconds.append(took)
            else:
                failed += 1

    await asyncio.gather(*map(loop, clients))
    seconds = time.perf_counter() - begin
    await asyncio.gather(*(connection.close() for connection in connections))
    return {"milliseconds": milliseconds, "failed": failed, "seconds": seconds}


def main() -> None:
    """Read a plan, run it, write what was measured."""
    sys.stdout.buffer.write(orjson.dumps(asyncio.run(run(orjson.loads(sys.stdin.buffer.read())))))


if __name__ == "__main__":
    main()
