"""The words that search finds products by."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from foundation import clock
from foundation.database import Tx, hot

_INDEX = hot(text("SELECT index_products(CAST(:ids AS uuid[]))"))
# The row stays, so that an index outside learns of it as of any change.
_FORGET = hot(
    text(
        "UPDATE search_document SET words = '' WHERE tenant_id = :tenant_id AND product_id = ANY(CAST(:ids AS uuid[]))"
    )
)
# The trigger `changed` writes down in which transaction that was.
_TOUCH = hot(
    text(
        "UPDATE search_document SET updated_at = CAST(:now AS timestamptz)"
        " WHERE tenant_id = :tenant_id AND product_id = ANY(CAST(:ids AS uuid[]))"
    )
)


async def index(tx: Tx, product_ids: Sequence[UUID]) -> None:
    """Have search find these products by what they say now; those that are not published stay unknown to it."""
    await tx.rows(_INDEX, {"ids": list(product_ids)})


async def forget(tx: Tx, product_ids: Sequence[UUID]) -> None:
    """Have search find these products no more."""
    await tx.rows(_FORGET, {"ids": list(product_ids)})


async def touch(tx: Tx, product_ids: Sequence[UUID]) -> None:
    """Tell an index outside that these products look otherwise; what they say stays."""
    await tx.rows(_TOUCH, {"ids": list(product_ids), "now": clock.now()})
