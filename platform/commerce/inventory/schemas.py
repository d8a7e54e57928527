"""Stock-keeping in and out."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from commerce.inventory.rules import Rule
from commerce.taxes.schemas import Region
from foundation.types import Country, Day, Id, Input, Model, Text

Units = Annotated[int, Field(ge=1, le=10_000_000)]
NoUnits = Annotated[int, Field(ge=0, le=10_000_000)]


class Placed(Input):
    """A SKU in a warehouse."""

    sku: Text
    warehouse: Text
    """The warehouse's code."""


class ReceiptIn(Placed):
    """Units that came in."""

    quantity: Units
    lot: Text | None = None
    """The lot's code, where that is kept."""
    expires_on: Day | None = None
    """The last day on which the lot can be sold."""
    reason: Text = "receipt"


class WriteOffIn(Placed):
    """Units that can't be sold any more, and why."""

    quantity: Units
    lot: Text | None = None
    """Of which lot; otherwise of those that expire first."""
    reason: Text


class CountIn(Placed):
    """What lies there, those that are promised included."""

    counted: Annotated[int, Field(ge=0, le=10_000_000)]
    reason: Text = "count"


class PolicyIn(Input):
    """How a SKU is sold when little or nothing of it is there."""

    sku: Text
    safety_stock: NoUnits = 0
    """Units kept back in each warehouse."""
    backorder_limit: NoUnits = 0
    """Units that may be promised beyond what is there, at any time."""
    lead_days: Annotated[int, Field(ge=0, le=730)] = 0
    """How many days it takes until what is promised is in."""
    available_from: Day | None = None
    """When it comes out."""


class PolicyOut(Model):
    """How a SKU is sold when little or nothing of it is there."""

    sku: str
    safety_stock: int
    backorder_limit: int
    promised: int
    """Units that are promised and still have to come in."""
    lead_days: int
    available_from: date | None


class TransferIn(Input):
    """Units from one warehouse to another."""

    sku: Text
    source: Text
    """Code of the warehouse they leave."""
    destination: Text
    quantity: Units
    reason: Text = "transfer"


class DispatchIn(Input):
    """Units that are sent from one warehouse to another."""

    sku: Text
    source: Text
    """Code of the warehouse they leave."""
    destination: Text
    quantity: Units
    expected_on: Day | None = None
    reason: Text = "transfer"


class ArrivalIn(Input):
    """Units that arrived, and units that won't."""

    received: NoUnits = 0
    lost: NoUnits = 0
    reason: Text = "arrival"
    """Why, of those that are lost."""


class DispatchOut(Model):
    """Units that were sent: quantity = received + lost + in transit."""

    id: Id
    sku: str
    source: str
    destination: str
    quantity: int
    received: int
    lost: int
    in_transit: int
    reason: str
    expected_on: date | None
    sent_at: datetime


class DispatchList(Model):
    """A page of what was sent of a SKU, newest first."""

    items: list[DispatchOut]
    has_more: bool
    next_cursor: str | None


class StockLevel(Model):
    """A balance, in units: received = available + reserved + sold + written off."""

    warehouse: str
    sku: str
    received: int
    available: int
    kept_back: int
    """How many of the available units are not sold."""
    reserved: int
    sold: int
    written_off: int


class StockLevels(Model):
    """A SKU in every warehouse that has known it."""

    items: list[StockLevel]


class MovementOut(Model):
    """One change of a balance."""

    id: Id
    warehouse: str
    lot: str | None
    kind: str
    quantity: int
    reason: str
    reference_id: Id | None
    created_at: datetime


class MovementList(Model):
    """A page of a SKU's movements, newest first."""

    items: list[MovementOut]
    has_more: bool
    next_cursor: str | None


class WarehouseIn(Input):
    """A place that holds stock."""

    name: Text
    country: Country | None = None
    region: Region | None = None
    priority: Annotated[int, Field(ge=0, le=1_000)] = 0
    """Which is asked first between equals: the lowest."""
    active: bool = True
    """Sold from."""


class WarehouseOut(Model):
    """A place that holds stock."""

    id: Id
    """By which people are bound to it."""
    code: str
    name: str
    country: str | None
    region: str | None
    priority: int
    active: bool


class WarehouseList(Model):
    """The shop's warehouses, in the order of their priority."""

    items: list[WarehouseOut]


class AllocationIn(Input):
    """By which rule orders are allocated to warehouses and lots."""

    rule: Rule


class AllocationOut(Model):
    """By which rule orders are allocated to warehouses and lots."""

    rule: Rule


class ComponentIn(Input):
    """So many of a SKU in one of a bundle."""

    sku: Text
    quantity: Annotated[int, Field(ge=1, le=1_000)] = 1


class BundleIn(Input):
    """What a SKU is made of; of nothing, and it is no bundle."""

    sku: Text
    components: Annotated[list[ComponentIn], Field(max_length=50)]


class ComponentOut(Model):
    """So many of a SKU in one of a bundle."""

    sku: str
    quantity: int


class BundleOut(Model):
    """What a SKU is made of; of nothing, unless it is a bundle."""

    sku: str
    components: list[ComponentOut]


class PromiseOut(Model):
    """Units promised to a shopper that still have to come in, in part at least."""

    id: Id
    order_id: Id | None
    """`null` while it is being paid."""
    quantity: int
    allocated: int
    """Units that have come in."""
    released: int
    """Units that are not wanted any more."""
    waiting: int
    created_at: datetime


class PromiseList(Model):
    """A page of a SKU's open promises, in the order in which they will be kept."""

    items: list[PromiseOut]
    has_more: bool
    next_cursor: str | None


class LotOut(Model):
    """What came in as one lot: received = available + reserved + sold + written off."""

    warehouse: str
    lot: str
    expires_on: date | None
    recalled_at: datetime | None
    received: int
    available: int
    reserved: int
    sold: int
    written_off: int


class RecallIn(Input):
    """A lot of which nothing is to be sold any more."""

    sku: Text
    lot: Text


class LotList(Model):
    """A SKU's lots, those that expire first before the others."""

    items: list[LotOut]


class RecalledOut(Model):
    """Units of a lot that an order got, or holds still."""

    order_id: Id
    number: str
    email: str | None
    fulfilment_id: Id | None
    """The parcel they left in; `null` when they have not left."""
    shipped_at: datetime | None
    warehouse: str
    quantity: int


class RecallList(Model):
    """A page of the orders that a lot went to."""

    items: list[RecalledOut]
    has_more: bool
    next_cursor: str | None
