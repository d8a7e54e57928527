"""A variant of a product, as the pages that look after one find it."""

from __future__ import annotations

from uuid import UUID

from commerce.catalog.products.schemas import ProductOut, VariantContent
from commerce.pricing.service import UnknownSku


def variant_of(product: ProductOut, variant_id: UUID) -> VariantContent:
    """A variant of the product.

    Raises:
        UnknownSku: it has none of this id.
    """
    found = next((one for one in product.variants if one.id == variant_id), None)
    if found is None:
        raise UnknownSku(sku=str(variant_id))
    return found
