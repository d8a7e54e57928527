"""Many products in one turn, in as many statements as one takes: what a file or a program brings by the thousand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from commerce.catalog import indexing
from commerce.catalog.categories import service as tree
from commerce.catalog.products import history, keeping, states
from commerce.catalog.products.differing import differences, fields_of
from commerce.catalog.products.history import Step
from commerce.catalog.products.living import ANNOUNCED
from commerce.catalog.products.schemas import ProductContent
from commerce.catalog.products.states import LIVE
from foundation.database import Tx
from foundation.events import ProductChanged, ProductCreated
from foundation.events.catalog import OfProduct
from foundation.outbox import announce_many

ACTION = "import"
"""What the history of a product calls it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A product as it is to be; one that is there is held by whoever asks."""

    product_id: UUID
    said: ProductContent
    status: str
    before: ProductContent | None = None
    """What it says; `None`: it is new."""
    was: str = "draft"
    """The state it is in, or is made in."""
    publish_at: datetime | None = None
    action: states.Action | None = None
    """What leads from the one state to the other."""


async def write(tx: Tx, entries: Sequence[Entry], *, by: str, currency: str) -> None:
    """Have products be so, as if somebody who may publish had written each: rows, history, search, counts and events.

    Whoever asks holds the catalogue alone (`tree.alone`), has checked what is said (`checking.checked`), and leaves out
    what is as it is.

    Raises:
        HandleTaken, SkuTaken.
    """
    new = {one.product_id: one.said for one in entries if one.before is None}
    changed = {one.product_id: one.said for one in entries if one.before is not None}
    statuses = {one.product_id: one.status for one in entries}
    kept = await keeping.add(tx, new, statuses, currency=currency, by=by) if new else {}
    kept |= await keeping.put(tx, changed, currency=currency, by=by)
    versions = dict.fromkeys(new, 1)
    if changed:
        reached = {one.product_id: (one.status, one.publish_at) for one in entries if one.before is not None}
        versions |= await keeping.advance_all(tx, reached)
    steps = [
        Step(one.product_id, versions[one.product_id], ACTION, kept[one.product_id], one.status in LIVE)
        for one in entries
    ]
    await history.write_all(tx, steps, by)
    await _show(tx, entries)
    await announce_many(
        tx, [(fact, fact.product_id) for one in entries for fact in _facts(one, versions[one.product_id])]
    )


async def _show(tx: Tx, entries: Sequence[Entry]) -> None:
    """Have search and the categories' counts know what is published, and what is not any more."""
    published = [one.product_id for one in entries if one.status == "published"]
    withdrawn = [one.product_id for one in entries if one.status != "published" and _was_published(one)]
    if published:
        await indexing.index(tx, published)
    if withdrawn:
        await indexing.forget(tx, withdrawn)
    more: Counter[UUID] = Counter()
    for one in entries:
        if one.status == "published" and one.said.category_id is not None:
            more[one.said.category_id] += 1
        if one.before is not None and _was_published(one) and one.before.category_id is not None:
            more[one.before.category_id] -= 1
    if counted := {category_id: count for category_id, count in more.items() if count}:
        await tree.counted(tx, counted)


def _was_published(one: Entry) -> bool:
    return one.before is not None and one.was == "published"


def _facts(one: Entry, version: int) -> list[OfProduct]:
    facts: list[OfProduct] = []
    if one.before is None:
        facts.append(ProductCreated(product_id=one.product_id, product_version=version))
    elif fields := fields_of(differences(one.before, one.said)):
        facts.append(ProductChanged(product_id=one.product_id, product_version=version, fields=fields))
    announced = ANNOUNCED.get(one.action) if one.action else None
    if announced is not None:
        facts.append(announced(product_id=one.product_id, product_version=version))
    return facts
