"""What a rule is about as people write it, a line each: `tomato-soup`, `brand: Acme`, `category: shoes`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy import text

from commerce.merchandising.rules import RuleNamesNothing
from commerce.merchandising.schemas import TargetsIn
from foundation.database import HotStatement, Tx, hot

BRAND, CATEGORY = "brand:", "category:"

_PRODUCTS = hot(
    text("SELECT id, handle AS name FROM product WHERE tenant_id = :tenant_id AND handle = ANY(CAST(:names AS text[]))")
)
_CATEGORIES = hot(
    text("SELECT id, slug AS name FROM category WHERE tenant_id = :tenant_id AND slug = ANY(CAST(:names AS text[]))")
)
_PRODUCTS_BY_ID = hot(
    text("SELECT id, handle AS name FROM product WHERE tenant_id = :tenant_id AND id = ANY(CAST(:ids AS uuid[]))")
)
_CATEGORIES_BY_ID = hot(
    text("SELECT id, slug AS name FROM category WHERE tenant_id = :tenant_id AND id = ANY(CAST(:ids AS uuid[]))")
)


async def products(tx: Tx, handles: Sequence[str]) -> list[UUID]:
    """Products by their handles.

    Raises:
        RuleNamesNothing: of some there is none.
    """
    return await _ids(tx, _PRODUCTS, handles)


async def category(tx: Tx, slug: str | None) -> UUID | None:
    """A category by its address.

    Raises:
        RuleNamesNothing: there is none.
    """
    return None if slug is None else (await _ids(tx, _CATEGORIES, [slug]))[0]


async def targets(tx: Tx, lines: Iterable[str]) -> TargetsIn:
    """Products, brands and categories by what they are called.

    Raises:
        RuleNamesNothing: of some product or category there is none.
    """
    brands, slugs, handles = list[str](), list[str](), list[str]()
    for line in lines:
        if line.startswith(BRAND):
            brands.append(line.removeprefix(BRAND).strip())
        elif line.startswith(CATEGORY):
            slugs.append(line.removeprefix(CATEGORY).strip())
        else:
            handles.append(line)
    return TargetsIn(products=await products(tx, handles), brands=brands, categories=await _ids(tx, _CATEGORIES, slugs))


async def lines_of(tx: Tx, said: TargetsIn) -> list[str]:
    """The same the other way round; what is gone meanwhile is left out."""
    categories = await _names(tx, _CATEGORIES_BY_ID, said.categories)
    return [
        *await handles_of(tx, said.products),
        *(f"{BRAND} {name}" for name in said.brands),
        *(f"{CATEGORY} {name}" for name in categories),
    ]


async def handles_of(tx: Tx, ids: Sequence[UUID]) -> list[str]:
    """The handles of products, in their order; those that are gone are left out."""
    return await _names(tx, _PRODUCTS_BY_ID, ids)


async def slug_of(tx: Tx, category_id: UUID | None) -> str | None:
    """The address of a category; none where it is gone."""
    names = [] if category_id is None else await _names(tx, _CATEGORIES_BY_ID, [category_id])
    return names[0] if names else None


async def _ids(tx: Tx, statement: HotStatement, names: Sequence[str]) -> list[UUID]:
    found: Mapping[str, UUID] = {row["name"]: row["id"] for row in await tx.rows(statement, {"names": names})}
    missing = [name for name in names if name not in found]
    if missing:
        raise RuleNamesNothing(missing=missing)
    return [found[name] for name in dict.fromkeys(names)]


async def _names(tx: Tx, statement: HotStatement, ids: Sequence[UUID]) -> list[str]:
    found = {row["id"]: row["name"] for row in await tx.rows(statement, {"ids": list(ids)})}
    return [found[one] for one in ids if one in found]
