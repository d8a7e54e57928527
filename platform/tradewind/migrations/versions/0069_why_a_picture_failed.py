"""Why a picture could not be made, so that whoever brought it can do something about it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("media_picture", sa.Column("fault", sa.Text()))
    op.create_check_constraint(
        op.f("ck_media_picture_fault"), "media_picture", "fault IN ('lost', 'unreadable', 'unavailable')"
    )
