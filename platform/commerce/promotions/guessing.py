"""How many wrong discount codes somebody may try in a while."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from commerce.identity.service import Shopper
from commerce.promotions.service import CodeUnknown
from commerce.throttling import service as throttling
from commerce.throttling.service import Limit
from foundation.database import Database
from foundation.errors import TooMany


class TooManyGuesses(TooMany):
    """Too many wrong discount codes came from here; try again in a while."""

    code = "promotions.too_many_guesses"


BY_SHOPPER = Limit("discount code by shopper", burst=10, every=timedelta(minutes=1), refusal=TooManyGuesses)
BY_ADDRESS = Limit("discount code by address", burst=30, every=timedelta(seconds=20), refusal=TooManyGuesses)
"""Whoever begins a new session each time has an address still; a household or an office shares one."""


@asynccontextmanager
async def counted(database: Database, shopper: Shopper, address: str) -> AsyncIterator[None]:
    """One try at a code. It is counted before the code is looked at, so that many at once can't pass together, and
    counts no more unless the code turned out to be none.

    Raises:
        TooManyGuesses: they have had their share; the code is not looked at, be it right or wrong.
    """
    tries = ((BY_SHOPPER, shopper.principal), (BY_ADDRESS, address))
    for limit, subject in tries:
        await throttling.take(database, shopper.tenant_id, limit, subject)
    is_wrong = False
    try:
        yield
    except CodeUnknown:
        is_wrong = True
        raise
    finally:
        if not is_wrong:
            for limit, subject in tries:
                await throttling.give_back(database, shopper.tenant_id, limit, subject)
