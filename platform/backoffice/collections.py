"""Collections: by a rule that is tried while it is written, or picked by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import AfterValidator, BeforeValidator, Field
from starlette.responses import Response

from backoffice import collection_form as written
from backoffice import product_media
from backoffice.desk import Desk, desk
from backoffice.typed import NOTHING, Typed, refused
from commerce.catalog import handles
from commerce.catalog.attributes import service as attributes
from commerce.catalog.attributes.schemas import AttributeOut
from commerce.catalog.categories import service as tree
from commerce.catalog.collections import service
from commerce.catalog.collections.schemas import (
    MOST_PICKED,
    CollectionChange,
    CollectionIn,
    CollectionOut,
    PickedIn,
    PreviewIn,
    PreviewOut,
    RuleSort,
)
from commerce.catalog.links.schemas import once
from commerce.catalog.products.schemas import Handle
from commerce.catalog.schemas import Cursor, Version
from commerce.media import collection_pictures as pictures
from commerce.media.refusals import MediaNotFound
from commerce.media.schemas import StaffCollectionPicture
from commerce.paging import FIRST, page_of, place_of
from foundation import audit
from foundation.database import Tx
from foundation.errors import Problem
from foundation.types import Id, Input
from pages.forms import Button, fields, read, split_words, whole

router = APIRouter(prefix="/back-office/collections")
Reader = Annotated[Desk, Depends(desk("catalog:read"))]
Publisher = Annotated[Desk, Depends(desk("catalog:publish"))]
CollectionId = Annotated[Id, Path()]
Kind = Annotated[Literal["by-rule", "by-hand"], Path()]
HERE = "/back-office/collections"
SHAPE = "shape"
"""The button that tries the rule, or shows more rows, and keeps nothing."""
_SHOWN, _FIRST_SHOWN = 100, 20


class PickForm(Input):
    """The handles of what is picked, one a word, in their order."""

    products: Annotated[list[Handle], BeforeValidator(split_words), Field(max_length=MOST_PICKED), AfterValidator(once)]
    version: Annotated[Version, BeforeValidator(whole)]


@router.get("")
async def show(desk: Reader, cursor: Annotated[Cursor | None, Query()] = None) -> Response:
    """The shop's collections."""
    async with desk.tx(read_only=True) as tx:
        found = await service.page(tx, place_of(cursor), _SHOWN + 1)
    return desk.page("collections.html", **page_of(found, _SHOWN))


@router.get("/new/{kind}")
async def begin(desk: Reader, kind: Kind) -> Response:
    """An empty form."""
    sort = "best_selling" if kind == "by-rule" else "by_hand"
    return await _page(desk, None, {"sort": sort, "match": "all"}, by_rule=kind == "by-rule")


@router.post("/new/{kind}")
async def add(request: Request, desk: Publisher, kind: Kind) -> Response:
    """A new one."""
    sent, by_rule = await fields(request, written.MOST_FIELDS), kind == "by-rule"
    if SHAPE in sent:
        return await _tried(request, desk, None, sent)
    try:
        async with desk.tx() as tx:
            body = written.read(CollectionIn, sent, **await _around(tx, desk, sent), by_rule=by_rule)
            made = await service.add(tx, body)
            audit.made("collection", made)
    except Problem as problem:
        typed = await refused(request, problem, field=written.field_of(problem))
        return await _page(desk, None, sent, by_rule=by_rule, typed=typed)
    return desk.redirect(f"{HERE}/{made}", "collection-added")


@router.get("/{collection_id}")
async def show_one(desk: Reader, collection_id: CollectionId) -> Response:
    """A collection, and what is in it."""
    return await _page(desk, await _read(desk, collection_id))


@router.post("/{collection_id}")
async def change(request: Request, desk: Publisher, collection_id: CollectionId) -> Response:
    """Have it say something else, or go by another rule."""
    sent, collection = await fields(request, written.MOST_FIELDS), await _read(desk, collection_id)
    if SHAPE in sent:
        return await _tried(request, desk, collection, sent)
    by_rule = collection.rule is not None
    try:
        async with desk.tx() as tx:
            body = written.read(CollectionChange, sent, **await _around(tx, desk, sent), by_rule=by_rule)
            await service.change(tx, desk.shop, collection_id, body)
    except Problem as problem:
        typed = await refused(request, problem, field=written.field_of(problem))
        return await _page(desk, collection, sent, typed=typed)
    return desk.redirect(f"{HERE}/{collection_id}", "kept")


@router.post("/{collection_id}/products")
async def pick(request: Request, desk: Publisher, collection_id: CollectionId) -> Response:
    """Say which products are in it."""
    collection = await _read(desk, collection_id)
    try:
        form = await read(request, PickForm)
        async with desk.tx() as tx:
            ids = await service.ids_of(tx, form.products)
            await service.pick(tx, desk.shop, collection_id, PickedIn(product_ids=ids, version=form.version))
    except Problem as problem:
        return await _page(desk, collection, typed=await refused(request, problem, field="products"))
    return desk.redirect(f"{HERE}/{collection_id}", "kept")


@router.post("/{collection_id}/removal")
async def remove(request: Request, desk: Publisher, collection_id: CollectionId) -> Response:
    """Take it away."""
    await read(request, Button)
    async with desk.tx() as tx:
        await service.remove(tx, collection_id)
    return desk.redirect(HERE, "collection-removed")


async def page(desk: Desk, collection_id: UUID, *, typed: Typed, of_form: str) -> Response:
    """The page of a collection, with what is wrong with the form of its picture.

    Raises:
        CollectionNotFound.
    """
    return await _page(desk, await _read(desk, collection_id), typed=typed, of_form=of_form)


async def _read(desk: Desk, collection_id: UUID) -> CollectionOut:
    async with desk.tx(read_only=True) as tx:
        return await service.read(tx, collection_id)


async def _tried(request: Request, desk: Desk, collection: CollectionOut | None, sent: Mapping[str, str]) -> Response:
    """The form anew, with what its rule would find."""
    values = {name: value for name, value in sent.items() if name != SHAPE}
    try:
        async with desk.tx(read_only=True) as tx:
            found = await _preview(tx, desk, values)
    except Problem as problem:
        typed = await refused(request, problem)
        return await _page(desk, collection, values, typed=typed)
    return await _page(desk, collection, values, preview=found)


async def _preview(tx: Tx, desk: Desk, values: Mapping[str, str]) -> PreviewOut:
    rule = written.rule_in(values, await _meant(tx, desk, values))
    sort: RuleSort = _SORTS.get(values.get("sort", ""), "best_selling")
    return await service.preview(tx, desk.shop, PreviewIn(rule=rule, sort=sort))


_SORTS: Mapping[str, RuleSort] = {
    "best_selling": "best_selling",
    "newest": "newest",
    "price_asc": "price_asc",
    "price_desc": "price_desc",
    "title": "title",
}


async def _page(
    desk: Desk,
    collection: CollectionOut | None,
    sent: Mapping[str, str] | None = None,
    *,
    by_rule: bool | None = None,
    typed: Typed = NOTHING,
    of_form: str = "",
    preview: PreviewOut | None = None,
) -> Response:
    by_rule = collection.rule is not None if collection else bool(by_rule)
    async with desk.tx(read_only=True) as tx:
        values = sent if sent is not None else await _kept(tx, desk, collection)
        defined = await _defined(tx)
        most = _FIRST_SHOWN if by_rule else MOST_PICKED
        found = await service.members(tx, collection.id, None, most) if collection else []
        picture = await _picture(tx, collection)
    return desk.page(
        "collection.html",
        typed=typed,
        of_form=of_form,
        untouched=NOTHING,
        picture=picture,
        state=picture and product_media.state([picture]),
        fault=picture and picture.status == "failed" and product_media.FAULTS[picture.fault],
        largest_mb=desk.core.settings.max_photo_bytes // 1_048_576,
        collection=collection,
        by_rule=by_rule,
        values=values,
        rows=written.rows_of(values),
        choices=written.choices(defined),
        preview=preview,
        members=[one for _, one in found],
    )


async def _picture(tx: Tx, collection: CollectionOut | None) -> StaffCollectionPicture | None:
    """The picture that was brought for it, if one was."""
    try:
        return await pictures.read(tx, collection.id) if collection else None
    except MediaNotFound:
        return None


async def _kept(tx: Tx, desk: Desk, collection: CollectionOut | None) -> dict[str, str]:
    """What stands in the form of a collection that is there."""
    if collection is None:
        return {}
    named = [
        value
        for one in (collection.rule.conditions if collection.rule else ())
        if one.field == "category"
        for value in one.values
    ]
    slugs = await tree.slugs_of(tx, named)
    picture = await handles.by_id(tx, [collection.picture_of] if collection.picture_of else [])
    return written.fields_of(
        collection,
        currency=desk.shop.currency,
        zone=desk.shop.zone,
        slugs=slugs,
        picture=next(iter(picture.values()), ""),
    )


async def _around(tx: Tx, desk: Desk, sent: Mapping[str, str]) -> dict[str, Any]:
    """What the form's words stand for in this shop.

    Raises:
        CategoryNotFound, CollectedProductNotFound.
    """
    picture = sent.get("picture_of", "").strip()
    return {
        "meant": await _meant(tx, desk, sent),
        "zone": desk.shop.zone,
        "picture_of": (await service.ids_of(tx, [picture]))[0] if picture else None,
    }


async def _meant(tx: Tx, desk: Desk, sent: Mapping[str, str]) -> written.Meant:
    categories = {slug: await tree.id_of(tx, slug) for slug in written.categories_in(sent)}
    booleans = {one.code for one in await _defined(tx) if one.kind == "boolean"}
    return written.Meant(desk.shop.currency, categories, booleans)


async def _defined(tx: Tx) -> list[AttributeOut]:
    return [one for _, one in await attributes.page(tx, FIRST, attributes.MOST)]
