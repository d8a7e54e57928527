"""`python -m tradewind.removal`: rounds of removal, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress

from foundation.settings import get_settings
from tradewind.removal.running import run


async def _until_told() -> None:
    rounds = asyncio.create_task(run(get_settings()))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, rounds.cancel)
    with suppress(asyncio.CancelledError):
        await rounds


if __name__ == "__main__":
    asyncio.run(_until_told())
