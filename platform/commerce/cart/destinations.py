"""Where a cart goes, how, and what is taxed there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from functools import partial
from typing import Any, Protocol
from uuid import UUID

import orjson
from sqlalchemy import text

from commerce.cart.schemas import ConsignmentKept, Requirement, SlotChosen
from commerce.cart.terms import Terms
from commerce.cart.totals import Consigned, Goods, Totals
from commerce.catalog.variants import VariantRef
from commerce.delivery.schemas import AddressOut, DeliveryOut
from commerce.delivery.service import CALENDAR, GOING_THERE, Method, calendar_of, method_of
from commerce.delivery.slots import Slot, slot_of
from commerce.taxes.engine import Rate, taxes_of
from commerce.taxes.places import Place
from commerce.taxes.quotes import TABLE, Address, Question, Quote, Taxable, quote_of
from commerce.taxes.schemes import Seller, TaxClass, Treatment, treat
from commerce.taxes.vat_ids import VatId, vat_id_of
from foundation import clock
from foundation.database import Tx, hot

RatesByClass = Mapping[str, Sequence[Rate]]

_RATES = """
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'name', r.name, 'tax_class', r.tax_class, 'rate', r.rate::text, 'compound', r.compound)
        ORDER BY r.position, r.id), '[]')
     FROM tax_rate r
     WHERE r.tenant_id = :tenant_id AND r.country = place.country
       AND (r.region IS NULL OR r.region = place.region)
       AND (r.postal_prefixes = '{}'
            OR EXISTS (SELECT FROM unnest(r.postal_prefixes) p WHERE starts_with(place.postal_code, p)))
       AND (r.applies = 'always' OR (r.applies = 'within_region') = (
            place.country = policy.country AND place.region IS NOT DISTINCT FROM policy.region)))
"""

# What holds for where the cart goes; until that is known, for where the shop sells from. Given as text, because a
# session's connection decodes JSON and a raw one doesn't. ix_tax_rate_destination and uq_tax_class_code
_TERMS = hot(
    text(
        f"""
        SELECT jsonb_build_object(
            'policy', to_jsonb(policy),
            'classes', special.classes,
            'home', CASE WHEN policy.oss AND NOT (policy.included AND policy.lower_when_free)
                          AND special.classes IS NULL THEN '[]' ELSE (
                SELECT {_RATES} FROM (SELECT policy.country, policy.region, '' AS postal_code) place) END,
            'calendar', {CALENDAR},
            'to', (
                SELECT jsonb_agg(jsonb_build_object(
                    'method', to_jsonb(method),
                    'slot', CASE WHEN asked.slot_id IS NOT NULL THEN (
                        SELECT jsonb_build_object(
                            'id', s.id, 'weekday', s.weekday, 'begins', s.begins, 'ends', s.ends,
                            'capacity', s.capacity, 'cutoff_minutes', s.cutoff_minutes,
                            'offered', s.active AND d.code = asked.delivery_code, 'taken', coalesce(b.taken, 0))
                        FROM delivery_slot s
                        JOIN delivery_method d ON d.tenant_id = s.tenant_id AND d.id = s.method_id
                        LEFT JOIN delivery_day b
                            ON b.tenant_id = s.tenant_id AND b.slot_id = s.id AND b.day = asked.slot_day
                        WHERE s.tenant_id = :tenant_id AND s.id = asked.slot_id) END,
                    'rates', CASE WHEN policy.country IS NULL THEN '[]' ELSE {_RATES} END) ORDER BY asked.number)
                FROM unnest(CAST(:delivery_codes AS text[]), CAST(:countries AS text[]), CAST(:tax_countries AS text[]),
                            CAST(:regions AS text[]), CAST(:postal_codes AS text[]), CAST(:slot_ids AS uuid[]),
                            CAST(:slot_days AS date[])) WITH ORDINALITY
                     AS asked (delivery_code, country, tax_country, region, postal_code, slot_id, slot_day, number)
                LEFT JOIN LATERAL ({GOING_THERE} AND d.code = asked.delivery_code) method ON true
                CROSS JOIN LATERAL (
                    SELECT CASE WHEN here.so THEN policy.country ELSE asked.tax_country END AS country,
                           CASE WHEN here.so THEN policy.region ELSE asked.region END AS region,
                           CASE WHEN here.so THEN '' ELSE asked.postal_code END AS postal_code
                    FROM (SELECT asked.country IS NULL OR method.kind IS NOT DISTINCT FROM 'collect') here (so))
                    place))::text
        FROM (SELECT 1) one
        LEFT JOIN (SELECT country, region, included, oss, ioss_limit, vat_id, engine, engine_codes, lower_when_free
                   FROM tax_policy
                   WHERE tenant_id = :tenant_id) policy ON true
        CROSS JOIN (SELECT jsonb_object_agg(c.code, jsonb_build_object(
                        'kind', c.kind, 'reverse_charge', c.reverse_charge)) AS classes
                    FROM tax_class c WHERE c.tenant_id = :tenant_id) special
        """  # noqa: S608  (the fragments are literals)
    )
)


class Classed(Protocol):
    """Something of a class of tax."""

    @property
    def tax_class(self) -> str: ...  # noqa: D102


class CartedLine(Classed, Protocol):
    """What has to be known of a cart's line to send it."""

    @property
    def id(self) -> UUID: ...  # noqa: D102
    @property
    def quantity(self) -> int: ...  # noqa: D102
    @property
    def variant(self) -> VariantRef: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Destination:
    """Where something goes, how, and which rates hold there."""

    address: AddressOut | None = None
    delivery_code: str | None = None
    method: Method | None = None
    """The way chosen, if it goes there."""
    rates: RatesByClass = field(default_factory=dict)
    units: Mapping[UUID, int] = field(default_factory=dict)
    """Which units of which lines go there, when not everything does."""
    slot: Slot | None = None
    """The window chosen."""

    def delivery(self, goods: int) -> DeliveryOut | None:
        """How it is delivered, when the goods that go there cost so much."""
        return self.method.out(goods, self.slot if self.method.timed else None) if self.method else None

    def chosen(self, consigned: Consigned) -> DeliveryOut | None:
        """How a consignment is delivered, at what it is charged for it."""
        found = self.delivery(consigned.goods_as_priced)
        if found is None or found.price == consigned.shipping:
            return found
        return found.model_copy(update={"price": consigned.shipping})

    def engine_address(self) -> Address | None:
        """Where a tax engine is told that it goes; `None` when it is collected."""
        to = self.address
        if to is None or (self.method is not None and self.method.kind == "collect"):
            return None
        return Address(to.country, to.region, to.postal_code, to.city, to.line1)

    def place(self, seller: Seller) -> Place:
        """Where it is taxed; at the seller's when it is collected there, or until it is known."""
        if self.address is None or (self.method is not None and self.method.kind == "collect"):
            return seller.place
        return Place(self.address.country, self.address.region, self.address.postal_code)

    def requirements(self, consignment: int | None = None) -> Iterator[Requirement]:
        """What has to be said before it can be sent."""
        missing = partial(Requirement, consignment=consignment)
        if self.delivery_code is None:
            yield missing(code="checkout.delivery_missing", detail="Choose how it should reach you.")
        elif self.method is None:
            yield missing(code="checkout.delivery_unavailable", detail="It can't reach you that way any more.")
        elif self.method.timed and self.slot is None:
            yield missing(code="checkout.slot_missing", detail="Choose when it should reach you.")
        elif self.method.timed and self.slot and not self.slot.can_be_had(self.method.calendar, clock.now()):
            yield missing(code="checkout.slot_gone", detail="It can't reach you then any more; choose another time.")
        if self.address is None and (self.method is None or self.method.kind == "ship"):
            yield missing(code="checkout.address_missing", detail="Say where to send it.")


@dataclass(frozen=True, slots=True)
class Where:
    """Where a cart goes, and what holds there."""

    delivers: bool = False
    """The shop wants to know; otherwise nothing is sent."""
    to: Sequence[Destination] = (Destination(),)
    seller: Seller | None = None
    """Nobody taxes where there is no policy."""
    home: RatesByClass = field(default_factory=dict)
    """The rates where the shop is, when it may have to charge them elsewhere, or to take them out of its prices."""
    buyer: VatId | None = None
    quote: Quote | None = None
    """What an engine said of the taxes, or that it said nothing."""
    is_split: bool = False
    """It goes in consignments, each with units of its own."""
    digital: bool = False
    """Nothing of it is sent."""
    classes: Mapping[str, TaxClass] = field(default_factory=dict)
    """The classes of what the shop sells that are special."""

    @property
    def address(self) -> AddressOut | None:
        """Where all of it goes, or the first part."""
        return self.to[0].address

    @property
    def method(self) -> Method | None:
        """How it gets there."""
        return self.to[0].method

    @property
    def slots(self) -> list[tuple[UUID, date]]:
        """The windows that an order would take."""
        return [(to.slot.id, to.slot.day) for to in self.to if to.slot and to.method and to.method.timed]

    def terms(self, destination: Destination, goods: Goods) -> Terms:
        """What totals take for goods that go to a destination."""
        method = destination.method
        shipping = method.price_for(sum(goods.values())) if method and goods else 0
        shipping_class = method.tax_class if method else "standard"
        if self.seller is None:
            return Terms(shipping=shipping, shipping_class=shipping_class)
        seller, rates = self.seller, destination.rates
        treated = partial(
            treat,
            seller,
            destination.place(seller),
            buyer=self.buyer.country if self.buyer and self.buyer.status == "valid" else None,
            value=_value(goods, rates) if seller.included else sum(goods.values()),
            rated=bool(rates),
        )
        common = treated()
        apart = {tax_class: treated(of=special) for tax_class, special in self.classes.items()}
        return replace(
            self._held(seller, rates, common),
            shipping=shipping,
            shipping_class=shipping_class,
            by_class={
                tax_class: self._held(seller, rates, treatment)
                for tax_class, treatment in apart.items()
                if treatment != common
            },
        )

    def _held(self, seller: Seller, there: RatesByClass, treatment: Treatment) -> Terms:
        """What a treatment comes to: which rates hold, and which are taken out of prices."""
        held = {"there": there, "home": self.home, "none": {}}[treatment.rates]
        relief = self.home if treatment.rates == "none" and seller.lowers else {}
        return Terms(held, seller.included, scheme=treatment.scheme, note=treatment.note, relief=relief)

    def questions(self, currency: str, lines: Sequence[Classed], totals: Totals) -> list[Question]:
        """What an engine is asked of each consignment; nothing, in a shop that goes by its own table."""
        seller = self.seller
        if seller is None or seller.engine == TABLE:
            return []
        origin = Address(seller.country, seller.region)
        return [
            Question(
                currency,
                seller.included,
                (*_taxable(seller, lines, totals, number), *(_taxable_fees(seller, totals) if number == 0 else ())),
                Taxable(consigned.shipping, seller.engine_codes.get(to.method.tax_class) if to.method else None),
                to.engine_address() or origin,
                origin,
                self.buyer.number if self.buyer and self.buyer.status == "valid" else None,
            )
            for number, (to, consigned) in enumerate(zip(self.to, totals.consignments, strict=True))
        ]

    def requirements(self, lines: Sequence[CartedLine]) -> Iterator[Requirement]:
        """What has to be said before the cart with these lines can be sent, or is taxed rightly if nothing of it is."""
        if self.digital:
            if self.delivers and self.address is None:
                yield Requirement(code="checkout.address_missing", detail="Say where you are: it is taxed there.")
            return
        if not self.is_split:
            yield from self.to[0].requirements() if self.delivers else ()
            return
        for line in lines:
            asked = sum(destination.units.get(line.id, 0) for destination in self.to)
            if asked != line.quantity:
                yield Requirement(
                    code="checkout.consignments_differ",
                    detail=f"{asked} of {line.quantity} {line.variant.title} are said to go somewhere.",
                    line_id=line.id,
                )
        for number, destination in enumerate(self.to if self.delivers else (), 1):
            yield from destination.requirements(number)

    def downloaded(self) -> Where:
        """The same for a cart of which nothing is sent: where its buyer is matters for taxes, and for nothing else."""
        only = replace(self.to[0], delivery_code=None, method=None, slot=None, units={})
        return replace(self, to=(only,), delivers=self.seller is not None, is_split=False, digital=True)

    def sent(self, lines: Sequence[CartedLine]) -> list[tuple[tuple[int, int], ...]]:
        """Which units of each line go with which consignment; what nobody spoke of goes with the first."""
        if not self.is_split:
            return [()] * len(lines)
        return [_sent(line, self.to) for line in lines]


async def where_of(tx: Tx, cart: Mapping[str, Any]) -> Where:
    """Where a cart's row says that it goes; one statement, or none for a shop that neither delivers nor taxes."""
    split = [ConsignmentKept.model_validate(kept) for kept in orjson.loads(cart["consignments"] or b"[]")]
    if not cart["delivers"] and not cart["taxes"] and not split:
        return Where()
    asked = split or [
        ConsignmentKept(
            address=AddressOut.model_validate_json(cart["address"]) if cart["address"] else None,
            delivery_code=cart["delivery_code"],
            slot=SlotChosen.model_validate_json(cart["delivery_slot"]) if cart["delivery_slot"] else None,
        )
    ]
    found = await where_to(tx, asked, buyer=vat_id_of(cart["vat_id"]))
    return replace(found, delivers=cart["delivers"], quote=quote_of(cart["tax_quote"]), is_split=bool(split))


async def where_to(tx: Tx, asked: Sequence[ConsignmentKept], *, buyer: VatId | None) -> Where:
    """What holds today where some consignments go."""
    told = await _told(tx, asked)
    kept = calendar_of(told["calendar"])
    return Where(
        to=[
            Destination(
                to.address,
                to.delivery_code,
                method_of(found["method"], kept) if found["method"] else None,
                _rates(found["rates"]),
                {part.line_id: part.quantity for part in to.lines},
                slot_of(found["slot"], to.slot.day) if to.slot and found["slot"] else None,
            )
            for to, found in zip(asked, told["to"], strict=True)
        ],
        seller=Seller(**told["policy"]) if told["policy"] else None,
        home=_rates(told["home"]),
        buyer=buyer,
        classes={code: TaxClass(**special) for code, special in (told["classes"] or {}).items()},
    )


async def _told(tx: Tx, asked: Sequence[ConsignmentKept]) -> Any:
    places = [
        Place(to.address.country, to.address.region, to.address.postal_code) if to.address else None for to in asked
    ]
    document = await tx.json(
        _TERMS,
        {
            "delivery_codes": [to.delivery_code for to in asked],
            "countries": [place and place.country for place in places],
            "tax_countries": [place and place.country_of_tax for place in places],
            "regions": [place and place.region for place in places],
            "postal_codes": [place and place.plain_postal_code for place in places],
            "slot_ids": [to.slot and to.slot.slot_id for to in asked],
            "slot_days": [to.slot and to.slot.day for to in asked],
        },
    )
    return orjson.loads(document or b"{}")


def _sent(line: CartedLine, to: Sequence[Destination]) -> tuple[tuple[int, int], ...]:
    left, sent = line.quantity, [0] * len(to)
    for number, destination in enumerate(to):
        sent[number] = min(left, destination.units.get(line.id, 0))
        left -= sent[number]
    sent[0] += left
    return tuple((number, units) for number, units in enumerate(sent) if units)


def _taxable(seller: Seller, lines: Sequence[Classed], totals: Totals, consignment: int) -> Iterator[Taxable]:
    for part in totals.parts:
        if part.consignment == consignment:
            yield Taxable(part.total, seller.engine_codes.get(lines[part.line].tax_class))


def _taxable_fees(seller: Seller, totals: Totals) -> Iterator[Taxable]:
    """Fees go with the first consignment, after its lines: in the order in which their taxes are taken."""
    for fee in totals.fees:
        yield Taxable(fee.amount, seller.engine_codes.get(fee.tax_class))


def _rates(told: Sequence[Mapping[str, Any]]) -> RatesByClass:
    rates: dict[str, list[Rate]] = {}
    for rate in told:
        known = Rate(rate["name"], Fraction(rate["rate"]), compound=rate["compound"])
        rates.setdefault(rate["tax_class"], []).append(known)
    return rates


def _value(goods: Goods, rates: RatesByClass) -> int:
    """What goods cost without the tax that their prices include."""
    return sum(
        amount - sum(taxes_of(amount, rates.get(tax_class, ()), included=True)) for tax_class, amount in goods.items()
    )
