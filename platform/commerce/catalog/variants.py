"""Variants, as the contexts that sell them need them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class VariantRef:
    """What a line of a cart or an order says of its variant."""

    id: UUID
    product_id: UUID
    sku: str
    title: str
    handle: str
    image: str | None
    for_sale: bool
    vendor_id: UUID | None = None
    """Who sells it; the shop itself, when nobody is named."""


def sold_as(product: str, variant: str) -> str:
    """What a line is called: the product, and which of its variants unless its own title says so already."""
    return product if not variant or product.endswith(variant) else f"{product}, {variant}"


def option_title(values: Sequence[str]) -> str:
    """What a variant is called by its options: `42 / Navy`."""
    return " / ".join(values)
