"""Links to images that a file names: each is fetched once, by the worker, and added to its product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text

from commerce.exchange.bodies import Target
from foundation import clock
from foundation.database import Tx, hot
from foundation.ids import new_id

# uq_image_link_url
_WANT = hot(
    text(
        """
        INSERT INTO image_link (tenant_id, id, product_id, url, alt, position, requested_by, created_at)
        SELECT :tenant_id, t.id, t.product_id, t.url, t.alt, t.position, :by, CAST(:now AS timestamptz)
        FROM unnest(CAST(:ids AS uuid[]), CAST(:product_ids AS uuid[]), CAST(:urls AS text[]), CAST(:alts AS text[]),
                    CAST(:positions AS smallint[])) AS t (id, product_id, url, alt, position)
        ON CONFLICT (tenant_id, product_id, md5(url)) DO NOTHING
        """
    )
)


async def want(tx: Tx, products: Sequence[tuple[Target, Mapping[str, Any]]], *, by: str) -> None:
    """Have the images that products are given fetched, unless they were before."""
    found = [
        (target.product_id, url, given.get("image_alt") or (target.body.title if target.body else ""), place)
        for target, given in products
        for place, url in enumerate(given.get("images") or ())
    ]
    if not found:
        return
    values = {
        "ids": [new_id() for _ in found],
        "product_ids": [one[0] for one in found],
        "urls": [one[1] for one in found],
        "alts": [one[2] for one in found],
        "positions": [one[3] for one in found],
    }
    await tx.rows(_WANT, {**values, "by": by, "now": clock.now()})
