"""What a change to an order is taxed, and charged for its delivery.

Units put in are taxed by the terms that held when the order was placed. What goes to another address is taxed, and
delivered, by those that hold there today, if that makes a difference. An order that an engine outside has taxed is
quoted through it again: nobody is asked inside a transaction, so `TaxesUnquoted` stops it, and `asking` goes on with
the engine's answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import text

from commerce.cart.destinations import Destination as There
from commerce.cart.destinations import Where, where_to
from commerce.cart.schemas import ConsignmentKept
from commerce.cart.service import DeliveryUnavailable
from commerce.cart.terms import STANDARD, TaxAmount, Terms
from commerce.cart.totals import Fee, PricedLine, Totals, compute, given
from commerce.delivery.schemas import AddressOut
from commerce.orders.changes import Anew, Charges, taxed, written_terms
from commerce.orders.changes import Fee as Charged
from commerce.orders.offering import Offer
from commerce.orders.placed import Item, Placed
from commerce.taxes.quotes import TABLE, Answer, Question, Quote, TaxEngine, quoted
from commerce.taxes.schemas import TaxEngineOut, engine_out
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Conflict

TRIES = 3
Done = TypeVar("Done")


class TermsUnknown(Conflict):
    """The rates of tax that held when the order was placed were not kept, so nothing can be added to it."""

    code = "orders.terms_unknown"


class TaxesUnquoted(Conflict):
    """The order changed while an engine was asked what is taxed; try again."""

    code = "orders.taxes_unquoted"

    engine: str
    questions: tuple[Question, ...]

    def members(self) -> dict[str, Any]:
        """What is asked of an engine is nobody else's business."""
        return {}


async def asking(engines: Mapping[str, TaxEngine], work: Callable[[Quote | None], Awaitable[Done]]) -> Done:
    """Do some work that may need an engine's word; when it does, it is done again once the engine has been asked.

    Raises:
        TaxesUnquoted: what would have to be asked was another thing each time.
    """
    quote: Quote | None = None
    for _ in range(TRIES - 1):
        try:
            return await work(quote)
        except TaxesUnquoted as unquoted:
            quote = await quoted(engines, unquoted.engine, unquoted.questions, at=clock.now())
    return await work(quote)


@dataclass(frozen=True, slots=True)
class Move:
    """Where a consignment is to go, and how: the way it was to go, unless another is named."""

    address: AddressOut
    delivery_code: str | None


@dataclass(frozen=True, slots=True)
class Leg:
    """What is to become of a consignment: what is put in, and where it is to go, if elsewhere."""

    consignment_id: UUID | None
    lines: Mapping[UUID, Item]
    offers: Sequence[Offer] = ()
    move: Move | None = None


@dataclass(frozen=True, slots=True)
class Taxed:
    """The taxes of each offer, and what is charged anew."""

    offers: Sequence[tuple[TaxAmount, ...]]
    anew: Anew | None = None


@dataclass(frozen=True, slots=True)
class _Basket:
    """What of a consignment is taxed: lines with their totals, fees, and what its delivery costs."""

    lines: Sequence[Item]
    fees: Sequence[Fee]
    shipping: int
    to: There

    def totals(self, where: Where, answer: Answer | None = None) -> Totals:
        """What it comes to by the shop's own table, or as an engine said."""
        priced = [PricedLine(line.total, 1, line.tax_class) for line in self.lines]
        terms = partial(self.terms, where)
        return compute(priced, fees=self.fees, to=[given(terms, answer) if answer else terms])

    def terms(self, where: Where, goods: Mapping[str, int]) -> Terms:
        """The terms that hold where it goes today; what was charged for it stays what it costs."""
        return replace(where.terms(self.to, goods), shipping=self.shipping).without_relief()

    def terms_of_all(self, where: Where) -> Terms:
        """The same for all of its lines."""
        goods = Counter[str]()
        for line in self.lines:
            goods[line.tax_class] += line.total
        return self.terms(where, goods)


_WRAP_CLASS = hot(text("SELECT tax_class FROM gift_wrap WHERE tenant_id = :tenant_id"))


async def tax(
    tx: Tx, placed: Placed, legs: Sequence[Leg], quote: Quote | None
) -> tuple[list[Taxed], TaxEngineOut | None]:
    """What each leg is taxed and charged, and who said so, if that was not the shop's own table.

    Raises:
        TermsUnknown, DeliveryUnavailable.
        TaxesUnquoted: an engine has to be asked, and the quote is no answer to that.
    """
    where = await _where(tx, placed, legs)
    wrap = await tx.one(_WRAP_CLASS)
    fee_class = wrap["tax_class"] if wrap else STANDARD
    plans = [_plan(placed, leg, *pair, fee_class=fee_class) for leg, pair in zip(legs, where, strict=True)]
    questions = [question for plan in plans for question in plan.questions]
    if not questions:
        return [plan.taxed(None) for plan in plans], None
    if quote is None or not quote.answers_to(questions, clock.now()):
        raise TaxesUnquoted(engine=_engine(plans), questions=tuple(questions))
    answers = iter(quote.answers)
    return [plan.taxed(next(answers, None) if plan.questions else None) for plan in plans], engine_out(quote)


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a leg is taxed: by kept terms, or anew by today's."""

    placed: Placed
    leg: Leg
    where: Where | None
    """Today's; not looked up for what is only added by kept terms."""
    basket: _Basket | None
    delivery: dict[str, Any] | None
    questions: Sequence[Question]

    def taxed(self, answer: Answer | None) -> Taxed:
        """As an engine answered, or by the shop's own table."""
        offers, known = self.leg.offers, len(self.leg.lines)
        was = self.placed.to[self.leg.consignment_id]
        if self.basket is None or self.where is None:
            if offers and was.terms is None:
                raise TermsUnknown
            terms = was.terms or Terms()
            return Taxed([tuple(taxed(o.price.amount, o.wanted.quantity, o.tax_class, terms)) for o in offers])
        whole = self.basket.totals(self.where, answer)
        added = whole.line_tax_parts[known if self.leg.move else 0 :]
        if self.leg.move is None:
            return Taxed(added)
        kept = replace(self.basket, lines=self.basket.lines[:known])
        own = answer and Answer((*answer.lines[:known], *answer.lines[len(self.basket.lines) :]), answer.shipping)
        later = None if answer else written_terms(self.basket.terms_of_all(self.where))
        return Taxed(added, self._anew(kept.totals(self.where, own), later))

    def _anew(self, totals: Totals, terms: dict[str, Any] | None) -> Anew:
        fees = tuple(Charged(fee.name, fee.amount, fee.tax) for fee in totals.fees)
        charges = Charges(totals.shipping, totals.shipping_tax, totals.tax, totals.taxes, fees)
        lines = dict(zip(self.leg.lines, totals.line_tax_parts, strict=True))
        return Anew(charges, lines, self.delivery, terms)


def _plan(placed: Placed, leg: Leg, now: Where | None, before: Where | None, *, fee_class: str) -> _Plan:
    was = placed.to[leg.consignment_id]
    asks = now is not None and now.seller is not None and now.seller.engine != TABLE
    offered = [Item(offer.title, offer.total, offer.tax_class) for offer in leg.offers]
    if leg.move is None:
        basket = _Basket(offered, (), 0, now.to[0]) if now and offered else None
        delivery = None
    else:
        if now is None or before is None:
            raise RuntimeError("where it goes is looked up for what moves")
        code = leg.move.delivery_code or (was.delivery and was.delivery.code)
        if code and now.to[0].method is None and (leg.move.delivery_code or before.to[0].method):
            raise DeliveryUnavailable(delivery=code)
        fees = [Fee(fee.name, fee.amount, fee_class) for fee in was.charges.fees]
        basket = _Basket([*leg.lines.values(), *offered], fees, was.charges.shipping, now.to[0])
        delivery = None
        if now.to[0].method and was.delivery and code != was.delivery.code:
            found = now.to[0].delivery(sum(line.total for line in leg.lines.values()))
            delivery = found.model_dump(mode="json") if found else None
            basket = replace(basket, shipping=found.price if found else 0)
        there = replace(basket, to=before.to[0])
        if not (asks or delivery) and basket.terms_of_all(now) == there.terms_of_all(before):
            return _plan(placed, replace(leg, move=None), None, None, fee_class=fee_class)
    questions: Sequence[Question] = ()
    if asks and basket is not None and now is not None:
        questions = now.questions(placed.currency, basket.lines, basket.totals(now))
    return _Plan(placed, leg, now if basket else None, basket, delivery, questions)


def _engine(plans: Sequence[_Plan]) -> str:
    return next(plan.where.seller.engine for plan in plans if plan.questions and plan.where and plan.where.seller)


async def _where(tx: Tx, placed: Placed, legs: Sequence[Leg]) -> list[tuple[Where | None, Where | None]]:
    """What holds today where each leg goes, and where it went; looked up for what moves, or is taxed by an engine."""
    found: list[tuple[Where | None, Where | None]] = []
    for leg in legs:
        was = placed.to[leg.consignment_id]
        code = was.delivery.code if was.delivery else None
        if leg.move is None and ((was.terms is not None and placed.engine.name == TABLE) or not leg.offers):
            found.append((None, None))
            continue
        if leg.move is None and placed.engine.name == TABLE:
            raise TermsUnknown
        before = await _holds(tx, placed, was.address, code)
        now = before
        if leg.move is not None:
            now = await _holds(tx, placed, leg.move.address, leg.move.delivery_code or code)
        found.append((now, before))
    return found


async def _holds(tx: Tx, placed: Placed, address: AddressOut | None, code: str | None) -> Where:
    return await where_to(tx, [ConsignmentKept(address=address, delivery_code=code)], buyer=placed.buyer)
