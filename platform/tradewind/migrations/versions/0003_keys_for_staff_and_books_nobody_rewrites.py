"""Keys for staff, a log of stock that moves between warehouses, and books that nobody can rewrite."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from tradewind.migrations.security import own_by_tenant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

REFUSE_CHANGE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
       RAISE EXCEPTION '% is append-only', tg_table_name USING ERRCODE = 'restrict_violation';
   END $$
"""
MOVEMENTS = ("receive", "reserve", "release", "sell", "write_off", "transfer_in", "transfer_out")


def upgrade() -> None:
    op.create_table(
        "api_key",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("revoked_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_api_key")),
    )
    op.create_index("uq_api_key_token_hash", "api_key", ["tenant_id", "token_hash"], unique=True)
    own_by_tenant("api_key")

    op.create_index("ix_ledger_posting_reference", "ledger_posting", ["tenant_id", "reference_id"])

    # Grants keep the app from it already; the trigger keeps the owner and a careless console from it too.
    op.execute(REFUSE_CHANGE)
    for table in ("ledger_posting", "stock_movement"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )

    op.drop_constraint("ck_stock_movement_kind", "stock_movement")
    kinds = ", ".join(f"'{kind}'" for kind in MOVEMENTS)
    op.create_check_constraint(op.f("ck_stock_movement_kind"), "stock_movement", f"kind IN ({kinds})")
