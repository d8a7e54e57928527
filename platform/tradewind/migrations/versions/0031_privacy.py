"""Personal data is sealed and found by digests, and whoever was erased has a tombstone.

What is there is sealed by `tradewind privacy seal`, or by the worker, as it has the keys; until then it is read as it is,
and found by its value through the partial indexes, which are empty afterwards.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import owned

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_AT = TIMESTAMP(timezone=True)

SAID_ONCE = (
    ("order_entry", "note", "tenant_id, id, order_id, kind, actor, data, visible, at"),
    ("order_change_action", "data", "tenant_id, id, change_id, kind, line_id, quantity"),
    ("return_inspection", "note", "tenant_id, id, return_id, order_line_id, quantity, condition, restocked"),
    (
        "document",
        "data",
        "tenant_id, id, kind, year, sequence, number, order_id, invoice_id, currency, net, tax, total, issued_on, "
        "issued_at",
    ),
)
"""Table, the column that may be emptied, and all others."""


def upgrade() -> None:
    op.add_column("customer", sa.Column("email_digest", sa.LargeBinary()))
    op.add_column("customer", sa.Column("erased_at", _AT))
    op.drop_constraint("ck_customer_email_normalised", "customer")
    op.create_check_constraint(
        op.f("ck_customer_email_normalised"), "customer", "email_digest IS NOT NULL OR email = lower(email)"
    )
    op.drop_index("uq_customer_email", "customer")
    op.create_index(
        "uq_customer_email",
        "customer",
        ["tenant_id", "email"],
        unique=True,
        postgresql_where=sa.text("email_digest IS NULL"),
    )
    op.create_index("uq_customer_email_digest", "customer", ["tenant_id", "email_digest"], unique=True)
    op.add_column("orders", sa.Column("email_digest", sa.LargeBinary()))
    op.drop_index("ix_orders_email", "orders")
    op.create_index(
        "ix_orders_email",
        "orders",
        ["tenant_id", "email"],
        postgresql_where=sa.text("email IS NOT NULL AND email_digest IS NULL"),
    )
    op.create_index(
        "ix_orders_email_digest",
        "orders",
        ["tenant_id", "email_digest"],
        postgresql_where=sa.text("email_digest IS NOT NULL"),
    )
    op.add_column("payment_attempt", sa.Column("checked_digest", sa.LargeBinary()))
    # What was said once stays as it was said, but for the words of whoever is forgotten, and for what is sealed.
    for table, column, others in SAID_ONCE:
        op.execute(f"GRANT UPDATE ({column}) ON {table} TO tradewind_app")
        op.execute(f"DROP TRIGGER append_only ON {table}")
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OF {others} OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute("GRANT DELETE ON return_photo TO tradewind_app")
    op.execute("DROP TRIGGER append_only ON return_photo")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON return_photo "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.add_column("subject_key", sa.Column("kept_until", _AT))
    op.create_index(
        "ix_subject_key_kept_until",
        "subject_key",
        ["tenant_id", "kept_until"],
        postgresql_where=sa.text("kept_until IS NOT NULL"),
    )
    op.create_table(
        "tombstone",
        *owned("tombstone"),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("erased_at", _AT, nullable=False),
        sa.Column("replayed_at", _AT),
    )
    op.create_index("uq_tombstone_subject", "tombstone", ["tenant_id", "subject_id"], unique=True)
    own_by_tenant("tombstone")
