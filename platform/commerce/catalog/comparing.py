"""Products side by side: what each says of the same thing."""

from __future__ import annotations

from collections.abc import Sequence

from commerce.catalog.schemas import ComparedValue, Comparison, ComparisonRow, ProductDetail, Specification


def compared(products: Sequence[ProductDetail]) -> Comparison:
    """What products say of themselves, a row each attribute that one of them has a value of.

    Rows stand in the order of the first product that has them. A row differs where two values do, or one is missing.
    """
    said = [{one.code: one for one in product.specifications} for product in products]
    codes = dict.fromkeys(code for specifications in said for code in specifications)
    return Comparison(products=list(products), rows=[_row([one.get(code) for one in said]) for code in codes])


def _row(values: Sequence[Specification | None]) -> ComparisonRow:
    first = next(one for one in values if one is not None)
    told = [
        None if one is None else ComparedValue(value=one.value, choice=one.choice, colour=one.colour) for one in values
    ]
    return ComparisonRow(
        code=first.code,
        name=first.name,
        unit=first.unit,
        values=told,
        differs=any(one != told[0] for one in told),
    )
