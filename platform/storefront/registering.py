"""Pages to register, and for a password that is forgotten."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from commerce.accounts import recovering
from commerce.accounts import registering as service
from commerce.http import delete_session_cookie
from commerce.identity.passwords import SHORTEST
from commerce.policies import areas
from commerce.sessions.sending import evenly
from foundation.errors import Problem
from pages.forms import read
from storefront.identity_forms import HOME, ChooseForm, EmailForm, RegisterForm, TokenForm
from storefront.signing_in import arrived, asking, check_mail, sending, shown
from storefront.visit import Visit, VisitDep

router = APIRouter(route_class=areas.within(areas.AUTHENTICATION))
Given = Annotated[str, Query(max_length=100)]


@router.get("/register")
async def show(visit: VisitDep) -> Response:
    """Register."""
    return shown(visit, "register.html", name="", email="", shortest=SHORTEST)


@router.post("/register")
async def register(request: Request, visit: VisitDep) -> Response:
    """Send the link that makes the account."""
    form = None
    try:
        form = await read(request, RegisterForm)
        async with evenly():
            await service.register(
                sending(request, visit), email=form.email, password=form.password, display_name=form.name
            )
    except Problem as problem:
        given = {"name": form.name, "email": form.email} if form else {"name": "", "email": ""}
        return shown(visit, "register.html", problem, shortest=SHORTEST, **given)
    return check_mail(visit, form.email, "a link that makes your account. It is good for a day")


@router.get("/register/confirm")
async def show_confirm(visit: VisitDep, token: Given = "") -> Response:
    """The page that the link leads to."""
    return _confirm_page(visit, token)


@router.post("/register/confirm")
async def confirm(request: Request, visit: VisitDep) -> Response:
    """Make the account, and sign in to it."""
    try:
        form = await read(request, TokenForm)
        async with visit.core.database.tx(visit.shop.id) as tx:
            outcome = await service.confirm(tx, form.token, visit.core.settings, asking(request, visit))
    except Problem as problem:
        return _confirm_page(visit, "", problem)
    return arrived(visit, outcome, HOME, "registered")


def _confirm_page(visit: Visit, token: str, problem: Problem | None = None) -> Response:
    return shown(
        visit,
        "press.html",
        problem,
        token=token,
        title="Confirm your address",
        text=f"One click, and your account at {visit.shop.name} is ready.",
        action="/register/confirm",
        button="Confirm my address",
        again=("/register", "Register again"),
    )


@router.get("/forgotten")
async def show_forgotten(visit: VisitDep) -> Response:
    """Have a link sent that lets choose another password."""
    return shown(visit, "forgotten.html")


@router.post("/forgotten")
async def send_reset(request: Request, visit: VisitDep) -> Response:
    """Send that link."""
    try:
        form = await read(request, EmailForm)
        async with evenly():
            await recovering.ask(sending(request, visit), email=form.email)
    except Problem as problem:
        return shown(visit, "forgotten.html", problem)
    return check_mail(visit, form.email, "a link to choose a new password. It is good for half an hour")


@router.get("/forgotten/choose")
async def show_choose(visit: VisitDep, token: Given = "") -> Response:
    """The page that the link leads to."""
    return shown(visit, "choose_password.html", token=token, shortest=SHORTEST)


@router.post("/forgotten/choose")
async def choose(request: Request, visit: VisitDep) -> Response:
    """Choose another password."""
    form = None
    try:
        form = await read(request, ChooseForm)
        await recovering.choose(
            visit.core, visit.shop, asking(request, visit), token=form.token, password=form.password
        )
    except Problem as problem:
        token = form.token if form else ""
        return shown(visit, "choose_password.html", problem, token=token, shortest=SHORTEST)
    delete_session_cookie(visit.cookies, visit.core.settings)  # it may be one of those that just ended
    return visit.redirect("/sign-in", "password-chosen")
