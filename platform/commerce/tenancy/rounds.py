"""Rounds over all shops: what the worker does for each of them, again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from commerce.tenancy import service
from commerce.tenancy.service import Shop
from foundation.database import Database, DatabaseUnavailable

log = structlog.get_logger(__name__)
SeeTo = Callable[[Shop], Awaitable[object]]


async def go_round(database: Database, see_to: SeeTo, *, with_drafts: bool = False) -> None:
    """See to every shop once, one after the other; those that are being set up only if it is said.

    That a shop's own database is away, or that it is being moved, keeps nothing from the others.
    """
    async with database.transaction(None) as session:
        shops = await service.all_shops(session, with_drafts=with_drafts)
    for shop in shops:
        with service.for_itself(shop):
            await see_to(shop)


async def keep_going_round(
    name: str, database: Database, see_to: SeeTo, *, every: float, with_drafts: bool = False
) -> None:
    """Go round until it is cancelled, with a rest of `every` seconds after each round.

    Whatever breaks a round is logged under `name`, and the next one is begun all the same.
    """
    while True:
        try:
            await go_round(database, see_to, with_drafts=with_drafts)
        except (DatabaseUnavailable, SQLAlchemyError, OSError) as fault:
            log.warning("round.interrupted", of=name, error=str(fault).splitlines()[:1])
        except Exception:
            log.exception("round.broke", of=name)
        await asyncio.sleep(every)
