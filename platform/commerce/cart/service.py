"""Carts: lines in and out, and the checks that completion runs, shown at every step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from commerce.cart.models import Cart, CartLine
from commerce.cart.schemas import CartLineOut, CartOut, Requirement, TotalsOut
from commerce.cart.totals import PricedLine, Totals, compute
from commerce.catalog import variants
from commerce.catalog.variants import VariantRef
from commerce.identity.service import Shopper
from commerce.inventory import service as inventory
from commerce.pricing import service as pricing
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.errors import Conflict, NotFound, Unprocessable
from foundation.events import AddToCart, Item, RemoveFromCart, record
from foundation.ids import new_id
from foundation.outbox import publish
from foundation.types import MoneyOut

MAX_LINES = 100
MAX_QUANTITY = 9_999


class CartNotFound(NotFound):
    """You have no such cart."""

    code = "cart.not_found"


class LineNotFound(NotFound):
    """The cart has no such line."""

    code = "cart.line_not_found"


class CartNotOpen(Conflict):
    """The cart is being paid or has become an order."""

    code = "cart.not_open"


class CartFull(Unprocessable):
    """A cart holds at most 100 lines and 9,999 of each variant."""

    code = "cart.full"


class VariantNotForSale(Unprocessable):
    """This variant can't be bought here."""

    code = "catalog.variant_not_for_sale"

    variant_id: UUID


@dataclass(frozen=True, slots=True)
class Checked:
    """A cart with all that was read to check it."""

    cart: Cart
    variants: Mapping[UUID, VariantRef]
    totals: Totals
    requirements: Sequence[Requirement]

    def out(self) -> CartOut:
        """The cart as its owner sees it."""
        return _out(self)


async def current(session: AsyncSession, shop: Shop, shopper: Shopper, *, create: bool = False) -> Cart | None:
    """The shopper's open cart; with `create`, a new one when there is none."""
    cart = await session.scalar(
        select(Cart)
        .where(_own(shopper), Cart.status == "open")
        .order_by(Cart.created_at.desc())
        .limit(1)
        .options(selectinload(Cart.lines))
    )
    if cart is None and create:
        cart = Cart(
            tenant_id=shop.id,
            id=new_id(),
            visitor_id=shopper.visitor_id,
            customer_id=shopper.customer_id,
            currency=shop.currency,
            status="open",
            version=1,
            lines=[],
        )
        session.add(cart)
        await session.flush()
    return cart


async def get(session: AsyncSession, shopper: Shopper, cart_id: UUID, *, lock: bool = False) -> Cart:
    """A cart of the shopper's.

    Raises:
        CartNotFound: there is none, or it is somebody else's.
    """
    query = select(Cart).where(Cart.id == cart_id, _own(shopper)).options(selectinload(Cart.lines))
    cart = await session.scalar(query.with_for_update(of=Cart) if lock else query)
    if cart is None:
        raise CartNotFound
    return cart


async def add(
    session: AsyncSession,
    shop: Shop,
    shopper: Shopper,
    cart: Cart,
    *,
    variant_id: UUID,
    quantity: int,
    decision_id: UUID | None,
) -> Cart:
    """Put so many more of a variant into the cart, at today's price.

    Raises:
        VariantNotForSale, CartFull, CartNotOpen.
    """
    _require_open(cart)
    variant = (await variants.by_id(session, [variant_id])).get(variant_id)
    price = (await pricing.current_prices(session, [variant_id], shop.currency)).get(variant_id)
    if variant is None or price is None or not variant.for_sale:
        raise VariantNotForSale(variant_id=variant_id)
    line = next((line for line in cart.lines if line.variant_id == variant_id), None)
    if line is None:
        if len(cart.lines) >= MAX_LINES:
            raise CartFull
        line = CartLine(
            tenant_id=shop.id,
            id=new_id(),
            cart_id=cart.id,
            variant_id=variant_id,
            quantity=quantity,
            unit_price=price,
            decision_id=decision_id,
        )
        cart.lines.append(line)
    else:
        if line.quantity + quantity > MAX_QUANTITY:
            raise CartFull
        line.quantity += quantity
    _touch(cart)
    item = Item(
        item_id=variant.product_id, variant_id=variant_id, quantity=quantity, price=price, decision_id=decision_id
    )
    added = AddToCart(items=[item], currency=shop.currency, value=price * quantity)
    await _announce(session, shopper, cart, added, decision_id)
    return cart


async def change(session: AsyncSession, shopper: Shopper, cart: Cart, line_id: UUID, quantity: int) -> Cart:
    """Set a line's quantity; 0 takes the line out.

    Raises:
        LineNotFound, CartNotOpen.
    """
    _require_open(cart)
    line = next((line for line in cart.lines if line.id == line_id), None)
    if line is None:
        raise LineNotFound
    difference = quantity - line.quantity
    if quantity == 0:
        cart.lines.remove(line)
    else:
        line.quantity = quantity
    _touch(cart)
    if difference:
        variant = (await variants.by_id(session, [line.variant_id]))[line.variant_id]
        item = Item(
            item_id=variant.product_id, variant_id=line.variant_id, quantity=abs(difference), price=line.unit_price
        )
        contract = AddToCart if difference > 0 else RemoveFromCart
        said = contract(items=[item], currency=cart.currency, value=line.unit_price * abs(difference))
        await _announce(session, shopper, cart, said, None)
    return cart


async def accept_prices(session: AsyncSession, cart: Cart) -> Cart:
    """Take today's prices: the shopper has seen that they changed.

    Raises:
        CartNotOpen.
    """
    _require_open(cart)
    prices = await pricing.current_prices(session, [line.variant_id for line in cart.lines], cart.currency)
    for line in cart.lines:
        line.unit_price = prices.get(line.variant_id, line.unit_price)
    _touch(cart)
    return cart


async def adopt(session: AsyncSession, shop: Shop, *, visitor: Shopper, shopper: Shopper) -> None:
    """Bring a visitor's cart along when they sign in: lines join the customer's own cart, none lost, none doubled."""
    brought = await current(session, shop, visitor)
    if brought is None:
        return
    own = await session.scalar(
        select(Cart)
        .where(Cart.customer_id == shopper.customer_id, Cart.status == "open", Cart.id != brought.id)
        .order_by(Cart.created_at.desc())
        .limit(1)
        .options(selectinload(Cart.lines))
    )
    if own is None:
        brought.customer_id, brought.visitor_id = shopper.customer_id, shopper.visitor_id
        return
    held = {line.variant_id: line for line in own.lines}
    for line in list(brought.lines):
        if line.variant_id in held:
            same = held[line.variant_id]
            same.quantity = min(same.quantity + line.quantity, MAX_QUANTITY)
        elif len(own.lines) < MAX_LINES:
            own.lines.append(
                CartLine(
                    tenant_id=shop.id,
                    id=new_id(),
                    cart_id=own.id,
                    variant_id=line.variant_id,
                    quantity=line.quantity,
                    unit_price=line.unit_price,
                    decision_id=line.decision_id,
                )
            )
    _touch(own)
    await session.delete(brought)


async def reopen(session: AsyncSession, tenant_id: UUID, cart_id: UUID) -> None:
    """Let the shopper go on with a cart whose payment came to nothing."""
    cart = await session.get_one(Cart, (tenant_id, cart_id), with_for_update=True)
    if cart.status == "completing":
        cart.status = "open"
        _touch(cart)


async def check(session: AsyncSession, cart: Cart) -> Checked:
    """Price the cart and list what stands between it and an order."""
    ids = [line.variant_id for line in cart.lines]
    known = await variants.by_id(session, ids)
    prices = await pricing.current_prices(session, ids, cart.currency)
    stock = await inventory.availability(session, ids)
    totals = compute([PricedLine(line.unit_price, line.quantity) for line in cart.lines])
    requirements = list(_requirements(cart, known, prices, stock)) if cart.status == "open" else []
    return Checked(cart, known, totals, requirements)


def _requirements(
    cart: Cart, known: Mapping[UUID, VariantRef], prices: Mapping[UUID, int], stock: Mapping[UUID, int]
) -> list[Requirement]:
    if not cart.lines:
        return [Requirement(code="cart.empty", detail="The cart is empty.")]
    found: list[Requirement] = []
    for line in cart.lines:
        variant, price = known[line.variant_id], prices.get(line.variant_id)
        available = stock.get(line.variant_id, 0)
        if not variant.for_sale or price is None:
            found.append(
                Requirement(code="catalog.not_for_sale", detail=f"{variant.title} is no longer sold.", line_id=line.id)
            )
            continue
        if price != line.unit_price:
            found.append(
                Requirement(
                    code="cart.price_changed",
                    detail=f"The price of {variant.title} changed; accept it to go on.",
                    line_id=line.id,
                    unit_price=price,
                )
            )
        if available < line.quantity:
            found.append(
                Requirement(
                    code="inventory.out_of_stock",
                    detail=f"Only {available} of {variant.title} can be had.",
                    line_id=line.id,
                    available=available,
                )
            )
    return found


def _own(shopper: Shopper) -> ColumnElement[bool]:
    if shopper.customer_id is not None:
        return Cart.customer_id == shopper.customer_id
    return (Cart.visitor_id == shopper.visitor_id) & Cart.customer_id.is_(None)


def _require_open(cart: Cart) -> None:
    if cart.status != "open":
        raise CartNotOpen


def _touch(cart: Cart) -> None:
    cart.version += 1
    cart.updated_at = clock.now()


async def _announce(
    session: AsyncSession, shopper: Shopper, cart: Cart, said: AddToCart | RemoveFromCart, decision_id: UUID | None
) -> None:
    event = record(
        said, tenant_id=cart.tenant_id, aggregate_id=cart.id, context=shopper.context(), decision_id=decision_id
    )
    await publish(session, [event])


def _out(checked: Checked) -> CartOut:
    cart, totals = checked.cart, checked.totals
    lines = [
        CartLineOut(
            id=line.id,
            variant_id=line.variant_id,
            product_id=variant.product_id,
            handle=variant.handle,
            sku=variant.sku,
            title=variant.title,
            image=variant.image,
            quantity=line.quantity,
            unit_price=line.unit_price,
            total=total,
            decision_id=line.decision_id,
        )
        for line, total in zip(cart.lines, totals.line_totals, strict=True)
        for variant in [checked.variants[line.variant_id]]
    ]
    return CartOut(
        id=cart.id,
        status=cart.status,
        version=cart.version,
        currency=cart.currency,
        lines=lines,
        totals=TotalsOut(
            subtotal=totals.subtotal,
            discount=totals.discount,
            shipping=totals.shipping,
            tax=totals.tax,
            total=totals.total,
        ),
        total=MoneyOut(amount=totals.total, currency=cart.currency),
        item_count=sum(line.quantity for line in cart.lines),
        requirements=list(checked.requirements),
    )


async def product_ids(session: AsyncSession, shop: Shop, shopper: Shopper) -> list[UUID]:
    """The products in the shopper's open cart."""
    cart = await current(session, shop, shopper)
    if cart is None:
        return []
    known = await variants.by_id(session, [line.variant_id for line in cart.lines])
    return [known[line.variant_id].product_id for line in cart.lines]
