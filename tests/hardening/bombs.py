"""What unpacks to more than there is room for, given to code that may only use so much memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOM = 256 * 2**20
"""Bytes that a bomb's reader may use beyond what it starts with."""
NAMES = ("picture", "json_depth", "json_size", "answer", "workbook", "entities")


def attack(folder: Path) -> dict[str, Any]:
    """Each bomb in a process of its own: it has to be refused, and not to use up the room."""
    figures: dict[str, Any] = {"room_mib": ROOM // 2**20, "bombs": NAMES, "wrong": []}
    for name in NAMES:
        ran = subprocess.run(
            [sys.executable, "-m", "tests.hardening.bomb", name, str(ROOM)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=Path(__file__).parents[2],
        )
        told = json.loads(ran.stdout) if ran.returncode == 0 else {}
        if not told.get("refused"):
            figures["wrong"].append(f"{name}: {told.get('said') or ran.stderr.strip().splitlines()[-1:]}")
    return figures
