"""A line of an order: its units, what was paid for them, and what of that is credited."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from uuid import UUID

import orjson

from commerce.inventory import bundles
from commerce.inventory.supply import Need
from foundation.errors import Conflict, Unprocessable
from foundation.money import round_minor


class UnknownLine(Unprocessable):
    """The order has no such line."""

    code = "orders.unknown_line"

    line_id: UUID


class TooManyUnits(Conflict):
    """The line has fewer units for which that can be done."""

    code = "orders.too_many_units"

    line_id: UUID
    quantity: int
    possible: int


@dataclass(slots=True)
class Line:
    """A line's units, and what was paid for it, its tax included, in minor units."""

    id: UUID
    product_id: UUID
    variant_id: UUID
    quantity: int
    total: int
    fulfilled: int
    cancelled: int
    in_return: int
    returned: int
    credited: int
    vendor_id: UUID | None = None
    consignment_id: UUID | None = None
    components: str | None = None
    tax: int = 0
    """The part of the total that is tax."""
    claimed: int = 0
    """Units that left and with which something is wrong, or was."""
    compensated: int = 0
    """Units of those whose share of the total went back."""
    wrap: int = 0
    """What its gift wrap has cost, beside its total."""

    @property
    def needs(self) -> Sequence[Need]:
        """The stock that one unit took: its variant's, or that of a bundle's components."""
        return bundles.read(self.variant_id, self.product_id, self.components)

    @property
    def digital(self) -> bool:
        """Nothing of it is sent: it is downloaded."""
        return not self.needs

    @property
    def kept(self) -> int:
        """What was paid for the units that are not credited."""
        return self.total - self._share(self.credited)

    @property
    def open(self) -> int:
        """Units that have neither left nor been cancelled."""
        return self.quantity - self.fulfilled - self.cancelled

    @property
    def returnable(self) -> int:
        """Units that left and that no return and no claim speaks of."""
        return 0 if self.digital else self.fulfilled - self.in_return - self.returned - self.claimed

    def credit_given_up(self) -> int:
        """Credit all units that are cancelled, sent back or made good by their money; gives what this adds."""
        return self.credit(self.cancelled + self.returned + self.compensated)

    def credit(self, units: int) -> int:
        """Credit units up to `units` in all; gives the minor units that this adds.

        What k of n units cost is round(total * k / n), so that any sequence of credits ends at the line's total; their
        gift wrap goes with them.
        """
        before, self.credited = self.credited, max(self.credited, min(units, self.quantity))
        return self._share(self.credited) + self.unwrapped(self.credited) - self._share(before) - self.unwrapped(before)

    def unwrapped(self, units: int) -> int:
        """The gift wrap's share of so many units."""
        return round_minor(Fraction(self.wrap * units, self.quantity))

    def _share(self, units: int) -> int:
        return round_minor(Fraction(self.total * units, self.quantity))


def gift_of(document: str | None) -> Mapping[str, Any] | None:
    """How an order or a line is given away, as it was kept; `None` when it is not."""
    return orjson.loads(document) if document else None


def by_line(asked: Iterable[tuple[UUID, int]]) -> dict[UUID, int]:
    """Units by line: what is asked for one line twice is asked for together."""
    wanted = Counter[UUID]()
    for line_id, quantity in asked:
        wanted[line_id] += quantity
    return dict(wanted)


def at_most(line_id: UUID, quantity: int, possible: int) -> None:
    """Stop when more is asked of a line than can be.

    Raises:
        TooManyUnits.
    """
    if quantity > possible:
        raise TooManyUnits(line_id=line_id, quantity=quantity, possible=possible)


def written(units: Mapping[UUID, int]) -> Sequence[dict[str, object]]:
    """Units by line as the timeline has them."""
    return [{"line_id": str(line_id), "quantity": quantity} for line_id, quantity in units.items()]
