"""A batch of a file, put into the catalogue in one transaction, by as many statements as a single product takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import text

from commerce.catalog import counting, handles
from commerce.catalog.attributes import types
from commerce.catalog.attributes.types import ProductTypeNotFound
from commerce.catalog.attributes.values import AttributeInvalid, Definition
from commerce.catalog.categories import service as tree
from commerce.catalog.products import checking, many, reading, states
from commerce.catalog.products.checking import Known, SameOptions
from commerce.catalog.products.many import Entry
from commerce.catalog.products.schemas import ProductContent
from commerce.catalog.products.states import LIVE, TRANSITIONS
from commerce.exchange import bodies, internal, links
from commerce.exchange.bodies import Target
from commerce.exchange.columns import ATTRIBUTE, OPTION_VALUES, SKU, Unfit
from commerce.exchange.drafting import Draft
from commerce.exchange.paths import Path, Tree
from commerce.exchange.paths import read as read_path
from commerce.exchange.problems import BadRow, Problem
from commerce.plans import service as plans
from commerce.plans.catalogue import Metric
from foundation import errors
from foundation.database import Tx, hot
from foundation.ids import new_id

# uq_price_variant
_COSTS = """
    (SELECT r.{} FROM price r
     WHERE (r.tenant_id, r.variant_id, r.currency) = (v.tenant_id, v.id, CAST(:currency AS text)))
"""

# uq_variant_sku
_SOLD = hot(
    text(
        f"""
        SELECT v.id, v.sku, v.product_id, v.discontinued, {_COSTS.format("amount")} AS amount,
               {_COSTS.format("compare_at")} AS compare_at
        FROM variant v WHERE v.tenant_id = :tenant_id AND v.sku = ANY(CAST(:skus AS text[]))
        """  # noqa: S608  (the fragments are literals)
    )
)
_NEEDS_COMPLETE = {"submit", "approve", "publish"}
_PUBLISHED = "published"


@dataclass(slots=True)
class Outcome:
    """What became of a batch."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    bad: list[BadRow] = field(default_factory=list)


async def take(tx: Tx, drafts: Sequence[Draft], *, by: str, currency: str) -> Outcome:
    """Have the catalogue say what drafts say; `by` is whoever may publish and price, whose word it is.

    What can't be taken is told of by its rows, and leaves the rest be. What is so already is not written.
    """
    await plans.alone(tx, Metric.PRODUCTS)
    limit = await plans.limit_of(tx, Metric.PRODUCTS)
    await tree.alone(tx)
    targets = await _targets(tx, drafts, currency)
    await internal.check(tx, targets)
    await _put_in_categories(tx, targets)
    await _validate(tx, targets)
    entries = await _entries(tx, targets)
    if limit is not None:
        entries = _within(entries, targets, limit, limit - await counting.products(tx))
    changes = [one for one in entries if one.before is None or (one.said, one.status) != (one.before, one.was)]
    if changes:
        await many.write(tx, changes, by=by, currency=currency)
    repriced = await internal.write(tx, targets, [one.product_id for one in entries], by=by, currency=currency)
    await links.want(tx, [(target, target.given) for target in targets.values() if target.body], by=by)
    otherwise = repriced | {one.product_id for one in changes}
    created = sum(one.before is None for one in changes)
    rows = [row for draft in drafts for row in draft.rows]
    return Outcome(
        created=created,
        changed=len(otherwise) - created,
        unchanged=len(entries) - len(otherwise),
        bad=[row.told() for row in rows if row.problems],
    )


async def _targets(tx: Tx, drafts: Sequence[Draft], currency: str) -> dict[UUID, Target]:
    """The products that drafts are of: by their handle, or else by a SKU, or new ones."""
    named = [one.handle for one in drafts if one.handle]
    skus = [piece.sku for one in drafts for piece in one.pieces]
    by_handle = await handles.by_handle(tx, named) if named else {}
    sold = {row["sku"]: row for row in await tx.rows(_SOLD, {"skus": skus, "currency": currency})}
    by_sku = {sku: row["product_id"] for sku, row in sold.items()}
    there = await reading.all_held(tx, sorted({*by_handle.values(), *by_sku.values()}), currency=currency)
    targets: dict[UUID, Target] = {}
    new: dict[str, UUID] = {}
    for draft in drafts:
        product_id = _product_of(draft, by_handle, by_sku)
        if product_id is None:
            product_id = new.setdefault(draft.handle, new_id()) if draft.handle else new_id()
        for piece in draft.pieces:
            if by_sku.get(piece.sku, product_id) != product_id:
                piece.row.problems.append(Problem(SKU, "is of another product of the shop"))
        draft.pieces = [piece for piece in draft.pieces if not piece.row.problems]
        target = targets.setdefault(product_id, Target.of(product_id, there.get(product_id)))
        target.drafts.append(draft)
        target.sold += [sold[piece.sku] for piece in draft.pieces if piece.sku in sold]
    return targets


def _product_of(draft: Draft, by_handle: Mapping[str, UUID], by_sku: Mapping[str, UUID]) -> UUID | None:
    if draft.handle:
        return by_handle.get(draft.handle)
    return next((by_sku[piece.sku] for piece in draft.pieces if piece.sku in by_sku), None)


async def _put_in_categories(tx: Tx, targets: Mapping[UUID, Target]) -> None:
    wanted: list[tuple[Target, Path]] = []
    for target in targets.values():
        given = target.given
        if "category" in given and target.pieces:
            target.says_category = True
            if path := read_path(given["category"] or ""):
                wanted.append((target, path))
    if not wanted:
        return
    categories = Tree(tx)
    await categories.look_up({path for _, path in wanted})
    for target, path in wanted:
        before = target.before and target.before.category_id
        try:
            target.category_id = await categories.at(path, rather=before or None)
        except Unfit as fault:
            target.refuse(Problem("category", str(fault)))


async def _validate(tx: Tx, targets: Mapping[UUID, Target]) -> None:
    said = {one.product_id: _type_of(one) for one in targets.values()}
    defined = await types.known(tx, {one for one in said.values() if isinstance(one, str)})
    nothing: Mapping[str, Definition] = {}
    for target in targets.values():
        named = said[target.product_id]
        bodies.validate(target, defined.get(named, nothing) if isinstance(named, str) else nothing)


def _type_of(target: Target) -> Any:
    given = target.given
    return given["type"] if "type" in given else target.base.get("type")


async def _entries(tx: Tx, targets: Mapping[UUID, Target]) -> list[Entry]:
    """What is said of products from then on, of those that can be so."""
    valid = [one for one in targets.values() if one.body is not None]
    variants = {one.product_id: one.variants for one in valid if one.row is not None}
    brands = {
        one.body.brand
        for one in valid
        if one.body and one.body.brand and (one.before is None or one.before.brand != one.body.brand)
    }
    written = [one.body for one in valid if one.body]
    known = await checking.known(tx, written, variants, named=brands, may_add_brands=True)
    return [entry for target in valid if (entry := _entry(target, known)) is not None]


def _entry(target: Target, known: Known) -> Entry | None:
    if target.body is None:
        return None
    try:
        said = checking.checked(target.body, target.product_id, known, target.before)
    except AttributeInvalid as fault:
        target.refuse(Problem(f"{ATTRIBUTE}{fault.attribute}", fault.reason))
    except ProductTypeNotFound:
        target.refuse(Problem("type", "is none that the shop has"))
    except SameOptions as fault:
        row = next((one.row for one in target.pieces if one.sku == fault.skus[1]), None)
        target.refuse(Problem(OPTION_VALUES[0], f"is the same in every option as {fault.skus[0]}"), row)
    except errors.Problem as fault:
        target.refuse(Problem("", fault.title()))
    else:
        return _moved(target, said, known)
    return None


def _moved(target: Target, said: ProductContent, known: Known) -> Entry | None:
    """The product in the state that the file wants it in, if that can be."""
    was = target.row["status"] if target.row else "draft"
    stays = was if was in LIVE or said == target.before else "draft"
    wanted = target.given.get("status") or stays
    action = None if wanted in {was, stays} else _action(was, wanted)
    if wanted not in {was, stays} and action is None:
        target.refuse(Problem("status", f"can't be {str(wanted)[:100]} when it is {was}"))
        return None
    status = wanted if action else stays
    if status == _PUBLISHED or action in _NEEDS_COMPLETE:
        missing = checking.missing_of(said, (known.types[said.type] if said.type else {}).values())
        if missing:
            target.refuse(Problem("status", f"can't be {status}: {', '.join(missing)} is missing"))
            return None
    publish_at = target.row["publish_at"] if target.row and action is None else None
    return Entry(target.product_id, said, status, target.before, was, publish_at, action)


def _action(was: str, wanted: str) -> states.Action | None:
    """The step that leads there; a rejection needs a reason, which no file has."""
    return next(
        (name for name, one in TRANSITIONS.items() if one.target == wanted and was in one.sources and name != "reject"),
        None,
    )


def _within(entries: Sequence[Entry], targets: Mapping[UUID, Target], limit: int, room: int) -> list[Entry]:
    """Those that the plan has room for."""
    kept = []
    for one in entries:
        if one.before is None and room <= 0:
            targets[one.product_id].refuse(Problem("", f"the plan has room for {limit:,} products"))
            continue
        room -= one.before is None
        kept.append(one)
    return kept
