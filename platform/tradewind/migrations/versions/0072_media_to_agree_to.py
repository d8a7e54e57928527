"""Which products have media that wait to be agreed to, so that whoever reviews finds them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0072"
down_revision = "0071"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_product_media_proposed",
        "product_media",
        ["tenant_id", "product_id"],
        postgresql_where=sa.text("NOT approved"),
    )
