"""Taxes: worked by hand from the rules of the places they are from, and exact whatever the rates."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.cart.terms import Terms
from commerce.cart.totals import Fee, PricedLine, always, compute
from commerce.promotions.engine import Discount
from commerce.taxes.engine import Rate, taxes_of
from foundation.money import round_minor


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


_classes = st.sampled_from(["standard", "food", "exempt"])


@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 9), _classes), min_size=1, max_size=6),
    st.lists(st.builds(Discount, st.just("code"), amount=st.integers(0, 3_000)), max_size=1),
    st.integers(0, 2_000),
    st.integers(0, 500),
    st.fractions(0, 1, max_denominator=1_000),
    st.fractions(0, 1, max_denominator=1_000),
)
def test_prices_without_the_tax_that_is_not_charged_add_up_to_their_net(
    sold: list[tuple[int, int, str]],
    off: list[Discount],
    shipping: int,
    wrap: int,
    standard: Fraction,
    food: Fraction,
) -> None:
    rates = {"standard": [Rate("VAT", standard)], "food": [Rate("VAT", food)]}
    lines = [PricedLine(*one) for one in sold]
    free = Terms({}, True, shipping, scheme="export", note="why", relief=rates)
    fees = [Fee("Gift wrap", wrap)]
    at_home, abroad = (
        compute(lines, discounts=off, fees=fees, to=[always(terms)]) for terms in (Terms(rates, True, shipping), free)
    )

    assert sum(abroad.line_totals) + abroad.shipping + abroad.fees_in_all == abroad.total
    assert abroad.subtotal == at_home.subtotal
    assert abroad.tax == 0
    for tax_class, held in rates.items():
        gross, net = (
            sum(total for total, line in zip(of.line_totals, lines, strict=True) if line.tax_class == tax_class)
            for of in (at_home, abroad)
        )
        assert net == round_minor(Fraction(gross) / (1 + held[0].rate))
    assert (abroad.shipping, abroad.fees_in_all) == (
        round_minor(Fraction(shipping) / (1 + standard)),
        round_minor(Fraction(wrap) / (1 + standard)),
    )
    for place, (was, now) in enumerate(zip(at_home.line_totals, abroad.line_totals, strict=True)):
        assert 0 <= now <= was
        assert abroad.line_discounts[place] - at_home.line_discounts[place] == was - now
    assert sum(taken.amount for taken in abroad.discounts) == abroad.discount
    assert abroad.consignments[0].goods_as_priced == sum(at_home.line_totals)
    for place, taken in enumerate(abroad.discounts):
        assert tuple(part.off[place] for part in abroad.parts) == taken.shares


def test_only_what_goes_free_of_tax_costs_less() -> None:
    line = PricedLine(119, 3, sent=((0, 1), (1, 2)))
    home = Terms(_standard("0.19"), True, 595)
    abroad = Terms({}, True, 1190, scheme="export", note="why", relief=_standard("0.19"))
    totals = compute([line], to=[always(home), always(abroad)])

    assert [part.total for part in totals.parts] == [119, 200]
    assert (totals.line_totals, totals.line_discounts) == ((319,), (38,))
    assert [(one.goods, one.shipping, one.tax) for one in totals.consignments] == [(119, 595, 19 + 95), (200, 1000, 0)]
    assert totals.total == 119 + 595 + 200 + 1000


def _standard(rate: str) -> dict[str, list[Rate]]:
    return {"standard": [Rate("VAT", Fraction(rate))]}
