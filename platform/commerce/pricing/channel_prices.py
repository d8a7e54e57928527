"""What many variants cost on sales channels whatever else holds: channels' own prices, in place of the list price.

It is the offer that names a channel, and neither a group, nor a quantity, nor a time. Others stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import text

from commerce.pricing import history, service
from foundation.database import Tx, hot
from foundation.ids import new_id

PLAIN = """
    o.channel IS NOT NULL AND o.min_quantity = 1 AND o.price_group IS NULL AND o.starts_at IS NULL AND o.ends_at IS NULL
"""
"""Which offers `o` are channels' own prices."""

# ix_price_offer_variant
_KNOWN = hot(
    text(
        f"""
        SELECT o.variant_id, o.channel, min(o.amount) AS amount FROM price_offer o
        WHERE o.tenant_id = :tenant_id AND o.variant_id = ANY(CAST(:variant_ids AS uuid[])) AND o.currency = :currency
          AND {PLAIN}
        GROUP BY o.variant_id, o.channel
        """  # noqa: S608  (a literal)
    )
)
_FORGET = hot(
    text(
        f"""
        DELETE FROM price_offer o USING unnest(CAST(:variant_ids AS uuid[]), CAST(:channels AS text[]))
            AS t (variant_id, channel)
        WHERE o.tenant_id = :tenant_id AND (o.variant_id, o.channel) = (t.variant_id, t.channel)
          AND o.currency = :currency AND {PLAIN}
        """  # noqa: S608  (a literal)
    )
)
_SAY = hot(
    text(
        """
        INSERT INTO price_offer (tenant_id, id, variant_id, currency, amount, min_quantity, channel)
        SELECT :tenant_id, t.id, t.variant_id, :currency, t.amount, 1, t.channel
        FROM unnest(CAST(:ids AS uuid[]), CAST(:variant_ids AS uuid[]), CAST(:channels AS text[]),
                    CAST(:amounts AS bigint[])) AS t (id, variant_id, channel, amount)
        WHERE t.amount IS NOT NULL
        """
    )
)


async def set_many(
    tx: Tx, prices: Mapping[UUID, Mapping[str, int | None]], currency: str, *, by: str | None
) -> set[UUID]:
    """Say what variants with a list price cost on channels that are there, `None` taking the channel's own price away;
    gives those of which that was not so already. `by` is the principal whose word it is.
    """
    if not prices:
        return set()
    await history.alone(tx, sorted(prices))
    rows = await tx.rows(_KNOWN, {"variant_ids": list(prices), "currency": currency})
    known = {(row["variant_id"], row["channel"]): row["amount"] for row in rows}
    said = [
        (variant_id, channel, amount)
        for variant_id, channels in prices.items()
        for channel, amount in channels.items()
        if known.get((variant_id, channel)) != amount
    ]
    changed = {variant_id for variant_id, _, _ in said}
    if not changed:
        return set()
    before = await history.said(tx, sorted(changed), currency)
    which = {"variant_ids": [one[0] for one in said], "channels": [one[1] for one in said], "currency": currency}
    await tx.rows(_FORGET, which)
    await tx.rows(_SAY, {**which, "ids": [new_id() for _ in said], "amounts": [one[2] for one in said]})
    after = await history.said(tx, sorted(changed), currency)
    written = await history.keep(tx, currency, before, after, by=by)
    await service.announce_changed(tx, written, {one: after[one] for one in written}, currency)
    return changed
