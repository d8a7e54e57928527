"""Bulk price changes as staff ask for them and a worker sees to them; each step of one commits with what it brought."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, get_args
from uuid import UUID

import orjson
from sqlalchemy import text

from commerce.archives.queue import KEPT, Leases, Turn, as_holder
from commerce.bulk_pricing import finding, rows
from commerce.bulk_pricing.judging import Verdict
from commerce.bulk_pricing.schemas import ApplicationIn, BulkChangeIn, BulkChangeOut, State
from commerce.pricing.service import BadWindow
from foundation import clock
from foundation.database import HotStatement, Tx, hot
from foundation.errors import Conflict, NotFound, TooMany
from foundation.ids import new_id

ATTEMPTS = 20
"""It begins where another left off, so a worker may die more than a few times on the way."""
MOST_WAITING = 20
"""Changes of a shop that may wait or be seen to at a time."""
_TOLD = 20
_COUNTED: Sequence[State] = [one for one in get_args(State) if one != "found"]
QUEUE = Leases(
    "bulk_price_change",
    also=("doing", "change", "applied_by", "undone_by", "found"),
    again=timedelta(minutes=1),
    failing=(
        ", finished_at = CAST(:now AS timestamptz),"
        " expires_at = CASE WHEN doing = 'preview' THEN CAST(:expires_at AS timestamptz) END"
    ),
    attempts=ATTEMPTS,
)


class BulkChangeNotFound(NotFound):
    """There is no such bulk price change, or it was forgotten because it was never applied."""

    code = "bulk_pricing.not_found"


class NotPreviewed(Conflict):
    """A bulk price change is applied once, when its preview is done."""

    code = "bulk_pricing.not_previewed"

    state: str


class PricesChanged(Conflict):
    """Prices are others since the change was looked at; look at it again, or leave those SKUs out."""

    code = "bulk_pricing.prices_changed"

    skus: list[str]
    """The first of them."""


class GuardrailsBroken(Conflict):
    """Some SKUs would break a guardrail; change what is asked, or leave them out."""

    code = "bulk_pricing.guardrails_broken"

    violations: dict[str, int]
    """How many by which."""


class NothingToApply(Conflict):
    """No price would be another."""

    code = "bulk_pricing.nothing_to_apply"


class NothingToUndo(Conflict):
    """No price is in force that this change has set, or it is not over yet."""

    code = "bulk_pricing.nothing_to_undo"


class BulkChangeFinished(Conflict):
    """The change is over: there is nothing left of it to stop."""

    code = "bulk_pricing.finished"


class TooManyBulkChanges(TooMany):
    """As many changes of the shop are waiting as may; each begins when the one before is done."""

    code = "bulk_pricing.too_many"


_SHOWN = """
    id, status, doing, problem, change::text AS change, found, planned, unchanged, violating, applied, skipped, undone,
    kept, violations::text AS violations, summary::text AS summary, requested_by, requested_at, applied_by, applied_at,
    undone_by, undone_at, finished_at, expires_at
"""
_WAITING = hot(
    text("SELECT count(*) FROM bulk_price_change WHERE tenant_id = :tenant_id AND status IN ('waiting', 'running')")
)
_ADD = hot(
    text(
        """
        INSERT INTO bulk_price_change (tenant_id, id, status, doing, change, requested_by, requested_at)
        VALUES (:tenant_id, :id, 'waiting', 'preview', CAST(CAST(:change AS text) AS jsonb), :by,
                CAST(:now AS timestamptz))
        """
    )
)
# pk_bulk_price_change: ids are ordered by time.
_PAGE = hot(
    text(
        f"""
        SELECT {_SHOWN} FROM bulk_price_change
        WHERE tenant_id = :tenant_id AND id < CAST(:before AS uuid) ORDER BY id DESC LIMIT :limit
        """  # noqa: S608  (the fragment is a literal)
    )
)
_ONE = hot(text(f"SELECT {_SHOWN} FROM bulk_price_change WHERE tenant_id = :tenant_id AND id = :id"))  # noqa: S608
_HELD = hot(
    text(f"SELECT {_SHOWN} FROM bulk_price_change WHERE tenant_id = :tenant_id AND id = :id FOR UPDATE")  # noqa: S608
)
_APPLY = hot(
    text(
        """
        UPDATE bulk_price_change
        SET status = 'waiting', doing = 'apply', attempt = 0, leased_until = NULL, finished_at = NULL,
            expires_at = NULL, applied_by = :by, applied_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :id
        """
    )
)
_UNDO = hot(
    text(
        """
        UPDATE bulk_price_change
        SET status = 'waiting', doing = 'undo', attempt = 0, leased_until = NULL, finished_at = NULL, undone_by = :by,
            undone_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :id AND status IN ('applied', 'stopped', 'failed') AND applied > 0
        RETURNING id
        """
    )
)
_STOP = hot(
    text(
        """
        UPDATE bulk_price_change
        SET status = 'stopped', finished_at = CAST(:now AS timestamptz),
            expires_at = CASE WHEN doing = 'preview' THEN CAST(:expires_at AS timestamptz) END
        WHERE tenant_id = :tenant_id AND id = :id AND status IN ('waiting', 'running') RETURNING id
        """
    )
)
_FOUND = hot(
    text(f"UPDATE bulk_price_change SET found = CAST(:found AS bigint) WHERE {QUEUE.mine} RETURNING id")  # noqa: S608
)
_GO_ON = hot(
    text(
        f"""
        UPDATE bulk_price_change
        SET found = found - CAST(:gone AS bigint),
            {", ".join(f"{one} = {one} + CAST(:{one} AS bigint)" for one in _COUNTED)}
        WHERE {QUEUE.mine} RETURNING id
        """  # noqa: S608  (literals)
    )
)
# ix_bulk_price_row_state
_SUMMED = """
    SELECT jsonb_build_object(
        'skus', count(*), 'raised', count(*) FILTER (WHERE x.change > 0),
        'lowered', count(*) FILTER (WHERE x.change < 0),
        'sum_before', coalesce(sum(x.was), 0), 'sum_after', coalesce(sum(x.after), 0),
        'change', CASE WHEN count(*) > 0 THEN jsonb_build_object(
            'least', min(x.change), 'middle', percentile_disc(0.5) WITHIN GROUP (ORDER BY x.change),
            'greatest', max(x.change)) END,
        'change_basis_points', CASE WHEN count(x.points) > 0 THEN jsonb_build_object(
            'least', min(x.points), 'middle', percentile_disc(0.5) WITHIN GROUP (ORDER BY x.points),
            'greatest', max(x.points)) END)
    FROM (SELECT w.base AS was, w.after, w.after - w.base AS change,
                 round((w.after - w.base) * 10000.0 / nullif(w.base, 0))::bigint AS points
          FROM bulk_price_row w
          WHERE w.tenant_id = c.tenant_id AND w.change_id = c.id AND w.state = CAST(:summed AS text)) x
"""
_BROKEN = """
    SELECT coalesce(jsonb_object_agg(y.code, y.number), '{}')
    FROM (SELECT code, count(*) AS number FROM bulk_price_row w CROSS JOIN LATERAL unnest(w.violations) AS code
          WHERE w.tenant_id = c.tenant_id AND w.change_id = c.id GROUP BY code) y
"""
_FINISH = hot(
    text(
        f"""
        UPDATE bulk_price_change c SET
            status = :status, problem = :problem, finished_at = CAST(:now AS timestamptz),
            expires_at = CAST(:expires_at AS timestamptz), violations = ({_BROKEN}),
            summary = CASE WHEN CAST(:summed AS text) IS NULL THEN c.summary ELSE ({_SUMMED}) END
        WHERE {QUEUE.mine} RETURNING id
        """  # noqa: S608  (literals)
    )
)
_EXPIRE = hot(
    text("DELETE FROM bulk_price_change WHERE tenant_id = :tenant_id AND expires_at <= CAST(:now AS timestamptz)")
)


async def ask(tx: Tx, change: BulkChangeIn, *, by: str) -> UUID:
    """Have a change looked at; its id.

    Raises:
        TooManyBulkChanges, BadWindow: it would be over already.
        RuleNamesNothing, AttributeNotFound, AttributeInvalid, UnknownCollection, UnknownSkus.
    """
    waiting = await tx.one(_WAITING)
    if waiting is not None and waiting[0] >= MOST_WAITING:
        raise TooManyBulkChanges(retry_after=60)
    require_window(change)
    kept = await finding.as_kept(tx, change)
    change_id = new_id()
    await tx.rows(_ADD, {"id": change_id, "change": kept.model_dump_json(), "by": by, "now": clock.now()})
    return change_id


def require_window(change: BulkChangeIn) -> None:
    """Stop where what a change says is over already.

    Raises:
        BadWindow.
    """
    if change.ends_at is not None and change.ends_at <= clock.now():
        raise BadWindow


async def page(tx: Tx, before: UUID, limit: int) -> list[tuple[UUID, BulkChangeOut]]:
    """Changes before one, the latest first."""
    found = await _out(tx, await tx.rows(_PAGE, {"before": before, "limit": limit}))
    return [(one.id, one) for one in found]


async def one(tx: Tx, change_id: UUID) -> BulkChangeOut:
    """A change, and how far it is.

    Raises:
        BulkChangeNotFound.
    """
    return await _found(tx, _ONE, change_id)


async def apply(tx: Tx, change_id: UUID, asked: ApplicationIn, *, by: str) -> BulkChangeOut:
    """Have a change applied that was looked at.

    Raises:
        BulkChangeNotFound, NotPreviewed, NothingToApply, BadWindow.
        GuardrailsBroken, PricesChanged: unless those are to be left out.
    """
    found = await _found(tx, _HELD, change_id)
    if found.status != "previewed":
        raise NotPreviewed(state=found.status)
    require_window(found.change)
    if found.violating and asked.violating == "block":
        raise GuardrailsBroken(violations=found.violations)
    if not found.planned:
        raise NothingToApply
    if asked.changed == "block" and (skus := await rows.otherwise(tx, change_id, found.change, _TOLD)):
        raise PricesChanged(skus=skus)
    await tx.rows(_APPLY, {"id": change_id, "by": by, "now": clock.now()})
    return await one(tx, change_id)


async def undo(tx: Tx, change_id: UUID, *, by: str) -> BulkChangeOut:
    """Have the prices set again that a change has changed, where they were not changed since.

    Raises:
        BulkChangeNotFound, NothingToUndo.
    """
    if await tx.one(_UNDO, {"id": change_id, "by": by, "now": clock.now()}) is None:
        await one(tx, change_id)
        raise NothingToUndo
    return await one(tx, change_id)


async def stop(tx: Tx, change_id: UUID) -> BulkChangeOut:
    """See to no more of it; what is done stays, and can be undone.

    Raises:
        BulkChangeNotFound, BulkChangeFinished.
    """
    now = clock.now()
    if await tx.one(_STOP, {"id": change_id, "now": now, "expires_at": now + KEPT}) is None:
        await one(tx, change_id)
        raise BulkChangeFinished
    return await one(tx, change_id)


async def found(tx: Tx, turn: Turn, number: int) -> None:
    """Write down how many SKUs a change is about.

    Raises:
        TakenOver.
    """
    await as_holder(tx, _FOUND, turn, found=number)


async def go_on(tx: Tx, turn: Turn, become: Iterable[State], *, of: State, gone: int = 0) -> None:
    """Write down what a batch came to, in its transaction: each row was in the state `of`; so many are `gone`.

    Raises:
        TakenOver: another has it, or somebody has stopped it; what the batch brought is to be undone.
    """
    counted = Counter(become)
    counted[of] -= counted.total()
    await as_holder(tx, _GO_ON, turn, gone=gone, **{one: counted[one] for one in _COUNTED})


async def finish(
    tx: Tx, turn: Turn, status: str, *, problem: str | None = None, summed: State | None = None, kept: bool = True
) -> None:
    """It is through: with the sum of the rows in the state `summed`; forgotten after a week unless it is `kept`.

    Raises:
        TakenOver.
    """
    now = clock.now()
    values = {"status": status, "problem": problem, "summed": summed, "now": now}
    await as_holder(tx, _FINISH, turn, **values, expires_at=None if kept else now + KEPT)


async def expire(tx: Tx) -> None:
    """Forget changes that nothing came of, and whose time is over."""
    await tx.rows(_EXPIRE, {"now": clock.now()})


def kept_change(document: str) -> BulkChangeIn:
    """A change as `ask` kept it."""
    return BulkChangeIn.model_validate(orjson.loads(document))


def is_as_seen(verdict: Verdict, row: Mapping[str, Any]) -> bool:
    """Whether what a change makes of a SKU now is what its row says."""
    seen = (verdict.base, verdict.before, verdict.after, verdict.struck_before, verdict.struck_after)
    return seen == (row["base"], row["before"], row["after"], row["struck_before"], row["struck_after"])


async def _found(tx: Tx, statement: HotStatement, change_id: UUID) -> BulkChangeOut:
    row = await tx.one(statement, {"id": change_id})
    if row is None:
        raise BulkChangeNotFound
    return (await _out(tx, [row]))[0]


async def _out(tx: Tx, found: Sequence[Mapping[str, Any]]) -> list[BulkChangeOut]:
    changes = await finding.as_shown(tx, [kept_change(row["change"]) for row in found])
    return [
        BulkChangeOut(
            **{
                **row,
                "change": change,
                "prepared": sum(row[one] for one in _COUNTED),
                "violations": orjson.loads(row["violations"]),
                "summary": row["summary"] and orjson.loads(row["summary"]),
            }
        )
        for row, change in zip(found, changes, strict=True)
    ]
