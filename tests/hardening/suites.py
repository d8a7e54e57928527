"""Tests of every run that are run for longer here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def outside_addresses(_: Path) -> dict[str, Any]:
    """Addresses that a tenant may name and that must not be called, names that resolve otherwise a moment later."""
    return _run("tests/foundation/test_outbound.py")


def negative_requests(_: Path) -> dict[str, Any]:
    """Requests that the description forbids: many more of each than in every run."""
    return _run("tests/commerce/test_openapi.py", "tests/security", examples="10")


def _run(*paths: str, examples: str | None = None) -> dict[str, Any]:
    environment = {**os.environ, **({"TRADEWIND_TEST_EXAMPLES": examples} if examples else {})}
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "worksteal", "--no-header", *paths]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    lines = ran.stdout.strip().splitlines()
    wrong = [line for line in lines if line.startswith(("FAILED", "ERROR"))] if ran.returncode else []
    return {"said": lines[-1] if lines else "nothing", "wrong": wrong or ([lines[-1]] if ran.returncode else [])}
