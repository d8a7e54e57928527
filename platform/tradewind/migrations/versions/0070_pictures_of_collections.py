"""Pictures of collections, brought as those of products are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import owned

revision = "0070"
down_revision = "0069"
branch_labels = None
depends_on = None

_NAME = "collection_picture"
_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        _NAME,
        *owned(_NAME),
        sa.Column("collection_id", sa.Uuid(), nullable=True),
        sa.Column("alt", sa.Text(), nullable=False),
        sa.Column("focal_x", sa.SmallInteger(), nullable=False),
        sa.Column("focal_y", sa.SmallInteger(), nullable=False),
        sa.Column("width", sa.SmallInteger(), nullable=False),
        sa.Column("height", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("attempt", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("leased_until", _AT, nullable=True),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.Column("shown", JSONB(), nullable=True),
        sa.Column("cover", JSONB(), nullable=True),
        sa.Column("thumbnail", sa.Text(), nullable=True),
        sa.Column("files", ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "collection_id"],
            ["collection.tenant_id", "collection.id"],
            name=op.f(f"fk_{_NAME}_tenant_id_collection_id"),
            ondelete="SET NULL (collection_id)",
        ),
        sa.CheckConstraint("focal_x BETWEEN 0 AND 100 AND focal_y BETWEEN 0 AND 100", name=op.f(f"ck_{_NAME}_focal")),
        sa.CheckConstraint("status IN ('waiting', 'running', 'ready', 'failed')", name=op.f(f"ck_{_NAME}_status")),
        sa.CheckConstraint("fault IN ('lost', 'unreadable', 'unavailable')", name=op.f(f"ck_{_NAME}_fault")),
    )
    op.create_index("uq_collection_picture_collection", _NAME, ["tenant_id", "collection_id"], unique=True)
    op.create_index(
        "ix_collection_picture_due",
        _NAME,
        ["tenant_id", "id"],
        postgresql_where=sa.text("status IN ('waiting', 'running')"),
    )
    own_by_tenant(_NAME)
