"""What a shop's staff say of its search, as the core's worker tells it to the decision service: one document a tenant.

It lies in Valkey under `steering_key`; `VERSIONS` has a digest of each tenant's, by which the service sees that one is
new.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from foundation.naming import CacheKey, cache_key, shared_key
from foundation.types import Model

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


class Steering(Model):
    """All of it."""

    synonyms: tuple[Synonym, ...] = Field(default=())
