"""What a shop's facets and their values are called, remembered for a short while."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from commerce.catalog.hot import said
from commerce.catalog.service import spoken
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.database import Database, hot

REMEMBERED_SECONDS = 30.0
FILTERABLE = frozenset({"choice", "colour", "boolean", "number"})
"""The kinds of attributes that products are narrowed down by."""

OPEN = """
    c.published AND (c.starts_at IS NULL OR c.starts_at <= CAST(:now AS timestamptz))
    AND (c.ends_at IS NULL OR c.ends_at > CAST(:now AS timestamptz))
"""
"""Which collections `c` shoppers see at `:now`."""

_CHOICE = said("a", "concat('choice:', e.choice ->> 'code')", "e.choice ->> 'name'")
_NAMES = hot(
    text(
        f"""
        SELECT json_build_object(
            'categories', (SELECT coalesce(json_agg(json_build_object(
                'id', c.id, 'slug', c.slug, 'name', {said("c", "'name'", "c.name")}, 'parent_id', c.parent_id,
                'depth', c.depth) ORDER BY c.path), '[]') FROM category c WHERE c.tenant_id = CAST(:tenant_id AS uuid)),
            'vendors', (SELECT coalesce(json_agg(json_build_object('id', v.id, 'code', v.code, 'name', v.name)), '[]')
                        FROM vendor v WHERE v.tenant_id = CAST(:tenant_id AS uuid)),
            'collections', (SELECT coalesce(json_agg(json_build_object(
                'id', c.id, 'handle', c.handle, 'title', {said("c", "'title'", "c.title")})), '[]')
                FROM collection c WHERE c.tenant_id = CAST(:tenant_id AS uuid) AND {OPEN}),
            'attributes', (SELECT coalesce(json_agg(json_build_object(
                'code', a.code, 'name', {said("a", "'name'", "a.name")}, 'kind', a.kind, 'unit', a.unit, 'choices', (
                    SELECT coalesce(jsonb_agg(jsonb_set(e.choice, '{{name}}', to_jsonb({_CHOICE}))), '[]')
                    FROM jsonb_array_elements(a.choices) AS e (choice)))), '[]')
                FROM attribute a WHERE a.tenant_id = CAST(:tenant_id AS uuid) AND NOT a.retired),
            'steered', (SELECT coalesce(json_agg(json_build_object('id', r.live ->> 'category_id')), '[]')
                        FROM search_rule r
                        WHERE r.tenant_id = CAST(:tenant_id AS uuid) AND r.live ->> 'category_id' IS NOT NULL
                          AND r.live ->> 'query' IS NULL))::text
        """  # noqa: S608  (the fragments are literals)
    )
)


@dataclass(frozen=True, slots=True)
class NamedCategory:
    """A category as a facet has it."""

    id: UUID
    slug: str
    name: str
    parent_id: UUID | None
    depth: int


@dataclass(frozen=True, slots=True)
class NamedVendor:
    """Somebody who sells through the shop."""

    id: UUID
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class NamedCollection:
    """A collection that shoppers see."""

    id: UUID
    handle: str
    title: str


@dataclass(frozen=True, slots=True)
class NamedAttribute:
    """An attribute that products are narrowed down by."""

    code: str
    name: str
    kind: str
    unit: str | None
    choices: Mapping[str, tuple[str, str | None]]
    """The name of each, and its colour."""


@dataclass(frozen=True, slots=True)
class FacetNames:
    """The names of one shop's."""

    categories: Mapping[UUID, NamedCategory]
    """Parents before children."""
    by_slug: Mapping[str, NamedCategory]
    vendors: Mapping[UUID, NamedVendor]
    by_code: Mapping[str, NamedVendor]
    collections: Mapping[UUID, NamedCollection]
    by_handle: Mapping[str, NamedCollection]
    attributes: Mapping[str, NamedAttribute]
    steered: Set[UUID]
    """Categories whose pages a rule of the shop's staff is about."""

    @classmethod
    def read(cls, told: Mapping[str, Sequence[Mapping[str, Any]]]) -> FacetNames:
        """As Postgres tells them."""
        categories = [
            NamedCategory(UUID(one["id"]), one["slug"], one["name"], _id(one["parent_id"]), one["depth"])
            for one in told["categories"]
        ]
        vendors = [NamedVendor(UUID(one["id"]), one["code"], one["name"]) for one in told["vendors"]]
        collections = [NamedCollection(UUID(one["id"]), one["handle"], one["title"]) for one in told["collections"]]
        return cls(
            {one.id: one for one in categories},
            {one.slug: one for one in categories},
            {one.id: one for one in vendors},
            {one.code: one for one in vendors},
            {one.id: one for one in collections},
            {one.handle: one for one in collections},
            {one["code"]: _attribute(one) for one in told["attributes"] if one["kind"] in FILTERABLE},
            frozenset(UUID(one["id"]) for one in told["steered"]),
        )

    def is_steered(self, slug: str | None) -> bool:
        """Whether a rule is about a category's page."""
        category = None if slug is None else self.by_slug.get(slug)
        return category is not None and category.id in self.steered

    def below(self, category_id: UUID) -> set[UUID]:
        """A category and all below it."""
        found = {category_id}
        for one in self.categories.values():
            if one.parent_id in found:
                found.add(one.id)
        return found


@dataclass(slots=True)
class KnownNames:
    """Those of each shop; a change is seen within `REMEMBERED_SECONDS`."""

    database: Database
    _known: dict[tuple[UUID, str | None], tuple[float, FacetNames]] = field(default_factory=dict)

    async def of(self, shop: Shop) -> FacetNames:
        """The shop's names, in the language that it is read in."""
        known = self._known.get((shop.id, shop.language))
        if known is None or known[0] < time.monotonic():
            asked = {"tenant_id": shop.id, "now": clock.now(), **spoken(shop.language)}
            told = await self.database.read_json(shop.id, _NAMES, asked)
            known = (time.monotonic() + REMEMBERED_SECONDS, FacetNames.read(orjson.loads(told or b"{}")))
            self._known[shop.id, shop.language] = known
        return known[1]


def _attribute(told: Mapping[str, Any]) -> NamedAttribute:
    choices = {one["code"]: (one["name"], one.get("colour")) for one in told["choices"]}
    return NamedAttribute(told["code"], told["name"], told["kind"], told["unit"], choices)


def _id(value: str | None) -> UUID | None:
    return None if value is None else UUID(value)
