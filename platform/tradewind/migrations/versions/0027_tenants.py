"""Tenants that sign up by themselves: a directory that each writes for itself alone, its settings with their history."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import owned

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_AT = TIMESTAMP(timezone=True)

# Told with the commit to every worker, so that a shop that is closed is closed everywhere at once.
TELL_DIRECTORY = """
CREATE FUNCTION tell_directory_changed() RETURNS trigger LANGUAGE plpgsql AS
$$ DECLARE of_whom text := tg_argv[0]; changed jsonb;
   BEGIN
       changed := CASE tg_op WHEN 'DELETE' THEN to_jsonb(old) ELSE to_jsonb(new) END;
       PERFORM pg_notify('directory_changed', changed ->> of_whom);
       RETURN NULL;
   END $$
"""


def upgrade() -> None:
    _directory()
    _history()
    _sign_ups()
    own_by_tenant("sign_up")
    own_by_tenant("configuration_change", "tenant_change", append_only=True)


def _directory() -> None:
    op.add_column("tenant", sa.Column("settings_version", sa.BigInteger(), server_default="1", nullable=False))
    op.add_column("tenant", sa.Column("closes_at", _AT))
    op.drop_constraint(op.f("ck_tenant_status"), "tenant")
    op.create_check_constraint(
        op.f("ck_tenant_status"), "tenant", "status IN ('draft', 'unverified', 'active', 'suspended', 'closing')"
    )
    # Everybody finds a shop by its host name; a shop is written by itself alone. The owner passes over this: it loads
    # the demo's shops.
    for table, column in (("tenant", "id"), ("tenant_domain", "tenant_id")):
        own = f"{column} = (SELECT current_tenant())"
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY directory ON {table} FOR SELECT USING (true)")
        op.execute(f"CREATE POLICY own_added ON {table} FOR INSERT WITH CHECK ({own})")
        op.execute(f"CREATE POLICY own_changed ON {table} FOR UPDATE USING ({own}) WITH CHECK ({own})")
        op.execute(f"CREATE POLICY own_gone ON {table} FOR DELETE USING ({own})")
        op.execute(f"GRANT INSERT, UPDATE, DELETE ON {table} TO tradewind_app")
    op.execute(TELL_DIRECTORY)
    for table, column in (("tenant", "id"), ("tenant_domain", "tenant_id")):
        op.execute(
            f"CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW "
            f"EXECUTE FUNCTION tell_directory_changed('{column}')"
        )


def _history() -> None:
    op.create_table(
        "configuration_change",
        *owned("configuration_change"),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("configuration", JSONB(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("changed_at", _AT, nullable=False),
    )
    op.create_index("uq_configuration_change_version", "configuration_change", ["tenant_id", "version"], unique=True)
    op.create_table(
        "tenant_change",
        *owned("tenant_change"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at", _AT, nullable=False),
    )


def _sign_ups() -> None:
    op.create_table(
        "sign_up",
        *owned("sign_up"),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("answers", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("products", JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("created_at", _AT, server_default=sa.func.now(), nullable=False),
        sa.Column("finished_at", _AT),
        sa.Column("api_key", sa.Text()),
        sa.Column("proof_hash", sa.LargeBinary()),
        sa.Column("proved_at", _AT),
    )
    op.create_index("uq_sign_up_tenant", "sign_up", ["tenant_id"], unique=True)
