"""Carts: lines in and out, and the checks that completion runs, shown at every step.

Whatever changes a cart locks its row first and reads after, so that requests of one shopper's at once all land.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any
from uuid import UUID

from commerce.cart import hot
from commerce.cart.changes import changes_of, seen_as
from commerce.cart.contents import Cart, Line
from commerce.cart.destinations import where_of
from commerce.cart.schemas import (
    CartCodeOut,
    CartLineOut,
    CartOut,
    ConsignedUnits,
    ConsignmentOut,
    FeeOut,
    GiftOut,
    GiftWrapOut,
    LineExplanation,
    Requirement,
    ShareOut,
    TotalsOut,
)
from commerce.cart.terms import TaxAmount
from commerce.cart.totals import Part, PricedLine, Totals, compute, given
from commerce.catalog.variants import VariantRef, sold_as
from commerce.delivery import addresses, slots
from commerce.delivery import service as delivery
from commerce.delivery.schemas import AddressIn, DeliveryOptions, SlotChoice, SlotOffers
from commerce.identity.service import Shopper
from commerce.inventory.bundles import needs_of
from commerce.inventory.supply import Need, Share, share_out
from commerce.pricing.engine import at_list, price_of
from commerce.pricing.offers import read_offers
from commerce.pricing.schemas import ItemPrice
from commerce.promotions.codes import Presented, read_codes
from commerce.promotions.engine import Taken
from commerce.promotions.service import Redemption
from commerce.taxes.quotes import Question
from commerce.taxes.schemas import OWN_TABLE, TaxEngineOut, TaxOut, VatIdOut, engine_out
from commerce.taxes.vat_ids import VatId
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.database import Tx
from foundation.errors import Conflict, NotFound, Unprocessable
from foundation.events import AddToCart, CartMerged, Event, Item, RemoveFromCart, record
from foundation.ids import new_id
from foundation.outbox import announce, told
from foundation.types import MoneyOut

MAX_LINES = 100
MAX_QUANTITY = 9_999
MAX_CODES = 5
MAX_NOTE = 1_000


class CartNotFound(NotFound):
    """You have no such cart."""

    code = "cart.not_found"


class LineNotFound(NotFound):
    """The cart has no such line."""

    code = "cart.line_not_found"


class ConsignmentNotFound(NotFound):
    """The cart has no such consignment."""

    code = "cart.consignment_not_found"


class CartNotOpen(Conflict):
    """The cart is being paid or has become an order."""

    code = "cart.not_open"


class CartFull(Unprocessable):
    """A cart holds at most 100 lines and 9,999 of each variant."""

    code = "cart.full"


class DeliveryUnavailable(Unprocessable):
    """This cart can't be delivered that way."""

    code = "delivery.unavailable"

    delivery: str


class VariantNotForSale(Unprocessable):
    """This variant can't be bought here."""

    code = "catalog.variant_not_for_sale"

    variant_id: UUID


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
        off = _by_name(self.totals.discounts)
        return [Redemption(code.code, off.get(code.name, 0)) for code in self.cart.codes if code.standing == "good"]

    def out(self) -> CartOut:
        """The cart as its owner sees it."""
        return _out(self)


async def current(tx: Tx, shopper: Shopper) -> Cart | None:
    """The shopper's open cart, if they have one."""
    cart_id = await _current_id(tx, shopper)
    return await get(tx, shopper, cart_id) if cart_id else None


async def opened(tx: Tx, shop: Shop, shopper: Shopper) -> UUID:
    """The id of the shopper's open cart, made if need be."""
    cart_id = await _current_id(tx, shopper)
    if cart_id is not None:
        return cart_id
    await tx.rows(hot.ONE_AT_A_TIME, {"owner": f"cart:{shop.id}:{shopper.principal}"})
    cart_id = await _current_id(tx, shopper)
    if cart_id is not None:
        return cart_id
    made = new_id()
    await tx.rows(hot.OPEN, {**_owner(shopper), "id": made, "currency": shop.currency})
    return made


async def get(tx: Tx, shopper: Shopper, cart_id: UUID) -> Cart:
    """A cart of the shopper's.

    Raises:
        CartNotFound: there is none, or it is somebody else's.
    """
    now = clock.now()
    rows = await tx.rows(hot.READ, {**_owner(shopper), "cart_id": cart_id, "now": now})
    if not rows:
        raise CartNotFound
    first = rows[0]
    lines = _lines(rows, now)
    goods = sum(line.unit_price * line.quantity for line in lines)
    return Cart(
        tenant_id=tx.tenant_id,
        id=first["id"],
        visitor_id=first["visitor_id"],
        customer_id=first["customer_id"],
        currency=first["currency"],
        status=first["status"],
        version=first["version"],
        lines=lines,
        codes=[Presented(code, code.standing(goods, at=now)) for code in read_codes(first["codes"])],
        note=first["note"],
        gift=GiftOut.model_validate_json(first["gift"]) if first["gift"] else None,
        wrap=GiftWrapOut.model_validate_json(first["wrap"]) if first["wrap"] else None,
        where=await where_of(tx, first),
        rule=first["rule"] or "fewest_parcels",
    )


async def lock(tx: Tx, shopper: Shopper, cart_id: UUID) -> str:
    """Hold an open cart of the shopper's until the transaction ends, and say its currency.

    Raises:
        CartNotFound: there is none, or it is somebody else's.
        CartNotOpen: it is being paid or has become an order.
    """
    row = await tx.one(hot.LOCK, {**_owner(shopper), "cart_id": cart_id})
    if row is None:
        raise CartNotFound
    if row["status"] != "open":
        raise CartNotOpen
    currency: str = row["currency"]
    return currency


async def begin_change(tx: Tx, shopper: Shopper, cart_id: UUID) -> str:
    """`lock`, of a cart that is about to change: it is another version then, and not abandoned.

    Raises:
        CartNotFound, CartNotOpen.
    """
    row = await tx.one(hot.CHANGE, {**_owner(shopper), "cart_id": cart_id, "now": clock.now()})
    if row is not None:
        currency: str = row["currency"]
        return currency
    currency = await lock(tx, shopper, cart_id)
    await touch(tx, cart_id)
    return currency


async def add(
    tx: Tx, shopper: Shopper, cart_id: UUID, *, variant_id: UUID, quantity: int, decision_id: UUID | None
) -> None:
    """Put so many more of a variant into the cart, at today's price.

    Raises:
        CartNotFound, CartNotOpen, VariantNotForSale, CartFull.
    """
    currency, now = await begin_change(tx, shopper, cart_id), clock.now()
    asked = {**_owner(shopper), "cart_id": cart_id, "variant_id": variant_id, "currency": currency, "now": now}
    offer = await tx.one(hot.OFFER, asked)
    price = _priced(offer, offer["there"] + quantity, now) if offer else None
    if offer is None or price is None:
        raise VariantNotForSale(variant_id=variant_id)
    item = Item(
        item_id=offer["product_id"],
        variant_id=variant_id,
        quantity=quantity,
        price=price.amount,
        decision_id=decision_id,
    )
    said = AddToCart(items=[item], currency=currency, value=price.amount * quantity)
    added = await tx.one(
        hot.ADD,
        {
            "line_id": new_id(),
            "cart_id": cart_id,
            "variant_id": variant_id,
            "quantity": quantity,
            "unit_price": price.amount,
            "explanation": price.kept(),
            "decision_id": decision_id,
            "max_lines": MAX_LINES,
            "max_quantity": MAX_QUANTITY,
            **told([_event(tx, shopper, cart_id, said, decision_id)]),
        },
    )
    if added is None:
        raise CartFull


async def change(tx: Tx, shopper: Shopper, cart_id: UUID, line_id: UUID, quantity: int) -> None:
    """Set a line's quantity; 0 takes the line out.

    Raises:
        CartNotFound, CartNotOpen, LineNotFound.
    """
    currency, now = await begin_change(tx, shopper, cart_id), clock.now()
    asked = {**_owner(shopper), "cart_id": cart_id, "line_id": line_id, "currency": currency, "now": now}
    line = await tx.one(hot.LINE, asked)
    if line is None:
        raise LineNotFound
    if quantity == 0:
        await tx.rows(hot.REMOVE, {"line_id": line_id})
    else:
        price = _priced(line, quantity, now)
        values = {"unit_price": price and price.amount, "explanation": price and price.kept()}
        await tx.rows(hot.SET_QUANTITY, {"line_id": line_id, "quantity": quantity, **values})
    difference = quantity - line["quantity"]
    if difference:
        item = Item(
            item_id=line["product_id"],
            variant_id=line["variant_id"],
            quantity=abs(difference),
            price=line["unit_price"],
        )
        contract = AddToCart if difference > 0 else RemoveFromCart
        said = contract(items=[item], currency=currency, value=line["unit_price"] * abs(difference))
        await announce(tx, [_event(tx, shopper, cart_id, said)])


async def accept_prices(tx: Tx, shopper: Shopper, cart_id: UUID) -> None:
    """Take today's prices: the shopper has seen that they changed.

    Raises:
        CartNotFound, CartNotOpen.
    """
    await begin_change(tx, shopper, cart_id)
    prices = [(line.id, line.today) for line in (await get(tx, shopper, cart_id)).lines if line.today]
    await tx.rows(
        hot.ACCEPT_PRICES,
        {
            "line_ids": [line_id for line_id, _ in prices],
            "unit_prices": [price.amount for _, price in prices],
            "explanations": [price.kept() for _, price in prices],
        },
    )


async def set_note(tx: Tx, shopper: Shopper, cart_id: UUID, note: str | None) -> None:
    """Keep a word to the shop with the cart; it stays with the order.

    Raises:
        CartNotFound, CartNotOpen.
    """
    await begin_change(tx, shopper, cart_id)
    await tx.rows(hot.SET_NOTE, {"cart_id": cart_id, "note": note})


async def set_address(tx: Tx, shopper: Shopper, cart_id: UUID, address: AddressIn) -> None:
    """Say where to send the cart.

    Raises:
        CartNotFound, CartNotOpen, AddressInvalid.
    """
    addresses.check(address)
    await begin_change(tx, shopper, cart_id)
    await tx.rows(hot.SET_ADDRESS, {"cart_id": cart_id, "address": address.model_dump_json()})


async def set_vat_id(tx: Tx, shopper: Shopper, cart_id: UUID, vat_id: VatId | None) -> None:
    """Say which business buys, or that none does.

    Raises:
        CartNotFound, CartNotOpen.
    """
    await begin_change(tx, shopper, cart_id)
    await tx.rows(hot.SET_VAT_ID, {"cart_id": cart_id, "vat_id": vat_id.json() if vat_id else None})


async def delivery_options(
    tx: Tx, shopper: Shopper, cart_id: UUID, *, consignment: int | None = None
) -> DeliveryOptions:
    """The ways in which a cart, or one of its consignments, can be delivered to its address, or to any before it has
    one.

    Raises:
        CartNotFound.
        ConsignmentNotFound: it has not so many.
    """
    cart = await get(tx, shopper, cart_id)
    number = 0 if consignment is None else consignment - 1
    if consignment is not None and not (cart.where.is_split and number < len(cart.where.to)):
        raise ConsignmentNotFound
    address, goods = cart.where.to[number].address, check(cart).totals.consignments[number].goods_as_priced
    methods = await delivery.offered(tx, address.country if address else None)
    return DeliveryOptions(items=[method.out(goods) for method in methods])


async def delivery_slots(tx: Tx, shopper: Shopper, cart_id: UUID, code: str) -> SlotOffers:
    """The windows in which a way to deliver could bring a cart.

    Raises:
        CartNotFound, MethodNotFound.
    """
    await get(tx, shopper, cart_id)
    return SlotOffers(items=await slots.offered(tx, code, await delivery.calendar(tx)))


async def set_delivery(tx: Tx, shopper: Shopper, cart_id: UUID, code: str, slot: SlotChoice | None = None) -> Cart:
    """Choose how the cart is delivered, and in which window; gives it as it is then.

    Raises:
        CartNotFound, CartNotOpen.
        DeliveryUnavailable: there is no such way to the cart's address.
    """
    await begin_change(tx, shopper, cart_id)
    chosen = slot.model_dump_json() if slot else None
    await tx.rows(hot.SET_DELIVERY, {"cart_id": cart_id, "code": code, "slot": chosen})
    cart = await get(tx, shopper, cart_id)
    if cart.where.method is None:
        raise DeliveryUnavailable(delivery=code)
    return cart


async def adopt(tx: Tx, *, visitor: Shopper, shopper: Shopper) -> None:
    """Bring a visitor's cart along when they sign in: lines join the customer's own cart, none lost, none doubled.

    Both carts are locked first. A line that both have adds up, within what can be had.
    """
    if shopper.customer_id is None:
        return
    owners = {"customer_id": shopper.customer_id, "visitor_id": visitor.visitor_id}
    carts = await tx.rows(hot.LOCK_PAIR, owners)
    brought = [row["id"] for row in carts if row["customer_id"] is None]
    own = [row["id"] for row in carts if row["customer_id"] is not None]
    if not brought:
        return
    if not own:
        await tx.rows(hot.HAND_OVER, {**_owner(shopper), "cart_id": brought[-1]})
        return
    merging = {"into": own[-1], "brought": brought[-1]}
    await tx.rows(hot.MERGE_SHARED, {**merging, "max_quantity": MAX_QUANTITY})
    await tx.rows(hot.MERGE_OTHERS, {**merging, "max_lines": MAX_LINES})
    await tx.rows(hot.KEEP_REST, {**merging, "customer_id": shopper.customer_id, "now": clock.now()})
    await tx.rows(hot.MERGE_KEPT, {**merging, "max_codes": MAX_CODES, "max_note": MAX_NOTE})
    await tx.rows(hot.DISCARD, {"cart_id": brought[-1]})
    await touch(tx, own[-1])
    counted = await tx.one(hot.UNITS, {"cart_id": own[-1]})
    said = CartMerged(cart_id=own[-1], merged_id=brought[-1], units=counted["units"] if counted else 0)
    await announce(tx, [record(said, tenant_id=tx.tenant_id, aggregate_id=own[-1], context=shopper.context())])


async def begin_completing(tx: Tx, cart_id: UUID, said: Event) -> bool:
    """Close an open cart while it is paid, and say so; `False` when it was not open: the transaction must not go on."""
    values = {"cart_id": cart_id, "status": "completing", "was": "open", "now": clock.now()}
    return await tx.one(hot.BECOME_AND_SAY, {**values, **told([said])}) is not None


async def complete(tx: Tx, cart_id: UUID) -> bool:
    """The cart has become an order; `False` when it was not being paid."""
    return await _become(tx, cart_id, "completed", was="completing")


async def reopen(tx: Tx, cart_id: UUID) -> bool:
    """Let the shopper go on with a cart whose payment came to nothing; `False` when it was not being paid."""
    return await _become(tx, cart_id, "open", was="completing")


async def product_ids(tx: Tx, shopper: Shopper) -> list[UUID]:
    """The products in the shopper's open cart."""
    cart = await current(tx, shopper)
    return [line.variant.product_id for line in cart.lines] if cart else []


def check(cart: Cart) -> Checked:
    """Price the cart and list what stands between it and an order."""
    lines = [
        PricedLine(line.unit_price, line.quantity, line.tax_class, sent)
        for line, sent in zip(cart.lines, cart.where.sent(cart.lines), strict=True)
    ]
    terms = [partial(cart.where.terms, to) for to in cart.where.to]
    totals = compute(lines, discounts=cart.discounts, fees=cart.fees, to=terms)
    requirements = _requirements(cart) if cart.status == "open" else []
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


def _lines(rows: Iterable[Mapping[str, Any]], now: datetime) -> list[Line]:
    found = [(row, needs_of(row)) for row in rows if row["line_id"] is not None]
    shares = share_out(((row["quantity"], needs) for row, needs in found), now.date())
    return [_line(row, now, needs, share) for (row, needs), share in zip(found, shares, strict=True)]


def _line(row: Mapping[str, Any], now: datetime, needs: Sequence[Need], share: Share) -> Line:
    said = row["explanation"]
    variant = VariantRef(
        id=row["variant_id"],
        product_id=row["product_id"],
        sku=row["sku"],
        title=sold_as(row["product_title"], row["variant_title"]),
        handle=row["handle"],
        image=row["image"],
        for_sale=row["for_sale"],
        vendor_id=row["vendor_id"],
    )
    return Line(
        id=row["line_id"],
        variant=variant,
        quantity=row["quantity"],
        unit_price=row["unit_price"],
        decision_id=row["decision_id"],
        accepted=ItemPrice.model_validate_json(said) if said else at_list(row["unit_price"]),
        today=_priced(row, row["quantity"], now),
        available=share.available,
        promised_on=share.promised_on,
        needs=needs,
        tax_class=row["tax_class"],
        gift=GiftOut.model_validate_json(row["line_gift"]) if row["line_gift"] else None,
    )


def _priced(row: Mapping[str, Any], quantity: int, now: datetime) -> ItemPrice | None:
    if row["list_price"] is None:
        return None
    return price_of(row["list_price"], read_offers(row["offers"]), quantity=quantity, at=now)


def _owner(shopper: Shopper) -> dict[str, UUID | None]:
    return {"customer_id": shopper.customer_id, "visitor_id": shopper.visitor_id}


async def _current_id(tx: Tx, shopper: Shopper) -> UUID | None:
    row = await tx.one(hot.CURRENT, _owner(shopper))
    return row["id"] if row else None


async def _become(tx: Tx, cart_id: UUID, status: str, *, was: str) -> bool:
    values = {"cart_id": cart_id, "status": status, "was": was, "now": clock.now()}
    return await tx.one(hot.BECOME, values) is not None


async def touch(tx: Tx, cart_id: UUID) -> None:
    """The cart was changed."""
    await tx.rows(hot.TOUCH, {"cart_id": cart_id, "now": clock.now()})


def _event(
    tx: Tx, shopper: Shopper, cart_id: UUID, said: AddToCart | RemoveFromCart, decision_id: UUID | None = None
) -> Event:
    return record(
        said, tenant_id=tx.tenant_id, aggregate_id=cart_id, context=shopper.context(), decision_id=decision_id
    )


def _out(checked: Checked) -> CartOut:
    cart, totals, buyer = checked.cart, checked.totals, checked.cart.where.buyer
    lines = [
        CartLineOut(
            id=line.id,
            variant_id=line.variant.id,
            product_id=line.variant.product_id,
            handle=line.variant.handle,
            sku=line.variant.sku,
            title=line.variant.title,
            image=line.variant.image,
            quantity=line.quantity,
            unit_price=line.unit_price,
            total=total,
            explanation=_explained(line, totals.discounts, [taken.shares[place] for taken in totals.discounts], taxes),
            gift=line.gift,
            decision_id=line.decision_id,
            available=min(line.available, MAX_QUANTITY),
            promised_on=line.promised_on,
        )
        for place, (line, total, taxes) in enumerate(
            zip(cart.lines, totals.line_totals, totals.line_tax_parts, strict=True)
        )
    ]
    off = _by_name(totals.discounts)
    changes = changes_of(cart) if cart.status == "open" else []
    return CartOut(
        id=cart.id,
        status=cart.status,
        version=cart.version,
        currency=cart.currency,
        lines=lines,
        codes=[
            CartCodeOut(code=code.name, standing=code.standing, off=off.get(code.name, 0), minimum=code.code.minimum)
            for code in cart.codes
        ],
        note=cart.note,
        gift=cart.gift,
        wrap_price=cart.wrap.price if cart.wrap else None,
        totals=TotalsOut(
            subtotal=totals.subtotal,
            discount=totals.discount,
            discounts=discounts_out(totals),
            fees=fees_out(totals),
            shipping=totals.shipping,
            tax=totals.tax,
            tax_included=totals.tax_included,
            taxes=taxes_out(totals.taxes),
            total=totals.total,
        ),
        delivers=cart.where.delivers,
        address=cart.where.address,
        delivery=cart.where.to[0].chosen(totals.consignments[0]),
        consignments=_consignments(checked) if cart.where.is_split else [],
        tax_engine=checked.tax_engine,
        vat_id=VatIdOut(number=buyer.number, status=buyer.status, checked_at=buyer.checked_at) if buyer else None,
        total=MoneyOut(amount=totals.total, currency=cart.currency),
        item_count=sum(line.quantity for line in cart.lines),
        requirements=list(checked.requirements),
        changes=changes,
        changes_seen=seen_as(changes),
    )


def _consignments(checked: Checked) -> list[ConsignmentOut]:
    lines, totals = checked.cart.lines, checked.totals
    return [
        ConsignmentOut(
            address=to.address,
            delivery=to.chosen(consigned),
            lines=[
                ConsignedUnits(line_id=lines[part.line].id, quantity=part.quantity)
                for part in totals.parts
                if part.consignment == number
            ],
            goods=consigned.goods,
            shipping=consigned.shipping,
            tax=consigned.tax,
            taxes=taxes_out(consigned.taxes),
        )
        for number, (to, consigned) in enumerate(zip(checked.cart.where.to, totals.consignments, strict=True))
    ]


def _by_name(discounts: Sequence[Taken]) -> dict[str, int]:
    return {taken.name: taken.amount for taken in discounts}


def explained(checked: Checked, part: Part) -> LineExplanation:
    """Where the amounts of a line's part come from."""
    return _explained(checked.cart.lines[part.line], checked.totals.discounts, part.off, part.taxes)


def _explained(
    line: Line, discounts: Sequence[Taken], off: Sequence[int], taxes: Sequence[TaxAmount]
) -> LineExplanation:
    shares = [ShareOut(name=taken.name, amount=share) for taken, share in zip(discounts, off, strict=True) if share]
    return LineExplanation(price=line.why, discounts=shares, taxes=taxes_out(taxes))


def discounts_out(totals: Totals) -> list[ShareOut]:
    """What each discount takes off, as it is told."""
    return [ShareOut(name=taken.name, amount=taken.amount) for taken in totals.discounts]


def fees_out(totals: Totals) -> list[FeeOut]:
    """Fees as they are told."""
    return [FeeOut(name=fee.name, amount=fee.amount, tax=fee.tax) for fee in totals.fees]


def taxes_out(taxes: Sequence[TaxAmount]) -> list[TaxOut]:
    """Taxes as they are told."""
    return [
        TaxOut(name=tax.name, rate=tax.rate, base=tax.base, amount=tax.amount, scheme=tax.scheme, note=tax.note)
        for tax in taxes
    ]
