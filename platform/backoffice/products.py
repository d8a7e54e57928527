"""Products: found, written, reviewed, and moved on."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import AfterValidator, BeforeValidator, Field
from starlette.responses import Response

from backoffice import amounts, product_form
from backoffice.desk import Desk, desk
from backoffice.typed import NOTHING, Typed, refused
from commerce.catalog.attributes import service as attributes
from commerce.catalog.attributes import types
from commerce.catalog.brands import service as brands
from commerce.catalog.categories import service as tree
from commerce.catalog.categories.schemas import CategoriesQuery, CategorySlug
from commerce.catalog.links import service as links
from commerce.catalog.links.schemas import KINDS, LinksIn, once
from commerce.catalog.links.schemas import MOST as MOST_BESIDE
from commerce.catalog.products import history, listing, living, reading, writing
from commerce.catalog.products.history import Author
from commerce.catalog.products.schemas import (
    MOST_OPTIONS,
    Difference,
    Handle,
    ProductChange,
    ProductContent,
    ProductIn,
    ProductOut,
    ProductsQuery,
)
from commerce.catalog.products.states import LIVE, TRANSITIONS, Status
from commerce.catalog.schemas import Cursor, Version
from commerce.identity.makers import named
from commerce.paging import FIRST, LAST, page_of, place_of
from foundation.database import Tx
from foundation.errors import Problem
from foundation.types import Id, Input, Note, Slug, Text, WallTime
from pages.forms import Button, blank, fields, read, whole

router = APIRouter(prefix="/back-office/products")
Reader = Annotated[Desk, Depends(desk("catalog:read"))]
Writer = Annotated[Desk, Depends(desk("catalog:write"))]
Publisher = Annotated[Desk, Depends(desk("catalog:publish"))]
ProductId = Annotated[Id, Path()]
HERE = "/back-office/products"
_SHOWN, _SUGGESTED, _VERSIONS = 50, 100, 20
_MORE = 10
"""Empty rows of variants, when more are asked for."""
SHAPE = "shape"
"""The button that shows the form anew, with the fields of another type or more rows, and keeps nothing."""
_MONEY = ("price", "compare_at")


def _split(value: object) -> object:
    return re.split(r"[\s,]+", value.strip(" ,\r\n\t")) if isinstance(value, str) and value.strip(" ,\r\n\t") else []


class StepForm(Input):
    """A step, and the version that it was decided by."""

    version: Annotated[Version, BeforeValidator(whole)]


class RejectionForm(StepForm):
    """Why it is not agreed to."""

    reason: Note


class PublicationForm(StepForm):
    """When it is to be in the shop, by the shop's clocks."""

    at: Annotated[WallTime | None, BeforeValidator(blank)] = None


Handles = Annotated[list[Handle], BeforeValidator(_split), Field(max_length=MOST_BESIDE), AfterValidator(once)]


class LinksForm(StepForm):
    """The handles of what is shown beside a product, one a word."""

    related: Handles = Field(default_factory=list)
    up_sell: Handles = Field(default_factory=list)
    cross_sell: Handles = Field(default_factory=list)


class Filters(Input):
    """What is looked for; what is left empty filters nothing."""

    status: Annotated[Status | None, BeforeValidator(blank)] = None
    category: Annotated[CategorySlug | None, BeforeValidator(blank)] = None
    brand: Annotated[Slug | None, BeforeValidator(blank)] = None
    type: Annotated[Slug | None, BeforeValidator(blank)] = None
    q: Annotated[Text | None, BeforeValidator(blank)] = None
    cursor: Cursor | None = None


@router.get("")
async def show(desk: Reader, filters: Annotated[Filters, Query()]) -> Response:
    """Every product, by what one looks for."""
    asked = filters.model_dump(exclude_none=True)
    query = ProductsQuery(**asked, limit=_SHOWN)
    async with desk.tx(read_only=True) as tx:
        found = await listing.page(tx, query, place_of(query.cursor, LAST), currency=desk.shop.currency)
        waiting = await listing.waiting(tx)
        suggested = await _suggested(tx)
    asked.pop("cursor", None)
    return desk.page("products.html", **page_of(found, _SHOWN), asked=asked, waiting=waiting, **suggested)


@router.get("/new")
async def begin(desk: Reader) -> Response:
    """An empty form."""
    return await _form(desk, {"tax_class": "standard"})


@router.post("")
async def add(request: Request, desk: Writer) -> Response:
    """A new draft."""
    sent = await fields(request, product_form.MOST_FIELDS)
    if SHAPE in sent:
        return await _form(desk, sent, more=_more(sent))
    try:
        async with desk.tx() as tx:
            body = product_form.read(ProductIn, sent, **await _around(tx, desk, sent))
            made = await writing.create(tx, Author.of(desk.staff), body, currency=desk.shop.currency)
    except Problem as problem:
        return await _form(desk, sent, typed=await refused(request, problem, field=product_form.field_of(problem)))
    return desk.redirect(f"{HERE}/{made}", "product-added")


@router.get("/{product_id}")
async def show_one(desk: Reader, product_id: ProductId) -> Response:
    """A product, what waits to be reviewed of it, and what became of it."""
    return await _page(desk, product_id)


@router.post("/{product_id}")
async def change(request: Request, desk: Writer, product_id: ProductId) -> Response:
    """Have it say something else."""
    sent = await fields(request, product_form.MOST_FIELDS)
    if SHAPE in sent:
        return await _page(desk, product_id, sent=sent)
    by, currency = Author.of(desk.staff), desk.shop.currency
    try:
        async with desk.tx() as tx:
            product = await reading.read(tx, product_id, currency=currency)
            around = await _around(tx, desk, sent)
            body = product_form.read(ProductChange, sent, **around, before=_written(desk, product))
            await writing.change(tx, by, product_id, body.version, body, currency=currency)
    except Problem as problem:
        typed = await refused(request, problem, field=product_form.field_of(problem))
        return await _page(desk, product_id, sent=sent, typed=typed)
    return desk.redirect(f"{HERE}/{product_id}", "kept" if by.may_publish else "product-written")


@router.post("/{product_id}/links")
async def link(request: Request, desk: Publisher, product_id: ProductId) -> Response:
    """Say what the shop shows beside it."""
    try:
        form = await read(request, LinksForm)
        async with desk.tx() as tx:
            named = {kind: await links.ids_of(tx, getattr(form, kind)) for kind in KINDS}
            body = LinksIn(**named, version=form.version)
            await links.put(tx, Author.of(desk.staff), product_id, body, currency=desk.shop.currency)
    except Problem as problem:
        return await _page(desk, product_id, typed=await refused(request, problem))
    return desk.redirect(f"{HERE}/{product_id}", "kept")


@router.post("/{product_id}/copies")
async def clone(request: Request, desk: Writer, product_id: ProductId) -> Response:
    """A draft that says the same."""
    await read(request, Button)
    try:
        async with desk.tx() as tx:
            made = await writing.clone(tx, Author.of(desk.staff), product_id, currency=desk.shop.currency)
    except Problem as problem:
        return await _page(desk, product_id, typed=await refused(request, problem))
    return desk.redirect(f"{HERE}/{made}", "product-copied")


@router.post("/{product_id}/submission")
async def submit(request: Request, desk: Writer, product_id: ProductId) -> Response:
    """Ask for a review."""
    return await _step(request, desk, product_id, StepForm, living.submit, "product-submitted")


@router.post("/{product_id}/withdrawal")
async def withdraw(request: Request, desk: Writer, product_id: ProductId) -> Response:
    """Take back what was submitted, or throw a proposal away."""
    return await _step(request, desk, product_id, StepForm, living.withdraw, "changed")


@router.post("/{product_id}/approval")
async def approve(request: Request, desk: Publisher, product_id: ProductId) -> Response:
    """Agree to what waits."""
    return await _step(request, desk, product_id, StepForm, living.approve, "product-approved")


@router.post("/{product_id}/rejection")
async def reject(request: Request, desk: Publisher, product_id: ProductId) -> Response:
    """Not agree, and say why."""
    return await _step(request, desk, product_id, RejectionForm, living.reject, "product-rejected")


@router.post("/{product_id}/publication")
async def publish(request: Request, desk: Publisher, product_id: ProductId) -> Response:
    """Put it into the shop, at once or on a date."""
    return await _step(request, desk, product_id, PublicationForm, living.publish, "product-published")


@router.post("/{product_id}/unpublication")
async def unpublish(request: Request, desk: Publisher, product_id: ProductId) -> Response:
    """Take it out of the shop, or its date away."""
    return await _step(request, desk, product_id, StepForm, living.unpublish, "product-unpublished")


@router.post("/{product_id}/archiving")
async def archive(request: Request, desk: Publisher, product_id: ProductId) -> Response:
    """Sell it no more."""
    return await _step(request, desk, product_id, StepForm, living.archive, "product-archived")


async def _step(
    request: Request,
    desk: Desk,
    product_id: UUID,
    form: type[StepForm],
    step: Callable[..., Awaitable[None]],
    notice: str,
) -> Response:
    try:
        said = (await read(request, form)).model_dump()
        if said.get("at") is not None:
            said["at"] = said["at"].replace(tzinfo=desk.shop.zone)
        async with desk.tx() as tx:
            await step(tx, Author.of(desk.staff), product_id, currency=desk.shop.currency, **said)
    except Problem as problem:
        typed = await refused(request, problem, field="at" if problem.code == "catalog.publication_past" else None)
        return await _page(desk, product_id, typed=typed)
    return desk.redirect(f"{HERE}/{product_id}", notice)


async def _page(
    desk: Desk, product_id: UUID, *, sent: Mapping[str, str] | None = None, typed: Typed = NOTHING
) -> Response:
    async with desk.tx(read_only=True) as tx:
        row = await reading.row_of(tx, product_id, currency=desk.shop.currency)
        product = reading.out(row, currency=desk.shop.currency)
        versions = [one for _, one in await history.page(tx, product_id, history.LATEST, _VERSIONS)]
        changes = (await history.changes(tx, row)).items
        makers = await named(tx, [one.changed_by for one in versions])
        beside = await links.read(tx, product_id, currency=product.currency)
        said = _written(desk, product)
        if sent is None:
            category = (await tree.read(tx, said.category_id)).slug if said.category_id else None
            values = product_form.fields_of(said, currency=product.currency, category=category)
        else:
            values = {name: value for name, value in sent.items() if name != SHAPE}
        drawn = await _drawn(tx, values, said, more=_more(sent or {}))
    return desk.page(
        "product.html",
        typed=typed,
        product=product,
        values=values,
        changes=[_readable(one, product.currency) for one in changes],
        versions=versions,
        beside={kind: getattr(beside, kind) for kind in KINDS},
        makers=makers,
        reviewing=product.proposal.status if product.proposal else product.status,
        may_take={action for action in product.possible if TRANSITIONS[action].permission in desk.staff.scopes},
        **drawn,
    )


async def _form(
    desk: Desk, values: Mapping[str, str], *, typed: Typed = NOTHING, more: int = product_form.SPARE
) -> Response:
    async with desk.tx(read_only=True) as tx:
        drawn = await _drawn(tx, values, None, more=more)
    return desk.page("product_new.html", typed=typed, values=values, **drawn)


def _written(desk: Desk, product: ProductOut) -> ProductContent:
    """What whoever is here goes on writing: the proposal of what they may not change at once."""
    if product.proposal and product.status in LIVE and not Author.of(desk.staff).may_publish:
        return product.proposal.content
    return product


async def _around(tx: Tx, desk: Desk, sent: Mapping[str, str]) -> dict[str, Any]:
    """What the form's words stand for in this shop.

    Raises:
        CategoryNotFound, ProductTypeNotFound.
    """
    category, of_type = sent.get("category", "").strip(), sent.get("type", "").strip()
    if of_type:
        await types.id_of(tx, of_type)
    return {
        "currency": desk.shop.currency,
        "category_id": await tree.id_of(tx, category) if category else None,
        "defined": await attributes.of_type(tx, of_type),
    }


async def _drawn(tx: Tx, values: Mapping[str, str], said: ProductContent | None, *, more: int) -> dict[str, Any]:
    """What a form needs beside its values."""
    defined = await attributes.of_type(tx, values.get("type", ""))
    return {
        "attributes": product_form.shown(defined),
        "left": product_form.left(said.attributes if said else {}, defined),
        "names": {one.code: one.name for one in defined},
        "options": [values.get(f"options.{place}", "") for place in range(MOST_OPTIONS)],
        "rows": product_form.rows_of(values, more=more),
        **await _suggested(tx),
    }


async def _suggested(tx: Tx) -> dict[str, Any]:
    """Names to choose from: the first of each."""
    return {
        "categories": [one.slug for one in await tree.page(tx, CategoriesQuery(limit=_SUGGESTED), None)],
        "brands": [one for _, one in await brands.page(tx, FIRST, _SUGGESTED)],
        "types": [one for _, one in await types.page(tx, FIRST, types.MOST)],
    }


def _more(sent: Mapping[str, str]) -> int:
    return _MORE if sent.get(SHAPE) == "rows" else product_form.SPARE


def _readable(one: Difference, currency: str) -> Difference:
    """A difference as people read it: amounts of money, and what they stand for."""
    path = one.path.replace("variants.", "", 1) if one.path.count(".") > 1 else one.path
    return Difference(
        path=path.replace(".", " · ").replace("_", " "),
        before=_said(one.path, one.before, currency),
        after=_said(one.path, one.after, currency),
    )


def _said(path: str, value: Any, currency: str) -> Any:
    if isinstance(value, int) and path.startswith("variants.") and path.endswith(_MONEY):
        return f"{amounts.typed(value, currency)} {currency}"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {inner}" for name, inner in value.items())
    return value
