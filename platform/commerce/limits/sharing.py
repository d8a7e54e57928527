"""The middleware that gives each request its shop's share of the worker."""

from __future__ import annotations

from contextlib import suppress

from starlette.types import ASGIApp, Receive, Scope, Send

from commerce.limits.limiting import refuse
from commerce.limits.rules import Kind, kind_of
from commerce.tenancy.service import Directory, UnknownTenant
from foundation.database import DatabaseUnavailable
from foundation.shares import Shares, TooManyAtOnce


class Sharer:
    """Let a request wait for its shop's turn, before anything of it is begun.

    Batches of behaviour have a few places of their own: whoever orders never stands behind what others look at.
    """

    def __init__(self, app: ASGIApp, *, shares: Shares, behaviour: Shares) -> None:
        self._app = app
        self._shares = shares
        self._behaviour = behaviour

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        shop = None
        kind = kind_of(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if kind is not None:
            directory: Directory = scope["app"].state.core.directory
            with suppress(UnknownTenant, DatabaseUnavailable):  # whoever answers says so
                shop = await directory.found(_host(scope))
        if shop is None:
            await self._app(scope, receive, send)
            return
        shares = self._behaviour if kind is Kind.BEHAVIOUR else self._shares
        try:
            await shares.enter(shop.id)
        except TooManyAtOnce as problem:
            await refuse(problem, scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            shares.leave(shop.id)


def _host(scope: Scope) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
