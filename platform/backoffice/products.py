"""Products: found, written, submitted and copied, by the shop's staff and by vendors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Query, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from backoffice import amounts, product_form, product_media
from backoffice.shelf import Here, Page, Shelf, both
from backoffice.typed import NOTHING, Typed, refused
from commerce.catalog.attributes import service as attributes
from commerce.catalog.attributes import types
from commerce.catalog.brands import service as brands
from commerce.catalog.categories import service as tree
from commerce.catalog.categories.schemas import CategoriesQuery, CategorySlug
from commerce.catalog.categories.service import CategoryNotFound
from commerce.catalog.links import service as links
from commerce.catalog.links.schemas import KINDS
from commerce.catalog.products import history, listing, living, reading, writing
from commerce.catalog.products.schemas import (
    MOST_OPTIONS,
    Difference,
    ProductChange,
    ProductContent,
    ProductIn,
    ProductOut,
    ProductsQuery,
)
from commerce.catalog.products.states import LIVE, TRANSITIONS, Status
from commerce.catalog.schemas import Cursor, Version
from commerce.identity.makers import named
from commerce.media import service as media
from commerce.paging import FIRST, LAST, page_of, place_of
from foundation.database import Tx
from foundation.errors import Problem
from foundation.types import Id, Input, Slug, Text
from pages.forms import Button, blank, fields, read, whole

ProductId = Annotated[Id, Path()]
_SHOWN, _SUGGESTED, _VERSIONS = 50, 100, 20
_MORE = 10
"""Empty rows of variants, when more are asked for."""
SHAPE = "shape"
"""The button that shows the form anew, with the fields of another type or more rows, and keeps nothing."""
_MONEY = ("price", "compare_at")


class StepForm(Input):
    """A step, and the version that it was decided by."""

    version: Annotated[Version, BeforeValidator(whole)]


class Filters(Input):
    """What is looked for; what is left empty filters nothing."""

    status: Annotated[Status | None, BeforeValidator(blank)] = None
    category: Annotated[CategorySlug | None, BeforeValidator(blank)] = None
    brand: Annotated[Slug | None, BeforeValidator(blank)] = None
    type: Annotated[Slug | None, BeforeValidator(blank)] = None
    q: Annotated[Text | None, BeforeValidator(blank)] = None
    cursor: Cursor | None = None


async def show(shelf: Here, filters: Annotated[Filters, Query()]) -> Response:
    """Every product, by what one looks for."""
    asked = filters.model_dump(exclude_none=True)
    query = ProductsQuery(**asked, limit=_SHOWN)
    place = place_of(query.cursor, LAST)
    async with shelf.desk.tx(read_only=True) as tx:
        found = await listing.page(tx, query, place, currency=shelf.currency, vendor_id=shelf.vendor_id)
        waiting = await listing.waiting(tx, vendor_id=shelf.vendor_id)
        suggested = await _suggested(tx)
    asked.pop("cursor", None)
    return shelf.page("products.html", **page_of(found, _SHOWN), asked=asked, waiting=waiting, **suggested)


async def begin(shelf: Here) -> Response:
    """An empty form."""
    return await _form(shelf, {"tax_class": "standard"})


async def add(request: Request, shelf: Here) -> Response:
    """A new draft."""
    sent = await fields(request, product_form.MOST_FIELDS)
    if SHAPE in sent:
        return await _form(shelf, sent, more=_more(sent))
    try:
        async with shelf.desk.tx() as tx:
            body = product_form.read(ProductIn, sent, **await _around(tx, shelf, sent))
            made = await writing.create(tx, shelf.by, body, currency=shelf.currency)
    except Problem as problem:
        return await _form(shelf, sent, typed=await refused(request, problem, field=product_form.field_of(problem)))
    return shelf.desk.redirect(shelf.of(made), "product-added")


async def show_one(shelf: Here, product_id: ProductId) -> Response:
    """A product, what waits to be reviewed of it, and what became of it."""
    return await page(shelf, product_id)


async def change(request: Request, shelf: Here, product_id: ProductId) -> Response:
    """Have it say something else."""
    sent = await fields(request, product_form.MOST_FIELDS)
    if SHAPE in sent:
        return await page(shelf, product_id, sent=sent)
    try:
        async with shelf.desk.tx() as tx:
            product = await reading.read(tx, product_id, currency=shelf.currency, vendor_id=shelf.vendor_id)
            around = await _around(tx, shelf, sent)
            body = product_form.read(ProductChange, sent, **around, before=_written(shelf, product))
            await writing.change(tx, shelf.by, product_id, body.version, body, currency=shelf.currency)
    except Problem as problem:
        typed = await refused(request, problem, field=product_form.field_of(problem))
        return await page(shelf, product_id, sent=sent, typed=typed)
    return shelf.desk.redirect(shelf.of(product_id), "kept" if shelf.by.may_publish else "product-written")


async def clone(request: Request, shelf: Here, product_id: ProductId) -> Response:
    """A draft that says the same."""
    await read(request, Button)
    try:
        async with shelf.desk.tx() as tx:
            made = await writing.clone(tx, shelf.by, product_id, currency=shelf.currency)
    except Problem as problem:
        return await page(shelf, product_id, typed=await refused(request, problem))
    return shelf.desk.redirect(shelf.of(made), "product-copied")


async def submit(request: Request, shelf: Here, product_id: ProductId) -> Response:
    """Ask for a review."""
    return await step(request, shelf, product_id, StepForm, living.submit, "product-submitted")


async def withdraw(request: Request, shelf: Here, product_id: ProductId) -> Response:
    """Take back what was submitted, or throw a proposal away."""
    return await step(request, shelf, product_id, StepForm, living.withdraw, "changed")


async def step(
    request: Request,
    shelf: Shelf,
    product_id: UUID,
    form: type[StepForm],
    take: Callable[..., Awaitable[None]],
    notice: str,
) -> Response:
    """Have a product go on as a form says; what is in the way is told on its page."""
    try:
        said = (await read(request, form)).model_dump()
        if said.get("at") is not None:
            said["at"] = said["at"].replace(tzinfo=shelf.desk.shop.zone)
        async with shelf.desk.tx() as tx:
            await take(tx, shelf.by, product_id, currency=shelf.currency, **said)
    except Problem as problem:
        typed = await refused(request, problem, field="at" if problem.code == "catalog.publication_past" else None)
        return await page(shelf, product_id, typed=typed)
    return shelf.desk.redirect(shelf.of(product_id), notice)


async def page(
    shelf: Shelf, product_id: UUID, *, sent: Mapping[str, str] | None = None, typed: Typed = NOTHING
) -> Response:
    """The page of a product, with what somebody sent of its form and why it was refused.

    Raises:
        ProductNotFound.
    """
    async with shelf.desk.tx(read_only=True) as tx:
        row = await reading.row_of(tx, product_id, currency=shelf.currency, vendor_id=shelf.vendor_id)
        product = reading.out(row, currency=shelf.currency)
        versions = [one for _, one in await history.page(tx, product_id, history.LATEST, _VERSIONS)]
        changes = (await history.changes(tx, row)).items
        makers = {} if shelf.vendor_id else await named(tx, [one.changed_by for one in versions])
        beside = await links.read(tx, product_id, currency=product.currency)
        media_there = await media.every(tx, product_id, currency=shelf.currency, vendor_id=shelf.vendor_id)
        said = _written(shelf, product)
        if sent is None:
            category = (await tree.read(tx, said.category_id)).slug if said.category_id else None
            values = product_form.fields_of(said, currency=product.currency, category=category)
        else:
            values = {name: value for name, value in sent.items() if name != SHAPE}
        drawn = await _drawn(tx, values, said, more=_more(sent or {}))
        changed = [await _readable(tx, one, product.currency) for one in changes]
    return shelf.page(
        "product.html",
        typed=typed,
        product=product,
        values=values,
        changes=changed,
        versions=versions,
        beside={kind: getattr(beside, kind) for kind in KINDS},
        media=product_media.shown(media_there.items, product),
        variants=product_media.choices(product),
        untouched=NOTHING,
        **product_media.limits(shelf),
        makers=makers,
        reviewing=product.proposal.status if product.proposal else product.status,
        may_take={action for action in product.possible if TRANSITIONS[action].permission in shelf.desk.staff.scopes},
        **drawn,
    )


async def _form(
    shelf: Shelf, values: Mapping[str, str], *, typed: Typed = NOTHING, more: int = product_form.SPARE
) -> Response:
    async with shelf.desk.tx(read_only=True) as tx:
        drawn = await _drawn(tx, values, None, more=more)
    return shelf.page("product_new.html", typed=typed, values=values, **drawn)


def _written(shelf: Shelf, product: ProductOut) -> ProductContent:
    """What whoever is here goes on writing: the proposal of what they may not change at once."""
    if product.proposal and product.status in LIVE and not shelf.by.may_publish:
        return product.proposal.content
    return product


async def _around(tx: Tx, shelf: Shelf, sent: Mapping[str, str]) -> dict[str, Any]:
    """What the form's words stand for in this shop.

    Raises:
        CategoryNotFound, ProductTypeNotFound.
    """
    category, of_type = sent.get("category", "").strip(), sent.get("type", "").strip()
    if of_type:
        await types.id_of(tx, of_type)
    return {
        "currency": shelf.currency,
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


async def _readable(tx: Tx, one: Difference, currency: str) -> Difference:
    """A difference as people read it: amounts of money, categories by their names, and what they stand for."""
    if one.path == "category_id":
        return Difference(path="category", before=await _category(tx, one.before), after=await _category(tx, one.after))
    path = one.path.replace("variants.", "", 1) if one.path.count(".") > 1 else one.path
    return Difference(
        path=path.replace(".", " · ").replace("_", " "),
        before=_said(one.path, one.before, currency),
        after=_said(one.path, one.after, currency),
    )


async def _category(tx: Tx, category_id: str | None) -> str | None:
    if category_id is None:
        return None
    try:
        return (await tree.read(tx, UUID(category_id))).name
    except CategoryNotFound:
        return category_id


def _said(path: str, value: Any, currency: str) -> Any:
    if isinstance(value, int) and path.startswith("variants.") and path.endswith(_MONEY):
        return f"{amounts.typed(value, currency)} {currency}"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {inner}" for name, inner in value.items())
    return value


router = both(
    (
        Page("GET", "", show, "catalog:read"),
        Page("GET", "/new", begin, "catalog:read"),
        Page("POST", "", add, "catalog:write"),
        Page("GET", "/{product_id}", show_one, "catalog:read"),
        Page("POST", "/{product_id}", change, "catalog:write"),
        Page("POST", "/{product_id}/copies", clone, "catalog:write"),
        Page("POST", "/{product_id}/submission", submit, "catalog:write"),
        Page("POST", "/{product_id}/withdrawal", withdraw, "catalog:write"),
    )
)
