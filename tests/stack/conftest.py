"""Processes of a stack are started from a process that has not been told to ignore signals."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _signals_arrive() -> Iterator[None]:
    """A process that ignores a signal hands that on to those it starts, and a shell can't trap what it was told to
    ignore; a test that came before in this process may have left it so.
    """
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before if before is not None else signal.SIG_DFL)
