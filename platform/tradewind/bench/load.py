"""HTTP load from a process of its own: a closed loop of clients, each sending as soon as it is answered.

The plan comes on the standard input, the timings go to the standard output. A client is a generator that yields
requests and is sent their answers, driven by the bytes as they arrive: a client library, or a task a client, would take
as much of the two cores as the server it measures.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import sys
import time
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
import uvloop

ADDRESS = {
    "name": "Ada Lovelace",
    "line1": "12 Canal Street",
    "postal_code": "43215",
    "city": "Columbus",
    "region": "OH",
    "country": "US",
}
PAYMENT = {"payment": {"provider": "test", "token": "tok_ok"}}
AGREEING = {"consent": ["analytics", "personalisation"]}
"""Who comes agrees to what is recorded of them, which is the most work for the shop."""
BOUNDARY = "between-the-parts-of-a-form"
WARM_UP = 1.0
"""Seconds whose timings are thrown away."""
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    head: bytes
    body: bytes


Steps = Generator[bytes, Answer, Answer]
"""Requests one after another; what it returns is the last answer."""


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests to the plan's host, as bytes."""

    head: str

    @classmethod
    def to(cls, headers: Mapping[str, str]) -> Requests:
        """With these headers on every request."""
        return cls("".join(f"{name}: {value}\r\n" for name, value in headers.items()))

    def make(
        self, method: str, path: str, body: bytes = b"", headers: str = "", *, kind: str = "application/json"
    ) -> bytes:
        """One request."""
        said = f"Content-Type: {kind}\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\n{self.head}{headers}{said}Content-Length: {len(body)}\r\n\r\n"
        return head.encode() + body


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody in the shop, and their cart."""

    requests: Requests
    auth: str
    cart: str

    @classmethod
    def arrive(cls, requests: Requests) -> Generator[bytes, Answer, Visitor]:
        """Open a session and a cart."""
        opened = yield requests.make("POST", "/v1/store/sessions", orjson.dumps(AGREEING))
        token = opened.head.split(b"tradewind_session=", 1)[1].split(b";", 1)[0].decode()
        auth = f"Authorization: Bearer {token}\r\n"
        cart = yield requests.make("POST", "/v1/store/carts", headers=auth)
        return cls(requests, auth, orjson.loads(cart.body)["id"])

    def add(self, variant_id: str) -> bytes:
        """Put one of a variant into the cart."""
        body = orjson.dumps({"variant_id": variant_id, "quantity": 1})
        return self.requests.make("POST", f"/v1/store/carts/{self.cart}/lines", body, self.auth)

    def say(self, what: str, body: Mapping[str, str]) -> bytes:
        """Say how or where to."""
        return self.requests.make("PUT", f"/v1/store/carts/{self.cart}/{what}", orjson.dumps(body), self.auth)

    def complete(self, key: str) -> bytes:
        """Pay with the test card."""
        headers = f"{self.auth}Idempotency-Key: {key}\r\n"
        return self.requests.make("POST", f"/v1/store/carts/{self.cart}/complete", orjson.dumps(PAYMENT), headers)


@dataclass(slots=True)
class Work:
    """What the clients of a plan do, again and again."""

    plan: Mapping[str, Any]
    requests: Requests = field(init=False)
    draw: random.Random = field(init=False)
    _known: list[bytes] = field(init=False, default_factory=list)
    _carts: Iterator[Any] = field(init=False, default_factory=lambda: iter(()))

    def __post_init__(self) -> None:
        self.requests = Requests.to(self.plan["headers"])
        self.draw = random.Random(self.plan.get("seed", 1))  # noqa: S311  (a repeatable choice, not a secret)
        self._carts = iter(self.plan.get("carts", ()))
        if self.plan["kind"] == "get":
            behind = [f"X-Forwarded-For: {address}\r\n" for address in self.plan.get("addresses", ())] or [""]
            self._known = [
                self.requests.make("GET", path, headers=behind[number % len(behind)])
                for number, path in enumerate(self.plan["choices"])
            ]
        if self.plan["kind"] == "post":
            self._known = [
                self.requests.make("POST", one["path"], orjson.dumps(one["body"]), one.get("headers", ""))
                for one in self.plan["choices"]
            ]
        if self.plan["kind"] == "send":
            self._known = [self._sent(one["path"], b64decode(one["file"])) for one in self.plan["choices"]]

    def _sent(self, path: str, file: bytes) -> bytes:
        """A form with a picture, as a browser sends it."""
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="picture"; filename="picture.jpg"\r\n'
        body = head.encode() + b"Content-Type: image/jpeg\r\n\r\n" + file + f"\r\n--{BOUNDARY}--\r\n".encode()
        return self.requests.make("POST", path, body, kind=f"multipart/form-data; boundary={BOUNDARY}")

    @property
    def expects(self) -> int:
        """The status of a last answer that went well."""
        return int(self.plan.get("expects", 200 if self._known else 201))

    def for_client(self, number: int) -> Callable[[], Steps | None]:
        """What makes the next operation of a client; `None` when there is nothing left to do."""
        if self._known:
            return self._one_of
        kind = self.plan["kind"]
        if kind == "line":
            visitor, variants = self._prepared(self.plan["carts"][number]), self.plan["choices"][number]
            return lambda: _once(visitor.add(self.draw.choice(variants)))
        if kind == "complete":
            return self._complete
        return {"add": self._add, "order": self._order}[kind]

    def _one_of(self) -> Steps:
        return _once(self.draw.choice(self._known))

    def _complete(self) -> Steps | None:
        cart = next(self._carts, None)
        return None if cart is None else _once(self._prepared(cart).complete(self._key()))

    def _add(self) -> Steps:
        visitor = yield from Visitor.arrive(self.requests)
        return (yield visitor.add(self.draw.choice(self.plan["choices"])))

    def _order(self) -> Steps:
        visitor = yield from Visitor.arrive(self.requests)
        added = yield visitor.add(self.draw.choice(self.plan["choices"]))
        if orjson.loads(added.body)["delivers"]:
            yield visitor.say("address", ADDRESS)
            yield visitor.say("delivery", {"code": "standard"})
        return (yield visitor.complete(self._key()))

    def _prepared(self, cart: Mapping[str, str]) -> Visitor:
        return Visitor(self.requests, f"Authorization: Bearer {cart['token']}\r\n", cart["id"])

    def _key(self) -> str:
        return str(UUID(int=self.draw.getrandbits(128)))


def _once(request: bytes) -> Steps:
    return (yield request)


@dataclass(slots=True)
class Pace:
    """When the next operation is due, of all clients together; without a rate, at once."""

    per_second: float | None
    _due: float = field(init=False, default_factory=time.perf_counter)

    def next(self) -> float:
        """When it is due. Who is late for it counts from then, so that waiting for a slow server is not left out."""
        now = time.perf_counter()
        if self.per_second is None:
            return now
        due, self._due = self._due, self._due + 1 / self.per_second
        return due


@dataclass(slots=True)
class Measured:
    """What the clients of a run have done, and by when they do it."""

    begin: float
    end: float
    expects: int
    refuses: bytes = b""
    """What an answer that went well does not say, such as that something else is shown instead."""
    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    failed: int = 0
    operations: int = 0
    """All of them, those of the warm-up too."""
    last: float = 0.0

    def note(self, started: float, answer: Answer | None) -> None:
        """An operation is over; without an answer the server hung up."""
        now = self.last = time.perf_counter()
        self.operations += 1
        if answer is not None:
            self.statuses[answer.status] += 1
        if started < self.begin:
            return
        if answer is None or answer.status != self.expects:
            self.failed += 1
            return
        self.milliseconds.append((now - started) * 1000)
        # It was answered, and in its time; but not what was asked.
        if self.refuses and self.refuses in answer.body:
            self.failed += 1


class Client(asyncio.Protocol):
    """One client in the loop, on one kept-alive connection."""

    def __init__(self, following: Callable[[], Steps | None], measured: Measured, pace: Pace) -> None:
        self.over = asyncio.get_running_loop().create_future()
        self._following = following
        self._measured = measured
        self._pace = pace
        self._steps: Steps | None = None
        self._started = 0.0
        self._buffer = b""
        self._wanted = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._begin()

    def data_received(self, data: bytes) -> None:
        """A part of an answer."""
        self._buffer = self._buffer + data if self._buffer else data
        if not self._wanted:
            head = self._buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            length = _LENGTH.search(self._buffer, 0, head + 2)
            self._wanted = head + 4 + (int(length[1]) if length else 0)
        if len(self._buffer) >= self._wanted:
            whole, head = self._buffer, self._buffer.find(b"\r\n\r\n") + 4
            self._buffer, self._wanted = b"", 0
            self._go_on(Answer(int(whole[9:12]), whole[:head], whole[head:]))

    def connection_lost(self, _error: Exception | None) -> None:
        """The end, or the server's."""
        if self._steps is not None:
            self._measured.note(self._started, None)
        if not self.over.done():
            self.over.set_result(None)

    def _begin(self) -> None:
        self._started = self._pace.next()
        wait = self._started - time.perf_counter()
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self._begin_now)
        else:
            self._begin_now()

    def _begin_now(self) -> None:
        if self.over.done():
            return
        self._steps = self._following() if self._started < self._measured.end else None
        if self._steps is None:
            self._transport.close()
        else:
            self._transport.write(next(self._steps))

    def _go_on(self, answer: Answer) -> None:
        if self._steps is None:
            return
        try:
            self._transport.write(self._steps.send(answer))
        except StopIteration as done:
            self._steps = None
            self._measured.note(self._started, done.value)
            self._begin()
        except (IndexError, KeyError, ValueError):  # an answer on the way that can't be gone on with
            self._steps = None
            self._measured.note(self._started, None)
            self._begin()


async def run(plan: Mapping[str, Any]) -> dict[str, Any]:
    """The plan's clients for its seconds, spread over its ports.

    Gives `milliseconds` of what went well, `failed`, the `seconds` measured, all `operations`, the last `statuses`, and
    the `cpu` seconds that all of it took this process.
    """
    work, loop = Work(plan), asyncio.get_running_loop()
    begin = time.perf_counter() + plan.get("warm_up", WARM_UP)
    measured = Measured(begin, begin + plan["seconds"], work.expects, plan.get("refuses", "").encode())
    ports = plan.get("ports") or [plan["port"]]
    used = time.process_time()
    clients, pace = [], Pace(plan.get("per_second"))
    for number in range(plan["clients"]):
        client = Client(work.for_client(number), measured, pace)
        clients.append(client)
        await loop.create_connection(lambda one=client: one, plan["connect"], ports[number % len(ports)])  # type: ignore[misc]
    await asyncio.gather(*(client.over for client in clients))
    return {
        "milliseconds": measured.milliseconds,
        "failed": measured.failed,
        "seconds": measured.last - begin,
        "operations": measured.operations,
        "statuses": {str(status): count for status, count in measured.statuses.items()},
        "cpu": time.process_time() - used,
    }


def main() -> None:
    """Read a plan, run it, write what was measured."""
    said = memoryview(orjson.dumps(uvloop.run(run(orjson.loads(sys.stdin.buffer.read())))))
    while said:  # a pipe may take a part of it
        said = said[os.write(sys.stdout.fileno(), said) :]


if __name__ == "__main__":
    main()
