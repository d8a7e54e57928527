"""Attack a worker, and have the code read by tools that look for what attackers look for: `make security`.

Prints one JSON line of figures, also written to `var/bench/security.json`; exits with 1 when something is wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.figures import tell
from tests.hardening import bombs, readers, slow, suites

PARTS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "slow_clients": slow.attack,
    "bombs": bombs.attack,
    "outside_addresses": suites.outside_addresses,
    "negative_requests": suites.negative_requests,
    "bandit": readers.bandit,
    "squawk": readers.squawk,
}
"""Each gives its figures, `wrong` among them: a list of what should not be."""


def main() -> int:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", action="append", choices=sorted(PARTS), help="only this part; may be given again")
    asked = parser.parse_args()
    figures: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="tradewind-security-") as folder:
        Path(folder).chmod(0o755)
        for name, part in PARTS.items():
            if not asked.part or name in asked.part:
                began = time.monotonic()
                figures[name] = part(Path(folder)) | {"seconds": round(time.monotonic() - began, 1)}
                sys.stderr.write(f"{name}: {'; '.join(figures[name]['wrong']) or 'nothing wrong'}\n")
    tell("security", figures)
    return 1 if any(part["wrong"] for part in figures.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
