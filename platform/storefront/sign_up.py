"""Opening a shop, as pages at the platform's own host. They need no script, and go on where somebody stopped."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Query, Request
from pydantic import BeforeValidator, StringConstraints
from starlette.responses import RedirectResponse, Response

from commerce.configuration.schemas import Colour
from commerce.http import Core, core_of
from commerce.onboarding import api as opening
from commerce.onboarding.names import CURRENCIES
from commerce.onboarding.schemas import (
    Answers,
    BeginIn,
    KnownCurrency,
    Look,
    Paying,
    Selling,
    SignUpOut,
    Stock,
    TaxRate,
)
from commerce.onboarding.service import BadRows, SignUpUnknown
from commerce.payments.accounts.schemas import Account, ProviderName
from commerce.policies import areas
from foundation.access import ANYONE, SIGNED, needs
from foundation.errors import NotFound, Problem
from foundation.http import InvalidFields
from foundation.types import Country, Input, LongText, Text
from pages.forms import Button, blank, read, read_with_file, sent
from storefront import rendering
from storefront.forms import OptionalText
from storefront.problems import field_errors, words

COOKIE = "tradewind_sign_up"
_SECONDS = 7 * 24 * 3600
_STEPS = ("selling", "stock", "paying", "review")
router = APIRouter(prefix="/sign-up", route_class=areas.within(areas.OPENING))


def _countries(value: object) -> object:
    return [part for part in value.upper().replace(",", " ").split() if part] if isinstance(value, str) else value


def _percent(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return Decimal(value.replace(",", ".").strip() or "0") / 100
    except InvalidOperation as fault:
        raise ValueError("must be a number such as 19 or 8.1") from fault


class SellingForm(Input):
    """In which money, where to, with which tax."""

    currency: KnownCurrency
    home: Annotated[Country, BeforeValidator(lambda value: value.strip().upper() if isinstance(value, str) else value)]
    countries: Annotated[list[Country], BeforeValidator(_countries)]
    tax_name: Text = "VAT"
    tax: Annotated[Decimal, BeforeValidator(_percent)]
    """In per cent, in the countries it sells to."""
    included: Literal["on"] | None = None


class StockForm(Input):
    """The first warehouse and the first products."""

    warehouse: Text
    products: LongText = ""
    """Pasted, as CSV."""
    file: bytes = b""
    """A CSV or a workbook; a browser sends an empty one where none was chosen."""
    sample: Literal["on"] | None = None

    def rows(self) -> bytes:
        """The products, wherever they stand.

        Raises:
            InvalidFields: they stand in both places.
        """
        pasted = self.products.strip()
        if pasted and self.file:
            raise InvalidFields(errors=[{"param": "products", "message": "choose a file or paste the rows, not both"}])
        return self.file or pasted.encode()


class PayingForm(Input):
    """Who takes the payments, and what the shop looks like."""

    provider: ProviderName
    account: Annotated[Account | None, BeforeValidator(blank)] = None
    accent: Colour
    headline: OptionalText = None


class ProofForm(Input):
    """The button on the page that the mail leads to."""

    token: Annotated[str, StringConstraints(max_length=100)]


@router.get("")
@needs(ANYONE)
async def show_begin(request: Request) -> Response:
    """Begin, or go on with what was begun."""
    core = _here(request)
    draft = await _draft(request, core)
    if draft is not None:
        return _go(_next(draft))
    return _page("sign_up.html", name="", slug="", email="", host=core.settings.platform_host)


@router.post("")
@needs(ANYONE)
async def begin(request: Request) -> Response:
    """Who opens a shop, and what it is called."""
    core, form = _here(request), None
    try:
        form = await read(request, BeginIn)
        token = await opening.begin(request, core, form)
    except Problem as problem:
        said = {"name": form.name, "slug": form.slug, "email": form.email} if form else {}
        context = {"name": "", "slug": "", "email": "", **said, "host": core.settings.platform_host}
        return _page("sign_up.html", problem, **context)
    response = _go("selling")
    secure = core.settings.environment == "production"
    response.set_cookie(COOKIE, token, max_age=_SECONDS, httponly=True, samesite="lax", secure=secure, path="/sign-up")
    return response


@router.get("/proof")
@needs(SIGNED)
async def show_proof(request: Request, token: Annotated[str, Query(max_length=100)] = "") -> Response:
    """The page that the owner's mail leads to."""
    _here(request)
    return _page("sign_up_proof.html", token=token, address=None)


@router.post("/proof")
@needs(SIGNED)
async def prove(request: Request) -> Response:
    """The owner's address is theirs."""
    core = _here(request)
    try:
        proved = await opening.prove(request, core, (await read(request, ProofForm)).token)
    except Problem as problem:
        return _page("sign_up_proof.html", problem, token="", address=None)
    return _page("sign_up_proof.html", token="", address=proved.address)


@router.get("/{step}")
@needs(SIGNED)
async def show_step(request: Request, step: Literal["selling", "stock", "paying", "review"]) -> Response:
    """A step, as it was answered before if it was."""
    core = _here(request)
    draft = await _draft(request, core)
    return _go("") if draft is None else _step(step, draft)


@router.post("/{step}")
@needs(SIGNED)
async def take_step(request: Request, step: Literal["selling", "stock", "paying", "review"]) -> Response:
    """Keep what was said, and go on to the next step; after the last the shop is open."""
    core = _here(request)
    draft = await _draft(request, core)
    if draft is None:
        return _go("")
    token = request.cookies[COOKIE]
    try:
        if step == "review":
            await read(request, Button)
            opened = await opening.finish(request, core, token)
            return _page("sign_up_done.html", opened=opened, name=draft.answers.name)
        await _keep(request, core, token, step)
    except Problem as problem:
        return _step(step, draft, problem, dict(await sent(request)))
    return _go(_STEPS[_STEPS.index(step) + 1])


async def _keep(request: Request, core: Core, token: str, step: str) -> None:
    if step == "selling":
        await opening.answer(core, token, Answers(selling=_selling(await read(request, SellingForm))))
    elif step == "stock":
        form = await read_with_file(request, StockForm, "file")
        if rows := form.rows():
            await opening.keep_products(core, token, rows)
        await opening.answer(core, token, Answers(stock=Stock(name=form.warehouse, sample=form.sample == "on")))
    else:
        paying = await read(request, PayingForm)
        look = Look(accent=paying.accent, headline=paying.headline)
        chosen = Paying(provider=paying.provider, account=paying.account)
        await opening.answer(core, token, Answers(paying=chosen, look=look))


def _selling(form: SellingForm) -> Selling:
    try:
        rates = [TaxRate(country=country, name=form.tax_name, rate=form.tax) for country in form.countries if form.tax]
        included = form.included == "on"
        return Selling(
            currency=form.currency,
            home=form.home,
            countries=form.countries,
            rates=rates,
            prices_include_tax=included,
        )
    except ValueError as fault:
        raise InvalidFields(
            errors=[{"param": "countries", "message": "name at least one, and a tax below 100 %"}]
        ) from fault


def _step(
    step: str, draft: SignUpOut, problem: Problem | None = None, typed: Mapping[str, str] | None = None
) -> Response:
    rows = problem.problems if isinstance(problem, BadRows) else []
    selling = draft.answers.selling
    rate = selling.rates[0] if selling and selling.rates else None
    return _page(
        f"sign_up_{step}.html",
        problem,
        draft=draft,
        answers=draft.answers,
        steps=_STEPS,
        step=step,
        rows=rows,
        held=lambda name, otherwise: typed.get(name, "") if typed else otherwise,
        rate=rate,
        percent=f"{(rate.rate * 100).normalize():f}" if rate else "",
        currencies=sorted(CURRENCIES),
    )


def _here(request: Request) -> Core:
    """The worker's parts, at the platform's own host only.

    Raises:
        NotFound: this is a shop's.
    """
    core = core_of(request)
    if request.url.hostname != core.settings.platform_host:
        raise NotFound
    return core


async def _draft(request: Request, core: Core) -> SignUpOut | None:
    token = request.cookies.get(COOKIE)
    if token is None:
        return None
    try:
        found = await opening.shown(request, core, token)
    except SignUpUnknown:
        return None
    return found


def _next(draft: SignUpOut) -> str:
    return draft.missing[0] if draft.missing else "review"


def _go(step: str) -> RedirectResponse:
    return RedirectResponse(f"/sign-up/{step}" if step else "/sign-up", status_code=303)


def _page(template: str, problem: Problem | None = None, **context: Any) -> Response:
    said = words(problem) if problem else ("", "")
    faults = field_errors(problem) if problem else []
    shown = rendering.html(
        template,
        status=problem.status if problem else 200,
        shop=None,
        shopper=None,
        navigation=(),
        cart_count=0,
        notice=None,
        acting=None,
        problem=problem,
        said=said,
        faults=faults,
        **context,
    )
    return cast("Response", shown)
