"""Rows from before are sealed: a batch a transaction, so that it can be stopped and goes on where it was."""

from __future__ import annotations

import json
from uuid import UUID

from sqlalchemy import text

from commerce.documents import keeping
from commerce.privacy.holdings import SEALED, Column, Holding, Kept
from foundation import sealing, veil
from foundation.database import Database, HotStatement, Tx, hot
from foundation.veil import Personal

BATCH = 200
_DIGESTED = {"customer": "email", "orders": "email"}
"""Tables in which something is found by a digest."""


def _columns(holding: Holding) -> list[Column]:
    return [column for column in holding.columns if column.kept is Kept.SEALED]


def _select(holding: Holding) -> HotStatement:
    shown = ", ".join(f"CAST(t.{column.name} AS text) AS {column.name}" for column in _columns(holding))
    return hot(
        text(
            f"SELECT t.id, {holding.subject} AS subject_id, {shown} FROM {holding.table} t"  # noqa: S608  (literals)
            " WHERE t.tenant_id = :tenant_id AND t.id > CAST(:after AS uuid) ORDER BY t.id LIMIT CAST(:limit AS bigint)"
        )
    )


def _update(holding: Holding) -> HotStatement:
    sets = [
        f"{column.name} = CAST(CAST(:{column.name} AS text) AS {'jsonb' if column.shape else 'text'})"
        for column in _columns(holding)
    ]
    if holding.table in _DIGESTED:
        sets.append("email_digest = coalesce(CAST(:digest AS bytea), email_digest)")
    return hot(
        text(f"UPDATE {holding.table} SET {', '.join(sets)} WHERE tenant_id = :tenant_id AND id = :id")  # noqa: S608
    )


_STATEMENTS = [(holding, _select(holding), _update(holding)) for holding in SEALED]


async def cover(database: Database, tenant_id: UUID) -> int:
    """Seal what is plain in a tenant's rows, and give the keys of papers their end; how many rows were sealed."""
    count = 0
    for holding, select, update in _STATEMENTS:
        after = UUID(int=0)
        while True:
            async with database.tx(tenant_id) as tx:
                rows = await tx.connection.fetch(
                    select.sql, *select.arguments({"tenant_id": tenant_id, "after": after, "limit": BATCH})
                )
                for row in rows:
                    count += await _covered(tx, holding, update, dict(row))
            if len(rows) < BATCH:
                break
            after = rows[-1]["id"]
    async with database.tx(tenant_id) as tx:
        await keeping.date_keys(tx)
    return count


async def _covered(tx: Tx, holding: Holding, update: HotStatement, row: dict[str, object]) -> bool:
    columns = _columns(holding)
    if row["subject_id"] is None or not any(_is_plain(column, row[column.name]) for column in columns):
        return False
    subject_id = UUID(str(row["subject_id"]))
    values: dict[str, object] = {"id": row["id"]}
    for column in columns:
        value = row[column.name]
        plain = isinstance(value, str) and _is_plain(column, value)
        values[column.name] = Personal(subject_id, value, column.shape) if plain and isinstance(value, str) else value
    if holding.table in _DIGESTED:
        email = row[_DIGESTED[holding.table]]
        known = isinstance(email, str) and not veil.is_sealed(email)
        values["digest"] = sealing.digest(tx.tenant_id, "email", str(email).strip().lower()) if known else None
    await tx.rows(update, values)
    return True


def _is_plain(column: Column, value: object) -> bool:
    if not isinstance(value, str) or not value:
        return False
    if column.shape is None:
        return not veil.is_sealed(value)
    return any(veil.strings(json.loads(value), column.shape))
