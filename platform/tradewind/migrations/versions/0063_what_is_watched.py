"""What something cost when it was put on a wishlist, and who watches what it costs."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import TypeEngine

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None

_COLUMNS: dict[str, TypeEngine[Any]] = {
    "added_price": sa.BigInteger(),
    "watched_price": sa.BigInteger(),
    "looked_at": TIMESTAMP(timezone=True),
    "watched_locale": sa.Text(),
    "watched_home": sa.Text(),
}


def upgrade() -> None:
    for name, kind in _COLUMNS.items():
        op.add_column("wishlist_item", sa.Column(name, kind, nullable=True))
    op.create_check_constraint(
        op.f("ck_wishlist_item_watched"), "wishlist_item", "(watched_price IS NULL) = (looked_at IS NULL)"
    )
    op.create_index(
        "ix_wishlist_item_watched",
        "wishlist_item",
        ["tenant_id", "variant_id"],
        postgresql_where=sa.text("watched_price IS NOT NULL"),
    )
