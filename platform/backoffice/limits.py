"""The part of a form that bounds a person, or whoever has a role: two amounts, and the warehouses that are ticked."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from backoffice import amounts
from commerce.policies.limits import RefundLimit, Said
from commerce.staffing.schemas import LimitsOut
from foundation.errors import Unprocessable
from foundation.types import Id, Input

Amount = Annotated[str, StringConstraints(pattern=r"^([0-9]{1,12}([.,][0-9]{1,4})?)?$", strip_whitespace=True)]
"""What is typed of an amount of money; empty where nothing is."""


class LimitUnclear(Unprocessable):
    """A limit is two amounts in the shop's currency, for an order and for a day, or none."""

    code = "backoffice.limit_unclear"


class WarehousesForm(Input):
    """The warehouses that are ticked."""

    warehouses: Annotated[list[Id], Field(default_factory=list, max_length=50)]

    @property
    def bound_to(self) -> frozenset[Id] | None:
        """Those warehouses; `None` where nothing is said of any."""
        return frozenset(self.warehouses) or None


class LimitsForm(WarehousesForm):
    """Those, and what may be given away in the shop's currency."""

    per_order: Amount = ""
    per_day: Amount = ""

    def said(self, before: Said, currency: str) -> Said:
        """What is said of bounds: refunds of the shop's currency as they were typed, of others as they were before.

        Raises:
            LimitUnclear: only one of the two amounts is there, or it is finer than the currency.
        """
        refunds = {name: limit for name, limit in (before.refunds or {}).items() if name != currency}
        if self.per_order or self.per_day:
            refunds[currency] = RefundLimit(_minor(self.per_order, currency), _minor(self.per_day, currency))
        return Said(refunds or None, self.bound_to)


def shown(limits: LimitsOut | None, currency: str) -> tuple[str, str] | None:
    """The limits of refunds as they are typed, for an order and for a day."""
    limit = (limits.refunds or {}).get(currency) if limits else None
    return None if limit is None else (amounts.typed(limit.per_order, currency), amounts.typed(limit.per_day, currency))


def _minor(typed: str, currency: str) -> int:
    try:
        return amounts.minor(typed, currency)
    except ValueError as fault:
        raise LimitUnclear from fault
