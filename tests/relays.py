"""A relay that lets nothing wait, and what others do who read in the order of transactions: nothing above the oldest running
one is read, and tests beside this one have transactions of their own in the same server.
"""

from __future__ import annotations

import time
from typing import Any, LiteralString

import psycopg
import pytest

from pipelines.relay import Relay

PATIENCE = 20.0
_OUTBOX = "SELECT EXISTS (SELECT FROM outbox WHERE xid >= pg_snapshot_xmin(pg_current_snapshot()))"
_PRODUCTS = "SELECT EXISTS (SELECT FROM search_document WHERE changed_in >= pg_snapshot_xmin(pg_current_snapshot()))"


def all_may_be_read(connection: psycopg.Connection[Any], held_back: LiteralString) -> None:
    """Wait until nothing that is committed is held back any more."""
    until = time.monotonic() + PATIENCE
    while connection.execute(held_back).fetchone() == (True,):
        if time.monotonic() > until:
            pytest.fail(f"Somebody's transaction has held back what is committed for {PATIENCE:.0f} s.")
        time.sleep(0.02)


def changes_may_be_followed(connection: psycopg.Connection[Any]) -> None:
    """Wait until every change of a product that is committed may be followed."""
    all_may_be_read(connection, _PRODUCTS)


class PatientRelay(Relay):
    """A relay that begins a batch only when all that is committed may be delivered."""

    def deliver(self) -> int:
        all_may_be_read(self._connection, _OUTBOX)
        return super().deliver()

    def deliver_all(self) -> None:
        """Batch after batch, until nothing is left."""
        while self.deliver():
            pass
