"""The contract between the core and the decision service on search: what is asked, what is answered, over HTTP.

`POST /v1/decisions/search`, bearer token of the settings. The service answers within `deadline_ms`; when it can't,
it says why and names the fallback, which is the shop's own Postgres.

The **result** of a search is every product of the tenant that has enough of the query's words, those with its SKU or
GTIN, and those alike enough in meaning (a hundred at most); without a query, every product of the scope. Filters narrow
it down, counts are over all of it, and pages go through all of it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from foundation.steering import SearchRule
from foundation.types import Id, Input, Model, Text

LONGEST_QUERY = 200
"""What is read of a query, in characters: more is a text, and its beginning says what it is about."""
MOST_SHOWN = 100
"""Products of a page at most."""
MOST_FACETS = 24
"""Facets that are chosen in at most, and told at most."""
MOST_ARRANGED = 1_000
"""Products of a collection whose order somebody gave it."""
MOST_CHOSEN = 50
"""Values or ranges of one facet that are chosen at most, and values told at most."""

CATEGORY = "category"
"""The facet whose values are categories' ids: a product has those of its whole path."""
BRAND = "brand"
VENDOR = "vendor"
COLLECTION = "collection"
"""The facet whose values are collections' ids: a product has those of all that it is kept in."""
AVAILABILITY = "availability"
PRICE = "price"
"""The facet that has ranges, of minor units in the shop's currency, and no values."""
RATING = "rating"
"""The facet whose values are averages of stars: a product fits that has at least so many. They are `LEAST_STARS`."""
LEAST_STARS = ("4", "3", "2", "1")
ATTRIBUTE = "attribute."
"""How the facet of a type's attribute begins; its code follows."""
OPTION = "option."
"""How the facet of what variants differ by begins; its name follows."""
IN_STOCK, SOLD_OUT = "in_stock", "sold_out"

Relaxed = Literal["some_words", "words"]
"""What was let go so that there is an answer: `some_words`, when no product has enough of them, and what has any is
shown; `words`, when no product has any of them, and what means the same is shown."""
Sort = Literal["relevance", "price_asc", "price_desc", "newest", "popularity", "rating"]
"""Without a query the most relevant are those that sell most. `rating`: the best rated first, those without reviews
last."""
FacetName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Value = Annotated[str, StringConstraints(max_length=200)]


class Range(Input):
    """Amounts from one to another, both included."""

    least: Annotated[int, Field(ge=0, le=10**12)] | None = None
    most: Annotated[int, Field(ge=0, le=10**12)] | None = None


class Chosen(Input):
    """What is chosen of a facet: a product has one of the values, or is in one of the ranges."""

    facet: FacetName
    values: Annotated[list[Value], Field(max_length=MOST_CHOSEN)] = Field(default_factory=list)
    ranges: Annotated[list[Range], Field(max_length=MOST_CHOSEN)] = Field(default_factory=list)


class After(Input):
    """Where a list goes on: behind this product, which had this place."""

    key: float
    product_id: Id


class SearchRequest(Input):
    """What is searched for, and where. By whom is nobody's business: everybody is answered alike."""

    tenant_id: Id
    query: Annotated[str, StringConstraints(max_length=LONGEST_QUERY)] = ""
    within: Id | None = None
    """The category that is looked at; all of the shop's products without one."""
    collection: Id | None = None
    """The collection that is looked at."""
    arranged: Annotated[list[Id], Field(max_length=MOST_ARRANGED)] = Field(default_factory=list)
    """The order of the collection, where somebody gave it: its products, which `relevance` goes by then."""
    chosen: Annotated[list[Chosen], Field(max_length=MOST_FACETS)] = Field(default_factory=list)
    sort: Sort = "relevance"
    after: After | None = None
    limit: Annotated[int, Field(ge=1, le=MOST_SHOWN)] = 24
    facets: bool = False
    """Whether they are to be counted."""
    price_group: Annotated[str, StringConstraints(max_length=200)] | None = None
    """The customer's, which rules may be for."""
    trial: SearchRule | None = None
    """A rule that is looked at before it holds, in place of what it was."""
    deadline_ms: Annotated[int, Field(ge=1, le=5000)] = 100


class FoundProduct(Model):
    """A product that answers, and why."""

    product_id: Id
    score: float
    """Its place in the order, for a page that goes on from here."""
    source: Text
    """`identifier`, `words`, `meaning` or `both`; `scope` without a query, or by a rule."""


class Recognised(Model):
    """Something of the tenant's own that the query names."""

    facet: Literal["brand", "category"]
    value: str
    """As it is chosen."""


class ValueCount(Model):
    """How many products of the result have a value."""

    value: str
    count: int
    chosen: bool


class RangeCount(Model):
    """How many products of the result are in a range, both ends included."""

    least: int | None
    most: int | None
    count: int
    chosen: bool


class FacetCounts(Model):
    """A facet over the whole result, narrowed down by what is chosen in the others but not by its own choice."""

    facet: FacetName
    values: list[ValueCount]
    """Those that most have first; of more than `MOST_CHOSEN` the chosen ones and the first."""
    ranges: list[RangeCount]
    more: bool
    """There are values that are not told."""


class Relaxable(Model):
    """A facet whose choice may be let go where nothing is found, and all else that is chosen kept."""

    facet: FacetName
    total: int
    """Products that are found then: there are some."""


class UnknownChoice(Model):
    """Something chosen that no product of the tenant ever had."""

    facet: FacetName
    value: str | None
    """`None` where there is no such facet."""


class SearchAnswer(Model):
    """The decision: which products answer, best first."""

    decision_id: Id
    policy: Text
    """`hybrid`, or `words` while there are no vectors; `columns` without a query."""
    fallback: Literal["full_text"] | None
    """What to do instead, and why: `None` when there is an answer."""
    fallback_reason: str | None
    query: str
    """As it was read: in its probable spelling."""
    corrected: dict[str, str]
    """Which word was taken for which; empty when nothing was."""
    relaxed: list[Relaxed]
    recognised: tuple[Recognised, ...] = ()
    """What the query names; what is of it goes first where more is asked for than that."""
    rules: tuple[Id, ...] = ()
    """The rules of the shop's staff that the order follows."""
    redirect: str | None = None
    """The page of the shop that answers instead, by one of them."""
    personal: bool = False
    """Customers of some price group may be shown another order."""
    unknown: list[UnknownChoice] = Field(default_factory=list)
    """Where there is something, nothing is found."""
    total: int = 0
    """Products of the result, narrowed down by all that is chosen."""
    relaxable: list[Relaxable] = Field(default_factory=list)
    """Where that is none: what to let go, what finds most first. Nothing is let go unasked."""
    has_more: bool = False
    facets: list[FacetCounts] = Field(default_factory=list)
    items: list[FoundProduct]
