"""Run the tests that take their time: `python -m tests.proofs`, or `make proofs`.

What is given goes to pytest. Prints one JSON line of figures, also written to `var/bench/proofs.json`; exits with pytest's
status.
"""

from __future__ import annotations

import sys
import time

import pytest

from tests.figures import tell


class Tally:
    """How many tests ended in which way."""

    def __init__(self) -> None:
        self.counts = {"passed": 0, "failed": 0, "error": 0, "skipped": 0}

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        self.counts = {name: len(terminalreporter.getreports(name)) for name in self.counts}


def main() -> int:
    """Run them, and tell how they ended."""
    began, tally = time.monotonic(), Tally()
    status = pytest.main(["-q", "-m", "proof", *sys.argv[1:]], plugins=[tally])
    tell("proofs", {**tally.counts, "seconds": round(time.monotonic() - began, 1)})
    return status


if __name__ == "__main__":
    sys.exit(main())
