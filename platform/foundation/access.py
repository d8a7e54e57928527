"""What a route needs of whoever asks: declared on the route, or by the dependencies that enforce it.

A dependency that enforces a need carries it (`needs(...)` on its function), so a route that uses the dependency has
declared it. A route that anybody may ask, or that checks by itself, says so with the same decorator. A route that
declares nothing fails the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeVar

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

_ATTRIBUTE = "__needs__"
Function = TypeVar("Function", bound=Callable[..., Any])


class Who(StrEnum):
    """Kinds of callers."""

    ANYONE = "anyone"
    """With or without a session."""
    SHOPPER = "shopper"
    """A session: a visitor's or a customer's."""
    CUSTOMER = "customer"
    """A customer who has signed in."""
    STAFF = "staff"
    """Somebody of the shop, with a permission."""
    VENDOR = "vendor"
    """Somebody of a vendor, with a permission, for the vendor's own part."""
    SIGNED = "signed"
    """Whoever can sign or prove the request by itself: a provider's notification, a one-time token."""
    OPERATOR = "operator"
    """Whoever runs the platform."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a route needs of whoever asks."""

    who: Who
    permission: str | None = None
    """`orders:refund`: for staff and vendors."""
    stepped_up: bool = False
    """They must have proved again, just now, who they are."""

    @property
    def proved_anew(self) -> Need:
        """The same of somebody who has proved just now who they are: it implies this."""
        return replace(self, stepped_up=True)

    def __str__(self) -> str:
        said = f"{self.who}:{self.permission}" if self.permission else str(self.who)
        return f"{said}, stepped up" if self.stepped_up else said


ANYONE = Need(Who.ANYONE)
SHOPPER = Need(Who.SHOPPER)
CUSTOMER = Need(Who.CUSTOMER)
SIGNED = Need(Who.SIGNED)
OPERATOR = Need(Who.OPERATOR)


def needs(need: Need) -> Callable[[Function], Function]:
    """Declare what a route, or a dependency that enforces it, needs."""

    def declare(function: Function) -> Function:
        setattr(function, _ATTRIBUTE, (*getattr(function, _ATTRIBUTE, ()), need))
        return function

    return declare


def needs_of(route: APIRoute) -> frozenset[Need]:
    """All that a route declares, by itself and by what it depends on; empty when it declares nothing."""
    return frozenset(_declared(route.dependant))


_LESS = {Who.SHOPPER: {Who.ANYONE}, Who.CUSTOMER: {Who.ANYONE, Who.SHOPPER}}
"""What goes without saying for those who are more."""


def need_of(route: APIRoute) -> Need:
    """The most that a route declares: what whoever asks must have.

    Raises:
        ValueError: it declares nothing, or things of which none is the most.
    """
    declared = needs_of(route)
    implied = set().union(*(_LESS.get(need.who, {Who.ANYONE}) for need in declared if need.who is not Who.ANYONE))
    left = {need for need in declared if need.who not in implied and need.proved_anew not in declared - {need}}
    if len(left) != 1:
        raise ValueError(f"{route.path} declares {', '.join(map(str, left)) or 'nothing'}")
    return left.pop()


def _declared(dependant: Dependant) -> Iterator[Need]:
    yield from getattr(dependant.call, _ATTRIBUTE, ())
    for inner in dependant.dependencies:
        yield from _declared(inner)
