"""What the shop says of its products: the documented shape of what Postgres builds in `hot.py`."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from commerce.pricing.schemas import ItemPrice, QuantityBreak
from foundation.hearing import Alternatives, Fit
from foundation.search import LONGEST_QUERY, Relaxable, Relaxed, Sort
from foundation.types import Id, Input, Model, MoneyOut, Text, one_line

Version = Annotated[int, Field(ge=1, le=2**31 - 1)]
"""Which version somebody took a thing for."""
Cursor = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_=-]{1,200}$")]


class Spoken(Input):
    """In which language something is read."""

    locale: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(?:-[A-Z]{2})?$")] | None = None
    """One of the shop's, such as `de-CH`; another is read as its own. Without one, `Accept-Language` says."""


class Page(Input):
    """Which part of a list."""

    limit: Annotated[int, Field(ge=1, le=100, strict=False)] = 24
    cursor: Annotated[str, StringConstraints(max_length=200)] | None = None


class Filtering(Page, Spoken):
    """What of a list is looked at, and in which order."""

    filter: Annotated[list[Annotated[str, StringConstraints(max_length=420)]], Field(max_length=200)] = Field(
        default_factory=list
    )
    """A facet, a colon and a value, such as `brand:Acme`; of prices a range of minor units, `price:1000-4999`. Any of
    what is chosen of a facet, and all facets together."""
    sort: Sort | None = None
    facets: Annotated[bool, Field(strict=False)] = False
    """Whether to count facets over the whole result."""


class CollectionQuery(Filtering):
    """Which part of a collection."""

    @property
    def is_plain(self) -> bool:
        """Whether the list is the collection as it is kept, and nothing else is asked of it."""
        return not (self.filter or self.facets) and self.sort in {None, "relevance"}


class Narrowing(Filtering):
    """What of a category, or of all products, is looked at."""

    category: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,200}$")] | None = None
    """The category's slug; those below it are in it."""

    @property
    def is_plain(self) -> bool:
        """Whether the list is as it is shown to everybody who says nothing."""
        return not (self.filter or self.facets) and self.sort in {None, "popularity", "relevance"}


class ProductQuery(Narrowing):
    """Which products."""


class SearchQuery(Narrowing):
    """Words to find products by."""

    q: Text


class SuggestionQuery(Spoken):
    """What somebody has typed so far; a space at its end says that the last word is whole."""

    q: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_QUERY), AfterValidator(one_line)]


class ComparisonQuery(Spoken):
    """Which products to put side by side."""

    product: Annotated[
        list[Annotated[str, StringConstraints(min_length=1, max_length=200)]], Field(min_length=2, max_length=4)
    ]
    """By their handles or ids."""


class CategoryRef(Model):
    """A category's name and address."""

    name: str
    slug: str


class BrandRef(Model):
    """A brand's name and address."""

    name: str
    slug: str


class PictureSource(Model):
    """A picture in one format, in several sizes: a `<source>` of a `<picture>`."""

    type: str
    """`image/avif`"""
    srcset: str


class PictureSet(Model):
    """A picture in every format and size, the most wanted format first."""

    src: str
    """What every browser shows."""
    width: int
    """Of `src`, in pixels."""
    height: int
    sources: list[PictureSource]


class Picture(Model):
    """A picture of a product. Its addresses are of this shop, and what one gives never changes."""

    square: PictureSet
    """Cut around the point that matters."""
    whole: PictureSet


class Cover(PictureSet):
    """The picture of a product in lists, a square."""

    alt: str
    """What is seen, in words."""


MediaKind = Literal["image", "spin", "video"]


class VideoOut(Model):
    """A video that lies elsewhere."""

    provider: Literal["youtube", "vimeo"]
    url: str
    """Its page."""
    embed_url: str
    """Its player."""


class Medium(Model):
    """An image, a 360-degree set or a video of a product."""

    id: Id
    kind: MediaKind
    alt: str
    """What is seen, in words."""
    variant_id: Id | None
    """What it shows, when that is one variant and not all."""
    video: VideoOut | None
    pictures: list[Picture]
    """The image; the frames in the order in which the product turns; what stands for the video."""


class Rating(Model):
    """What the reviews of a product come to."""

    average: float
    """Of the stars, to two places."""
    count: int


class RatingDetail(Rating):
    """The same, and how they are spread."""

    stars: list[int]
    """How many gave one star, two, and so on."""


class ProductCard(Model):
    """A product in a list."""

    id: Id
    handle: str
    title: str
    brand: str | None
    image: str | None
    """The object's key; `null` means the shop draws the picture."""
    picture: Cover | None
    """Its picture in the sizes of lists, where staff have brought one."""
    category: CategoryRef | None
    variant_id: Id
    price: MoneyOut
    """What whoever asks pays for one now."""
    compare_at: int | None
    """What it cost before, or costs without the offer, when that is more."""
    lowest_price_30_days: int | None
    """Where it is reduced for everybody: the lowest price of the 30 days before that began."""
    offer: ItemPrice | None
    """Why it costs less than the list price: a sale, the customer's group, a price promised to them."""
    quantity_breaks: list[QuantityBreak]
    available: bool
    rating: Rating | None
    """`null` while nobody's review is published."""


class ProductList(Model):
    """A page of products."""

    items: list[ProductCard]
    has_more: bool
    next_cursor: str | None


class FacetValueOut(Model):
    """A value that products can be narrowed down to."""

    value: str
    """As a filter has it: `filter=brand:Acme`."""
    label: str
    parent: str | None
    """Of a category: the one above it."""
    colour: str | None
    """Of a colour: `#1f2a44`."""
    count: int
    """Products of the whole result that have it, narrowed down by every other facet."""
    chosen: bool


class FacetRangeOut(Model):
    """A range of prices, in minor units, both ends included."""

    value: str
    """As a filter has it: `filter=price:1000-4999`."""
    least: int | None
    most: int | None
    count: int
    chosen: bool


class FacetOut(Model):
    """Something that the result can be narrowed down by."""

    facet: str
    label: str
    values: list[FacetValueOut]
    """Those that most products have first, numbers in their order."""
    ranges: list[FacetRangeOut]
    more: bool
    """There are values that are not told."""


class Listing(ProductList):
    """A page of a result, and what the whole of it can be narrowed down by."""

    decision_id: Id | None
    """Of the decision service, for the events that follow; `null` when it was not reached."""
    total: int | None
    """Products of the whole result; `null` where nobody has counted."""
    sort: Sort
    facets: list[FacetOut]
    relaxable: list[Relaxable]
    """Where nothing is found: facets whose choice may be let go, all else kept, and how many products there are then,
    what finds most first. Nothing is let go unasked."""
    not_applied: list[str]
    """What the fallback could not heed: facets that are filtered by, and `sort`."""
    fallback: Literal["full_text"] | None
    """Set when the shop's own Postgres answers, with the reason."""
    fallback_reason: str | None


class RecognisedOut(Model):
    """Something of the shop's own that a query names: a value that the result can be narrowed down by."""

    facet: Literal["brand", "category"]
    value: str
    label: str
    """What people read."""


class SearchResults(Listing):
    """A page of what answers a search, and how the search was read."""

    query: str
    """As it was read: in its probable spelling."""
    corrected: dict[str, str]
    """Which word was taken for which; empty when nothing was."""
    relaxed: list[Relaxed]
    """`some_words`, when no product has enough of them and what has any is shown; `words`, when none has any and what
    means the same is."""
    recognised: list[RecognisedOut]
    """The brands and categories of the shop that the query names, each with products in the result; what is of them
    goes further up, where more is asked for than a name. What has the same name is all told."""
    redirect: str | None
    """The page of the shop that answers instead, where its staff say so."""


class SuggestionList(Model):
    """What somebody who types may be about to ask for, the most wanted of each kind first."""

    query: str
    """What was typed."""
    exact: bool
    """Everything was found as it was typed; if not, a slip in it was mended."""
    queries: list[str]
    """What several people searched for and found, those first that led to purchases."""
    categories: list[CategoryRef]
    brands: list[BrandRef]
    items: list[ProductCard]
    """Products, at the caller's prices."""
    fallback: Literal["full_text"] | None
    """Set when the shop's own full-text search finds the products, because the decision service gave no answer."""


class VoiceIn(Input):
    """What the browser's speech recogniser heard, the likeliest first."""

    alternatives: Alternatives


class VoiceOut(Model):
    """What is searched for."""

    query: str
    """The likeliest alternative."""
    alternatives: list[Fit]
    """All of them by their scores: seven tenths how well they go with the catalogue, the rest the confidence."""
    fallback: Literal["confidence"] | None
    """Set when the recogniser's confidence alone decides, because the decision service gave no answer."""


class VariantOut(Model):
    """A variant one can buy."""

    id: Id
    sku: str
    title: str
    options: dict[str, str]
    """What it is of each of the product's options."""
    price: MoneyOut
    """What whoever asks pays for one now."""
    compare_at: int | None
    """What it cost before, or costs without the offer, when that is more."""
    lowest_price_30_days: int | None
    """Where it is reduced for everybody: the lowest price of the 30 days before that began."""
    offer: ItemPrice | None
    """Why it costs less than the list price: a sale, the customer's group, a price promised to them."""
    quantity_breaks: list[QuantityBreak]
    available: bool
    promised_on: date | None
    """When the next one would be in; `null` when it is there, or can't be had."""
    digital: bool
    """It is downloaded once it is paid for; nothing is sent."""


class Specification(Model):
    """What a product says of itself by an attribute of its type."""

    code: str
    name: str
    value: str | int | float | bool
    """A number in its unit, a date as ISO 8601 has it, a choice by its code."""
    unit: str | None
    choice: str | None
    """The choice as people read it."""
    colour: str | None
    """Of a colour: `#1f2a44`."""


class ProductDetail(Model):
    """A product's page."""

    id: Id
    handle: str
    title: str
    description: str
    """Plain text, or HTML of a few elements that do nothing but show."""
    brand: str | None
    image: str | None
    media: list[Medium]
    """What it shows, in its order."""
    attributes: dict[str, Any]
    specifications: list[Specification]
    """The same by the attributes of its type, in their order."""
    options: list[str]
    """What its variants differ by, in the order in which one chooses."""
    breadcrumbs: list[CategoryRef]
    variants: list[VariantOut]
    rating: RatingDetail | None
    """`null` while nobody's review is published."""
    version: int


class ComparedValue(Model):
    """What one of several products says of itself."""

    value: str | int | float | bool
    choice: str | None
    colour: str | None


class ComparisonRow(Model):
    """What products say by one attribute."""

    code: str
    name: str
    unit: str | None
    values: list[ComparedValue | None]
    """One a product, in their order; `null` where it says nothing."""
    differs: bool


class Comparison(Model):
    """Products side by side."""

    products: list[ProductDetail]
    rows: list[ComparisonRow]


class CategoryOut(Model):
    """A category and how much is in it."""

    id: Id
    parent_id: Id | None
    name: str
    slug: str
    depth: int
    product_count: int


class CategoryList(Model):
    """The tree of categories, parents before children."""

    items: list[CategoryOut]
