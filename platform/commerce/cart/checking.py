"""What a cart costs, and the checks that completion runs, shown at every step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

from commerce.cart.contents import Cart, Line
from commerce.cart.schemas import CartOut, LineExplanation, Requirement
from commerce.cart.showing import by_name, explained_by, out
from commerce.cart.totals import Part, PricedLine, Totals, compute, given
from commerce.promotions.codes import Presented
from commerce.promotions.service import Redemption
from commerce.taxes.quotes import Question
from commerce.taxes.schemas import OWN_TABLE, TaxEngineOut, engine_out
from foundation import clock


@dataclass(frozen=True, slots=True)
class Checked:
    """A cart, what it costs, and what stands between it and an order."""

    cart: Cart
    totals: Totals
    requirements: Sequence[Requirement]
    questions: Sequence[Question] = ()
    """What the shop's tax engine has still to be asked; until then the taxes are by the shop's own table."""
    tax_engine: TaxEngineOut = OWN_TABLE
    """Who said what the taxes are."""

    @property
    def redemptions(self) -> Sequence[Redemption]:
        """The codes that an order of this would use."""
        off = by_name(self.totals.discounts)
        return [Redemption(code.code, off.get(code.name, 0)) for code in self.cart.codes if code.standing == "good"]

    def out(self) -> CartOut:
        """The cart as its owner sees it."""
        return out(self.cart, self.totals, self.requirements, self.tax_engine)


def check(cart: Cart, *, paying: bool = False) -> Checked:
    """Price the cart and list what stands between it and an order: nothing, unless it is open or about to be paid."""
    lines = [
        PricedLine(line.unit_price, line.quantity, line.tax_class, sent)
        for line, sent in zip(cart.lines, cart.where.sent(cart.lines), strict=True)
    ]
    terms = [partial(cart.where.terms, to) for to in cart.where.to]
    totals = compute(lines, discounts=cart.discounts, fees=cart.fees, to=terms)
    requirements = _requirements(cart) if paying or cart.status == "open" else []
    questions = [] if requirements else cart.where.questions(cart.currency, cart.lines, totals)
    quote = cart.where.quote
    if not questions or quote is None or not quote.answers_to(questions, clock.now()):
        return Checked(cart, totals, requirements, questions)
    if quote.answers:
        to = [given(held, answer) for held, answer in zip(terms, quote.answers, strict=True)]
        totals = compute(lines, discounts=cart.discounts, fees=cart.fees, to=to)
    return Checked(cart, totals, requirements, tax_engine=engine_out(quote))


def _requirements(cart: Cart) -> list[Requirement]:
    if not cart.lines:
        return [Requirement(code="cart.empty", detail="The cart is empty.")]
    return [
        *chain.from_iterable(_requirements_of(line) for line in cart.lines),
        *chain.from_iterable(_requirements_of_code(code) for code in cart.codes),
        *cart.where.requirements(cart.lines),
        *_requirements_of_gift(cart),
    ]


def _requirements_of_gift(cart: Cart) -> Iterator[Requirement]:
    if cart.wrapped and cart.wrap is None:
        yield Requirement(code="cart.gift_wrap_gone", detail="Nothing is wrapped here any more.")


def _requirements_of_code(code: Presented) -> Iterator[Requirement]:
    if code.standing == "used_up":
        detail = f"{code.name} has been used as often as it may be; take it out to go on."
        yield Requirement(code="promotions.code_used_up", detail=detail, discount_code=code.name)
    elif code.standing in {"not_begun", "ended"}:
        detail = f"{code.name} does not hold now; take it out to go on."
        yield Requirement(code="promotions.code_not_running", detail=detail, discount_code=code.name)


def _requirements_of(line: Line) -> Iterator[Requirement]:
    title = line.variant.title
    if not line.variant.for_sale or line.price is None:
        yield Requirement(code="catalog.not_for_sale", detail=f"{title} is no longer sold.", line_id=line.id)
        return
    if line.price != line.unit_price:
        yield Requirement(
            code="cart.price_changed",
            detail=f"The price of {title} changed; accept it to go on.",
            line_id=line.id,
            unit_price=line.price,
        )
    if line.available < line.quantity:
        yield Requirement(
            code="inventory.out_of_stock",
            detail=f"Only {line.available} of {title} can be had.",
            line_id=line.id,
            available=line.available,
        )


def explained(checked: Checked, part: Part) -> LineExplanation:
    """Where the amounts of a line's part come from."""
    return explained_by(checked.cart.lines[part.line], checked.totals.discounts, part.off, part.taxes)
