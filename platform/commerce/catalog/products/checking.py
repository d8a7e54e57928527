"""What is written of a product, made into what is kept: checked against the shop's own types, brands, categories."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from sqlalchemy import text

from commerce.catalog.attributes import types
from commerce.catalog.attributes.types import ProductTypeNotFound
from commerce.catalog.attributes.values import AttributeInvalid, Definition, Given, Kept, kept
from commerce.catalog.brands import service as brands
from commerce.catalog.brands.service import BrandNotFound
from commerce.catalog.categories import service as tree
from commerce.catalog.categories.service import CategoryNotFound
from commerce.catalog.products.schemas import ProductContent, ProductIn, VariantContent, VariantIn
from commerce.catalog.variants import option_title
from commerce.catalog.words import slug_of
from commerce.taxes.schemas import GIFT_CARDS
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound, Unprocessable

_OF_TITLE = 80
"""Characters of a handle that are made of a title."""


class SameOptions(Conflict):
    """Two variants of the product are the same in every option."""

    code = "catalog.same_options"

    skus: list[str]


class VariantNotOfProduct(NotFound):
    """The product has no such variant, or it is named twice."""

    code = "catalog.variant_not_found"


class ProductIncomplete(Unprocessable):
    """Something is missing without which the product isn't sold."""

    code = "catalog.product_incomplete"

    missing: list[str]
    """`attributes.weight`, `variants.SKU-1.price`."""


class GiftCardsTaxClass(Unprocessable):
    """The tax class of gift cards is theirs alone: it comes and goes with `/v1/admin/gift-card-products`."""

    code = "catalog.gift_cards_tax_class"


# ix_variant_product
_VARIANTS = hot(
    text(
        """
        SELECT v.id, v.sku, v.discontinued, r.amount, r.compare_at
        FROM variant v LEFT JOIN price r
            ON (r.tenant_id, r.variant_id, r.currency) = (v.tenant_id, v.id, CAST(:currency AS text))
        WHERE v.tenant_id = :tenant_id AND v.product_id = :product_id
        """
    )
)


Variants = Mapping[UUID, Sequence[Mapping[str, Any]]]
"""`id`, `sku`, `discontinued`, `amount` and `compare_at` of variants that are there, by product."""


@dataclass(frozen=True, slots=True)
class Known:
    """What of the shop products are checked against, as long as whoever asks holds the catalogue alone."""

    categories: frozenset[UUID]
    types: Mapping[str, Mapping[str, Definition]]
    """The attributes of each type by their codes."""
    brands: Mapping[str, str]
    """What the brand of a name is called."""
    variants: Variants


async def known(
    tx: Tx, bodies: Sequence[ProductIn], variants: Variants, *, named: Collection[str], may_add_brands: bool
) -> Known:
    """What products are checked against; `variants` are those that are there of them, `named` the brands to look up."""
    wanted = {one.category_id for one in bodies if one.category_id is not None}
    return Known(
        categories=frozenset(await tree.slugs_of(tx, wanted)) if wanted else frozenset(),
        types=await types.known(tx, {one.type for one in bodies if one.type is not None}),
        brands=await brands.known(tx, named, add=may_add_brands),
        variants=variants,
    )


async def content(
    tx: Tx,
    body: ProductIn,
    product_id: UUID,
    *,
    currency: str,
    before: ProductContent | None = None,
    may_add_brands: bool,
) -> ProductContent:
    """What the product says from then on, by whoever holds the catalogue alone.

    Raises:
        What `checked` does.
    """
    variants = await tx.rows(_VARIANTS, {"product_id": product_id, "currency": currency})
    named = {body.brand} if body.brand else set()
    there = await known(tx, [body], {product_id: variants}, named=named, may_add_brands=may_add_brands)
    return checked(body, product_id, there, before)


def checked(body: ProductIn, product_id: UUID, known: Known, before: ProductContent | None = None) -> ProductContent:
    """What the product says from then on, by what is known of the shop.

    Values of attributes that are retired, or that the type doesn't have, stay while they are left as they are.

    Raises:
        AttributeInvalid, SameOptions, VariantNotOfProduct, GiftCardsTaxClass.
        ProductTypeNotFound, CategoryNotFound: there is none here.
        BrandNotFound: the shop doesn't have it, and whoever asks may not add it.
    """
    if before is None or body.tax_class != before.tax_class:
        _check_tax_class(body.tax_class, before)
    if body.category_id is not None and body.category_id not in known.categories:
        raise CategoryNotFound
    if body.type is not None and body.type not in known.types:
        raise ProductTypeNotFound(type=body.type)
    _check_options(body.variants)
    return ProductContent(
        title=body.title,
        handle=body.handle or (before.handle if before else f"{slug_of(body.title)[:_OF_TITLE]}-{product_id.hex[-8:]}"),
        description=body.description,
        category_id=body.category_id,
        brand=_brand(known, body.brand, before.brand if before else None),
        type=body.type,
        attributes=_attributes(known, body.type, body.attributes, before.attributes if before else {}),
        tags=sorted(set(body.tags)),
        country_of_origin=body.country_of_origin,
        hs_code=body.hs_code,
        tax_class=body.tax_class,
        options=body.options,
        variants=_variants(body, known.variants.get(product_id, ())),
    )


async def require_complete(tx: Tx, said: ProductContent) -> None:
    """Stop what can't be sold.

    Raises:
        ProductIncomplete.
    """
    required = await types.definitions(tx, said.type) if said.type else []
    if missing := missing_of(said, required):
        raise ProductIncomplete(missing=missing)


def missing_of(said: ProductContent, defined: Iterable[Definition]) -> list[str]:
    """What is missing without which a product of the type isn't sold."""
    missing = [
        f"attributes.{one.code}"
        for one in defined
        if one.required and not one.retired and one.code not in said.attributes
    ]
    missing += [f"variants.{one.sku}.price" for one in said.variants if one.price is None]
    return missing or ([] if said.variants else ["variants"])


def title_of(variant: VariantContent, options: Sequence[str]) -> str:
    """What tells a variant from the others of its product."""
    return option_title([variant.options[name] for name in options])


def _check_tax_class(tax_class: str, before: ProductContent | None) -> None:
    if GIFT_CARDS in (tax_class, before and before.tax_class):
        raise GiftCardsTaxClass


def _check_options(variants: Sequence[VariantIn]) -> None:
    by_options: dict[tuple[tuple[str, str], ...], str] = {}
    for one in variants:
        same = by_options.setdefault(
            tuple(sorted((name, said.casefold()) for name, said in one.options.items())), one.sku
        )
        if same != one.sku:
            raise SameOptions(skus=[same, one.sku])


def _brand(known: Known, name: str | None, before: str | None) -> str | None:
    if name is None:
        return None
    if name not in known.brands and name != before:  # a product that was loaded may name one that nobody has added
        raise BrandNotFound(brand=name)
    return known.brands.get(name, name)


def _attributes(
    known: Known, of_type: str | None, given: Mapping[str, Given], before: Mapping[str, Any]
) -> dict[str, Kept]:
    defined = known.types[of_type] if of_type else {}
    return {code: _value(code, defined.get(code), given[code], before.get(code)) for code in sorted(given)}


def _value(code: str, defined: Definition | None, given: Given, before: Any) -> Kept:
    if before is not None and type(given) is type(before) and given == before and (defined is None or defined.retired):
        return cast("Kept", before)
    if defined is None:
        raise AttributeInvalid(attribute=code, reason="the product's type has no such attribute")
    if defined.retired:
        raise AttributeInvalid(attribute=code, reason="the attribute is retired: products keep it as it is, or lose it")
    return kept(defined, given)


def _variants(body: ProductIn, rows: Sequence[Mapping[str, Any]]) -> list[VariantContent]:
    """The variants with the ids of those that are there, and the prices that are left as they are."""
    by_id, by_sku = {row["id"]: row for row in rows}, {row["sku"]: row for row in rows}
    named = [one.id for one in body.variants if one.id is not None]
    if len(set(named)) < len(named) or not by_id.keys() >= set(named):
        raise VariantNotOfProduct
    found: list[VariantContent] = []
    for one in body.variants:
        there = by_id[one.id] if one.id is not None else by_sku.get(one.sku)
        if there is not None and one.id is None and there["id"] in named:  # that one gets another SKU
            there = None
        stays = there is not None and one.price is None
        found.append(
            VariantContent(
                id=there["id"] if there else None,
                sku=one.sku,
                gtin=one.gtin,
                options=one.options,
                price=there["amount"] if there and stays else one.price,
                compare_at=there["compare_at"] if there and stays else one.compare_at,
            )
        )
    return found
