"""What a file says of variants that only staff may know: what they cost the shop, and what on which sales channel."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import text

from commerce.channels import service as channels
from commerce.exchange.bodies import Target
from commerce.exchange.columns import COST, PRICE_ON
from commerce.exchange.drafting import Piece
from commerce.exchange.problems import Problem
from commerce.pricing import channel_prices, costs
from foundation.database import Tx, hot

# uq_variant_sku
_IDS = hot(
    text("SELECT id, sku, product_id FROM variant WHERE tenant_id = :tenant_id AND sku = ANY(CAST(:skus AS text[]))")
)


async def open_channels(tx: Tx) -> list[str]:
    """The codes of the channels that the shop sells on."""
    return [one.code for one in await channels.channels(tx) if one.retired_at is None]


async def check(tx: Tx, targets: Mapping[UUID, Target]) -> None:
    """Leave out variants that name a sales channel which isn't there, or cost something there and nothing elsewhere."""
    asked = [target for target in targets.values() if any(_channels(piece) for piece in target.pieces)]
    if not asked:
        return
    there = await open_channels(tx)
    for target in asked:
        listed = {one["sku"]: one["amount"] for one in target.variants}
        for draft in target.drafts:
            for piece in draft.pieces:
                _check(piece, there, piece.given.get("price", listed.get(piece.sku)))
            draft.pieces = [piece for piece in draft.pieces if not piece.row.problems]


async def write(
    tx: Tx, targets: Mapping[UUID, Target], written: Collection[UUID], *, by: str, currency: str
) -> set[UUID]:
    """Have the shop know what is said of these products' variants; gives the products of which it was not so already.

    `by` is the principal whose word it is.
    """
    said = {piece.sku: piece for one in written for piece in targets[one].pieces if piece.internal}
    if not said:
        return set()
    rows = await tx.rows(_IDS, {"skus": list(said)})
    ids = {row["sku"]: row["id"] for row in rows}
    of = {row["id"]: row["product_id"] for row in rows}
    costing = {ids[sku]: piece.internal[COST] for sku, piece in said.items() if COST in piece.internal}
    sold_on = {ids[sku]: found for sku, piece in said.items() if (found := _channels(piece))}
    changed = await costs.say_many(tx, costing, currency)
    changed |= await channel_prices.set_many(tx, sold_on, currency, by=by)
    return {of[variant_id] for variant_id in changed}


def _channels(piece: Piece) -> dict[str, Any]:
    return {name.removeprefix(PRICE_ON): amount for name, amount in piece.internal.items() if name.startswith(PRICE_ON)}


def _check(piece: Piece, there: Collection[str], price: int | None) -> None:
    for code in _channels(piece):
        if code not in there:
            piece.row.problems.append(Problem(f"{PRICE_ON}{code}", "is no sales channel that the shop sells on"))
        elif price is None:
            piece.row.problems.append(Problem(f"{PRICE_ON}{code}", "needs a price that holds elsewhere"))
