"""A change of many prices as it would be, of which nothing is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from commerce.bulk_pricing import finding, jobs
from commerce.bulk_pricing.guarding import limits_of
from commerce.bulk_pricing.judging import Verdict, judged
from commerce.bulk_pricing.schemas import BulkChangeIn
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.database import Tx


@dataclass(frozen=True, slots=True)
class Tried:
    """What a change would find."""

    found: int
    """How many SKUs; one more than the shop's guardrail where there are more."""
    most: int
    """How many there may be."""
    first: Sequence[Verdict]
    """What becomes of the first of them."""


async def tried(tx: Tx, shop: Shop, change: BulkChangeIn, limit: int) -> Tried:
    """What a change would find now, and what would become of some of it.

    Raises:
        BadWindow, RuleNamesNothing, AttributeNotFound, AttributeInvalid, UnknownCollection, UnknownSkus.
    """
    jobs.require_window(change)
    kept, limits = await finding.as_kept(tx, change), limits_of(shop)
    found, some = await finding.some(tx, shop, kept, limit, most=limits.most_skus)
    now = clock.now()
    first = [judged(kept, one, limits, at=now) for one in await finding.facts(tx, kept, some)]
    return Tried(found, limits.most_skus, first)
