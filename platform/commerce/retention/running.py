"""The rules are followed: a batch a transaction, so that nobody waits and whatever is interrupted goes on later.

Rows that somebody holds are left to them: `SKIP LOCKED`, and whoever changes one at that moment is heard first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from commerce.retention.rules import RULES, How, Rule
from commerce.tenancy import rounds
from commerce.tenancy.service import Shop
from foundation import clock, objects, sealing
from foundation.database import Database, HotStatement, Tx, hot
from foundation.naming import object_path
from foundation.settings import Settings

log = structlog.get_logger(__name__)

BATCH = 500
MOST_BATCHES = 100
"""Of one rule in one round; the rest waits for the next, so that no shop keeps the others waiting."""
PERIOD_SECONDS = 600.0
_HAS_KEY = "EXISTS (SELECT FROM subject_key y WHERE y.tenant_id = t.tenant_id AND y.id = t.id)"


def _where(rule: Rule) -> str:
    over = f"t.tenant_id = :tenant_id AND {rule.over}"
    return f"{over} AND {_HAS_KEY}" if rule.how is How.KEY and rule.table != "subject_key" else over


def _gone(rule: Rule) -> str:
    here = " AND ".join(["t.tenant_id = :tenant_id", *(f"t.{column} = old.{column}" for column in rule.key)])
    match rule.how:
        case How.DELETED:
            return f"DELETE FROM {rule.table} t USING old WHERE {here} RETURNING t.{rule.key[0]}"  # noqa: S608
        case How.EMPTIED:
            return f"UPDATE {rule.table} t SET {rule.emptied} FROM old WHERE {here} RETURNING t.id"  # noqa: S608
        case How.KEY:
            return "DELETE FROM subject_key y USING old WHERE y.tenant_id = :tenant_id AND y.id = old.id RETURNING y.id"


def _statement(rule: Rule) -> HotStatement:
    """Written of literals of `rules` alone."""
    along = "".join(
        f" along_{place} AS (DELETE FROM {table} a USING old WHERE a.tenant_id = :tenant_id AND {which}),"  # noqa: S608
        for place, (table, which) in enumerate((rule.along or {}).items())
    )
    return hot(
        text(
            f"WITH old AS MATERIALIZED (SELECT t.* FROM {rule.table} t WHERE {_where(rule)}"  # noqa: S608
            f" LIMIT CAST(:limit AS bigint) FOR UPDATE OF t SKIP LOCKED),{along} gone AS ({_gone(rule)})"
            " SELECT * FROM gone"
        )
    )


def _count(rule: Rule) -> HotStatement:
    return hot(text(f"SELECT count(*) AS due FROM {rule.table} t WHERE {_where(rule)}"))  # noqa: S608  (literals)


_STATEMENTS: Mapping[str, HotStatement] = {rule.name: _statement(rule) for rule in RULES}
_COUNTS: Mapping[str, HotStatement] = {rule.name: _count(rule) for rule in RULES}


def _before(rule: Rule) -> datetime:
    return clock.now() - rule.kept


async def due(database: Database, tenant_id: UUID) -> Mapping[str, int]:
    """How many rows of a tenant are over, by the name of the rule; nothing is changed."""
    async with database.tx(tenant_id, read_only=True) as tx:
        found = {rule.name: await tx.one(_COUNTS[rule.name], {"before": _before(rule)}) for rule in RULES}
    return {name: row["due"] if row is not None else 0 for name, row in found.items()}


async def follow(
    database: Database, settings: Settings, tenant_id: UUID, rules: Sequence[Rule] = RULES
) -> Mapping[str, int]:
    """Throw away what is over in a tenant; how many rows that were, by the name of the rule.

    Raises:
        OSError: the object store can't be reached: files and the keys that go with them are still there.
    """
    return {rule.name: await _follow(database, settings, tenant_id, rule) for rule in rules}


async def _follow(database: Database, settings: Settings, tenant_id: UUID, rule: Rule) -> int:
    count = 0
    for _ in range(MOST_BATCHES):
        async with database.tx(tenant_id) as tx:
            gone = await _batch(tx, settings, rule)
        if rule.how is How.KEY:
            sealing.forget(tenant_id, [row["id"] for row in gone])
        count += len(gone)
        if len(gone) < BATCH:
            break
    return count


async def _batch(tx: Tx, settings: Settings, rule: Rule) -> Sequence[Any]:
    gone = await tx.rows(_STATEMENTS[rule.name], {"before": _before(rule), "limit": BATCH})
    if rule.files is not None and settings.objects_url is not None:
        # Before it commits: a file whose key is gone would be found by nobody.
        for row in gone:
            path = object_path(tx.tenant_id, rule.files, f"{row['id']}.pdf")
            await asyncio.to_thread(objects.delete, settings.objects_url, path)
    return gone


async def run(database: Database, settings: Settings) -> None:
    """Go round until it is cancelled."""
    see_to = partial(_see_to, database, settings)
    await rounds.keep_going_round("retention", database, see_to, every=PERIOD_SECONDS, with_drafts=True)


async def go_round(database: Database, settings: Settings) -> None:
    """Follow the rules in every shop, one after the other, those that are being set up included."""
    await rounds.go_round(database, partial(_see_to, database, settings), with_drafts=True)


async def _see_to(database: Database, settings: Settings, shop: Shop) -> None:
    gone = {name: count for name, count in (await follow(database, settings, shop.id)).items() if count}
    if gone:
        log.info("retention.followed", tenant=shop.slug, gone=gone)
