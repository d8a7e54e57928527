"""The form of a collection: what it says as one field each, and its rule as a row for each condition.

A row says what is asked (`tag:in`, `price:at_least`, `attribute.weight:at_most`) and which values, a comma between. One
in which nothing is chosen is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from backoffice import amounts
from commerce.catalog.attributes.schemas import AttributeOut
from commerce.catalog.collections.schemas import MOST_CONDITIONS, CollectionOut, Condition, Rule
from foundation.errors import Problem
from foundation.http import InvalidFields
from foundation.types import Input, WallTime
from pages.forms import FormT, validated

MOST_FIELDS = 100
SPARE = 2
"""Empty rows of conditions beside those that are there."""
_PLAIN = ("title", "handle", "sort")
_ROW = re.compile(r"conditions\.([0-9]{1,2})\.")
_WRONG = re.compile(r"rule\.conditions\.([0-9]+)\b")
_SAID = {"yes": True, "no": False}
_FLAGS = {"true": True, "false": False}
_ALIKE = {
    "category": ("Its category, or one above it", "addresses of categories"),
    "brand": ("Its brand", "addresses of brands"),
    "tag": ("One of its tags", "tags"),
    "type": ("Its type", "codes of types"),
    "vendor": ("Its vendor", "codes of vendors"),
}
_OTHERS = (
    ("price:at_least", "It costs at least", "an amount"),
    ("price:at_most", "It costs at most", "an amount"),
    ("reduced:yes", "It is reduced", ""),
    ("reduced:no", "It is not reduced", ""),
    ("available:yes", "It can be bought now", ""),
    ("available:no", "It is sold out", ""),
    ("new:within", "It came within so many days", "days"),
    ("published:since", "It came on this day or later", "2026-01-31"),
    ("published:before", "It came before this day", "2026-01-31"),
)


@dataclass(frozen=True, slots=True)
class Meant:
    """What a form's words stand for in a shop."""

    currency: str
    categories: Mapping[str, UUID]
    """By their addresses."""
    booleans: Collection[str]
    """Codes of attributes that are true or false."""


class Windowed(Input):
    """When shoppers see a collection, by the shop's clocks."""

    starts_at: WallTime | None = None
    ends_at: WallTime | None = None


def choices(defined: Iterable[AttributeOut]) -> list[tuple[str, str, str]]:
    """What a row can ask: its value in the form, its words, and what stands in the field of values."""
    found = []
    for field, (words, hint) in _ALIKE.items():
        found += [(f"{field}:in", f"{words} is one of", hint), (f"{field}:not_in", f"{words} is none of", hint)]
    for one in defined:
        at, unit = f"attribute.{one.code}", f" ({one.unit})" if one.unit else ""
        hint = ", ".join(choice.code for choice in one.choices[:3]) if one.choices else _OF_KIND.get(one.kind, "values")
        found += [(f"{at}:in", f"{one.name}{unit} is one of", hint), (f"{at}:not_in", f"{one.name} is none of", hint)]
        if one.kind in {"number", "date"}:
            found += [(f"{at}:at_least", f"{one.name}{unit} is at least", hint)]
            found += [(f"{at}:at_most", f"{one.name}{unit} is at most", hint)]
    return [*found, *_OTHERS]


_OF_KIND = {"boolean": "true", "number": "a number", "date": "2026-01-31"}


def categories_in(sent: Mapping[str, str]) -> list[str]:
    """The addresses of categories that a form names."""
    return [
        value
        for row in _filled(sent)
        if sent[f"conditions.{row}.what"].startswith("category:")
        for value in _split(sent.get(f"conditions.{row}.values", ""))
    ]


def fields_of(
    said: CollectionOut, *, currency: str, zone: ZoneInfo, slugs: Mapping[UUID, str], picture: str
) -> dict[str, str]:
    """What stands in the form of a collection, by field; `slugs` are its rule's categories, `picture` is a handle."""
    values = {name: str(getattr(said, name)) for name in (*_PLAIN, "description")}
    values["menu_position"] = "" if said.menu_position is None else str(said.menu_position)
    values |= {"picture_of": picture, **({"published": "on"} if said.published else {})}
    for name in ("starts_at", "ends_at"):
        moment: datetime | None = getattr(said, name)
        values[name] = moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M") if moment else ""
    if said.rule:
        values["match"] = said.rule.match
        for row, condition in enumerate(said.rule.conditions):
            what, words = _row_of(condition, currency, slugs)
            values |= {f"conditions.{row}.what": what, f"conditions.{row}.values": words}
    return values


def rows_of(values: Mapping[str, str]) -> range:
    """The rows of conditions to show: those that hold something, and some more."""
    return range(min(MOST_CONDITIONS, max(_filled(values), default=-1) + 1 + SPARE))


def read(
    form: type[FormT],
    sent: Mapping[str, str],
    *,
    meant: Meant,
    zone: ZoneInfo,
    picture_of: UUID | None,
    by_rule: bool,
) -> FormT:
    """What a form says, as the API takes it: a `CollectionIn`, or a `CollectionChange` with its version.

    Raises:
        InvalidFields: by the names of the form's fields.
    """
    rows = _filled(sent)
    values: dict[str, Any] = {name: sent.get(name, "").strip() or None for name in _PLAIN}
    window = validated(Windowed, {name: sent.get(name, "") or None for name in ("starts_at", "ends_at")})
    values |= {
        "sort": values["sort"] or "best_selling",
        "description": sent.get("description", "").replace("\r\n", "\n").strip(),
        "published": sent.get("published") == "on",
        "starts_at": window.starts_at and window.starts_at.replace(tzinfo=zone),
        "ends_at": window.ends_at and window.ends_at.replace(tzinfo=zone),
        "menu_position": _whole(sent.get("menu_position", ""), "menu_position"),
        "picture_of": picture_of,
        "rule": rule_in(sent, meant) if by_rule else None,
    }
    if "version" in form.model_fields:
        values["version"] = _whole(sent.get("version", ""), "version")
    return _at_rows(form, values, rows)


def rule_in(sent: Mapping[str, str], meant: Meant) -> Rule:
    """The rule that a form's rows make.

    Raises:
        InvalidFields: by the names of the form's fields.
    """
    rows = _filled(sent)
    conditions = [_condition(sent, row, meant) for row in rows]
    if not conditions:
        raise InvalidFields(errors=[{"param": "conditions.0.values", "message": "say at least one condition"}])
    return _at_rows(Rule, {"match": sent.get("match", "all"), "conditions": conditions}, rows)


def field_of(problem: Problem) -> str | None:
    """The field that a refusal is about, where there is one."""
    return _FIELDS.get(problem.code)


_FIELDS = {
    "catalog.collection_handle_taken": "handle",
    "catalog.collected_product_not_found": "picture_of",
}


def _filled(values: Mapping[str, str]) -> list[int]:
    found = {
        int(row[1])
        for name, value in values.items()
        if (row := _ROW.match(name)) and name.endswith(".what") and value.strip()
    }
    return sorted(found)


def _split(words: str) -> list[str]:
    return [one.strip() for one in words.split(",") if one.strip()]


def _whole(typed: str, field: str) -> int | None:
    said = typed.strip()
    if not said:
        return None
    if not (said.isascii() and said.isdigit() and len(said) <= _DIGITS):
        raise InvalidFields(errors=[{"param": field, "message": "must be a whole number"}])
    return int(said)


_DIGITS = 9


def _condition(sent: Mapping[str, str], row: int, meant: Meant) -> dict[str, Any]:
    at = f"conditions.{row}"
    what, _, op = sent[f"{at}.what"].partition(":")
    words = sent.get(f"{at}.values", "").strip()
    field, _, code = what.partition(".")
    if field == "attribute":
        flags = _FLAGS if code in meant.booleans else {}
        return {"field": field, "attribute": code, "op": op, "values": [flags.get(one, one) for one in _split(words)]}
    if field in _OF_ONE:
        return {"field": field, **_OF_ONE[field](op, words, f"{at}.values", meant.currency)}
    values: list[Any] = _split(words)
    if field == "category":
        values = [meant.categories[one] for one in values if one in meant.categories]
    return {"field": field, "op": op, "values": values}


def _amount(op: str, words: str, at: str, currency: str) -> dict[str, Any]:
    try:
        return {"op": op, "amount": amounts.minor(words, currency)}
    except ValueError as fault:
        raise InvalidFields(errors=[{"param": at, "message": str(fault)}]) from fault


_OF_ONE: Mapping[str, Callable[[str, str, str, str], dict[str, Any]]] = {
    "price": _amount,
    "reduced": lambda op, *_: {"value": _SAID.get(op)},
    "available": lambda op, *_: {"value": _SAID.get(op)},
    "published": lambda op, words, *_: {"op": op, "day": words},
    "new": lambda _, words, at, __: {"days": _whole(words, at)},
}
"""Conditions that are no lists: what they say, of what is asked and the words beside it."""


def _row_of(condition: Condition, currency: str, slugs: Mapping[UUID, str]) -> tuple[str, str]:
    """What a row says of a condition: what is asked, and the values."""
    said = condition.model_dump(mode="json")
    field = said["field"]
    if field == "price":
        return f"price:{said['op']}", amounts.typed(said["amount"], currency)
    if field in {"reduced", "available"}:
        return f"{field}:{'yes' if said['value'] else 'no'}", ""
    if field == "published":
        return f"published:{said['op']}", said["day"]
    if field == "new":
        return "new:within", str(said["days"])
    if field == "category":
        return f"category:{said['op']}", ", ".join(slugs.get(UUID(one), one) for one in said["values"])
    what = f"attribute.{said['attribute']}" if field == "attribute" else field
    return f"{what}:{said['op']}", ", ".join(_typed(one) for one in said["values"])


def _typed(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _at_rows(form: type[FormT], values: dict[str, Any], rows: Sequence[int]) -> FormT:
    try:
        return validated(form, values)
    except InvalidFields as fault:
        raise InvalidFields(errors=[_at_its_row(error, rows) for error in fault.errors]) from fault


def _at_its_row(error: Mapping[str, str], rows: Sequence[int]) -> dict[str, str]:
    found = _WRONG.match(f"rule.{error['param'].removeprefix('rule.')}")
    param = f"conditions.{rows[int(found[1])]}.values" if found and int(found[1]) < len(rows) else error["param"]
    return {"param": param, "message": error["message"]}
