"""Ways to pay, as a page offers them, and where a shopper goes who has something to do first.

A card's number never passes the shop: what is offered is a test card, an instrument kept with its provider, a page of a
provider's own, or paying when the goods have come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from pydantic import ValidationError
from starlette.responses import Response

from commerce.payments import terms
from commerce.payments.methods import service as methods
from commerce.payments.providers import configured
from commerce.payments.schemas import PaymentIn, Waiting
from foundation.http import InvalidFields
from storefront.visit import Visit

RAZORPAY_PAGE = "/checkout/razorpay"


class Choice(NamedTuple):
    """A way to pay: what a form says for it, and what a shopper reads."""

    value: str
    name: str
    detail: str


TEST_CARDS = tuple(
    Choice(number.replace(" ", ""), name, number)
    for number, name in (
        ("4242 4242 4242 4242", "Test card that works"),
        ("4000 0000 0000 3220", "Test card whose bank asks you first"),
        ("4000 0000 0000 0002", "Test card the bank declines"),
        ("4000 0000 0000 9995", "Test card without enough money"),
        ("4000 0084 0000 1629", "Test card whose bank asks you and then declines"),
    )
)
_PAGES = {
    "paypal": Choice("with:paypal", "PayPal", "You confirm on PayPal's page"),
    "razorpay": Choice("with:razorpay", "Razorpay", "UPI, card or net banking, on Razorpay's page"),
}
_LATER = {
    "cod": Choice("with:cod", "Cash on delivery", "You pay whoever brings it"),
    "invoice": Choice("with:invoice", "Invoice", "You pay within {} days"),
}
_TOKENS = {"paypal": "wallet", "razorpay": "checkout", "cod": "cash", "invoice": "account"}
"""What each of these providers takes for a token: none of them needs one."""


async def choices(visit: Visit) -> list[Choice]:
    """How this shopper can pay in this shop: what they have kept first, then what the shop takes, in its order."""
    core, customer_id = visit.core, visit.shopper.customer_id
    offered = [one.name for one in await configured(core.database, core.settings).offered_by(visit.shop.id)]
    found: list[Choice] = []
    async with core.database.tx(visit.shop.id, read_only=True) as tx:
        if customer_id is not None:
            found += [
                Choice(f"kept:{method.provider}:{method.id}", method.label, "Kept in your account")
                for method in await methods.kept(tx, customer_id)
                if method.provider in offered
            ]
        for name in offered:
            if name == "test":
                found += TEST_CARDS
            elif name in _PAGES:
                found.append(_PAGES[name])
            elif name in _LATER:
                days = await terms.days(tx, name, customer_id)
                if days is not None:
                    later = _LATER[name]
                    found.append(later._replace(detail=later.detail.format(days)))
    return found


def payment(chosen: str) -> PaymentIn:
    """The payment that a form's choice stands for.

    Raises:
        InvalidFields: it is none that a page offers.
    """
    how, _, what = chosen.partition(":")
    try:
        if how == "kept":
            provider, _, method_id = what.partition(":")
            return PaymentIn(provider=provider, method_id=UUID(method_id))
        if how == "with":
            return PaymentIn(provider=what, token=_TOKENS[what])
        return PaymentIn(token=chosen)
    except (ValidationError, ValueError, KeyError) as fault:
        raise InvalidFields(errors=[{"param": "token", "message": "choose how to pay"}]) from fault


_LEAVING_TO_PAY = "You confirm the payment there and come back by yourself. Nothing is charged before."


def page_of(waits: Waiting, cart_id: UUID, *, back: str) -> str:
    """The page on which the shopper has something to do; Razorpay's is opened by one of ours."""
    first = waits.payments[0]
    if first.provider == "razorpay":
        return f"{RAZORPAY_PAGE}?{urlencode({'cart_id': str(cart_id), 'back': back})}"
    return first.action_url


def onward(visit: Visit, waits: Waiting, cart_id: UUID, *, back: str) -> Response:
    """Send the shopper to where they have something to do; `back` is the page of ours that they return to."""
    chosen = _PAGES.get(waits.payments[0].provider)
    return to(visit, page_of(waits, cart_id, back=back), chosen.name if chosen else "your bank")


def to(visit: Visit, url: str, name: str = "your bank") -> Response:
    """A page of ours, or a link to one of somebody else's.

    A browser follows no redirect of a form to another site, as the page's policy has it.
    """
    if url.startswith("/"):
        return visit.redirect(url)
    return visit.page("leave.html", url=url, name=name, text=_LEAVING_TO_PAY)


def is_tested(offered: Sequence[Choice]) -> bool:
    """Some of it moves no money."""
    return any(one in TEST_CARDS for one in offered)
