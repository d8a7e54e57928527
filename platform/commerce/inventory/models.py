"""Stock by variant and warehouse, its reservations, and the movements every balance can be rebuilt from."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Str, TenantOwned, Timestamp, Units, belongs_to


class Warehouse(TenantOwned, Base):
    """A place that holds stock."""

    __tablename__ = "warehouse"
    __table_args__ = (Index("uq_warehouse_code", "tenant_id", "code", unique=True),)

    code: Mapped[Str]
    name: Mapped[Str]
    country: Mapped[Str | None]
    region: Mapped[Str | None]
    priority: Mapped[Units] = mapped_column(server_default="0")
    """Which is asked first between equals: the lowest."""
    active: Mapped[bool] = mapped_column(server_default="true")
    """Sold from. The balances of one that isn't keep everything back."""


class AllocationPolicy(TenantOwned, Base):
    """By which rule the shop's orders are allocated to warehouses and lots."""

    __tablename__ = "allocation_policy"
    __table_args__ = (
        CheckConstraint("rule IN ('fewest_parcels', 'nearest', 'oldest_lot')", name="rule"),
        Index("uq_allocation_policy", "tenant_id", unique=True),
    )

    rule: Mapped[Str]


class Stock(TenantOwned, Base):
    """The balance of a variant in a warehouse: received = available + reserved + sold + written off."""

    __tablename__ = "stock"
    __table_args__ = (
        belongs_to("warehouse", "warehouse_id"),
        belongs_to("variant", "variant_id"),
        Index("uq_stock_variant", "tenant_id", "variant_id", "warehouse_id", unique=True),
        Index("ix_stock_sold_out", "tenant_id", "variant_id", postgresql_where=text("available <= kept_back")),
        CheckConstraint("available >= 0 AND reserved >= 0 AND sold >= 0 AND written_off >= 0", name="not_negative"),
        CheckConstraint("received = available + reserved + sold + written_off", name="balance"),
        CheckConstraint("kept_back >= 0", name="kept_back"),
    )

    warehouse_id: Mapped[UUID]
    variant_id: Mapped[UUID]
    received: Mapped[Units] = mapped_column(server_default="0")
    available: Mapped[Units] = mapped_column(server_default="0")
    reserved: Mapped[Units] = mapped_column(server_default="0")
    sold: Mapped[Units] = mapped_column(server_default="0")
    written_off: Mapped[Units] = mapped_column(server_default="0")
    kept_back: Mapped[Units] = mapped_column(server_default="0")
    """Available units that are not sold: the variant's safety stock."""
    lotted: Mapped[bool] = mapped_column(server_default="false")
    """Some of the units have come in with a lot."""


class StockLot(TenantOwned, Base):
    """The part of a balance that came in as one lot. What no lot has of a balance came in without."""

    __tablename__ = "stock_lot"
    __table_args__ = (
        belongs_to("stock", "stock_id"),
        CheckConstraint("available >= 0 AND reserved >= 0 AND sold >= 0 AND written_off >= 0", name="not_negative"),
        CheckConstraint("received = available + reserved + sold + written_off", name="balance"),
        Index("uq_stock_lot_code", "tenant_id", "stock_id", "code", unique=True),
        Index(
            "ix_stock_lot_recalled",
            "tenant_id",
            "id",
            postgresql_where=text("recalled_at IS NOT NULL AND (available > 0 OR reserved > 0)"),
        ),
        Index(
            "ix_stock_lot_expiry",
            "tenant_id",
            "expires_on",
            postgresql_where=text("available > 0 OR reserved > 0"),
        ),
    )

    stock_id: Mapped[UUID]
    code: Mapped[Str]
    expires_on: Mapped[date | None]
    """The last day on which it can be sold."""
    recalled_at: Mapped[Timestamp | None]
    """From when on none of it is sold any more."""
    received: Mapped[Units] = mapped_column(server_default="0")
    available: Mapped[Units] = mapped_column(server_default="0")
    reserved: Mapped[Units] = mapped_column(server_default="0")
    sold: Mapped[Units] = mapped_column(server_default="0")
    written_off: Mapped[Units] = mapped_column(server_default="0")


class StockPolicy(TenantOwned, Base):
    """How a variant is sold when little or nothing of it is there."""

    __tablename__ = "stock_policy"
    __table_args__ = (
        belongs_to("variant", "variant_id"),
        CheckConstraint("safety_stock >= 0 AND backorder_limit >= 0", name="not_negative"),
        CheckConstraint("promised >= 0", name="promised"),
        CheckConstraint("lead_days >= 0", name="lead_days"),
        Index("uq_stock_policy_variant", "tenant_id", "variant_id", unique=True),
    )

    variant_id: Mapped[UUID]
    safety_stock: Mapped[Units] = mapped_column(server_default="0")
    """Units kept back in each warehouse."""
    backorder_limit: Mapped[Units] = mapped_column(server_default="0")
    """Units that may be promised beyond what is there, at any time."""
    promised: Mapped[Units] = mapped_column(server_default="0")
    """Units that are: what its promises still wait for. A limit made lower than this lets no more be promised."""
    lead_days: Mapped[Units] = mapped_column(server_default="0")
    available_from: Mapped[date | None]


class BundleComponent(TenantOwned, Base):
    """So many units of a component in one of a bundle. A bundle has no stock of its own."""

    __tablename__ = "bundle_component"
    __table_args__ = (
        belongs_to("variant", "variant_id"),
        belongs_to("variant", "component_id"),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("component_id <> variant_id", name="not_itself"),
        Index("uq_bundle_component", "tenant_id", "variant_id", "component_id", unique=True),
        Index("ix_bundle_component_component", "tenant_id", "component_id"),
    )

    variant_id: Mapped[UUID]
    component_id: Mapped[UUID]
    quantity: Mapped[Units]


class StockTransfer(TenantOwned, Base):
    """Units of a variant sent from one warehouse to another."""

    __tablename__ = "stock_transfer"
    __table_args__ = (
        belongs_to("variant", "variant_id"),
        belongs_to("warehouse", "source_id"),
        belongs_to("warehouse", "destination_id"),
        CheckConstraint("source_id <> destination_id", name="elsewhere"),
        Index("ix_stock_transfer_variant", "tenant_id", "variant_id", "id"),
    )

    variant_id: Mapped[UUID]
    source_id: Mapped[UUID]
    destination_id: Mapped[UUID]
    reason: Mapped[Str]
    expected_on: Mapped[date | None]
    sent_at: Mapped[Created]


class StockTransferPart(TenantOwned, Base):
    """The units of one lot in a transfer, or those without one: quantity = received + lost + in transit."""

    __tablename__ = "stock_transfer_part"
    __table_args__ = (
        belongs_to("stock_transfer", "transfer_id"),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("received >= 0 AND lost >= 0 AND received + lost <= quantity", name="arrived"),
        Index(
            "uq_stock_transfer_part",
            "tenant_id",
            "transfer_id",
            "lot",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )

    transfer_id: Mapped[UUID]
    lot: Mapped[Str | None]
    expires_on: Mapped[date | None]
    quantity: Mapped[Units]
    received: Mapped[Units] = mapped_column(server_default="0")
    lost: Mapped[Units] = mapped_column(server_default="0")


class Promise(TenantOwned, Base):
    """Units held that no balance covers yet: quantity = allocated + released + those still waiting."""

    __tablename__ = "promise"
    __table_args__ = (
        belongs_to("variant", "variant_id"),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("status IN ('held', 'claimed', 'released')", name="status"),
        CheckConstraint("allocated >= 0 AND released >= 0 AND allocated + released <= quantity", name="spent"),
        CheckConstraint("(status = 'claimed') = (order_id IS NOT NULL)", name="order"),
        CheckConstraint("status <> 'released' OR allocated + released = quantity", name="nothing_left"),
        Index("ix_promise_holder", "tenant_id", "holder_id"),
        Index("ix_promise_order", "tenant_id", "order_id", postgresql_where=text("order_id IS NOT NULL")),
        Index("ix_promise_expiry", "tenant_id", "expires_at", postgresql_where=text("status = 'held'")),
        Index(
            "ix_promise_open",
            "tenant_id",
            "variant_id",
            "id",
            postgresql_where=text("allocated + released < quantity"),
        ),
    )

    variant_id: Mapped[UUID]
    holder_id: Mapped[UUID]
    """The payment they are held for."""
    order_id: Mapped[UUID | None]
    quantity: Mapped[Units]
    allocated: Mapped[Units] = mapped_column(server_default="0")
    """Units that came in and became a reservation."""
    released: Mapped[Units] = mapped_column(server_default="0")
    """Units that are not wanted any more."""
    status: Mapped[Str] = mapped_column(server_default="held")
    expires_at: Mapped[Timestamp]
    created_at: Mapped[Created]


class Reservation(TenantOwned, Base):
    """Units held for a payment that has started, then for the order it became: quantity >= sold + released."""

    __tablename__ = "reservation"
    __table_args__ = (
        belongs_to("stock", "stock_id"),
        belongs_to("stock_lot", "lot_id"),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("status IN ('held', 'claimed', 'released')", name="status"),
        CheckConstraint("sold >= 0 AND released >= 0 AND sold + released <= quantity", name="spent"),
        CheckConstraint("(status = 'claimed') = (order_id IS NOT NULL)", name="order"),
        Index("ix_reservation_holder", "tenant_id", "holder_id"),
        Index("ix_reservation_order", "tenant_id", "order_id", postgresql_where=text("order_id IS NOT NULL")),
        Index("ix_reservation_expiry", "tenant_id", "expires_at", postgresql_where=text("status = 'held'")),
        Index("ix_reservation_lot", "tenant_id", "lot_id", postgresql_where=text("lot_id IS NOT NULL")),
    )

    stock_id: Mapped[UUID]
    lot_id: Mapped[UUID | None]
    holder_id: Mapped[UUID]
    """The payment the units are held for."""
    order_id: Mapped[UUID | None]
    """The order that claimed them."""
    quantity: Mapped[Units]
    sold: Mapped[Units] = mapped_column(server_default="0")
    """Units that left the warehouse."""
    released: Mapped[Units] = mapped_column(server_default="0")
    """Units that can be promised again."""
    status: Mapped[Str] = mapped_column(server_default="held")
    expires_at: Mapped[Timestamp]


class StockMovement(TenantOwned, Base):
    """One change of a balance; the sum of movements is the balance."""

    __tablename__ = "stock_movement"
    __table_args__ = (
        belongs_to("stock", "stock_id"),
        belongs_to("stock_lot", "lot_id"),
        CheckConstraint(
            "kind IN ('receive', 'reserve', 'release', 'sell', 'write_off', 'transfer_in', 'transfer_out', "
            "'take_back')",
            name="kind",
        ),
        CheckConstraint("quantity > 0", name="quantity"),
        Index("ix_stock_movement_stock", "tenant_id", "stock_id", "id"),
        Index("ix_stock_movement_parcel", "tenant_id", "reference_id", postgresql_where=text("kind = 'sell'")),
        Index("ix_stock_movement_return", "tenant_id", "reference_id", postgresql_where=text("kind = 'take_back'")),
        Index("ix_stock_movement_lot", "tenant_id", "lot_id", postgresql_where=text("lot_id IS NOT NULL")),
    )

    stock_id: Mapped[UUID]
    lot_id: Mapped[UUID | None]
    kind: Mapped[Str]
    quantity: Mapped[Units]
    reason: Mapped[Str] = mapped_column(server_default="")
    reference_id: Mapped[UUID | None]
    created_at: Mapped[Created]
