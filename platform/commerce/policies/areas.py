"""What of a customer's each route is about, and what of it staff may do who are in the shop as a customer.

This is the one list of it. A router says its area once (`route_class=areas.within(areas.CART)`), a route that differs
says its own (`@areas.about(areas.CONSENT)`), and one that says nothing is closed to whoever acts as a customer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, TypeVar

from fastapi.routing import APIRoute

from foundation.errors import Forbidden

_ATTRIBUTE = "__area__"
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Area:
    """A part of what a customer does here."""

    name: str
    meaning: str
    open: bool
    """Whether somebody may who acts as the customer."""


class NotWhileActing(Forbidden):
    """This is the customer's own business: nobody does it who acts as them."""

    code = "acting.not_allowed"

    area: str


BROWSING = Area("browsing", "The catalogue, search and recommendations.", open=True)
CART = Area("cart", "The cart: what is in it, codes, delivery, notes, sharing it.", open=True)
CHECKOUT = Area("checkout", "Paying for a cart or an order, by what is typed in for it.", open=True)
ORDERS = Area("orders", "Orders, their documents, changes, returns and claims.", open=True)
ADDRESSES = Area("addresses", "The address book.", open=True)
WISHES = Area("wishes", "Wishlists.", open=True)
PRESENCE = Area("presence", "Who one is here, and leaving.", open=True)

AUTHENTICATION = Area("authentication", "Signing in, and proving anew who one is.", open=False)
CREDENTIALS = Area("credentials", "Passwords, second factors, passkeys, e-mail address, number, devices.", open=False)
PROGRAMS = Area("programs", "Letting programs in, and their keys.", open=False)
CONSENT = Area("consent", "What one agrees to, and what one is told.", open=False)
PAYMENT_METHODS = Area("payment_methods", "Cards and accounts that are kept, and paying by them.", open=False)
STORED_VALUE = Area("stored_value", "Gift cards and store credit: their codes, and paying by them.", open=False)
PERSONAL_DATA = Area("personal_data", "Taking along what is kept about one, and being forgotten.", open=False)
REVIEWS = Area("reviews", "What one says of products, and of what others say of them.", open=False)
OPENING = Area("opening", "Opening a shop of one's own.", open=False)

AREAS = (
    BROWSING,
    CART,
    CHECKOUT,
    ORDERS,
    ADDRESSES,
    WISHES,
    PRESENCE,
    AUTHENTICATION,
    CREDENTIALS,
    PROGRAMS,
    CONSENT,
    PAYMENT_METHODS,
    STORED_VALUE,
    PERSONAL_DATA,
    OPENING,
    REVIEWS,
)
"""All there are, those that are open first."""


class _Within(APIRoute):
    area: ClassVar[Area]


@cache
def within(area: Area) -> type[APIRoute]:
    """The class of a router's routes that are about `area`."""
    return type(f"{area.name.title().replace('_', '')}Route", (_Within,), {"area": area})


def about(area: Area) -> Callable[[Function], Function]:
    """A route about another area than its router's."""

    def declare(function: Function) -> Function:
        setattr(function, _ATTRIBUTE, area)
        return function

    return declare


def area_of(route: APIRoute) -> Area | None:
    """What a route is about; `None` when nobody has said."""
    area: Area | None = getattr(route.endpoint, _ATTRIBUTE, getattr(route, "area", None))
    return area


def require_open(area: Area | None) -> None:
    """Stop whoever acts as a customer from what is closed to them.

    Raises:
        NotWhileActing.
    """
    if area is None or not area.open:
        raise NotWhileActing(area=area.name if area else "undeclared")
