"""What is over is found by its age; a cart, a session and a device are let go without reading what may refer to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_session_created", "session", ["tenant_id", "created_at"])
    op.create_index(
        "ix_session_device", "session", ["tenant_id", "device_id"], postgresql_where=sa.text("device_id IS NOT NULL")
    )
    op.create_index("ix_device_seen", "device", ["tenant_id", "seen_at"])
    op.create_index(
        "ix_cart_left",
        "cart",
        ["tenant_id", "created_at"],
        postgresql_where=sa.text("customer_id IS NULL AND status IN ('open', 'merged')"),
    )
    op.create_index("ix_payment_attempt_cart", "payment_attempt", ["tenant_id", "cart_id"])
    op.create_index("ix_message_created", "message", ["tenant_id", "created_at"])
