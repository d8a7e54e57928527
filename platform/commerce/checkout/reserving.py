"""The first of the three transactions of an order: what is in the cart is held, and an attempt to pay for it begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from pydantic import TypeAdapter

from commerce.cart import service as carts
from commerce.cart.service import Checked
from commerce.checkout.needing import stock_lines
from commerce.checkout.refusals import RequirementsUnmet, TaxesUnquoted, TotalChanged
from commerce.checkout.schemas import Complete, PartIn
from commerce.checkout.splitting import shares
from commerce.identity.service import Shopper
from commerce.inventory import service as inventory
from commerce.legal import service as legal
from commerce.payments import attempts
from commerce.payments.attempts import Asked, Attempt
from commerce.payments.methods import service as methods
from foundation import clock
from foundation.database import Tx
from foundation.events import BeginCheckout, Item, record

_CHECKED = TypeAdapter(Checked)


@dataclass(frozen=True, slots=True)
class Begun:
    """An attempt whose stock is reserved, and the cart it pays for."""

    attempt: Attempt
    checked: Checked


async def reserve(tx: Tx, shopper: Shopper, cart_id: UUID, body: Complete, *, hold_for: timedelta) -> Begun:
    """Hold what is in a cart and begin to pay for it; no provider knows of it yet.

    Raises:
        CartNotFound, CartNotOpen: nothing is written.
        RequirementsUnmet, TaxesUnquoted, TotalChanged, MethodNotFound, PaymentsDontAddUp, AcceptedChanged, OutOfStock:
            the transaction must not go on.
    """
    await carts.begin_completing(tx, shopper, cart_id)
    checked = carts.check(await carts.get(tx, shopper, cart_id), paying=True)
    _require_ready(checked, body)
    currency, total = checked.cart.currency, checked.totals.total
    said = BeginCheckout(items=_items(checked), currency=currency, value=total)
    attempt = await attempts.begin(
        tx,
        shopper,
        cart_id,
        await asked(tx, shopper, body.parts, total),
        currency=currency,
        email=body.email,
        checked=written(checked),
        return_url=body.return_url,
        events=[record(said, tenant_id=tx.tenant_id, aggregate_id=cart_id, context=shopper.context())],
    )
    await legal.accept(tx, cart_id, body.accepted)
    # Last, because whoever wants the same goods waits from here until the commit.
    until, allocation = clock.now() + hold_for, checked.cart.allocation
    await inventory.reserve(tx, attempt.id, stock_lines(checked), until=until, allocation=allocation)
    return Begun(attempt, checked)


async def asked(tx: Tx, shopper: Shopper, parts: Sequence[PartIn], amount: int) -> list[Asked]:
    """The payments that an amount in minor units is paid with, each with what stands for its instrument.

    Raises:
        MethodNotFound, NotWhileActing, PaymentsDontAddUp.
    """
    amounts = shares(amount, [part.amount for part in parts])
    return [
        Asked(part.provider, await _token(tx, shopper, part), share) for part, share in zip(parts, amounts, strict=True)
    ]


def written(checked: Checked) -> str:
    """A checked cart as its attempt keeps it."""
    return _CHECKED.dump_json(checked).decode()


def read(kept: str) -> Checked:
    """A checked cart that an attempt has kept.

    Raises:
        ValidationError: another version of this code kept it.
    """
    return _CHECKED.validate_json(kept)


async def _token(tx: Tx, shopper: Shopper, part: PartIn) -> str:
    return await methods.token_of(tx, shopper, provider=part.provider, token=part.token, method_id=part.method_id)


def _require_ready(checked: Checked, body: Complete) -> None:
    if checked.requirements:
        raise RequirementsUnmet(
            requirements=[
                requirement.model_dump(mode="json", exclude_none=True) for requirement in checked.requirements
            ]
        )
    if checked.questions:
        raise TaxesUnquoted
    if body.expected_total is not None and body.expected_total != checked.totals.total:
        raise TotalChanged(expected=body.expected_total, total=checked.totals.total)


def _items(checked: Checked) -> list[Item]:
    return [
        Item(
            item_id=line.variant.product_id,
            variant_id=line.variant_id,
            quantity=line.quantity,
            price=line.unit_price,
            decision_id=line.decision_id,
        )
        for line in checked.cart.lines
    ]
