"""The definitions, run: what is known of shoppers and of products as of an instant, from `interactions`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import polars as pl

from foundation.analytics import ShopRows

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

SQL = Path(__file__).parent / "sql"
VIEWS = ("shopper_activity", "product_popularity")
VIEW_VERSION = "1"
"""Goes up when a definition changes its meaning; logged with every decision."""

SHOPPER_COLUMNS = (
    "shopper_key",
    "as_of",
    "touched_products",
    "touched_at",
    "touch_weights",
    "orders",
    "units",
    "products",
    "last_order_at",
)
PRODUCT_COLUMNS = ("product_key", "as_of", "units_7d", "units_28d", "shoppers_28d")
_COLUMNS = {"shopper_activity": SHOPPER_COLUMNS, "product_popularity": PRODUCT_COLUMNS}


def ensure_schema(client: Client) -> None:
    """Make the tables that Feast reads, where they are missing."""
    for view in VIEWS:
        client.command((SQL / f"{view}_table.sql").read_text())


def shopper_activity(shop: ShopRows, *, until: datetime, shoppers: Sequence[UUID] = ()) -> pl.DataFrame:
    """`SHOPPER_COLUMNS` of `shoppers` (of all, when none is named) as it was known at `until`, to the millisecond.

    A shopper of whom nothing was known has no row.
    """
    query = f"SELECT {', '.join(SHOPPER_COLUMNS)} FROM ({_definition('shopper_activity')})"  # noqa: S608
    return pl.DataFrame(shop.arrow(query, _parameters(until, shoppers)))


def snapshot(client: Client, tenant_id: UUID, at: datetime) -> None:
    """Keep both views as of `at` in ClickHouse, where Feast's training sets find them. Twice is as good as once."""
    for view in VIEWS:
        columns = ", ".join(("tenant_id", *_COLUMNS[view]))
        query = f"INSERT INTO {view} ({columns}) SELECT {columns} FROM ({_definition(view)})"  # noqa: S608
        client.command(query, {"tenant_id": str(tenant_id), **_parameters(at, ())})


def _definition(view: str) -> str:
    return (SQL / f"{view}.sql").read_text()


def _parameters(until: datetime, shoppers: Sequence[UUID]) -> dict[str, object]:
    return {
        "until_ms": int(until.timestamp() * 1000),
        "shoppers": [str(shopper) for shopper in shoppers],
    }
