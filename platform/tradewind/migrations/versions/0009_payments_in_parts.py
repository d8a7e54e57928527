"""Several payments an order, what providers tell us, and money in dispute."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import owned

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
    "voiding",
    "voided",
    "refused",
    "cancelled",
)
UNFINISHED = ("started", "action_required", "authorised", "capturing", "voiding")
READ = ("cart", "payment", "payment_attempt")


def upgrade() -> None:
    _attempts()


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
        _instant("created_at"),
        *owned("payment_attempt"),
        _belongs("payment_attempt", "cart", "cart_id"),
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
    _check("payment", "order", "status NOT IN ('due', 'capturing', 'captured') OR order_id IS NOT NULL")
    _check("payment", "action", "(status = 'action_required') = (action_url IS NOT NULL)")
    op.drop_index("ix_payment_unfinished", "payment")
    op.create_index(
        "ix_payment_unfinished",
        "payment",
        ["tenant_id", "updated_at"],
        postgresql_where=sa.text(f"status IN ({_literals(UNFINISHED)})"),
    )


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


def _belongs(table: str, other: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{other}.tenant_id", f"{other}.id"],
        name=op.f(f"fk_{table}_tenant_id_{column}"),
    )
