"""Which providers a shop offers, instruments kept for customers, and what providers settled."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import owned

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _accounts()
    _methods()
    _settlements()


def _accounts() -> None:
    op.create_table(
        "payment_account",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("position", sa.BigInteger(), server_default="0", nullable=False),
        _instant("updated_at"),
        *owned("payment_account"),
        sa.CheckConstraint("position >= 0", name=op.f("ck_payment_account_position")),
    )
    op.create_index("uq_payment_account_provider", "payment_account", ["tenant_id", "provider"], unique=True)
    op.create_index(
        "uq_payment_account_account",
        "payment_account",
        ["provider", "account"],
        unique=True,
        postgresql_where=sa.text("account IS NOT NULL"),
    )
    own_by_tenant("payment_account")


def _methods() -> None:
    op.create_table(
        "payment_method",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("expires", sa.Date(), nullable=True),
        sa.Column("is_default", sa.Boolean(), server_default="false", nullable=False),
        _instant("created_at"),
        *owned("payment_method"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customer.tenant_id", "customer.id"],
            name=op.f("fk_payment_method_tenant_id_customer_id"),
        ),
        sa.CheckConstraint(
            "token !~ '^[0-9 -]*$' AND label !~ '[0-9]{12}'", name=op.f("ck_payment_method_no_card_number")
        ),
    )
    op.create_index(
        "uq_payment_method_token", "payment_method", ["tenant_id", "customer_id", "provider", "token"], unique=True
    )
    op.create_index(
        "uq_payment_method_default",
        "payment_method",
        ["tenant_id", "customer_id"],
        unique=True,
        postgresql_where=sa.text("is_default"),
    )
    own_by_tenant("payment_method")


def _settlements() -> None:
    op.create_table(
        "settlement_line",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("settled_on", sa.Date(), nullable=False),
        _instant("created_at"),
        *owned("settlement_line"),
        sa.CheckConstraint("kind IN ('capture', 'refund', 'dispute', 'fee')", name=op.f("ck_settlement_line_kind")),
    )
    op.create_index("uq_settlement_line_line", "settlement_line", ["tenant_id", "provider", "line"], unique=True)
    op.create_index(
        "uq_settlement_line_subject",
        "settlement_line",
        ["tenant_id", "subject_id"],
        unique=True,
        postgresql_where=sa.text("subject_id IS NOT NULL"),
    )
    op.create_table(
        "reconciliation",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        _instant("first_run_at"),
        _instant("last_run_at"),
        *owned("reconciliation"),
    )
    op.create_index("uq_reconciliation_day", "reconciliation", ["tenant_id", "provider", "day"], unique=True)
    op.create_table(
        "reconciliation_exception",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("expected_amount", sa.BigInteger(), nullable=True),
        sa.Column("expected_currency", sa.Text(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        _instant("created_at"),
        sa.Column("resolved_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        *owned("reconciliation_exception"),
        sa.CheckConstraint(
            "kind IN ('unknown', 'twice', 'amount_differs', 'currency_differs', 'late', 'missing_at_provider')",
            name=op.f("ck_reconciliation_exception_kind"),
        ),
        sa.CheckConstraint(
            "(resolved_at IS NULL) = (resolution IS NULL)", name=op.f("ck_reconciliation_exception_resolved")
        ),
    )
    op.create_index(
        "uq_reconciliation_exception_about",
        "reconciliation_exception",
        ["tenant_id", "provider", "kind", "about"],
        unique=True,
    )
    op.create_index(
        "ix_reconciliation_exception_open",
        "reconciliation_exception",
        ["tenant_id", "id"],
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    own_by_tenant("settlement_line", append_only=True)
    own_by_tenant("reconciliation", "reconciliation_exception")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON settlement_line "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _instant(name: str) -> sa.Column[object]:
    return sa.Column(name, postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False)
