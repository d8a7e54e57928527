"""Finding the route of a request by the first words of its path.

A router asks its routes one after another, and an included router asks its own anew at each step: with some two hundred
routes that was a tenth of what a request cost. Here a request is matched with the few routes that begin as it does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

_DEEPEST = 4
"""Words of a path that are looked at."""

Words = tuple[str, ...]


def add_routes(app: FastAPI, routers: Iterable[APIRouter], *, described: bool = True) -> None:
    """Serve the routes of `routers`, which have no settings beyond their routes' own; in the API's description only if
    they are to be `described`.
    """
    for route in chain.from_iterable(router.routes for router in routers):
        if isinstance(route, APIRoute):
            route.include_in_schema &= described
        app.router.routes.append(route)


Guard = Callable[[Scope, APIRoute | None], None]
"""Looks at every request, with the route that is to answer it if the index has it, and raises to refuse it."""


def index(app: FastAPI, guard: Guard) -> None:
    """Find routes by an index, made of those that are there at the first request; the rest is the router's. Whatever
    answers, the guard has let the request pass.
    """
    app.router.middleware_stack = _Indexed(app.router, guard)


class _Indexed:
    """A router with an index before it."""

    def __init__(self, router: APIRouter, guard: Guard) -> None:
        self._router = router
        self._guard = guard
        self._otherwise: ASGIApp = router.middleware_stack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. A wrong method, a missing slash and the like are left to the router."""
        if scope["type"] == "http":
            words = _words(scope["path"])
            for length in range(len(words), -1, -1):
                for route in self._routes.get(words[:length], ()):
                    match, found = route.matches(scope)
                    if match is Match.FULL:
                        self._guard(scope, route)
                        scope["router"] = self._router
                        scope.update(found)
                        await route.handle(scope, receive, send)
                        return
            self._guard(scope, None)
        await self._otherwise(scope, receive, send)

    @cached_property
    def _routes(self) -> Mapping[Words, Sequence[APIRoute]]:
        routes: dict[Words, list[APIRoute]] = defaultdict(list)
        for route in self._router.routes:
            if isinstance(route, APIRoute):
                routes[_fixed(route.path_format)].append(route)
        return routes


def _words(path: str) -> Words:
    return tuple(path.split("/", _DEEPEST + 1)[1 : _DEEPEST + 1])


def _fixed(path: str) -> Words:
    """The words before the first that a request chooses."""
    words = _words(path)
    return next((words[:number] for number, word in enumerate(words) if "{" in word), words)
