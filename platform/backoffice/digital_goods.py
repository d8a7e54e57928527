"""Variants that are downloaded: on which terms, and the files that they consist of."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BeforeValidator
from starlette.datastructures import UploadFile
from starlette.responses import Response

from backoffice.desk import Desk, desk
from backoffice.typed import NOTHING, Typed, refused
from backoffice.variants import variant_of
from commerce.archives.handing_out import require_storage
from commerce.catalog.products import reading
from commerce.digital import service
from commerce.digital.schemas import DigitalIn, FileQuery
from commerce.digital.serving import Span, handed_out
from commerce.digital.storing import Shelf
from foundation.errors import Problem
from foundation.types import Id, Input
from pages.forms import blank, read, ticked, validated, whole, with_file

router = APIRouter(prefix="/back-office/products/{product_id}/downloads")
Reader = Annotated[Desk, Depends(desk("catalog:read"))]
Publisher = Annotated[Desk, Depends(desk("catalog:publish"))]
ProductId = Annotated[Id, Path()]
VariantId = Annotated[Id, Path()]
FileId = Annotated[Id, Path()]
_PIECE = 2**20
_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,60}")


def _number(value: object) -> object:
    return blank(value) if isinstance(value, str) and not value.strip() else whole(value)


class TermsForm(Input):
    """Whether a variant is downloaded, how often, and for how long."""

    digital: Annotated[bool, BeforeValidator(ticked)] = False
    download_limit: Annotated[int | None, BeforeValidator(_number)] = None
    download_days: Annotated[int | None, BeforeValidator(_number)] = None


class FileForm(Input):
    """A file that is brought."""


@router.get("")
async def show(desk: Reader, product_id: ProductId) -> Response:
    """The variants, each with what is downloaded of it."""
    async with desk.tx(read_only=True) as tx:
        product = await reading.read(tx, product_id, currency=desk.shop.currency)
        files = await service.counted(tx, product_id)
    return desk.page("digital_goods.html", product=product, files=files)


@router.get("/{variant_id}")
async def show_one(desk: Reader, product_id: ProductId, variant_id: VariantId) -> Response:
    """What a variant is as a download."""
    return await _one(desk, product_id, variant_id)


@router.post("/{variant_id}")
async def put(request: Request, desk: Publisher, product_id: ProductId, variant_id: VariantId) -> Response:
    """Say whether a variant is downloaded, and on which terms."""
    try:
        form = await read(request, TermsForm)
        terms = validated(DigitalIn, form.model_dump())
        async with desk.tx() as tx:
            variant = variant_of(await reading.read(tx, product_id, currency=desk.shop.currency), variant_id)
            await service.put(tx, variant.sku, terms)
    except Problem as problem:
        return await _one(desk, product_id, variant_id, await refused(request, problem, field="digital"))
    return desk.redirect(_page_of(product_id, variant_id), "changed")


@router.post("/{variant_id}/files")
async def add_file(request: Request, desk: Publisher, product_id: ProductId, variant_id: VariantId) -> Response:
    """Put a file to a variant."""
    try:
        sku = await _sku(desk, product_id, variant_id)
        async with with_file(request, FileForm, "file") as (_, file):
            await _shelf(desk).add(sku, _named(file), _pieces(file))
    except Problem as problem:
        return await _one(desk, product_id, variant_id, await refused(request, problem, field="file"))
    return desk.redirect(_page_of(product_id, variant_id), "changed")


@router.get("/{variant_id}/files/{file_id}")
async def look_at(desk: Reader, product_id: ProductId, variant_id: VariantId, file_id: FileId) -> Response:
    """A file as whoever buys it gets it."""
    sku = await _sku(desk, product_id, variant_id)
    async with desk.tx(read_only=True) as tx:
        file = await service.file(tx, sku, file_id)
    return await handed_out(require_storage(desk.core.settings), desk.shop.id, file, Span.asked(None, None, file))


@router.post("/{variant_id}/files/{file_id}/removal")
async def remove_file(
    request: Request, desk: Publisher, product_id: ProductId, variant_id: VariantId, file_id: FileId
) -> Response:
    """Take a file away from everybody."""
    try:
        sku = await _sku(desk, product_id, variant_id)
        await _shelf(desk).remove(sku, file_id)
    except Problem as problem:
        return await _one(desk, product_id, variant_id, await refused(request, problem))
    return desk.redirect(_page_of(product_id, variant_id), "changed")


def _page_of(product_id: UUID, variant_id: UUID) -> str:
    return f"/back-office/products/{product_id}/downloads/{variant_id}"


def _shelf(desk: Desk) -> Shelf:
    return Shelf(desk.core.database, desk.core.settings, desk.shop.id)


def _named(file: UploadFile) -> FileQuery:
    """What a browser says of a file; of a type that is none, nothing."""
    kind = (file.content_type or "").lower()
    said = {"media_type": kind} if _MEDIA_TYPE.fullmatch(kind) else {}
    return validated(FileQuery, {"name": file.filename or "", **said})


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(_PIECE):
        yield piece


async def _one(desk: Desk, product_id: UUID, variant_id: UUID, typed: Typed = NOTHING) -> Response:
    async with desk.tx(read_only=True) as tx:
        product = await reading.read(tx, product_id, currency=desk.shop.currency)
        variant = variant_of(product, variant_id)
        goods = await service.get(tx, variant.sku)
    return desk.page(
        "digital_good.html", typed=typed, product=product, variant=variant, goods=goods, most=service.MOST_FILES
    )


async def _sku(desk: Desk, product_id: UUID, variant_id: UUID) -> str:
    async with desk.tx(read_only=True) as tx:
        return variant_of(await reading.read(tx, product_id, currency=desk.shop.currency), variant_id).sku
