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
    tenant_id: Id
    name: str
    version: int
    occurred_at: Instant
    recorded_at: Instant
    aggregate_id: Id
    """What the event is about; events of one aggregate are delivered in order."""
    shopper_id: Id | None = None
    visitor_id: Id | None = None
    session_id: Id | None = None
    decision_id: Id | None = None
    consent: tuple[Consent, ...] = ()
    payload: dict[str, Any]


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
    unit_price: MinorUnits
    discount: MinorUnits
    total: MinorUnits
    decision_id: Id | None = None


class OrderPlaced(Payload):
    """A shopper's order was accepted and its stock committed."""

    name = "order.placed"

    order_id: Id
    currency: Currency
    subtotal: MinorUnits
    discount: MinorUnits
    shipping: MinorUnits
    tax: MinorUnits
    total: MinorUnits
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
    currency: Currency


class PaymentRefused(Payload):
    """The provider would not authorise a payment."""

    name = "payment.refused"

    payment_id: Id
    cart_id: Id
    provider: Text
    reason: Text


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


class Item(Input):
    """One of GA4's `items[]`, by our ids."""

    item_id: Id
    """The product."""
    variant_id: Id | None = None
    quantity: Annotated[int, Field(ge=1, le=9_999)] | None = None
    price: MinorUnits | None = None
    index: Annotated[int, Field(ge=0, le=10_000)] | None = None
    item_list_id: Text | None = None
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
