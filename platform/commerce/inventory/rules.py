"""From which warehouse, and which lot: decided by one pure function."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal
from uuid import UUID

from commerce.inventory.lots import Lot
from commerce.inventory.supply import fill

Rule = Literal["fewest_parcels", "nearest", "oldest_lot"]


@dataclass(frozen=True, slots=True)
class Near:
    """Where units go."""

    country: str
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Allocation:
    """A shop's rule, and where the goods go, as far as that is known."""

    rule: Rule = "fewest_parcels"
    country: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """What one warehouse can sell of a variant: lots in the order in which they should go."""

    stock_id: UUID
    warehouse_id: UUID
    lots: Sequence[Lot]
    country: str | None = None
    region: str | None = None
    priority: int = 0

    @property
    def units(self) -> int:
        """How many it can sell."""
        return sum(lot.units for lot in self.lots)


@dataclass(frozen=True, slots=True)
class Choice:
    """So many units of a lot in a warehouse."""

    source: Source
    lot: Lot
    units: int


def choose(
    allocation: Allocation, quantity: int, sources: Sequence[Source], *, used: Collection[UUID] = ()
) -> list[Choice]:
    """Where so many units come from: all of them, or all there are.

    `nearest` goes to the address by country and region; `oldest_lot` by what expires first, wherever it lies;
    `fewest_parcels` to one warehouse where one has enough, otherwise to as few as will do, those that send something
    already first. `used` are the warehouses that send something already. Staff's priority decides between equals.
    """
    offers = [(source, lot) for source in _ordered(allocation, quantity, sources, used) for lot in source.lots]
    if allocation.rule == "oldest_lot":
        offers.sort(key=lambda offer: offer[1].expires_on or date.max)
    parts = fill([quantity], [lot.units for _, lot in offers])
    return [Choice(*offers[which], units) for _, which, units in parts]


def choose_for_each(
    allocation: Allocation,
    wanted: Sequence[tuple[Near | None, int]],
    sources: Sequence[Source],
    *,
    used: Collection[UUID] = (),
) -> list[Choice]:
    """Where units that go to several places come from, each found as `choose` finds it for its own place."""
    left, found = list(sources), list[Choice]()
    for near, quantity in wanted:
        rule = replace(allocation, country=near.country, region=near.region) if near else allocation
        chosen = choose(rule, quantity, left, used={*used, *(choice.source.warehouse_id for choice in found)})
        left = [_without(source, chosen) for source in left]
        found += chosen
    return found


def _without(source: Source, chosen: Sequence[Choice]) -> Source:
    taken = {choice.lot.id: choice.units for choice in chosen if choice.source.stock_id == source.stock_id}
    if not taken:
        return source
    return replace(source, lots=[replace(lot, units=lot.units - taken.get(lot.id, 0)) for lot in source.lots])


def _ordered(
    allocation: Allocation, quantity: int, sources: Sequence[Source], used: Collection[UUID]
) -> Sequence[Source]:
    """The warehouses in the order in which they are asked."""

    def by_staff(source: Source) -> tuple[bool, int, UUID]:
        return source.warehouse_id not in used, source.priority, source.warehouse_id

    preferred = sorted(sources, key=by_staff)
    if allocation.rule == "nearest":
        near = Near(allocation.country, allocation.region) if allocation.country else None
        return sorted(preferred, key=lambda source: distance(near, source.country, source.region))
    if allocation.rule == "oldest_lot":
        return preferred
    enough = [source for source in preferred if source.units >= quantity]
    there = sum(source.units for source in preferred if source.warehouse_id in used)
    if enough and (enough[0].warehouse_id in used or there < quantity):
        return enough[:1]
    return sorted(preferred, key=lambda source: (source.warehouse_id not in used, -source.units))


def distance(near: Near | None, country: str | None, region: str | None) -> int:
    """0 in the same region, 1 in the same country, 2 elsewhere."""
    if near is None or country != near.country:
        return 2
    return 0 if region == near.region else 1
