"""What happens to the catalogue."""

from __future__ import annotations

from foundation.events.envelope import Payload
from foundation.types import Id


class ProductPublished(Payload):
    """A product can be bought."""

    name = "product.published"

    product_id: Id
