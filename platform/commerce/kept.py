"""Answers about products that a worker keeps, until it hears that they are no longer true.

An answer is kept by the shop and the address it was asked for at, and given again before the framework sees the
request. Postgres tells with the commit which product of which shop has changed (migration 0016): what is kept of the
product is dropped, and every list of the shop. Nothing is kept while the listener doesn't hear, and nothing longer than
`LONGEST`, nor past the moment at which a price in it begins or ends. The address, the currency, the language and the
tenant are all that an answer may depend on; one that others may be answered differently is kept for those without a
session alone.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from commerce import languages
from commerce.tenancy.service import Directory, Shop
from foundation import clock

CHANNEL = "catalogue_changed"
ALL = "*"
LONGEST = 30.0
"""Seconds an answer is kept at most: for dates that come, and for what nobody tells."""
LONGEST_ADDRESS = 200
_PREFIXES = ("/v1/store/products", "/v1/store/search", "/v1/store/suggest")
_OVERHEAD = 400
"""Bytes that an answer takes beside its body, more or less."""

Key = tuple[UUID, str, str | None, str, bytes]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it goes out."""

    body: bytes
    headers: Sequence[tuple[bytes, bytes]]
    etag: bytes
    since: float
    about: UUID | None
    """The product; `None` for a list."""
    until: datetime | None
    """When a price in it changes by the clock alone."""
    personal: bool
    """Somebody with a session may be answered differently."""

    @property
    def age(self) -> float:
        """Seconds since it was read."""
        return time.monotonic() - self.since

    @property
    def good(self) -> bool:
        """Whether it is still true."""
        return self.age <= LONGEST and (self.until is None or clock.now() < self.until)


@dataclass(frozen=True, slots=True)
class Since:
    """How much had been told of a shop when the reading for an answer began."""

    shop: Shop
    told: int


@dataclass(slots=True)
class Kept:
    """The answers, the least wanted dropped first when they are too large together."""

    limit: int
    """Bytes; with 0 nothing is kept."""
    _open: bool = False
    _bytes: int = 0
    _told: int = 0
    """Grows with everything that is told, so that what was read before is not kept after."""
    _answers: OrderedDict[Key, Answer] = field(default_factory=OrderedDict)
    _about: dict[tuple[UUID, UUID | None], set[Key]] = field(default_factory=dict)

    def open(self) -> None:
        """From here on every change is heard."""
        self._open = self.limit > 0

    def close(self) -> None:
        """Changes may go by unheard: drop everything, and keep nothing."""
        self._open = False
        self._told += 1
        self._forget()

    def since(self, shop: Shop) -> Since:
        """To be asked before an answer is read."""
        return Since(shop, self._told)

    def keep(
        self,
        since: Since,
        scope: Scope,
        response: Response,
        *,
        about: UUID | None,
        until: datetime | None = None,
        personal: bool = False,
    ) -> None:
        """Keep the answer to the request of `scope`, unless something was told while it was read."""
        address: tuple[str, bytes] = (scope["path"], scope["query_string"])
        too_long = len(address[0]) + len(address[1]) > LONGEST_ADDRESS
        if not self._open or since.told != self._told or response.status_code != 200 or too_long:
            return
        if about is not None and address[1]:  # it means nothing there, and could be anything
            return
        key = (since.shop.id, since.shop.currency, since.shop.language, *address)
        self._drop(key)
        etag = response.headers["etag"].encode()
        body = bytes(response.body)
        self._answers[key] = Answer(body, response.raw_headers, etag, time.monotonic(), about, until, personal)
        self._about.setdefault((since.shop.id, about), set()).add(key)
        self._bytes += len(body) + _OVERHEAD
        while self._bytes > self.limit:
            self._drop(next(iter(self._answers)))

    def find(self, shop: Shop, path: str, query: bytes) -> Answer | None:
        """The answer to a request, if it is kept."""
        key = (shop.id, shop.currency, shop.language, path, query)
        answer = self._answers.get(key)
        if answer is None:
            return None
        if not answer.good:
            self._drop(key)
            return None
        self._answers.move_to_end(key)
        return answer

    def heard(self, payload: str) -> None:
        """Something was told: `tenant:product`, or `tenant:*`."""
        self._told += 1
        tenant, _, product = payload.partition(":")
        try:
            shop, about = UUID(tenant), None if product == ALL else UUID(product)
        except ValueError:  # nobody of ours says that; whatever it means, it is safe to know nothing
            self._forget()
            return
        of_product: list[tuple[UUID, UUID | None]] = [(shop, about), (shop, None)]
        for one in of_product if about else [one for one in self._about if one[0] == shop]:
            for key in list(self._about.get(one, ())):
                self._drop(key)

    def _forget(self) -> None:
        self._answers.clear()
        self._about.clear()
        self._bytes = 0

    def _drop(self, key: Key) -> None:
        answer = self._answers.pop(key, None)
        if answer is None:
            return
        self._bytes -= len(answer.body) + _OVERHEAD
        keys = self._about[(key[0], answer.about)]
        keys.discard(key)
        if not keys:
            del self._about[(key[0], answer.about)]


class Shortcut:
    """The middleware that gives what is kept."""

    def __init__(self, app: ASGIApp, *, kept: Kept) -> None:
        self._app = app
        self._kept = kept

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"].startswith(_PREFIXES):
            host, seen, known = _asked_with(scope)
            directory: Directory = scope["app"].state.core.directory
            shop = directory.known(host)
            shop = languages.read_in(scope, shop) if shop else None
            answer = self._kept.find(shop, scope["path"], scope["query_string"]) if shop else None
            if answer is not None and not (answer.personal and known):
                await _give(answer, seen, send)
                return
        await self._app(scope, receive, send)


def _asked_with(scope: Scope) -> tuple[str, bytes, bool]:
    """The host, what the client has seen, and whether they may show a session."""
    host, seen, known = "", b"", False
    for name, value in scope["headers"]:
        if name == b"host":
            host = value.decode("latin-1")
        elif name == b"if-none-match":
            seen = value
        elif name in {b"authorization", b"cookie"}:
            known = True
    return host, seen, known


async def _give(answer: Answer, seen: bytes, send: Send) -> None:
    fresh = answer.etag not in seen
    # Neither a length nor a type: a 304 has no body.
    headers = [header for header in answer.headers if fresh or not header[0].startswith(b"content-")]
    # Who keeps it too counts from when it was read.
    headers.append((b"age", b"%d" % math.ceil(answer.age)))
    await send({"type": "http.response.start", "status": 200 if fresh else 304, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body if fresh else b""})
