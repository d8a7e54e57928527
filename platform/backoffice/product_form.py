"""The form of a product: what it says as one field each, and back.

A field is named by where its value stands in the API's body (`title`, `attributes.weight`, `variants.0.sku`), so that
what is wrong is told at its field. A row of variants that is left empty is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from backoffice import amounts
from commerce.catalog.attributes.schemas import AttributeOut
from commerce.catalog.products.schemas import MOST_OPTIONS, MOST_VARIANTS, ProductContent
from foundation.errors import Problem
from foundation.http import InvalidFields
from pages.forms import FormT, validated

MOST_FIELDS = 1_000
SPARE = 3
"""Empty rows of variants beside those that are there."""
_PLAIN = ("title", "handle", "description", "brand", "type", "country_of_origin", "hs_code", "tax_class")
_OF_VARIANT = ("sku", "gtin", "price", "compare_at")
_ROW = re.compile(r"variants\.([0-9]{1,2})\.")
_FLAGS = {"true": True, "false": False}


def fields_of(said: ProductContent, *, currency: str, category: str | None) -> dict[str, str]:
    """What stands in the form of a product, by field."""
    values = {name: str(getattr(said, name) or "") for name in _PLAIN}
    values |= {"category": category or "", "tags": ", ".join(said.tags)}
    values |= {f"attributes.{code}": _typed(value) for code, value in said.attributes.items()}
    values |= {f"options.{place}": name for place, name in enumerate(said.options)}
    for row, variant in enumerate(said.variants):
        values[f"variants.{row}.id"] = str(variant.id or "")
        values |= {f"variants.{row}.{name}": getattr(variant, name) or "" for name in ("sku", "gtin")}
        for name in ("price", "compare_at"):
            amount = getattr(variant, name)
            values[f"variants.{row}.{name}"] = "" if amount is None else amounts.typed(amount, currency)
        values |= {f"variants.{row}.options.{at}": variant.options[name] for at, name in enumerate(said.options)}
    return values


def rows_of(values: Mapping[str, str], *, more: int = SPARE) -> range:
    """The rows of variants to show: those that hold something, and some more."""
    return range(min(MOST_VARIANTS, max(_filled(values), default=-1) + 1 + more))


def read(
    form: type[FormT],
    sent: Mapping[str, str],
    *,
    currency: str,
    category_id: object,
    defined: Sequence[AttributeOut],
    before: ProductContent | None = None,
) -> FormT:
    """What a form says, as the API takes it: a `ProductIn`, or a `ProductChange` with its version.

    Values of attributes that the form doesn't show (retired ones, those of another type) stay, unless `gone.<code>` is
    ticked.

    Raises:
        InvalidFields: by the names of the form's fields.
    """
    rows = _filled(sent)
    options = [sent[name].strip() for name in _options(sent)]
    values: dict[str, Any] = {name: sent.get(name, "").strip() or None for name in _PLAIN}
    values |= {
        "description": sent.get("description", "").replace("\r\n", "\n").strip(),
        "tax_class": values["tax_class"] or "standard",
        "category_id": category_id,
        "tags": [one for one in re.split(r"[\s,]+", sent.get("tags", "")) if one],
        "attributes": _attributes(sent, defined, before),
        "options": options,
        "variants": [_variant(sent, row, options, currency) for row in rows],
    }
    if "version" in form.model_fields:
        values["version"] = (
            int(sent["version"]) if sent.get("version", "").isascii() and sent.get("version", "").isdigit() else None
        )
    try:
        return validated(form, values)
    except InvalidFields as fault:
        raise InvalidFields(errors=[_at_its_row(error, rows) for error in fault.errors]) from fault


def field_of(problem: Problem) -> str | None:
    """The field that a refusal is about, where there is one."""
    attribute = problem.members().get("attribute")
    if attribute is not None:
        return f"attributes.{attribute}"
    return _FIELDS.get(problem.code)


_FIELDS = {
    "catalog.handle_taken": "handle",
    "catalog.category_not_found": "category",
    "catalog.brand_not_found": "brand",
    "catalog.product_type_not_found": "type",
    "catalog.gift_cards_tax_class": "tax_class",
}


def shown(defined: Iterable[AttributeOut]) -> list[AttributeOut]:
    """The attributes that the form has a field for."""
    return [one for one in defined if not one.retired]


def left(said: Mapping[str, Any], defined: Iterable[AttributeOut]) -> dict[str, Any]:
    """The values that a product has of attributes without a field: retired ones, and those of no type of its."""
    fields = {one.code for one in shown(defined)}
    return {code: value for code, value in said.items() if code not in fields}


def _typed(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _options(sent: Mapping[str, str]) -> list[str]:
    names = [f"options.{place}" for place in range(MOST_OPTIONS)]
    return [name for name in names if sent.get(name, "").strip()]


def _filled(values: Mapping[str, str]) -> list[int]:
    found = {int(row[1]) for name, value in values.items() if (row := _ROW.match(name)) and value.strip()}
    return sorted(found)


def _attributes(
    sent: Mapping[str, str], defined: Sequence[AttributeOut], before: ProductContent | None
) -> dict[str, Any]:
    said: dict[str, Any] = {
        code: value
        for code, value in left(before.attributes if before else {}, defined).items()
        if f"gone.{code}" not in sent
    }
    for one in shown(defined):
        value = sent.get(f"attributes.{one.code}", "").strip()
        if value:
            said[one.code] = _FLAGS.get(value, value) if one.kind == "boolean" else value
    return said


def _variant(sent: Mapping[str, str], row: int, options: Sequence[str], currency: str) -> dict[str, Any]:
    def typed(name: str) -> str:
        return sent.get(f"variants.{row}.{name}", "").strip()

    places = [name.removeprefix("options.") for name in _options(sent)]
    values: dict[str, Any] = {name: typed(name) or None for name in ("id", "gtin")}
    values["sku"] = typed("sku")
    values["options"] = {
        option: said for option, place in zip(options, places, strict=True) if (said := typed(f"options.{place}"))
    }
    for name in ("price", "compare_at"):
        try:
            values[name] = amounts.minor(typed(name), currency) if typed(name) else None
        except ValueError as fault:
            raise InvalidFields(errors=[{"param": f"variants.{row}.{name}", "message": str(fault)}]) from fault
    return values


def _at_its_row(error: Mapping[str, str], rows: Sequence[int]) -> dict[str, str]:
    found = _ROW.match(error["param"])
    place = f"variants.{rows[int(found[1])]}.{error['param'][found.end() :]}" if found else error["param"]
    return {"param": _category(place), "message": error["message"]}


def _category(param: str) -> str:
    return "category" if param == "category_id" else param
