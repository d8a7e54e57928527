"""Several payments an order, what providers tell us, and money in dispute."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

PAYMENTS = (
    "started",
    "action_required",
    "authorised",
    "due",
    "capturing",
    "captured",
    "capture_failed",
    "replaced",
    "voiding",
    "voided",
    "refused",
    "cancelled",
)
PAYMENT_STATES = ("pending", "authorised", "due", "paid", "partially_refunded", "refunded", "voided")
UNFINISHED = ("started", "action_required", "authorised", "capturing", "voiding")
READ = ("cart", "payment", "payment_attempt")


def upgrade() -> None:
    _attempts()
    _events()
    _test_bank()
    _what_comes_of_payments()
    _disputes()
    _terms()


def _attempts() -> None:
    op.create_table(
        "payment_attempt",
        sa.Column("cart_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("visitor_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("consent", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("checked", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        _instant("created_at"),
        *owned("payment_attempt"),
        belongs("payment_attempt", "cart", "cart_id"),
        belongs("payment_attempt", "orders", "order_id"),
    )
    own_by_tenant("payment_attempt")
    op.add_column("payment", sa.Column("attempt_id", sa.Uuid(), nullable=True))
    op.add_column("payment", sa.Column("action_url", sa.Text(), nullable=True))
    _what_there_was()
    op.alter_column("payment", "attempt_id", nullable=False)
    op.create_foreign_key(
        op.f("fk_payment_tenant_id_attempt_id"),
        "payment",
        "payment_attempt",
        ["tenant_id", "attempt_id"],
        ["tenant_id", "id"],
    )
    op.drop_constraint("ck_payment_status", "payment")
    _check("payment", "status", f"status IN ({_literals(PAYMENTS)})")
    _check(
        "payment",
        "order",
        "status NOT IN ('due', 'capturing', 'captured', 'capture_failed') OR order_id IS NOT NULL",
    )
    _check("payment", "action", "(status = 'action_required') = (action_url IS NOT NULL)")
    op.drop_index("ix_payment_unfinished", "payment")
    op.create_index(
        "ix_payment_unfinished",
        "payment",
        ["tenant_id", "updated_at"],
        postgresql_where=sa.text(f"status IN ({_literals(UNFINISHED)})"),
    )


def _events() -> None:
    op.create_index(
        "ix_payment_reference",
        "payment",
        ["tenant_id", "provider_reference"],
        postgresql_where=sa.text("provider_reference IS NOT NULL"),
    )
    op.create_table(
        "provider_event",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("occurred_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("refund_id", sa.Uuid(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("dispute_reference", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="received", nullable=False),
        sa.Column("tries", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("next_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("received_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("handled_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        *owned("provider_event"),
        sa.CheckConstraint("status IN ('received', 'handled', 'failed')", name=op.f("ck_provider_event_status")),
        sa.CheckConstraint("amount >= 0 AND tries >= 0", name=op.f("ck_provider_event_amounts")),
    )
    op.create_index("uq_provider_event", "provider_event", ["tenant_id", "provider", "event_id"], unique=True)
    op.create_index(
        "ix_provider_event_due",
        "provider_event",
        ["tenant_id", "next_at"],
        postgresql_where=sa.text("status = 'received'"),
    )
    op.create_index("ix_provider_event_status", "provider_event", ["tenant_id", "status", "id"])
    own_by_tenant("provider_event")


def _test_bank() -> None:
    op.create_table(
        "test_bank_payment",
        sa.Column("card", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("return_url", sa.Text(), nullable=True),
        _instant("created_at"),
        *owned("test_bank_payment"),
        sa.CheckConstraint(
            "status IN ('challenge', 'processing', 'held', 'captured', 'voided', 'refused')",
            name=op.f("ck_test_bank_payment_status"),
        ),
    )
    op.create_table(
        "test_bank_refund",
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        *owned("test_bank_refund"),
        belongs("test_bank_refund", "test_bank_payment", "payment_id"),
        sa.CheckConstraint("status IN ('pending', 'succeeded', 'failed')", name=op.f("ck_test_bank_refund_status")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_test_bank_refund_amount")),
    )
    op.create_index("ix_test_bank_refund_payment", "test_bank_refund", ["tenant_id", "payment_id"])
    op.create_table(
        "test_bank_event",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("refund_id", sa.Uuid(), nullable=True),
        sa.Column("amount", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("currency", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("due_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("delivered_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        *owned("test_bank_event"),
        belongs("test_bank_event", "test_bank_payment", "payment_id"),
    )
    op.create_index(
        "ix_test_bank_event_due",
        "test_bank_event",
        ["tenant_id", "due_at"],
        postgresql_where=sa.text("delivered_at IS NULL"),
    )
    own_by_tenant("test_bank_payment", "test_bank_refund", "test_bank_event")


def _what_comes_of_payments() -> None:
    for name in ("disputed", "spared", "fee"):
        op.add_column("payment", sa.Column(name, sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("payment", sa.Column("due_on", sa.Date(), nullable=True))
    op.drop_constraint("ck_payment_refunded", "payment")
    _check(
        "payment",
        "refunded",
        "spared >= 0 AND refunded >= 0 AND disputed >= 0 AND spared + refunded + disputed <= amount "
        "AND (refunded + disputed + fee = 0 OR status = 'captured')",
    )
    _check("payment", "fee", "fee BETWEEN 0 AND amount")
    op.drop_constraint("ck_orders_payment_state", "orders")
    _check("orders", "payment_state", f"payment_state IN ({_literals(PAYMENT_STATES)})")


def _disputes() -> None:
    op.create_table(
        "dispute",
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="opened", nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("kept", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("opened_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("contested_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("closed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        *owned("dispute"),
        belongs("dispute", "payment", "payment_id"),
        belongs("dispute", "orders", "order_id"),
        sa.CheckConstraint("status IN ('opened', 'won', 'lost')", name=op.f("ck_dispute_status")),
        sa.CheckConstraint("amount > 0 AND fee >= 0 AND kept BETWEEN 0 AND amount", name=op.f("ck_dispute_amounts")),
    )
    op.create_index("uq_dispute_reference", "dispute", ["tenant_id", "provider", "reference"], unique=True)
    op.create_index("ix_dispute_status", "dispute", ["tenant_id", "status", "id"])
    op.create_index("ix_dispute_order", "dispute", ["tenant_id", "order_id"])
    own_by_tenant("dispute")


def _terms() -> None:
    op.create_table(
        "payment_terms",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("days", sa.BigInteger(), nullable=False),
        *owned("payment_terms"),
        belongs("payment_terms", "customer", "customer_id"),
        sa.CheckConstraint("provider IN ('cod', 'invoice')", name=op.f("ck_payment_terms_provider")),
        sa.CheckConstraint("days BETWEEN 0 AND 365", name=op.f("ck_payment_terms_days")),
    )
    op.create_index(
        "uq_payment_terms",
        "payment_terms",
        ["tenant_id", "provider", "customer_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    own_by_tenant("payment_terms")


def _what_there_was() -> None:
    """Until now a payment was an attempt, and held the stock itself: its attempt gets its id.

    What was only started can't be placed any more, for nobody knows what was checked: it is let go.
    """
    for table in READ:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(
        """
        INSERT INTO payment_attempt (tenant_id, id, cart_id, session_id, visitor_id, customer_id, email, checked,
                                     created_at)
        SELECT p.tenant_id, p.id, p.cart_id, p.id, c.visitor_id, c.customer_id, c.email, '', p.created_at
        FROM payment p JOIN cart c ON (c.tenant_id, c.id) = (p.tenant_id, p.cart_id)
        """
    )
    op.execute("UPDATE payment SET attempt_id = id")
    for table in READ:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def _check(table: str, name: str, condition: str) -> None:
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)


def _literals(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _instant(name: str) -> sa.Column[object]:
    return sa.Column(name, postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False)
