"""One offer each for many variants, in as many statements as for one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from commerce.pricing import history
from commerce.pricing.service import announce_changed
from foundation.database import Tx, hot
from foundation.ids import new_id


@dataclass(frozen=True, slots=True)
class Slot:
    """For whom and when an offer holds, for any quantity and on every channel; a variant has one at most of each."""

    currency: str
    group: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    """Not included."""


# ix_price_offer_variant
_FORGET = hot(
    text(
        """
        DELETE FROM price_offer
        WHERE tenant_id = :tenant_id AND variant_id = ANY(CAST(:variant_ids AS uuid[])) AND currency = :currency
          AND min_quantity = 1 AND channel IS NULL AND price_group IS NOT DISTINCT FROM CAST(:price_group AS text)
          AND starts_at IS NOT DISTINCT FROM CAST(:starts_at AS timestamptz)
          AND ends_at IS NOT DISTINCT FROM CAST(:ends_at AS timestamptz)
        """
    )
)
_OFFER = hot(
    text(
        """
        INSERT INTO price_offer (tenant_id, id, variant_id, currency, amount, min_quantity, price_group, starts_at,
                                 ends_at)
        SELECT :tenant_id, t.id, t.variant_id, :currency, t.amount, 1, CAST(:price_group AS text),
               CAST(:starts_at AS timestamptz), CAST(:ends_at AS timestamptz)
        FROM unnest(CAST(:ids AS uuid[]), CAST(:variant_ids AS uuid[]), CAST(:amounts AS bigint[]))
             AS t (id, variant_id, amount)
        """
    )
)


async def put_offers(tx: Tx, amounts: Mapping[UUID, int | None], slot: Slot, *, by: str | None) -> None:
    """Put an offer in a slot of each variant, in place of the one there; `None` takes it away.

    The variants have a list price in the slot's currency. `by` is the principal whose word it is.
    """
    if not amounts:
        return
    offered = {one: amount for one, amount in amounts.items() if amount is not None}
    which = {
        "currency": slot.currency,
        "price_group": slot.group,
        "starts_at": slot.starts_at,
        "ends_at": slot.ends_at,
    }
    await history.alone(tx, list(amounts))
    before = await history.said(tx, list(amounts), slot.currency)
    await tx.rows(_FORGET, {**which, "variant_ids": list(amounts)})
    values = {"ids": [new_id() for _ in offered], "variant_ids": list(offered), "amounts": list(offered.values())}
    await tx.rows(_OFFER, {**which, **values})
    after = await history.said(tx, list(amounts), slot.currency)
    changed = await history.keep(tx, slot.currency, before, after, by=by)
    await announce_changed(tx, changed, after, slot.currency)
