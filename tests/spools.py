"""What lies in a spool, as rows."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from foundation.events.spooled import Frame
from foundation.settings import Settings
from foundation.spool import OPEN, SEALED, Left, size_of
from pipelines.carrier import Carrier

PATIENCE = 20.0


def spooled(folder: Path) -> list[dict[str, Any]]:
    """Every event that was taken and not carried on, whoever writes to it."""
    paths = sorted(path for path in folder.glob("*.*") if path.suffix in {OPEN, SEALED})
    frames = (Frame.read(body) for path in paths for body in Left(path).frames())
    return [orjson.loads(row) for frame in frames for row in frame.rows.splitlines()]


def carry_all(settings: Settings) -> None:
    """Carry on what lies there, also what a worker that goes on has still to seal."""
    carrier = Carrier.connect(settings)
    until = time.monotonic() + PATIENCE
    while size_of(settings.spool):
        if time.monotonic() > until:
            pytest.fail(f"Something has stayed in the spool for {PATIENCE:.0f} s.")
        if not carrier.carry():
            time.sleep(0.05)
    carrier.close()
