"""Shops are removed by the owner of the schema, and a tombstone of each stays."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_AT = TIMESTAMP(timezone=True)
_REFUSE_CHANGE = """
    CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN
           IF tg_op = 'DELETE' THEN
               IF EXISTS (SELECT FROM removed_tenant WHERE id = current_tenant() AND finished_at IS NULL) THEN
                   RETURN NULL;
               END IF;
           END IF;
           RAISE EXCEPTION '% is append-only', tg_table_name USING ERRCODE = 'restrict_violation';
       END $$
"""
_STATUSES = ("draft", "unverified", "active", "suspended", "closing", "removing")


def upgrade() -> None:
    op.create_table(
        "removed_tenant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug_digest", sa.LargeBinary(), nullable=False),
        sa.Column("began_at", _AT, nullable=False),
        sa.Column("at", sa.Text()),
        sa.Column("rows", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("finished_at", _AT),
        sa.Column("swept_at", _AT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_removed_tenant")),
    )
    op.execute("GRANT SELECT ON removed_tenant TO tradewind_app")
    # Only the owner may delete there at all, and row-level security holds it to the tenant that has the tombstone.
    op.execute(_REFUSE_CHANGE)
    op.add_column("tenant", sa.Column("warned_days", sa.BigInteger()))
    op.drop_constraint(op.f("ck_tenant_status"), "tenant")
    statuses = ", ".join(f"'{status}'" for status in _STATUSES)
    op.create_check_constraint(op.f("ck_tenant_status"), "tenant", f"status IN ({statuses})")
