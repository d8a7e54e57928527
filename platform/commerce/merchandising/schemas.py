"""Synonyms and rules as staff see and write them, and what they see of searches."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from commerce.catalog.links.schemas import once
from commerce.catalog.schemas import ProductCard, Version
from foundation.search import LONGEST_QUERY
from foundation.searches import List
from foundation.steering import Phrase, SearchRule
from foundation.types import Id, Input, Instant, Model, Text, one_line

MOST_PHRASES = 20


def _with_a_word(phrase: str) -> str:
    if not any(map(str.isalnum, phrase)):
        raise ValueError("needs a letter or a digit")
    return one_line(phrase)


Words = Annotated[Phrase, AfterValidator(_with_a_word)]


class SynonymIn(Input):
    """Words that stand for each other, or with `written` for that one alone."""

    phrases: Annotated[list[Words], Field(min_length=1, max_length=MOST_PHRASES)]
    """`tv`, `television`, `flat screen`"""
    written: Words | None = None
    """`laptop`, for which `notebook` is shown too; whoever asks for a notebook is shown no laptop for it."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        said = [*self.phrases, *([self.written] if self.written else [])]
        if len({one.casefold() for one in said}) < len(said):
            raise ValueError("the same words are there twice")
        if len(said) < 2:
            raise ValueError("needs two phrases, or one and what is written for it")
        return self


class SynonymChange(SynonymIn):
    """Synonyms as they are to be."""

    version: Version


class SynonymOut(Model):
    """Words that stand for each other, or with `written` for that one alone."""

    id: Id
    phrases: list[str]
    written: str | None
    version: int


class SynonymList(Model):
    """A page of synonyms, in the order in which they were added."""

    items: list[SynonymOut]
    has_more: bool
    next_cursor: str | None


MOST_PINS, MOST_TARGETS = 24, 50
Ids = Annotated[list[Id], Field(max_length=MOST_TARGETS), AfterValidator(once)]


def _no_search(path: str) -> str:
    if path.startswith("/search"):
        raise ValueError("a search that is answered by a search may never end")
    return path


Redirect = Annotated[
    str,
    StringConstraints(pattern=r"^/(?:[A-Za-z0-9._~%+=&,:-][A-Za-z0-9._~%+=&,:?/-]*)?$", max_length=500),
    AfterValidator(_no_search),
]
"""A page of the shop itself: who follows it goes nowhere else."""
SearchedFor = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_QUERY),
    AfterValidator(_with_a_word),
]


class TargetsIn(Input):
    """Products: by themselves, of brands by their names, and in categories and below."""

    products: Ids = Field(default_factory=list)
    brands: Annotated[list[Text], Field(max_length=MOST_TARGETS), AfterValidator(once)] = Field(default_factory=list)
    categories: Ids = Field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.products or self.brands or self.categories)


class RuleIn(Input):
    """What is to become of the order of a search or of a category's page, for whom and for how long."""

    name: Text
    """What staff call it."""
    query: SearchedFor | None = None
    """The words that are searched for; without them it is about a category's page."""
    match: Literal["exact", "contains"] = "exact"
    """Whether the query is these words, or has them in it."""
    category_id: Id | None = None
    """The category that is looked at, or searched in."""
    price_group: Text | None = None
    """Customers of this price group alone; everybody, without one."""
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    """Not included."""
    pin: Annotated[list[Id], Field(max_length=MOST_PINS), AfterValidator(once)] = Field(default_factory=list)
    """Products that come first, in this order."""
    boost: TargetsIn = Field(default_factory=TargetsIn)
    """What comes next, in its own order."""
    bury: TargetsIn = Field(default_factory=TargetsIn)
    """What comes last."""
    hide: TargetsIn = Field(default_factory=TargetsIn)
    redirect: Redirect | None = None
    """The page of the shop that answers a search instead, such as `/c/shoes`."""

    @model_validator(mode="after")
    def _is_of_use(self) -> Self:
        if self.query is None and self.category_id is None:
            raise ValueError("needs words that are searched for, or a category")
        if self.redirect is not None and self.query is None:
            raise ValueError("only a search is answered by another page")
        if not (self.pin or self.boost or self.bury or self.hide or self.redirect):
            raise ValueError("changes nothing: pin, boost, bury or hide something, or name a page")
        if self.starts_at is not None and self.ends_at is not None and self.starts_at >= self.ends_at:
            raise ValueError("ends before it starts")
        return self

    def told(self, rule_id: UUID) -> SearchRule:
        """As the decision service knows it."""
        return SearchRule.model_validate({**self.model_dump(exclude={"name"}), "id": rule_id})


class RuleChange(RuleIn):
    """A rule as it is to be; what holds stays until it is published."""

    version: Version


class RulePublication(Input):
    """Which version is to hold: one that was previewed."""

    version: Version


class RuleOut(Model):
    """A rule, as it is written."""

    id: Id
    draft: RuleIn
    version: int
    previewed: bool
    """Somebody looked at this version before and after."""
    published: int | None
    """The version that holds; `null` while none does."""
    published_at: Instant | None


class RuleList(Model):
    """A page of rules, in the order in which they were added, which is the order in which they go."""

    items: list[RuleOut]
    has_more: bool
    next_cursor: str | None


class PreviewIn(Input):
    """What to look at; what the rule itself is about, where nothing is given."""

    query: SearchedFor | None = None


class Preview(Model):
    """The first products of what shoppers are shown now, and of what they would be."""

    query: str
    before: list[ProductCard]
    after: list[ProductCard]
    redirect: str | None
    """The page that would answer instead."""
    applies: bool
    """The rule has a say in it."""


class ReportQuery(Input):
    """Which list of queries, over how many days."""

    list: List = "top"
    """What is asked most; what finds nothing; what finds something that nobody chooses."""
    days: Annotated[int, Field(ge=1, le=90, strict=False)] = 28
    limit: Annotated[int, Field(ge=1, le=100, strict=False)] = 50


class ReportedDay(Model):
    """A day's searches, and how many of them led to what."""

    day: date
    """As it is in UTC."""
    searches: int
    unanswered: int
    """Nothing was found."""
    chosen: int
    """A product was chosen from what was found."""
    bought: int
    """And ordered, in the same session."""


class ReportedQuery(Model):
    """A query that three people or more asked, and how many of its searches led to what."""

    query: str
    people: int
    searches: int
    unanswered: int
    chosen: int
    bought: int
    last_on: date


class QueryReport(Model):
    """What shoppers who agreed to statistics searched for, and what came of it."""

    days: list[ReportedDay]
    """Those on which somebody searched, the oldest first."""
    items: list[ReportedQuery]
