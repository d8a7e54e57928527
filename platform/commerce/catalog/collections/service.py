"""Collections as staff keep them, and as shoppers see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import text

from commerce.catalog.collections import filling, naming
from commerce.catalog.collections.naming import Names
from commerce.catalog.collections.rules import found_by
from commerce.catalog.collections.schemas import (
    CollectionChange,
    CollectionIn,
    CollectionOut,
    MemberOut,
    PickedIn,
    PreviewIn,
    PreviewOut,
    Rule,
)
from commerce.catalog.handles import by_handle
from commerce.catalog.refusals import CatalogueStale
from commerce.catalog.words import slug_of
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.database import HotStatement, Tx, hot
from foundation.errors import Conflict, NotFound, Unprocessable
from foundation.ids import new_id

MOST = 500
_OF_TITLE = 100
"""Characters of an address that are made of a title."""
_PREVIEWED = 8


class CollectionNotFound(NotFound):
    """There is no such collection in this shop."""

    code = "catalog.collection_not_found"


class CollectionHandleTaken(Conflict):
    """Another collection of the shop has this handle."""

    code = "catalog.collection_handle_taken"


class TooManyCollections(Unprocessable):
    """The shop has as many collections as one can have."""

    code = "catalog.too_many_collections"

    limit: int


class CollectionKindFixed(Unprocessable):
    """A collection with a rule keeps one, and one whose products somebody picks gets none: make another instead."""

    code = "catalog.collection_kind_fixed"


class CollectedProductNotFound(NotFound):
    """There is no such product to be in the collection, or to give it its picture."""

    code = "catalog.collected_product_not_found"

    product: str
    """By its id, or its handle."""


_COLUMNS = """
    c.id, c.handle, c.title, c.description, c.rule::text AS rule, c.sort, c.published, c.starts_at, c.ends_at,
    c.menu_position, c.picture_of, c.product_count, c.filled_at, c.version
"""
_PAGE = hot(
    text(
        f"""
        SELECT {_COLUMNS} FROM collection c WHERE c.tenant_id = :tenant_id AND c.id > :after ORDER BY c.id LIMIT :limit
        """  # noqa: S608  (the fragment is a literal)
    )
)
_ONE = hot(text(f"SELECT {_COLUMNS} FROM collection c WHERE c.tenant_id = :tenant_id AND c.id = :id"))  # noqa: S608
_COUNT = hot(text("SELECT count(*) FROM collection WHERE tenant_id = :tenant_id"))
# uq_collection_handle
_TAKEN = hot(text("SELECT 1 FROM collection WHERE tenant_id = :tenant_id AND handle = :handle"))
_PRODUCTS = hot(text("SELECT id FROM product WHERE tenant_id = :tenant_id AND id = ANY(CAST(:ids AS uuid[]))"))

_ADD = hot(
    text(
        """
        INSERT INTO collection (tenant_id, id, handle, title, description, rule, sort, published, starts_at, ends_at,
                                menu_position, picture_of, filled_at, due_at, created_at, updated_at)
        VALUES (:tenant_id, :id, :handle, :title, :description, CAST(CAST(:rule AS text) AS jsonb), :sort, :published,
                CAST(:starts_at AS timestamptz), CAST(:ends_at AS timestamptz), CAST(:menu_position AS int),
                CAST(:picture_of AS uuid), CAST(:filled_at AS timestamptz), CAST(:due_at AS timestamptz), :now, :now)
        """
    )
)
_CHANGE = hot(
    text(
        """
        UPDATE collection SET handle = :handle, title = :title, description = :description,
               rule = CAST(CAST(:rule AS text) AS jsonb), sort = :sort, published = :published,
               starts_at = CAST(:starts_at AS timestamptz), ends_at = CAST(:ends_at AS timestamptz),
               menu_position = CAST(:menu_position AS int), picture_of = CAST(:picture_of AS uuid),
               due_at = CASE WHEN :anew THEN CAST(:now AS timestamptz) ELSE due_at END,
               filled_at = CASE WHEN :anew THEN NULL ELSE filled_at END,
               version = version + 1, updated_at = :now
        WHERE tenant_id = :tenant_id AND id = :id
        """
    )
)
_REMOVE = hot(text("DELETE FROM collection WHERE tenant_id = :tenant_id AND id = :id"))
_ADVANCE = hot(
    text("UPDATE collection SET version = version + 1, updated_at = :now WHERE tenant_id = :tenant_id AND id = :id")
)

_EMPTY = hot(text("DELETE FROM collection_product WHERE tenant_id = :tenant_id AND collection_id = :collection_id"))
_PICK = hot(
    text(
        """
        INSERT INTO collection_product (tenant_id, collection_id, product_id, position, place)
        SELECT :tenant_id, :collection_id, t.id, t.nth, t.nth
        FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS t (id, nth)
        """
    )
)
# ix_collection_product_place
_MEMBERS = hot(
    text(
        """
        SELECT p.id, p.title, p.handle, p.status, m.place FROM collection_product m
        CROSS JOIN LATERAL (
            SELECT p.* FROM product p WHERE (p.tenant_id, p.id) = (m.tenant_id, m.product_id) OFFSET 0) p
        WHERE m.tenant_id = :tenant_id AND m.collection_id = :collection_id
          AND (m.place, m.product_id) > (CAST(:place AS bigint), CAST(:after AS uuid))
        ORDER BY m.place, m.product_id LIMIT :limit
        """
    )
)

_FIRST = """
    SELECT p.id, p.title, p.handle, p.status, count(*) OVER () AS found FROM product p {joins}
    WHERE p.tenant_id = :tenant_id AND p.status = 'published' AND ({condition}) ORDER BY {order}, p.id LIMIT :limit
"""


async def page(tx: Tx, after: UUID, limit: int) -> list[tuple[UUID, CollectionOut]]:
    """Collections after one, as they were added."""
    rows = await tx.rows(_PAGE, {"after": after, "limit": limit})
    return [(row["id"], one) for row, one in zip(rows, await _out(tx, rows), strict=True)]


async def read(tx: Tx, collection_id: UUID) -> CollectionOut:
    """A collection.

    Raises:
        CollectionNotFound.
    """
    (found,) = await _out(tx, [await _row(tx, collection_id)])
    return found


async def members(
    tx: Tx, collection_id: UUID, after: tuple[int, UUID] | None, limit: int
) -> list[tuple[int, MemberOut]]:
    """The products of a collection after a place in it, whatever their status, each with its place.

    Raises:
        CollectionNotFound.
    """
    await _row(tx, collection_id)
    place, last = after or (-(2**63), UUID(int=0))
    values = {"collection_id": collection_id, "place": place, "after": last, "limit": limit}
    return [(row["place"], _member(row)) for row in await tx.rows(_MEMBERS, values)]


async def preview(tx: Tx, shop: Shop, asked: PreviewIn) -> PreviewOut:
    """What a rule finds now: how many products, and the first of them.

    Raises:
        RuleNamesNothing, AttributeNotFound, AttributeInvalid.
    """
    rule = await naming.as_kept(tx, asked.rule)
    found = found_by(rule, asked.sort, shop)
    order = "lower(p.title)" if asked.sort == "title" else found.place
    statement = hot(text(_FIRST.format(joins=found.joins, condition=found.condition, order=order)))
    values = {**found.values, "currency": shop.currency, "now": clock.now(), "limit": _PREVIEWED}
    rows = await tx.rows(statement, values)
    return PreviewOut(product_count=rows[0]["found"] if rows else 0, products=[_member(row) for row in rows])


async def add(tx: Tx, body: CollectionIn) -> UUID:
    """A new collection, which a rule fills within seconds, and else somebody; its id.

    Raises:
        TooManyCollections, CollectionHandleTaken, CollectedProductNotFound.
        RuleNamesNothing, AttributeNotFound, AttributeInvalid.
    """
    await filling.alone(tx)
    row = await tx.one(_COUNT)
    if row and row[0] >= MOST:
        raise TooManyCollections(limit=MOST)
    made, now = new_id(), clock.now()
    values = await _values(tx, body, body.handle or await _free_handle(tx, body.title, made))
    filled_at, due_at = (None, now) if body.rule else (now, None)
    await _write(tx, _ADD, {**values, "id": made, "filled_at": filled_at, "due_at": due_at, "now": now})
    await filling.told(tx, made, ["created"])
    return made


async def ids_of(tx: Tx, handles: Sequence[str]) -> list[UUID]:
    """The products at some handles, in their order.

    Raises:
        CollectedProductNotFound.
    """
    found = await by_handle(tx, handles)
    for handle in handles:
        if handle not in found:
            raise CollectedProductNotFound(product=handle)
    return [found[handle] for handle in handles]


async def change(tx: Tx, shop: Shop, collection_id: UUID, body: CollectionChange) -> None:
    """Have a collection say something else. What another rule finds is in it within seconds.

    Raises:
        CollectionNotFound, CatalogueStale, CollectionKindFixed, CollectionHandleTaken, CollectedProductNotFound.
        RuleNamesNothing, AttributeNotFound, AttributeInvalid.
    """
    row = await _held(tx, collection_id, body.version)
    if (row["rule"] is None) != (body.rule is None):
        raise CollectionKindFixed
    values = await _values(tx, body, body.handle or row["handle"])
    before = {**row, "rule": row["rule"] and orjson.loads(row["rule"])}
    after = {**values, "rule": values["rule"] and orjson.loads(values["rule"])}
    fields = sorted(name for name, value in after.items() if before[name] != value)
    if not fields:
        return
    anew = bool(body.rule) and not {"rule", "sort"}.isdisjoint(fields)
    await _write(tx, _CHANGE, {**values, "id": collection_id, "anew": anew, "now": clock.now()})
    if body.rule is None and "sort" in fields:
        await filling.fill(tx, shop, collection_id)
    await filling.told(tx, collection_id, fields)


async def pick(tx: Tx, shop: Shop, collection_id: UUID, body: PickedIn) -> None:
    """Have these products in a collection, in place of those that were there.

    Raises:
        CollectionNotFound, CatalogueStale, CollectedProductNotFound.
        CollectionKindFixed: a rule says what is in it.
    """
    row = await _held(tx, collection_id, body.version)
    await _require(tx, body.product_ids)
    if row["rule"] is not None:
        raise CollectionKindFixed
    await tx.rows(_EMPTY, {"collection_id": collection_id})
    await tx.rows(_PICK, {"collection_id": collection_id, "ids": body.product_ids})
    await tx.rows(_ADVANCE, {"id": collection_id, "now": clock.now()})
    await filling.fill(tx, shop, collection_id)
    await filling.told(tx, collection_id, ["products"])


async def remove(tx: Tx, collection_id: UUID) -> None:
    """Take a collection away; its products stay.

    Raises:
        CollectionNotFound.
    """
    await filling.alone(tx)
    await _row(tx, collection_id)
    await tx.rows(_REMOVE, {"id": collection_id})
    await filling.told(tx, collection_id, ["removed"])


async def _held(tx: Tx, collection_id: UUID, version: int) -> Mapping[str, Any]:
    """A collection that nobody else changes until the transaction ends."""
    await filling.alone(tx)
    row = await _row(tx, collection_id)
    if row["version"] != version:
        raise CatalogueStale(version=row["version"])
    return row


async def _row(tx: Tx, collection_id: UUID) -> Mapping[str, Any]:
    row: Mapping[str, Any] | None = await tx.one(_ONE, {"id": collection_id})
    if row is None:
        raise CollectionNotFound
    return row


async def _values(tx: Tx, body: CollectionIn, handle: str) -> dict[str, Any]:
    """The columns that a collection's words are kept in."""
    if body.picture_of is not None:
        await _require(tx, [body.picture_of])
    rule = await naming.as_kept(tx, body.rule) if body.rule else None
    said = body.model_dump(exclude={"rule", "version"})
    return {**said, "handle": handle, "rule": rule.model_dump_json() if rule else None}


async def _require(tx: Tx, product_ids: Sequence[UUID]) -> None:
    there = {row["id"] for row in await tx.rows(_PRODUCTS, {"ids": list(product_ids)})}
    for one in product_ids:
        if one not in there:
            raise CollectedProductNotFound(product=str(one))


async def _free_handle(tx: Tx, title: str, made: UUID) -> str:
    """An address made of a title; the end of the id tells it from that of another collection."""
    handle = slug_of(title)[:_OF_TITLE].strip("-")
    return handle if await tx.one(_TAKEN, {"handle": handle}) is None else f"{handle}-{made.hex[-8:]}"


async def _write(tx: Tx, statement: HotStatement, values: Mapping[str, Any]) -> None:
    try:
        await tx.rows(statement, values)
    except asyncpg.UniqueViolationError as fault:
        raise CollectionHandleTaken from fault


async def _out(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> list[CollectionOut]:
    rules = [_rule(row) for row in rows]
    names = await naming.names_of(tx, [one for one in rules if one])
    return [
        CollectionOut(**{**row, "rule": rule and names.shown(rule)}, gone=_gone(names, rule))
        for row, rule in zip(rows, rules, strict=True)
    ]


def _rule(row: Mapping[str, Any]) -> Rule | None:
    return Rule.model_validate(orjson.loads(row["rule"])) if row["rule"] else None


def _gone(names: Names, rule: Rule | None) -> list[str]:
    return names.gone(rule) if rule else []


def _member(row: Mapping[str, Any]) -> MemberOut:
    return MemberOut(id=row["id"], title=row["title"], handle=row["handle"], status=row["status"])
