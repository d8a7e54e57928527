"""What happens to orders: placed, cancelled, shipped, delivered, sent back."""

from __future__ import annotations

from typing import Literal

from foundation.events.envelope import Count, Payload
from foundation.types import Currency, Id, Input, Instant, MinorUnits, Text


class OrderLine(Input):
    """A line of an order, as it was placed."""

    line_id: Id
    product_id: Id
    variant_id: Id
    quantity: Count
    """Units."""
    unit_price: MinorUnits
    """Minor units, before the discount."""
    discount: MinorUnits
    """Minor units, of the whole line."""
    total: MinorUnits
    """Minor units: unit price times quantity, less the discount."""
    tax: MinorUnits = 0
    """Minor units; part of the total when the order's prices include tax, on top of it otherwise."""
    decision_id: Id | None = None
    """The decision that had put the product in front of the shopper."""
    vendor_id: Id | None = None
    """Who sells and sends it; without one, the shop."""


class OrderPlaced(Payload):
    """A shopper's order was accepted and its stock committed."""

    name = "order.placed"

    order_id: Id
    currency: Currency
    subtotal: MinorUnits
    """Minor units, the lines before discounts."""
    discount: MinorUnits
    shipping: MinorUnits
    tax: MinorUnits
    tax_included: bool = False
    """The tax is part of the prices, and not added to them."""
    fees: MinorUnits = 0
    """Minor units, for gift wrap and the like."""
    total: MinorUnits
    """Minor units: subtotal less discount, plus shipping and fees, plus the tax unless it is included."""
    lines: list[OrderLine]
    cart_id: Id | None = None
    """The cart it was."""
    channel: Text = "web"
    """The sales channel it was placed on."""
    original_at: Instant | None = None
    """When it really happened, for history whose dates were shifted."""


class LineUnits(Input):
    """Some units of an order's line."""

    line_id: Id
    product_id: Id
    variant_id: Id
    quantity: Count
    """Units."""


class OrderCancelled(Payload):
    """Units of an order will not be delivered; what they had reserved can be sold again."""

    name = "order.cancelled"

    order_id: Id
    reason: Text
    lines: list[LineUnits]
    whole: bool
    """Nothing of the order is left."""


class OrderEdited(Payload):
    """A placed order was changed before all of it had left."""

    name = "order.edited"

    order_id: Id
    change_id: Id
    added: list[OrderLine]
    """Lines that were not there before."""
    removed: list[LineUnits]
    difference: int
    """Minor units owed more than before; less than zero is given back."""
    total: MinorUnits
    address_changed: bool


class OrderRestated(Payload):
    """What is owed for an order changed: by units that were given up, by goodwill, or by an edit."""

    name = "order.restated"

    order_id: Id
    currency: Currency
    total: MinorUnits
    """Minor units, of all that was ever ordered."""
    credited: MinorUnits
    """Minor units of it that are not owed any more."""


class OrderFulfilled(Payload):
    """A parcel with units of an order left the warehouse."""

    name = "order.fulfilled"

    order_id: Id
    fulfilment_id: Id
    carrier: Text | None = None
    lines: list[LineUnits]


class OrderDelivered(Payload):
    """A parcel reached the customer."""

    name = "order.delivered"

    order_id: Id
    fulfilment_id: Id


class ReturnedUnits(LineUnits):
    """Units that a customer sends back."""

    reason: Text


class ReturnRequested(Payload):
    """A customer wants to send units back."""

    name = "return.requested"

    order_id: Id
    return_id: Id
    lines: list[ReturnedUnits]


class ClaimRaised(Payload):
    """Units of an order came damaged, wrong or not at all, as somebody says."""

    name = "claim.raised"

    order_id: Id
    claim_id: Id
    lines: list[ReturnedUnits]


class ClaimResolved(Payload):
    """A claim was made good, or rejected."""

    name = "claim.resolved"

    order_id: Id
    claim_id: Id
    outcome: Literal["refunded", "replaced", "rejected"]
    refunded: MinorUnits
    """Minor units credited for it."""
    replaced_by: list[OrderLine]
    """The lines, at no charge, that replace what was claimed."""


class ExchangeRequested(Payload):
    """A customer wants other units for what they send back."""

    name = "exchange.requested"

    order_id: Id
    return_id: Id
    change_id: Id
    wanted: list[OrderLine]
    """As the lines they will be."""


class ExchangeCompleted(Payload):
    """Units wanted for a return became part of the order, to be sent."""

    name = "exchange.completed"

    order_id: Id
    return_id: Id
    change_id: Id
    added: list[OrderLine]


class ReturnReceived(Payload):
    """Units that a customer sent back have arrived."""

    name = "return.received"

    order_id: Id
    return_id: Id
    lines: list[ReturnedUnits]
