"""The worker that looks at bulk price changes, applies them and undoes them, batch by batch.

Each batch is one transaction, in which a row's new state stands beside its new price: whoever goes on after a kill
takes the rows that are left. Between two batches the shop's other writers have their turn.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from commerce.archives.queue import Turn, next_turn
from commerce.bulk_pricing import finding, jobs, rows
from commerce.bulk_pricing.guarding import limits_of
from commerce.bulk_pricing.judging import Facts, Verdict, judged
from commerce.bulk_pricing.schemas import BulkChangeIn, State
from commerce.pricing import history, many, service
from commerce.pricing.limits import Limits
from commerce.pricing.many import Slot
from commerce.pricing.service import ListPrice
from commerce.tenancy.rounds import keep_going_round
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.database import Database, Tx

log = structlog.get_logger(__name__)
PERIOD_SECONDS = 2.0
BATCH_ROWS = 500
"""Of one transaction: so many take well under a second, which is how long others wait for theirs."""
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Work:
    """A change that a worker holds."""

    shop: Shop
    turn: Turn
    change: BulkChangeIn
    limits: Limits
    by: str | None
    """Whose word it is that prices change."""

    def judged(self, facts: Facts) -> Verdict:
        """What the change makes of a SKU now."""
        return judged(self.change, facts, self.limits, at=clock.now())


async def run(database: Database) -> None:
    """Go round all shops until it is cancelled."""

    async def see_to_shop(shop: Shop) -> None:
        async with database.tx(shop.id) as tx:
            await jobs.expire(tx)
        await see_to(database, shop)

    await keep_going_round("bulk_prices", database, see_to_shop, every=PERIOD_SECONDS, with_drafts=True)


async def see_to(database: Database, shop: Shop) -> bool:
    """See to the change of a shop that waits longest, if one does; whether one did."""

    async def work(turn: Turn, claimed: Row) -> None:
        change = jobs.kept_change(claimed["change"])
        by = claimed["undone_by"] if claimed["doing"] == "undo" else claimed["applied_by"]
        await _DOING[claimed["doing"]](database, Work(shop, turn, change, limits_of(shop), by), claimed)

    return await next_turn(jobs.QUEUE, database, shop.id, "bulk_prices.interrupted", work)


async def _preview(database: Database, work: Work, claimed: Row) -> None:
    if not claimed["found"] and not await _find(database, work):
        return
    await _through(database, work, "found", _look)
    async with database.tx(work.shop.id) as tx:
        await jobs.finish(tx, work.turn, "previewed", summed="planned", kept=False)


async def _find(database: Database, work: Work) -> bool:
    """Write down which SKUs it is about; `False`: it is refused, for there are none, or too many."""
    most = work.limits.most_skus
    async with database.tx(work.shop.id) as tx:
        async with tx.rehearsal():
            found = await finding.keep(tx, work.shop, work.change, work.turn.id, most=most)
        problem = "nothing_found" if not found else "too_many_skus" if found > most else None
        if problem is not None:
            await jobs.found(tx, work.turn, found)
            await jobs.finish(tx, work.turn, "refused", problem=problem, kept=False)
            return False
        await finding.keep(tx, work.shop, work.change, work.turn.id, most=most)
        await jobs.found(tx, work.turn, found)
    return True


async def _apply(database: Database, work: Work, _: Row) -> None:
    await _through(database, work, "planned", _change)
    async with database.tx(work.shop.id) as tx:
        await jobs.finish(tx, work.turn, "applied", summed="applied")


async def _undo(database: Database, work: Work, _: Row) -> None:
    await _through(database, work, "applied", _change_back)
    async with database.tx(work.shop.id) as tx:
        await jobs.finish(tx, work.turn, "undone")


_DOING: Mapping[str, Callable[[Database, Work, Row], Coroutine[Any, Any, None]]] = {
    "preview": _preview,
    "apply": _apply,
    "undo": _undo,
}


async def _through(
    database: Database, work: Work, state: State, see_to_some: Callable[[Tx, Work, Sequence[Row]], Awaitable[None]]
) -> None:
    """Take all rows that are in a state, batch by batch; each batch has them in another."""
    while True:
        async with database.tx(work.shop.id) as tx:
            batch = await rows.batch(tx, work.turn.id, state, BATCH_ROWS)
            if not batch:
                return
            await see_to_some(tx, work, batch)


async def _look(tx: Tx, work: Work, batch: Sequence[Row]) -> None:
    asked = [row["variant_id"] for row in batch]
    verdicts = [work.judged(one) for one in await finding.facts(tx, work.change, asked)]
    there = {one.facts.variant_id for one in verdicts}
    gone = [one for one in asked if one not in there]
    await jobs.go_on(tx, work.turn, [one.state for one in verdicts], of="found", gone=len(gone))
    await rows.looked_at(tx, work.turn.id, verdicts, gone)


async def _change(tx: Tx, work: Work, batch: Sequence[Row]) -> None:
    now = await _held(tx, work, batch)
    become = {row["variant_id"]: _becomes(row, now.get(row["variant_id"])) for row in batch}
    await jobs.go_on(tx, work.turn, [state for state, _ in become.values()], of="planned")
    await _write(tx, work, [row for row in batch if become[row["variant_id"]][0] == "applied"], "after")
    await rows.became(tx, work.turn.id, become)


def _becomes(row: Row, verdict: Verdict | None) -> tuple[State, Sequence[str]]:
    """Whether a row's price is changed; a price, or what a guardrail goes by, may be another since it was looked at."""
    if verdict is None or not jobs.is_as_seen(verdict, row):
        return "skipped", ["price_changed"]
    return ("skipped", verdict.violations) if verdict.violations else ("applied", [])


async def _change_back(tx: Tx, work: Work, batch: Sequence[Row]) -> None:
    now = await _held(tx, work, batch)
    become: dict[UUID, tuple[State, Sequence[str]]] = {}
    for row in batch:
        verdict = now.get(row["variant_id"])
        is_ours = verdict is not None and (verdict.before, verdict.struck_before) == (row["after"], row["struck_after"])
        become[row["variant_id"]] = ("undone", []) if is_ours else ("kept", ["price_changed"])
    await jobs.go_on(tx, work.turn, [state for state, _ in become.values()], of="applied")
    await _write(tx, work, [row for row in batch if become[row["variant_id"]][0] == "undone"], "before")
    await rows.became(tx, work.turn.id, become)


async def _held(tx: Tx, work: Work, batch: Sequence[Row]) -> dict[UUID, Verdict]:
    """What the change makes of SKUs now; nobody else changes their prices until the transaction ends."""
    asked = [row["variant_id"] for row in batch]
    await history.alone(tx, asked)
    return {one.variant_id: work.judged(one) for one in await finding.facts(tx, work.change, asked)}


async def _write(tx: Tx, work: Work, batch: Sequence[Row], which: str) -> None:
    """Set the prices of rows that they are to have `after`, or that they had `before`."""
    change = work.change
    if change.is_offer:
        slot = Slot(change.currency, change.group, change.starts_at, change.ends_at)
        await many.put_offers(tx, {row["variant_id"]: row[which] for row in batch}, slot, by=work.by)
        return
    prices = {row["variant_id"]: ListPrice(row[which], row[f"struck_{which}"]) for row in batch}
    await service.set_list_prices(tx, prices, change.currency, by=work.by)
