"""What payments have learnt: the test bank's report of a day, what comes back of refunds and disputes, and instruments
that are kept once their owner has answered the bank.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_KINDS = "kind IN ('capture', 'refund', 'dispute', 'reversal', 'fee')"
_DIFFERENCES = (
    "kind IN ('unknown', 'twice', 'amount_differs', 'currency_differs', 'fee_differs', 'late', 'missing_at_provider')"
)


def upgrade() -> None:
    _reversals()
    _fees()
    _reports()
    _setups()


def _reversals() -> None:
    _check("settlement_line", "kind", _KINDS)
    op.drop_index("uq_settlement_line_subject", "settlement_line")
    op.create_index(
        "uq_settlement_line_subject",
        "settlement_line",
        ["tenant_id", "subject_id", "kind"],
        unique=True,
        postgresql_where=sa.text("subject_id IS NOT NULL"),
    )


def _fees() -> None:
    _check("reconciliation_exception", "kind", _DIFFERENCES)
    op.add_column("reconciliation_exception", sa.Column("expected_fee", sa.BigInteger(), nullable=True))
    op.add_column("reconciliation_exception", sa.Column("fee", sa.BigInteger(), nullable=True))
    for table in ("provider_event", "test_bank_event"):
        op.add_column(table, sa.Column("fee", sa.BigInteger(), server_default="0", nullable=False))
    _check("provider_event", "amounts", "amount >= 0 AND fee >= 0 AND tries >= 0")


def _reports() -> None:
    op.create_table(
        "test_bank_transaction",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("refund_id", sa.Uuid(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("settles_on", sa.Date(), nullable=False),
        *owned("test_bank_transaction"),
        sa.CheckConstraint(
            "kind IN ('capture', 'refund', 'dispute', 'reversal')", name=op.f("ck_test_bank_transaction_kind")
        ),
    )
    op.create_index(
        "uq_test_bank_transaction_line", "test_bank_transaction", ["tenant_id", "kind", "reference"], unique=True
    )
    op.create_index("ix_test_bank_transaction_day", "test_bank_transaction", ["tenant_id", "settles_on", "id"])
    own_by_tenant("test_bank_transaction", append_only=True)
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON test_bank_transaction "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _setups() -> None:
    op.create_table(
        "payment_method_setup",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("method_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        *owned("payment_method_setup"),
        belongs("payment_method_setup", "customer", "customer_id"),
        sa.CheckConstraint("status IN ('waiting', 'kept', 'refused')", name=op.f("ck_payment_method_setup_status")),
        sa.CheckConstraint(
            "(status = 'refused') = (refusal IS NOT NULL)", name=op.f("ck_payment_method_setup_refusal")
        ),
    )
    op.create_index("ix_payment_method_setup_customer", "payment_method_setup", ["tenant_id", "customer_id", "id"])
    own_by_tenant("payment_method_setup")


def _check(table: str, name: str, condition: str) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
