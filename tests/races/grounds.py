"""Where races are run: a shop of its own for each run, over one database whose hands step when they are told to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count

import asyncpg
from fastapi import FastAPI
from pydantic import SecretStr

from commerce.app import create_app
from foundation.settings import Settings
from tests.commerce.desk import Desk
from tests.conftest import DatabaseUrls
from tests.factories import seed_shop
from tests.races.exploring import Race, Walk, walk
from tests.races.hands import Stepped, SteppedBank
from tests.races.pairs import Prepare
from tests.races.site import STOCK, Site
from tests.waiting import started

_numbers = count()


class Grounds:
    """One database, and the API over it."""

    def __init__(
        self, urls: DatabaseUrls, observer: asyncpg.Pool, database: Stepped, app: FastAPI, running: object
    ) -> None:
        self._urls, self._observer, self._database = urls, observer, database
        self._app, self._running = app, running

    async def walk(self, prepare: Prepare, *, preemptions: int | None = None, at_most: int | None = None) -> Walk:
        """`walk`, with a shop of its own for each run."""

        async def race() -> Race:
            seeded = seed_shop(self._urls, f"raced-{next(_numbers)}", stock=STOCK, titles=("Soup", "Juice"))
            # What a worker reads for itself, for whoever asks first, is no step of anybody's.
            await self._app.state.book.of(self._database, seeded.id)
            desk = await Desk.at(self._database, seeded)
            return await prepare(Site(Desk(self._database, seeded, desk.shop, SteppedBank()), self._running))

        return await walk(race, self._observer, preemptions=preemptions, at_most=at_most)


@asynccontextmanager
async def opened(urls: DatabaseUrls) -> AsyncIterator[Grounds]:
    """Grounds in a migrated database."""
    database = Stepped(urls.app, pool_size=6)
    app = create_app(Settings(_env_file=None, database_url=SecretStr(urls.app), catalogue_cache_mb=0))
    try:
        async with (
            asyncpg.create_pool(urls.app, min_size=2, max_size=2) as observer,
            started(app) as running,
        ):
            app.state.core = replace(app.state.core, database=database)
            yield Grounds(urls, observer, database, app, running.app)
    finally:
        await database.close()
