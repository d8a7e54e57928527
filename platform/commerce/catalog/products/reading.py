"""Products as staff and vendors read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from commerce.catalog.products import states
from commerce.catalog.products.schemas import ProductContent, ProductOut, ProposalOut
from commerce.catalog.service import ProductNotFound
from foundation.database import HotStatement, Tx, hot

CONTENT = """
    json_build_object(
        'title', p.title, 'handle', p.handle, 'description', p.description, 'category_id', p.category_id,
        'brand', p.brand,
        'type', (SELECT t.code FROM product_type t WHERE (t.tenant_id, t.id) = (p.tenant_id, p.type_id)),
        'attributes', p.attributes, 'tags', p.tags, 'country_of_origin', p.country_of_origin, 'hs_code', p.hs_code,
        'tax_class', p.tax_class, 'options', p.options,
        'variants', coalesce((
            SELECT json_agg(json_build_object(
                'id', v.id, 'sku', v.sku, 'gtin', v.gtin, 'options', v.options, 'price', r.amount,
                'compare_at', r.compare_at) ORDER BY v.position, v.id)
            FROM variant v LEFT JOIN price r
                ON (r.tenant_id, r.variant_id, r.currency) = (v.tenant_id, v.id, CAST(:currency AS text))
            WHERE (v.tenant_id, v.product_id) = (p.tenant_id, p.id) AND NOT v.discontinued), '[]'))::text AS content
"""
"""A column: what a product `p` says, a `ProductContent` as JSON, its prices in `:currency`."""

_COLUMNS = f"""
    p.id, p.status, p.publish_at, p.image, p.vendor_id, p.gift_card, p.version, p.created_at, p.updated_at,
    {CONTENT},
    (SELECT w.code FROM vendor w WHERE (w.tenant_id, w.id) = (p.tenant_id, p.vendor_id)) AS vendor,
    CASE WHEN p.status = 'rejected' THEN (
        SELECT h.reason FROM product_version h WHERE h.tenant_id = p.tenant_id AND h.product_id = p.id
          AND h.action = 'reject' ORDER BY h.version DESC LIMIT 1) END AS reason,
    o.status AS proposal, o.reason AS proposal_reason, o.proposed_by, o.at AS proposed_at, o.content::text AS proposed
"""  # noqa: S608  (the fragment is a literal)

_ONE = f"""
    SELECT {_COLUMNS} FROM product p
    LEFT JOIN product_proposal o ON o.tenant_id = p.tenant_id AND o.product_id = p.id
    WHERE p.tenant_id = :tenant_id AND p.id = :id
      AND (CAST(:vendor_id AS uuid) IS NULL OR p.vendor_id = :vendor_id)
"""  # noqa: S608  (the fragments are literals)
_READ = hot(text(_ONE))
_HELD = hot(text(f"{_ONE} FOR NO KEY UPDATE OF p"))

_ALL_HELD = hot(
    text(
        f"""
        SELECT p.id, p.status, p.publish_at, {CONTENT} FROM product p
        WHERE p.tenant_id = :tenant_id AND p.id = ANY(CAST(:ids AS uuid[])) ORDER BY p.id FOR NO KEY UPDATE OF p
        """  # noqa: S608  (the fragment is a literal)
    )
)


async def row_of(tx: Tx, product_id: UUID, *, currency: str, vendor_id: UUID | None = None) -> Mapping[str, Any]:
    """What there is to know of a product; with a vendor, of one of theirs.

    Raises:
        ProductNotFound.
    """
    return await _row(tx, _READ, product_id, currency, vendor_id)


async def held(tx: Tx, product_id: UUID, *, currency: str, vendor_id: UUID | None = None) -> Mapping[str, Any]:
    """The same, and nobody else changes the product until the transaction ends.

    Raises:
        ProductNotFound.
    """
    return await _row(tx, _HELD, product_id, currency, vendor_id)


async def all_held(tx: Tx, product_ids: Sequence[UUID], *, currency: str) -> dict[UUID, Mapping[str, Any]]:
    """`id`, `status`, `publish_at` and `content` of products, which nobody else changes until the transaction ends."""
    rows = await tx.rows(_ALL_HELD, {"ids": list(product_ids), "currency": currency}) if product_ids else ()
    return {row["id"]: row for row in rows}


def content_of(row: Mapping[str, Any]) -> ProductContent:
    """What a product says as it is."""
    return ProductContent.model_validate(orjson.loads(row["content"]))


def proposal_of(row: Mapping[str, Any]) -> ProposalOut | None:
    """What is proposed of it, if anything."""
    if row["proposal"] is None:
        return None
    return ProposalOut(
        status=row["proposal"],
        reason=row["proposal_reason"],
        proposed_by=row["proposed_by"],
        at=row["proposed_at"],
        content=ProductContent.model_validate(orjson.loads(row["proposed"])),
    )


def possible(row: Mapping[str, Any]) -> Sequence[states.Action]:
    """What can be done with it, or else with what is proposed of it."""
    found = states.possible(row["status"])
    if row["proposal"] is None:
        return found
    reviewing = {"submit", "withdraw", "approve", "reject"}
    of_proposal = [one for one in states.possible(row["proposal"]) if one in reviewing and one != "withdraw"]
    return [*of_proposal, "withdraw", *(one for one in found if one not in reviewing)]


def out(row: Mapping[str, Any], *, currency: str) -> ProductOut:
    """A product as the API shows it."""
    same = ("id", "status", "reason", "publish_at", "vendor", "image", "version", "created_at", "updated_at")
    return ProductOut(
        **content_of(row).model_dump(),
        **{name: row[name] for name in same},
        currency=currency,
        proposal=proposal_of(row),
        possible=list(possible(row)),
    )


async def read(tx: Tx, product_id: UUID, *, currency: str, vendor_id: UUID | None = None) -> ProductOut:
    """A product; with a vendor, one of theirs.

    Raises:
        ProductNotFound.
    """
    return out(await row_of(tx, product_id, currency=currency, vendor_id=vendor_id), currency=currency)


async def _row(
    tx: Tx, statement: HotStatement, product_id: UUID, currency: str, vendor_id: UUID | None
) -> Mapping[str, Any]:
    values = {"id": product_id, "currency": currency, "vendor_id": vendor_id}
    row: Mapping[str, Any] | None = await tx.one(statement, values)
    if row is None:
        raise ProductNotFound
    return row
