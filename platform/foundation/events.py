"""Event contracts: one versioned envelope, and what the payload of each event must be.

Domain facts are named `order.placed`; shopper behaviour uses GA4's e-commerce names (`view_item`, `add_to_cart`, ...)
with `items[]`. A payload names products, variants, people only by id: erasing a person is throwing a key away.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from foundation import clock
from foundation.ids import new_id
from foundation.types import Currency, Id, Input, Instant, MinorUnits, Text

Consent = Literal["analytics", "personalisation"]
"""A purpose a shopper agreed to. Without `analytics` an event is counted and never tied to a person."""

Count = Annotated[int, Field(ge=0, le=10_000_000)]


class Payload(Input):
    """What an event says; a subclass is a contract and is registered under its name and version."""

    name: ClassVar[str]
    version: ClassVar[int] = 1

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" in cls.__dict__:
            CONTRACTS[cls.name, cls.version] = cls


CONTRACTS: dict[tuple[str, int], type[Payload]] = {}


class Event(Input):
    """The envelope of every event."""

    event_id: Id
    """The event's own id, by which a second delivery is known."""
    tenant_id: Id
    name: str
    """What happened, such as `order.placed`; with `version` it names the payload's contract."""
    version: int
    """The contract's version; a new one is added beside the old, never in its place."""
    occurred_at: Instant
    """When it happened: by the browser's clock for behaviour, by ours for facts."""
    recorded_at: Instant
    """When we wrote it down."""
    aggregate_id: Id
    """What the event is about; events of one aggregate are delivered in order."""
    shopper_id: Id | None = None
    """The customer, when signed in."""
    visitor_id: Id | None = None
    """The browser, signed in or not."""
    session_id: Id | None = None
    """The session it happened in."""
    decision_id: Id | None = None
    """The decision that led to it, such as the row of recommendations it was clicked in."""
    consent: tuple[Consent, ...] = ()
    """What the shopper had agreed to at the time."""
    payload: dict[str, Any]
    """What its contract says."""


class Context(Input):
    """Who did it and within what: the part of the envelope that a request carries along."""

    shopper_id: Id | None = None
    visitor_id: Id | None = None
    session_id: Id | None = None
    consent: tuple[Consent, ...] = ()


def record(
    payload: Payload,
    *,
    tenant_id: UUID,
    aggregate_id: UUID,
    context: Context | None = None,
    decision_id: UUID | None = None,
    occurred_at: datetime | None = None,
) -> Event:
    """The envelope around `payload`, stamped now."""
    context = context or Context()
    now = clock.now()
    return Event(
        event_id=new_id(),
        tenant_id=tenant_id,
        name=payload.name,
        version=payload.version,
        occurred_at=occurred_at or now,
        recorded_at=now,
        aggregate_id=aggregate_id,
        shopper_id=context.shopper_id,
        visitor_id=context.visitor_id,
        session_id=context.session_id,
        decision_id=decision_id,
        consent=context.consent,
        payload=payload.model_dump(mode="json", exclude_none=True),
    )


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
    decision_id: Id | None = None
    """The decision that had put the product in front of the shopper."""


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
    total: MinorUnits
    """Minor units: subtotal less discount, plus shipping and tax."""
    lines: list[OrderLine]
    original_at: Instant | None = None
    """When it really happened, for history whose dates were shifted."""


class PaymentCaptured(Payload):
    """Money for an order was taken."""

    name = "payment.captured"

    payment_id: Id
    order_id: Id
    provider: Text
    amount: MinorUnits
    """Minor units."""
    currency: Currency


class PaymentRefused(Payload):
    """The provider would not authorise a payment."""

    name = "payment.refused"

    payment_id: Id
    cart_id: Id
    provider: Text
    reason: Text
    """The provider's word for it, such as `card_declined`."""


class CouponRedeemed(Payload):
    """A coupon was handed in."""

    name = "coupon.redeemed"

    coupon_id: Id
    campaign_id: Id
    original_at: Instant | None = None


class CustomerRegistered(Payload):
    """A customer is known to the shop."""

    name = "customer.registered"

    customer_id: Id


class ProductPublished(Payload):
    """A product can be bought."""

    name = "product.published"

    product_id: Id


class StockLevelChanged(Payload):
    """What can be sold of a variant changed."""

    name = "stock.changed"

    variant_id: Id
    product_id: Id
    available: Count
    """Units that can be sold now."""


class Item(Input):
    """One of GA4's `items[]`, by our ids."""

    item_id: Id
    """The product."""
    variant_id: Id | None = None
    quantity: Annotated[int, Field(ge=1, le=9_999)] | None = None
    price: MinorUnits | None = None
    """Minor units, of one."""
    index: Annotated[int, Field(ge=0, le=10_000)] | None = None
    """The place in the list, from 0."""
    item_list_id: Text | None = None
    """The list it was shown in, such as `home`."""
    decision_id: Id | None = None


class Behaviour(Payload):
    """What a shopper did, in GA4's terms."""

    items: Annotated[list[Item], Field(max_length=200)] = Field(default_factory=list)
    currency: Currency | None = None
    value: MinorUnits | None = None
    item_list_id: Text | None = None


def _not_empty(items: list[Item]) -> list[Item]:
    if not items:
        raise ValueError("needs at least one item")
    return items


Items = Annotated[list[Item], Field(max_length=200), AfterValidator(_not_empty)]


class ViewItemList(Behaviour):
    """A list of products was shown."""

    name = "view_item_list"

    items: Items


class SelectItem(Behaviour):
    """A product of a list was chosen."""

    name = "select_item"

    items: Items


class ViewItem(Behaviour):
    """A product's page was seen."""

    name = "view_item"

    items: Items


class AddToCart(Behaviour):
    """Something was put into the cart."""

    name = "add_to_cart"

    items: Items


class RemoveFromCart(Behaviour):
    """Something was taken out of the cart."""

    name = "remove_from_cart"

    items: Items


class ViewCart(Behaviour):
    """The cart was looked at."""

    name = "view_cart"


class BeginCheckout(Behaviour):
    """The checkout was entered."""

    name = "begin_checkout"

    items: Items


class Purchase(Behaviour):
    """An order was completed, as the shopper saw it; `order.placed` is the fact."""

    name = "purchase"

    transaction_id: Id
    items: Items


class Search(Behaviour):
    """Words were searched for."""

    name = "search"

    search_term: Text
    results: Count | None = None


def behaviour_contracts() -> Iterator[type[Behaviour]]:
    """The contracts a client may send events for; facts come only from the core itself."""
    return (contract for contract in CONTRACTS.values() if issubclass(contract, Behaviour))
