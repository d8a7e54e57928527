"""A relay that lets nothing wait. Nothing above the oldest running transaction is delivered, and tests beside this one have
transactions of their own in the same server.
"""

from __future__ import annotations

import time

import pytest

from pipelines.relay import Relay

PATIENCE = 20.0
_HELD_BACK = "SELECT EXISTS (SELECT FROM outbox WHERE xid >= pg_snapshot_xmin(pg_current_snapshot()))"


class PatientRelay(Relay):
    """A relay that begins a batch only when all that is committed may be delivered."""

    def deliver(self) -> int:
        until = time.monotonic() + PATIENCE
        while self._connection.execute(_HELD_BACK).fetchone() == (True,):
            if time.monotonic() > until:
                pytest.fail(f"Somebody's transaction has held the outbox back for {PATIENCE:.0f} s.")
            time.sleep(0.02)
        return super().deliver()

    def deliver_all(self) -> None:
        """Batch after batch, until nothing is left."""
        while self.deliver():
            pass
