"""What a page says after the form before it: a word in a short-lived cookie, whose text a table of the pages has."""

from __future__ import annotations

from typing import TypeVar

from fastapi import Request, Response
from starlette.responses import RedirectResponse

SECONDS = 60
ResponseT = TypeVar("ResponseT", bound=Response)


def taken(request: Request, cookies: Response, name: str) -> str:
    """The word that a request brings along, which the browser has no more after this answer."""
    if name in request.cookies:
        cookies.delete_cookie(name, path="/")
    return request.cookies.get(name, "")


def onward(path: str, cookies: Response, name: str, word: str | None, *, secure: bool) -> RedirectResponse:
    """Go on to a page (303), which says the word, if there is one."""
    if word is not None:
        cookies.set_cookie(name, word, max_age=SECONDS, httponly=True, samesite="lax", secure=secure, path="/")
    return with_cookies(RedirectResponse(path, status_code=303), cookies)


def with_cookies(response: ResponseT, cookies: Response) -> ResponseT:
    """An answer with the cookies that were set meanwhile."""
    for value in cookies.headers.getlist("set-cookie"):
        response.headers.append("set-cookie", value)
    return response
