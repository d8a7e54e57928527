"""What a change can put into an order: variants and bundles at today's price, there now or promised for a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import text

from commerce.cart.service import VariantNotForSale
from commerce.catalog.variants import sold_as
from commerce.identity.service import Shopper
from commerce.inventory import bundles
from commerce.inventory.bundles import COMPONENTS
from commerce.inventory.service import ON_HAND, OutOfStock
from commerce.inventory.supply import share_out
from commerce.orders.schemas import OrderOut
from commerce.pricing.engine import price_of
from commerce.pricing.offers import offers_of, read_offers
from commerce.pricing.schemas import ItemPrice
from foundation import clock
from foundation.database import Tx, hot


@dataclass(frozen=True, slots=True)
class Wanted:
    """Units of a variant that are to go with a consignment, or with all of an order that goes one way."""

    variant_id: UUID
    quantity: int
    consignment_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """What is wanted, as it can be had now: not taxed yet."""

    wanted: Wanted
    product_id: UUID
    sku: str
    title: str
    tax_class: str
    vendor_id: UUID | None
    price: ItemPrice
    promised_on: date | None
    """When it is to be in, if it has to wait."""
    components: str | None
    """What one unit of a bundle is made of."""

    @property
    def total(self) -> int:
        """What it costs, in minor units."""
        return self.price.amount * self.wanted.quantity


@dataclass(frozen=True, slots=True)
class Choice:
    """A variant that could be had instead, and what one costs today, in minor units."""

    variant_id: UUID
    title: str
    amount: int


# ix_variant_product
_VARIANTS = hot(
    text(
        """
        SELECT id FROM variant
        WHERE tenant_id = :tenant_id AND product_id = ANY(CAST(:product_ids AS uuid[])) AND NOT discontinued
        """
    )
)

# The primary keys, uq_stock_variant and uq_stock_policy_variant
_OFFERS = hot(
    text(
        f"""
        SELECT v.id AS variant_id, v.product_id, v.sku, v.title AS variant_title, p.title AS product_title,
               p.tax_class, p.vendor_id, r.amount AS list_price, {offers_of("v", "CAST(:currency AS text)")} AS offers,
               {ON_HAND} AS available, greatest(y.backorder_limit - y.promised, 0) AS room, y.lead_days,
               y.available_from, {COMPONENTS} AS components
        FROM variant v
        CROSS JOIN LATERAL (SELECT v.tenant_id, v.id AS variant_id) l
        JOIN product p ON p.tenant_id = v.tenant_id AND p.id = v.product_id
        JOIN price r ON r.tenant_id = v.tenant_id AND r.variant_id = v.id AND r.currency = CAST(:currency AS text)
        LEFT JOIN stock_policy y ON y.tenant_id = v.tenant_id AND y.variant_id = v.id
        WHERE v.tenant_id = :tenant_id AND v.id = ANY(CAST(:variant_ids AS uuid[])) AND p.status = 'published'
              AND NOT v.discontinued
        """  # noqa: S608  (the fragments are literals)
    )
)


async def offered(
    tx: Tx, wanted: Sequence[Wanted], *, currency: str, channel: str, customer_id: UUID | None, visitor_id: UUID | None
) -> list[Offer]:
    """What is wanted, at today's price for whoever bought the order.

    Lines that need the same stock, as bundles do, are served one after the other.

    Raises:
        VariantNotForSale.
        OutOfStock: it can be had neither now nor later.
    """
    if not wanted:
        return []
    now = clock.now()
    whose = {"currency": currency, "channel": channel, "customer_id": customer_id, "visitor_id": visitor_id, "now": now}
    rows = await tx.rows(_OFFERS, {"variant_ids": list({asked.variant_id for asked in wanted}), **whose})
    found = {row["variant_id"]: (row, bundles.needs_of(row)) for row in rows}
    for asked in wanted:
        if asked.variant_id not in found:
            raise VariantNotForSale(variant_id=asked.variant_id)
    shares = share_out(((asked.quantity, found[asked.variant_id][1]) for asked in wanted), now.date())
    offers: list[Offer] = []
    for asked, share in zip(wanted, shares, strict=True):
        row, needs = found[asked.variant_id]
        if share.available < asked.quantity:
            raise OutOfStock(variant_id=asked.variant_id, requested=asked.quantity, available=share.available)
        offers.append(
            Offer(
                wanted=asked,
                product_id=row["product_id"],
                sku=row["sku"],
                title=sold_as(row["product_title"], row["variant_title"]),
                tax_class=row["tax_class"],
                vendor_id=row["vendor_id"],
                price=price_of(row["list_price"], read_offers(row["offers"]), quantity=asked.quantity, at=now),
                promised_on=share.promised_on,
                components=bundles.written(asked.variant_id, needs),
            )
        )
    return offers


async def choices(tx: Tx, order: OrderOut, shopper: Shopper) -> dict[UUID, list[Choice]]:
    """What could be had in exchange for each line of a shopper's order that can come back: its product's variants."""
    back = {line.product_id for line in order.lines if line.returnable}
    if not back:
        return {}
    now = clock.now()
    whose = {"customer_id": shopper.customer_id, "visitor_id": shopper.visitor_id, "now": now}
    variants = await tx.rows(_VARIANTS, {"product_ids": list(back)})
    asked = {
        "variant_ids": [row["id"] for row in variants],
        "currency": order.currency,
        "channel": order.channel,
        **whose,
    }
    found: dict[UUID, list[Choice]] = {}
    for row in await tx.rows(_OFFERS, asked):
        (share,) = share_out([(1, bundles.needs_of(row))], now.date())
        if share.available:
            price = price_of(row["list_price"], read_offers(row["offers"]), quantity=1, at=now)
            title = sold_as(row["product_title"], row["variant_title"])
            found.setdefault(row["product_id"], []).append(Choice(row["variant_id"], title, price.amount))
    return {line.id: sorted(found.get(line.product_id, []), key=_by_title) for line in order.lines if line.returnable}


def _by_title(choice: Choice) -> str:
    return choice.title
