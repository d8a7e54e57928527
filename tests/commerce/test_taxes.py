"""Taxes: worked by hand from the rules of the places they are from, and exact whatever the rates."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.cart.totals import PricedLine, Terms, always, compute
from commerce.taxes.engine import Rate, taxes_of


def _rates(*shares: str, compound: bool = False) -> list[Rate]:
    last = len(shares) - 1
    return [Rate(f"tax {n}", Fraction(share), compound=compound and n == last) for n, share in enumerate(shares)]


@pytest.mark.parametrize(
    ("amount", "rates", "included", "taxes"),
    [
        (10_000, _rates("0.19"), False, [1900]),
        (11_900, _rates("0.19"), True, [1900]),
        (9_999, _rates("0.19"), True, [1596]),
        # A Californian's 7.25 % and a district's 1 % stand beside each other.
        (1_999, _rates("0.0725", "0.01"), False, [145, 20]),
        # Quebec before 2013: QST was taken on the price and the GST.
        (10_000, _rates("0.05", "0.095", compound=True), False, [500, 998]),
        (11_498, _rates("0.05", "0.095", compound=True), True, [500, 998]),
        # India within a state: CGST and SGST of 9 % each.
        (49_900, _rates("0.09", "0.09"), False, [4491, 4491]),
        (333, _rates("0.09", "0.09"), True, [26, 25]),
        # Halves go to the even neighbour.
        (5, _rates("0.1"), False, [0]),
        (15, _rates("0.1"), False, [2]),
        (100, [], True, []),
        (0, _rates("0.2"), True, [0]),
    ],
)
def test_taxes_worked_by_hand(amount: int, rates: list[Rate], included: bool, taxes: list[int]) -> None:
    assert taxes_of(amount, rates, included=included) == taxes


@given(st.integers(0, 10**12), st.lists(st.fractions(0, 1, max_denominator=10**8), min_size=1, max_size=4))
def test_what_is_included_is_what_would_come_on_top_of_the_net(amount: int, shares: list[Fraction]) -> None:
    rates = [Rate(str(n), share) for n, share in enumerate(shares)]
    taken = sum(taxes_of(amount, rates, included=True))
    again = sum(taxes_of(amount - taken, rates, included=False))
    assert abs(again - taken) <= len(shares) + sum(shares)


def test_each_class_of_goods_and_the_delivery_has_its_own_rate() -> None:
    lines = [PricedLine(1000, 2), PricedLine(500, 1, "food"), PricedLine(300, 1, "exempt")]
    terms = Terms(
        {"standard": _rates("0.19"), "food": [Rate("reduced", Fraction("0.07"))]}, shipping=490, tax_included=False
    )
    totals = compute(lines, discount=280, to=[always(terms)])
    assert totals.line_discounts == (200, 50, 30)
    assert totals.line_taxes == (342, 32, 0)
    assert (totals.shipping_tax, totals.tax, totals.total) == (93, 467, 2800 - 280 + 490 + 467)
    assert [(tax.name, tax.rate, tax.base, tax.amount) for tax in totals.taxes] == [
        ("tax 0", "0.19", 2290, 435),
        ("reduced", "0.07", 450, 32),
    ]
