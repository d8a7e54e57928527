"""What became of a product: who changed it or moved it on, when, and what it said from then on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from commerce.catalog.products import reading
from commerce.catalog.products.differing import differences
from commerce.catalog.products.schemas import Differences, ProductContent, VersionOut
from commerce.catalog.products.states import LIVE
from commerce.identity.staff import Staff
from foundation import clock
from foundation.database import Tx, hot
from foundation.ids import row_ids

LATEST = 2**62
"""Above every version."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes."""

    principal: str
    may_publish: bool = False
    """What they write of a product that is live holds at once; of others it is a proposal."""
    may_price: bool = False
    """They may change what a product that is live costs."""
    vendor_id: UUID | None = None
    """They act for this vendor, whose products are all that there are for them."""

    @classmethod
    def of(cls, by: Staff) -> Author:
        """Whoever of the shop's staff writes."""
        return cls(by.principal, "catalog:publish" in by.scopes, "prices:write" in by.scopes)


@dataclass(frozen=True, slots=True)
class Step:
    """That something was done to a product."""

    product_id: UUID
    version: int
    action: str
    content: ProductContent | None
    """What the product says from then on, or is proposed to say."""
    approved: bool
    """Whether somebody who may publish has agreed to that."""


_WRITE = hot(
    text(
        """
        INSERT INTO product_version (tenant_id, id, product_id, version, action, changed_by, at, reason, content,
                                     approved)
        SELECT :tenant_id, t.id, t.product_id, t.version, t.action, :by, :now, CAST(:reason AS text),
               CAST(t.content AS jsonb), t.approved
        FROM unnest(CAST(:ids AS uuid[]), CAST(:product_ids AS uuid[]), CAST(:versions AS bigint[]),
                    CAST(:actions AS text[]), CAST(:contents AS text[]), CAST(:approved AS boolean[]))
             AS t (id, product_id, version, action, content, approved)
        """
    )
)

# uq_product_version
_PAGE = hot(
    text(
        """
        SELECT id, version, action, changed_by, at, reason, approved, content::text AS content FROM product_version
        WHERE tenant_id = :tenant_id AND product_id = :product_id AND version < :before
        ORDER BY version DESC LIMIT :limit
        """
    )
)
_APPROVED = hot(
    text(
        """
        SELECT version, content::text AS content FROM product_version
        WHERE tenant_id = :tenant_id AND product_id = :product_id AND approved ORDER BY version DESC LIMIT 1
        """
    )
)


async def write(
    tx: Tx,
    product_id: UUID,
    version: int,
    action: str,
    by: str,
    *,
    content: ProductContent | None = None,
    approved: bool = False,
    reason: str | None = None,
) -> None:
    """Write down that something was done; with `content`, what the product says from then on or is proposed to say."""
    await write_all(tx, [Step(product_id, version, action, content, approved)], by, reason=reason)


async def write_all(tx: Tx, steps: Sequence[Step], by: str, *, reason: str | None = None) -> None:
    """The same of many products."""
    values = {
        "ids": row_ids(len(steps)),
        "product_ids": [one.product_id for one in steps],
        "versions": [one.version for one in steps],
        "actions": [one.action for one in steps],
        "contents": [one.content and one.content.model_dump_json() for one in steps],
        "approved": [one.approved for one in steps],
    }
    await tx.rows(_WRITE, {**values, "by": by, "now": clock.now(), "reason": reason})


async def page(tx: Tx, product_id: UUID, before: int, limit: int) -> list[tuple[UUID, VersionOut]]:
    """What was done before a version, the latest first."""
    rows = await tx.rows(_PAGE, {"product_id": product_id, "before": before, "limit": limit})
    return [(row["id"], _out(row)) for row in rows]


async def approved(tx: Tx, product_id: UUID) -> tuple[int, ProductContent] | None:
    """The version that was approved last, and what it says."""
    row = await tx.one(_APPROVED, {"product_id": product_id})
    return None if row is None else (row["version"], ProductContent.model_validate(orjson.loads(row["content"])))


async def changes(tx: Tx, row: Mapping[str, Any]) -> Differences:
    """What is proposed of a product, or else what it says, beside what was approved last.

    `row` is `reading.row_of`. A product that was live before anybody wrote its history counts as approved as it is.
    """
    last = await approved(tx, row["id"])
    said, proposed = reading.content_of(row), reading.proposal_of(row)
    if proposed is not None or (last is None and row["status"] in LIVE):
        before: ProductContent | None = said
    else:
        before = last[1] if last else None
    items = differences(before, proposed.content if proposed else said)
    return Differences(approved_version=last[0] if last else None, items=items)


def _out(row: Mapping[str, Any]) -> VersionOut:
    said = {name: row[name] for name in VersionOut.model_fields if name != "content"}
    return VersionOut(**said, content=row["content"] and ProductContent.model_validate(orjson.loads(row["content"])))
