"""Translations over HTTP, for staff: the same two operations of everything that has texts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from commerce.catalog.attributes.schemas import AttributeCode
from commerce.catalog.products.history import Author
from commerce.catalog.translations import service
from commerce.catalog.translations.schemas import TranslationIn, Translations
from commerce.catalog.translations.service import Kind
from commerce.configuration.schemas import Locale
from commerce.http import Core, CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from commerce.tenancy.service import Shop
from foundation.types import Id, Slug

router = APIRouter(prefix="/v1/admin", tags=["catalogue"])
Reader = Annotated[Staff, Depends(staff("catalog:read"))]
Publisher = Annotated[Staff, Depends(staff("catalog:publish"))]
ById = Annotated[Id, Path()]
BySlug = Annotated[Slug, Path()]
ByCode = Annotated[AttributeCode, Path()]
OfLocale = Annotated[Locale, Path()]


@router.get("/products/{product_id}/translations")
async def of_product(core: CoreDep, shop: ShopDep, _: Reader, product_id: ById) -> Translations:
    """What a product says in which languages."""
    return await _read(core, shop, "products", str(product_id))


@router.put("/products/{product_id}/translations/{locale}")
async def translate_product(
    core: CoreDep, shop: ShopDep, by: Publisher, product_id: ById, locale: OfLocale, body: TranslationIn
) -> Translations:
    """Say what a product says in a language."""
    return await _put(core, shop, by, "products", str(product_id), locale, body)


@router.get("/categories/{category_id}/translations")
async def of_category(core: CoreDep, shop: ShopDep, _: Reader, category_id: ById) -> Translations:
    """What a category is called in which languages."""
    return await _read(core, shop, "categories", str(category_id))


@router.put("/categories/{category_id}/translations/{locale}")
async def translate_category(
    core: CoreDep, shop: ShopDep, by: Publisher, category_id: ById, locale: OfLocale, body: TranslationIn
) -> Translations:
    """Say what a category is called in a language."""
    return await _put(core, shop, by, "categories", str(category_id), locale, body)


@router.get("/brands/{slug}/translations")
async def of_brand(core: CoreDep, shop: ShopDep, _: Reader, slug: BySlug) -> Translations:
    """What a brand is called in which languages."""
    return await _read(core, shop, "brands", slug)


@router.put("/brands/{slug}/translations/{locale}")
async def translate_brand(
    core: CoreDep, shop: ShopDep, by: Publisher, slug: BySlug, locale: OfLocale, body: TranslationIn
) -> Translations:
    """Say what a brand is called in a language."""
    return await _put(core, shop, by, "brands", slug, locale, body)


@router.get("/collections/{collection_id}/translations")
async def of_collection(core: CoreDep, shop: ShopDep, _: Reader, collection_id: ById) -> Translations:
    """What a collection says in which languages."""
    return await _read(core, shop, "collections", str(collection_id))


@router.put("/collections/{collection_id}/translations/{locale}")
async def translate_collection(
    core: CoreDep, shop: ShopDep, by: Publisher, collection_id: ById, locale: OfLocale, body: TranslationIn
) -> Translations:
    """Say what a collection says in a language."""
    return await _put(core, shop, by, "collections", str(collection_id), locale, body)


@router.get("/attributes/{code}/translations")
async def of_attribute(core: CoreDep, shop: ShopDep, _: Reader, code: ByCode) -> Translations:
    """What an attribute and its choices are called in which languages."""
    return await _read(core, shop, "attributes", code)


@router.put("/attributes/{code}/translations/{locale}")
async def translate_attribute(
    core: CoreDep, shop: ShopDep, by: Publisher, code: ByCode, locale: OfLocale, body: TranslationIn
) -> Translations:
    """Say what an attribute and its choices are called in a language."""
    return await _put(core, shop, by, "attributes", code, locale, body)


async def _read(core: Core, shop: Shop, kind: Kind, key: str) -> Translations:
    async with core.database.tx(shop.id) as tx:
        return await service.read(tx, kind, key)


async def _put(
    core: Core, shop: Shop, by: Staff, kind: Kind, key: str, locale: str, body: TranslationIn
) -> Translations:
    async with core.database.tx(shop.id) as tx:
        await service.put(tx, Author.of(by), shop, kind, key, locale, body)
        return await service.read(tx, kind, key)
