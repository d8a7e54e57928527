"""Units of measure, and how one is told in another: exactly, as the SI Brochure and NIST Special Publication 811 have
them. A unit that is not here is of its own dimension: 12 rolls are 12 rolls.
"""

from __future__ import annotations

from decimal import Decimal

_LENGTH = {"mm": "0.001", "cm": "0.01", "m": "1", "km": "1000", "in": "0.0254", "ft": "0.3048"}
_MASS = {"mg": "0.000001", "g": "0.001", "kg": "1", "t": "1000", "oz": "0.028349523125", "lb": "0.45359237"}
_VOLUME = {"ml": "0.001", "cl": "0.01", "dl": "0.1", "l": "1", "hl": "100"}
_TIME = {"s": "1", "min": "60", "h": "3600", "d": "86400"}
_POWER = {"mW": "0.001", "W": "1", "kW": "1000"}
_DATA = {"kB": "1", "MB": "1000", "GB": "1000000", "TB": "1000000000"}

_OF = {
    unit: (dimension, Decimal(factor))
    for dimension, units in enumerate((_LENGTH, _MASS, _VOLUME, _TIME, _POWER, _DATA))
    for unit, factor in units.items()
}
"""The dimension of each unit, and how many of the dimension's own unit it is."""


def told_in(unit: str, amount: Decimal, given: str) -> Decimal | None:
    """An amount given in one unit, in another; `None` when they don't measure the same."""
    if given == unit:
        return amount
    if given not in _OF or unit not in _OF:
        return None
    (dimension, factor), (other, into) = _OF[given], _OF[unit]
    return amount * factor / into if dimension == other else None
