"""The audit log: rows that are written once, linked once, and never changed; and the signatures of how far they go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import owned

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_AT = TIMESTAMP(timezone=True)

LINKED_ONCE = """
CREATE FUNCTION audit_entry_linked_once() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
       IF OLD.seq IS NOT NULL
          OR (OLD.tenant_id, OLD.id, OLD.at, OLD.actor, OLD.action, OLD.details)
             IS DISTINCT FROM (NEW.tenant_id, NEW.id, NEW.at, NEW.actor, NEW.action, NEW.details)
          OR OLD.object IS DISTINCT FROM NEW.object OR OLD.reason IS DISTINCT FROM NEW.reason
       THEN
           RAISE EXCEPTION 'an entry of the audit log is linked once and changed never'
               USING ERRCODE = 'restrict_violation';
       END IF;
       RETURN NEW;
   END $$
"""


def upgrade() -> None:
    op.create_table(
        "audit_entry",
        *owned("audit_entry"),
        sa.Column("at", _AT, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("details", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("seq", sa.BigInteger()),
        sa.Column("prev", sa.LargeBinary()),
        sa.Column("hash", sa.LargeBinary()),
        sa.CheckConstraint(
            "(seq IS NULL AND prev IS NULL AND hash IS NULL) OR (seq > 0 AND prev IS NOT NULL AND hash IS NOT NULL)",
            name=op.f("ck_audit_entry_linked"),
        ),
    )
    op.create_index("uq_audit_entry_seq", "audit_entry", ["tenant_id", "seq"], unique=True)
    op.create_index(
        "ix_audit_entry_unlinked",
        "audit_entry",
        ["tenant_id", "at", "id"],
        postgresql_where=sa.text("seq IS NULL"),
    )
    for column in ("object", "actor", "action"):
        op.create_index(f"ix_audit_entry_{column}", "audit_entry", ["tenant_id", column, "id"])
    op.create_table(
        "audit_checkpoint",
        *owned("audit_checkpoint"),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.Column("signed_by", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
    )
    op.create_index("ix_audit_checkpoint_seq", "audit_checkpoint", ["tenant_id", "seq"])
    own_by_tenant("audit_entry", "audit_checkpoint", append_only=True)
    # The app may give a row its place in the chain, and change nothing else of it.
    op.execute("GRANT UPDATE (seq, prev, hash) ON audit_entry TO tradewind_app")
    op.execute(LINKED_ONCE)
    op.execute(
        "CREATE TRIGGER linked_once BEFORE UPDATE ON audit_entry "
        "FOR EACH ROW EXECUTE FUNCTION audit_entry_linked_once()"
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON audit_entry "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoint "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
