"""Walk every interleaving of every pair: `make races`, `make races PAIR="one gift card twice"`.

Prints one JSON line of figures, also written to `var/bench/races.json`; exits with 1 when something is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import structlog

from tests.conftest import DatabaseUrls
from tests.figures import tell
from tests.races.exploring import Walk
from tests.races.grounds import opened
from tests.races.pairs import ALONE, TO_THE_END, Prepare
from tradewind import migrations
from tradewind.engines.postgres import APP, OWNER, RELAY, THROWAWAY, PostgresServer

PAIRS = ALONE | TO_THE_END
AT_MOST = 2_000


def main() -> int:
    """Walk the pairs asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pair", action="append", choices=sorted(PAIRS), help="only this pair; may be given again")
    parser.add_argument("--at-most", type=int, default=AT_MOST, help="schedules a pair, after which it is left")
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    began = time.monotonic()
    pairs = {name: prepare for name, prepare in PAIRS.items() if not asked.pair or name in asked.pair}
    with tempfile.TemporaryDirectory(prefix="tradewind-races-") as folder:
        Path(folder).chmod(0o755)
        with PostgresServer(Path(folder) / "data", settings=THROWAWAY) as server:
            migrations.upgrade(server.url(OWNER))
            urls = DatabaseUrls(server.url(APP), server.url(OWNER), server.url(RELAY))
            figures = asyncio.run(_walk(urls, pairs, asked.at_most))
    seconds = round(time.monotonic() - began, 1)
    tell("races", {"pairs": figures, "seconds": seconds})
    return 1 if any(pair["faults"] for pair in figures.values()) else 0


async def _walk(urls: DatabaseUrls, pairs: dict[str, Prepare], at_most: int | None) -> dict[str, dict[str, Any]]:
    figures = {}
    for name, prepare in pairs.items():
        began = time.monotonic()
        async with opened(urls) as grounds:
            seen = await grounds.walk(prepare, at_most=at_most)
        figures[name] = _said(seen) | {"seconds": round(time.monotonic() - began, 1)}
        sys.stderr.write(f"{name}: {seen.explored} schedules, {seen.repeated} given up\n")
    return figures


def _said(seen: Walk) -> dict[str, Any]:
    return {
        "explored": seen.explored,
        "given_up": seen.repeated,
        "orders_of_steps": seen.of,
        "steps": seen.longest,
        "whole": seen.whole,
        "faults": seen.faults,
    }


if __name__ == "__main__":
    sys.exit(main())
