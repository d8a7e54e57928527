"""Rules as SQL: which products a collection has, and by what they are ordered. Pure, but for what a rule names.

A statement is made of literals that stand here and of parameters, so that nothing of a rule is ever part of it. Whoever
runs it gives it `:tenant_id`, `:currency` and `:now`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import orjson

from commerce.catalog.collections.schemas import (
    AttributeCondition,
    AvailableCondition,
    Condition,
    NewCondition,
    PriceCondition,
    PublishedCondition,
    ReducedCondition,
    Rule,
    Sort,
)
from commerce.catalog.hot import AVAILABLE
from commerce.tenancy.service import Shop
from foundation import clock

# What the card of a product shows to everybody: the first variant's price, or that of a sale that runs.
_PRICED = """
    LEFT JOIN LATERAL (
        SELECT least(r.amount, sale.amount) AS amount,
               CASE WHEN sale.amount < r.amount THEN greatest(r.amount, r.compare_at) ELSE r.compare_at END AS struck
        FROM (SELECT v.tenant_id, v.id FROM variant v
              WHERE (v.tenant_id, v.product_id) = (p.tenant_id, p.id) AND NOT v.discontinued
              ORDER BY v.position LIMIT 1) v
        JOIN price r ON (r.tenant_id, r.variant_id, r.currency) = (v.tenant_id, v.id, CAST(:currency AS text))
        LEFT JOIN LATERAL (
            SELECT min(o.amount) AS amount FROM price_offer o
            WHERE (o.tenant_id, o.variant_id, o.currency) = (v.tenant_id, v.id, r.currency)
              AND o.price_group IS NULL AND o.channel IS NULL AND o.min_quantity = 1
              AND (o.starts_at IS NULL OR o.starts_at <= CAST(:now AS timestamptz))
              AND (o.ends_at IS NULL OR o.ends_at > CAST(:now AS timestamptz))
              AND (SELECT EXISTS (SELECT FROM price_offer x WHERE x.tenant_id = CAST(:tenant_id AS uuid)))) sale ON true
    ) costs ON true
"""
_CAME = "coalesce(p.published_at, p.created_at)"
_LAST = 2**62

_PLACES: Mapping[Sort, str] = {
    "by_hand": "m.position",
    "best_selling": "p.rank",
    "newest": f"-(extract(epoch FROM {_CAME}) * 1000000)::bigint",
    "price_asc": f"coalesce(costs.amount, {_LAST})",
    "price_desc": "-coalesce(costs.amount, 0)",
    "title": "0",
}
"""By what the products of a collection are ordered; by title they are counted once all are there."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule is in SQL, of products `p`."""

    joins: str
    condition: str
    place: str
    values: Mapping[str, Any]

    @property
    def by_price(self) -> bool:
        """Whether what it finds changes with a price."""
        return bool(self.joins)


def found_by(rule: Rule | None, sort: Sort, shop: Shop) -> Found:
    """What finds the products of a rule, and puts them in order; without a rule, any product.

    The rule's brands are named by their ids, as `naming` keeps them.
    """
    said: list[str] = []
    values: dict[str, Any] = {}
    for nth, condition in enumerate(rule.conditions if rule else ()):
        sql, given = _CONDITIONS[condition.field](condition, shop.zone)
        names = {name: f"{name}{nth}" for name in given}
        said.append(f"coalesce({sql.format(**names)}, false)")
        values |= {names[name]: value for name, value in given.items()}
    joined = (" AND " if rule and rule.match == "all" else " OR ").join(said) or "true"
    place = _PLACES[sort]
    priced = "costs." in joined or "costs." in place
    return Found(_PRICED if priced else "", joined, place, values)


def _among(sql: str) -> Callable[[Any, ZoneInfo], tuple[str, dict[str, Any]]]:
    """A condition by a list: of one that a product doesn't say at all, `not_in` is true."""

    def made(one: Any, _: ZoneInfo) -> tuple[str, dict[str, Any]]:
        return _turned(one.op, sql), {"named": list(one.values)}

    return made


def _turned(op: str, sql: str) -> str:
    return f"NOT coalesce({sql}, false)" if op == "not_in" else sql


def _attribute(one: AttributeCondition, _: ZoneInfo) -> tuple[str, dict[str, Any]]:
    if one.op in {"in", "not_in"}:
        said = [orjson.dumps(value).decode() for value in one.values]
        sql = (
            "p.attributes -> CAST(:{code} AS text) IN"
            " (SELECT CAST(one AS jsonb) FROM unnest(CAST(:{named} AS text[])) one)"
        )
        return _turned(one.op, sql), {"code": one.attribute, "named": said}
    sign, bound = {"at_least": ">=", "at_most": "<="}[one.op], one.values[0]
    if isinstance(bound, str):
        sql = f'p.attributes ->> CAST(:{{code}} AS text) COLLATE "C" {sign} CAST(:{{bound}} AS text)'
        return sql, {"code": one.attribute, "bound": bound}
    number = "CAST(p.attributes -> CAST(:{code} AS text) AS numeric)"
    sql = (
        "CASE WHEN jsonb_typeof(p.attributes -> CAST(:{code} AS text)) = 'number'"
        f" THEN {number} {sign} CAST(CAST(:{{bound}} AS text) AS numeric) END"
    )
    return sql, {"code": one.attribute, "bound": str(bound)}


def _price(one: PriceCondition, _: ZoneInfo) -> tuple[str, dict[str, Any]]:
    sign = {"at_least": ">=", "at_most": "<="}[one.op]
    return f"costs.amount {sign} CAST(:{{amount}} AS bigint)", {"amount": one.amount}


def _reduced(one: ReducedCondition, _: ZoneInfo) -> tuple[str, dict[str, Any]]:
    return "coalesce(costs.struck > costs.amount, false) = CAST(:{so} AS boolean)", {"so": one.value}


def _available(one: AvailableCondition, _: ZoneInfo) -> tuple[str, dict[str, Any]]:
    return f"({AVAILABLE}) = CAST(:{{so}} AS boolean)", {"so": one.value}


def _published(one: PublishedCondition, zone: ZoneInfo) -> tuple[str, dict[str, Any]]:
    sign = {"since": ">=", "before": "<"}[one.op]
    return f"{_CAME} {sign} CAST(:{{at}} AS timestamptz)", {"at": datetime.combine(one.day, time(), zone)}


def _new(one: NewCondition, _: ZoneInfo) -> tuple[str, dict[str, Any]]:
    return f"{_CAME} >= CAST(:{{at}} AS timestamptz)", {"at": clock.now() - timedelta(days=one.days)}


_CONDITIONS = cast(
    "Mapping[str, Callable[[Condition, ZoneInfo], tuple[str, dict[str, Any]]]]",
    {
        # ix_category_path, ix_product_category
        "category": _among(
            "p.category_id IN (SELECT below.id FROM category above JOIN category below"
            " ON below.tenant_id = above.tenant_id AND below.path <@ above.path"
            " WHERE above.tenant_id = :tenant_id AND above.id = ANY(CAST(:{named} AS uuid[])))"
        ),
        # ix_product_brand
        "brand": _among(
            "p.brand IN (SELECT b.name FROM brand b"
            " WHERE b.tenant_id = :tenant_id AND b.id = ANY(CAST(CAST(:{named} AS text[]) AS uuid[])))"
        ),
        "tag": _among("p.tags && CAST(:{named} AS text[])"),
        # ix_product_type
        "type": _among(
            "p.type_id IN (SELECT t.id FROM product_type t"
            " WHERE t.tenant_id = :tenant_id AND t.code = ANY(CAST(:{named} AS text[])))"
        ),
        # ix_product_vendor
        "vendor": _among(
            "p.vendor_id IN (SELECT w.id FROM vendor w"
            " WHERE w.tenant_id = :tenant_id AND w.code = ANY(CAST(:{named} AS text[])))"
        ),
        "attribute": _attribute,
        "price": _price,
        "reduced": _reduced,
        "available": _available,
        "published": _published,
        "new": _new,
    },
)
"""By its field, what a condition is in SQL: its parameters in braces, and their values."""
