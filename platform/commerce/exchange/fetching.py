"""The worker that fetches the images that files name, and adds each to its product as staff would."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from pydantic import ValidationError
from sqlalchemy import text

from commerce.archives.queue import Leases, Turn, next_turn
from commerce.catalog.products.history import Author
from commerce.media import service as media
from commerce.media.schemas import ImageIn
from commerce.media.service import Desk
from commerce.tenancy.rounds import keep_going_round
from commerce.tenancy.service import Shop
from foundation.database import Database, hot
from foundation.errors import Problem
from foundation.outbound import Outbound
from foundation.settings import Settings

log = structlog.get_logger(__name__)
PERIOD_SECONDS = 2.0
A_ROUND = 20
"""Images of a shop that are fetched before others have their turn."""
QUEUE = Leases("image_link", also=("product_id", "url", "alt", "requested_by"), again=timedelta(minutes=5))

_DONE = hot(
    text(
        f"""
        UPDATE image_link SET status = :status, reason = CAST(:reason AS text), leased_until = NULL
        WHERE {QUEUE.mine} RETURNING id
        """  # noqa: S608  (a literal of the queue)
    )
)


async def run(database: Database, settings: Settings) -> None:
    """Go round all shops until it is cancelled."""
    if settings.objects_url is None:
        return
    async with Outbound.of(settings) as outbound:

        async def see_to_shop(shop: Shop) -> None:
            for _ in range(A_ROUND):
                if not await see_to(database, settings, outbound, shop):
                    break

        await keep_going_round("image_links", database, see_to_shop, every=PERIOD_SECONDS, with_drafts=True)


async def see_to(database: Database, settings: Settings, outbound: Outbound, shop: Shop) -> bool:
    """Fetch one image that waits, if any does; whether one did."""

    async def work(turn: Turn, row: Any) -> None:
        by = Author(row["requested_by"], may_publish=True, may_price=True)
        reason = await _add(Desk(database, settings, outbound, shop, by), row)
        async with database.tx(shop.id) as tx:
            await tx.rows(_DONE, _values(turn, reason))

    return await next_turn(QUEUE, database, shop.id, "image_links.interrupted", work)


async def _add(desk: Desk, row: Any) -> str | None:
    """Add it; the code of why it can't be had, if it can't."""
    product_id: UUID = row["product_id"]
    try:
        await media.add(desk, product_id, ImageIn(kind="image", url=row["url"], alt=row["alt"]))
    except Problem as problem:
        if problem.status >= 500:
            raise OSError(problem.code) from problem
        return problem.code
    except ValidationError:
        return "request.invalid"
    return None


def _values(turn: Turn, reason: str | None) -> dict[str, Any]:
    status = "fetched" if reason is None else "failed"
    return {"id": turn.id, "attempt": turn.attempt, "status": status, "reason": reason}
