"""The process that stops what a killed supervisor leaves behind.

A supervisor that gets SIGKILL can stop nobody. This one does nothing but hold the other end of its pipe: each process
group that starts is told to it as `+GROUP SIGNAL`, each that ended as `-GROUP`, and when the pipe closes it stops those
that are left. It also holds the stack's lock until then, so that the next `tradewind up` waits for a clean machine.

It is run as a file, with the standard library alone, to stay small.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable

PATIENCE = 10.0


def groups_left(lines: Iterable[str]) -> dict[int, int]:
    """The groups still there when the supervisor's account ends, each with the signal that stops it."""
    left: dict[int, int] = {}
    for line in lines:
        group, _, stop_signal = line[1:].partition(" ")
        if line.startswith("+"):
            left[int(group)] = int(stop_signal)
        else:
            left.pop(int(group), None)
    return left


def signalled(group: int, sig: int) -> bool:
    """Whether the group had a process to signal."""
    try:
        os.killpg(group, sig)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def main() -> None:
    """Wait for the end of the supervisor, then stop its processes."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    left = groups_left(sys.stdin)
    for group, stop_signal in left.items():
        signalled(group, stop_signal)
    deadline = time.monotonic() + PATIENCE
    while left and time.monotonic() < deadline:
        left = {group: sig for group, sig in left.items() if signalled(group, 0)}
        time.sleep(0.05)
    for group in left:
        signalled(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
