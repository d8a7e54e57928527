"""The middleware that counts requests: one token of the shop, of the route's class, of whoever asks, of their address.

It runs before the framework and before what is kept of the catalogue, so it knows the shop only as the directory
remembers it, and a credential only by its digest: the first request to a shop that a worker gets is counted by its
address alone. A credential nobody was given has a bucket of its own like any other, which its address still bounds.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from commerce.limits.rules import Kind, Policy, kind_of
from commerce.tenancy.service import Directory, Shop
from foundation.buckets import Buckets, Rate, standing
from foundation.errors import Problem, TooMany
from foundation.naming import CacheKey, cache_key
from foundation.proxies import Networks, site_of

_COOKIE = b"tradewind_session="


class LimitReached(TooMany):
    """That was asked too often; the headers say when there is room again."""

    code = "limits.reached"

    policy: str
    """The limit, as `RateLimit-Policy` names it."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A request that was counted: its buckets and the class's limits."""

    policy: Policy
    wanted: Sequence[tuple[str, Rate]]
    names: Sequence[str]


@dataclass(slots=True)
class Limits:
    """What a worker counts with."""

    buckets: Buckets
    rate_of: Callable[[UUID], Rate]
    """What a shop's plan allows altogether."""
    exempt: Networks = field(default_factory=Networks)
    """Addresses that are not counted: health checks, load tests, the laptop that the whole stack runs on."""
    _policies: dict[tuple[Kind, Rate | None], Policy] = field(default_factory=dict)

    def counted(self, kind: Kind, shop: Shop | None, address: str, credential: bytes | None) -> Counted:
        """What a request takes a token of. All keys carry the shop's id in braces, so a cluster keeps them together."""
        policy = self._policy(kind, self.rate_of(shop.id) if shop else None)
        tenant_id = shop.id if shop else None

        def named(*parts: str) -> CacheKey:
            return cache_key(tenant_id, "limit", *parts)

        wanted, names = [(named(kind, "a", site_of(address)), policy.address)], ["address"]
        if credential is not None:
            digest = hashlib.blake2b(credential, digest_size=12).hexdigest()
            wanted.append((named(kind, "p", digest), policy.principal))
            names.append("principal")
        if policy.shop and policy.route:
            wanted += [(named(kind), policy.route), (named(), policy.shop)]
            names += ["route", "shop"]
        return Counted(policy, wanted, names)

    def _policy(self, kind: Kind, shop: Rate | None) -> Policy:
        key = (kind, shop)
        policy = self._policies.get(key)
        if policy is None:
            policy = self._policies[key] = Policy(kind, shop)
        return policy

    def headers(self, counted: Counted) -> list[tuple[bytes, bytes]]:
        """What limits there are, and how the one stands that is nearest to its end."""
        remaining = [self.buckets.remaining(key, rate) for key, rate in counted.wanted]
        nearest = min(range(len(remaining)), key=lambda index: remaining[index] / counted.wanted[index][1].burst)
        name = f"{counted.policy.kind}-{counted.names[nearest]}"
        stands = standing(name, counted.wanted[nearest][1], remaining[nearest])
        return [(b"ratelimit-policy", counted.policy.header), (b"ratelimit", stands.encode())]


class Limiter:
    """The middleware."""

    _UNCOUNTED: ClassVar[frozenset[str]] = frozenset({"lifespan", "websocket"})

    def __init__(self, app: ASGIApp, *, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        kind = None if scope["type"] in self._UNCOUNTED else kind_of(scope["method"], scope["path"])
        address = scope["client"][0] if kind and scope.get("client") else ""
        if kind is None or self._limits.exempt.hold(address):
            await self._app(scope, receive, send)
            return
        host, credential = _asked_by(scope)
        directory: Directory = scope["app"].state.core.directory
        counted = self._limits.counted(kind, directory.known(host), address, credential)
        refused = await self._limits.buckets.take(counted.wanted)
        headers = self._limits.headers(counted)
        if refused is None:
            await self._app(scope, receive, _telling(send, headers))
            return
        policy = f"{kind}-{counted.names[refused.index]}"
        problem = LimitReached(retry_after=max(1, math.ceil(refused.wait)), policy=policy)
        await refuse(problem, scope, receive, _telling(send, headers))


async def refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with a problem as the app answers with one: a document, or a page."""
    handler = scope["app"].exception_handlers[Problem]
    response: Response = await handler(Request(scope), problem)
    if isinstance(problem, TooMany):
        response.headers["Retry-After"] = str(problem.retry_after)
    await response(scope, receive, send)


def _asked_by(scope: Scope) -> tuple[str, bytes | None]:
    """The host, and the credential that is shown."""
    host, credential = "", None
    for name, value in scope["headers"]:
        if name == b"host":
            host = value.decode("latin-1")
        elif name == b"authorization":
            credential = value
        elif name == b"cookie" and credential is None:
            _, found, after = value.partition(_COOKIE)
            credential = after.partition(b";")[0] if found else None
    return host, credential


def _telling(send: Send, headers: list[tuple[bytes, bytes]]) -> Send:
    async def telling(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *headers]
        await send(message)

    return telling
