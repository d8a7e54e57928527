"""Trouble the shop for some minutes and see that nothing was lost or done twice: `make chaos`, `MINUTES=30 make chaos`.

Prints one JSON line of figures, also written to `var/bench/chaos.json`; exits with 1 when something is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from commerce.identity.staff import create_key
from foundation.database import Database
from tests.chaos.house import House, small_disk
from tests.chaos.people import Memory, Town
from tests.chaos.troubles import LEAP_SECONDS, NEEDS_SMALL_DISK, TROUBLES
from tests.chaos.verdict import judge
from tests.conftest import DatabaseUrls
from tests.factories import SeededShop, seed_shop
from tests.figures import tell
from tradewind.engines.postgres import APP, OWNER, RELAY

SHOPPERS, STAFF = 8, 2
STOCK = 100_000
CALM_SECONDS = 3.0
OPENING = 300.0
"""Seconds in which the shop must have sold something before there is any trouble: its processes start all at once."""
PATIENCE = 90.0
"""Seconds in which the shop must sell again after a trouble."""


def main() -> int:
    """Run for the minutes asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", action="store_true", help="keep the folder with the logs")
    asked = parser.parse_args()
    random.seed(asked.seed)
    folder = Path(tempfile.mkdtemp(prefix="tradewind-chaos-"))
    folder.chmod(0o755)
    with small_disk(folder) as disk:
        figures = asyncio.run(_run(folder, disk, asked.minutes))
    tell("chaos", figures | {"minutes": asked.minutes})
    return 1 if figures["wrong"] else 0


async def _run(folder: Path, disk: Path, minutes: float) -> dict[str, Any]:
    house = House(folder, disk)
    try:
        await house.open()
        urls = DatabaseUrls(house.postgres.url(APP), house.postgres.url(OWNER), house.postgres.url(RELAY))
        shop = seed_shop(urls, "chaos", stock=STOCK)
        await house.staff_it()
        town = Town(shop, house.ports, await _staff_token(urls, shop))
        life = asyncio.create_task(town.live(SHOPPERS, STAFF))
        suffered, unmoved = await _trouble(house, town.memory, minutes)
        town.going_home.set()
        # A clock that stands back makes what a killed worker had begun look new: people finish what they began even so.
        house.clock.set(-LEAP_SECONDS)
        await life
        # The worker finds a payment that was left half way by its age, so it goes round with a clock that is right.
        house.clock.set(3 * LEAP_SECONDS)
        wrong = [*unmoved, *await judge(house, shop, town.memory)]
        return _figures(town.memory, suffered, house, wrong)
    finally:
        await house.close()


async def _trouble(house: House, memory: Memory, minutes: float) -> tuple[Counter[str], list[str]]:
    """Every trouble in turn, in a new order each round, until the time is up; those after which nothing was sold. The
    time begins with the first sale.
    """
    names = [name for name in TROUBLES if house.small_disk or name != NEEDS_SMALL_DISK]
    suffered: Counter[str] = Counter()
    unmoved: list[str] = []
    if not await _sells(memory, OPENING):
        return suffered, [f"nothing was sold in {OPENING:.0f} s before any trouble"]
    memory.retries = 0
    end = time.monotonic() + minutes * 60
    while time.monotonic() < end and not unmoved:
        for name in random.sample(names, len(names)):
            sys.stdout.write(f"{len(memory.orders):>6} orders  {name}\n")
            sys.stdout.flush()
            await TROUBLES[name](house)
            suffered[name] += 1
            await asyncio.sleep(CALM_SECONDS)
            if not await _sells(memory):
                unmoved.append(f"nothing was sold in {PATIENCE:.0f} s after: {name}")
            if unmoved or time.monotonic() > end:
                break
    return suffered, unmoved


async def _sells(memory: Memory, patience: float = PATIENCE) -> bool:
    before, deadline = len(memory.orders), time.monotonic() + patience
    while len(memory.orders) == before:
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.1)
    return True


async def _staff_token(urls: DatabaseUrls, shop: SeededShop) -> str:
    database = Database(urls.app, pool_size=1)
    async with database.transaction(shop.id) as session:
        _, token = await create_key(session, shop.id, name="Chaos")
    await database.close()
    return token


def _figures(memory: Memory, suffered: Counter[str], house: House, wrong: list[str]) -> dict[str, Any]:
    return {
        "wrong": wrong,
        "orders_acknowledged": len(memory.orders),
        "changes_acknowledged": sum(memory.changes.values()),
        "refused": memory.refused,
        "requests_sent_again": memory.retries,
        "commits_cut": house.wire.commits_cut,
        "troubles": dict(suffered),
        "skipped": [] if house.small_disk else [NEEDS_SMALL_DISK],
        "deaths_nobody_ordered": {process.name: process.deaths for process in house.processes.values()},
    }


if __name__ == "__main__":
    sys.exit(main())
