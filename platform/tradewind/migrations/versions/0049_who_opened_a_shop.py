"""A sign-up that is finished names its owner's account, and keeps neither their address nor their password."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

_FINISHED = """
    UPDATE sign_up s SET email = NULL, password_hash = NULL,
           account_id = (SELECT m.account_id FROM membership m
                         WHERE m.tenant_id = s.tenant_id AND m.invited_by = 'sign_up:' || s.id)
    WHERE s.finished_at IS NOT NULL
"""


def upgrade() -> None:
    op.add_column("sign_up", sa.Column("account_id", sa.Uuid(), nullable=True))
    for column in ("email", "password_hash"):
        op.alter_column("sign_up", column, nullable=True)
    for table in ("sign_up", "membership"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(_FINISHED)
    for table in ("sign_up", "membership"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.create_check_constraint(
        op.f("ck_sign_up_owner"),
        "sign_up",
        "CASE WHEN finished_at IS NULL THEN email IS NOT NULL AND password_hash IS NOT NULL"
        " ELSE email IS NULL AND password_hash IS NULL END",
    )
