"""What a page of the catalogue costs whoever looks at it: the cart's own price function, over what Postgres built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from commerce.pricing.engine import breaks_of, next_change, price_of
from commerce.pricing.offers import Offered, read_shown


@dataclass(frozen=True, slots=True)
class Shown:
    """A document of the catalogue, as JSON."""

    body: bytes
    until: datetime | None = None
    """When a price in it changes by the clock alone."""
    personal: bool = False
    """Somebody else may be shown other prices."""


def priced(document: bytes, offers: str | None, *, at: datetime) -> Shown:
    """The document with the prices that hold at that time; where nobody is offered anything it is passed through."""
    if offers is None:
        return Shown(document)
    offered = read_shown(offers)
    page = orjson.loads(document)
    for sold in page.get("items") or page.get("variants") or ():
        _reprice(sold, offered, at)
    changes = next_change((offer for one in offered.values() for offer in one.offers), at=at)
    return Shown(orjson.dumps(page), changes, personal=any(one.personal for one in offered.values()))


def _reprice(sold: dict[str, Any], offered: Mapping[str, Offered], at: datetime) -> None:
    """Put what is offered for a card or a variant in place of its list price."""
    found = offered.get(sold.get("variant_id") or sold["id"])
    if found is None:
        return
    list_price = sold["price"]["amount"]
    price = price_of(list_price, found.offers, quantity=1, at=at)
    breaks = breaks_of(list_price, found.offers, at=at)
    sold["quantity_breaks"] = [one.model_dump(mode="json") for one in breaks]
    if price.source != "list":
        sold["offer"] = price.model_dump(mode="json")
        sold["price"]["amount"] = price.amount
        struck = max(list_price, sold["compare_at"] or 0)
        sold["compare_at"] = struck if struck > price.amount else None
