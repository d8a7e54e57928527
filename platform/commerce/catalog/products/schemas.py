"""Products as staff and vendors see and write them."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

import pycountry
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from commerce.catalog.attributes.schemas import MOST_OF_A_TYPE, AttributeCode
from commerce.catalog.attributes.values import Given
from commerce.catalog.products.states import Action, Status
from commerce.catalog.rich import sanitised
from commerce.catalog.schemas import CategoryRef, Page, Version
from commerce.catalog.words import Plain
from foundation.types import Country, Id, Input, Instant, MinorUnits, Model, MoneyOut, Note, Slug, Text, clean

MOST_OPTIONS = 3
MOST_VARIANTS = 100
MOST_TAGS = 50
LONGEST_DESCRIPTION = 20_000
_HS = re.compile(r"(?!00|77|99)[0-9]{6}(?:[0-9]{2}){0,2}")
_GTIN_LENGTHS = {8, 12, 13, 14}
_BETWEEN = str.maketrans("", "", " .-")


def _gtin(value: str) -> str:
    digits = value.translate(_BETWEEN)
    if len(digits) not in _GTIN_LENGTHS or not digits.isascii() or not digits.isdigit() or not _is_checked(digits):
        raise ValueError("must be a GTIN of 8, 12, 13 or 14 digits, of which the last checks the others")
    return digits


def _is_checked(digits: str) -> bool:
    """Whether the last digit is the one that GS1's General Specifications (section 7.9) have of the others.

    `stdnum.ean` says the same in six times the time, and most of what a file of articles costs is its GTINs.
    """
    return (3 * sum(map(int, digits[-2::-2])) + sum(map(int, digits[-1::-2]))) % 10 == 0


def _country(value: str) -> str:
    if pycountry.countries.get(alpha_2=value) is None:
        raise ValueError("must be a country of ISO 3166, by its two letters")
    return value


def _hs_code(value: str) -> str:
    digits = value.translate(_BETWEEN)
    if not _HS.fullmatch(digits):
        raise ValueError("must be a code of the Harmonised System: 6 digits, or 8 or 10 with a country's own")
    return digits


_Short = Annotated[str, StringConstraints(max_length=40)]
Gtin = Annotated[_Short, AfterValidator(_gtin)]
"""A GS1 number (GTIN-8, -12, -13, -14), its check digit right; kept as its digits."""
Origin = Annotated[Country, AfterValidator(_country)]
HsCode = Annotated[_Short, AfterValidator(_hs_code)]
"""What customs know the goods by; kept as its digits."""
Sku = Annotated[Text, StringConstraints(max_length=100)]
"""The shop's own number of a variant."""
Handle = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$", max_length=200)]
Option = Annotated[Plain, StringConstraints(max_length=60)]
Description = Annotated[
    str, StringConstraints(max_length=LONGEST_DESCRIPTION), AfterValidator(clean), AfterValidator(sanitised)
]
"""Plain text, or HTML of the few elements that `catalog.rich` lets pass; the others are taken out."""


class VariantIn(Input):
    """One of the variants that a product comes in."""

    id: Id | None = None
    """Of one that is there; without it the one of this SKU, or a new one."""
    sku: Sku
    gtin: Gtin | None = None
    options: dict[Option, Option] = Field(default_factory=dict, max_length=MOST_OPTIONS)
    """What it is of each of the product's options: `{"Size": "42", "Colour": "Navy"}`."""
    price: MinorUnits | None = None
    """What one unit costs, in the shop's currency; left out, it stays what it is."""
    compare_at: MinorUnits | None = None
    """What it cost before; for a `price` that is given."""


class ProductIn(Input):
    """A product as it is to be."""

    title: Plain
    handle: Handle | None = None
    """Its part of addresses; made of the title when it is left out, and then kept."""
    description: Description = ""
    category_id: Id | None = None
    brand: Plain | None = None
    """By its name; one that the shop does not have yet is made, unless a vendor names it."""
    type: Slug | None = None
    """The code of a type of product, which says what attributes it has."""
    attributes: dict[AttributeCode, Given] = Field(default_factory=dict, max_length=MOST_OF_A_TYPE)
    tags: Annotated[list[Slug], Field(max_length=MOST_TAGS)] = Field(default_factory=list)
    country_of_origin: Origin | None = None
    hs_code: HsCode | None = None
    tax_class: Slug = "standard"
    options: Annotated[list[Option], Field(max_length=MOST_OPTIONS)] = Field(default_factory=list)
    """What its variants differ by, in the order in which people choose: `["Size", "Colour"]`."""
    variants: Annotated[list[VariantIn], Field(min_length=1, max_length=MOST_VARIANTS)]
    """In the order in which people see them."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(set(self.options)) < len(self.options):
            raise ValueError("a product has an option once")
        if any(set(one.options) != set(self.options) for one in self.variants):
            raise ValueError("each variant says what it is of each of the product's options, and of no other")
        if len({one.sku for one in self.variants}) < len(self.variants):
            raise ValueError("two variants have the same SKU")
        return self


class ProductChange(ProductIn):
    """A product as it is to be, and what it was taken for."""

    version: Version


class Step(Input):
    """A step of a product's life, and the version that it was decided by."""

    version: Version


class RejectionIn(Step):
    """Why a product is not agreed to."""

    reason: Note


class PublicationIn(Step):
    """When a product is to be in the shop."""

    at: Instant | None = None
    """Left out, at once."""


class ProductsQuery(Page):
    """Which products, the newest first."""

    status: Status | None = None
    """With `in_review`, those whose proposal is, and those with media that wait to be agreed to, too."""
    category: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,200}$")] | None = None
    """The address of a category: what is in it and below it."""
    brand: Slug | None = None
    type: Slug | None = None
    vendor: Slug | None = None
    q: Text | None = None
    """Words of the title, or a SKU, a GTIN or a handle."""


class VendorProductsQuery(Page):
    """Which of the vendor's products, the newest first."""

    status: Status | None = None
    q: Text | None = None


class VariantContent(Model):
    """A variant."""

    id: Id | None
    """`null` for one that is only proposed."""
    sku: str
    gtin: str | None
    options: dict[str, str]
    price: int | None
    compare_at: int | None


class ProductContent(Model):
    """What is said of a product, each value in the one form in which it is kept."""

    title: str
    handle: str
    description: str
    category_id: Id | None
    brand: str | None
    type: str | None
    attributes: dict[str, Any]
    tags: list[str]
    country_of_origin: str | None
    hs_code: str | None
    tax_class: str
    options: list[str]
    variants: list[VariantContent]


class ProposalOut(Model):
    """What a product that is live is to become."""

    status: Literal["draft", "in_review", "rejected"]
    reason: str | None
    """Why it was rejected."""
    proposed_by: str
    at: Instant
    content: ProductContent


class ProductOut(ProductContent):
    """A product as it is kept."""

    id: Id
    status: Status
    reason: str | None
    """Why it was rejected."""
    publish_at: Instant | None
    """When it will be published by itself."""
    vendor: str | None
    """The code of the vendor whose it is."""
    image: str | None
    currency: str
    """Of the prices."""
    proposal: ProposalOut | None
    possible: list[Action]
    """What can be done with it, or with its proposal, by whoever may."""
    version: int
    created_at: Instant
    updated_at: Instant


class ProductRow(Model):
    """A product in a list of staff's."""

    id: Id
    handle: str
    title: str
    brand: str | None
    type: str | None
    category: CategoryRef | None
    vendor: str | None
    image: str | None
    status: Status
    proposal: Literal["draft", "in_review", "rejected"] | None
    proposed_media: int
    """Of its media, those that wait to be agreed to."""
    publish_at: Instant | None
    variants: int
    sku: str | None
    """Of the first variant."""
    price: MoneyOut | None
    """The lowest."""
    version: int
    updated_at: Instant


class ProductRowList(Model):
    """A page of products, the newest first."""

    items: list[ProductRow]
    has_more: bool
    next_cursor: str | None


class Difference(Model):
    """Something that a product says otherwise than before."""

    path: str
    """`title`, `attributes.weight`, `variants.SKU-1.price`."""
    before: Any
    """`null`: it was not there."""
    after: Any
    """`null`: it is gone."""


class Differences(Model):
    """What a product says otherwise than the version of it that was approved last."""

    approved_version: int | None
    """`null`: none was."""
    items: list[Difference]


class VersionOut(Model):
    """That somebody changed a product, or moved it on."""

    version: int
    action: str
    changed_by: str
    at: Instant
    reason: str | None
    approved: bool
    content: ProductContent | None
    """`null` when it only moved on."""


class VersionList(Model):
    """A page of a product's history, the latest first."""

    items: list[VersionOut]
    has_more: bool
    next_cursor: str | None
