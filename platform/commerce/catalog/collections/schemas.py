"""Collections as staff write them, and as the shop shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from commerce.catalog.attributes.schemas import AttributeCode
from commerce.catalog.attributes.values import Given
from commerce.catalog.links.schemas import once
from commerce.catalog.products.schemas import Description, Handle
from commerce.catalog.schemas import Cover, Page, Picture, Spoken, Version
from commerce.catalog.words import Plain
from foundation.types import Day, Id, Input, Instant, MinorUnits, Model, Slug

MOST_CONDITIONS = 20
MOST_NAMED = 50
"""Values that one condition may name."""
MOST_PICKED = 1_000
"""Products that somebody may pick for a collection."""

Sort = Literal["by_hand", "best_selling", "newest", "price_asc", "price_desc", "title"]
RuleSort = Literal["best_selling", "newest", "price_asc", "price_desc", "title"]
"""Those that what a rule finds may be in."""
Among = Literal["in", "not_in"]
Slugs = Annotated[list[Slug], Field(min_length=1, max_length=MOST_NAMED)]


class CategoryCondition(Input):
    """In one of these categories or below it, or in none of them."""

    field: Literal["category"]
    op: Among = "in"
    values: Annotated[list[Id], Field(min_length=1, max_length=MOST_NAMED)]
    """By their ids."""


class BrandCondition(Input):
    """Of one of these brands, or of none of them."""

    field: Literal["brand"]
    op: Among = "in"
    values: Slugs
    """By their slugs; one that gets another address stays meant."""


class TagCondition(Input):
    """With one of these tags, or with none of them."""

    field: Literal["tag"]
    op: Among = "in"
    values: Slugs


class TypeCondition(Input):
    """Of one of these types of product, or of none of them."""

    field: Literal["type"]
    op: Among = "in"
    values: Slugs
    """By their codes."""


class VendorCondition(Input):
    """Sold by one of these vendors, or by none of them."""

    field: Literal["vendor"]
    op: Among = "in"
    values: Slugs
    """By their codes."""


class AttributeCondition(Input):
    """That says one of these values by an attribute, none of them, or one within a bound."""

    field: Literal["attribute"]
    attribute: AttributeCode
    op: Literal["in", "not_in", "at_least", "at_most"] = "in"
    """`at_least` and `at_most` are for numbers and dates."""
    values: Annotated[list[Given], Field(min_length=1, max_length=MOST_NAMED)]
    """As a product takes them; a bound is one value."""

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if self.op in {"at_least", "at_most"} and len(self.values) > 1:
            raise ValueError("a bound is one value")
        return self


class PriceCondition(Input):
    """That costs everybody so much, or so little, right now: the price that its card shows."""

    field: Literal["price"]
    op: Literal["at_least", "at_most"]
    amount: MinorUnits
    """In the shop's currency."""


class ReducedCondition(Input):
    """That costs less than before, or than without its sale; or doesn't."""

    field: Literal["reduced"]
    value: bool = True


class AvailableCondition(Input):
    """That can be bought now, or can't."""

    field: Literal["available"]
    value: bool = True


class PublishedCondition(Input):
    """That came into the shop on a day or later, or before it."""

    field: Literal["published"]
    op: Literal["since", "before"]
    day: Day
    """By the shop's clocks."""


class NewCondition(Input):
    """That came into the shop within so many days."""

    field: Literal["new"]
    days: Annotated[int, Field(ge=1, le=3_650)]


Condition = Annotated[
    CategoryCondition
    | BrandCondition
    | TagCondition
    | TypeCondition
    | VendorCondition
    | AttributeCondition
    | PriceCondition
    | ReducedCondition
    | AvailableCondition
    | PublishedCondition
    | NewCondition,
    Field(discriminator="field"),
]


class Rule(Input):
    """What decides which products are in a collection."""

    match: Literal["all", "any"] = "all"
    """Whether a product must be as all conditions say, or as one of them."""
    conditions: Annotated[list[Condition], Field(min_length=1, max_length=MOST_CONDITIONS)]


class CollectionIn(Input):
    """A collection as it is to be."""

    title: Plain
    handle: Handle | None = None
    """Its part of addresses; made of the title when it is left out, and then kept."""
    description: Description = ""
    rule: Rule | None = None
    """Without one, somebody picks the products. A collection stays of its kind."""
    sort: Sort = "best_selling"
    """`by_hand` is for what somebody picks."""
    published: bool = False
    starts_at: Instant | None = None
    """Shoppers see it from here on."""
    ends_at: Instant | None = None
    """Not included."""
    menu_position: Annotated[int, Field(ge=0, le=9_999)] | None = None
    """Its place in the shop's menu, the lowest first; without one it is not in the menu."""
    picture_of: Id | None = None
    """The product whose picture stands for it; without one, its first product's."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.rule is not None and self.sort == "by_hand":
            raise ValueError("what a rule finds is in no order of somebody's hand")
        if self.starts_at and self.ends_at and self.starts_at >= self.ends_at:
            raise ValueError("it ends after it starts")
        return self


class CollectionChange(CollectionIn):
    """A collection as it is to be, and what it was taken for."""

    version: Version


class PickedIn(Input):
    """The products of a collection, all of them, in their order."""

    product_ids: Annotated[list[Id], Field(max_length=MOST_PICKED), AfterValidator(once)]
    version: Version
    """The collection's."""


class CollectionOut(Model):
    """A collection, for staff."""

    id: Id
    handle: str
    title: str
    description: str
    rule: Rule | None
    gone: list[str]
    """What the rule names that the shop doesn't have any more: no product is as such a condition says."""
    sort: Sort
    published: bool
    starts_at: datetime | None
    ends_at: datetime | None
    menu_position: int | None
    picture_of: Id | None
    product_count: int
    """Published products in it."""
    filled_at: datetime | None
    """When it was last filled from nothing; `null`: the worker is about to."""
    version: int


class CollectionList(Model):
    """A page of collections, in the order in which they were added."""

    items: list[CollectionOut]
    has_more: bool
    next_cursor: str | None


class MemberOut(Model):
    """A product in a collection."""

    id: Id
    title: str
    handle: str
    status: str
    """Shoppers see it only where it is published."""


class MemberList(Model):
    """A page of the products in a collection, in its order."""

    items: list[MemberOut]
    has_more: bool
    next_cursor: str | None


class PreviewIn(Input):
    """A rule to try."""

    rule: Rule
    sort: RuleSort = "best_selling"


class PreviewOut(Model):
    """What a rule would find now."""

    product_count: int
    products: list[MemberOut]
    """The first of them."""


class ShownQuery(Page, Spoken):
    """Which part of a list, and in which language."""


class OwnPicture(Picture):
    """A picture that was brought for a collection."""

    alt: str
    """What is seen, in words."""


class ShownCollection(Model):
    """A collection as shoppers see it."""

    id: Id
    handle: str
    title: str
    description: str
    """Plain text, or HTML of a few elements that do nothing but show."""
    product_count: int
    menu_position: int | None
    """Its place in the shop's menu, where it is in it."""
    picture: Cover | None
    """Its own, or a product's."""
    own_picture: OwnPicture | None
    """The picture that was brought for it; `null`: a product's stands for it."""
    image: str | None
    """The object's key; `null` means the shop draws the picture, of `picture_of`."""
    picture_of: Id | None
    """The product whose picture it is."""


class ShownCollections(Model):
    """A page of the shop's collections: those of its menu first, in the menu's order."""

    items: list[ShownCollection]
    has_more: bool
    next_cursor: str | None
