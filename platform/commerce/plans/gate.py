"""The middleware that lets through what a shop's standing with its plan allows.

A shop that isn't paid for is closed to shoppers while its desk stays open, where it can be paid. A shop that has taken
as many orders as it may begins no checkout: that is said before anything is reserved or paid, never in the middle.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from commerce.limits.limiting import refuse
from commerce.limits.rules import Kind, kind_of
from commerce.plans.book import Book
from commerce.plans.service import OrdersExhausted
from commerce.tenancy.service import Directory, TenantSuspended, UnknownTenant
from foundation.errors import Problem

_DESK = frozenset({None, Kind.ADMIN, Kind.WEBHOOK})
_BEGINS = ("/complete", "/checkout")


class Gate:
    """Ask the book before the shop is asked."""

    def __init__(self, app: ASGIApp, *, book: Book) -> None:
        self._app = app
        self._book = book

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        kind = kind_of(scope["method"], scope["path"]) if scope["type"] == "http" else None
        problem = None if kind in _DESK else await self._closed(scope, kind)
        if problem is None:
            await self._app(scope, receive, send)
        else:
            await refuse(problem, scope, receive, send)

    async def _closed(self, scope: Scope, kind: Kind | None) -> Problem | None:
        core = scope["app"].state.core
        directory: Directory = core.directory
        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
        try:
            shop = directory.known(host) or await directory.by_host(host)
            standing = await self._book.of(core.database, shop.id)
        except (UnknownTenant, TenantSuspended):
            return None  # whoever answers says so
        except Problem as fault:
            return fault
        if standing.unpaid_since is not None:
            return TenantSuspended()
        if standing.exhausted and kind is Kind.CHECKOUT and scope["path"].endswith(_BEGINS):
            return OrdersExhausted()
        return None
