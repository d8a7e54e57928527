"""The contract between the core and the decision service on what to suggest to somebody who types a query.

`POST /v1/decisions/suggestions`, bearer token of the settings. Everybody who types the same is suggested the same, and
nothing of it is kept: no decision is made about anybody.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from foundation.naming import shared_key
from foundation.search import LONGEST_QUERY
from foundation.types import Id, Input, Model, Text

VERSIONS = shared_key("suggestions")
"""Where Valkey has which version of the suggestions each tenant's are, by its id."""
Limit = Annotated[int, Field(ge=0, le=10)]


class SuggestionsRequest(Input):
    """What was typed so far, and how much of each kind to suggest."""

    tenant_id: Id
    query: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_QUERY)]
    """A space at its end says that its last word is whole."""
    queries: Limit = 5
    categories: Limit = 3
    brands: Limit = 3
    products: Limit = 5
    deadline_ms: Annotated[int, Field(ge=1, le=5000)] = 100


class NamedSuggestion(Model):
    """A category or a brand."""

    name: Text
    slug: Text
    """Its part of addresses."""


class Suggestions(Model):
    """What whoever typed this may be about to ask for, the most wanted of each kind first."""

    exact: bool
    """Everything was found as it was typed; if not, a slip in it was mended."""
    queries: list[Text]
    categories: list[NamedSuggestion]
    brands: list[NamedSuggestion]
    products: list[Id]
    """Products that were for sale when the suggestions were written."""
