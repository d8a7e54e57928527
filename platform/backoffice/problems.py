"""Refusals as pages of the back office: to sign in where nobody is, else what is in the way and its code."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from backoffice.desk import prove_at, sign_in_at
from backoffice.rendering import PAGES
from commerce.identity.people import NotStaff
from commerce.recently import ProveAgain
from foundation.errors import BadRequest, NotFound, Problem, Unauthenticated
from foundation.http import InternalError, InvalidFields

log = structlog.get_logger(__name__)
_OURS = "/back-office"
Handler = Callable[[Request, Any], Any]


def install(app: FastAPI) -> None:
    """Answer the problems of these pages with a page; all others as before."""
    for kind in (Problem, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _page_or(app.exception_handlers[kind]))


def _page_or(otherwise: Handler) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        if request.url.path != _OURS and not request.url.path.startswith(f"{_OURS}/"):
            response: Response = await otherwise(request, error)
            return response
        problem = _problem_of(error)
        if isinstance(problem, ProveAgain):
            return RedirectResponse(prove_at(_page_of(request)), status_code=303)
        if isinstance(problem, Unauthenticated) or (isinstance(problem, NotStaff) and not problem.signed_in):
            return RedirectResponse(sign_in_at(request), status_code=303)
        if problem.status >= 500:
            log.error("page.failed", path=request.url.path, code=problem.code, exc_info=error)
        return shown(request, problem)

    return answer


def _page_of(request: Request) -> str:
    """The page that is asked for; of a form, the page of what it was about."""
    if request.method == "GET":
        return request.url.path
    named = [place for place, word in enumerate(request.scope["route"].path.split("/")) if word.startswith("{")]
    words = request.url.path.split("/")
    return "/".join(words[: named[-1] + 1] if named else words[:3])


def shown(request: Request, problem: Problem) -> Response:
    """A problem's page: in the frame, if whoever asks works here."""
    said: dict[str, Any] = {"problem": problem, "faults": faults_of(problem), "members": problem.members()}
    desk = getattr(request.state, "desk", None)
    if desk is not None:
        page: Response = desk.page("problem.html", status=problem.status, **said)
        return page
    return PAGES.html(
        "problem.html", status=problem.status, shop=None, staff=None, navigation=(), here="", notice=None, **said
    )


def faults_of(problem: Problem) -> list[str]:
    """What was wrong with which field, in words."""
    if not isinstance(problem, InvalidFields):
        return []
    return [f"{error['param'].replace('_', ' ').capitalize()}: {error['message']}" for error in problem.errors]


def _problem_of(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        return InvalidFields(errors=[{"param": str(one["loc"][-1]), "message": one["msg"]} for one in error.errors()])
    if isinstance(error, HTTPException):
        return NotFound() if error.status_code == 404 else BadRequest()
    return InternalError()
