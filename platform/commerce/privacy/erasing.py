"""Somebody is forgotten: their keys are thrown away, and what was sealed by them is emptied or removed.

Either would do for the rows that are here; the keys are what makes backups, logs of changes and copies unreadable as
well. Orders and the ledger stay, without the person. A tombstone for each key says that it may never come back; a copy
of them is kept outside the database, because a backup from before knows nothing of them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import fsspec
from sqlalchemy import text

from commerce.privacy import unsettled
from commerce.privacy.holdings import DOCUMENT, HOLDINGS, Holding
from foundation import audit, clock, sealing
from foundation.database import Database, Tx, hot
from foundation.errors import NotFound
from foundation.events import CustomerErased, record
from foundation.naming import ObjectPath, object_path
from foundation.outbox import announce
from foundation.settings import Settings


class UnknownPerson(NotFound):
    """There is no such customer here, or they are forgotten already."""

    code = "privacy.unknown_person"


# ix_orders_customer, ix_orders_email_digest, uq_account_customer, ix_session_customer, ix_cart_customer,
# ix_cart_visitor, ix_stock_alert_address
_WHO = """
        WITH person AS (
            SELECT c.id FROM customer c WHERE c.tenant_id = :tenant_id AND c.id = :customer_id {lock}),
        accounts AS (
            SELECT a.id, a.email_digest FROM account a
            WHERE a.tenant_id = :tenant_id AND a.customer_id = :customer_id),
        placed AS (
            SELECT o.id, o.cart_id, o.visitor_id FROM orders o
            WHERE o.tenant_id = :tenant_id
              AND (o.customer_id = :customer_id
                   OR (o.customer_id IS NULL AND o.email_digest IN (SELECT email_digest FROM accounts)))),
        visitors AS (
            SELECT s.visitor_id FROM session s
            WHERE s.tenant_id = :tenant_id AND s.customer_id = :customer_id
            UNION SELECT visitor_id FROM placed WHERE visitor_id IS NOT NULL),
        carts AS (
            SELECT c.id FROM cart c
            WHERE c.tenant_id = :tenant_id
              AND (c.customer_id = :customer_id
                   OR (c.customer_id IS NULL AND c.visitor_id IN (SELECT visitor_id FROM visitors)
                       AND c.status IN ('open', 'merged')))
            UNION SELECT cart_id FROM placed),
        alerts AS (
            SELECT s.id FROM stock_alert s
            WHERE s.tenant_id = :tenant_id AND s.email_digest IN (
                SELECT email_digest FROM accounts
                UNION ALL SELECT c.email_digest FROM customer c
                WHERE c.tenant_id = :tenant_id AND c.id = :customer_id))
        SELECT p.id, ARRAY(SELECT id FROM accounts) AS accounts, ARRAY(SELECT visitor_id FROM visitors) AS visitors,
               ARRAY(SELECT id FROM carts) AS carts, ARRAY(SELECT id FROM placed) AS orders,
               ARRAY(SELECT id FROM alerts) AS alerts
        FROM person p
"""
_WHO_HELD, _WHO_IS_IT = (hot(text(_WHO.format(lock=lock))) for lock in ("FOR UPDATE", "AND c.erased_at IS NULL"))
# Everybody who writes reviews holds a review before its product's rating. Of several, each is taken in the order of
# the ids: two who are forgotten at once, and judged the same products or each other's words, would else wait for each
# other.
_REVIEWS_HELD = hot(
    text(
        """
        SELECT r.id FROM review r
        WHERE r.tenant_id = :tenant_id AND (r.customer_id = :customer_id OR r.id IN (
            SELECT v.review_id FROM review_vote v WHERE v.tenant_id = :tenant_id AND v.customer_id = :customer_id))
        ORDER BY r.id FOR UPDATE
        """
    )
)
_RATINGS_HELD = hot(
    text(
        """
        SELECT w.product_id FROM product_rating w
        WHERE w.tenant_id = :tenant_id AND w.product_id IN (
            SELECT r.product_id FROM review r WHERE r.tenant_id = :tenant_id AND r.customer_id = :customer_id)
        ORDER BY w.product_id FOR UPDATE
        """
    )
)
_THROW_AWAY = hot(text("DELETE FROM subject_key WHERE tenant_id = :tenant_id AND id = ANY (CAST(:subjects AS uuid[]))"))
_BURY = hot(
    text(
        """
        INSERT INTO tombstone (tenant_id, id, subject_id, person_id, erased_at)
        SELECT :tenant_id, gen_random_uuid(), s, CAST(:customer_id AS uuid), CAST(:now AS timestamptz)
        FROM unnest(CAST(:subjects AS uuid[])) s ON CONFLICT (tenant_id, subject_id) DO NOTHING
        """
    )
)
# Whatever came back: a key, or a person who has a name again.
_RISEN = hot(
    text(
        """
        SELECT DISTINCT t.person_id FROM tombstone t
        WHERE t.tenant_id = :tenant_id
          AND (EXISTS (SELECT FROM subject_key k WHERE k.tenant_id = t.tenant_id AND k.id = t.subject_id)
               OR EXISTS (SELECT FROM customer c WHERE c.tenant_id = t.tenant_id AND c.id = t.person_id
                                                   AND c.erased_at IS NULL))
        """
    )
)
_TOMBSTONES = hot(
    text(
        "SELECT person_id, min(erased_at) AS erased_at, array_agg(subject_id) AS subjects FROM tombstone"
        " WHERE tenant_id = :tenant_id GROUP BY person_id"
    )
)
_PHOTOS = hot(
    text(
        """
        WITH gone AS (
            DELETE FROM claim_photo t USING order_claim p
            WHERE t.tenant_id = :tenant_id AND p.tenant_id = t.tenant_id AND p.id = t.claim_id
              AND p.order_id = ANY (CAST(:orders AS uuid[])) RETURNING 'claim' AS album, t.id),
        also AS (
            DELETE FROM return_photo t USING order_return p
            WHERE t.tenant_id = :tenant_id AND p.tenant_id = t.tenant_id AND p.id = t.return_id
              AND p.order_id = ANY (CAST(:orders AS uuid[])) RETURNING 'return' AS album, t.id)
        SELECT * FROM gone UNION ALL SELECT * FROM also
        UNION ALL SELECT 'document', d.id FROM document d
                  WHERE d.tenant_id = :tenant_id AND d.order_id = ANY (CAST(:orders AS uuid[]))
        """
    )
)


def _emptying(holding: Holding) -> str:
    """Written of literals of `holdings` alone."""
    where = f"t.tenant_id = :tenant_id AND {holding.theirs}"
    if holding.removed:
        return f"DELETE FROM {holding.table} t WHERE {where}"  # noqa: S608
    left = ", ".join(f"{column.name} = {column.erased}" for column in holding.columns)
    return f"UPDATE {holding.table} t SET {left} WHERE {where}"  # noqa: S608


_EMPTY = tuple(hot(text(_emptying(holding))) for holding in HOLDINGS)


async def erase(
    tx: Tx, customer_id: UUID, *, actor: str, reason: str | None = None, even_if_open: bool = False
) -> Sequence[str]:
    """Forget a customer; gives the objects that are to be deleted once this has committed.

    `even_if_open` is for replaying a tombstone: what was decided is not decided anew.

    Raises:
        UnknownPerson: there is nobody.
        NotSettled: something between the shop and them is open; nothing is changed.
    """
    who = await tx.one(_WHO_HELD, {"customer_id": customer_id})
    if who is None:
        raise UnknownPerson
    left = await unsettled.of(tx, who["orders"])
    if not (left.is_empty or even_if_open):
        raise unsettled.refused(left)
    now = clock.now()
    theirs = _theirs(customer_id, who, now)
    subjects = [customer_id, *who["accounts"], *who["carts"], *who["orders"], *who["alerts"]]
    objects = [_path(tx.tenant_id, row[0], row[1]) for row in await tx.rows(_PHOTOS, {"orders": who["orders"]})]
    for held in (_REVIEWS_HELD, _RATINGS_HELD):
        await tx.rows(held, {"customer_id": customer_id})
    for statement in _EMPTY:
        await tx.rows(statement, theirs)
    await tx.rows(_THROW_AWAY, {"subjects": subjects})
    # Browsers have no key; what they did is derived of, and no event of theirs may come in any more.
    await tx.rows(_BURY, {"subjects": [*subjects, *who["visitors"]], "customer_id": customer_id, "now": now})
    sealing.forget(tx.tenant_id, subjects)
    details = {"orders": len(who["orders"]), "keys": len(subjects), "replayed": even_if_open}
    await audit.record(
        tx, actor=actor, action="privacy.erase", object=f"customer:{customer_id}", reason=reason, details=details
    )
    said = CustomerErased(customer_id=customer_id, visitor_ids=list(who["visitors"]))
    await announce(tx, [record(said, tenant_id=tx.tenant_id, aggregate_id=customer_id)])
    return objects


async def everything_of(tx: Tx, customer_id: UUID) -> Mapping[str, Any]:
    """What the rows of a customer are found by: the parameters of a holding.

    Raises:
        UnknownPerson: there is nobody, or they are forgotten.
    """
    who = await tx.one(_WHO_IS_IT, {"customer_id": customer_id})
    if who is None:
        raise UnknownPerson
    return _theirs(customer_id, who, clock.now())


def _theirs(customer_id: UUID, who: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    principals = [str(customer_id), *map(str, who["visitors"])]
    return {
        "customer_id": customer_id,
        "accounts": who["accounts"],
        "visitors": who["visitors"],
        "carts": who["carts"],
        "orders": who["orders"],
        "alerts": who["alerts"],
        "principals": principals,
        "named": [customer_id, *who["accounts"], *who["carts"], *who["orders"]],
        "now": now,
    }


def _path(tenant_id: UUID, album: str, object_id: UUID) -> ObjectPath:
    if album == "document":
        return object_path(tenant_id, f"{DOCUMENT.table}s", f"{object_id}.pdf")
    return object_path(tenant_id, f"{album}s", f"{object_id}.jpg")


async def forget(
    database: Database, settings: Settings, tenant_id: UUID, customer_id: UUID, *, actor: str, reason: str | None = None
) -> None:
    """`erase`, its objects, and a copy of its tombstones outside the database.

    Raises:
        UnknownPerson, NotSettled.
    """
    async with database.tx(tenant_id) as tx:
        objects = await erase(tx, customer_id, actor=actor, reason=reason)
    await see_through(database, settings, tenant_id, objects)


async def see_through(database: Database, settings: Settings, tenant_id: UUID, objects: Sequence[str]) -> None:
    """What is left to do once `erase` has committed: its objects go, and its tombstones have a copy outside."""
    await _deleted(settings, objects)
    await keep_outside(database, settings, tenant_id)


async def keep_outside(database: Database, settings: Settings, tenant_id: UUID) -> None:
    """Every tombstone has its copy in the object store."""
    if settings.objects_url is None:
        return
    async with database.tx(tenant_id, read_only=True) as tx:
        buried = {
            str(row["person_id"]): {
                "erased_at": row["erased_at"].isoformat(),
                "subjects": [str(subject) for subject in row["subjects"]],
            }
            for row in await tx.rows(_TOMBSTONES)
        }
    await asyncio.to_thread(_write, settings.objects_url, tenant_id, buried)


async def replay(database: Database, settings: Settings, tenant_id: UUID) -> int:
    """Forget anew whoever came back, out of a backup for one: how many. Nothing happens when nobody did."""
    async with database.tx(tenant_id) as tx:
        for person, said in (await asyncio.to_thread(_read, settings.objects_url, tenant_id)).items():
            values = {"customer_id": UUID(person), "now": datetime.fromisoformat(said["erased_at"])}
            await tx.rows(_BURY, {**values, "subjects": [UUID(one) for one in said["subjects"]]})
        risen = [row["person_id"] for row in await tx.rows(_RISEN)]
    for person_id in risen:
        async with database.tx(tenant_id) as tx:
            objects = await erase(tx, person_id, actor="system:tombstones", even_if_open=True)
        await _deleted(settings, objects)
    await keep_outside(database, settings, tenant_id)
    return len(risen)


async def _deleted(settings: Settings, paths: Sequence[str]) -> None:
    if settings.objects_url is not None and paths:
        await asyncio.to_thread(_delete, settings.objects_url, paths)


def _delete(url: str, paths: Sequence[str]) -> None:
    store, root = fsspec.url_to_fs(url)
    for path in paths:
        if store.exists(f"{root}/{path}"):
            store.rm_file(f"{root}/{path}")


def _file(root: str, tenant_id: UUID) -> str:
    return f"{root}/tombstones/{tenant_id}.json"


def _write(url: str, tenant_id: UUID, buried: Mapping[str, Any]) -> None:
    store, root = fsspec.url_to_fs(url)
    path = _file(root, tenant_id)
    all_of_them = {**_read(url, tenant_id), **buried}
    if all_of_them:
        store.makedirs(path.rpartition("/")[0], exist_ok=True)
        store.pipe_file(path, json.dumps(all_of_them).encode())


def _read(url: str | None, tenant_id: UUID) -> dict[str, Any]:
    if url is None:
        return {}
    store, root = fsspec.url_to_fs(url)
    path = _file(root, tenant_id)
    found: dict[str, Any] = json.loads(store.cat_file(path)) if store.exists(path) else {}
    return found
