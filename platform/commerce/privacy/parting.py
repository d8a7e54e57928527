"""The worker that forgets whoever asked for it, once their time of grace is over."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from uuid import UUID

import structlog

from commerce.notifications import service as notifications
from commerce.privacy import asking, erasing, farewells, unsettled
from commerce.privacy.erasing import UnknownPerson
from commerce.privacy.farewells import Farewell
from commerce.tenancy.rounds import keep_going_round
from commerce.tenancy.service import Shop
from foundation.database import Database, DatabaseUnavailable, Tx
from foundation.settings import Settings

log = structlog.get_logger(__name__)
PERIOD_SECONDS = 5.0
SYSTEM = "system:worker"


async def run(database: Database, settings: Settings) -> None:
    """Go round all shops until it is cancelled."""
    await keep_going_round("erasures", database, partial(see_to, database, settings), every=PERIOD_SECONDS)


async def see_to(database: Database, settings: Settings, shop: Shop) -> bool:
    """Take the next step for one person whose time is over, if there is one; whether somebody was forgotten."""
    farewell = None
    try:
        async with database.tx(shop.id) as tx:
            farewell = await farewells.due(tx)
            objects = await _step(tx, shop, farewell) if farewell is not None else None
    except DatabaseUnavailable:
        raise
    except Exception:
        if farewell is None:
            raise
        # Nothing of it was done; others are not to wait for it.
        log.exception("erasure.failed", tenant=shop.slug, request=str(farewell.id))
        async with database.tx(shop.id) as tx:
            await farewells.later(tx, farewell, farewells.AGAIN_AFTER)
        return False
    if objects is None:
        return False
    await erasing.see_through(database, settings, shop.id, objects)
    return True


async def _step(tx: Tx, shop: Shop, farewell: Farewell) -> Sequence[str] | None:
    """The objects that go with somebody who is forgotten now; nothing when there is something to wait for."""
    try:
        theirs = await erasing.everything_of(tx, farewell.customer_id)
    except UnknownPerson:  # the shop's staff were quicker
        await farewells.end(tx, farewell)
        return ()
    if not (await unsettled.of(tx, theirs["orders"])).is_empty:
        await farewells.later(tx, farewell, farewells.AGAIN_AFTER)
        return None
    if farewell.told_at is None:
        await farewells.told(tx, farewell, await _tell(tx, shop, farewell))
        return None
    if not farewell.is_told:
        await farewells.later(tx, farewell, farewells.MAIL_AGAIN_AFTER)
        return None
    objects = await erasing.erase(tx, farewell.customer_id, actor=SYSTEM)
    await farewells.end(tx, farewell)
    return objects


async def _tell(tx: Tx, shop: Shop, farewell: Farewell) -> UUID | None:
    reached = await asking.reached(tx, farewell.customer_id, shop.locale)
    if reached is None:
        return None
    return await notifications.send(tx, "erasure_done", reached.to, {"name": reached.name})
