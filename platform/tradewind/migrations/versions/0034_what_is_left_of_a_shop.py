"""Shops that ended are removed and have a tombstone; what a shop takes with it is written into an archive."""

from __future__ import annotations

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""
