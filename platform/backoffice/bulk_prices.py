"""Many prices changed at once: written while it is tried, looked at, applied, followed, stopped, and undone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from backoffice import bulk_price_form as written
from backoffice.desk import Desk, desk
from backoffice.typed import NOTHING, Typed, refused
from commerce.bulk_pricing import jobs, rows
from commerce.bulk_pricing.api import file_of
from commerce.bulk_pricing.schemas import ApplicationIn, BulkChangeIn, State
from commerce.bulk_pricing.trying import Tried, tried
from commerce.catalog.attributes import types
from commerce.catalog.brands import service as brands
from commerce.catalog.categories import service as tree
from commerce.catalog.categories.schemas import CategoriesQuery
from commerce.catalog.collections import service as collections
from commerce.catalog.schemas import Cursor
from commerce.identity.makers import named
from commerce.paging import FIRST, LAST, page_of, place_of
from foundation import audit
from foundation.database import Tx
from foundation.errors import Problem
from foundation.types import Id, Input
from pages.forms import Button, fields, read, ticked

router = APIRouter(prefix="/back-office/bulk-prices")
Reader = Annotated[Desk, Depends(desk("prices:read"))]
Writer = Annotated[Desk, Depends(desk("prices:write"))]
ChangeId = Annotated[Id, Path()]
HERE = "/back-office/bulk-prices"
SHAPE = "shape"
"""The button that tries the change, and keeps nothing."""
_SHOWN, _ROWS, _TRIED, _SUGGESTED = 20, 50, 12, 100
_MOST_FIELDS = 30
_FIELDS = {
    "bulk_pricing.unknown_skus": "skus",
    "bulk_pricing.unknown_collection": "collection",
    "catalog.category_not_found": "category",
    "pricing.bad_window": "ends_at",
}
"""A refusal by its code, and the field that it is about."""


class ApplyForm(Input):
    """What becomes of SKUs that can't be changed as they are."""

    violating: Annotated[bool, BeforeValidator(ticked)] = False
    """Those that break a guardrail are left out."""
    changed: Annotated[bool, BeforeValidator(ticked)] = False
    """Those whose price changed since are left out."""


@router.get("")
async def show(desk: Reader, cursor: Annotated[Cursor | None, Query()] = None) -> Response:
    """The shop's bulk price changes."""
    before = place_of(cursor, LAST)
    async with desk.tx(read_only=True) as tx:
        found = await jobs.page(tx, before, _SHOWN + 1)
        makers = await named(tx, [one.requested_by for _, one in found])
    return desk.page("bulk_prices.html", makers=makers, **page_of(found, _SHOWN))


@router.get("/new")
async def begin(desk: Reader, like: Annotated[Id | None, Query()] = None) -> Response:
    """An empty form, or that of a change like another."""
    values = {"currency": desk.shop.currency, "kind": "percent_down"}
    if like is not None:
        async with desk.tx(read_only=True) as tx:
            values = await _kept(tx, desk, (await jobs.one(tx, like)).change)
    return await _form(desk, values)


@router.post("/new")
async def ask(request: Request, desk: Writer) -> Response:
    """Try it, or have it looked at."""
    sent = await fields(request, _MOST_FIELDS)
    is_tried = sent.pop(SHAPE, None) is not None
    try:
        async with desk.tx(read_only=is_tried) as tx:
            change = written.read(sent, await _meant(tx, desk, sent))
            if is_tried:
                return await _form(desk, sent, found=await tried(tx, desk.shop, change, _TRIED))
            change_id = await jobs.ask(tx, change, by=desk.staff.principal)
            audit.made("bulk_price_change", change_id)
    except Problem as problem:
        return await _form(desk, sent, typed=await refused(request, problem, field=_FIELDS.get(problem.code)))
    return desk.redirect(f"{HERE}/{change_id}")


@router.get("/{change_id}")
async def follow(
    desk: Reader,
    change_id: ChangeId,
    state: Annotated[State | None, Query()] = None,
    cursor: Annotated[Cursor | None, Query()] = None,
) -> Response:
    """What it comes to, and how far it is; while it goes on the page comes again by itself."""
    return await _page(desk, change_id, state, cursor)


@router.get("/{change_id}/file")
async def take(desk: Reader, change_id: ChangeId) -> Response:
    """Every SKU, for a spreadsheet."""
    return await file_of(desk.core, desk.shop, change_id)


@router.post("/{change_id}/application")
async def apply(request: Request, desk: Writer, change_id: ChangeId) -> Response:
    """Change the prices."""
    form = await read(request, ApplyForm)
    how: Mapping[bool, Literal["block", "leave_out"]] = {False: "block", True: "leave_out"}
    asked = ApplicationIn(violating=how[form.violating], changed=how[form.changed])
    try:
        async with desk.tx() as tx:
            await jobs.apply(tx, change_id, asked, by=desk.staff.principal)
    except Problem as problem:
        return await _page(desk, change_id, typed=await refused(request, problem))
    return desk.redirect(f"{HERE}/{change_id}")


@router.post("/{change_id}/cancellation")
async def cancel(request: Request, desk: Writer, change_id: ChangeId) -> Response:
    """See to no more of it."""
    await read(request, Button)
    async with desk.tx() as tx:
        await jobs.stop(tx, change_id)
    return desk.redirect(f"{HERE}/{change_id}", "prices-stopped")


@router.post("/{change_id}/undoing")
async def undo(request: Request, desk: Writer, change_id: ChangeId) -> Response:
    """Set the prices again that there were."""
    await read(request, Button)
    async with desk.tx() as tx:
        await jobs.undo(tx, change_id, by=desk.staff.principal)
    return desk.redirect(f"{HERE}/{change_id}")


async def _page(
    desk: Desk, change_id: UUID, state: State | None = None, cursor: str | None = None, *, typed: Typed = NOTHING
) -> Response:
    async with desk.tx(read_only=True) as tx:
        one = await jobs.one(tx, change_id)
        found = await rows.page(tx, change_id, state, place_of(cursor, FIRST), _ROWS + 1)
        makers = await named(tx, [one.requested_by, one.applied_by, one.undone_by])
    return desk.page(
        "bulk_price.html",
        typed=typed,
        one=one,
        state=state,
        makers=makers,
        goes_on=one.status in {"waiting", "running"},
        **page_of(found, _ROWS),
    )


async def _form(
    desk: Desk, values: Mapping[str, str], *, typed: Typed = NOTHING, found: Tried | None = None
) -> Response:
    async with desk.tx(read_only=True) as tx:
        suggested = {
            "category": [one.slug for one in await tree.page(tx, CategoriesQuery(limit=_SUGGESTED), None)],
            "brand": [one.slug for _, one in await brands.page(tx, FIRST, _SUGGESTED)],
            "type": [one.code for _, one in await types.page(tx, FIRST, types.MOST)],
        }
        collected = [one for _, one in await collections.page(tx, FIRST, _SUGGESTED)]
    return desk.page(
        "bulk_price_new.html",
        typed=typed,
        values=values,
        found=found,
        kinds=written.KINDS,
        suggested=suggested,
        collections=collected,
    )


async def _meant(tx: Tx, desk: Desk, sent: Mapping[str, str]) -> written.Meant:
    categories = {slug: await tree.id_of(tx, slug) for slug in written.split(sent.get("category", ""))}
    return written.Meant(desk.shop.zone, categories)


async def _kept(tx: Tx, desk: Desk, change: BulkChangeIn) -> dict[str, str]:
    rule = change.filter.rule
    named = [value for one in (rule.conditions if rule else ()) if one.field == "category" for value in one.values]
    return written.fields_of(change, zone=desk.shop.zone, slugs=await tree.slugs_of(tx, named))
