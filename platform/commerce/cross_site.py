"""A request that another site makes a browser send, with the cookie that the browser adds by itself, is refused.

One rule for pages and API alike, for every request that could change something: the browser must say that it comes from
this very origin (Fetch Metadata; from browsers without it, the Origin header). A request that proves who asks by a
bearer token is exempt, because no browser adds that by itself; so is a script of another site that asks the API without
any cookie, which is nobody but whom its body says (`cross_origin.py` decides who may read the answer). One with neither
header was not made by a browser: each that is in use says at least one of them with a POST. A route may open itself to
other sites, such as a page that a payment provider sends a shopper back to by a form. docs/decisions/0013 says why
there are no tokens in forms.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.types import Scope

from foundation.errors import Forbidden

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_API = "/v1/"
_OPEN = "__open_to_other_sites__"
Function = TypeVar("Function", bound=Callable[..., Any])


class CrossSite(Forbidden):
    """This was sent by another site."""

    code = "request.cross_site"


def open_to_other_sites(function: Function) -> Function:
    """A route that believes nothing of what it is sent, and changes nothing by the cookie it is sent with."""
    setattr(function, _OPEN, True)
    return function


def require_same_origin(scope: Scope, route: APIRoute | None) -> None:
    """Let a request pass unless a browser says that another site made it.

    Raises:
        CrossSite.
    """
    if scope["method"] in SAFE or (route is not None and getattr(route.endpoint, _OPEN, False)):
        return
    headers = Headers(scope=scope)
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if (scheme.lower() == "bearer" and token) or _is_nobodys(scope, headers):
        return
    site = headers.get("sec-fetch-site")
    if site is not None:
        if site not in {"same-origin", "none"}:
            raise CrossSite
        return
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower():
        raise CrossSite


def _is_nobodys(scope: Scope, headers: Headers) -> bool:
    """A script's request to the API that carries no cookie. A form is none: what answers it could set one."""
    is_script = headers.get("sec-fetch-mode", "cors") == "cors"
    return is_script and "cookie" not in headers and scope["path"].startswith(_API)
