"""Which database holds a tenant's rows, asked as each of its transactions begins."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

# Whoever moves a tenant says so first, and then takes the same lock alone, and so waits for every transaction that was let
# in for writing. Those that come when it has been said don't queue for the lock: one of them may be what an earlier one
# waits for.
ENTER = """
CREATE FUNCTION enter_tenant(who uuid, here text, writing boolean) RETURNS void LANGUAGE plpgsql AS
$$ DECLARE stands text; going text;
   BEGIN
       PERFORM set_config('tradewind.tenant_id', who::text, true);
       SELECT t.home, t.moving_to INTO stands, going FROM public.tenant t WHERE t.id = who;
       IF writing AND going IS NULL THEN
           PERFORM pg_advisory_xact_lock_shared(1414091608, hashtext(who::text));
           SELECT t.home, t.moving_to INTO stands, going FROM public.tenant t WHERE t.id = who;
       END IF;
       stands := coalesce(stands, '');
       IF stands <> here THEN
           RAISE EXCEPTION USING ERRCODE = 'TW001', MESSAGE = 'home:' || stands;
       END IF;
       IF writing AND going IS NOT NULL THEN
           PERFORM set_config('transaction_read_only', 'on', true);
       END IF;
   END $$
"""

# What is append-only gives way to its owner for a shop that is removed, as before, and for one that the owner says it
# takes out of this database: row-level security, which is forced, keeps the owner to that tenant too.
REFUSE_CHANGE = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
       IF tg_op = 'DELETE' THEN
           IF current_setting('tradewind.removing', true) = current_tenant()::text
              AND current_user = (SELECT pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.oid = tg_relid) THEN
               RETURN NULL;
           END IF;
           IF EXISTS (SELECT FROM removed_tenant WHERE id = current_tenant() AND finished_at IS NULL) THEN
               RETURN NULL;
           END IF;
       END IF;
       RAISE EXCEPTION '% is append-only', tg_table_name USING ERRCODE = 'restrict_violation';
   END $$
"""


def upgrade() -> None:
    op.add_column("tenant", sa.Column("home", sa.Text(), server_default="", nullable=False))
    op.add_column("tenant", sa.Column("moving_to", sa.Text(), nullable=True))
    op.execute(ENTER)
    op.execute(REFUSE_CHANGE)
    # A worker sees that all its databases are at one revision.
    op.execute("GRANT SELECT ON alembic_version TO tradewind_app")
