"""Which parcels units leave in: one from each warehouse that they lie in. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

Units = Mapping[UUID, int]
"""How many, by line or by variant."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Units, by line, that leave together."""

    units: dict[UUID, int]
    warehouse_id: UUID | None
    """`None` where the parts of a bundle lie in several and meet on the way."""


def fitting(units: Units, needs: Mapping[UUID, Units], there: Units) -> dict[UUID, int]:
    """As many of the units, by line, as a warehouse holds all of: `needs` says what one of a line is made of."""
    left, found = Counter(there), dict[UUID, int]()
    for line_id, quantity in units.items():
        some = min([quantity, *(left[variant_id] // each for variant_id, each in needs[line_id].items())])
        if some > 0:
            found[line_id] = some
            left.subtract({variant_id: some * each for variant_id, each in needs[line_id].items()})
    return found


def dispatches(
    units: Units,
    needs: Mapping[UUID, Units],
    there: Mapping[UUID, Units],
    distances: Mapping[UUID, int] | None = None,
) -> list[Dispatch]:
    """The parcels for units that lie in these warehouses: each takes what most can leave together, so there are few.

    Of warehouses that can send as much, the nearest sends. What is whole in none leaves at last, from wherever its
    parts are.
    """
    left, shelves = dict(units), {warehouse_id: Counter(held) for warehouse_id, held in sorted(there.items())}
    found: list[Dispatch] = []
    while left and shelves:
        fits = {warehouse_id: fitting(left, needs, held) for warehouse_id, held in shelves.items()}
        best = max(fits, key=lambda place: (sum(fits[place].values()), -(distances or {}).get(place, 0)))
        if not fits[best]:
            break
        found.append(Dispatch(fits[best], best))
        left = {
            line_id: n - fits[best].get(line_id, 0) for line_id, n in left.items() if n > fits[best].get(line_id, 0)
        }
        del shelves[best]
    return [*found, Dispatch(left, None)] if left else found
