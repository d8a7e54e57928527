"""The contract between the core and the decision service on search: what is asked, what is answered, over HTTP.

`POST /v1/decisions/search`, bearer token of the settings. The service answers within `deadline_ms`; when it can't,
it says why and names the fallback, which is the shop's own full-text search.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from foundation.types import Id, Input, Model, Text

LONGEST_QUERY = 200
"""What is read of a query, in characters: more is a text, and its beginning says what it is about."""
MOST = 200
"""How many products a search puts in order; what comes after is not looked at by anybody."""

Relaxed = Literal["words"]
"""What was let go so that there is an answer: `words`, when no product has any of them, and what means the same is
shown."""


class SearchRequest(Input):
    """What is searched for, and where. By whom is nobody's business: everybody is answered alike."""

    tenant_id: Id
    query: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_QUERY)]
    deadline_ms: Annotated[int, Field(ge=1, le=5000)] = 100


class FoundProduct(Model):
    """A product that answers, and why."""

    product_id: Id
    score: float
    source: Text
    """`identifier`, `words`, `meaning` or `both`."""


class SearchAnswer(Model):
    """The decision: which products answer, best first."""

    decision_id: Id
    policy: Text
    fallback: Literal["full_text"] | None
    """What to do instead, and why: `None` when there is an answer."""
    fallback_reason: str | None
    query: str
    """As it was read: in its probable spelling."""
    corrected: dict[str, str]
    """Which word was taken for which; empty when nothing was."""
    relaxed: list[Relaxed]
    items: list[FoundProduct]
