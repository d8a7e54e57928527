"""The middleware that lets through what a shop's standing with its plan allows.

A shop that has taken as many orders as it may begins no checkout: that is said before anything is reserved or paid,
never in the middle.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from commerce.limits.limiting import refuse
from commerce.plans.book import Book
from commerce.plans.service import OrdersExhausted
from commerce.tenancy.service import Directory, Shop, UnknownTenant
from foundation.errors import Problem

_BEGINS = ("/complete", "/checkout")


class Gate:
    """Ask the book before a checkout begins; otherwise only see to it that the book knows the shop."""

    def __init__(self, app: ASGIApp, *, book: Book) -> None:
        self._app = app
        self._book = book

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        try:
            if scope["type"] == "http":
                await self._pass(scope)
        except Problem as problem:
            await refuse(problem, scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _pass(self, scope: Scope) -> None:
        core = scope["app"].state.core
        directory: Directory = core.directory
        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
        begins = scope["method"] == "POST" and scope["path"].endswith(_BEGINS)
        shop = await _found(directory, host) if begins else directory.known(host)
        if shop is None:
            return
        if not begins:  # nothing waits for what only its next request needs
            self._book.look_up(core.database, shop.id)
        elif (await self._book.at_checkout(core.database, shop.id)).exhausted:
            raise OrdersExhausted


async def _found(directory: Directory, host: str) -> Shop | None:
    try:
        return await directory.found(host)
    except UnknownTenant:
        return None  # whoever answers says so
