"""What may be asked how often: the one table of all limits.

A route belongs to a class by its method and path. A class has a rate for whoever shows a credential, one for the
address the request comes from, and a share of what the shop's plan allows altogether, so that one kind of request can't
use up what the others need. What can be guessed (codes, passwords) is throttled besides, exactly and in Postgres, by
`commerce.throttling`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from foundation.buckets import Rate, described


class Kind(StrEnum):
    """Classes of routes."""

    BROWSE = "browse"
    SEARCH = "search"
    WRITE = "write"
    CHECKOUT = "checkout"
    SIGN_IN = "sign-in"
    BEHAVIOUR = "behaviour"
    ADMIN = "admin"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Allowed:
    """How often a class of routes may be asked."""

    principal: Rate
    """By one credential: a session, a key."""
    address: Rate
    """By one address, or one /64: many may share it, so it is more."""
    share: float | None
    """Of the plan's rate, by the whole shop; `None`: it isn't counted against the plan."""


ALLOWED: Mapping[Kind, Allowed] = {
    Kind.BROWSE: Allowed(Rate(300, 30), Rate(600, 60), 1.0),
    Kind.SEARCH: Allowed(Rate(60, 6), Rate(240, 24), 0.5),
    Kind.WRITE: Allowed(Rate(120, 10), Rate(480, 40), 0.75),
    Kind.CHECKOUT: Allowed(Rate(30, 1), Rate(120, 6), 0.5),
    Kind.SIGN_IN: Allowed(Rate(20, 0.5), Rate(60, 1), 0.25),
    Kind.BEHAVIOUR: Allowed(Rate(120, 10), Rate(480, 40), 0.75),
    Kind.ADMIN: Allowed(Rate(200, 20), Rate(400, 40), 0.75),
    Kind.WEBHOOK: Allowed(Rate(1_000, 200), Rate(1_000, 200), None),
}

_FREE = ("/healthz", "/problems/", "/static/", "/docs", "/redoc", "/openapi.json", "/favicon", "/shop/theme.css")
_PROVING = frozenset(
    {
        "accounts",
        "confirmations",
        "sign-in",
        "sign-up",
        "register",
        "login",
        "password",
        "passwords",
        "passkeys",
        "magic-links",
        "magic-link",
        "codes",
        "verify",
        "verification",
        "verifications",
        "reset",
        "step-up",
        "second-factor",
        "confirm",
        "passkey",
        "authenticator",
        "totp",
        "oauth",
        "oidc",
        "saml",
        "lookup",
    }
)
"""Words of paths where somebody proves who they are, or finds something by a secret."""
_NOTIFIED = ("/v1/webhooks/", "/v1/platform/")
_DESKS = ("/v1/admin/", "/v1/vendor/", "/admin", "/vendor")
_SEARCHES = frozenset({"/v1/store/search", "/search"})
_PAYING = ("/complete", "/pay", "/continue", "/taxes")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def kind_of(method: str, path: str) -> Kind | None:
    """The class of a request; `None` when nobody counts it."""
    safe = method in _SAFE
    if safe and path.startswith("/v1/store/products"):  # what is asked most
        return Kind.BROWSE
    if path.startswith(_FREE):
        return None
    if path.startswith(_NOTIFIED):
        return Kind.WEBHOOK
    if safe:
        return _reading(path)
    if not _PROVING.isdisjoint(path.split("/")) and "/carts/" not in path:
        return Kind.SIGN_IN
    return _writing(path)


def _reading(path: str) -> Kind:
    if path.startswith(_DESKS):
        return Kind.ADMIN
    return Kind.SEARCH if path in _SEARCHES else Kind.BROWSE


def _writing(path: str) -> Kind:
    if path.startswith(_DESKS):
        return Kind.ADMIN
    if path == "/v1/events":
        return Kind.BEHAVIOUR
    if path.startswith("/checkout") or path.endswith(_PAYING):
        return Kind.CHECKOUT
    return Kind.WRITE


@dataclass(frozen=True)
class Policy:
    """The limits of a class of routes in a shop of some plan, and the header that tells them."""

    kind: Kind
    shop: Rate | None

    @cached_property
    def route(self) -> Rate | None:
        """The class's share of what the shop may be asked."""
        share = ALLOWED[self.kind].share
        if self.shop is None or share is None:
            return None
        return Rate(max(1, int(self.shop.burst * share)), self.shop.per_second * share)

    @cached_property
    def principal(self) -> Rate:
        """Of one credential."""
        return ALLOWED[self.kind].principal

    @cached_property
    def address(self) -> Rate:
        """Of one address."""
        return ALLOWED[self.kind].address

    @cached_property
    def header(self) -> bytes:
        """`RateLimit-Policy`."""
        named = {"shop": self.shop, "route": self.route, "principal": self.principal, "address": self.address}
        return ", ".join(described(f"{self.kind}-{name}", rate) for name, rate in named.items() if rate).encode()
