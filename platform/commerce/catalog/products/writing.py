"""Products as they are written: a draft at once, what is live by whoever may publish, and else as a proposal.

Whoever writes holds the shop's catalogue alone (`tree.alone`), so that what a product is checked against is still so
when it is kept, and the categories' counts are right. It is held before the product is, as everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import text

from commerce.catalog import counting, indexing
from commerce.catalog.categories import service as tree
from commerce.catalog.products import checking, history, keeping, reading
from commerce.catalog.products.differing import differences, fields_of
from commerce.catalog.products.history import Author
from commerce.catalog.products.schemas import ProductContent, ProductIn, VariantContent
from commerce.catalog.products.states import LIVE
from commerce.catalog.refusals import CatalogueStale
from commerce.identity.staff import ScopeMissing
from commerce.plans import service as plans
from commerce.plans.catalogue import Metric
from foundation import clock
from foundation.database import Tx, hot
from foundation.events import ProductChanged, ProductCreated, record
from foundation.ids import new_id
from foundation.outbox import announce

_OF_HANDLE, _OF_SKU = 100, 90
"""Characters of a product's handle, and of its SKUs, that a copy's begin with."""

# uq_product_proposal_product
_PROPOSE = hot(
    text(
        """
        INSERT INTO product_proposal (tenant_id, id, product_id, content, status, proposed_by, at)
        VALUES (:tenant_id, :id, :product_id, CAST(CAST(:content AS text) AS jsonb), 'draft', :by, :now)
        ON CONFLICT (tenant_id, product_id) DO UPDATE SET
            content = excluded.content, status = 'draft', proposed_by = excluded.proposed_by, reason = NULL,
            at = excluded.at
        """
    )
)


async def create(tx: Tx, by: Author, body: ProductIn, *, currency: str) -> UUID:
    """A new draft; its id.

    Raises:
        PlanLimitReached, HandleTaken, SkuTaken, and what `checking.content` raises.
    """
    await _make_room(tx)
    made = new_id()
    said = await checking.content(tx, body, made, currency=currency, may_add_brands=by.vendor_id is None)
    await _begin(tx, by, made, said, vendor_id=by.vendor_id, currency=currency)
    return made


async def change(tx: Tx, by: Author, product_id: UUID, version: int, body: ProductIn, *, currency: str) -> None:
    """Have a product say something else: a draft that is worked on, or a product that is live.

    What is in review or was rejected is a draft again. Of a product that is live it holds at once if whoever writes may
    publish, and else it is a proposal, in place of the one there was.

    Raises:
        ProductNotFound, CatalogueStale, HandleTaken, SkuTaken, and what `checking.content` raises.
        ScopeMissing: a product that is live would cost something else.
        ProductIncomplete: one that is published would lack what it needs.
    """
    await tree.alone(tx)
    row = await held(tx, by, product_id, version, currency=currency)
    before = reading.content_of(row)
    proposing = row["status"] in LIVE and not by.may_publish
    proposed = reading.proposal_of(row) if proposing else None
    said = await checking.content(
        tx,
        body,
        product_id,
        currency=currency,
        before=_known(before, proposed.content if proposed else None),
        may_add_brands=by.vendor_id is None,
    )
    if proposing:
        if said != (proposed.content if proposed else before):
            await _propose(tx, by, row, said)
        return
    if said != before:
        await _hold_at_once(tx, by, row, before, said, currency=currency)


async def apply(
    tx: Tx, row: Mapping[str, Any], before: ProductContent, said: ProductContent, *, currency: str, by: str
) -> ProductContent:
    """Put what a product says where shoppers read it; the same, its variants with their ids.

    Raises:
        HandleTaken, SkuTaken.
    """
    kept = (await keeping.put(tx, {row["id"]: said}, currency=currency, by=by))[row["id"]]
    if row["status"] == "published":
        if before.category_id != said.category_id:
            await tree.counted(
                tx, {found: more for found, more in ((before.category_id, -1), (said.category_id, 1)) if found}
            )
        await indexing.index(tx, [row["id"]])
    return kept


async def told(tx: Tx, product_id: UUID, version: int, before: ProductContent, said: ProductContent) -> None:
    """Announce that a product says something else."""
    await changed(tx, product_id, version, fields_of(differences(before, said)))


async def changed(tx: Tx, product_id: UUID, version: int, fields: list[str]) -> None:
    """Announce that these fields of a product are others."""
    event = ProductChanged(product_id=product_id, product_version=version, fields=fields)
    await announce(tx, [record(event, tenant_id=tx.tenant_id, aggregate_id=product_id)])


async def clone(tx: Tx, by: Author, product_id: UUID, *, currency: str) -> UUID:
    """A new draft that says what a product says, under SKUs and at an address of its own; its id.

    Raises:
        ProductNotFound, PlanLimitReached.
    """
    row = await reading.row_of(tx, product_id, currency=currency, vendor_id=by.vendor_id)
    said = reading.content_of(row)
    await _make_room(tx)
    made = new_id()
    mark = made.hex[-8:]
    of_its_own = {
        "handle": f"{said.handle[:_OF_HANDLE].strip('-')}-{mark}",
        "tax_class": "standard" if row["gift_card"] else said.tax_class,
        "variants": [_copy(one, mark) for one in said.variants],
    }
    copied = said.model_copy(update=of_its_own)
    await _begin(tx, by, made, copied, vendor_id=row["vendor_id"], currency=currency)
    return made


async def held(tx: Tx, by: Author, product_id: UUID, version: int, *, currency: str) -> Mapping[str, Any]:
    """A product that nobody else changes until the transaction ends.

    Raises:
        ProductNotFound.
        CatalogueStale: it is not of this version any more.
    """
    row = await reading.held(tx, product_id, currency=currency, vendor_id=by.vendor_id)
    if row["version"] != version:
        raise CatalogueStale(version=row["version"])
    return row


async def _make_room(tx: Tx) -> None:
    await plans.alone(tx, Metric.PRODUCTS)
    await plans.make_room(tx, Metric.PRODUCTS, there=await counting.products(tx), more=1)
    await tree.alone(tx)


async def _begin(
    tx: Tx, by: Author, made: UUID, said: ProductContent, *, vendor_id: UUID | None, currency: str
) -> None:
    added = await keeping.add(
        tx, {made: said}, {made: "draft"}, currency=currency, by=by.principal, vendor_id=vendor_id
    )
    await history.write(tx, made, 1, "create", by.principal, content=added[made])
    event = ProductCreated(product_id=made, product_version=1)
    await announce(tx, [record(event, tenant_id=tx.tenant_id, aggregate_id=made)])


async def _hold_at_once(
    tx: Tx, by: Author, row: Mapping[str, Any], before: ProductContent, said: ProductContent, *, currency: str
) -> None:
    live = row["status"] in LIVE
    if live and not by.may_price and _costs_otherwise(before, said):
        raise ScopeMissing(scope="prices:write")
    if row["status"] == "published":
        await checking.require_complete(tx, said)
    said = await apply(tx, row, before, said, currency=currency, by=by.principal)
    version = await keeping.advance(tx, row["id"], row["status"] if live else "draft", row["publish_at"])
    await history.write(tx, row["id"], version, "change", by.principal, content=said, approved=live)
    await told(tx, row["id"], version, before, said)


async def _propose(tx: Tx, by: Author, row: Mapping[str, Any], said: ProductContent) -> None:
    values = {
        "id": new_id(),
        "product_id": row["id"],
        "content": said.model_dump_json(),
        "by": by.principal,
        "now": clock.now(),
    }
    await tx.rows(_PROPOSE, values)
    version = await keeping.advance(tx, row["id"], row["status"], row["publish_at"])
    await history.write(tx, row["id"], version, "propose", by.principal, content=said)


def _known(before: ProductContent, proposed: ProductContent | None) -> ProductContent:
    return before if proposed is None else before.model_copy(update={"handle": proposed.handle})


def _costs_otherwise(before: ProductContent, said: ProductContent) -> bool:
    was = {one.id: (one.price, one.compare_at) for one in before.variants}
    return any((one.price, one.compare_at) != was.get(one.id, (None, None)) for one in said.variants)


def _copy(one: VariantContent, mark: str) -> VariantContent:
    """The variant of a copy; the number of the goods themselves (GTIN) is not copied."""
    return one.model_copy(update={"id": None, "sku": f"{one.sku[:_OF_SKU]}-{mark}", "gtin": None})
