"""Orders, their lines, parcels and returns, and what happened to them."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Minor, Str, TenantOwned, Timestamp, Units, belongs_to


class Order(TenantOwned, Base):
    """A completed cart: what was bought, by whom, for how much."""

    __tablename__ = "orders"
    __table_args__ = (
        belongs_to("customer", "customer_id"),
        CheckConstraint(
            "total = subtotal - discount + shipping + fees + CASE WHEN tax_included THEN 0 ELSE tax END", name="total"
        ),
        CheckConstraint("credited BETWEEN 0 AND greatest(total, 0)", name="credited"),
        CheckConstraint(
            "shipping_credited BETWEEN 0 AND shipping + CASE WHEN tax_included THEN 0 ELSE shipping_tax END",
            name="shipping_credited",
        ),
        CheckConstraint(
            "status IN ('pending', 'confirmed', 'processing', 'shipped', 'out_for_delivery', 'delivered', 'cancelled', "
            "'returned', 'refunded')",
            name="status",
        ),
        CheckConstraint(
            "payment_state IN ('pending', 'authorised', 'due', 'paid', 'partially_refunded', 'refunded', 'voided')",
            name="payment_state",
        ),
        CheckConstraint(
            "fulfilment_state IN ('unfulfilled', 'partially_fulfilled', 'shipped', 'out_for_delivery', 'delivered', "
            "'cancelled')",
            name="fulfilment_state",
        ),
        CheckConstraint(
            "return_state IN ('none', 'in_progress', 'partially_returned', 'returned')", name="return_state"
        ),
        Index("uq_orders_number", "tenant_id", "number", unique=True),
        Index("uq_orders_cart", "tenant_id", "cart_id", unique=True),
        Index(
            "ix_orders_customer",
            "tenant_id",
            "customer_id",
            "placed_at",
            postgresql_where=text("customer_id IS NOT NULL"),
        ),
        Index(
            "ix_orders_visitor", "tenant_id", "visitor_id", "placed_at", postgresql_where=text("customer_id IS NULL")
        ),
        Index("ix_orders_placed", "tenant_id", "placed_at", "id"),
        Index("ix_orders_status", "tenant_id", "status", "placed_at"),
        Index("ix_orders_email_digest", "tenant_id", "email_digest", postgresql_where=text("email_digest IS NOT NULL")),
        Index(
            "ix_orders_email",
            "tenant_id",
            "email",
            postgresql_where=text("email IS NOT NULL AND email_digest IS NULL"),
        ),
    )

    number: Mapped[Str]
    cart_id: Mapped[UUID | None]
    customer_id: Mapped[UUID | None]
    visitor_id: Mapped[UUID | None]
    email: Mapped[Str | None]
    email_digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    """What it is found by."""
    status: Mapped[Str] = mapped_column(server_default="confirmed")
    """What a person is told, derived from the three states."""
    payment_state: Mapped[Str] = mapped_column(server_default="authorised")
    fulfilment_state: Mapped[Str] = mapped_column(server_default="unfulfilled")
    return_state: Mapped[Str] = mapped_column(server_default="none")
    currency: Mapped[Str]
    subtotal: Mapped[Minor]
    discount: Mapped[Minor]
    shipping: Mapped[Minor]
    tax: Mapped[Minor]
    tax_included: Mapped[bool] = mapped_column(server_default="false")
    shipping_tax: Mapped[Minor] = mapped_column(server_default="0")
    taxes: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    """How the tax came about: name, share, of which amount, how much, under which scheme and why."""
    rounding: Mapped[Str] = mapped_column(server_default="half_even_per_line")
    """How it was rounded."""
    tax_engine: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text('\'{"name": "table"}\''))
    """Who said what the taxes are."""
    vat_id: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """The business that bought: its VAT number, and what a register said of it then."""
    discounts: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    """What the discount is made of: name, how much."""
    fees: Mapped[Minor] = mapped_column(server_default="0")
    """Gift wrap and the like."""
    fees_tax: Mapped[Minor] = mapped_column(server_default="0")
    fee_lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    """What the fees are made of: name, how much, its tax."""
    gift: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """All of it is given away: wrapped, with a message."""
    channel: Mapped[Str] = mapped_column(server_default="web")
    """The sales channel on which it was placed."""
    customer_note: Mapped[Str | None]
    """What the shopper wanted to tell the shop."""
    address: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    delivery: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """The way it is delivered, and when it was promised."""
    total: Mapped[Minor]
    shipping_credited: Mapped[Minor] = mapped_column(server_default="0")
    """What of the delivery was credited by itself, with its tax."""
    credited: Mapped[Minor] = mapped_column(server_default="0")
    """What the shopper does not owe any more: for units cancelled or sent back, or out of goodwill."""
    version: Mapped[Units] = mapped_column(server_default="1")
    """Goes up with every change to what is to be delivered, and to whom."""
    delivery_note: Mapped[Str] = mapped_column(server_default="")
    """What whoever delivers should know."""
    tax_terms: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """The rates by class of tax that held when it was placed; units added later are taxed by them."""
    placed_at: Mapped[Timestamp]
    original_at: Mapped[Timestamp | None]
    """When it really happened, for history whose dates were shifted."""


class OrderConsignment(TenantOwned, Base):
    """Some of an order's units that go to one address; an order that goes one way has none."""

    __tablename__ = "order_consignment"
    __table_args__ = (
        belongs_to("orders", "order_id"),
        CheckConstraint("shipping_credited BETWEEN 0 AND shipping_charged", name="shipping_credited"),
        Index("uq_order_consignment_number", "tenant_id", "order_id", "number", unique=True),
    )

    order_id: Mapped[UUID]
    number: Mapped[Units]
    """Counted from 1."""
    address: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    delivery: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    shipping: Mapped[Minor]
    shipping_tax: Mapped[Minor]
    shipping_charged: Mapped[Minor]
    """The delivery with its tax, whether that is included in it or comes on top."""
    shipping_credited: Mapped[Minor] = mapped_column(server_default="0")
    tax: Mapped[Minor]
    """On its goods and its delivery."""
    taxes: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    tax_terms: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """The rates by class of tax that held when it was placed; units added later are taxed by them."""


class OrderLine(TenantOwned, Base):
    """A variant bought, with its share of the order's discount."""

    __tablename__ = "order_line"
    __table_args__ = (
        belongs_to("orders", "order_id"),
        belongs_to("variant", "variant_id"),
        belongs_to("order_consignment", "consignment_id"),
        belongs_to("vendor", "vendor_id"),
        belongs_to("order_change", "change_id"),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("total = unit_price * quantity + rounding - discount", name="total"),
        CheckConstraint("fulfilled >= 0 AND cancelled >= 0 AND fulfilled + cancelled <= quantity", name="fulfilled"),
        CheckConstraint(
            "in_return >= 0 AND returned >= 0 AND claimed >= 0 AND in_return + returned + claimed <= fulfilled",
            name="returned",
        ),
        CheckConstraint("compensated BETWEEN 0 AND claimed", name="compensated"),
        CheckConstraint("credited BETWEEN 0 AND quantity", name="credited"),
        Index("ix_order_line_order", "tenant_id", "order_id"),
        Index("ix_order_line_sku", "tenant_id", "sku"),
        Index(
            "ix_order_line_digital",
            "tenant_id",
            "order_id",
            postgresql_where=text("components = '[]'::jsonb AND fulfilled + cancelled < quantity"),
        ),
    )

    order_id: Mapped[UUID]
    consignment_id: Mapped[UUID | None]
    product_id: Mapped[UUID]
    variant_id: Mapped[UUID]
    sku: Mapped[Str]
    title: Mapped[Str]
    quantity: Mapped[Units]
    unit_price: Mapped[Minor]
    rounding: Mapped[Minor] = mapped_column(server_default="0")
    """What a till's line total has over unit price times quantity, when the goods were sold by weight."""
    discount: Mapped[Minor]
    total: Mapped[Minor]
    tax: Mapped[Minor] = mapped_column(server_default="0")
    """Part of the total when the order's prices include tax, on top of it otherwise."""
    vendor_id: Mapped[UUID | None]
    """Who sold it and sends it; the shop itself, when nobody is named."""
    decision_id: Mapped[UUID | None]
    explanation: Mapped[dict[str, Any]] = mapped_column(
        JSONB, server_default=text("""'{"price": null, "discounts": [], "taxes": []}'""")
    )
    """Why the unit price, and what the discount and the tax are made of."""
    gift: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """This line is given away by itself."""
    promised_on: Mapped[date | None]
    """When the shopper was told it would be in, if it had to wait."""
    components: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB)
    """What one unit of a bundle was made of when it was bought; nothing, where it is downloaded."""
    fulfilled: Mapped[Units] = mapped_column(server_default="0")
    """Units that left in a parcel."""
    cancelled: Mapped[Units] = mapped_column(server_default="0")
    in_return: Mapped[Units] = mapped_column(server_default="0")
    """Units of returns that are not over."""
    returned: Mapped[Units] = mapped_column(server_default="0")
    claimed: Mapped[Units] = mapped_column(server_default="0")
    """Units of claims that were not rejected."""
    compensated: Mapped[Units] = mapped_column(server_default="0")
    """Units of claims that were made good by their money."""
    credited: Mapped[Units] = mapped_column(server_default="0")
    """Units whose share of the total is credited."""
    change_id: Mapped[UUID | None]
    """What added it, if it was not there when the order was placed."""


class Fulfilment(TenantOwned, Base):
    """A parcel of an order."""

    __tablename__ = "fulfilment"
    __table_args__ = (
        belongs_to("orders", "order_id"),
        belongs_to("order_consignment", "consignment_id"),
        belongs_to("warehouse", "warehouse_id"),
        CheckConstraint(
            "status IN ('shipped', 'in_transit', 'out_for_delivery', 'failed_attempt', 'returned_to_sender', "
            "'delivered')",
            name="status",
        ),
        Index("ix_fulfilment_order", "tenant_id", "order_id"),
        Index(
            "ix_fulfilment_tracking",
            "tenant_id",
            "tracking_number",
            postgresql_where=text("tracking_number IS NOT NULL"),
        ),
    )

    order_id: Mapped[UUID]
    consignment_id: Mapped[UUID | None]
    warehouse_id: Mapped[UUID | None]
    """Where it left; not known where the parts of a bundle left several."""
    status: Mapped[Str] = mapped_column(server_default="shipped")
    carrier: Mapped[Str | None]
    tracking_number: Mapped[Str | None]
    shipped_at: Mapped[Created]
    delivered_at: Mapped[Timestamp | None]


class FulfilmentLine(TenantOwned, Base):
    """Units of a line in a parcel."""

    __tablename__ = "fulfilment_line"
    __table_args__ = (
        belongs_to("fulfilment", "fulfilment_id"),
        belongs_to("order_line", "order_line_id"),
        CheckConstraint("quantity > 0", name="quantity"),
        Index("ix_fulfilment_line_fulfilment", "tenant_id", "fulfilment_id"),
    )

    fulfilment_id: Mapped[UUID]
    order_line_id: Mapped[UUID]
    quantity: Mapped[Units]


class OrderEntry(TenantOwned, Base):
    """One thing that happened to an order; never changed."""

    __tablename__ = "order_entry"
    __table_args__ = (
        belongs_to("orders", "order_id"),
        Index("ix_order_entry_order", "tenant_id", "order_id", "id"),
    )

    order_id: Mapped[UUID]
    kind: Mapped[Str]
    actor: Mapped[Str]
    """`shopper`, `system`, or `staff:` and the key's name."""
    note: Mapped[Str] = mapped_column(server_default="")
    data: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    visible: Mapped[bool] = mapped_column(server_default="false")
    """Its note is for the shopper too."""
    at: Mapped[Created]


class OrderRules(TenantOwned, Base):
    """How long a shop's orders can be cancelled by their shoppers, and sent back."""

    __tablename__ = "order_rules"
    __table_args__ = (
        CheckConstraint("return_days >= 0 AND cancel_minutes >= 0", name="not_negative"),
        Index("uq_order_rules", "tenant_id", unique=True),
    )

    return_days: Mapped[Units | None]
    """After delivery; without a number, for ever."""
    cancel_minutes: Mapped[Units | None]
    """After the order; without a number, until something leaves."""
