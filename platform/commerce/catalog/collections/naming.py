"""What rules name: seen to be there when a rule is written, kept so that it stays meant, and told when it is gone.

Categories and brands are kept by their ids, because their addresses change. Codes of types, vendors and attributes
don't.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text

from commerce.catalog.attributes import service as attributes
from commerce.catalog.attributes.values import AttributeInvalid, Definition, Given, kept
from commerce.catalog.collections.schemas import AttributeCondition, BrandCondition, Condition, Rule
from foundation.database import Tx, hot
from foundation.errors import Unprocessable


class RuleNamesNothing(Unprocessable):
    """The rule names something that the shop doesn't have."""

    code = "catalog.collection_rule_names_nothing"

    names: list[str]
    """`brand:acme`, `category:<id>`."""


_THERE = hot(
    text(
        """
        SELECT 'category' AS field, id::text AS name, id::text AS kept FROM category
        WHERE tenant_id = :tenant_id AND id = ANY(CAST(:category AS uuid[]))
        UNION ALL SELECT 'brand', slug, id::text FROM brand
        WHERE tenant_id = :tenant_id AND (slug = ANY(CAST(:brand AS text[])) OR id::text = ANY(CAST(:brand AS text[])))
        UNION ALL SELECT 'type', code, code FROM product_type
        WHERE tenant_id = :tenant_id AND code = ANY(CAST(:type AS text[]))
        UNION ALL SELECT 'vendor', code, code FROM vendor
        WHERE tenant_id = :tenant_id AND code = ANY(CAST(:vendor AS text[]))
        UNION ALL SELECT 'attribute', code, code FROM attribute
        WHERE tenant_id = :tenant_id AND code = ANY(CAST(:attribute AS text[]))
        """
    )
)
_FIELDS = ("category", "brand", "type", "vendor", "attribute")


@dataclass(frozen=True, slots=True)
class Names:
    """What there is of what some rules name."""

    kept_by_name: Mapping[tuple[str, str], str]
    name_by_kept: Mapping[tuple[str, str], str]

    def shown(self, rule: Rule) -> Rule:
        """A kept rule as people write it; a brand that is gone stays an id."""
        return rule.model_copy(update={"conditions": [_renamed(one, self.name_by_kept) for one in rule.conditions]})

    def gone(self, rule: Rule) -> list[str]:
        """What a kept rule names that is not there any more."""
        return [f"{field}:{name}" for field, name in _named([rule]) if (field, name) not in self.name_by_kept]


async def names_of(tx: Tx, rules: Sequence[Rule]) -> Names:
    """What there is of what rules name, as they are kept or as people write them."""
    named = list(_named(rules))
    if not named:
        return Names({}, {})
    values = {field: [name for of, name in named if of == field] for field in _FIELDS}
    rows = await tx.rows(_THERE, values)
    return Names(
        {(row["field"], row["name"]): row["kept"] for row in rows},
        {(row["field"], row["kept"]): row["name"] for row in rows},
    )


async def as_kept(tx: Tx, rule: Rule) -> Rule:
    """A rule as it is kept: brands by their ids, attributes' values in their one form.

    Raises:
        RuleNamesNothing.
        AttributeInvalid: a value is none of its attribute's.
    """
    names = await names_of(tx, [rule])
    missing = [f"{field}:{name}" for field, name in _named([rule]) if (field, name) not in names.kept_by_name]
    if missing:
        raise RuleNamesNothing(names=missing)
    conditions = [_renamed(one, names.kept_by_name) for one in rule.conditions]
    return rule.model_copy(update={"conditions": [await _checked(tx, one) for one in conditions]})


def _named(rules: Iterable[Rule]) -> Iterable[tuple[str, str]]:
    """The field and the name of everything that rules name, each once."""
    found: dict[tuple[str, str], None] = {}
    for condition in (one for rule in rules for one in rule.conditions):
        if isinstance(condition, AttributeCondition):
            found["attribute", condition.attribute] = None
        elif condition.field in _FIELDS:
            found |= dict.fromkeys((condition.field, str(value)) for value in getattr(condition, "values", ()))
    return found


def _renamed(condition: Condition, names: Mapping[tuple[str, str], str]) -> Condition:
    if not isinstance(condition, BrandCondition):
        return condition
    return condition.model_copy(update={"values": [names.get(("brand", one), one) for one in condition.values]})


async def _checked(tx: Tx, condition: Condition) -> Condition:
    if not isinstance(condition, AttributeCondition):
        return condition
    found = await attributes.read(tx, condition.attribute)
    definition = Definition(found.code, found.kind, found.unit, frozenset(one.code for one in found.choices))
    if condition.op in {"at_least", "at_most"} and found.kind not in {"number", "date"}:
        raise AttributeInvalid(attribute=found.code, reason="only numbers and dates have bounds")
    values: list[Given] = [kept(definition, one) for one in condition.values]
    return condition.model_copy(update={"values": values})
