"""The contract between the core and the decision service on pictures: what is asked, what is answered, over HTTP.

`POST /v1/decisions/visual`, bearer token of the settings. The service answers within `deadline_ms`; when it can't, it
says why and names the fallback. A picture is looked at and forgotten: neither the service nor its log keeps it.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Base64Bytes, Field, StringConstraints, model_validator

from foundation.search import LONGEST_QUERY, FoundProduct
from foundation.types import Id, Input, Model, Text

LONGEST_SIDE = 448
"""Pixels of the pictures that are sent: more than any encoder of the settings looks at."""
LARGEST = 400_000
"""Bytes of one."""
MOST = 100
"""How many products are put in order."""

VisualFallback = Literal["full_text", "category", "popular"]
"""What is shown instead: products by the words that came with a picture; others of a product's category; what sells."""


class VisualRequest(Input):
    """Products that look like a picture, or like a product; and, with a picture, are what the words say.

    By whom is nobody's business: everybody is answered alike.
    """

    tenant_id: Id
    picture: Annotated[Base64Bytes | None, Field(max_length=LARGEST, strict=False)] = None
    """A JPEG, upright, of what is to be found and nothing else."""
    product_id: Id | None = None
    query: Annotated[str | None, StringConstraints(min_length=1, max_length=LONGEST_QUERY)] = None
    limit: Annotated[int, Field(ge=1, le=MOST)] = MOST
    deadline_ms: Annotated[int, Field(ge=1, le=5000)] = 100

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if (self.picture is None) == (self.product_id is None):
            raise ValueError("takes either a picture or a product_id")
        if self.product_id is not None and self.query is not None:
            raise ValueError("takes a query with a picture only")
        return self

    @property
    def fallback(self) -> VisualFallback:
        """What is shown when there is no answer."""
        if self.product_id is not None:
            return "category"
        return "full_text" if self.query else "popular"


class VisualAnswer(Model):
    """The decision: which products look like it, best first."""

    decision_id: Id
    policy: Text
    fallback: VisualFallback | None
    """What to do instead, and why: `None` when there is an answer."""
    fallback_reason: str | None
    items: list[FoundProduct]
    """Their `source` is `picture`, `words` or `both`."""
