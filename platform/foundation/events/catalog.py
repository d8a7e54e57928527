"""What happens to the catalogue.

A product's event says which product and which version of it, never what it says: whoever wants to know reads it, and an
event of an older version than one has read already is old news.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from foundation.events.envelope import Payload
from foundation.types import Id

Version = Annotated[int, Field(ge=1, le=2**53)]
FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,60}$")]


class OfProduct(Payload):
    """What the events of a product say."""

    product_id: Id
    product_version: Version
    """By which it is known which of two is the later."""


class ProductCreated(OfProduct):
    """Somebody began a product, which nobody can buy yet."""

    name = "product.created"


class ProductChanged(OfProduct):
    """A product says something else, be it published or not."""

    name = "product.changed"

    fields: list[FieldName]
    """What does: `title`, `attributes`, `variants`."""


class ProductSubmitted(OfProduct):
    """A product, or what is proposed of it, waits for somebody to review it."""

    name = "product.submitted"


class ProductApproved(OfProduct):
    """Somebody who may publish it has agreed to what a product says."""

    name = "product.approved"


class ProductRejected(OfProduct):
    """They have not."""

    name = "product.rejected"


class ProductPublished(OfProduct):
    """A product can be bought."""

    name = "product.published"


class ProductUnpublished(OfProduct):
    """A product can't be bought for the time being."""

    name = "product.unpublished"


class ProductArchived(OfProduct):
    """A product isn't sold any more."""

    name = "product.archived"


class CategoryChanged(Payload):
    """A category has another name, address or place, and so do the products in it and below it."""

    name = "category.changed"

    category_id: Id


class CollectionChanged(Payload):
    """A collection says something else, has other products, is new or is gone."""

    name = "collection.changed"

    collection_id: Id
    fields: list[FieldName]
    """What does: `title`, `products`; `created` and `removed` by themselves."""
