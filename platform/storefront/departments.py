"""The tree of categories and the menu's collections as the pages need them, remembered for a short while."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from commerce.catalog import service as catalog
from commerce.catalog.categories.service import CategoryNotFound
from commerce.catalog.collections import showing
from commerce.catalog.collections.schemas import ShownCollection
from commerce.catalog.schemas import CategoryList, CategoryOut, ProductCard, ProductList
from commerce.tenancy.service import Shop
from foundation.database import Database

REMEMBERED_SECONDS = 60.0
TILES = 12
DEPARTMENTS = 9
"""Of which the menu has the largest."""


@dataclass(frozen=True, slots=True)
class Way:
    """A link of the shop's menu."""

    title: str
    path: str
    stands_out: bool = False


@dataclass(frozen=True, slots=True)
class Tree:
    """Categories by address and by parent; the largest first."""

    by_slug: Mapping[str, CategoryOut]
    by_id: Mapping[UUID, CategoryOut]
    children: Mapping[UUID | None, Sequence[CategoryOut]]
    pictures: Mapping[UUID, ProductCard]
    collections: Sequence[ShownCollection] = ()
    """Those of the shop's menu, in its order."""

    @property
    def roots(self) -> Sequence[CategoryOut]:
        """The departments."""
        return self.children.get(None, ())

    @property
    def menu(self) -> list[Way]:
        """The menu of every page: collections, then departments."""
        return [
            *(Way(one.title, f"/collections/{one.handle}", stands_out=True) for one in self.collections),
            *(Way(one.name, f"/c/{one.slug}") for one in self.roots[:DEPARTMENTS]),
        ]

    def find(self, slug: str) -> CategoryOut:
        """A category by its address.

        Raises:
            CategoryNotFound: there is none with anything in it.
        """
        found = self.by_slug.get(slug)
        if found is None:
            raise CategoryNotFound
        return found

    def trail(self, category: CategoryOut) -> list[CategoryOut]:
        """The categories above one, the department first."""
        above: list[CategoryOut] = []
        while category.parent_id is not None and category.parent_id in self.by_id:
            category = self.by_id[category.parent_id]
            above.insert(0, category)
        return above


@dataclass(slots=True)
class Departments:
    """Each shop's tree; a change is seen within `REMEMBERED_SECONDS`."""

    database: Database
    _known: dict[tuple[UUID, str | None], tuple[float, Tree]] = field(default_factory=dict)

    async def of(self, shop: Shop) -> Tree:
        """The shop's tree."""
        known = self._known.get((shop.id, shop.language))
        if known is None or known[0] < time.monotonic():
            known = (time.monotonic() + REMEMBERED_SECONDS, await self._read(shop))
            self._known[shop.id, shop.language] = known
        return known[1]

    async def _read(self, shop: Shop) -> Tree:
        listed = CategoryList.model_validate_json(await catalog.categories(self.database, shop)).items
        children: dict[UUID | None, list[CategoryOut]] = {}
        for category in sorted(listed, key=lambda category: (-category.product_count, category.name)):
            children.setdefault(category.parent_id, []).append(category)
        async with self.database.tx(shop.id, read_only=True) as tx:
            shown = [one for _, one in await showing.page(tx, shop, None, TILES)]
        pictures = [(root.id, await self._best(shop, root)) for root in children.get(None, [])[:TILES]]
        return Tree(
            by_slug={category.slug: category for category in listed},
            by_id={category.id: category for category in listed},
            children=children,
            pictures={category_id: card for category_id, card in pictures if card is not None},
            collections=[one for one in shown if one.menu_position is not None],
        )

    async def _best(self, shop: Shop, category: CategoryOut) -> ProductCard | None:
        shown = await catalog.list_products(self.database, shop, category=category.slug, after=None, limit=1)
        return next(iter(ProductList.model_validate_json(shown.body).items), None)
