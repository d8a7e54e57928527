"""Money adds up."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.cart.terms import Terms
from commerce.cart.totals import Fee, PricedLine, always, compute
from commerce.taxes.engine import Rate
from foundation.money import CurrencyMismatch, Money, apportion, from_decimal, to_decimal

weights = st.lists(st.integers(0, 10**12), min_size=1, max_size=50)


@given(st.integers(-(10**15), 10**15), weights)
def test_parts_add_up_to_the_total(total: int, shares: list[int]) -> None:
    assert sum(apportion(total, shares)) == total


@given(st.integers(0, 10**12), weights)
def test_no_part_is_a_whole_unit_away_from_its_exact_share(total: int, shares: list[int]) -> None:
    whole = sum(shares)
    for part, share in zip(apportion(total, shares), shares, strict=True):
        if whole:
            assert abs(part * whole - total * share) < whole


@given(st.integers(0, 10**12), weights)
def test_an_amount_taken_back_is_the_mirror_of_the_amount_given(total: int, shares: list[int]) -> None:
    assert apportion(-total, shares) == [-part for part in apportion(total, shares)]


def test_ties_go_to_the_earlier_part() -> None:
    assert apportion(100, [1, 1, 1]) == [34, 33, 33]
    assert apportion(2, [0, 0, 0]) == [1, 1, 0]


@pytest.mark.parametrize(("total", "shares"), [(1, []), (1, [-1, 2])])
def test_what_can_not_be_apportioned_is_refused(total: int, shares: list[int]) -> None:
    with pytest.raises(ValueError, match=r"apportioned|negative"):
        apportion(total, shares)


@pytest.mark.parametrize(
    ("major", "currency", "minor"), [("19.99", "USD", 1999), ("500", "JPY", 500), ("1.234", "KWD", 1234)]
)
def test_minor_units_follow_the_currency(major: str, currency: str, minor: int) -> None:
    assert from_decimal(Decimal(major), currency) == minor
    assert to_decimal(minor, currency) == Decimal(major)


def test_halves_go_to_the_even_neighbour() -> None:
    assert [from_decimal(Decimal(text), "USD") for text in ("0.005", "0.015", "0.025")] == [0, 2, 2]


def test_currencies_do_not_mix() -> None:
    with pytest.raises(CurrencyMismatch):
        Money(1, "USD") + Money(1, "EUR")


priced = st.lists(st.builds(PricedLine, st.integers(0, 10**7), st.integers(1, 999)), min_size=1, max_size=30)


rates = st.lists(st.builds(Rate, st.just("VAT"), st.fractions(0, 1, max_denominator=10_000), st.booleans()), max_size=3)


fees = st.lists(st.builds(Fee, st.just("Gift wrap"), st.integers(0, 10**4)), max_size=2)


@given(priced, st.fractions(0, 1), st.integers(0, 10**6), fees, rates, st.booleans())
def test_lines_add_up_to_the_order(
    lines: list[PricedLine], share: object, shipping: int, beside: list[Fee], taxes: list[Rate], included: bool
) -> None:
    subtotal = sum(line.unit_price * line.quantity for line in lines)
    discount = int(subtotal * share)  # type: ignore[operator]
    terms = Terms({"standard": taxes}, tax_included=included, shipping=shipping)
    totals = compute(lines, discount=discount, fees=beside, to=[always(terms)])
    assert sum(totals.line_totals) == totals.subtotal - totals.discount
    assert totals.tax == sum(totals.line_taxes) + totals.shipping_tax + totals.fees_tax
    assert totals.tax == sum(tax.amount for tax in totals.taxes)
    charged = sum(fee.amount for fee in beside)
    assert totals.total == sum(totals.line_totals) + shipping + charged + (0 if included else totals.tax)
    assert all(total >= 0 for total in totals.line_totals)
    assert all(tax >= 0 for tax in totals.line_taxes)
