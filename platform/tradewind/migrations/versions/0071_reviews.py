"""What customers say of products, and what a product's reviews come to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None

_AT = TIMESTAMP(timezone=True)
_SHOWN = sa.text("status = 'published'")

# What leaves with its shop, or arrives with it, is no change: its counts leave and arrive beside it.
_ON_THE_WAY = "concat(current_setting('tradewind.removing', true), current_setting('tradewind.arriving', true)) <> ''"

# The lower end of the interval in which the average of very many reviews would lie in 95 of 100 cases, one-sided: Evan
# Miller, "Ranking Items With Star Ratings" (2014), with one review of each number of stars to begin with.
DERIVE = """
CREATE FUNCTION product_rating_derived() RETURNS trigger LANGUAGE plpgsql AS
$$ DECLARE
       expected float8;
       squares float8;
   BEGIN
       SELECT sum(n), coalesce(sum(n * stars) / nullif(sum(n), 0)::float8, 0),
              sum((n + 1) * stars) / (sum(n) + 5)::float8, sum((n + 1) * stars * stars) / (sum(n) + 5)::float8
       INTO new.reviews, new.average, expected, squares
       FROM unnest(new.counts) WITH ORDINALITY AS given (n, stars);
       new.rank := CASE WHEN new.reviews = 0 THEN 0
                        ELSE expected - 1.65 * sqrt((squares - expected * expected) / (new.reviews + 6)) END;
       RETURN new;
   END $$
"""
RATE = """
CREATE FUNCTION rate_product(of_tenant uuid, product uuid, stars int, by int) RETURNS void LANGUAGE plpgsql AS
$$ BEGIN
       IF by > 0 THEN
           INSERT INTO product_rating (tenant_id, product_id) VALUES (of_tenant, product) ON CONFLICT DO NOTHING;
       END IF;
       UPDATE product_rating SET counts[stars] = counts[stars] + by
       WHERE tenant_id = of_tenant AND product_id = product;
   END $$
"""
COUNT_REVIEW = f"""
CREATE FUNCTION review_counted() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
       IF {_ON_THE_WAY} THEN
           RETURN NULL;
       END IF;
       IF tg_op <> 'INSERT' AND old.status = 'published' THEN
           PERFORM rate_product(old.tenant_id, old.product_id, old.rating, -1);
       END IF;
       IF tg_op <> 'DELETE' AND new.status = 'published' THEN
           PERFORM rate_product(new.tenant_id, new.product_id, new.rating, 1);
       END IF;
       RETURN NULL;
   END $$
"""
COUNT_VOTE = f"""
CREATE FUNCTION review_vote_counted() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
       IF {_ON_THE_WAY} THEN
           RETURN NULL;
       END IF;
       IF tg_op = 'INSERT' THEN
           UPDATE review SET helpful = helpful + 1 WHERE tenant_id = new.tenant_id AND id = new.review_id;
       ELSE
           UPDATE review SET helpful = helpful - 1 WHERE tenant_id = old.tenant_id AND id = old.review_id;
       END IF;
       RETURN NULL;
   END $$
"""  # noqa: S608  (the condition is a literal)


def upgrade() -> None:
    _reviews()
    _votes_and_reports()
    _ratings()
    own_by_tenant("review", "review_vote", "review_report", "product_rating")
    for function in (DERIVE, RATE, COUNT_REVIEW, COUNT_VOTE):
        op.execute(function)
    op.execute(
        "CREATE TRIGGER derived BEFORE INSERT OR UPDATE ON product_rating"
        " FOR EACH ROW EXECUTE FUNCTION product_rating_derived()"
    )
    op.execute("CREATE TRIGGER counted AFTER INSERT OR DELETE ON review FOR EACH ROW EXECUTE FUNCTION review_counted()")
    op.execute(
        "CREATE TRIGGER counted_anew AFTER UPDATE ON review FOR EACH ROW"
        " WHEN ((old.status, old.rating) IS DISTINCT FROM (new.status, new.rating))"
        " EXECUTE FUNCTION review_counted()"
    )
    op.execute(
        "CREATE TRIGGER counted AFTER INSERT OR DELETE ON review_vote FOR EACH ROW"
        " EXECUTE FUNCTION review_vote_counted()"
    )
    # Who keeps an answer about a product, and the search index, hear of it as of a price: migration 0016.
    op.execute(
        "CREATE TRIGGER catalogue_update AFTER UPDATE ON product_rating REFERENCING NEW TABLE AS changed"
        " FOR EACH STATEMENT EXECUTE FUNCTION tell_catalogue_changed('SELECT tenant_id, product_id FROM changed')"
    )
    op.execute("CREATE POLICY relay ON product_rating FOR SELECT TO tradewind_relay USING (true)")
    op.execute("GRANT SELECT ON product_rating TO tradewind_relay")


def _reviews() -> None:
    op.create_table(
        "review",
        *owned("review"),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("rating", sa.SmallInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("holds", ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("body_digest", sa.LargeBinary(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("helpful", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("written_at", _AT, nullable=False),
        sa.Column("edited_at", _AT, nullable=True),
        sa.Column("decided_at", _AT, nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        sa.Column("answered_at", _AT, nullable=True),
        belongs("review", "product", "product_id"),
        belongs("review", "customer", "customer_id"),
        belongs("review", "vendor", "answered_by"),
        sa.CheckConstraint("rating BETWEEN 1 AND 5", name=op.f("ck_review_rating")),
        sa.CheckConstraint("status IN ('pending', 'published', 'rejected')", name=op.f("ck_review_status")),
        sa.CheckConstraint("(status = 'rejected') = (reason IS NOT NULL)", name=op.f("ck_review_reason")),
        sa.CheckConstraint("helpful >= 0", name=op.f("ck_review_helpful")),
        sa.CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name=op.f("ck_review_answer")),
    )
    op.create_index("uq_review_customer", "review", ["tenant_id", "customer_id", "product_id"], unique=True)
    op.create_index("ix_review_newest", "review", ["tenant_id", "product_id", "id"], postgresql_where=_SHOWN)
    for name in ("helpful", "rating"):
        columns = ["tenant_id", "product_id", name, "id"]
        op.create_index(f"ix_review_{name}", "review", columns, postgresql_where=_SHOWN)
    op.create_index("ix_review_product", "review", ["tenant_id", "product_id"])
    op.create_index("ix_review_status", "review", ["tenant_id", "status", "id"])
    for name, column in (("digest", "body_digest"), ("answered_by", "answered_by")):
        where = sa.text(f"{column} IS NOT NULL")
        op.create_index(f"ix_review_{name}", "review", ["tenant_id", column], postgresql_where=where)


def _votes_and_reports() -> None:
    op.create_table(
        "review_vote",
        *owned("review_vote"),
        sa.Column("review_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("voted_at", _AT, nullable=False),
        _of_review("review_vote"),
        belongs("review_vote", "customer", "customer_id"),
    )
    op.create_index("uq_review_vote_customer", "review_vote", ["tenant_id", "review_id", "customer_id"], unique=True)
    op.create_index("ix_review_vote_customer", "review_vote", ["tenant_id", "customer_id"])
    op.create_table(
        "review_report",
        *owned("review_report"),
        sa.Column("review_id", sa.Uuid(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reported_at", _AT, nullable=False),
        sa.Column("settled_at", _AT, nullable=True),
        _of_review("review_report"),
    )
    op.create_index("uq_review_report_holder", "review_report", ["tenant_id", "review_id", "holder_id"], unique=True)
    op.create_index("ix_review_report_holder", "review_report", ["tenant_id", "holder_id"])
    still_open = sa.text("settled_at IS NULL")
    op.create_index("ix_review_report_open", "review_report", ["tenant_id", "review_id"], postgresql_where=still_open)


def _of_review(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", "review_id"],
        ["review.tenant_id", "review.id"],
        name=op.f(f"fk_{table}_tenant_id_review_id"),
        ondelete="CASCADE",
    )


def _ratings() -> None:
    op.create_table(
        "product_rating",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("counts", ARRAY(sa.BigInteger()), server_default="{0,0,0,0,0}", nullable=False),
        sa.Column("reviews", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("average", sa.Double(), server_default="0", nullable=False),
        sa.Column("rank", sa.Double(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "product_id", name=op.f("pk_product_rating")),
        belongs("product_rating", "product", "product_id"),
        sa.CheckConstraint("0 <= ALL (counts) AND cardinality(counts) = 5", name=op.f("ck_product_rating_counts")),
    )
