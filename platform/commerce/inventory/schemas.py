"""Stock-keeping in and out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from foundation.types import Id, Input, Model, Text

Units = Annotated[int, Field(ge=1, le=10_000_000)]


class Placed(Input):
    """A SKU in a warehouse."""

    sku: Text
    warehouse: Text
    """The warehouse's code."""


class ReceiptIn(Placed):
    """Units that came in."""

    quantity: Units
    reason: Text = "receipt"


class WriteOffIn(Placed):
    """Units that can't be sold any more, and why."""

    quantity: Units
    reason: Text


class CountIn(Placed):
    """What lies there, those that are promised included."""

    counted: Annotated[int, Field(ge=0, le=10_000_000)]
    reason: Text = "count"


class TransferIn(Input):
    """Units from one warehouse to another."""

    sku: Text
    source: Text
    """Code of the warehouse they leave."""
    destination: Text
    quantity: Units
    reason: Text = "transfer"


class StockLevel(Model):
    """A balance, in units: received = available + reserved + sold + written off."""

    warehouse: str
    sku: str
    received: int
    available: int
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
