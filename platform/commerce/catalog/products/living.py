"""A product's way from a draft into the shop and out of it again, each step by whoever may take it.

What is proposed of a product that is live is submitted, approved and rejected by the same steps; the product itself
stays as it is meanwhile. What is not published is in no list, no search and no cart of the shop.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from commerce.catalog import indexing
from commerce.catalog.categories import service as tree
from commerce.catalog.products import checking, history, keeping, reading, states, telling
from commerce.catalog.products.checking import ProductIncomplete
from commerce.catalog.products.history import Author
from commerce.catalog.products.schemas import ProductIn
from commerce.catalog.products.writing import apply, held, told
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Unprocessable
from foundation.events import (
    ProductApproved,
    ProductArchived,
    ProductPublished,
    ProductRejected,
    ProductSubmitted,
    ProductUnpublished,
    record,
)
from foundation.events.catalog import OfProduct
from foundation.outbox import announce

log = structlog.get_logger(__name__)

WORKER = Author("system:worker", may_publish=True, may_price=True)
_AT_ONCE = 100
"""Products that one round of the worker publishes at most."""


class PublicationPast(Unprocessable):
    """A date to publish on is in the future."""

    code = "catalog.publication_past"


ANNOUNCED: Mapping[states.Action, type[OfProduct]] = {
    "submit": ProductSubmitted,
    "approve": ProductApproved,
    "reject": ProductRejected,
    "publish": ProductPublished,
    "unpublish": ProductUnpublished,
    "archive": ProductArchived,
}

_SET_PROPOSAL = hot(
    text(
        """
        UPDATE product_proposal SET status = :status, reason = CAST(:reason AS text)
        WHERE tenant_id = :tenant_id AND product_id = :product_id
        """
    )
)
_DROP_PROPOSAL = hot(text("DELETE FROM product_proposal WHERE tenant_id = :tenant_id AND product_id = :product_id"))

# ix_product_due
_DUE = hot(
    text(
        f"""
        SELECT id, version FROM product
        WHERE tenant_id = :tenant_id AND publish_at <= CAST(:now AS timestamptz) ORDER BY publish_at LIMIT {_AT_ONCE}
        """  # noqa: S608  (a number)
    )
)


async def submit(tx: Tx, by: Author, product_id: UUID, version: int, *, currency: str) -> None:
    """Ask for a review: of a draft, or of what is proposed of a product that is live.

    Raises:
        ProductNotFound, CatalogueStale, IllegalProductTransition, ProductIncomplete.
    """
    await _review(tx, by, "submit", product_id, version, currency=currency, complete=True)


async def withdraw(tx: Tx, by: Author, product_id: UUID, version: int, *, currency: str) -> None:
    """Take back what was submitted: it is a draft again. A proposal that was taken back, or never submitted, is gone.

    Raises:
        ProductNotFound, CatalogueStale, IllegalProductTransition.
    """
    await tree.alone(tx)
    row = await held(tx, by, product_id, version, currency=currency)
    if row["proposal"] is None:
        await _move(tx, by, row, "withdraw")
        return
    await tx.rows(_DROP_PROPOSAL, {"product_id": product_id})
    await _stay(tx, by, row, "withdraw")


async def reject(tx: Tx, by: Author, product_id: UUID, version: int, reason: str, *, currency: str) -> None:
    """Not agree to what was submitted. A vendor's people are written to.

    Raises:
        ProductNotFound, CatalogueStale, IllegalProductTransition.
    """
    await _review(tx, by, "reject", product_id, version, currency=currency, reason=reason)


async def approve(tx: Tx, by: Author, product_id: UUID, version: int, *, currency: str) -> None:
    """Agree to a draft, or have a product that is live say what is proposed.

    Raises:
        ProductNotFound, CatalogueStale, IllegalProductTransition, ProductIncomplete.
        HandleTaken, SkuTaken, and what `checking.content` raises: the shop is not as it was when it was proposed.
    """
    await tree.alone(tx)
    row = await held(tx, by, product_id, version, currency=currency)
    if row["proposal"] is None:
        said = reading.content_of(row)
        await checking.require_complete(tx, said)
        await _move(tx, by, row, "approve", content=said, approved=True)
        return
    states.require("approve", row["proposal"])
    before, proposed = reading.content_of(row), reading.proposal_of(row)
    body = ProductIn.model_validate((proposed.content if proposed else before).model_dump())
    said = await checking.content(tx, body, product_id, currency=currency, before=before, may_add_brands=False)
    await checking.require_complete(tx, said)
    said = await apply(tx, row, before, said, currency=currency, by=by.principal)
    await tx.rows(_DROP_PROPOSAL, {"product_id": product_id})
    reached = await _stay(tx, by, row, "approve", content=said, approved=True)
    await told(tx, product_id, reached, before, said)


async def publish(
    tx: Tx, by: Author, product_id: UUID, version: int, *, currency: str, at: datetime | None = None
) -> None:
    """Have shoppers find and buy a product, from a date on or at once; whoever does agrees to what it says.

    Raises:
        ProductNotFound, CatalogueStale, IllegalProductTransition, ProductIncomplete, PublicationPast.
    """
    await tree.alone(tx)
    row = await held(tx, by, product_id, version, currency=currency)
    states.require("publish", row["status"])
    said = reading.content_of(row)
    await checking.require_complete(tx, said)
    if at is None:
        await _move(tx, by, row, "publish", content=said, approved=True)
        return
    if at <= clock.now():
        raise PublicationPast
    reached = await keeping.advance(tx, product_id, "approved", at)
    await history.write(tx, product_id, reached, "schedule", by.principal, content=said, approved=True)
    if row["status"] != "approved":
        await _announce(tx, product_id, reached, "approve")


async def unpublish(tx: Tx, by: Author, product_id: UUID, version: int, *, currency: str) -> None:
    """Take a product out of the shop, or the date away on which it would be published.

    Raises:
        ProductNotFound, CatalogueStale, IllegalProductTransition.
    """
    await tree.alone(tx)
    row = await held(tx, by, product_id, version, currency=currency)
    if row["publish_at"] is not None:
        reached = await keeping.advance(tx, product_id, row["status"])
        await history.write(tx, product_id, reached, "unschedule", by.principal)
        return
    await _move(tx, by, row, "unpublish")


async def archive(tx: Tx, by: Author, product_id: UUID, version: int, *, currency: str) -> None:
    """Sell a product no more. Its orders, and what there is of it in stock, stay.

    Raises:
        ProductNotFound, CatalogueStale, IllegalProductTransition.
    """
    await tree.alone(tx)
    await _move(tx, by, await held(tx, by, product_id, version, currency=currency), "archive")


async def publish_due(tx: Tx, *, currency: str) -> int:
    """Publish what is to be in the shop by now; how many were.

    One that is not complete any more stays out of the shop, without a date: its history says so.
    """
    now = {"now": clock.now()}
    if not await tx.rows(_DUE, now):
        return 0
    await tree.alone(tx)
    published = 0
    for due in await tx.rows(_DUE, now):
        try:
            await publish(tx, WORKER, due["id"], due["version"], currency=currency)
            published += 1
        except ProductIncomplete as problem:
            reached = await keeping.advance(tx, due["id"], "approved")
            reason = f"{problem.code}: {', '.join(problem.missing)}"
            await history.write(tx, due["id"], reached, "unschedule", WORKER.principal, reason=reason)
            log.warning("catalog.not_published", product=str(due["id"]), missing=problem.missing)
    return published


async def _review(
    tx: Tx,
    by: Author,
    action: states.Action,
    product_id: UUID,
    version: int,
    *,
    currency: str,
    reason: str | None = None,
    complete: bool = False,
) -> None:
    await tree.alone(tx)
    row = await held(tx, by, product_id, version, currency=currency)
    proposed = reading.proposal_of(row)
    target = states.require(action, proposed.status if proposed else row["status"])
    if action == "reject" and row["vendor_id"] is not None:
        await telling.rejected(tx, row["vendor_id"], reading.content_of(row).title, reason or "")
    if complete:
        await checking.require_complete(tx, proposed.content if proposed else reading.content_of(row))
    if proposed is None:
        await _move(tx, by, row, action, reason=reason)
        return
    await tx.rows(_SET_PROPOSAL, {"product_id": product_id, "status": target, "reason": reason})
    await _stay(tx, by, row, action, reason=reason)


async def _move(tx: Tx, by: Author, row: Mapping[str, Any], action: states.Action, **more: Any) -> None:
    """Have the product itself go on, in the shop or out of it."""
    target = states.require(action, row["status"])
    reached = await keeping.advance(tx, row["id"], target)
    was, is_now = row["status"] == "published", target == "published"
    if was != is_now:
        category_id = reading.content_of(row).category_id
        if category_id is not None:
            await tree.counted(tx, {category_id: 1 if is_now else -1})
        await (indexing.index if is_now else indexing.forget)(tx, [row["id"]])
    await history.write(tx, row["id"], reached, action, by.principal, **more)
    await _announce(tx, row["id"], reached, action)


async def _stay(tx: Tx, by: Author, row: Mapping[str, Any], action: states.Action, **more: Any) -> int:
    """Have what is proposed of the product go on, and the product stay as it is; the version it reached."""
    reached = await keeping.advance(tx, row["id"], row["status"], row["publish_at"])
    await history.write(tx, row["id"], reached, action, by.principal, **more)
    await _announce(tx, row["id"], reached, action)
    return reached


async def _announce(tx: Tx, product_id: UUID, version: int, action: states.Action) -> None:
    announced = ANNOUNCED.get(action)
    if announced is not None:
        event = announced(product_id=product_id, product_version=version)
        await announce(tx, [record(event, tenant_id=tx.tenant_id, aggregate_id=product_id)])
