"""What a shop says of its search, as the core's worker tells it to the decision service: one document a tenant.

It lies in Valkey under `steering_key`; `VERSIONS` has a digest of each tenant's, by which the service sees that one is
new.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import StringConstraints

from foundation.naming import CacheKey, cache_key, shared_key
from foundation.types import Id, Instant, Model

VERSIONS = shared_key("search_steering")
"""Where Valkey has which document each tenant's is, by its id."""
Phrase = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


def steering_key(tenant_id: UUID) -> CacheKey:
    """Where a tenant's document is."""
    return cache_key(tenant_id, "search_steering")


class Synonym(Model):
    """Words that stand for others."""

    phrases: tuple[Phrase, ...]
    """Whoever asks one of them is shown what has any of them; with `written`, what that is taken for."""
    written: Phrase | None = None
    """Set where it goes one way: whoever asks this is shown what has `phrases` too, and not the other way round."""


class Targets(Model):
    """Products: by themselves, of brands, and in categories."""

    products: tuple[Id, ...] = ()
    brands: tuple[str, ...] = ()
    categories: tuple[Id, ...] = ()


class SearchRule(Model):
    """What is to become of the order of a search, or of a category's page, for whom and for how long."""

    id: Id
    query: str | None
    """The words that are searched for; `None` for a category's page."""
    match: Literal["exact", "contains"]
    category_id: Id | None
    """The category that is looked at; any, without one."""
    price_group: str | None
    """Customers of this price group alone."""
    starts_at: Instant | None
    ends_at: Instant | None
    """Not included."""
    pin: tuple[Id, ...]
    """Products that come first, in this order."""
    boost: Targets
    """What comes next, in its own order."""
    bury: Targets
    """What comes last."""
    hide: Targets
    redirect: str | None
    """The page of the shop that answers instead."""


class CategoryNames(Model):
    """What a category is called."""

    id: Id
    names: tuple[str, ...]
    """In the shop's language, and as it is translated."""


class Steering(Model):
    """All of it."""

    synonyms: tuple[Synonym, ...] = ()
    rules: tuple[SearchRule, ...] = ()
    """Earlier ones go first."""
    categories: tuple[CategoryNames, ...] = ()
    """Those above before those below."""
