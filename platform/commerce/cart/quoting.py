"""A cart's taxes, asked of the engine that its shop names: outside any transaction, and kept with the cart."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import text

from commerce.cart.service import check, get
from commerce.identity.service import Shopper
from commerce.taxes.quotes import TaxEngine, quoted
from foundation import clock
from foundation.database import Database, hot

# A cart that changed meanwhile asks something else, which the quote then doesn't answer.
_KEEP = hot(
    text(
        """
        UPDATE cart SET tax_quote = CAST(CAST(:quote AS text) AS jsonb)
        WHERE tenant_id = :tenant_id AND id = :cart_id AND status = 'open'
        """
    )
)


async def quote(
    database: Database, engines: Mapping[str, TaxEngine], tenant_id: UUID, shopper: Shopper, cart_id: UUID
) -> None:
    """Ask what a cart's taxes are, if that isn't known; nothing happens in a shop that goes by its own table.

    Raises:
        CartNotFound.
    """
    async with database.tx(tenant_id, read_only=True) as tx:
        checked = check(await get(tx, shopper, cart_id))
    if not checked.questions or checked.cart.where.seller is None:
        return
    said = await quoted(engines, checked.cart.where.seller.engine, checked.questions, at=clock.now())
    async with database.tx(tenant_id) as tx:
        await tx.rows(_KEEP, {"cart_id": cart_id, "quote": said.json()})
