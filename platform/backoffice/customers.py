"""Customers for those who help them: found by all of an address or number, and acted as, with a reason."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from backoffice.desk import Desk, desk, prove_at
from commerce.acting import customers, service
from commerce.acting.schemas import CATEGORIES, LONGEST, SHORTEST, ActingIn, CustomerSearch, Ticket
from commerce.http import front_of
from foundation.types import Id, Input, Text
from pages.forms import blank, read, validated

PAGE = "/back-office/customers"
ACT_AS = "customers:act_as"
router = APIRouter(prefix=PAGE)
Reader = Annotated[Desk, Depends(desk("customers:read"))]
Actor = Annotated[Desk, Depends(desk(ACT_AS))]
ProvedActor = Annotated[Desk, Depends(desk(ACT_AS, proved_anew=True))]
CustomerId = Annotated[Id, Path()]


class SearchForm(Input):
    """An address or a number, whichever it is."""

    q: Text

    def asked(self) -> CustomerSearch:
        """What is looked for: only an address has an at sign.

        Raises:
            InvalidFields: nobody can have that address.
        """
        return validated(CustomerSearch, {"email" if "@" in self.q else "order_number": self.q})


class ActingForm(ActingIn):
    """`ActingIn`, where nothing written is no ticket."""

    ticket: Annotated[Ticket | None, BeforeValidator(blank)] = None


@router.get("")
async def show(desk: Reader) -> Response:
    """Where one looks for a customer."""
    return desk.page("customers.html", found=None, q="")


@router.post("")
async def find(request: Request, desk: Reader) -> Response:
    """Those who have the address, or the order."""
    form = await read(request, SearchForm)
    async with desk.tx(read_only=True) as tx:
        found = await customers.find(tx, form.asked())
    return desk.page("customers.html", found=found, q=form.q)


@router.get("/{customer_id}")
async def show_one(desk: Reader, customer_id: CustomerId) -> Response:
    """A customer in short, and the way to act as them."""
    async with desk.tx(read_only=True) as tx:
        customer = await customers.one(tx, customer_id)
    here = f"{PAGE}/{customer_id}"
    return desk.page(
        "customer.html",
        customer=customer,
        categories=CATEGORIES,
        shortest=SHORTEST,
        longest=LONGEST,
        proved=bool({ACT_AS, "privacy:write"} & desk.staff.scopes) and await desk.has_proved(),
        prove_at=prove_at(here),
        minutes=int(service.LASTS.total_seconds() // 60),
    )


@router.post("/{customer_id}/acting")
async def act(request: Request, desk: ProvedActor, customer_id: CustomerId) -> Response:
    """Begin to act as a customer: a page whose button leads into the shop, by a form with what is good once."""
    form = await read(request, ActingForm)
    front = front_of(request, desk.shop)
    async with desk.tx() as tx:
        customer = await customers.one(tx, customer_id)
        begun = await service.begin(tx, desk.shop, desk.staff, customer_id, form, front=front)
    return desk.page("acting.html", customer=customer, begun=begun, front=front, forms_to=f"'self' {front}")


@router.post("/{customer_id}/acting/end")
async def leave(desk: Actor, customer_id: CustomerId) -> Response:
    """Stop acting, from here: the shop may be open in a window that was lost."""
    async with desk.tx() as tx:
        await service.leave(tx, desk.staff)
    return desk.redirect(f"{PAGE}/{customer_id}", "acting-ended")
