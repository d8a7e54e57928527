"""Prices, as the cart asks for them."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from commerce.pricing.models import Price


async def current_prices(session: AsyncSession, variant_ids: Iterable[UUID], currency: str) -> dict[UUID, int]:
    """What each variant costs now, in minor units; a variant without a price is not in the answer."""
    rows = await session.execute(
        select(Price.variant_id, Price.amount).where(Price.variant_id.in_(set(variant_ids)), Price.currency == currency)
    )
    return dict(rows.all())
