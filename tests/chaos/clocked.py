"""A process of the shop whose clock stands where a file says: `python -m tests.chaos.clocked CLOCK web PORT`.

The file holds the seconds by which its clock is ahead, as one double.
"""

from __future__ import annotations

import asyncio
import mmap
import struct
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from foundation import clock

_SECONDS = struct.Struct("<d")


class ClockFile:
    """How far ahead the clock of every process is that reads this file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.set(0.0)

    def set(self, seconds: float) -> None:
        """Move the clock to so many seconds ahead of the real one."""
        with self.path.open("r+b" if self.path.exists() else "wb") as file:
            file.write(_SECONDS.pack(seconds))


def read_from(path: Path) -> Callable[[], datetime]:
    """A clock that a `ClockFile` moves."""
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), _SECONDS.size, access=mmap.ACCESS_READ)
    return lambda: datetime.now(UTC) + timedelta(seconds=_SECONDS.unpack_from(mapped)[0])


def main(path: str, what: str, *arguments: str) -> None:
    """Run a web worker on a port, or the housekeeper."""
    with clock.use(read_from(Path(path))):
        if what == "web":
            import uvicorn

            from foundation.receiving import PROTOCOL

            uvicorn.run(
                "tradewind.web:app", http=PROTOCOL, host="127.0.0.1", port=int(arguments[0]), log_level="warning"
            )
        else:
            from commerce import worker
            from foundation.settings import get_settings

            asyncio.run(worker.run(get_settings()))


if __name__ == "__main__":
    main(*sys.argv[1:])
