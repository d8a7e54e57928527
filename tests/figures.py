"""What a proof found, told and kept."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tradewind.bench.report import machine

FOLDER = Path(__file__).parents[1] / "var" / "bench"


def tell(name: str, found: dict[str, Any]) -> None:
    """Print one JSON line of figures, with the machine they were taken on, and write it to `var/bench/NAME.json`."""
    line = json.dumps({"bench": name, **found, "machine": machine()})
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_text(line + "\n", encoding="utf-8")
    sys.stdout.write(line + "\n")
